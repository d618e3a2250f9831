"""The page of all files, by the first sentence of their openings: `python -m tests.architecture.index` writes it."""

from __future__ import annotations

import ast
import re

from tests.architecture.source import MODULES, ROOT, Module

PAGE = ROOT / "docs/files.md"
HEADLINE = """# What each file is

By room, in the words with which each file opens. How the rooms fit together: [architecture](architecture.md).
"""


def sentence_of(module: Module) -> str:
    opening = " ".join((ast.get_docstring(module.tree) or "").split("\n\n")[0].split())
    return re.split(r"(?<=[.?!])\s", opening)[0]


def rendered() -> str:
    parts, room = [HEADLINE], ""
    for module in sorted(MODULES, key=lambda one: (one.path.parent, one.path.name)):
        folder = str(module.path.parent.relative_to(ROOT))
        if module.path.name == "__init__.py" or not module.text.strip():
            continue
        if folder != room:
            room = folder
            parts.append(f"\n## {room}\n\n")
        parts.append(f"- `{module.path.stem}`: {sentence_of(module)}\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(rendered(), encoding="utf-8")
