"""What the preview costs and how true it is: `python -m bench.preview [growth] [floods] [giants] [corpus]`, or all.

Costs are CPU time of this thread, the lowest of some runs. Times are of this machine and this moment; the ratios, each
of numbers of one run, are what to look at.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator

from artifacts.preview import LivePreview, render
from artifacts.preview.sanitise import forget
from tests.artifacts.preview.inputs.floods import FLOODS
from tests.artifacts.preview.oracles.prices import longest_call_ms, price_ms

FLUSH_CHARS = 400
RUNS = 3
WORDS = """
    the a of to and in that is for it with as on by this be are from or an which not can when will each page text stream
    reader writer document section moment change shows keeps begins server worker message number table between
"""


def main(names: list[str]) -> None:
    for name in names or list(SECTIONS):
        print(f"\n{name}")
        SECTIONS[name]()


# A document that grows


def growth() -> None:
    """A mixed document of 200 KB: what an update costs, at the beginning and at the end."""
    text = mixed(200_000)
    costs = least([flush_costs(text) for _ in range(RUNS)])
    tenth = len(costs) // 10
    first, last = statistics.mean(costs[:tenth]), statistics.mean(costs[-tenth:])
    print(f"  {len(text)} characters in flushes of {FLUSH_CHARS}: paragraphs, tables, lists, code in eight languages")
    show("an update, mean", statistics.mean(costs), "ms")
    show("95th percentile", statistics.quantiles(costs, n=100)[94], "ms")
    show("longest", max(costs), "ms")
    show("last tenth / first tenth", last / first, "")
    half = text[:100_000]
    grown = sum(least([flush_costs(half) for _ in range(RUNS)]))
    again = sum(price_ms(lambda end=end: render(half[:end])) for end in range(FLUSH_CHARS, len(half) + 1, FLUSH_CHARS))
    show("the first 100 KB as it grows", grown / 1000, "s")
    show("the same, rendered anew at each flush", again / 1000, "s")
    show("one part in", again / grown, "")
    show("the whole document rendered once", min(price_ms(lambda: render(text)) for _ in range(RUNS)), "ms")


def mixed(chars: int) -> str:
    """A document of that length, the same each time."""
    chance = random.Random(4)
    parts: list[str] = []
    length = 0
    while length < chars:
        part = chance.choice((paragraph, paragraph, paragraph, bullets, table, code))(chance)
        if len(parts) % 9 == 0:
            part = f"## {sentence(chance, 4)}\n\n{part}"
        parts.append(part)
        length += len(part) + 1
    return "\n".join(parts)[:chars]


def sentence(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS.split(), k=words)).capitalize()


def paragraph(chance: random.Random) -> str:
    marked = "**{}**", "*{}*", "`{}`", "[{}](https://example.org/page)", "~~{}~~"
    pieces = [
        chance.choice(marked).format(sentence(chance, 2)) if chance.random() < 0.25 else f"{sentence(chance, 9)}."
        for _ in range(chance.randint(4, 10))
    ]
    return " ".join(pieces) + "\n"


def bullets(chance: random.Random) -> str:
    mark = chance.choice(("-", "1.", "- [ ]", "*"))
    return "".join(
        f"{'  ' * chance.randint(0, 2) if mark == '-' else ''}{mark} {sentence(chance, 8)} with `code`\n"
        for _ in range(chance.randint(4, 12))
    )


def table(chance: random.Random) -> str:
    rows = [" | ".join(sentence(chance, 3) for _ in range(4)) for _ in range(chance.randint(4, 12))]
    return "\n".join(f"| {row} |" for row in [rows[0], "---|:--|--:|---", *rows[1:]]) + "\n"


CODE = {
    "python": 'def {0}(self, {1}: int) -> str:  # {2}\n    return f"{{{1}}} {2}" if {1} > {3} else "{0}"\n',
    "javascript": "const {0} = ({1}) => {{ // {2}\n  return {1}.map((x) => x * {3} + '{2}');\n}};\n",
    "sql": "SELECT {0}, count(*) FROM {1} WHERE {2} > {3} GROUP BY {0} ORDER BY 2 DESC;\n",
    "yaml": "{0}:\n  {1}: {3}\n  {2}: [a, \"b\", true]\n",
    "bash": "export {0}={3}\nfor {1} in *.txt; do echo \"${1}\" | grep -v {2}; done\n",
    "json": '{{"{0}": {{"{1}": {3}, "{2}": [true, null]}}}}\n',
    "go": "func {0}({1} string) (int, error) {{\n\treturn len({1}) + {3}, nil // {2}\n}}\n",
    "html": '<p class="{0}"><a href="/{1}">{2}</a> {3}</p>\n',
}  # fmt: skip


def code(chance: random.Random) -> str:
    language = chance.choice(list(CODE))
    lines = "".join(
        CODE[language].format(*chance.choices(WORDS.split(), k=3), chance.randint(0, 99))
        for _ in range(chance.randint(3, 12))
    )
    return f"```{language}\n{lines}```\n"


# Texts made to be dear


def floods() -> None:
    """Each kind at 10 and at 40 KB, whole and as it grows; the longest call that nothing can interrupt."""
    rows = []
    for name, make in FLOODS.items():
        small, large = make(10_240), make(40_960)
        small_ms, large_ms = (
            min(price_ms(lambda text=text: render(text)) for _ in range(RUNS)) for text in (small, large)
        )
        rows.append((small_ms, large_ms, large_ms / small_ms, longest_call_ms(small), max(flush_costs(large)), name))
    print(f"  {len(rows)} kinds; the dearest, in ms of CPU")
    print("   10 KB   40 KB   ratio   one call at 10 KB   one flush of 40 KB")
    shown = {row[-1] for place in range(5) for row in sorted(rows, key=lambda row: -row[place])[:4]}
    for row in sorted(rows, reverse=True):
        if row[-1] in shown:
            print(f"  {row[0]:6.1f}  {row[1]:6.1f}  {row[2]:6.2f}  {row[3]:18.1f}  {row[4]:19.1f}   {row[5]}")
    print("  {:6.1f}  {:6.1f}  {:6.2f}  {:18.1f}  {:19.1f}   the most".format(*map(max, zip(*rows, strict=True))))


# One block that never ends


def giants() -> None:
    """200 KB in one block: how often its preview is rendered, and what all of it costs."""
    kinds = {
        "list": "".join(f"- item {number} with a few words and `code`\n" for number in range(5_000)),
        "fence": "```python\n" + "".join(f"value_{number} = call(first, {number})\n" for number in range(6_000)),
        "table": "| a | b | c |\n|---|---|---|\n" + "".join(f"| row {n} | some words | {n} |\n" for n in range(8_000)),
        "paragraph": "".join(f"Sentence {number} has *some* words in it.\n" for number in range(5_600)),
    }
    print("  renderings of each quarter, all updates against one whole rendering, the longest update")
    for name, text in kinds.items():
        whole = text[:200_000]
        rates, costs = tail_changes(whole), least([flush_costs(whole) for _ in range(2)])
        once = min(price_ms(lambda whole=whole: render(whole)) for _ in range(RUNS))
        print(f"  {name:10} {rates!s:22} {sum(costs) / once:6.1f}    {max(costs):8.1f} ms")


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


def corpus() -> None:
    """Every real document: as GitHub shows it, the same in any chunks, and what a reader sees change."""
    import difflib

    from tests.artifacts.preview.inputs.corpus import DOCUMENTS, read_document
    from tests.artifacts.preview.oracles.flicker import watch
    from tests.artifacts.preview.oracles.structure import github_entries, preview_entries

    texts = {path.name: read_document(path) for path in DOCUMENTS}
    chars = sum(map(len, texts.values()))
    entries = agreed = cuts = other = 0
    for name, text in texts.items():
        theirs, ours = github_entries(text), preview_entries(render(text))
        matcher = difflib.SequenceMatcher(None, theirs, ours, autojunk=False)
        agreed += sum(block.size for block in matcher.get_matching_blocks())
        entries += max(len(theirs), len(ours))
        cuts, other = cuts + 6, other + sum(chunked(text, sizes) != render(text) for sizes in chunkings(name))
    print(f"  {len(texts)} documents, {chars} characters")
    print(f"  blocks as cmark-gfm has them: {agreed} of {entries}, {100 * agreed / entries:.2f} %")
    print(f"  cut in {cuts} ways: {other} differ")
    for low, high in ((100, 600), (5, 40)):
        chances = {name: random.Random(name) for name in texts}
        seen = [watch(text, between(chances[name], low, high)) for name, text in texts.items()]
        events, raw = sum(one.events for one in seen), sum(one.raw_marks for one in seen)
        print(
            f"  flushes of {low} to {high}: {events} flickers, {events * 1e5 / chars:.2f} per 100 KB; raw marks {raw}"
        )


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


def show(what: str, number: float, unit: str) -> None:
    print(f"  {what:40} {number:9.2f} {unit}")


SECTIONS: dict[str, Callable[[], None]] = {"growth": growth, "floods": floods, "giants": giants, "corpus": corpus}


if __name__ == "__main__":
    main(sys.argv[1:])
