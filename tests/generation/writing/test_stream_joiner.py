"""Answers piece by piece, above all those that break off, and sections whose answers and writers both break off."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from artifacts.planned_section import PlannedSection
from generation.providers.base import FinishReason
from generation.providers.scripted.provider import Reply, ScriptedCall, ScriptedProvider
from generation.seams import BadSeam, certain, join
from generation.writing.continuation import Outcome
from generation.writing.prompts import Assignment, last_words
from generation.writing.retries import RetryPolicy
from generation.writing.sections import opening_of
from generation.writing.stream_joiner import StreamJoiner
from tests.faults.oracle import section_text
from tests.generation.seams.copying import PARTS, STUTTERS, WAYS, cuts, repeating_cuts
from tests.generation.writing.keywords import write_section

NAME = "Fleet"
ASSIGNMENT = Assignment(project_title="Harbour", document_title="Brief", plan=(PlannedSection(name=NAME),))
OPENING = opening_of(NAME, earlier="")
TEXT = "The lamp was lit every evening. It burned until the last boat was home, and the keeper wrote"


def salvaged(previous: str, head: str) -> str:
    """What is appended of an answer of which no more than the head came."""
    intake = StreamJoiner(previous, mode="reprompt", shown=previous)
    return intake.feed(head) + intake.salvage()


@pytest.mark.parametrize(
    "head",
    [
        "It burned until the last boat",
        "It burned until the last boat was home, and the",
        "The lamp was lit every evening. It burned until",
        "lit every evening.\n\nIt burned **until the last boat**",
        "down every name",  # too little to be joined
    ],
)
def test_answer_that_breaks_off_while_it_copies_the_last_words_brings_nothing(head):
    assert salvaged(TEXT, head) == ""


@pytest.mark.parametrize(
    ("head", "new"),
    [
        ("It burned until the last boat was home, and the keeper wrote", ""),
        ("the last boat was home, and the keeper wrote down every", " down every"),
        (" down every name in a book that he kept", " down every name in a book that he kept"),
    ],
)
def test_what_an_answer_brought_before_it_broke_off_is_kept(head, new):
    assert salvaged(TEXT, head) == new


def taken(answer: str, previous: str = "", *, step: int) -> tuple[str, list[str]]:
    """What is appended of an answer that comes in pieces of `step` characters, and what was certain after each."""
    intake = StreamJoiner(previous, mode="reprompt", shown=previous, copied=last_words(previous))
    given = [intake.feed(answer[at : at + step]) for at in range(0, len(answer), step)]
    return "".join(given) + intake.end(), given


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("step", [1, 7, 1_000])
def test_answer_in_pieces_is_joined_like_the_whole_answer(way, step):
    dice = random.Random(step)
    for cut in cuts(40, dice):
        words = last_words(cut.before)
        answer = WAYS[way](words, cut.rest, dice)
        assert taken(answer, cut.before, step=step)[0] == cut.rest, (cut, answer)


@pytest.mark.parametrize("stutter", STUTTERS)
@pytest.mark.parametrize("step", [7, 10_000])
def test_words_of_the_copy_that_come_twice_are_never_text(stutter, step):
    dice, wrong = random.Random(step), []
    for cut in cuts(40, dice):
        committed = cut.before[: certain(cut.before)]
        words, rest = last_words(committed), cut.before[len(committed) :] + cut.rest
        answer = STUTTERS[stutter](words, rest, dice)
        with suppress(BadSeam):
            if taken(answer, committed, step=step)[0] != rest:
                wrong.append((committed, answer))
    assert len(wrong) <= 2, wrong  # cells that may well be equal, a line of few letters


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("step", [7, 40])
def test_answer_in_pieces_is_refused_where_the_whole_answer_is(part, step):
    for cut in repeating_cuts(3, random.Random(step)):
        words = last_words(cut.before)
        answer = PARTS[part](words, cut.rest)
        joined, streamed = None, None
        with suppress(BadSeam):
            joined = join(cut.before, answer, mode="reprompt", copied=words)
        with suppress(BadSeam):
            streamed = taken(answer, cut.before, step=step)[0]
        assert streamed == joined, (cut, answer)


@pytest.mark.parametrize("size", [1, 40, 1_000])
@pytest.mark.parametrize("between", ["", "\n\n"])
def test_words_that_begin_with_a_mark_and_are_copied_twice_are_refused_in_pieces_too(between, size):
    previous = f"{TEXT} it down.\n\n- `lamp`: lit every evening\n\n"
    before = (
        f'{previous}> "The lamp at the end of the pier burned until the last of the boats of the town was home, and'
    )
    words = last_words(before)
    assert words.startswith(">")
    with pytest.raises(BadSeam):
        taken(f'{words}{between}{words} warm," he wrote.', before, step=size)


@pytest.mark.parametrize("size", [1, 40, 1_000])
def test_quotation_around_an_answer_is_refused_before_any_of_it_is_given(size):
    quoted = f"{last_words(TEXT)} down every name.\n\nThen he slept.".replace("\n", "\n> ")
    intake = StreamJoiner(TEXT, mode="reprompt", shown=TEXT, copied=last_words(TEXT))
    given = []
    with suppress(BadSeam):
        given += [intake.feed(f"> {quoted}"[at : at + size]) for at in range(0, len(quoted) + 2, size)]
        given.append(intake.end())
    assert "".join(given) == ""


def test_text_flows_as_soon_as_the_copy_is_found():
    words = last_words(TEXT)
    _, given = taken(f"Here is the rest:\n\n{words} down every name. " + "More of it. " * 100, TEXT, step=10)
    assert sum(1 for text in given if text) > 90


def test_answer_without_a_copy_is_given_up_before_it_ends():
    intake = StreamJoiner(TEXT, mode="reprompt", shown=TEXT, copied=last_words(TEXT))
    intake.feed("Something else is said here and it goes on. " * 20)
    with pytest.raises(BadSeam):
        intake.feed("Something else is said here and it goes on. " * 20)


PROSE = (
    "### The fleet\n\nThe fleet has three boats, and each of them is older than the harbor.\n\n- Tern, which is "
    "painted every spring\n- Auk\n\n```python\nprint(1)\n```\n\nNobody sails in the winter."
)
MARKDOWN = "The fleet has three boats.\n\n```python\nprint(1)\n```\n\n- Tern\n- Auk"


@pytest.mark.parametrize("step", [1, 3, 1_000])
@pytest.mark.parametrize(
    "answer",
    [
        f"```markdown\n{MARKDOWN}\n```",
        f"```md\n{MARKDOWN}\n```\n",
        f"~~~md\n{MARKDOWN}\n~~~",
        f"````Markdown\n{MARKDOWN}\n````",
        f"\n\n```markdown\n{MARKDOWN}",
        f"Here is the section:\n\n```markdown\n{MARKDOWN}\n```",
        f"Sure! Below you find it.\n```markdown\n{MARKDOWN}\n```",
        f"Hier ist der Abschnitt:\n\n~~~markdown\n{MARKDOWN}\n~~~",
        f"以下是该部分内容：\n\n```markdown\n{MARKDOWN}\n```",
        f"```markdown\r\n{MARKDOWN}\r\n```",
    ],
)
def test_first_answer_is_taken_out_of_a_fence_around_all_of_it(answer, step):
    assert taken(answer, step=step)[0].strip() == MARKDOWN


@pytest.mark.parametrize("step", [1, 3, 1_000])
@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (f"```\n{PROSE}\n```", PROSE),
        (f"~~~\n{PROSE}\n~~~\n", PROSE),
        (f"Here is the section:\n\n```\n{PROSE}\n```", PROSE),
        (f"```\n### The fleet\n\n{'It is one long paragraph, ' * 14}and then it ends.\n\nSo it is.\n```", None),
        (f"```\n{PROSE}\n\n{'More of it follows, line by line, in plain words. ' * 60}\n```", None),
        ("```\n**船队**有三条船，每一条都比这个港口还要古老得多。\n\n冬天没有人出海。\n```", None),
    ],
)
def test_first_answer_is_taken_out_of_a_fence_without_a_language_where_it_is_prose(answer, text, step):
    taken_out, _ = taken(answer, step=step)
    assert taken_out.strip() == (text or answer.strip("`\n").strip())


@pytest.mark.parametrize("step", [1, 3, 1_000])
@pytest.mark.parametrize(
    "answer",
    [
        "```\n2026-03-01 10:00:01 INFO The server has started and it listens on all of the ports.\n```",
        "```\nSystem started and is ready now.\nServer of the harbor has started.\nAll is well.\n```",
        "```\nUser: Which of the boats is the oldest of all?\nBot: The tern, as the book of the harbor says.\n```",
        "```text\nDear <name>, the boat that you have asked for lies at the quay of the harbor.\n```",
        "```text\nThe lamp of the harbor    is lit when the first boat comes in.\n```",
        "```\nError: the boat that you have asked for is not in the harbor.\n    at harbor.find(3)\n```",
        "```\nThe path of the boat is $HARBOR/boats, and all of it is read at the start.\n```",
        "```\nDear John,\n\nThank you for the letter that you have sent us last week.\n\nYours,\nThe harbor\n```",
        "```\nfix the lamp of the harbor so that it is lit in winter too.\n```",
        "```text\nboat\n├── sail\n└── oar\n```",
        "```\n# Install all of the tools that are needed for the build.\napt-get install tern auk\n```",
        "```\n$ make all\n- The build of the fleet is done, and nothing is left to do.\n```",
        "```\nname: tern\nboats:\n- The oldest of the boats that the harbor has, by far.\n```",
        "```\n+-----+     +-----+\n| web | --> | api |\n+-----+     +-----+\n```",
        f"```\n{PROSE}\n```\n\nSo begins each page.",
        "```\n" + "def sail(boat):\n    return boat.sail()\n\n\n" * 40 + "```",
    ],
)
def test_first_answer_in_a_fence_that_may_be_code_is_kept(answer, step):
    assert taken(answer, step=step)[0] == answer


@pytest.mark.parametrize("step", [1, 3, 1_000])
@pytest.mark.parametrize(
    "answer",
    [
        "```markdown\n# Title\n```\n\nSo begins each page.",
        "```markdown\n# Title\n\n```py\nx\n```\n```\n\nSo begins each page.",
        "Here is an example of a page:\n\n```markdown\n# Title\n```",
        "Copy this into the page:\n\n```markdown\n# Title\n```",
        "Here is the harbour, and nothing else.",
        "```python\nprint(1)\n```",
        "```mermaid\ngraph TD\n```",
        "`markdown` is a language.",
        "~~Struck~~ out.",
        "Here is",
        "```",
    ],
)
def test_first_answer_with_a_fence_of_its_own_is_kept(answer, step):
    assert taken(answer, step=step)[0] == answer


PLAIN = {
    "one": "The fleet has three boats, and each of them is older than the harbor.",
    "two": "The fleet has three boats, and each of them is older than the harbor.\n\nNobody sails them.",
    "a price": "The cost is $5 for each of the boats, and ~10% of it goes to the harbor.",
    "an address": "See https://example.org/a-b?x=1 for the list of all boats that sail from the harbor.",
    "wrapped lines": "The fleet of the harbor has three boats, and each of them\nis older than the harbor itself.",
    "zh": "船队一共有三艘船，每一艘都比这座港口还要古老得多。\n\n灯塔的灯每天晚上都会亮起来，一直到第二天的早上。",
    "ja": "この船団には三隻の船があり、そのどれもが港よりも古いものです。",
    "ko": "이 선단에는 배가 세 척 있으며 그 배들은 모두 이 항구보다 훨씬 더 오래되었습니다.",
    "ar": "يضم الأسطول ثلاثة قوارب وكل واحد منها أقدم من الميناء نفسه بسنوات كثيرة.",
    "hi": "बेड़े में तीन नावें हैं और उनमें से हर एक बंदरगाह से भी पुरानी है।",
    "th": "กองเรือของท่าเรือแห่งนี้มีเรืออยู่สามลำ และทุกลำล้วนเก่าแก่กว่าตัวท่าเรือเอง",
    "ru": "Во флоте три лодки, и каждая из них намного старше самой гавани.",
}


@pytest.mark.parametrize("step", [1, 3, 1_000])
@pytest.mark.parametrize("language", ["", "text", "TXT", "plaintext"])
@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_first_answer_of_paragraphs_alone_is_taken_out_of_its_fence(text, language, step):
    assert taken(f"```{language}\n{text}\n```", step=step)[0].strip() == text


@pytest.mark.parametrize("chars", [100, 390, 410, 1_990, 2_010])
def test_first_answer_of_paragraphs_that_is_cut_off_is_taken_out_of_its_fence(chars):
    intakes = [StreamJoiner("", mode="prefill", shown="") for _ in range(3)]
    text = LONG[:chars].rstrip()
    got = {
        "".join(intake.feed(f"```\n{text}"[at : at + size]) for at in range(0, chars + 4, size))
        + intake.end(is_truncated=True)
        for size, intake in zip((1, 7, 5_000), intakes, strict=True)
    }
    assert got == {text}


@pytest.mark.parametrize("size", [1, 7, 399, 5_000])
def test_what_becomes_of_a_fence_does_not_depend_on_the_pieces(size):
    """Code below paragraphs, the fence closed before or behind what is waited for."""
    answers = [f"```\n{LONG[:chars]}\n\nfor boat in boats:\n    sail(boat)\n```" for chars in (150, 500, 1_500)]
    assert [taken(answer, step=size)[0] for answer in answers] == answers
    long = f"```markdown\n{LONG}\n```\n\nThat was the log.\n"
    assert taken(long, step=size)[0] == taken(long, step=1)[0]


LONG = "\n\n".join(
    f"Boat {number} of the fleet is older than the harbor, and it sails in any weather." for number in range(40)
)
"""More than is waited for before a fence at the beginning is taken to stand around all of the answer."""


@pytest.mark.parametrize("step", [1, 7, 40, 400])
@pytest.mark.parametrize(
    ("behind", "text"),
    [
        ("\n```\n\nThat was the log. What follows is about *oil*.\n\n- one\n- two", True),
        ("\n```\n\nLet me know if you want changes!", ""),
        (f"\n```\n\n{LONG}", True),
        ("\n\n```\noil = 3\n```\n\nAnd so on.\n```", "\n\n```\noil = 3\n```\n\nAnd so on."),
        ("\n\n```\noil = 3\n```\n```", "\n\n```\noil = 3\n```"),
        ("\n\n```\noil = 3\n```", "\n\n```\noil = 3\n```"),
    ],
)
def test_line_that_closes_the_fence_of_a_long_first_answer_opens_no_block(behind, text, step):
    expected = LONG + (behind.replace("\n```\n", "", 1) if text is True else text)
    got = taken(f"```markdown\n{LONG}{behind}", step=step)[0]
    assert "".join(got.split()) == "".join(expected.split())
    assert ("```" in got) == ("```" in expected)


@pytest.mark.parametrize("step", [1, 7, 10_000])
@pytest.mark.parametrize(
    "words",
    [
        "Let me know if you'd like any section expanded, or another tone.",
        "---\n\nWould you like me to go on with the next section?",
        "I hope this helps! Feel free to ask for changes.",
        "Lass mich wissen, ob ich etwas ändern soll.",
        "N'hésitez pas à me demander des modifications.",
        "¿Quieres que amplíe alguna parte?",
        "如需进一步修改，请随时告诉我。",
        "ご要望がございましたらお知らせください。",
        "수정이 필요하시면 말씀해 주세요.",
        "أخبرني إذا كنت تريد أي تعديل.",
        "Хотите, чтобы я добавил примеры?",
    ],
)
def test_offer_behind_the_fence_around_a_first_answer_is_no_text(words, step):
    assert taken(f"```markdown\n{MARKDOWN}\n```\n\n{words}", step=step)[0].strip() == MARKDOWN
    assert taken(f"```\n{PROSE}\n```\n\n{words}\n", step=step)[0].strip() == PROSE
    for kept in (
        f"```markdown\n# [Name of the boat]\n```\n\n{words}",
        f"```markdown\n{MARKDOWN}\n```\n\n- {words.strip('-').strip()}\n- Auk",
        f"```\n$ make all\n```\n\n{words}",
        f"```markdown\n{MARKDOWN}\n```\n\n{words}\n\n{LONG}",
    ):
        assert taken(kept, step=step)[0] == kept


@pytest.mark.parametrize("step", [7, 400, 10_000])
@pytest.mark.parametrize(
    "begun",
    [
        "---\nname: tern\nowner: harbor\n---",
        "# [Name of the boat]",
        "# {{ boat }}",
        "Date: YYYY-MM-DD",
        "Signed: ______",
        "# <your boat>",
    ],
)
def test_long_example_of_a_page_keeps_its_fence_where_text_follows(begun, step):
    example = f"```markdown\n{begun}\n\n{LONG}\n```\n\nSo begins each page of the log."
    assert taken(example, step=step)[0] == example
    alone = f"```markdown\n{begun}\n\n{LONG}\n```"
    assert taken(alone, step=step)[0].rstrip() == f"{begun}\n\n{LONG}"


@pytest.mark.parametrize("step", [1, 7, 40, 10_000])
@pytest.mark.parametrize(
    ("behind", "kept"),
    [
        ("\n```\n\nLet me know if you need more!", ""),
        ("\n```", ""),
        ("\n\n```\noil = 3\n```\n\nAnd so on.\n```", "\n\n```\noil = 3\n```\n\nAnd so on."),
    ],
)
@pytest.mark.parametrize("preface", ["", "Certainly! Here is the rest:\n\n"])
def test_words_behind_the_fence_of_an_answer_that_goes_on_are_no_text(preface, behind, kept, step):
    goes_on = " and then it burns until the morning, whatever the wind does."
    answer = f"{preface}```\n{last_words(TEXT)}{goes_on}{behind}"
    got = taken(answer, step=step, previous=TEXT)[0]
    assert got.rstrip("\n") == goes_on + kept


def test_first_answer_waits_only_while_it_may_be_wrapped():
    for answer in ("The fleet has three boats.", "`code` first. And so on.", "Hero of the day. And so on."):
        _, given = taken(answer, step=4)
        assert "".join(given[:3])
    _, given = taken(f"```markdown\n{'A line of the text.' * 200}\n```", step=50)
    assert any(given[:50])


def test_what_came_of_a_wrapped_answer_is_kept_when_it_breaks_off():
    intake = StreamJoiner("", mode="prefill", shown="")
    assert intake.feed("```markdown\nThe fleet has three bo") + intake.salvage() == "The fleet has three bo"


class Killed(Exception):
    """The writer's process is gone."""


