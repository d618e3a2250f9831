"""Takes HTML comments out of a text. Knows nothing else of HTML."""


def without_comments(text: str) -> str:
    """The text without its comments; a comment without an end is kept, it is none."""
    if "<!--" not in text:
        return text
    kept, place = [], 0
    while (start := text.find("<!--", place)) >= 0:
        end = text.find("-->", start + 2)
        if end < 0:
            break
        kept.append(text[place:start])
        place = end + 3
    return "".join([*kept, text[place:]])
