"""docs/architecture.md and docs/where.md say what is there: tree, paths, and pictures, drawn again by a real run."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import pytest
from channels.db import database_sync_to_async
from django.test import AsyncClient

from artifacts.accounts.tokens import issue_token
from artifacts.messaging import subscription
from tests.architecture import index
from tests.architecture.house import MODULES_A_FOLDER
from tests.architecture.source import PACKAGES, ROOMS, ROOT, has
from tests.architecture.trace import traced
from tests.support.endpoint.openai_script import Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.line import Line, bearer
from tests.support.workbench import choice_of, working

WAYS = ("a delta", "a start", "a stop")
PLACES_CHARS = 300
"""A longer row names several changes, or one that passes several rooms: that is a list."""


@cache
def page() -> str:
    return (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def picture(title: str) -> str:
    """The first block of code below the heading."""
    return page().partition(f"\n## {title}\n")[2].partition("```text\n")[2].partition("\n```")[0]


def way_of(name: str) -> list[str]:
    return re.findall(r"[a-z_]+(?:\.[a-z_]+)+:\w+(?:\.\w+)?", picture(f"The way of {name}"))


def legs_of(name: str) -> list[list[str]]:
    """The way, cut where only a hint leads on: a look at the database may be faster."""
    legs = re.split(r"^ += = .*$", picture(f"The way of {name}"), flags=re.MULTILINE)
    return [[function for function in way_of(name) if function in leg.split()] for leg in legs]


def test_tree_has_a_line_for_each_room_and_says_which_are_pure():
    folders: list[str] = []
    told = {}
    for indent, folder, kind in re.findall(r"^( *)([\w/]+)/ +(pure|I/O) +\w", picture("The rooms"), re.MULTILINE):
        folders[len(indent) // 2 :] = [folder]
        told["/".join(folders)] = kind

    assert told == {
        str(room.path.parent.relative_to(ROOT)): "pure" if re.search(r"\bPure\b", room.opening) else "I/O"
        for room in ROOMS
    }


def test_every_file_is_listed_with_its_opening():
    """Where this fails, write the page anew with `python -m tests.architecture.index`."""
    assert index.PAGE.read_text(encoding="utf-8") == index.rendered()


@pytest.mark.parametrize("name", ["architecture", "where"])
def test_every_path_on_the_page_is_there(name):
    told = (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:artifacts|generation|streamgen|tests|docs|static|templates)/[\w/.-]*)`", told))

    assert len(paths) > 20
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_places_of_a_change_are_found_at_a_glance():
    lines = (ROOT / "docs/where.md").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if len(line) > PLACES_CHARS] == []


def test_full_folders_are_told():
    told = (ROOT / "docs/where.md").read_text(encoding="utf-8").partition("\nFull are ")[2].partition(".\n")[0]
    modules = Counter(path.parent for top in (*PACKAGES, "bench") for path in (ROOT / top).rglob("*.py"))
    full = [path for path, number in modules.items() if path.name != "migrations" and number > MODULES_A_FOLDER]

    assert re.findall(r"`([\w/]+)/`", told) == sorted(str(path.relative_to(ROOT)) for path in full)


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_tests_and_pages_that_a_page_names_are_there(path):
    told = path.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:tests|bench|deploy|docs)/[\w/.*-]+)`", told))
    linked = {f"docs/{link}" for link in re.findall(r"\]\(([\w./-]+)(?:#[\w-]*)?\)", told)}

    assert [name for name in sorted(named | linked) if not list(ROOT.glob(name.rstrip("/")))] == []


@pytest.mark.parametrize("name", WAYS)
def test_functions_in_the_picture_are_there(name):
    way = way_of(name)

    assert len(way) >= 8
    assert [function for function in way if not has(function)] == []


def test_readme_of_the_fault_suite_has_a_line_for_each_file():
    folder = ROOT / "tests/faults"
    told = re.findall(r"^\| [\w ]+ \| `(\w+\.py)` \| \S", (folder / "README.md").read_text(), re.MULTILINE)

    assert sorted(told) == sorted(path.name for path in folder.glob("*.py") if path.name != "__init__.py")


MOSTLY = 0.75
NOT_EACH_TIME = 4
"""A run may pass so many functions more: those that ask for the next piece, or wait for company."""


def passed_by_each_delta() -> list[str]:
    """As the table has them: `Class.method` or `function`."""
    table = page().partition("\n### Every function on that way\n")[2].partition("\n\nBetween two")[0]
    rows = [row.split(" | ")[1] for row in table.splitlines() if row.startswith("| ") and "`" in row]
    return [name for row in rows for name in re.findall(r"`([\w.]+)`", row)]


BESIDES = ("artifacts.operating.tracing:", "streamgen.sqlite3.")
"""Another test may have had spans collected in this process, for good; and the database is no part of the way."""


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_pictures_are_what_a_run_does(artifact, owner, settings):
    """A document is started and stopped over HTTP, each piece of it is a flush, and one viewer watches."""
    settings.STREAMGEN_FLUSH_MS = 1
    token = await database_sync_to_async(issue_token)(owner)
    script = Script(default=Behaviour(text="The lamp is lit at dusk, and no ship is lost. " * 20, pause_s=0.05))
    async with (
        serving_endpoint(script) as server,
        working(choice_of(server)),
        Line(f"/ws/artifacts/{artifact.pk}/", bearer(token)) as line,
        traced() as trace,
    ):
        await _post(f"/api/artifacts/{artifact.pk}/start", token)
        await line.until(lambda reader: reader.text.count(" ") > 40)
        await _post(f"/api/artifacts/{artifact.pk}/cancel", token)
        await line.frame_of("end")
    await subscription.current().close()

    for leg in [way_of("a delta"), *legs_of("a start"), *legs_of("a stop")]:
        assert trace.windows(leg), f"this is another way: {leg}, {trace.missing(leg)} was not called then"
    windows = trace.windows(way_of("a delta"))
    own = [name for window in windows for name in set(window) if "<" not in name and not name.startswith(BESIDES)]
    counts = Counter(own)
    passed = {
        name.partition(":")[2] for name, count in counts.items() if count >= MOSTLY * len(windows)
    }  # the rest: beside it, or not where two came together
    told = passed_by_each_delta()
    assert set(told) <= passed
    assert len(passed) <= len(told) + NOT_EACH_TIME, "\n".join(sorted(passed - set(told)))


async def _post(address: str, token: str) -> None:
    answer = await AsyncClient().post(
        address, data={}, content_type="application/json", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 202, answer.content
