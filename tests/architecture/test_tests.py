"""The tests themselves: they mirror the rooms, replace nothing of ours, and do not judge by the clock."""

from __future__ import annotations

import ast
import re
from collections import defaultdict

from tests.architecture.not_yet import HELPERS_DEFINED_TWICE, JUDGED_BY_THE_CLOCK, REPLACES_OURS
from tests.architecture.source import (
    PACKAGES,
    ROOMS,
    ROOT,
    Function,
    Module,
    calls,
    definitions,
    files_of,
    is_within,
    modules_in,
)

TESTS = modules_in("tests")
CLOCK = re.compile(r"\b(?:monotonic|perf_counter|time)(?:_ns)?\(\)")
OF_EVERY_FILE = {"ROOT", "T", "main"}


def is_test(module: Module) -> bool:
    return module.path.name.startswith("test_")


def test_folders_of_tests_mirror_the_rooms():
    """What is no test may lie in a folder beside the tests that need it."""
    rooms = {str(room.path.parent.relative_to(ROOT)) for room in ROOMS}
    folders = {str(module.path.parent.relative_to(ROOT / "tests")) for module in TESTS if is_test(module)}

    assert {name for name in folders if name.partition("/")[0] in PACKAGES} - rooms == set()


def test_nothing_of_ours_is_replaced():
    """Time, providers, layers come in as arguments: a test that patches our code tests its own."""
    ours = [module for module in TESTS if str(module.path.relative_to(ROOT)) not in REPLACES_OURS]
    patches = [module.at(call) for module in ours for call in calls(module, "setattr", "delattr")]
    mocks = [
        module.at(found)
        for module in TESTS
        for found in module.imports
        if is_within(found.target, "mock", "unittest.mock", "pytest_mock")
    ]
    assigned = [
        f"{module.at(node)} {ast.unparse(target)}"
        for module in ours
        for node in module.nodes(ast.Assign)
        for target in getattr(node, "targets", [])
        if isinstance(target, ast.Attribute) and module.full(target).partition(".")[0] in PACKAGES
    ]

    assert (patches, mocks, assigned) == ([], [], [])


def test_no_test_asserts_how_long_something_took():
    """What must be quick has a figure in bench/, or a limit of the fault suite, which stretches with the load."""
    wrong = [
        f"{module.at(node)} {function.name}"
        for module in TESTS
        for function in module.nodes(ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(function, Function) and function.name.startswith("test_")
        for node in ast.walk(function)
        if isinstance(node, ast.Assert)
        if CLOCK.search(ast.unparse(node.test)) or _named(node.test) & _times(function)
        if function.name not in JUDGED_BY_THE_CLOCK
    ]

    assert wrong == []


def _named(expression: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}


def _times(function: Function) -> set[str]:
    """The variables that were read from a clock."""
    return {
        name
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and CLOCK.search(ast.unparse(node.value))
        for target in node.targets
        for name in _named(target)
    }


def test_what_tests_share_is_called_one_thing():
    homes = defaultdict(list)
    for module in TESTS:
        for one in definitions(module) if not is_test(module) else ():
            if not one.name.startswith("_") and one.name not in OF_EVERY_FILE:
                homes[one.name].append(module.at(one.node))

    twice = {name: where for name, where in homes.items() if len(files_of(where)) > 1}
    assert {name: where for name, where in twice.items() if name not in HELPERS_DEFINED_TWICE} == {}