class Asked:
    """A model that is asked anew and goes on in its text, as `manner` says; some of its answers break off."""

    def __init__(self, text: str, manner: str, rng: random.Random) -> None:
        self.text = text
        self.manner = manner
        self.rng = rng
        self.written = 0

    def __call__(self, call: ScriptedCall) -> Reply:
        start = 0 if self.manner == "restarts" else self.written
        while self.manner == "copies" and start and self.text[start - 1 : self.written] in call.messages[-1]["content"]:
            start -= 1
        rest = self.text[start:]
        if self.rng.random() > 0.4:
            return Reply(text=rest)
        return Reply(text=rest[: self.rng.randrange(len(rest) + 1)], finish=FinishReason.INTERRUPTED)


class Store:
    """What is committed of the section; `take` is told of each chunk, and dies once there are so many characters."""

    def __init__(self, model: Asked) -> None:
        self.model = model
        self.committed = ""
        self.chunks: list[str] = []
        self.dies_at = 0

    async def take(self, chunk: str) -> None:
        self.chunks.append(chunk)
        if sum(map(len, self.chunks)) > self.dies_at:
            raise Killed
        self.tell(self.committed + "".join(self.chunks))

    def commit(self, chunks: int) -> None:
        """Keep so many of the chunks."""
        self.committed += "".join(self.chunks[:chunks])
        self.chunks.clear()
        self.tell(self.committed)

    def tell(self, text: str) -> None:
        self.model.written = max(0, len(text) - len(OPENING))


