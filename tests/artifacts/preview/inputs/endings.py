"""Ends of sections for tests: real kinds of Markdown, cut anywhere, and each construct left open in each container."""

import random
from collections.abc import Iterator
from itertools import product

OPENINGS = [
    "```py\nprint(1)",
    "````\n```\na",
    "~~~~ text\na\n~~~",
    "```",
    "<!-- note",
    "<!-- note\n\n# b\n\n- c",
    "Words <!-- note",
    "<details>\n\ntext",
    "<details>\n<summary>More",
    "<details>\n<summary>More</summary>\n\n```js\na",
    "<details>\n\n- a\n\n  ```\n  b",
    "<details>\n```\nb",
    "<summary>a\n\n```\nb",
    "<pre>\na\n\nb",
    "<script>\nlet a = 1",
    "<style>\na {",
    "<textarea>\na\n\n# b",
    "<?php\n\necho 1;",
    "<!DOCTYPE\n\nhtml",
    "<![CDATA[\na\n\nb",
    "$$\nx\n---\ny",
    "\\[\nx\n\n# y",
    "$$ x_1\n= y",
    "<div align=\"center\">\n\ntext",
    "<div>\n<!-- a\n\nb",
    "<table><tr><td>\n\ntext",
    "<p>a\n\n<li>b",
    "<div class=\"a",
    "<pre>\na\n</pr",
    "text with <b>bold and <i>more",
    "text with <details> in it",
    "<span>\n\ntext",
    "| a | b |\n|---|---|\n| c",
    "a[^1] and [b][2]\n\n[^1]: note\n\n    ```\n    code",
    "- a\n  1. b\n\n     para",
    "> quote\nlazy",
    "a\n\n    code",
    "Heading\n---",
    "a `b and **c and [d](e",
]  # fmt: skip
WHOLE = [
    "A paragraph.",
    "```\na\n```",
    "- a\n\n  ```\n  b\n  ```",
    "> ```\n> a\n> ```",
    "<!-- a -->\n\nb",
    "<details>\n<summary>a</summary>\n\nb\n\n</details>",
    "<div>\n\na\n\n</div>",
    "a <b>c</b> <br> <img src=x> <T> `<div>` \\<div>",
    "$$\nx\n$$",
    "\\[\nx\n\\]",
    "Restaurants: $$",
    "<pre>\na\n</pre>",
    "<p>a\n\n<ul><li>b<li>c</ul>",
    "| a |\n|---|\n| <b>c |",
    "```\n<details>\n<!-- a\n```",
    "    <div>\n",
    "`<!-- a`",
    "a \\<!-- b",
    "# A\n\n[^1]\n\n[^1]: <b>a</b>",
]
CONTAINERS = ["", "> ", "- ", "1. ", "> - ", "- > "]


def open_ends() -> Iterator[str]:
    """Everything that may be left open, in every container, and one in another."""
    for text, container in product(OPENINGS, CONTAINERS):
        yield inside(text, container)
    for first, second in product(OPENINGS[7:10], OPENINGS):
        yield f"{first}\n\n{second}"


def inside(text: str, container: str) -> str:
    """The text in a list item or a quote: its first line has the mark, the others what goes on in it."""
    going_on = "".join(mark if mark in "> " else " " for mark in container)
    first, *rest = text.split("\n")
    return "\n".join([container + first, *(going_on + line for line in rest)])


def cut_texts(texts: list[str], count: int, seed: int) -> Iterator[tuple[str, str]]:
    """So many pairs of an end and a beginning, cut out of these texts."""
    chance = random.Random(seed)
    for _ in range(count):
        first, second = chance.choice(texts), chance.choice(texts)
        end, begin = chance.randrange(1, len(first) + 1), chance.randrange(len(second))
        yield first[max(0, end - 1_500) : end], second[begin : begin + 700]
