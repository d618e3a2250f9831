"""How files look: an opening that says what they are, a length one can read, imports where one looks for them."""

from __future__ import annotations

import re

import pytest

from tests.architecture.house import LINES
from tests.architecture.source import MODULES


@pytest.mark.parametrize(
    "module", [module for module in MODULES if module.text.strip()], ids=lambda module: module.name
)
def test_file_opens_with_one_to_three_sentences_and_is_not_too_long(module):
    opening, lines = module.opening.partition("\n\n")[0], len(module.text.splitlines())

    assert 1 <= len(re.findall(r"\w[\w\s`)'\"*]*?[.!?](?=\s|$)", opening)) <= 3, "the opening docstring"
    assert lines <= LINES


def test_import_inside_a_function_says_why():
    """On its line, in the comment above, or where several have one reason in the file's opening."""
    wrong = []
    for module in MODULES:
        lines = module.text.splitlines()
        for found in module.imports:
            reason = re.search(r"# noqa: PLC0415[\s#]+\w+", lines[found.line - 1])
            above = lines[found.line - 2].strip().startswith("#")
            if found.is_local and not (reason or above or "import" in module.opening):
                wrong.append(f"{module.at(found)} imports {found.target}")

    assert wrong == []