async def written_through_faults(manner: str, seed: int) -> tuple[str, str]:
    """The section as it is after cuts and kills, and as it must be."""
    rng = random.Random(seed)
    text = section_text(rng, rng.choice([150, 400, 1_200]))
    store = Store(Asked(text, manner, rng))
    for deaths_left in reversed(range(rng.randint(1, 5))):
        store.dies_at = rng.randrange(1, len(text)) if deaths_left else len(text) * 2
        with suppress(Killed):
            result = await write_section(
                ScriptedProvider(store.model),
                ASSIGNMENT,
                0,
                earlier="",
                held=store.committed,
                on_chunk=store.take,
                mode="reprompt",
                budget_tokens=100_000,
                max_turns=1_000,
                policy=RetryPolicy(attempts=1_000, base_s=0, cap_s=0),
            )
            assert result.outcome is Outcome.COMPLETE, result
            return result.text, OPENING + text.strip()
        store.commit(rng.randint(0, len(store.chunks) - 1))
    raise AssertionError("the last writer lives on")


@pytest.mark.parametrize("manner", ["copies", "restarts"])
@pytest.mark.asyncio
async def test_no_cut_and_no_kill_costs_or_doubles_a_character_where_a_model_is_asked_anew(manner):
    for seed in range(150):
        written, expected = await written_through_faults(manner, seed)
        assert written == expected, seed


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
@pytest.mark.parametrize(
    ("previous", "rest"),
    [
        ("- The lamp is on.\n- The lamp is on.\n- The lamp is on.", "\n- The lamp is on.\n- The lamp is off."),
        ("灯亮着。灯亮着。灯亮着。灯亮着。", "灯亮着。灯灭了。"),
        ("| on | on |\n| on | on |\n| on | on |", "\n| on | on |\n| on | off |"),
        ("The lamp is on. The lamp is on. The lamp is", " on. The lamp is on. The lamp is off."),
    ],
)
def test_a_text_that_repeats_itself_goes_on_behind_the_whole_copy(previous, rest, size):
    answer = previous + rest
    intake = StreamJoiner(previous, mode="reprompt", shown=previous, copied=previous)

    pieces = [intake.feed(answer[at : at + size]) for at in range(0, len(answer), size)]

    assert "".join(pieces) + intake.end() == rest


