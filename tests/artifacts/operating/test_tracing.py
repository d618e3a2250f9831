"""Spans as a collector gets them from the real SDK: of a request, a run, its calls and flushes; no word of any text."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from artifacts.operating.tracing import begin_tracing, span
from tests.support.endpoint.openai_script import Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.workbench import choice_of, start, until_ended, working

TEXT = "One light for the whole coast, seen for twenty miles.\n\n" * 8
SECRET = "sk-1234567890abcdefghijklmn"
_EXPORTER = InMemorySpanExporter()


@pytest.fixture(scope="module")
def collected() -> InMemorySpanExporter:
    """A process has one provider for good; what other tests do afterwards is in nobody's way."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(_EXPORTER))
    trace.set_tracer_provider(provider)
    begin_tracing("", "1")
    return _EXPORTER


@pytest.fixture
def spans(collected: InMemorySpanExporter) -> Iterator[InMemorySpanExporter]:
    collected.clear()
    yield collected
    collected.clear()


def named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [one for one in spans.get_finished_spans() if one.name == name]


def test_request_has_a_span_below_its_callers_and_by_its_route(spans, client, artifact, owner):
    client.force_login(owner)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    client.get(f"/artifacts/{artifact.pk}/?secret=lamp", headers={"traceparent": parent})
    (request,) = named(spans, "GET /artifacts/<int:artifact_id>/")
    assert request.kind is SpanKind.SERVER
    assert request.parent is not None
    assert f"{request.parent.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert dict(request.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/artifacts/<int:artifact_id>/",
        "http.response.status_code": 200,
        "streamgen.artifact": artifact.pk,
    }
    client.get("/share/a-secret-of-somebody/")
    assert "a-secret-of-somebody" not in "".join(one.to_json() for one in spans.get_finished_spans())


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_run_has_calls_and_flushes_below_it_without_text_or_secrets(spans, artifact, owner):
    trouble = [Behaviour(status=429, headers={"Retry-After": "0.05"})]
    script = Script(texts={"Purpose": TEXT}, by_section={"Purpose": trouble}, key=SECRET)
    async with serving_endpoint(script) as server, working(choice_of(server, api_key=SECRET)):
        task = await start(artifact, owner, "Purpose", instructions="Mention the whale.")
        await until_ended(artifact)
    (run,) = named(spans, "run")
    calls, flushes = named(spans, "call"), named(spans, "flush")
    assert run.attributes is not None
    assert (run.attributes["streamgen.task"], run.attributes["streamgen.ending"]) == (task.pk, "complete")
    assert all(one.parent is not None and one.parent.span_id == run.context.span_id for one in (*calls, *flushes))
    assert [(one.status.status_code, (one.attributes or {})["streamgen.ending"]) for one in calls] == [
        (StatusCode.ERROR, "rate_limited"),
        (StatusCode.UNSET, "complete"),
    ]
    assert (calls[0].attributes or {})["http.response.status_code"] == 429
    assert sum(int((one.attributes or {})["streamgen.chars"]) for one in flushes) >= len(TEXT)
    everything = "".join(one.to_json() for one in spans.get_finished_spans())
    assert not any(word in everything for word in (SECRET, "whale", "twenty miles", "Mention"))


def test_failure_is_told_by_its_kind_and_never_in_its_words(spans):
    with pytest.raises(ValueError, match="whale"), span("run"):
        raise ValueError("the whale")
    (failed,) = named(spans, "run")
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "ValueError")
    assert "whale" not in failed.to_json()


def test_without_the_packages_everything_works_and_a_collector_asked_for_is_told():
    """In a process that cannot import them: a package of that name which is none stands in front."""
    program = (
        "import sys, logging; sys.modules['opentelemetry'] = None\n"
        "logging.basicConfig()\n"
        "from artifacts.operating.tracing import IS_INSTALLED, begin_span, begin_tracing, span\n"
        "with span('run', artifact=1) as opened: opened.tell(a=1); opened.rename('b')\n"
        "begin_span('call').end()\n"
        "begin_tracing('http://localhost:4318', '1')\n"
        "print(IS_INSTALLED)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=dict(os.environ), timeout=60
    )
    assert (done.stdout.strip(), done.returncode) == ("False", 0)
    assert "install streamgen[otel]" in done.stderr
