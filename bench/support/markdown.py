"""A mixed Markdown document of any length, the same each time: paragraphs, tables, lists, code in eight languages."""

from __future__ import annotations

import random

WORDS = """
    the a of to and in that is for it with as on by this be are from or an which not can when will each page text stream
    reader writer document section moment change shows keeps begins server worker message number table between
"""


def mixed(chars: int) -> str:
    """A document of that length, the same each time."""
    chance = random.Random(4)
    parts: list[str] = []
    length = 0
    while length < chars:
        part = chance.choice((paragraph, paragraph, paragraph, bullets, table, code))(chance)
        if len(parts) % 9 == 0:
            part = f"## {sentence(chance, 4)}\n\n{part}"
        parts.append(part)
        length += len(part) + 1
    return "\n".join(parts)[:chars]


def sentence(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS.split(), k=words)).capitalize()


def paragraph(chance: random.Random) -> str:
    marked = "**{}**", "*{}*", "`{}`", "[{}](https://example.org/page)", "~~{}~~"
    pieces = [
        chance.choice(marked).format(sentence(chance, 2)) if chance.random() < 0.25 else f"{sentence(chance, 9)}."
        for _ in range(chance.randint(4, 10))
    ]
    return " ".join(pieces) + "\n"


def bullets(chance: random.Random) -> str:
    mark = chance.choice(("-", "1.", "- [ ]", "*"))
    return "".join(
        f"{'  ' * chance.randint(0, 2) if mark == '-' else ''}{mark} {sentence(chance, 8)} with `code`\n"
        for _ in range(chance.randint(4, 12))
    )


def table(chance: random.Random) -> str:
    rows = [" | ".join(sentence(chance, 3) for _ in range(4)) for _ in range(chance.randint(4, 12))]
    return "\n".join(f"| {row} |" for row in [rows[0], "---|:--|--:|---", *rows[1:]]) + "\n"


CODE = {
    "python": 'def {0}(self, {1}: int) -> str:  # {2}\n    return f"{{{1}}} {2}" if {1} > {3} else "{0}"\n',
    "javascript": "const {0} = ({1}) => {{ // {2}\n  return {1}.map((x) => x * {3} + '{2}');\n}};\n",
    "sql": "SELECT {0}, count(*) FROM {1} WHERE {2} > {3} GROUP BY {0} ORDER BY 2 DESC;\n",
    "yaml": "{0}:\n  {1}: {3}\n  {2}: [a, \"b\", true]\n",
    "bash": "export {0}={3}\nfor {1} in *.txt; do echo \"${1}\" | grep -v {2}; done\n",
    "json": '{{"{0}": {{"{1}": {3}, "{2}": [true, null]}}}}\n',
    "go": "func {0}({1} string) (int, error) {{\n\treturn len({1}) + {3}, nil // {2}\n}}\n",
    "html": '<p class="{0}"><a href="/{1}">{2}</a> {3}</p>\n',
}  # fmt: skip


def code(chance: random.Random) -> str:
    language = chance.choice(list(CODE))
    lines = "".join(
        CODE[language].format(*chance.choices(WORDS.split(), k=3), chance.randint(0, 99))
        for _ in range(chance.randint(3, 12))
    )
    return f"```{language}\n{lines}```\n"