@pytest.mark.parametrize("opening", ["", "```markdown\n", "Sure, here is the rest:\n\n"])
@pytest.mark.parametrize(
    "words",
    [
        "The lamp is on. The lamp is on. The lamp is on.",
        "灯亮着。灯亮着。灯亮着。",
        "The **lamp** is `on`.\n\nThe **lamp** is `on`.",
    ],
)
@pytest.mark.parametrize("size", [1, 40, 1000])
def test_words_that_repeat_themselves_are_copied_once_also_where_the_text_says_all_of_them_again(words, opening, size):
    rest = f"\n\n{words}\n\nThen no more."
    answer = f"{opening}{words}{rest}"
    intake = StreamJoiner(words, mode="reprompt", shown=words, copied=words)

    pieces = [intake.feed(answer[at : at + size]) for at in range(0, len(answer), size)]

    assert "".join(pieces) + intake.end() == rest


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
@pytest.mark.parametrize(
    ("words", "behind", "rest"),
    [
        ("The members lend tools of all kinds: ", "\n- drills\n- ladders", "\n- drills\n- ladders"),
        ("The members lend tools of all kinds, ", "\ndrills and ladders.", "drills and ladders."),
        ("The members lend tools of all kinds: ", "\n1. x", "\n1. x"),
    ],
)
def test_what_a_line_break_for_a_blank_means_does_not_depend_on_the_pieces(words, behind, rest, size):
    answer = words.rstrip() + behind
    intake = StreamJoiner(words, mode="reprompt", shown=words, copied=words)

    pieces = [intake.feed(answer[at : at + size]) for at in range(0, len(answer), size)]

    assert "".join(pieces) + intake.end() == rest


@pytest.mark.parametrize("blanks", ["\n" * 60_000, "\n" + " " * 60_000, "\n\t`" + " " * 60_000])
def test_any_number_of_blanks_in_a_fenced_answer_is_looked_through_once(blanks):
    """Looked through from each of them on it would take minutes, in one call that nothing interrupts."""
    text = f"The lamp turns.{blanks}And the sea is dark."
    joiner = StreamJoiner("", mode="reprompt", shown="")
    assert joiner.feed(f"```markdown\n{text}") + joiner.feed("\n```\n") + joiner.end() == text


@pytest.mark.parametrize("line", ["```\n", "```\nx\n", "~~~\n```\n"])
def test_any_number_of_fences_may_come_at_once(line):
    joiner = StreamJoiner("", mode="reprompt", shown="")
    text = f"```markdown\nThe lamp turns.\n{line * 3_000}"
    given = joiner.feed(text) + joiner.end()
    assert given.count(line) > 2_900
