"""What the preview costs and how true it is: `python -m bench.preview [growth] [giants] [floods] [corpus]`, or all.

Costs are CPU time of this thread, the lowest of some runs; the reference is the whole document rendered anew. Times are
of this machine and this moment; the ratios, each of numbers of one run, are what to look at.
"""

from __future__ import annotations

import argparse
import difflib
import random
import statistics
import time
from collections.abc import Callable, Iterator

from artifacts.preview import LivePreview, render
from artifacts.preview.sanitise import forget
from bench.support.markdown import mixed
from bench.support.report import Report, parser, run
from tests.artifacts.preview.inputs.corpus import DOCUMENTS, read_document
from tests.artifacts.preview.inputs.floods import FLOODS
from tests.artifacts.preview.oracles.flicker import watch
from tests.artifacts.preview.oracles.prices import longest_call_ms, price_ms
from tests.artifacts.preview.oracles.structure import github_entries, preview_entries

FLUSH_CHARS = 400
RUNS = 3
COLUMNS = ["part", "figure", "value", "unit"]


def measure(options: argparse.Namespace) -> Report:
    report = Report(name="preview", title=f"flushes of {FLUSH_CHARS} characters", columns=COLUMNS)
    if options.quick:
        growth(report, 6_000)
        return report
    for name in options.parts:
        PARTS[name](report)
    return report


# A document that grows


