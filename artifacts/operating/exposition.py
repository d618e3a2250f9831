"""This process's counts in the words of Prometheus, and the small server of processes that have no other one.

It raises no count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from artifacts.costs import BILLION
from artifacts.operating import outages
from artifacts.operating.counts import Counts, Spread, process_counts
from artifacts.reasons import REASON_SENTENCES, Reason


class ProcessFigures(Collector):
    """What the process has counted."""

    def __init__(self, counts: Counts = process_counts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        counts = self._counts
        yield counter("streamgen_frames", "Frames sent to viewers.", counts.frames)
        yield counter("streamgen_frame_bytes", "Bytes of frames sent to viewers.", counts.frame_bytes)
        yield counter("streamgen_news_missed", "Times that news had to be read from the database.", counts.news_missed)
        yield counter("streamgen_flushes", "Flushes committed.", counts.flushes)
        yield counter("streamgen_flush_characters", "Characters committed by flushes.", counts.flush_chars)
        yield counter("streamgen_takeovers", "Documents taken over from a worker that was gone.", counts.takeovers)
        yield spread("streamgen_commit_seconds", "One transaction of flushes.", counts.commit_s)
        yield spread("streamgen_first_text_seconds", "From a claim to its first text.", counts.first_text_s)
        yield spread("streamgen_provider_first_text_seconds", "From a call to text.", counts.provider_first_text_s)
        yield spread("streamgen_provider_call_seconds", "One call of the model.", counts.provider_call_s)
        yield spread("streamgen_loop_lag_seconds", "How late the event loop is.", counts.loop_lag_s)
        yield labelled("streamgen_retries", "Calls tried again.", "reason", counts.retries.items())
        yield labelled("streamgen_turns", "Calls of the model that ended.", "finish", counts.turns.items())
        yield labelled(
            "streamgen_endings",
            "Documents that a worker let go of, by why.",
            "why",
            (_never() | counts.endings).items(),
        )
        yield counter("streamgen_cost", "What calls cost, in the currency of the prices.", counts.cost / BILLION)
        yield labelled("streamgen_tokens", "Tokens that endpoints reported.", "kind", counts.tokens.items())
        away = [("database", outages.of_database), ("layer", outages.of_layer)]
        yield gauge(
            "streamgen_outage",
            "Whether something is away.",
            ((name, float(outage.kind is not None)) for name, outage in away),
            "of",
        )


def _never() -> dict[str, float]:
    """What has not happened yet stands at 0: Prometheus sees the first time only where it saw the figure before."""
    ways = {*REASON_SENTENCES, "complete", "cancelled"} - {Reason.WAITING_RETRY, Reason.THINKING}
    return dict.fromkeys(sorted(str(way) for way in ways), 0.0)


def counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(name, words, value=value)


def labelled(name: str, words: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = CounterMetricFamily(name, words, labels=[label])
    for key, value in values:
        family.add_metric([key], value)
    return family


def gauge(name: str, words: str, values: Iterable[tuple[str, float]] | float, label: str = "") -> Metric:
    if isinstance(values, int | float):
        return GaugeMetricFamily(name, words, value=values)
    family = GaugeMetricFamily(name, words, labels=[label])
    for key, value in values:
        family.add_metric([key], value)
    return family


def spread(name: str, words: str, seen: Spread) -> Metric:
    names = [*(str(bound) for bound in seen.bounds), "+Inf"]
    buckets = list(zip(names, map(float, accumulate(seen.counts)), strict=True))
    return HistogramMetricFamily(name, words, buckets=buckets, sum_value=seen.total)


def registry_of(*more: Collector) -> CollectorRegistry:
    """The process's own figures (memory, processor, files), its counts, and more."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    for collector in (ProcessFigures(), *more):
        registry.register(collector)
    return registry


def serve_figures(address: str, port: int) -> int:
    """Answer `GET /metrics` in a thread for as long as the process lives; the port. Raises `OSError`."""
    server, _ = start_http_server(port, address, registry_of())
    return server.server_port
