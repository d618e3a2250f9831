"""What a viewer and an open document hold in memory: `python -m bench.memory`; and with `--large MB` what one large
document takes on both servers, and what of that stays when nobody needs it any more.

Resident memory of the server, after less before, over their number. Beside the viewers stand those of `broadcast()` on
uvloop and of a consumer per viewer in a Channels group; beside a document stands its text.
"""

from __future__ import annotations

import argparse
import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.support.child import Child
from bench.support.machine import resident_mb
from bench.support.product import Product, serving
from bench.support.report import Report, parser, run

LARGE_COLUMNS = ["server", "after what", "MB before", "MB at most", "MB after", "MB that stay"]
SECTION_KB = 150
"""A plan has 100 sections at most."""
GIVEN_BACK_S = 15.0
"""So long after its last viewer a document may still be held."""
COLUMNS = ["what", "number", "MB before", "MB after", "KB each", "others' p99 ms"]
TEXT_KB = 1_000
SETTLE_S = 1.0


def measure(options: argparse.Namespace) -> Report:
    if options.large:
        return large(options.large)
    report = Report(name="memory", title="resident memory of the server under uvicorn", columns=COLUMNS)
    viewers, slow, documents, text_kb = (20, 5, 3, 20) if options.quick else (options.viewers, 50, 100, TEXT_KB)
    for name, what in (("broadcast", "a viewer of broadcast()"), ("channels_group", "a consumer in a Channels group")):
        with Child(name) as reference:
            connected(report, what, [reference.pid], reference.hello["port"], [["/", "-"]] * viewers)
    with serving("uvicorn") as product:
        document = product.documents(1)[0]
        product.gate(document, "quiet")
        places = product.places([document], viewers)
        with Child("viewers") as first:
            first.ask("connect", port=product.port, places=places[:1])
            connected(report, "a viewer of one document", [product.pid], product.port, places)
    with serving("uvicorn", STREAMGEN_FLUSH_CHARS="2000") as product:
        for mode, what in (
            ("reads", "a normal viewer"),
            ("mute", "one that never acknowledges"),
            ("deaf", "one that never reads"),
        ):
            undisturbed(report, product, what, mode, slow, text_kb)
    with serving("uvicorn") as product:
        opened(report, product, documents, wait_s=0.5 if options.quick else 8.0)
    return report


def connected(report: Report, what: str, pids: list[int], port: int, places: list[list[str]]) -> None:
    time.sleep(SETTLE_S / 2)
    before = resident_mb(pids)
    with Child("viewers") as client:
        client.ask("connect", port=port, places=places)
        time.sleep(SETTLE_S / 2)
        tell(report, what, len(places), before, resident_mb(pids))


def tell(report: Report, what: str, number: int, before: float, after: float, p99_ms: float | None = None) -> None:
    each = (after - before) / number * 1_000
    report.add(what, number, before, after, each, p99_ms)
    report.figures[f"kb_{what.replace(' ', '_')}"] = each


