"""How a block begins: what the first characters of a line say. Patterns only, no state."""

import re

from artifacts.preview.block.block import ReaderRules

HEADING = re.compile(r"(#{1,6})(?:[ \t]+|$)")
HEADING_END = re.compile(r"(?:^|[ \t])#+[ \t]*$")
FENCE = re.compile(r"(`{3,}+)(?!.*`)|(~{3,}+)")
FENCE_END = re.compile(r"(`{3,}|~{3,})[ \t]*$")
RULE = re.compile(r"(?:(?:\*[ \t]*+){3,}+|(?:_[ \t]*+){3,}+|(?:-[ \t]*+){3,}+)$")
UNDERLINE = re.compile(r"(?:=+|-+)[ \t]*$")
BULLET = re.compile(r"[*+-]")
NUMBER = re.compile(r"(\d{1,9})([.)])", re.ASCII)
FOOTNOTE = re.compile(r"\[\^([^\]\[\s^]{1,200})\]:")

DETAILS = re.compile(r"<details(?:\s[^<>]*)?>", re.IGNORECASE)
DETAILS_END = re.compile(r"</details\s*>", re.IGNORECASE)
DETAILS_LAST = "</details>"  # behind text
SUMMARY = re.compile(r"<summary(?:\s[^<>]*)?>", re.IGNORECASE)
SUMMARY_END = re.compile(r"</summary\s*>", re.IGNORECASE)

_ATTRIBUTE = r"(?:\s+[a-zA-Z_:][\w.:-]*(?:\s*=\s*(?:[^\"'=<>`\x00-\x20]+|'[^']*+'|\"[^\"]*+\"))?)"
OPEN_TAG = rf"<[A-Za-z][A-Za-z0-9-]*+{_ATTRIBUTE}*+\s*+/?>"
CLOSE_TAG = r"</[A-Za-z][A-Za-z0-9-]*+\s*+>"

# The seven kinds of raw HTML of CommonMark; kind 2 is a comment. Raw HTML is shown as text, so all that matters is
# where it ends: nothing in it is Markdown.
_BLOCK_TAGS = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|"
    "fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|"
    "menuitem|nav|noframes|ol|optgroup|option|p|param|section|source|summary|table|tbody|td|tfoot|th|thead|title|tr|"
    "track|ul"
)
HTML_STARTS = [
    re.compile(r"<(?:script|pre|textarea|style)(?:\s|>|$)", re.IGNORECASE),
    re.compile(r"<!--"),
    re.compile(r"<\?"),
    re.compile(r"<![A-Za-z]"),
    re.compile(r"<!\[CDATA\["),
    re.compile(rf"</?(?:{_BLOCK_TAGS})(?:\s|/?>|$)", re.IGNORECASE),
    re.compile(rf"(?:{OPEN_TAG}|{CLOSE_TAG})\s*$", re.IGNORECASE),
]
# GitHub still reads an older CommonMark, in which a text field is HTML like any other.
_GITHUB_HTML_STARTS = [re.compile(r"<(?:script|pre|style)(?:\s|>|$)", re.IGNORECASE), *HTML_STARTS[1:]]
_MARKED = (1, 2, 3, 4)  # their places: they begin with `<!` or `<?`


def html_starts(rules: ReaderRules, second: str) -> list[tuple[int, re.Pattern[str]]]:
    """The kinds that may begin with `<` and this character, each with its number."""
    return _STARTS_OF[rules == "github", second in ("!", "?")]


_STARTS_OF = {
    (is_github, is_marked): [
        (place + 1, pattern)
        for place, pattern in enumerate(_GITHUB_HTML_STARTS if is_github else HTML_STARTS)
        if (place in _MARKED) == is_marked
    ]
    for is_github in (False, True)
    for is_marked in (False, True)
}
HTML_ENDS = [
    re.compile(r"</(?:script|pre|textarea|style)>", re.IGNORECASE),
    re.compile(r"-->"),
    re.compile(r"\?>"),
    re.compile(r">"),
    re.compile(r"\]\]>"),
]
COMMENT = 2
LAST_OWN_END = 5  # kinds 1 to 5 end at their own mark, the others at a blank line
STANDS_ALONE = 7  # this kind begins no block inside a paragraph
