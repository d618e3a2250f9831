"""The page of all files, by the first sentence of their openings: `python -m tests.architecture.index` writes it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.architecture.source import MODULES, ROOT, Module, modules_in

PAGE = ROOT / "docs/files.md"
PLACES_OF_PAGES = (
    "artifacts/templates",
    "artifacts/static",
    "generation/templates",
    "generation/static",
    "templates",
    "static",
)
HEADLINE = """# What each file is

By room, in the words with which each file opens; then templates, scripts and styles, the files of `tests` that are
called `test_*`, the pages of `docs`. How the rooms fit together: [architecture](architecture.md).
"""


def sentence_of(opening: str) -> str:
    return re.split(r"(?<=[.?!])\s", " ".join(opening.split("\n\n", maxsplit=1)[0].split()))[0]


def docstring_of(module: Module) -> str:
    return sentence_of(ast.get_docstring(module.tree) or "")


def comment_of(path: Path) -> str:
    """The first sentence of the comment with which a template, a script or a style sheet opens."""
    opening = re.match(r"(?:/\*\*?|\{#)(.*?)(?:\*/|#\})", path.read_text(encoding="utf-8"), re.DOTALL)
    assert opening, f"{path.relative_to(ROOT)} must open with a comment that says what it is"
    return sentence_of(re.sub(r"\n \* ?", "\n", opening[1]))


def holds_code(module: Module) -> bool:
    return any(not isinstance(node, ast.Expr) for node in module.tree.body)


def files_of_pages(place: str) -> list[Path]:
    """Templates, scripts and style sheets, but those of others."""
    found = [path for path in (ROOT / place).rglob("*") if path.suffix in {".html", ".js", ".css"}]
    return [path for path in found if "vendor" not in path.parts]


def title_of(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def rendered() -> str:
    rooms: dict[str, list[str]] = {}
    for module in sorted(MODULES, key=lambda one: (one.path.parent, one.path.name)):
        if module.path.name != "__init__.py" or holds_code(module):
            folder = str(module.path.parent.relative_to(ROOT))
            rooms.setdefault(folder, []).append(f"- `{module.path.stem}`: {docstring_of(module)}\n")
    for place in PLACES_OF_PAGES:
        for path in sorted(files_of_pages(place), key=lambda one: (one.parent, one.name)):
            room = str(path.parent.relative_to(ROOT))
            rooms.setdefault(room, []).append(f"- `{path.name}`: {comment_of(path)}\n")
    for module in sorted(modules_in("tests"), key=lambda one: (one.path.parent, one.path.name)):
        if module.path.name.startswith("test_"):
            folder = str(module.path.parent.relative_to(ROOT))
            rooms.setdefault(folder, []).append(f"- `{module.path.stem}`: {docstring_of(module)}\n")
    rooms["docs"] = [f"- `{path.name}`: {title_of(path)}\n" for path in sorted(PAGE.parent.glob("*.md"))]
    return HEADLINE + "".join(f"\n## {room}\n\n{''.join(lines)}" for room, lines in rooms.items())


if __name__ == "__main__":
    PAGE.write_text(rendered(), encoding="utf-8")
