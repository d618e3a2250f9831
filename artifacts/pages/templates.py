"""Which template a page is made from: the one of this app, or that of an app which fills the blocks it leaves open.

The pages of this app only read. An app that lets people act extends them: a file of the same name in its directory of
`templates/` extends the one of this app and fills the blocks for actions, forms and dialogs.
"""

from __future__ import annotations

_directories: list[str] = []


def extend(directory: str) -> None:
    """Use the templates of this directory where it has one of the page's name; called once, when its app is ready."""
    if directory not in _directories:
        _directories.insert(0, directory)


def candidates(name: str) -> list[str]:
    """The names to try for a page, in their order."""
    return [*(f"{directory}/{name}" for directory in _directories), f"artifacts/{name}"]
