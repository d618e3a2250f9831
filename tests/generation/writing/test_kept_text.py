"""A section whose answer the endpoint keeps: left at any commit and read on, it is the same and asked for once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from artifacts.answer_place import NO_ANSWER, AnswerPlace
from artifacts.planned_section import PlannedSection
from generation.providers.openai_compatible.client import OpenAICompatible
from generation.writing.continuation import Continuation, Outcome
from generation.writing.kept_text import KeptText
from generation.writing.patience import Limits
from generation.writing.prompts import Assignment
from generation.writing.retries import RetryPolicy
from tests.generation.writing.keywords import write_section
from tests.support.endpoint.openai_script import Script
from tests.support.endpoint.responses_server import Keeping, ResponsesServer, keeping

pytestmark = pytest.mark.asyncio

NAME = "Rivers"
PLAIN = (
    "The first sentence stands here. " + "".join(f"Sentence {n} says 重要 and 🌍.\n\n" for n in range(40)) + "The end."
)
TEXTS = {
    "plain": PLAIN,
    "heading": f"## {NAME}\n\n{PLAIN}",
    "bold": f"\n\n**{NAME}:**\n\n{PLAIN}",
    "fence": f"```markdown\n{PLAIN}\n```\n",
    "code": "Before.\n\n```python\n" + "".join(f"    x{n} = {n}\n" for n in range(30)) + "```\n\nAfter.\n\n\n",
    "open fence": PLAIN + "\n\n```python\nx = 1\ny = 2",
    "open comment": PLAIN + "\n\n<details>\n<summary>More</summary>\n\nIt goes on",
    "thai": "ภาษาไทยเขียนติดกันไม่มีเว้นวรรค" * 12,
    "nul": PLAIN.replace("Sentence 3", "Sen\0tence 3"),
    "thought": f"<think>Well.</think>\n\n{PLAIN}",
    "equal": "- the same line\n" * 40,
}


class Killed(Exception):
    """The process ended right after a commit."""


@dataclass
class Row:
    """What is committed of the section."""

    text: str = ""
    place: AnswerPlace = NO_ANSWER
    commits: int = 0
    results: list[Continuation] = field(default_factory=list)

    async def write(
        self,
        provider: Any,
        *,
        dies_at: int | None = None,
        stop: asyncio.Event | None = None,
        max_tokens: int = 4_000,
        stops_at: int | None = None,
        **options: Any,
    ) -> Continuation:
        """Write until the end, or until the process dies after its commit of that number."""
        kept = KeptText(self.place)
        commits = 0
        stop = stop or asyncio.Event()

        def committed() -> None:
            nonlocal commits
            self.place = kept.place
            commits += 1
            self.commits += 1
            if commits == dies_at:
                raise Killed
            if commits == stops_at:
                stop.set()

        async def on_chunk(chunk: str) -> None:
            self.text += chunk
            committed()

        async def on_kept() -> None:
            committed()

        options = {"policy": RetryPolicy(attempts=4, base_s=0.01, cap_s=0.02)} | options
        async with asyncio.timeout(30):
            result = await write_section(
                provider,
                Assignment(
                    project_title="P", document_title="D", plan=(PlannedSection(name=NAME, max_tokens=max_tokens),)
                ),
                0,
                earlier="",
                held=self.text,
                on_chunk=on_chunk,
                on_kept=on_kept,
                kept=kept,
                mode="reprompt",
                delivery="background",
                stop=stop,
                **options,
            )
        self.results.append(result)
        assert result.text == self.text
        return result


@pytest_asyncio.fixture
async def endpoint() -> AsyncIterator[Any]:
    opened: list[Any] = []

    async def open_(how: Keeping | None = None, text: str = PLAIN, **options: Any) -> tuple[ResponsesServer, Any]:
        script = options.pop("script", None) or Script(texts={NAME: text}, prefill="none", reprompt="copies")
        running = keeping(script, how)
        server = await running.__aenter__()
        provider = OpenAICompatible(base_url=server.base_url, model="test-model", continuation="reprompt", **options)
        opened.append((running, provider))
        return server, provider

    yield open_
    for running, provider in opened:
        await provider.aclose()
        await running.__aexit__(None, None, None)


async def whole(provider: Any) -> Row:
    row = Row()
    assert (await row.write(provider)).outcome is Outcome.COMPLETE
    return row


@pytest.mark.parametrize("text", TEXTS)
async def test_killed_after_any_commit_the_text_is_the_same_and_was_asked_for_once(endpoint: Any, text: str) -> None:
    server, provider = await endpoint(text=TEXTS[text])
    expected = await whole(provider)
    step = max(1, expected.commits // 7)
    for dies_at in [*range(1, expected.commits + 1, step), expected.commits]:
        asked = len(server.creates)
        row = Row()
        with pytest.raises(Killed):
            await row.write(provider, dies_at=dies_at)
        result = await row.write(provider)
        assert row.text == expected.text
        assert result.outcome is Outcome.COMPLETE
        assert len(server.creates) == asked + 1, f"killed after commit {dies_at}"
        assert result.tokens == expected.results[0].tokens


@pytest.mark.parametrize("resumes", ["from the first", "with state", "with empty state", "with text", "empty"])
async def test_killed_again_and_again_the_text_is_the_same(endpoint: Any, resumes: str) -> None:
    server, provider = await endpoint(Keeping(resumes=resumes))  # type: ignore[arg-type]
    expected = await whole(provider)
    row = Row()
    for _ in range(200):
        try:
            result = await row.write(provider, dies_at=3)
        except Killed:
            continue
        break
    assert row.text == expected.text
    assert result.outcome is Outcome.COMPLETE
    assert len(server.creates) == 2


async def test_a_plain_text_is_read_on_after_its_last_committed_event(endpoint: Any) -> None:
    server, provider = await endpoint()
    row = Row()
    with pytest.raises(Killed):
        await row.write(provider, dies_at=20)
    event = row.place.event
    assert event is not None
    assert event > 5
    await row.write(provider)
    assert server.retrieves == [("resp_1", True, event)]


async def test_killed_right_after_the_answer_began_it_is_not_asked_for_again(endpoint: Any) -> None:
    server, provider = await endpoint()
    row = Row()
    with pytest.raises(Killed):
        await row.write(provider, dies_at=1)
    assert row.text == ""
    assert row.place == AnswerPlace(id="resp_1", event=0)
    await row.write(provider)
    assert row.text.endswith("The end.")
    assert len(server.creates) == 1


@pytest.mark.parametrize("cut", ["close", "reset", "end"])
@pytest.mark.parametrize("text", ["plain", "heading", "fence", "thought"])
async def test_an_endpoint_that_drops_the_line_is_read_on_and_not_asked_again(
    endpoint: Any, cut: str, text: str
) -> None:
    _, provider = await endpoint(text=TEXTS[text])
    expected = await whole(provider)
    server, provider = await endpoint(
        Keeping(cut=cut, cuts=(3, 4, 9, 2, 30)),  # type: ignore[arg-type]
        text=TEXTS[text],
    )
    row = Row()
    result = await row.write(provider)
    assert (row.text, result.outcome) == (expected.text, Outcome.COMPLETE)
    assert len(server.creates) == 1
    assert result.tokens == expected.results[0].tokens


async def test_an_old_answer_is_polled_and_its_text_taken_from_where_the_committed_ends(endpoint: Any) -> None:
    server, provider = await endpoint(Keeping(holds_at=40))
    row = Row()
    with pytest.raises(Killed):
        await row.write(provider, dies_at=15)
    server.later_s = 301
    asyncio.get_running_loop().call_later(0.5, server.release)
    assert (await row.write(provider)).outcome is Outcome.COMPLETE
    assert row.text == f"## {NAME}\n\n{PLAIN}"
    assert len(server.creates) == 1


async def test_stopped_and_cancelled_there_the_text_that_was_kept_is_taken_and_then_the_rest_asked_for(
    endpoint: Any,
) -> None:
    server, provider = await endpoint(Keeping(holds_at=60))
    row = Row()
    assert (await row.write(provider, stops_at=10)).outcome is Outcome.STOPPED
    await server.until_read(0, 60)
    await provider.cancel(row.place.id)
    had, kept = len(row.text), len(server.kept["resp_1"].text)
    server.keeping = Keeping()
    assert (await row.write(provider)).outcome is Outcome.COMPLETE
    assert row.text == f"## {NAME}\n\n{PLAIN}"
    assert kept > had
    assert len(server.creates) == 2
    assert len(server.kept["resp_2"].text) < len(PLAIN) - had  # no more than what was missing


@pytest.mark.parametrize("how", [Keeping(holds_at=60, keeps_cancelled_text=False), Keeping(holds_at=60, gone=True)])
async def test_what_the_endpoint_lost_is_asked_for_from_the_end_of_the_committed_text(endpoint: Any, how: Any) -> None:
    server, provider = await endpoint(how)
    row = Row()
    with pytest.raises(Killed):
        await row.write(provider, dies_at=25)
    await provider.cancel("resp_1")
    server.later_s = 301
    server.keeping = Keeping(gone=how.gone)
    assert (await row.write(provider)).outcome is Outcome.COMPLETE
    assert row.text == f"## {NAME}\n\n{PLAIN}"
    assert len(server.creates) == 2


async def test_an_answer_that_does_not_become_the_committed_text_is_cancelled_and_left(endpoint: Any) -> None:
    server, provider = await endpoint(Keeping(holds_at=30))
    row = Row()
    with pytest.raises(Killed):
        await row.write(provider, dies_at=15)
    head = f"## {NAME}\n\n"
    row.text = head + "O" + row.text[len(head) + 1 :]  # as if it had come from elsewhere
    row.place = AnswerPlace(id="resp_1")
    server.keeping = Keeping(text=" And so it ends.")
    committed = row.text
    result = await row.write(provider)
    assert row.text.startswith(committed)
    assert server.cancels == ["resp_1"]
    assert len(server.creates) >= 2
    assert result.outcome in (Outcome.COMPLETE, Outcome.LIMITED)


async def test_an_answer_that_hangs_in_the_queue_is_given_up_for_the_ordinary_way(endpoint: Any) -> None:
    server, provider = await endpoint(Keeping(queued="for ever"), first_piece_s=0.2)
    row = Row()
    result = await row.write(provider, limits=Limits(first_piece_s=5))
    assert (row.text, result.outcome) == (f"## {NAME}\n\n{PLAIN}", Outcome.COMPLETE)
    assert server.cancels == ["resp_1", "resp_2"]
    assert len(server.requests) == 1
    assert row.place == NO_ANSWER


async def test_a_truncated_answer_is_gone_on_with_by_another_that_is_kept(endpoint: Any) -> None:
    server, provider = await endpoint(Keeping(ends="incomplete max_output_tokens", text=PLAIN[:200]))
    row = Row()
    with pytest.raises(Killed):
        await row.write(provider, dies_at=8)
    server.keeping = Keeping()
    for dies_at in (2, 5, 9, None):
        try:
            await row.write(provider, dies_at=dies_at)
        except Killed:
            continue
    assert row.text == f"## {NAME}\n\n{PLAIN}"
    assert len(server.creates) == 2


@pytest.mark.parametrize("status", [400, 404, 405, 501])
async def test_without_answers_that_are_kept_the_ordinary_stream_is_used_silently(endpoint: Any, status: int) -> None:
    server, provider = await endpoint(Keeping(refuses=status))
    waits: list[float] = []

    async def on_wait(seconds: float, *_: Any) -> None:
        waits.append(seconds)

    for _ in range(2):
        row = Row()
        result = await row.write(provider, on_wait=on_wait)
        assert (row.text, result.outcome) == (f"## {NAME}\n\n{PLAIN}", Outcome.COMPLETE)
        assert row.place == NO_ANSWER
    assert len(server.creates) == 1
    assert waits == []


async def test_an_ordinary_answer_after_a_kept_one_leaves_no_place_behind(endpoint: Any) -> None:
    server, provider = await endpoint()
    row = Row()
    with pytest.raises(Killed):
        await row.write(provider, dies_at=12)
    server.keeping = Keeping(gone=True, refuses=404)
    with pytest.raises(Killed):
        await row.write(provider, dies_at=3)
    assert row.place == NO_ANSWER
    assert (await row.write(provider)).outcome is Outcome.COMPLETE
    assert row.text == f"## {NAME}\n\n{PLAIN}"


async def test_a_failed_answer_is_waited_out_and_its_text_gone_on_with(endpoint: Any) -> None:
    half = PLAIN[: len(PLAIN) // 2]
    server, provider = await endpoint(Keeping(text=half, ends="failed rate_limit_exceeded Please try again in 0.2s."))
    waits: list[float] = []

    async def on_wait(seconds: float, *_: Any) -> None:
        waits.append(seconds)
        server.keeping = Keeping()

    row = Row()
    result = await row.write(provider, on_wait=on_wait)
    assert (row.text, result.outcome) == (f"## {NAME}\n\n{PLAIN}", Outcome.COMPLETE)
    assert len(waits) == 1
    assert len(server.creates) == 2


async def test_an_endpoint_that_is_away_is_waited_for_and_the_same_answer_read_on(endpoint: Any) -> None:
    server, provider = await endpoint(Keeping(holds_at=40, cuts=(30,)))
    row = Row()

    async def on_wait(*_: Any) -> None:
        server.is_away = len(server.retrieves) < 2
        server.release()

    result = await row.write(provider, on_wait=on_wait)
    assert (row.text, result.outcome) == (f"## {NAME}\n\n{PLAIN}", Outcome.COMPLETE)
    assert len(server.creates) == 1
