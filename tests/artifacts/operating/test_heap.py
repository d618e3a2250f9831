"""Freed memory goes back to the system, also where large and small blocks lay among one another."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

from artifacts.operating.heap import AFTER_S, LET_GO_CHARS, drop_pages, letting_go, set_aside_imports
from artifacts.preview import collector
from tests.support import documents
from tests.support.limits import WAIT_S

IO = Path("/proc/self/io")
PROGRAM = """
import ctypes, sys
from artifacts.operating.heap import give_back_memory
if sys.argv[1] == "ours":
    give_back_memory()
def resident_kb():
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])
bytearray(30_000_000)  # the hint that glibc takes
before = resident_kb()
kept, large = [], []
for _ in range(200):
    large.append(bytearray(b"x") * 500_000)
    kept.append(ctypes.create_string_buffer(2_000))
del large
print(resident_kb() - before)
"""


def grown_kb(whose: str) -> int:
    return int(subprocess.check_output([sys.executable, "-c", PROGRAM, whose], text=True))


@pytest.mark.skipif(sys.platform != "linux", reason="what Linux says of a process is read")
def test_large_blocks_are_given_back_though_small_ones_stay_among_them():
    ours, glibcs = grown_kb("ours"), grown_kb("glibc's")
    assert ours < 10_000
    assert ours < glibcs / 5


IMPORTED = """
import gc, sys
from collections import deque
from artifacts.operating.heap import set_aside_imports
imported = [[number] for number in range(500_000)]
gc.collect()
set_aside_imports() if sys.argv[1] == "ours" else gc.freeze()
found = []
gc.callbacks.append(lambda phase, about: found.append(about["collected"]) if about["generation"] == 2 else None)
under_way = deque(maxlen=3_000)
for number in range(200_000):
    ring = [number]
    ring.append(ring)
    under_way.append(ring)
print(sum(found))
"""


def test_what_was_imported_puts_no_collection_off():
    ours, frozen = (
        int(subprocess.check_output([sys.executable, "-c", IMPORTED, whose], text=True)) for whose in ("ours", "frozen")
    )
    assert ours > 0
    assert frozen == 0


class Held:
    """An object that holds itself, as requests and runs do."""

    def __init__(self) -> None:
        self.me = self


@pytest.mark.asyncio
@pytest.mark.django_db
async def test_what_only_holds_itself_goes_soon_after_a_large_document_was_let_go():
    set_aside_imports()  # what other tests hold is none of ours
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    weakref.finalize(Held(), loop.call_soon_threadsafe, gone.set)
    for _ in range(2):
        letting_go().note(LET_GO_CHARS // 2)
    async with asyncio.timeout(WAIT_S):
        await gone.wait()


@pytest.mark.asyncio
@pytest.mark.django_db
async def test_nothing_is_looked_for_while_something_is_rendered_and_all_of_it_later():
    set_aside_imports()  # what other tests hold is none of ours
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    held = Held()
    weakref.finalize(held, loop.call_soon_threadsafe, gone.set)
    gc.collect()  # it is among what is old
    with collector.paused():
        del held
        letting_go().note(LET_GO_CHARS)
        await asyncio.sleep(AFTER_S + 0.5)
        assert not gone.is_set()
    async with asyncio.timeout(WAIT_S):
        await gone.wait()


BESIDE_MUCH = """
import asyncio, gc, sys, weakref
from django.conf import settings
settings.configure()
from artifacts.operating import heap
class Held:
    def __init__(self): self.me = self
async def main():
    heap.set_aside_imports()
    held, full = Held(), []
    gc.collect(1)  # it is among what is old
    gone, held = weakref.ref(held), None
    letting_go = heap.LettingGo(put_off_blocks=2_000_000)
    letting_go.begin()
    gc.callbacks.append(lambda phase, about: about["generation"] == 2 and full.append(phase))
    kept = [[number] for number in range({"little": 50_000, "much": 500_000, "too much": 1_000_000}[sys.argv[1]])]
    by_itself = len(full)
    letting_go.note(heap.LET_GO_CHARS)
    await asyncio.sleep(heap.AFTER_S + 0.5)
    while sys.argv[1] != "much" and not full:
        await asyncio.sleep(0.05)
    print(by_itself, bool(full), gone() is None)
asyncio.run(main())
"""


def test_full_collection_is_put_off_while_it_would_hold_everything_up():
    said = {
        how: subprocess.check_output([sys.executable, "-c", BESIDE_MUCH, how], text=True).split()
        for how in ("little", "much", "too much")
    }
    collected, put_off = ["0", "True", "True"], ["0", "False", "False"]
    assert said == {"little": collected, "much": put_off, "too much": collected}


@pytest.mark.skipif(not IO.exists(), reason="this system does not count what a process reads")
@pytest.mark.django_db(transaction=True)
def test_pages_of_a_long_text_are_kept_until_they_are_dropped():
    draft = documents.opened()
    draft.begin(0)
    draft.append("word " * 400_000)

    def bytes_read() -> int:
        before = int(IO.read_text().split()[1])
        assert len(documents.row(draft.pk).content) == 2_000_000
        return int(IO.read_text().split()[1]) - before

    bytes_read()
    assert bytes_read() < 100_000
    drop_pages()
    assert bytes_read() > 2_000_000
