"""What a section leaves open is closed when it is complete: in the committed text, once, and not before."""

from __future__ import annotations

import pytest

from artifacts.preview import closing
from generation.providers.scripted.provider import Reply
from generation.writing.continuation import Outcome
from tests.generation.writing.test_sections import OPENING, Exact, write

OPEN = {
    "```py\nprint(1)\n": "```",
    "Words <!-- note": "-->",
    "<details>\n<summary>More</summary>\n\n- a\n\n  ~~~\n  b": "  ~~~\n</details>",
    "$$\nx": "$$",
    "> ```\n> a": "> ```",
}


@pytest.mark.asyncio
@pytest.mark.parametrize("text", OPEN)
async def test_complete_section_is_closed_in_its_text(text: str) -> None:
    result, chunks = await write([Reply(text=text)])
    assert result.outcome is Outcome.COMPLETE
    assert result.text == "".join(chunks) == f"{OPENING}{text.rstrip()}\n{OPEN[text]}"


@pytest.mark.asyncio
@pytest.mark.parametrize("text", OPEN)
@pytest.mark.parametrize("lost", [0, 1, 3])
async def test_section_that_is_taken_over_at_its_end_is_closed_once(text: str, lost: int) -> None:
    """The writer was killed when it had committed all, or all but the last characters, and not that it was complete."""
    whole = f"{OPENING}{text.rstrip()}\n{OPEN[text]}"
    held = whole[: len(whole) - lost]
    result, _ = await write([Reply(text="\n"), Reply(text="\n"), Reply(text="\n")], held=held)
    assert result.outcome is Outcome.COMPLETE
    assert closing(result.text) == ""
    assert result.text.startswith(held)
    assert lost or result.text == whole


@pytest.mark.asyncio
async def test_section_that_stops_stays_open_and_is_closed_when_it_was_gone_on_with() -> None:
    text = "```py\nprint(1)\nprint(2)"
    stopped, _ = await write(Exact(text), stop_after=len(OPENING) + 14)
    assert stopped.outcome is Outcome.STOPPED
    assert (OPENING + text).startswith(stopped.text)
    result, _ = await write(Exact(text), held=stopped.text)
    assert result.text == f"{OPENING}{text}\n```"


@pytest.mark.asyncio
async def test_section_that_closes_everything_itself_is_not_touched() -> None:
    text = "```py\nprint(1)\n```\n\n<details>\n\na\n\n</details>\n\n$5 and `<b>`"
    result, _ = await write([Reply(text=text)])
    assert result.text == OPENING + text
