"""One section from its prompt to its committed text: heading, body, what is dropped, and going on from any part."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from artifacts.planned_section import PlannedSection
from generation.errors import SectionMismatch
from generation.providers.base import FinishReason
from generation.providers.scripted.provider import Reply, ScriptedCall, ScriptedProvider
from generation.writing.continuation import Continuation, Outcome
from generation.writing.phases import BRIEF
from generation.writing.prompts import Assignment
from generation.writing.retries import RetryPolicy
from generation.writing.section_text import SectionText, has_text
from generation.writing.sections import opening_of
from tests.generation.writing.keywords import write_section

NAME = "Goals & scope"
ASSIGNMENT = Assignment(
    project_title="Lighthouse", document_title="Brief", plan=(PlannedSection(name="Summary"), PlannedSection(name=NAME))
)
BRIEF_ASSIGNMENT = Assignment(project_title="Lighthouse", document_title=BRIEF.title, plan=BRIEF.plan)
EARLIER = "## Summary\n\nA lamp for ships."
OPENING = f"\n\n## {NAME}\n\n"

_marks = st.sampled_from(["\n", "\n\n", " ", "#", "## ", "**", "=", "---", "- ", "\r\n", "\r", "\t", "1. ", ":", "`"])
_words = st.sampled_from(["Goals", "& scope", "Goals & scope", "goals and", "Two words", "The", "é", "\U0001f600"])
texts = st.lists(_marks | _words, max_size=12).map("".join)


def split(text: str, lengths: list[int]) -> list[str]:
    pieces, at = [], 0
    for turn in range(len(text)):
        if at >= len(text):
            break
        end = at + lengths[turn % len(lengths)]
        pieces.append(text[at:end])
        at = end
    return pieces


def body_of(text: str, lengths: list[int] | None = None, *, name: str = NAME) -> str:
    body = SectionText(name)
    return "".join(map(body.feed, split(text, lengths or [10_000]))) + body.end()


class Exact:
    """A model that writes one text and goes on exactly; `shown` may lack its beginning, as a resumed section does."""

    def __init__(self, text: str, *, piece_chars: int = 3) -> None:
        self.text = text
        self.piece_chars = piece_chars

    def __call__(self, call: ScriptedCall) -> Reply:
        last = call.messages[-1]
        begun = last["content"] if last["role"] == "assistant" else ""
        rest = self.text[self.text.rindex(begun) + len(begun) :] if begun else self.text
        return Reply(text=rest, piece_chars=self.piece_chars)


async def write(
    script: object,
    *,
    index: int = 1,
    earlier: str = EARLIER,
    held: str = "",
    stop_after: int | None = None,
    prefills: bool = True,
    assignment: Assignment = ASSIGNMENT,
    **options: object,
) -> tuple[Continuation, list[str]]:
    """Write the section; with `stop_after`, stop as soon as so many characters are there."""
    chunks: list[str] = []
    stop = asyncio.Event()

    async def on_chunk(chunk: str) -> None:
        assert chunk
        chunks.append(chunk)
        if stop_after is not None and len(held) + sum(map(len, chunks)) >= stop_after:
            stop.set()

    async def no_sleep(_: float) -> None:
        return None

    result = await write_section(
        ScriptedProvider(script, prefills=prefills, sleep=no_sleep),
        assignment,
        index,
        earlier=earlier,
        held=held,
        on_chunk=on_chunk,
        stop=stop,
        mode="prefill" if prefills else "reprompt",
        policy=RetryPolicy(attempts=2, base_s=0, cap_s=0),
        **options,
    )
    assert held + "".join(chunks) == result.text
    return result, chunks


# The frame around the body


@pytest.mark.asyncio
async def test_section_is_joint_heading_and_exactly_what_the_model_wrote():
    text = "First  line.\n\n    code\t\n\n- a\n- b  \n\n<b>&amp;</b>"
    result, _ = await write([Reply(text=text)])
    assert result.text == OPENING + text
    assert result.outcome is Outcome.COMPLETE


@pytest.mark.asyncio
async def test_first_section_has_no_joint():
    result, _ = await write([Reply(text="Text.")], index=0, earlier="")
    assert result.text == "## Summary\n\nText."


@pytest.mark.asyncio
async def test_heading_comes_with_the_first_text_and_never_alone():
    _, chunks = await write([Reply(pieces=("\n", "Te", "xt."))])
    assert chunks == [OPENING + "Te", "xt."]
    result, chunks = await write([Reply(), Reply()])
    assert (result.reason, chunks) == ("no_progress", [])


@pytest.mark.asyncio
async def test_heading_alone_is_no_text():
    result, chunks = await write([Reply(text=f"## {NAME}\n"), Reply(text="\n")])
    assert (result.reason, chunks) == ("no_progress", [])


@pytest.mark.asyncio
async def test_turns_of_one_section_are_one_text():
    text = "One two three four five six seven.\n\nEight nine ten.\n\n- eleven\n- twelve"
    result, _ = await write(Exact(text), delivery="turns", turn_tokens=3)
    assert (result.text, result.outcome) == (OPENING + text, Outcome.COMPLETE)
    assert result.turns > 5


@pytest.mark.asyncio
async def test_reprompted_model_that_copies_the_last_words_writes_the_same_text():
    text = "One two three four five six seven.\n\nEight nine ten, and so on.\n\n- eleven items\n- twelve items"

    def script(call: ScriptedCall) -> Reply:
        begun = next((message["content"] for message in call.messages if message["role"] == "assistant"), "")
        start = max(0, len(begun) - 30) if begun else 0
        return Reply(text=text[start:])

    result, _ = await write(script, prefills=False, delivery="turns", turn_tokens=15)
    assert (result.text, result.outcome) == (OPENING + text, Outcome.COMPLETE)
    assert result.turns > 2


@pytest.mark.asyncio
@pytest.mark.parametrize("turn_tokens", [60, 97, 150])
async def test_both_modes_write_the_same_document(turn_tokens):
    texts = []
    for prefills in (True, False):
        text = ""
        for index in range(len(BRIEF.plan)):
            result, _ = await write(
                None,
                index=index,
                earlier=text,
                assignment=BRIEF_ASSIGNMENT,
                prefills=prefills,
                delivery="turns",
                turn_tokens=turn_tokens,
                max_turns=60,
                budget_tokens=5_000,
            )
            assert result.outcome is Outcome.COMPLETE
            text += result.text
        texts.append(text)
    assert texts[0] == texts[1]


# The body


@pytest.mark.parametrize(
    "heading",
    [
        "## Goals & scope\n",
        "# goals and scope\n",
        "### Goals & Scope:\n\n",
        "###### 2. Goals & scope ##\n",
        "**Goals & scope**\n",
        "**Goals & scope:**\n\n",
        "__Goals & scope__:\n",
        "Goals & scope\n=====\n",
        "Goals & scope\n---\n\n",
        "## **Goals & scope**\r\n\r\n",
        "\n\n  ## Goals & scope\n\n",
    ],
)
def test_own_heading_that_repeats_the_name_is_dropped(heading):
    name = "Goals and scope" if "and" in heading else NAME
    assert (
        body_of(heading + "The goal.\n\n## Goals & scope\n\nMore.", name=name)
        == "The goal.\n\n## Goals & scope\n\nMore."
    )


@pytest.mark.parametrize(
    "text",
    [
        "## Goals\n\nText.",
        "## Goals & scope of the work\n\nText.",
        "Goals & scope\n\nText.",
        "Goals & scope are these.",
        "**Goals & scope** are these.",
        "**Goals & scope**: these.",
        "Goals & scope\n- one",
        "    ## Goals & scope\n\nThat was code.",
        "#Goals & scope",
        "####### Goals & scope",
        "- Goals & scope",
    ],
)
def test_other_beginnings_stay(text):
    assert body_of(text) == text


def test_only_one_heading_is_dropped():
    assert body_of("## Goals & scope\n\n## Goals & scope\n\nText.") == "## Goals & scope\n\nText."


def test_outer_blank_lines_are_dropped_and_inner_white_space_stays():
    assert body_of("\n  \n\r\n  indented\n\n\n end  \n\n \t\n") == "  indented\n\n\n end  "


def test_line_breaks_wait_until_more_follows():
    body = SectionText(NAME, is_begun=True)
    assert [body.feed(text) for text in ("One.\n", "\n  ", "\n", "Two. ", "\r", "\n", "x")] == [
        *("One.", "", "", "\n\n  \nTwo. ", "", "", "\r\nx")
    ]
    assert body.feed("\n\n") + body.end() == ""


def test_ordinary_text_is_not_delayed():
    for text in ("The", "1. ", "- a", "Gob", "## X", "> q", "`x`", "**B"):
        assert SectionText(NAME).feed(text) == text
    for text in ("Go", "## G", "#", "**", "  ", "**Goals & scope**"):
        assert SectionText(NAME).feed(text) == ""


def test_name_without_letters_is_compared_as_it_stands():
    assert body_of("## ???\nText", name="???") == "Text"
    assert body_of("## !!!\nText", name="???") == "## !!!\nText"


@settings(max_examples=150)
@given(texts, st.lists(st.integers(1, 4), min_size=1, max_size=5))
@example("Goals & scope\n--", [1])
@example("## Goals & scope\r\n\r\nx\r\n\r\n", [1])
def test_any_chunking_gives_the_same_body(text, lengths):
    assert body_of(text, lengths) == body_of(text)


@settings(max_examples=100)
@given(texts)
def test_body_has_no_outer_blank_lines_and_loses_nothing_else(text):
    body = body_of(text)
    assert text.rstrip(" \t\r\n").endswith(body.rstrip(" \t\r\n"))
    lines = body.replace("\r", "\n").split("\n")
    assert not body or (lines[0].strip(" \t") and lines[-1].strip(" \t"))
    assert has_text(NAME, text) == bool(body)


# Characters


@pytest.mark.asyncio
async def test_nul_and_surrogates_never_reach_the_document():
    result, _ = await write([Reply(pieces=("a\0b\U0001f600", " \udc00 c\ud83d"))])
    assert result.text == OPENING + "ab\U0001f600 \ufffd c\ufffd"


# Going on

LONG = (
    f"### {NAME}\n\nA lamp is lit at dusk.\n\n- Ships see it.\n- Nobody forgets it.\n\n"
    "```sh\nlamp --on\n\nlamp --off\n```\n\nThat is all.\n\n\n"
)
WHOLE = OPENING + LONG.split("\n\n", 1)[1].rstrip("\n")


@pytest.mark.asyncio
@pytest.mark.parametrize("piece_chars", [1, 7])
async def test_stop_anywhere_and_resume_gives_the_same_bytes(piece_chars):
    for stop_after in range(1, len(WHOLE) + 1, 1 if piece_chars > 1 else 3):
        first, _ = await write(Exact(LONG, piece_chars=piece_chars), stop_after=stop_after)
        assert WHOLE.startswith(first.text)
        second, _ = await write(Exact(LONG, piece_chars=piece_chars), held=first.text)
        assert (second.text, second.outcome) == (WHOLE, Outcome.COMPLETE)


@pytest.mark.asyncio
async def test_any_committed_part_is_gone_on_from():
    for length in range(len(WHOLE) + 1):
        if not WHOLE[:length].endswith("\n") or length <= len(OPENING):
            result, chunks = await write(Exact(LONG), held=WHOLE[:length])
            assert WHOLE[:length] + "".join(chunks) == result.text == WHOLE


@pytest.mark.asyncio
async def test_stop_drops_line_breaks_that_wait():
    result, _ = await write([Reply(pieces=("Text.", "\n\n", "More"))], stop_after=len(OPENING) + 5)
    assert (result.outcome, result.text) == (Outcome.STOPPED, OPENING + "Text.")


@pytest.mark.asyncio
async def test_committed_text_of_another_section_is_refused():
    with pytest.raises(SectionMismatch):
        await write([Reply(text="x")], held="\n\n## Something else\n\nText")


@pytest.mark.asyncio
async def test_complete_without_more_after_a_resume_ends_the_section():
    result, chunks = await write([Reply()], held=OPENING + "Text.")
    assert (result.outcome, chunks) == (Outcome.COMPLETE, [])


@pytest.mark.asyncio
async def test_budget_is_the_sections_unless_less_is_left():
    for budget, expected in ((None, ASSIGNMENT.plan[1].max_tokens), (77, 77)):
        calls: list[ScriptedCall] = []
        await write(lambda call, calls=calls: calls.append(call) or Reply(text="x"), budget_tokens=budget)
        assert calls[0].max_tokens == expected


@pytest.mark.asyncio
async def test_interrupted_section_goes_on_by_itself():
    half = LONG[: len(LONG) // 2]
    replies = [Reply(text=half, finish=FinishReason.INTERRUPTED), Reply(text=LONG[len(half) :])]
    result, _ = await write(replies)
    assert (result.text, result.outcome) == (WHOLE, Outcome.COMPLETE)


def test_opening_depends_on_what_stands_before():
    assert opening_of("A", earlier="") == "## A\n\n"
    assert opening_of("A", earlier="x") == "\n\n## A\n\n"
