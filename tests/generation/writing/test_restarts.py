"""Answers of endpoints that were to go on with a begun text and do not, and those that only look like it."""

from __future__ import annotations

from contextlib import suppress
from random import Random

import pytest

from generation.errors import AnsweredAnew
from generation.writing.stream_joiner import StreamJoiner
from tests.generation.seams.copying import cuts, repeating_cuts

OPEN = (
    "Harbor lets the people of a street lend each other the tools they own. A member lists a drill or a ladder, sets "
    "the free days, and receives requests.\n\nLenders worry that tools come back late. The product must make refusal "
    "easy, and"
)
ENDED = f"{OPEN} nobody is asked for a reason."


def taken(previous: str, answer: str, step: int) -> str | None:
    """What is appended in prefill mode; None where the answer is refused."""
    intake = StreamJoiner(previous, mode="prefill", shown=previous)
    with suppress(AnsweredAnew):
        return "".join(intake.feed(answer[at : at + step]) for at in range(0, len(answer), step)) + intake.end()
    assert intake.salvage() == ""
    return None


@pytest.mark.parametrize("step", [1, 7, 1_000])
@pytest.mark.parametrize("previous", [OPEN, ENDED, "这些工具属于邻居们，可以在任何一天借用"])
@pytest.mark.parametrize(
    "said",
    [
        "Certainly! Here is the rest of the document:\n\n",
        "Sure, continuing from where we left off:\n\n",
        "**Of course!** Here's the continuation of the section:\n\n",
        "Natürlich! Hier ist der Rest des Dokuments:\n\n",
        "Gerne, hier geht es weiter:\n\n",
        "Bien sûr ! Voici la suite du document :\n\n",
        "¡Claro! Aquí está el resto del documento:\n\n",
        "Claro, continuo o texto:\n\n",
        "好的，以下是文档的其余部分：\n\n",
        "当然！接下来是剩余内容：\n\n",
        "はい、続きを書きます。\n\n",
        "承知しました。以下が続きです：\n\n",
        "물론입니다. 이어서 작성하겠습니다:\n\n",
        "Конечно! Вот продолжение:\n\n",
    ],
)
def test_words_to_the_person_are_no_continuation(previous, said, step):
    assert taken(previous, f"{said} private.", step) is None


@pytest.mark.parametrize("step", [1, 7, 1_000])
@pytest.mark.parametrize(
    ("previous", "answer"),
    [
        (OPEN, f"{OPEN[:150]} Then it says something else."),
        (ENDED, f"{OPEN[:150]} Then it says something else."),
        (OPEN, f"## Harbor\n\n{OPEN[:150]}"),
        (OPEN, f"\n\n{OPEN[:120]} and more"),
        (OPEN, "Lenders worry that tools come back late. The product must make refusal easy, and private."),
        (OPEN, "Here is the continuation of the section:\n\nprivate."),
        (OPEN, "It looks like your message was cut off. Could you send it again?"),
    ],
)
def test_text_said_again_is_no_continuation(previous, answer, step):
    assert taken(previous, answer, step) is None


@pytest.mark.parametrize("step", [1, 7, 1_000])
@pytest.mark.parametrize(
    ("previous", "answer"),
    [
        (OPEN, " private, and no reason is asked for."),
        (ENDED, " Of course, the rest of the street can see it."),
        (ENDED, " Sure signs of it are the lists:\n\n- one"),
        (ENDED, "\n\nHere is the rest of the list:\n\n- one"),
        (ENDED, "\n\n### Sure things\n\nThe rest follows."),
        (f'{OPEN} the lender says: "', 'Sure, take it." And so on.'),
        ("The sign at the door says", ": Certainly! Here is the rest."),
        ("네 집이 있다. ", "네 가지 방법을 계속 쓴다."),
        (ENDED, "OK"),
    ],
)
def test_what_only_looks_like_it_is_kept(previous, answer, step):
    assert taken(previous, answer, step) == answer


@pytest.mark.parametrize("step", [1, 40])
def test_continuation_of_any_text_is_kept(step):
    for cut in [*cuts(200, Random(step)), *repeating_cuts(8, Random(step))]:
        assert taken(cut.before, cut.rest, step) == cut.rest, cut