def growth(report: Report, chars: int = 200_000) -> None:
    """A mixed document: what an update costs, at the beginning and at the end."""
    text = mixed(chars)
    costs = least([flush_costs(text) for _ in range(RUNS)])
    tenth = max(1, len(costs) // 10)
    first, last = statistics.mean(costs[:tenth]), statistics.mean(costs[-tenth:])

    def tell(figure: str, value: float, unit: str) -> None:
        report.add(f"growth, {chars // 1_000} KB", figure, value, unit)

    tell("an update, mean", statistics.mean(costs), "ms")
    tell("95th percentile", statistics.quantiles(costs, n=100)[94], "ms")
    tell("longest", max(costs), "ms")
    tell("last tenth / first tenth", last / first, "")
    half = text[: chars // 2]
    grown = sum(least([flush_costs(half) for _ in range(RUNS)]))
    again = sum(price_ms(lambda end=end: render(half[:end])) for end in range(FLUSH_CHARS, len(half) + 1, FLUSH_CHARS))
    tell("the first half as it grows", grown / 1_000, "s")
    tell("the same, rendered anew at each flush", again / 1_000, "s")
    tell("one part in", again / grown, "")
    tell("the whole rendered once", min(price_ms(lambda: render(text)) for _ in range(RUNS)), "ms")
    report.figures |= {"update_ms": statistics.mean(costs), "over_rendering_anew": grown / again}


# Texts made to be dear


def floods(report: Report) -> None:
    """Each kind at 10 and at 40 KB, whole and as it grows; the longest call that nothing can interrupt."""
    rows = []
    for name, make in FLOODS.items():
        small, large = make(10_240), make(40_960)
        small_ms, large_ms = (
            min(price_ms(lambda text=text: render(text)) for _ in range(RUNS)) for text in (small, large)
        )
        rows.append((small_ms, large_ms, large_ms / small_ms, longest_call_ms(small), max(flush_costs(large)), name))
    figures = ("10 KB", "40 KB", "40 KB / 10 KB", "one call at 10 KB", "one flush of 40 KB")
    for place, figure in enumerate(figures):
        for row in sorted(rows, key=lambda row: -row[place])[:4]:
            report.add(f"floods, {len(rows)} kinds", f"{figure}: {row[-1]}", row[place], "" if place == 2 else "ms")


# One block that never ends


def giants(report: Report) -> None:
    """200 KB in one block: how often its preview is rendered, and what all of it costs."""
    kinds = {
        "list": "".join(f"- item {number} with a few words and `code`\n" for number in range(5_000)),
        "fence": "```python\n" + "".join(f"value_{number} = call(first, {number})\n" for number in range(6_000)),
        "table": "| a | b | c |\n|---|---|---|\n" + "".join(f"| row {n} | some words | {n} |\n" for n in range(8_000)),
        "paragraph": "".join(f"Sentence {number} has *some* words in it.\n" for number in range(5_600)),
    }
    for name, text in kinds.items():
        whole = text[:200_000]
        costs = least([flush_costs(whole) for _ in range(2)])
        once = min(price_ms(lambda whole=whole: render(whole)) for _ in range(RUNS))
        part = f"giants: {name}"
        report.add(part, "renderings of each quarter", " ".join(map(str, tail_changes(whole))), "")
        report.add(part, "all updates / one whole rendering", sum(costs) / once, "")
        report.add(part, "the longest update", max(costs), "ms")


def tail_changes(text: str) -> list[int]:
    """How often the tail was another one, for each quarter of the text."""
    preview, tail, changes = LivePreview(), "", [0, 0, 0, 0]
    for place in range(0, len(text), FLUSH_CHARS):
        preview.append(text[place : place + FLUSH_CHARS])
        if preview.update().tail != tail:
            tail = preview.tail
            changes[place * 4 // len(text)] += 1
    return changes


# Real documents


def corpus(report: Report) -> None:
    """Every real document: as GitHub shows it, the same in any chunks, and what a reader sees change."""
    texts = {path.name: read_document(path) for path in DOCUMENTS}
    chars = sum(map(len, texts.values()))
    entries = agreed = cuts = other = 0
    for name, text in texts.items():
        theirs, ours = github_entries(text), preview_entries(render(text))
        matcher = difflib.SequenceMatcher(None, theirs, ours, autojunk=False)
        agreed += sum(block.size for block in matcher.get_matching_blocks())
        entries += max(len(theirs), len(ours))
        cuts, other = cuts + 6, other + sum(chunked(text, sizes) != render(text) for sizes in chunkings(name))
    part = f"corpus, {len(texts)} documents"
    report.add(part, f"blocks as cmark-gfm has them, of {entries}", agreed, "")
    report.add(part, f"of {cuts} ways to cut, that differ", other, "")
    for low, high in ((100, 600), (5, 40)):
        chances = {name: random.Random(name) for name in texts}
        seen = [watch(text, between(chances[name], low, high)) for name, text in texts.items()]
        events, raw = sum(one.events for one in seen), sum(one.raw_marks for one in seen)
        report.add(part, f"flickers per 100 KB, flushes of {low} to {high}", events * 1e5 / max(1, chars), "")
        report.add(part, f"raw marks shown, flushes of {low} to {high}", raw, "")


def chunkings(name: str) -> Iterator[Iterator[int]]:
    """Six ways to cut a document: single characters, and others at random."""
    chance = random.Random(name)
    return (between(chance, low, high) for low, high in ((1, 1), (1, 3), (1, 40), (5, 40), (100, 600), (1, 5_000)))


def between(chance: random.Random, low: int, high: int) -> Iterator[int]:
    while True:
        yield chance.randint(low, high)


def chunked(text: str, sizes: Iterator[int]) -> str:
    """The final document of a text that came in pieces, updated now and then."""
    preview, shown, place = LivePreview(), list[str](), 0
    for number, size in enumerate(sizes):
        if place >= len(text):
            break
        preview.append(text[place : place + size])
        place += size
        if number % 97 == 0:
            update = preview.update()
            shown[update.first :] = update.fragments
    html = preview.finish()
    update = preview.update()
    shown[update.first :] = update.fragments
    return html if "\n".join(shown) == html else "the viewer has something else"


# Measuring


def flush_costs(text: str) -> list[float]:
    """What each flush of a text costs, in milliseconds."""
    forget()
    preview, costs = LivePreview(), []
    for place in range(0, len(text), FLUSH_CHARS):
        piece = text[place : place + FLUSH_CHARS]
        began = time.thread_time()
        preview.append(piece)
        preview.update()
        costs.append((time.thread_time() - began) * 1000)
    return costs


def least(runs: list[list[float]]) -> list[float]:
    """Other work on the machine only makes a number larger."""
    return [min(costs) for costs in zip(*runs, strict=True)]


PARTS: dict[str, Callable[[Report], None]] = {"growth": growth, "giants": giants, "floods": floods, "corpus": corpus}


def options() -> argparse.ArgumentParser:
    made = parser(__doc__)
    made.add_argument("parts", nargs="*", default=list(PARTS), help=" ".join(PARTS))
    return made


if __name__ == "__main__":
    run(measure, options())
