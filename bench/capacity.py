"""What serves 1 000, 100 000 and 10 million viewers, on paper: arithmetic on measured figures; it measures nothing.

`figures` of `fanout`, `memory`, `worker` and `writes` go in; what is assumed beside them stands in the notes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from bench.support.report import Report

VIEWERS = (1_000, 100_000, 10_000_000)
WATCHED_BY = 100
"""Viewers of one document."""
FRAMES = 1 / 0.15
"""A second: a model that writes steadily is flushed every STREAMGEN_FLUSH_MS."""
FULL = 0.6
"""Of a core: the rest is for storms, pages and a noisy machine."""
CDN_LOOKS = 5.0
"""Requests a second that reach the origin for one document, however many people read it through a cache."""
NEEDS = ("net_us_uvicorn_text_1000", "kb_a_viewer_of_one_document", "streams_held", "flushes_s_PostgreSQL_100")


def on_paper(reports: Iterable[Report]) -> Report | None:
    """None where a figure that it needs was not measured."""
    figures = {name: value for report in reports if not report.quick for name, value in report.figures.items()}
    if not all(figures.get(name) for name in NEEDS):
        return None
    net_us, viewer_kb, held, committed_s = (figures[name] for name in NEEDS)
    per_process = math.floor(FULL * 1e6 / (net_us * FRAMES))
    report = Report(
        name="capacity",
        title="computed from the figures of this run",
        columns=[
            *("viewers", "documents written", "web processes", "GB for viewers", "workers", "flushes/s"),
            *("PostgreSQL, of one writer", "Redis, messages out/s", "through a CDN: requests/s"),
        ],
    )
    for viewers in VIEWERS:
        documents = math.ceil(viewers / WATCHED_BY)
        web, workers = math.ceil(viewers / per_process), math.ceil(documents / held)
        flushes = documents * FRAMES
        # each document's event goes to every process that has a viewer of it
        news = flushes * min(web, WATCHED_BY)
        report.add(
            *(f"{viewers:,}", documents, web, viewers * viewer_kb / 1e6, workers, round(flushes)),
            *(f"{flushes / committed_s:.1f}", round(news), round(documents * CDN_LOOKS)),
        )
    report.notes += [
        f"From: {net_us:.0f} us of CPU a frame and viewer (1 000 viewers, uvicorn), so {per_process} viewers of a"
        f" steadily written document on {100 * FULL:.0f} % of a core; {viewer_kb:.0f} KB a viewer; {held:.0f} documents"
        f" of 50 pieces a second by one worker; {committed_s:.0f} flushes a second by one writer on PostgreSQL.",
        f"Assumed: {WATCHED_BY} viewers a document, all documents written at the same time, {FRAMES:.1f} flushes a"
        f" second each, viewers of a document spread over all processes, and {CDN_LOOKS:.0f} requests a second and"
        " document that a cache lets through.",
    ]
    return report
