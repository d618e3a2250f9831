"""Joining two turns: single joints of every kind, then hundreds made out of model text, judged against the truth."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.seams import BadSeam, UnsureSpace, certain, is_settled, join
from generation.seams.endings import Ending, open_fence
from tests.generation.joints import KINDS, Document, Joint, make

TEXTS = Path(__file__).parent / "texts"
CORPUS = Path(os.environ.get("STREAMGEN_CORPUS", Path(__file__).resolve().parents[3] / "shared" / "corpus"))

PROSE = (
    "# Harbor\n\nHarbor lets the people of a street lend each other the tools they own. A member lists a drill or a "
    "ladder, sets the free days, and receives requests.\n\nLenders worry that tools come back late. The product must "
    "make refusal easy, and"
)
LIST = "Borrowers want to know three things:\n\n- Is the drill free on the day I need it?\n- How far is the lender's"
TABLE = (
    "The states of a loan:\n\n| State | Next | Who |\n|---|---|---|\n| requested | accepted | lender |\n| accepted |"
)
CODE = "A loan is made so:\n\n```python\ndef request(client, tool):\n    key = make_key()\n    for attempt in range(3):"


def asked(previous: str, answer: str) -> str:
    return join(previous, answer, mode="reprompt")


# Prefill


@given(st.text(max_size=60), st.text(max_size=60))
def test_prefilled_answers_are_joined_raw(previous, answer):
    expected = answer
    if len(previous) >= 8 and answer.startswith(previous):
        expected = answer[len(previous) :]
    assert join(previous, answer, mode="prefill") == expected


def test_echoed_prefix_is_stripped():
    assert join("The quick brown", "The quick brown fox", mode="prefill") == " fox"
    assert join(PROSE, PROSE + " private.", mode="reprompt") == " private."


def test_short_text_is_no_echo():
    assert join("ha", "haha", mode="prefill") == "haha"


# Repetitions


@pytest.mark.parametrize(
    ("previous", "answer", "expected"),
    [
        (PROSE, "and private.", " private."),
        (PROSE, "easy, and private.", " private."),
        (PROSE, "The product must make refusal easy, and private.", " private."),
        (PROSE, "the product  must make\nrefusal easy, and private.", " private."),
        (PROSE + " pri", "The product must make refusal easy, and private.", "vate."),
        (PROSE + " ", "refusal easy, and private.", "private."),
        (PROSE + " private.", "private. A lender never has to give a reason.", " A lender never has to give a reason."),
        (
            PROSE,
            "Lenders worry that tools come back late. The product must make refusal easy, and private.",
            " private.",
        ),
        (LIST, "- How far is the lender's house?\n- When", " house?\n- When"),
        (LIST, "How far is the lender's house?", " house?"),
        (LIST, "* How far is the **lender's house**?", " house**?"),
        (LIST + " house?\n-", "- When is it due?", " When is it due?"),
        (TABLE, "| accepted | handed_over | both |", " handed_over | both |"),
        (TABLE + " handed", "| handed_over | both |", "_over | both |"),
        (CODE, "    for attempt in range(3):\n        send()", "\n        send()"),
        (CODE + "\n        send(key,", "send(key, tool)\n", " tool)\n"),
        (LIST + " house?\n- ", "- When is it due?", "When is it due?"),
        (CODE + "\n```", "\n```\n\nIt tries three times.", "\n\nIt tries three times."),
        (CODE + "\n```\n", "```\n\nIt tries three times.", "\nIt tries three times."),
        (CODE + "\n```", "```", ""),
        (PROSE + "\n\n```", "```\nlend(tool)\n```", "\nlend(tool)\n```"),
        (PROSE + "\n\n```python\n", "```python\nlend(tool)\n```\n\nThat is all.", "lend(tool)\n```\n\nThat is all."),
        (PROSE, "…refusal easy, and private.", " private."),
        (PROSE, "and", ""),
        (PROSE, "", ""),
        (PROSE, " \n ", ""),
    ],
)
def test_what_is_there_already_is_not_appended_again(previous, answer, expected):
    assert asked(previous, answer) == expected


def test_one_word_that_people_do_double_stays():
    assert asked("He said that", "that was fine.") == " that was fine."


def test_heading_whose_words_the_text_takes_up_is_no_repetition():
    previous = PROSE + " private.\n\n### Lenders"
    answer = "Lenders own tools that stand idle, and lend the tools to people of their street when refusal is easy."
    assert asked(previous, answer) == "\n\n" + answer


# Clean continuations that lost their white space


@pytest.mark.parametrize(
    ("previous", "answer", "space"),
    [
        (PROSE, "private too.", " "),
        (PROSE, ", of course, private.", ""),
        (PROSE + " priv", "ate. Private refusals, and easy refusals, private.", ""),
        (PROSE + " well-", "meant.", ""),
        (PROSE + " (", "as lenders say) private.", ""),
        (PROSE + ' it must be "', 'private" as well.', ""),
        (PROSE + " the **", "lenders** like it.", ""),
        (PROSE + " private.", "## Borrowers\n\nBorrowers need a tool once.", "\n\n"),
        (PROSE + " private.", "- tools\n- lenders", "\n\n"),
        (PROSE + " private.", "| Tool | Lender |\n|---|---|", "\n\n"),
        (PROSE + " private.", "> Lenders first.", "\n\n"),
        (PROSE + " private.", "---\n\nLenders and tools.", "\n\n"),
        (PROSE + " private:", "```python\nlend(tool)\n```", "\n\n"),
        (PROSE + " private.", "they are private anyway.", " "),
        (LIST, "house?\n- When is it due?", " "),
        (LIST + " house?", "- When is it due?", "\n"),
        (LIST.replace("\n- How", "\n\n- How") + " house?", "- When is it due?", "\n\n"),
        ("1. The first tool\n2. The second tool", "3. The third tool", "\n"),
        ("1. The first tool\n   - a drill\n   - a ladder", "- a saw", "\n   "),
        ("1. The first tool\n   - a drill\n   - a ladder", "2. The second tool", "\n"),
        (TABLE, "handed_over | both |", " "),
        (TABLE + " handed_over | both |", "| closed | | |", "\n"),
        (TABLE + " handed_over | both |", "Loans that are accepted block the states of others.", "\n\n"),
        ("| State   | Next     |\n|---------|----------|\n| open    |", "closed   |", " "),
        ("| State   | Next     |\n|---------|----------|\n| open", "| closed   |", "    "),
        (CODE, "send(key)\n        log(key)", "\n        "),
        (CODE, "try:\n            send(key)", "\n        "),
        (CODE + "\n        total =", "total + 1", " "),
        (CODE + "\n        total = total", "+ 1", " "),
        (CODE + "\n        return", "key\n```", " "),
        (CODE + "\n        pass", "```\n\nThe key is new.", "\n"),
        ('```json\n{\n  "name": "drill",', '"days": [1, 2]\n}\n```', "\n  "),
        ('```json\n{\n  "name":', '"drill"\n}\n```', " "),
        ("```sh\ncd tools", "git status\n```", "\n"),
        ("```sql\nSELECT name\nFROM tool", "WHERE free;\n```", "\n"),
        ("Values are kept: 12", "34 and more values are kept.", " "),
        ("### What went", "badly\n\nThe tools were late.", " "),
    ],
)
def test_lost_white_space_is_found_again(previous, answer, space):
    assert asked(previous, answer) == space + answer


WRAPPED = (
    "Lenders own tools that stand idle for most of the year, and they lend\n"
    "them to the people of their street who need a drill or a ladder once,\n"
    "for a day or for two days, without asking for any money in return and\n"
    "without signing anything. Borrowers bring the tools back clean, on the\n"
    "day that was agreed, and nobody has to remind them of it more than the\n"
)


@pytest.mark.parametrize(
    ("previous", "answer"),
    [
        (CODE + "\n        send(key)", "return key\n```"),
        (CODE + "\n        send(key)  # once", "twice(key)"),
        ("```yaml\na:\n  b:\n    c: 1", "d: 2\n```"),
        ("```text\nlisten\nwait\nsend", "close\n```"),
        ("- tools\n  - drills\n- people\n  - lenders", "- rules"),
        ("- tools\n\n- lenders\n- people", "- rules"),
        ("| State   | Next |\n|---|---|\n| open | shut |\n| closed", "| open |"),
        (PROSE + " private. Some like it:", "Lenders decide."),
        (WRAPPED + "once. They decide about the tools that they own and on which days", "all."),
        ("```javascript\nreturn tools\n  .filter(isFree)", ".map(nameOf);\n```"),
        ("A tool is free. \nA ladder is free. \n\n- tools", "- lenders"),
    ],
)
def test_white_space_that_cannot_be_told_is_refused_and_its_likely_form_known(previous, answer):
    with pytest.raises(UnsureSpace) as refusal:
        asked(previous, answer)
    assert refusal.value.likely.strip() == answer
    assert refusal.value.likely[0].isspace()
    assert answer not in str(refusal.value)


@pytest.mark.parametrize(
    ("previous", "answer", "space"),
    [
        (WRAPPED + "once. They decide", "about the tools that they own.", " "),
        (
            WRAPPED + "once. They decide about the tools that they own and about the days on",
            "when others may use them.",
            "\n",
        ),
        ("所有请求都使用", "同一种格式。", ""),
        ("他们使用 Python 和 Go。我们使用", "Rust 语言。", " "),
        ("他们使用Python和Go。我们使用", "Rust语言。", ""),
        ("Que faut-il faire\u00a0? Il faut choisir\u00a0: arroser, ou non. Faut-il attendre", "? Oui.", "\u00a0"),
        ("One is here.  Two is there.  Three is both.  Four is", "none. Five.", " "),
        ("$$\n\\ell(t) = \\ell(0)", "+ r \\cdot t\n$$", " "),
        ("```rust\nuse std::{self,", "fmt};\n```", " "),
        ('```python\nnames = ["a drill", "a', 'ladder"]\n```', " "),
    ],
)
def test_lines_alphabets_and_formulas_are_respected(previous, answer, space):
    assert asked(previous, answer) == space + answer


@pytest.mark.parametrize(
    ("previous", "answer", "expected"),
    [
        (LIST, "How far is the lender's house?\n- When?", " house?\n- When?"),
        (LIST + " house?", "- When is it due?", "\n- When is it due?"),
        (PROSE, "Here is the rest:\n\nrefusal easy, and private.\n\nLenders decide.", " private.\n\nLenders decide."),
    ],
)
def test_text_of_two_character_line_ends_keeps_them(previous, answer, expected):
    previous, answer, expected = (text.replace("\n", "\r\n") for text in (previous, answer, expected))
    assert asked(previous, answer) == expected


@pytest.mark.parametrize("space", [" ", "\n", "\n\n"])
def test_white_space_that_is_there_is_kept(space):
    assert asked(PROSE + space, "private.") == "private."
    assert asked(PROSE, space + "private.") == space + "private."


def test_blank_on_both_sides_is_kept_once():
    assert asked(PROSE + " ", " private.") == "private."


def test_text_of_wrapped_lines_goes_on_where_the_next_word_fits():
    line = "Lenders own tools that stand idle for most of the year,\n"
    text = line * 5 + "and lend them to the people who"
    assert asked(text, "need a tool once.") == " need a tool once."
    full = line * 5 + "and lend them to the people who need a drill or some"
    assert asked(full, "ladder once, for the tools that stand idle.\n").startswith("\n")


# Wrappings


@pytest.mark.parametrize(
    "preface",
    [
        "Here is the rest:",
        "Sure! Here is the continuation of the text:",
        "Certainly, continuing from where I left off:",
        "**Continuation:**",
        "I apologize for the interruption. Let me continue:",
        "(continued)",
        "Continuing the document",
    ],
)
@pytest.mark.parametrize("answer", ["private, as lenders wish.", "refusal easy, and private, as lenders wish."])
def test_preface_before_a_blank_line_is_dropped(preface, answer):
    assert asked(PROSE, f"{preface}\n\n{answer}") == " private, as lenders wish."


def test_sentence_of_the_document_is_no_preface():
    answer = "Here are the tools that lenders list:\n\n- a drill\n- a ladder"
    assert asked(PROSE + " private.", answer).strip() == answer


@pytest.mark.parametrize("opener", ["```python", "```py", "```", "~~~python"])
def test_reopened_fence_is_dropped(opener):
    rest = "        send(key)\n        log(key)\n```\n\nAfter that the key is dropped."
    assert asked(CODE, f"{opener}\n{rest}") == "\n" + rest
    assert asked(CODE, f"{opener}\n    for attempt in range(3):\n{rest}") == "\n" + rest
    assert asked(CODE, f"Here is the rest of the code:\n\n{opener}\n{rest}") == "\n" + rest


def test_code_block_right_after_another_stays():
    assert asked(CODE + "\n```", "\n\n```\nlend(tool)\n```") == "\n\n```\nlend(tool)\n```"
    assert asked(CODE + "\n```\n", "```\nlend(tool)\n```") == "```\nlend(tool)\n```"


def test_fence_that_closes_the_block_stays():
    assert asked(CODE + "\n        send(key)", "```\n\nAfter that it is sent.") == "\n```\n\nAfter that it is sent."


@pytest.mark.parametrize("opener", ["```markdown", "```md", "```", "````markdown"])
def test_answer_fenced_as_a_whole_is_unwrapped(opener):
    closer = opener.rstrip("abcdefghijklmnopqrstuvwxyz")
    assert (
        asked(PROSE, f"{opener}\nprivate, too.\n\n- Lenders decide.\n{closer}") == " private, too.\n\n- Lenders decide."
    )
    assert asked(PROSE, f"{opener}\nrefusal easy, and private.\n{closer}") == " private."


def test_code_block_of_the_document_is_not_unwrapped():
    answer = "```python\nlend(tool)\n```"
    assert asked(PROSE + " private, as here:", answer) == "\n\n" + answer


def test_answer_that_runs_through_the_cut_goes_on_after_it():
    answer = "# Harbor\n\n### The product\n\n" + PROSE.split("\n\n")[2] + " private."
    assert asked(PROSE, answer) == " private."


# Refusals


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't continue this text.",
        "As an AI language model, I cannot see the document.",
        "Sure! How can I help you with it?",
        "# Harbor\n\nHarbor lets the people of a street lend each other the tools they own.",
        "Harbor lets the people of a street lend each other the tools they own. A member lists a drill.",
        "Lenders worry that tools come back late. The product should",
        "The weather of the mountains changes quickly in autumn.",
        "## Weather\n\nIt changes quickly in the mountains.",
        "---\ntitle: Weather\n---\n",
        "1. Take a kilo of flour.\n2. Add water.",
    ],
)
def test_answer_that_joins_nowhere_is_refused(answer):
    with pytest.raises(BadSeam):
        asked(PROSE, answer)


@pytest.mark.parametrize(
    ("previous", "answer"),
    [
        (
            PROSE + " private.",
            "Photosynthesis turns sunlight into sugar, and every green leaf contains chlorophyll for it.",
        ),
        (PROSE + " private.", "# Photosynthesis\n\nGreen leaves contain chlorophyll, which turns sunlight into sugar."),
        (
            PROSE + " private.\n\n" + LIST + " house?",
            "1. Sift flour, sugar and cinnamon into a bowl and stir until the batter becomes smooth.",
        ),
        ("1. The drill\n2. The ladder\n3. The", "1. The saw"),
        ("1. The drill\n2. The ladder", "7. The saw"),
        (CODE, "Photosynthesis turns sunlight into sugar, and green leaves contain chlorophyll."),
        (CODE, "## Photosynthesis\n\nGreen leaves contain chlorophyll."),
        (TABLE, "Photosynthesis turns sunlight into sugar."),
        (PROSE + " private.\n\n## Borrowers", "## Weather\n\nIt changes."),
    ],
)
def test_fresh_answer_is_refused_where_the_text_could_go_on(previous, answer):
    with pytest.raises(BadSeam):
        asked(previous, answer)


def test_reason_never_quotes_the_answer():
    with pytest.raises(BadSeam) as refusal:
        asked(PROSE, "The weather of the mountains changes quickly.")
    assert "weather" not in str(refusal.value)


# What may be committed


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("The quick bro", "bro"),
        ("The quick ", ""),
        ("The end.", ""),
        ("Version 3.", "3."),
        ("well-kn", "well-kn"),
        ("a **bol", "**bol"),
        ("It's don't", "don't"),
        ("x" * 65, ""),
        ("a " + "x" * 64, "x" * 64),
        ("文書を書", ""),
        ("", ""),
    ],
)
def test_last_word_is_held_back_while_it_may_be_a_part(text, held):
    assert text[certain(text) :] == held


# Ends of texts


@pytest.mark.parametrize(
    ("text", "fence"),
    [
        ("```py\nx", "```"),
        ("```py\nx\n```", ""),
        ("````md\n```\nx\n```", "````"),
        ("- a\n  ```sh\n  x", "```"),
        ("~~~\n```", "~~~"),
        ("```py\n``` not closed", "```"),
        ("`````", "`````"),
        ("```inline``` code", ""),
        ("> ```\n> x", "```"),
    ],
)
def test_open_fence_is_known(text, fence):
    assert open_fence(text) == fence
    assert Ending(text).fence == fence


# Hundreds of joints


@cache
def model_texts() -> tuple[Document, ...]:
    return tuple(Document(name=path.name, text=path.read_text(encoding="utf-8")) for path in sorted(TEXTS.glob("*.md")))


@cache
def human_texts() -> tuple[Document, ...]:
    paths = sorted(CORPUS.glob("*.md"))
    return tuple(
        Document(name=path.name, text=path.read_text(encoding="utf-8")) for path in paths if "NOTICE" not in path.name
    )


def outcome(joint: Joint) -> str:
    """right; refused; wrong: other text appended, if only other white space."""
    try:
        got = join(joint.previous, joint.answer, mode=joint.mode)
    except BadSeam:
        return "right" if joint.expected is None else "refused"
    return "right" if got == joint.expected else "wrong"


def judged(documents: tuple[Document, ...], *, per_kind: int, seed: int) -> tuple[Counter[str], str]:
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for joint in make(list(documents), per_kind=per_kind, seed=seed):
        table[joint.kind][outcome(joint)] += 1
    total: Counter[str] = sum(table.values(), Counter())
    return total, "\n".join(f"{kind:24} {dict(counts)}" for kind, counts in [*table.items(), ("all", total)])


def assert_good(total: Counter[str], table: str, *, right: float, wrong: float) -> None:
    count = total.total()
    assert count >= 600
    assert total["right"] >= right * count, table
    assert total["wrong"] <= wrong * count, table


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_joints_of_model_text_are_joined_right_or_refused(seed):
    total, table = judged(model_texts(), per_kind=40, seed=seed)
    assert_good(total, table, right=0.95, wrong=0.01)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the documents of the corpus are not on this machine")
def test_joints_of_human_text_are_joined_right_or_refused():
    """Harder than what models write: lines broken by hand, where a lost line break can often not be told from a blank,
    and documents made from one template, whose parts resemble each other."""
    total, table = judged(human_texts(), per_kind=35, seed=1)
    assert_good(total, table, right=0.92, wrong=0.02)


def test_every_kind_of_joint_is_made():
    kinds = Counter(joint.kind for joint in make(list(model_texts()), per_kind=3, seed=1))
    assert kinds == dict.fromkeys(KINDS, 3)


def test_settled_head_decides_like_the_whole_answer():
    """The rest of a streamed answer is appended as it comes, so the head alone must lead to the same text."""
    checked = 0
    for joint in make(list(model_texts()), per_kind=12, seed=3):
        whole = joined(joint.previous, joint.answer, joint.mode)
        for length in (100, 400, 600, 1_000, 1_400):
            head = joint.answer[:length]
            if length < len(joint.answer) and is_settled(joint.previous, head, mode=joint.mode):
                part = joined(joint.previous, head, joint.mode)
                assert whole == (None if part is None else part + joint.answer[length:]), joint
                checked += 1
    assert checked > 100


def joined(previous: str, answer: str, mode: str) -> str | None:
    try:
        return join(previous, answer, mode=mode)
    except BadSeam:
        return None


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab .\n#-|`*1", max_size=120), st.text(alphabet="ab .\n#-|`*1", max_size=120))
def test_no_text_makes_joining_fail(previous, answer):
    got = joined(previous, answer, "reprompt")
    assert got is None or isinstance(got, str)
    is_settled(previous, answer, mode="reprompt")


def test_cost_does_not_grow_with_the_text_before():
    """But for one scan for an open fence, a few hundredths of what the windows cost."""
    text = "".join(document.text for document in model_texts())
    costs = []
    for size in (8_000, 200_000):
        previous = (text * 8)[:size].rsplit(" ", 1)[0]
        began = process_time()
        for _ in range(10):
            joined(previous, "and then some more words that were never said before.", "reprompt")
        costs.append(process_time() - began)
    assert costs[1] < 3 * costs[0] + 0.1
