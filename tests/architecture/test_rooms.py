"""Folders as rooms: what each says of itself, their order, which of them are pure, and how large they are."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.architecture.house import (
    AWAITING,
    CLOCKS,
    IO,
    KNOWN_TO,
    LOADS_NONE_OF,
    MODULES_A_FOLDER,
    ORDER,
)
from tests.architecture.not_yet import AGAINST_THE_ORDER, LARGE_FOLDERS
from tests.architecture.source import BY_NAME, MODULES, PACKAGES, ROOMS, ROOT, Module, is_within, module_of

SAYS = re.compile(r"\b(Pure|I/O)(?: but for ((?:`\w+`(?:, | and )?)+))?\.$")


def place_of(name: str) -> str:
    """Where a module stands in the order: the longest place that it lies in."""
    return max((place for place in ORDER if is_within(name, place)), key=len)


@cache
def pure() -> list[Module]:
    """The pure files, as the rooms' openings name them."""
    found = []
    for room in ROOMS:
        kind, *exceptions = _said(room)
        for module in MODULES:
            if module.path.parent == room.path.parent and module is not room:
                is_exception = module.path.stem in exceptions
                found += [module] if is_exception == (kind == "I/O") else []
            elif module is room and kind == "Pure":
                found.append(module)
    return found


def _said(room: Module) -> list[str]:
    """Pure or I/O, then the files that are not so."""
    said = SAYS.search(" ".join(room.opening.partition("\n\n")[0].split()))
    assert said is not None, (
        f"{room.name}: its opening ends neither with 'Pure.' nor with 'I/O.' (or '... but for `a`.')"
    )
    return [said[1], *re.findall(r"`(\w+)`", said[2] or "")]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_room_says_in_three_lines_what_belongs_there_and_whether_it_is_pure(room):
    lines = room.opening.partition("\n\n")[0].splitlines()
    _, *exceptions = _said(room)

    assert 1 <= len(lines) <= 3
    assert [name for name in exceptions if not (room.path.parent / f"{name}.py").exists()] == []


def test_every_room_has_its_place_in_the_order_and_every_place_is_there():
    files = {module.name for module in MODULES}
    places = set(ORDER)

    assert {room.name for room in ROOMS} - places == set()
    assert places - files == set()
    assert len(places) == len(ORDER)


def test_imports_go_up_the_order_and_never_down():
    """So no two rooms need each other, and streamgen -> generation -> artifacts has no way back."""
    wrong = [
        f"{module.at(found)}: {module.name} imports {target}"
        for module in MODULES
        for found in module.imports
        if (target := module_of(found.target)) and not found.is_for_types
        if ORDER.index(place_of(target)) > ORDER.index(place_of(module.name))
        if (module.name, target) not in AGAINST_THE_ORDER
    ]

    assert wrong == []


def test_types_are_no_way_back_either():
    """An import for types alone may go down within an app, not from one app to the next."""
    apps = {name: PACKAGES[index:] for index, name in enumerate(PACKAGES)}
    wrong = [
        f"{module.at(found)} imports {found.target}"
        for module in MODULES
        for found in module.imports
        if (app := found.target.partition(".")[0]) in PACKAGES and app not in apps[module.package]
    ]

    assert wrong == []


def test_no_import_hides_a_cycle():
    """Imports inside functions count as well: a cycle is one wherever it is written."""
    try:
        TopologicalSorter({module.name: module.reads for module in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(f"an import cycle: {' -> '.join(error.args[1])}")


def test_pure_files_import_nothing_that_does_io():
    wrong = [
        f"{module.at(found)} imports {found.target}"
        for module in pure()
        for found in module.imports
        if not found.is_for_types
        if found.target.partition(".")[0] in IO
        or (found.target.partition(".")[0] == "asyncio" and not is_within(module.name, *AWAITING))
    ]

    assert wrong == []


def test_pure_files_import_only_pure_files():
    names = {module.name for module in pure()} | {room.name for room in ROOMS if len(room.tree.body) == 1}
    wrong = [f"{module.name} imports {name}" for module in pure() for name in module.reads if name not in names]

    assert wrong == []


def test_pure_files_load_nothing_that_does_io_by_way_of_others():
    names = sorted(module.name for module in pure())
    program = f"import sys, {', '.join(names)}; print(*sorted({LOADS_NONE_OF!r} & sys.modules.keys()))"

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert (done.stdout.split(), done.stderr) == ([], "")


def test_pure_files_ask_no_clock_and_no_dice():
    """They may name one as a default for who passes none; a generator with a seed of its own is no dice."""
    wrong = [
        f"{module.at(node)} {ast.unparse(node)}"
        for module in pure()
        for node in module.nodes(ast.Call)
        if isinstance(node, ast.Call)
        if re.fullmatch(
            rf"({'|'.join(CLOCKS)})\.(?!datetime$|timedelta$|Random$)\w+(\.(now|utcnow|today))?", module.full(node.func)
        )
        if not module.full(node.func).startswith("datetime.") or module.full(node.func).endswith(("now", "today"))
    ]

    assert wrong == []


@pytest.mark.parametrize("library", KNOWN_TO)
def test_few_places_know_the_library(library):
    users = {module.name for module in MODULES for found in module.imports if is_within(found.target, library)}

    assert [name for name in users if not is_within(name, *KNOWN_TO[library])] == []


def test_no_folder_has_more_modules_than_one_can_see_at_once():
    """Of the packages and of the tests; an `__init__` says what is there and does not count."""
    folders = {path.parent for top in (*PACKAGES, "tests", "bench") for path in (ROOT / top).rglob("*.py")}
    counts = {
        str(folder.relative_to(ROOT)): sum(path.stem != "__init__" for path in folder.glob("*.py"))
        for folder in folders
        if folder.name != "migrations"
    }

    assert {name: count for name, count in counts.items() if count > LARGE_FOLDERS.get(name, MODULES_A_FOLDER)} == {}


def test_pure_files_are_what_we_believe_they_are():
    """The reader of openings: these must be among them, whatever else is."""
    names = {module.name for module in pure()}

    assert names >= {"generation.seams", "artifacts.preview.live", "artifacts.messaging.events"}
    assert names.isdisjoint({"artifacts.models", "generation.providers.openai_compatible.client"})
    assert set(BY_NAME) > names