def undisturbed(report: Report, product: Product, what: str, mode: str, count: int, text_kb: int) -> None:
    """So many viewers that do not keep up, beside as many that do, while a long text is written."""
    document = product.documents(1)[0]
    product.gate(document, mode)
    with Child("viewers") as normal, Child("viewers") as slow:
        normal.ask("connect", port=product.port, places=product.places([document], count))
        time.sleep(SETTLE_S / 2)
        before = resident_mb([product.pid])
        slow.ask("connect", port=product.port, places=product.places([document], count), mode=mode)
        normal.ask("begin")
        product.endpoint.ask("emit", key=mode, count=text_kb // 4, rate=50, chars=4_000)
        time.sleep(0.5)
        seen = normal.ask("stats")
        after = resident_mb([product.pid])
    tell(report, f"{what}, {text_kb * 1_000 // 4_000 * 4} KB written", count, before, after, seen["p99_ms"])
    if seen["gaps"] or seen["closed"] or seen["texts"] > 1:
        report.faults.append(f"{what}: the others have {seen['gaps']} gaps, {seen['closed']} are closed")
    product.api("POST", f"/api/artifacts/{document}/cancel")


def opened(report: Report, product: Product, count: int, wait_s: float) -> None:
    documents = product.documents(count)
    before = resident_mb([product.pid])
    with Child("viewers") as client:
        client.ask("connect", port=product.port, places=product.places(documents, count))
        for document in documents:
            product.start(document, "pace-200-5-100000-10")
        time.sleep(wait_s)
        tell(report, "a document that is written, with a viewer", count, before, resident_mb([product.pid]))


def large(megabytes: int) -> Report:
    report = Report(name="memory-large", title=f"a document of {megabytes} MB", columns=LARGE_COLUMNS)
    for server in ("uvicorn", "daphne"):
        with serving(server) as product:
            project = product.api("POST", "/api/projects", {"title": "Large", "description": ""})
            link = product.api("POST", f"/api/projects/{project['id']}/links", {})["url"]
            small, document = (artifact["id"] for artifact in project["artifacts"][:2])
            for _, act in acts(product, small, urlsplit(link).path, sections=2):
                act()  # what is loaded once is loaded
            first = resident_mb([product.pid])
            most = stay = 0.0
            sections = megabytes * 1_000 // SECTION_KB
            for what, act in acts(product, document, urlsplit(link).path, sections=sections):
                with peak(product.pid) as seen:
                    act()
                    time.sleep(GIVEN_BACK_S)
                most, stay = max(most, seen[1] - first), seen[2] - first
                report.add(server, what, *seen, stay)
            report.figures |= {f"mb_most_{server}": most, f"mb_stay_{server}": stay}
    return report


def acts(product: Product, document: int, shared: str, *, sections: int) -> list[tuple[str, Callable[[], None]]]:
    def export(kind: str) -> None:
        got(product, f"/api/artifacts/{document}/export?format={kind}")

    return [
        ("written, with a viewer of the text and one of the page", partial(written, product, document, sections)),
        ("two come and look", partial(looked_at, product, document)),
        ("read by the API", partial(got, product, f"/api/artifacts/{document}")),
        ("its page opened", partial(got, product, f"{shared}{document}/")),
        ("taken as Markdown", partial(export, "md")),
        ("taken as HTML", partial(export, "html")),
        ("a section edited", partial(edited, product, document)),
        ("its page opened again", partial(got, product, f"{shared}{document}/")),
    ]


def written(product: Product, document: int, sections: int) -> None:
    product.start(document, f"pace-500-0-{SECTION_KB * 2}-1000", sections=sections)
    with Child("viewers") as viewers:
        for shows in ("text", "html"):
            viewers.ask("connect", port=product.port, places=product.places([document], 1, shows))
        while (row := row_of(product, document))["status"] == "streaming":
            time.sleep(1)
    if row["status"] != "complete":
        raise RuntimeError(f"the document was not written: {row}")


def row_of(product: Product, document: int) -> dict[str, Any]:
    """What a list tells of it: the answer about itself has all of its text."""
    for project in product.api("GET", "/api/projects"):
        if any(artifact["id"] == document for artifact in project["artifacts"]):
            rows: list[dict[str, Any]] = product.api("GET", f"/api/projects/{project['id']}")["artifacts"]
            return next(row for row in rows if row["id"] == document)
    raise RuntimeError(f"no document {document}")


def looked_at(product: Product, document: int) -> None:
    with Child("viewers") as viewers:
        for shows in ("text", "html"):
            viewers.ask("connect", port=product.port, places=product.places([document], 1, shows))
        time.sleep(GIVEN_BACK_S)


def got(product: Product, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=120)
    connection.request("GET", path, headers={"Authorization": f"Bearer {product.token}"})
    answer = connection.getresponse()
    while answer.read(65_536):
        pass
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")


def edited(product: Product, document: int) -> None:
    path = f"/api/artifacts/{document}/sections/1"
    section = product.api("GET", path)
    product.api("PUT", path, {"text": "Edited.", "base_sha256": section["sha256"]})


@contextmanager
def peak(pid: int) -> Iterator[list[float]]:
    """MB before, at most, and after."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    seen = [resident_mb([pid])]
    yield seen
    status = Path(f"/proc/{pid}/status").read_text()
    high = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    seen += [int(high.split()[1]) * 1_024 / 1e6, resident_mb([pid])]


def options() -> argparse.ArgumentParser:
    made = parser(__doc__)
    made.add_argument("--viewers", type=int, default=500)
    made.add_argument("--large", type=int, default=0, metavar="MB", help="one document of that size, and nothing else")
    return made


if __name__ == "__main__":
    run(measure, options())
