"""The colours of code as a style sheet, light and dark. `python -m artifacts.preview.stylesheet` writes
`artifacts/static/artifacts/css/pygments.css`; nothing calls it at run time.
"""

import sys

from pygments.styles import get_style_by_name
from pygments.token import STANDARD_TYPES

LIGHT, DARK = "xcode", "lightbulb"
# Every colour reaches a contrast of 4.5 on the page's code background; one had to be made darker for it.
_DARKER = {"836C28": "7a6420"}
_MISSING = {LIGHT: {"gd": "C41A16", "gi": "177500"}, DARK: {}}  # lines of a diff


def style_sheet() -> str:
    """The whole sheet."""
    return (
        "/* The colours of code: Pygments' styles xcode and lightbulb (BSD licence).\n"
        "   Written by `python -m artifacts.preview.stylesheet`, not by hand. */\n\n"
        f"{_rules(LIGHT, '')}\n@media (prefers-color-scheme: dark) {{\n{_rules(DARK, '  ')}}}\n"
    )


def _rules(name: str, indent: str) -> str:
    style = get_style_by_name(name)
    usual = style.style_for_token(next(kind for kind in STANDARD_TYPES if not STANDARD_TYPES[kind]))["color"]
    classes: dict[str, list[str]] = {}
    for kind, short in STANDARD_TYPES.items():
        given = style.style_for_token(kind)
        color = _MISSING[name].get(short, given["color"])
        looks = (
            f"color: #{_DARKER.get(color, color)};" if color and color not in (usual, "000000") else "color: inherit;"
        )
        looks += " font-weight: 600;" if given["bold"] else ""
        looks += " font-style: italic;" if given["italic"] else ""
        if short and (indent or looks != "color: inherit;"):  # in the dark all that is light has to go
            classes.setdefault(looks, []).append(f".highlight .{short}")
    return "".join(f"{indent}{', '.join(names)} {{ {looks} }}\n" for looks, names in classes.items())


if __name__ == "__main__":
    sys.stdout.write(style_sheet())
