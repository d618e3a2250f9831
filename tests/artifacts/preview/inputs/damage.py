"""Sections of a document with random damage: tags without their ends, in every place, and other things left open."""

import random

from tests.artifacts.preview.inputs.endings import CONTAINERS, OPENINGS, WHOLE, inside

_NAMES = (
    "video canvas template picture math svg audio object dialog select textarea title noscript xmp iframe",
    "details summary div section table ul ol li dl dt dd blockquote pre b i a em strong code span sub sup",
    "kbd mark del ins q button form fieldset legend label output progress meter ruby rt map figure",
    "figcaption h1 h3 p center nobr font marquee applet style script noembed noframes option optgroup",
    "datalist menu hgroup address header search slot var samp td tr th tbody caption listing dir tt big",
    "abbr time data bdi cite dfn small u strike svg><foreignObject svg><desc math><mi table><tr><td",
    "table><caption ul><li select><option ruby><rt object><div template><div table><div",
)
ELEMENTS = [name for line in _NAMES for name in line.split()]
_OTHERS = [
    "Some *words* and `code` with [a link](http://a.example/b \"c\").",
    "Text[^1] and [a][1], [b] too.\n\n[^1]: A note.\n\n[1]: http://one.example\n\n[b]: /b 'c'",
    "Another[^1] with [a][1].\n\n[^1]: Its own note.\n\n[1]: http://two.example",
    "- one\n  - two\n\n    three",
    "1. one\n\n   > two\n   > - three",
    "> a quote\nthat goes on",
    "| a | b |\n|---|---|\n| `c` | d |",
    "\\begin{align}\na &= b \\\\",
    "f = \\begin{cases} 1 & 2",
    "Title\n---",
    "- [ ] task\n- [x] done",
    "<div class=\"a",
    "<a href='b",
    "<p>a <b>b",
    "a <? b and <!c",
    "    code",
]  # fmt: skip
_FORMS = ["{}", "\n{}\n", "words {} more", "- item {}\n- two", "> {}\n> q", "\n| {} | x |\n|---|---|\n| y | {} z |\n"]


def _tag(chance: random.Random) -> str:
    name = chance.choice(ELEMENTS)
    tag = f"</{name}>" if chance.random() < 0.1 else f'<{name} class="x y">' if chance.random() < 0.15 else f"<{name}>"
    return chance.choice(_FORMS).replace("{}", tag)


def damaged(chance: random.Random, texts: list[str]) -> str:
    """A piece of one of the texts, with something put in, taken out, or cut off."""
    text = chance.choice(texts)
    begin = chance.randrange(max(1, len(text) - 400))
    lines = text[begin : begin + chance.randrange(100, 700)].split("\n")
    for _ in range(chance.randrange(4)):
        place = chance.randrange(len(lines) + 1)
        if (dice := chance.random()) < 0.5:
            lines.insert(place, _tag(chance))
        elif dice < 0.85:
            block = inside(chance.choice([*_OTHERS, *OPENINGS, *WHOLE]), chance.choice(CONTAINERS))
            lines.insert(place, "\n" * chance.randrange(3) + block)
        else:
            del lines[place : place + 1]
    whole = "\n".join(lines)
    return whole[: chance.randrange(len(whole) + 1)] if chance.random() < 0.5 else whole
