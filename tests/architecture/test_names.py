"""One name, one thing; and no name that only its author understands."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from tests.architecture.house import (
    CONVENTIONS,
    ENDPOINTS,
    LIFECYCLE,
    OF_THE_FIELD,
    ONLY_THE_AUTHOR_KNOWS,
    SAME_ACT,
    SAYS_NOTHING,
)
from tests.architecture.not_yet import DEFINED_TWICE, DIFFER_IN_AN_UNDERSCORE, SAID_BY_NOBODY_ELSE
from tests.architecture.source import MODULES, Function, Module, definitions, files_of, is_within, words


def test_public_name_is_defined_in_one_module():
    """Whoever reads a name knows what it is, whichever file it stands in."""
    homes = defaultdict(list)
    for module in MODULES:
        for one in definitions(module):
            if not one.name.startswith("_") and not _may_stand_in_many(module, one.name, one.kind):
                homes[one.name].append(module.at(one.node))

    twice = {name: where for name, where in homes.items() if len(files_of(where)) > 1}
    assert {name: where for name, where in twice.items() if name not in DEFINED_TWICE} == {}


def _may_stand_in_many(module: Module, name: str, kind: str) -> bool:
    if kind == "function" and (module.name in ENDPOINTS or (name in SAME_ACT and is_within(module.name, LIFECYCLE))):
        return True
    return name in CONVENTIONS


def test_no_two_classes_differ_only_in_an_underscore():
    homes = defaultdict(list)
    for module in MODULES:
        for one in definitions(module):
            if one.kind == "class":
                homes[one.name.lstrip("_")].append((one.name, module.at(one.node)))

    mixed = {name: where for name, where in homes.items() if len({spelling for spelling, _ in where}) > 1}
    assert {name: where for name, where in mixed.items() if name not in DIFFER_IN_AN_UNDERSCORE} == {}


def test_names_are_words_of_the_field():
    wrong = [
        f"{module.name}: {name}"
        for module in MODULES
        for name in _called(module)
        if words(name.rpartition(".")[2]) & ONLY_THE_AUTHOR_KNOWS
        if name not in OF_THE_FIELD and name not in SAID_BY_NOBODY_ELSE
    ]

    assert wrong == []


def _called(module: Module) -> Iterator[str]:
    """The module, its classes and functions, and the methods as `Class.method`; private ones are read as well."""
    yield module.name.rpartition(".")[2]
    for one in definitions(module):
        if one.kind != "constant":
            yield one.name
            for part in getattr(one.node, "body", []) if one.kind == "class" else []:
                if isinstance(part, Function | ast.ClassDef):
                    yield f"{one.name}.{part.name}"


def test_names_avoid_the_words_that_say_nothing():
    wrong = [
        f"{module.at(node)} {name}"
        for module in MODULES
        for node, name in [(module.tree, module.path.stem), *_given(module)]
        if words(name) & SAYS_NOTHING
    ]

    assert wrong == []


def _given(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Every name that a file gives: to classes, functions, arguments, variables."""
    for node in ast.walk(module.tree):
        if isinstance(node, Function | ast.ClassDef):
            yield node, node.name
        elif isinstance(node, ast.arg):
            yield node, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node, node.id
