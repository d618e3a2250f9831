"""Spans of OpenTelemetry, where its API is installed: requests, runs, calls and flushes. They carry ids, names and
numbers, never a word of a text, a prompt or a key.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from opentelemetry.trace import Span

logger = logging.getLogger(__name__)

IS_INSTALLED = find_spec("opentelemetry") is not None and find_spec("opentelemetry.trace") is not None
if IS_INSTALLED:
    from opentelemetry import propagate, trace

    _TRACER = trace.get_tracer("streamgen")
    _HEADERS = ("traceparent", "tracestate")
    _KINDS = {"server": trace.SpanKind.SERVER, "client": trace.SpanKind.CLIENT, "internal": trace.SpanKind.INTERNAL}

is_on = False
"""Whether somebody collects spans: set by `begin_tracing`, and asked for first where each microsecond is paid."""

SpanSide = Literal["server", "client", "internal"]


class OpenSpan:
    """One that goes on; where nobody collects spans, nothing."""

    def __init__(self, span: Span | None = None) -> None:
        self._span = span

    def tell(self, **facts: object) -> None:
        """Ids and numbers; what is None is not told. Names get the prefix `streamgen.`, and `__` stands for a dot."""
        if self._span is not None:
            self._span.set_attributes(_attributes(facts))

    def rename(self, name: str) -> None:
        if self._span is not None:
            self._span.update_name(name)

    def fail(self, what: str) -> None:
        """It did not go well; `what` is a code."""
        if self._span is not None:
            self._span.set_status(trace.Status(trace.StatusCode.ERROR, what))

    def end(self) -> None:
        if self._span is not None:
            self._span.end()


_NOBODY = OpenSpan()


def begin_span(name: str, kind: SpanSide = "internal", **facts: object) -> OpenSpan:
    """A span below the current one, to be ended by whoever began it; nothing becomes a part of it."""
    if not is_on:
        return _NOBODY
    return OpenSpan(_TRACER.start_span(name, kind=_KINDS[kind], attributes=_attributes(facts)))


@contextmanager
def span(
    name: str, kind: SpanSide = "internal", *, caller: Mapping[str, str] | None = None, **facts: object
) -> Iterator[OpenSpan]:
    """A span around what is done meanwhile, below the current one, or below that of a `caller` by its headers."""
    if not is_on:
        yield _NOBODY
        return
    context = propagate.extract({name: caller.get(name, "") for name in _HEADERS}) if caller else None
    options: dict[str, Any] = {"record_exception": False, "set_status_on_exception": False}
    begun = _TRACER.start_as_current_span(name, context, _KINDS[kind], _attributes(facts), **options)
    with begun as current:
        opened = OpenSpan(current)
        try:
            yield opened
        except BaseException as error:
            opened.fail(type(error).__name__)  # its words may quote anything
            raise


def _attributes(facts: Mapping[str, object]) -> dict[str, Any]:
    return {
        name.replace("__", ".") if "__" in name else f"streamgen.{name}": value
        for name, value in facts.items()
        if value is not None
    }


def begin_tracing(endpoint: str, version: str) -> None:
    """Once in a process, at its begin: spans go where `opentelemetry-instrument` says, else to the collector at
    `endpoint`; what else there is to say the SDK reads from its own variables.
    """
    global is_on
    is_on = IS_INSTALLED and not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    if endpoint and not is_on:
        is_on = _export_spans(version)


def _export_spans(version: str) -> bool:
    try:
        # Imported here because they are no part of the product: whoever wants spans installs them.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  as said above
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  as said above
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  as said above
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  as said above
    except ImportError:
        logger.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, and no spans are sent: install streamgen[otel]")
        return False
    provider = TracerProvider(resource=Resource.create({"service.name": "streamgen", "service.version": version}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return True
