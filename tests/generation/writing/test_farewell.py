"""An answer that only says that nothing is left: it ends the section where the text has ended, and is no text."""

from __future__ import annotations

import re

import pytest

from generation.errors import BadSeam
from generation.markdown.farewell import has_ended, says_farewell
from generation.providers.base import Finish, FinishReason
from generation.writing.continuation import Outcome
from generation.writing.prompts import last_words
from generation.writing.stream_joiner import StreamJoiner
from tests.generation.seams.copying import texts
from tests.generation.writing.test_continuation import says, write

TEXT = "A member of the harbor lists a drill, sets the free days, and receives requests for it."
FAREWELLS = (
    "The document is complete.",
    "**The section is now complete.**",
    'The section "Users and roles" is already complete. There is nothing more to add.',
    "(No further content is needed.)",
    "No further text is required here.",
    "Nothing more to add.",
    "There is nothing to add to this section.",
    "[END]",
    "[End of section]",
    "END",
    "---\n\n*End of document*\n\n---",
    "<END>",
    "[DONE]",
    "End of the section.",
    "Der Abschnitt ist damit vollständig.",
    "Dem ist nichts hinzuzufügen. Das Dokument ist abgeschlossen.",
    "[Ende]",
    "Le document est complet. Rien à ajouter.",
    "La section est terminée.",
    "El documento está completo.",
    "No hay nada más que añadir.",
    "O documento está completo. Não há mais nada a acrescentar.",
    "Il documento è completo.",
    "Het document is compleet.",
    "Документ завершён. Больше нечего добавить.",
    "文档已完成。",
    "本节内容已经完整，没有需要补充的内容。".replace("，", "。"),
    "【完】",
    "このセクションは完成しています。",
    "追加する内容はありません。",
    "문서가 완성되었습니다. 더 이상 추가할 내용이 없습니다.",
    "المستند مكتمل.",
    "यह अनुभाग पूरा हो गया है।",
    "เอกสารนี้เสร็จสมบูรณ์แล้ว",
)
NO_FAREWELLS = (
    "The end.",
    "Done.",
    "It is done.",
    "The loan is complete.",
    "The section is complete when the lender has said so.",
    "The document is complete, but the harbor is not.",
    "The document is complete. The members sign it.",
    "Nothing more is asked of the members of the harbor.",
    "[TODO]",
    "END of the harbor.",
    "以上です。",
    "文档已完成，由管理员签字。",
)


def taken(answer: str, *, step: int, mode: str, text: str = TEXT, is_truncated: bool = False) -> str:
    intake = StreamJoiner(text, mode=mode, shown=text, copied=last_words(text))
    pieces = [intake.feed(answer[at : at + step]) for at in range(0, len(answer), step)]
    return "".join(pieces) + intake.end(is_truncated=is_truncated)


@pytest.mark.parametrize("farewell", FAREWELLS)
@pytest.mark.parametrize("step", [1, 7, 1_000])
def test_words_that_nothing_is_left_are_no_text(farewell, step):
    assert taken(farewell, step=step, mode="reprompt") == ""
    assert taken(f"{last_words(TEXT)}\n\n{farewell}", step=step, mode="reprompt") == ""
    assert taken(f"\n\n{farewell}", step=step, mode="prefill") == ""
    assert taken(farewell, step=step, mode="prefill") == ""


@pytest.mark.parametrize("words", NO_FAREWELLS)
@pytest.mark.parametrize("step", [1, 7, 1_000])
def test_words_that_may_be_text_are_kept_or_refused(words, step):
    with pytest.raises(BadSeam):
        taken(words, step=step, mode="reprompt")
    assert taken(f"{last_words(TEXT)} {words}", step=step, mode="reprompt") == f" {words}"
    assert taken(f" {words}", step=step, mode="prefill") == f" {words}"


@pytest.mark.parametrize("step", [1, 7, 1_000])
@pytest.mark.parametrize("farewell", ["The document is complete.", "[END]", "Nothing more to add.", "文档已完成。"])
def test_text_behind_such_words_is_text_and_so_are_they(farewell, step):
    rest = f" {farewell} The members sign it, and the keeper of the harbor puts it on the wall.\n\nSo it stays."
    assert taken(last_words(TEXT) + rest, step=step, mode="reprompt") == rest
    assert taken(rest, step=step, mode="prefill") == rest


@pytest.mark.parametrize(
    "text",
    [
        "A member of the harbor lists a drill, sets the free days, and",
        "The members of the harbor lend these tools:",
        "### The members of the harbor",
        "- The members lend tools.\n- They are asked by the hour.\n2.",
        "The harbor is made so:\n\n```python\nprint('It is made.')",
        "The members of the harbor (those who lend tools.",
        "The members of the harbor **lend tools.",
        "The members of the harbor lend tools, e.g.",
        "The members of the harbor lend tools. <!-- Nobody is asked.",
        "| Tool of the harbor | Free. |",
    ],
)
def test_a_text_that_has_not_ended_needs_more_than_such_words(text):
    assert not has_ended(text)
    with pytest.raises(BadSeam):
        taken("The document is complete.", step=7, mode="reprompt", text=text)


@pytest.mark.parametrize(
    "text", [TEXT, f"{TEXT}\n\n```py\nx\n```", "工具可以借给邻居。", "「工具可以借给邻居。」", "लोग औज़ार देते हैं।"]
)
def test_a_text_has_ended_with_a_sentence_or_a_block(text):
    assert has_ended(text)


def test_no_sentence_of_a_real_text_says_so():
    sentences = [part for text in texts() for part in re.split(r"(?<=[.!?。！？])\s*|\n", text) if part.strip()]
    assert len(sentences) > 1_000
    assert [sentence for sentence in sentences if says_farewell(sentence)] == []


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", ["reprompt", "prefill"])
async def test_section_ends_where_the_model_says_that_nothing_is_left(mode):
    cut = says(TEXT, finish=Finish(reason=FinishReason.TRUNCATED))
    result, _, model = await write(cut, says("The section is ", "complete."), mode=mode)
    assert (result.outcome, result.text, len(model.calls)) == (Outcome.COMPLETE, TEXT, 2)


@pytest.mark.asyncio
async def test_section_with_a_word_cut_off_does_not_end_so():
    cut = says(f"{TEXT} The mem", finish=Finish(reason=FinishReason.TRUNCATED))
    result, _, _ = await write(cut, says("The section is complete."), mode="reprompt")
    assert (result.outcome, result.reason) == (Outcome.LIMITED, "bad_seam")
    assert result.text.startswith(f"{TEXT} The")
    assert "complete" not in result.text


@pytest.mark.parametrize(
    ("line", "is_over"), [("It turns.", True), ("It turns", False), ("so e.g.", False), ("!12.", True)]
)
def test_end_of_a_long_line_says_what_that_of_a_short_one_does(line, is_over):
    assert [has_ended(f"{'lamp ' * times}{line}") for times in (1, 40_000)] == [is_over, is_over]
