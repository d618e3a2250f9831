"""Joining two turns: the copy of the last words decides, and what is not certain waits. Single joints, by kind."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.markdown.fences import open_fence
from generation.seams import BadSeam, certain, join
from generation.writing.prompts import last_words
from tests.generation.seams.copying import PARTS, WAYS, cuts, given_joints, repeating_cuts

WAYS_SEED = 11
PROSE = (
    "Harbor lets the people of a street lend each other the tools they own. A member lists a drill or a ladder, sets "
    "the free days, and receives requests.\n\nLenders worry that tools come back late. The product must make refusal "
    "easy, and"
)
CODE = "A loan is made so:\n\n```python\ndef request(client, tool):\n    key = make_key()\n    for attempt in range(3):"
TABLE = (
    "The states of a loan:\n\n| State | Next | Who |\n|---|---|---|\n| requested | accepted | lender |\n| accepted |"
)


def asked(previous: str, answer: str) -> str:
    return join(previous, answer, mode="reprompt", copied=last_words(previous))


def outcome(previous: str, answer: str, expected: str | None, copied: str = "", mode: str = "reprompt") -> str:
    try:
        got = join(previous, answer, mode=mode, copied=copied)
    except BadSeam:
        return "right" if expected is None else "refused"
    return "right" if got == expected else "wrong"


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


# With a copy


@pytest.mark.parametrize(
    "text",
    [
        "ဒီမျက်နှာပြင်ပေါ်မှာ ပေးပို့တဲ့ ရွေ့လျားမှု |်ပေါ် နေရာ",
        "ದತ್ತಾಂಶವನ್ನು ಇಲ್ಲಿ ಉತ್ಪಾದಿಸಲಾಗುತ|್ತಿದೆ ಎಂದು ಹೇಳಿದರು",
        "ഗുരുതരമായ പിശക് ഉടന് അവസാനിപ്പിക്കുക ന്യൂലൈന|്‍ ഫ്ളാഗുകളുടെ",
        "The keeper of the harbor drank her tea in the cafe|\u0301 at the gate.",
    ],
)
@pytest.mark.parametrize("around", ["{}", "Here is the rest:\n\n{}", "```markdown\n{}\n```"])
def test_text_that_ends_within_a_letter_goes_on_there(text, around):
    previous, rest = text.split("|")
    assert asked(previous, around.format(last_words(previous) + rest)) == rest


def test_words_in_brackets_that_hold_more_announce_no_copy():
    line = '* **wiki:** Updated "binding.gyp" files out in the wild (markdown)'
    answer = f" ([1462755](https://a.example/commit/1462755))\n{line} ([7ab1337](https://a.example/commit/7ab1337))"
    with pytest.raises(BadSeam):
        asked(f"The changes of the year:\n\n{line}", answer)


def test_words_to_copy_begin_with_no_mark_that_parts_a_sentence():
    for chars in range(40, 160):
        text = (
            "孙先生的知名度会更大，" * 20
            + "只是这是怎样的一种知名呢，网络红人不也非常有名吗？如果媒体热炒，"
            + "人" * chars
        )
        assert last_words(text)[0] not in "，？", chars


@pytest.mark.parametrize("marks", ['""', "“”", "「」"])
def test_words_with_an_open_quote_may_stand_in_quotes(marks):
    previous = 'The settings:\n\n- callback: 5\n- try: "the string of github'
    copied = f"{marks[0]}{last_words(previous)}{marks[1]}"
    assert asked(previous, f'{copied} and of the world"\n- since: now') == ' and of the world"\n- since: now'


@pytest.mark.parametrize(
    "text",
    [
        "lib:\n\ttest/data02/two \\\n\ttest/data03/namespace |\\\n\ttest/data03/namespace/portion1 \\\n",
        "one may update them by using the\n:prop_tgt:`LIBRARIES_DIRECT` and|\n:prop_tgt:`LIBRARIES_DIRECT_EXCLUDE`.",
        "The model of the folding list holds the column of the text that was typed, where |the model of it has one.",
        "```cmake\nif(A)\n  if(B)\n    return()\n  endif()|\nendif()\nset(C)\n```",
        "The command:\n\n### read [-ers] [-a 数组] [-d 分隔符] [-n 字符数] |[-N 字符数] [-p 提示]",
        "Changes:\n    + tidy: Drop the constraint in Breaks.\n    + format: Drop the constraint in Replaces.|"
        "\n    + format: Drop the constraint in Breaks.",
        "all:\n\t./verify4 verify4-res.xml a.pem\n\t./encrypt1 encrypt1-tmpl.xml\n\t./encrypt2| encrypt2-doc.xml",
        "The options of it:\n\n      --tcl        |           Tcl mode: input is a file of messages",
        "ไฟล์ของระบบ\n\n- เครื่องมือตัดแบ่ง รุ่น\n- เนวารีดั้งเดิม เนวารีโบราณ เนปาลดั้งเดิม\n- |เครือรัฐหมู่เกาะ",
    ],
)
def test_rest_that_begins_like_the_copy_is_no_stutter(text):
    previous, rest = text.split("|")
    assert asked(previous, last_words(previous) + rest) == rest


@pytest.mark.parametrize(
    ("previous", "answer", "expected"),
    [
        (PROSE, "The product must make refusal easy, and private.", " private."),
        (PROSE, "the Product  must make\nrefusal easy,\nand private.", " private."),
        (
            PROSE,
            "Lenders worry that tools come back late. The product must make refusal easy, and private.",
            " private.",
        ),
        (PROSE, "must make refusal easy, and private.", " private."),
        (PROSE, "The product must make refusal easy, and\n\n- private", "\n\n- private"),
        (PROSE + " ", "The product must make refusal easy, and private.", "private."),
        (PROSE + " pri", "The product must make refusal easy, and private.", "vate."),
        (PROSE, "Here is the rest:\n\nThe product must make refusal easy, and private.", " private."),
        (PROSE, "Sure! Going on: The product must make refusal easy, and private.", " private."),
        (PROSE, "```markdown\nThe product must make refusal easy, and private.\n```", " private."),
        (PROSE, "Here it is:\n\n~~~md\nThe product must make refusal easy, and private.\n~~~\n", " private."),
        (PROSE, '"The product must make refusal easy, and" private.', " private."),
        (PROSE, "**The product must make refusal easy, and** private.", " private."),
        (PROSE, "…The product must make refusal easy, and private.", " private."),
        (PROSE, "> The product must make refusal easy, and private.", " private."),
        (PROSE, "The product **must** make refusal easy, and private.", " private."),
        (PROSE, "The product must make **refusal easy, and** private.", " private."),
        (PROSE, "The product must make refusal easy, and", ""),
        (PROSE, "The product must make refusal easy, and...", ""),
        (PROSE, "The product must make refusal easy, and\n\n", ""),
        (CODE, "    for attempt in range(3):\n        send()\n```\n\nDone.", "\n        send()\n```\n\nDone."),
        (CODE, "```python\n    for attempt in range(3):\n        send()\n```", "\n        send()\n```"),
        (CODE, "for attempt in range(3):\n        send()", "\n        send()"),
        (TABLE, "| requested | accepted | lender |\n| accepted | handed_over | both |", " handed_over | both |"),
        ("- It’s the lender’s “own” tool – and", "- It's the lender's \"own\" tool - and more", " more"),
        ("The café at the corner of the harbour", "The cafe\u0301 at the corner of the harbour opens", " opens"),
        ("One thing.\n\n## Users of the harbour", "## Users of the harbour\n\nThey lend.", "\n\nThey lend."),
        (
            f"{'Words above. ' * 9}\n\n###### Will this feature of the harbor make the work of the members any",
            "of the members any easier?\n\nNo.",
            " easier?\n\nNo.",
        ),
        (
            f"{'Words above. ' * 9}\n\n###### {' '.join(f'w{number}' for number in range(10, 34))} in",
            f"{' '.join(f'w{number}' for number in range(10, 34))} in winter?\n\nNo.",
            " winter?\n\nNo.",
        ),
        ("- bring the drill back\n- ", "- bring the drill back\n- and the ladder", "and the ladder"),
        ("- bring the drill back\n    ", "- bring the drill back\n    - clean", "- clean"),
        ("- bring the drill back\n", "- bring the drill back\n- clean it", "- clean it"),
        ("A", "A loan ends.", " loan ends."),
    ],
)
def test_what_stands_behind_the_copy_is_appended_exactly(previous, answer, expected):
    assert asked(previous, answer) == expected


def test_words_copied_in_quotes_that_the_text_opened_stay_in_them():
    previous = 'The sign at the door says: "Bring the tools'
    assert asked(previous, 'The sign at the door says: "Bring the tools" and leave.') == '" and leave.'


def test_words_quoted_in_a_preface_and_copied_behind_it_are_joined_at_the_copy():
    words = last_words(PROSE)
    assert asked(PROSE, f'Continuing after "{words}":\n\n{words} private.') == " private."


@pytest.mark.parametrize("previous", [PROSE, "Nobody is asked for a reason, and the lender"])
def test_last_words_said_twice_are_refused_where_either_could_be_meant(previous):
    words = last_words(previous)
    with pytest.raises(BadSeam):
        asked(previous, f"{words}{words} private.")


@pytest.mark.parametrize(
    ("previous", "again"),
    [
        ("# ", "# Harbor\n\nIt lends."),
        ("1. ", "1. A member lists a tool."),
        ('"A ', '"A tool is lent'),
        (f"{PROSE} easy.\n\n## 目的", "\n## 目的\n\n室内で植物を育てる人"),
        (f"{PROSE} easy.\n\n## 目的", "\n目的\n\n室内で植物を育てる人"),
        ("| Boat of the harbor | Lamp |\n|:---|---:|", "\n|:---|---:|\n| Tern | 3 |"),
        ("| Boat of the harbor | Lamp |\n|:---|---:|", " |\n|:---|---:|\n| Tern | 3 |"),
        (f"{PROSE} easy.\n\n- **A map.** Distances are ", "- **A map.** shown as walking time"),
        (f"{PROSE} easy.\n\n```python\n    key = make()\n    body = ", "body = {1: 2}"),
        (f"{PROSE} easy.\n\nOver the past decade of the harbor ", "Over the past existence of a member"),
        (f"{PROSE} easy.\n\n> *Note* that the ", "> *Note* members lend"),
    ],
)
def test_words_that_never_stand_twice_are_refused_where_they_come_again(previous, again):
    with pytest.raises(BadSeam):
        asked(previous, last_words(previous) + again)


@pytest.mark.parametrize(
    ("previous", "rest"),
    [
        ("- a tool of the harbor\n", "- a saw of the harbor"),
        (f"{PROSE} easy.\n\n## Tools", "\n\n### Tools of the members"),
        (f"{PROSE} easy.\n\n- minus - ", "minus is plus"),
        ("Without proper documents it is easy for anybody to copy the tools", " without permission, which is bad"),
        ("```python\n# ----------\nlamp = 1\n\n# ----------", "\n# Lamps\n# ----------"),
        ("| Boat of the harbor | Lamp |\n|---|---|", "\n| --- | 3 |"),
        ("| Tool of the harbor | Free | Late |\n|---|---|---|\n| drill | no |", " no |\n| drill | no | no |"),
    ],
)
def test_what_looks_like_the_words_again_and_is_none_is_joined(previous, rest):
    assert asked(previous, last_words(previous) + rest) == rest


@pytest.mark.parametrize(
    ("previous", "answer", "expected"),
    [
        ("A ", "Here is the rest:\n\nA loan ends.", "loan ends."),
        ("A ", "Here is the rest:\n\n```markdown\nA loan ends.\n```", "loan ends."),
        ("**A** ", "Here is the rest:\n\n**A** loan ends.", "loan ends."),
        ("工具", "以下是续写的内容：\n\n工具可以借给邻居。", "可以借给邻居。"),
        ("ครับ", "นี่คือส่วนที่เหลือ:\n\nครับผม", "ผม"),
        ("The ", "Here is the rest:\n\nThen it ends.", None),
        ("The", "Here is the rest:\n\nThen it ends.", None),
        ("A ", "Here is the rest: A loan ends.", None),
        ("A ", "The loans of the harbor.\n\nA loan ends.", None),
    ],
)
def test_a_copy_of_few_letters_below_a_preface_is_found_where_it_is_all_of_the_text(previous, answer, expected):
    assert outcome(previous, answer, expected, copied=previous) == "right"


def test_text_that_repeats_itself_is_copied_once():
    line = "| the same row | of the same table |\n"
    assert join(line * 9, line * 3, mode="reprompt", copied=line) == line * 2


@pytest.mark.parametrize("way", WAYS)
def test_text_cut_anywhere_is_joined_exactly_however_the_words_are_copied(way):
    dice = Random(WAYS_SEED)
    for cut in cuts(260, dice):
        words = last_words(cut.before)
        answer = WAYS[way](words, cut.rest, dice)
        assert join(cut.before, answer, mode="reprompt", copied=words) == cut.rest, (cut, answer)


@given(st.text(alphabet="ab \n.*`", min_size=1, max_size=40), st.text(alphabet="ab \n.*`", max_size=40))
def test_exact_copy_of_any_text_is_joined_exactly_or_refused(previous, rest):
    words = last_words(previous)
    joined = outcome(previous, words + rest, rest if rest.strip() else "", copied=words)
    assert joined != "wrong" or rest.strip(" \n.") == ""


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\n\n"])
@pytest.mark.parametrize(
    ("previous", "rest"),
    [
        (PROSE + " ", "private, and no reason is asked for."),
        ("工具可以借给邻居们使用 也可以 ", "归还 Tuesday"),
        ("सदस्य अपने औज़ार पड़ोसियों को ", "देते हैं।"),
        (TABLE + " handed ", "over | both |"),
    ],
)
def test_a_line_break_for_the_blank_behind_the_words_is_the_blank(previous, rest, line_break):
    kept = outcome(previous, last_words(previous).rstrip() + line_break + rest, rest, copied=last_words(previous))
    assert kept == ("right" if line_break != "\n\n" or previous.startswith(PROSE) else "refused")


@pytest.mark.parametrize(
    ("previous", "rest"),
    [
        ("The members of the harbor lend these tools: ", "\n\n- drills\n- ladders"),
        ("The members of the harbor lend these tools: ", "\n1. drills\n2. ladders"),
        ("The members of the harbor lend their tools. ", "\n\n### Who lends\n\nEverybody."),
        ("A loan of the harbor is made so, ", "\n```python\nrequest()\n```"),
        (TABLE + " handed over | both | ", "\n| handed over | back | both |"),
    ],
)
def test_a_line_break_with_which_a_block_begins_stays_where_the_text_has_a_blank(previous, rest):
    assert asked(previous, last_words(previous).rstrip() + rest) == rest


@pytest.mark.parametrize(
    ("previous", "rest"),
    [
        ("The members of the harbor lend their tools ", "\n- and more"),
        ("The members of the harbor lend their tools. ", "\n\nNobody is asked."),
        (CODE + " ", "\n        send()"),
        ("### The members of the harbor and their ", "\ntools"),
        ("It is said in the book.\n\n[The book of the harbor]: ", "\n#harbor"),
        ("Tool of the harbor | Free | Late\n---|---|---\ndrill of the harbor | ", "\nyes | no"),
    ],
)
def test_a_line_break_that_may_be_the_blank_or_not_is_refused(previous, rest):
    with pytest.raises(BadSeam):
        asked(previous, last_words(previous).rstrip() + rest)


# Without one


@pytest.mark.parametrize(
    ("previous", "answer", "expected"),
    [
        (PROSE, " private, and no reason is asked for.", " private, and no reason is asked for."),
        (PROSE + " ", "private, and no reason is asked for.", "private, and no reason is asked for."),
        (PROSE, ", above all, private.", ", above all, private."),
        (PROSE, "```markdown\n private, and more.\n```", " private, and more."),
        ("工具可以借给邻居", "，但不能借给别人。", "，但不能借给别人。"),
    ],
)
def test_without_a_copy_only_what_can_be_nothing_but_the_next_words_is_joined(previous, answer, expected):
    assert asked(previous, answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "There is nothing to add; the section is complete.",
        "The section is already complete. Nothing more is needed.",
        "(No further text.)",
        "Der Abschnitt ist vollständig.",
        "没有需要补充的内容。",
        "इस अनुभाग में जोड़ने के लिए कुछ नहीं है।",
        "I'm sorry, but I can't see the text.",
        "private.",  # a blank may be missing
        "Harbor lets the people of a street lend each other tools.",
        "The weather of the mountains changes quickly.",
        "## Harbor\n\nHarbor is a product.",
        "```python\nprint(1)\n```",
        "refusal easy to make",
        f"estions\n[open]: {last_words(PROSE)}\n\nMore.",
        "\n\nLenders are cautious.",
        " შეიყვანეთ მთელი რიცხვი.",
    ],
)
@pytest.mark.parametrize("previous", [PROSE, "这些工具属于邻居们，可以在任何一天借用", "The work ends here."])
def test_answer_without_a_copy_is_refused(previous, answer):
    with pytest.raises(BadSeam):
        asked(previous, answer)


FLAG = (
    "A flag of the harbor tells each of the members which of the lamps at the long pier is lit. It is kept in a file, "
    "so that the keeper can figure out whether a `lamp_at_pier` was lit before the boats of the members came "
    "home with an "
)


@pytest.mark.parametrize(
    "fault",
    [
        ("figure", "find"),
        ("whether a", "if some"),
        ("boats of the members", "members' boats"),
        ("home with an ", "home with "),
        ("lamp_at_pier", "lamp\\_at\\_pier"),
        ("of the lamps at the", "at the lamps of the"),
    ],
)
def test_copy_with_a_fault_is_not_taken_for_the_next_words(fault):
    words = last_words(FLAG)
    answer = words.replace(*fault) + "empty hold, and tells it to everybody who waits for them at the pier of the town."
    assert words[0].islower()
    assert answer.startswith(words) == (fault[0] not in words)
    assert outcome(FLAG, answer, answer[len(words) :], copied=words) in ("refused", "right")


def test_fence_around_the_last_words_alone_is_refused():
    words = last_words(PROSE)
    for behind in (" private.", "private.", "The lender says no.\n\n" * 40):
        with pytest.raises(BadSeam):
            asked(PROSE, f"```\n{words}\n```\n\n{behind}")
    assert asked(PROSE, f"```\n{words}\n```") == ""
    assert asked(CODE, f"```python\n{last_words(CODE)}\n```\n\nDone.") == "\n```\n\nDone."


@pytest.mark.parametrize("rest", [" private.\n> \n> Nobody asks.", " private.\n> Nobody asks."])
def test_quotation_around_the_answer_is_refused(rest):
    with pytest.raises(BadSeam):
        asked(PROSE, f"> {last_words(PROSE)}{rest}")
    with pytest.raises(BadSeam):
        asked(f"{PROSE} private.\n\n", f"> {last_words(PROSE)} private.\n> \n> Nobody asks.")
    with pytest.raises(BadSeam):
        asked(f"{PROSE} a -> b", f"> {last_words(PROSE)} a -> b{rest}")
    words = "The product must make refusal easy for all of the members, and"
    with pytest.raises(BadSeam):
        join(f"{PROSE}\n\n<b> {words}", f"> {words}{rest}", mode="reprompt", copied=words)


def test_longer_fence_around_an_answer_within_code_is_none_of_the_code():
    assert asked(CODE, f"`````\n{last_words(CODE)}\n        send()\n`````") == "\n        send()"


def test_reason_never_quotes_the_answer():
    with pytest.raises(BadSeam) as refusal:
        asked(PROSE, "The weather of the mountains changes quickly.")
    assert "weather" not in str(refusal.value)


@pytest.mark.parametrize("knows_words", [False, True])
def test_given_joints_are_joined_right_or_refused(knows_words):
    table = Counter(
        outcome(
            joint["previous"],
            joint["answer"],
            joint["append"],
            copied=last_words(joint["previous"]) if knows_words else "",
            mode=joint["mode"],
        )
        for joint in given_joints()
    )
    assert table["wrong"] == 0
    assert table["refused"] <= 22


# A text that repeats itself


@pytest.mark.parametrize("way", WAYS)
def test_text_that_repeats_itself_is_joined_exactly_behind_the_whole_copy(way):
    dice = Random(WAYS_SEED)
    for cut in repeating_cuts(12, dice):
        words = last_words(cut.before)
        answer = WAYS[way](words, cut.rest, dice)
        assert outcome(cut.before, answer, cut.rest, copied=words) != "wrong", (cut, answer)


@pytest.mark.parametrize("part", PARTS)
def test_text_that_repeats_itself_is_not_joined_at_a_place_that_could_be_another(part):
    """Where the answer happens to begin with all of the words nobody can tell it from a copy."""
    wrong = []
    cuts_made = repeating_cuts(40, Random(WAYS_SEED))
    for cut in cuts_made:
        words = last_words(cut.before)
        answer = PARTS[part](words, cut.rest)
        if outcome(cut.before, answer, cut.rest, copied=words) == "wrong":
            wrong.append((cut, answer))
    assert len(wrong) <= len(cuts_made) // 100, wrong[:3]


@pytest.mark.parametrize(
    ("previous", "answer"),
    [
        ("So it is said. The tide goes out. The tide", "goes out. The tide goes out. The end."),
        ("| a | lit |\n| b | lit |\n| b | lit |\n| b |", " lit |\n| b | lit |\n| b | lit |"),
        ("First the lamp at the gate is lit. Then the", "Then the lamp at the gate is lit. First the"),
        (
            "The verse of the spring.\n\nSo the tide goes out.",
            "The verse of autumn.\n\nSo the tide goes out.\n\nThe end.",
        ),
    ],
)
def test_words_that_may_be_copied_or_new_are_refused(previous, answer):
    with pytest.raises(BadSeam):
        asked(f"The book of the harbor begins here.\n\n{previous}", answer)


def test_whole_copy_is_found_however_often_its_words_repeat_themselves():
    previous = "He laughed: " + "ha " * 100
    words = last_words(previous)
    assert asked(previous, f"{words}ha ha ha. Then he slept.") == "ha ha ha. Then he slept."


def test_words_to_copy_hold_letters():
    assert "harbor" in last_words("The book of the harbor.\n\n" + "-" * 60)


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
        ("The end.\n", "\n"),
        ("The end.\n\n", "\n\n"),
        ("The end.\r\n", "\r\n"),
        ("def f():\n    ", "\n    "),
        ("def f():\n    ret", "\n    ret"),
        ("- one\n- ", ""),
        ("- one\n-", "\n-"),
        ("see https:", "https:"),
        ("see https://example.org/a.", "https://example.org/a."),
        ("see [it](https://example.org/" + "a" * 200, "[it](https://example.org/" + "a" * 200),
        ("x" * 65, ""),
        ("a " + "x" * 64, "x" * 64),
        ("工具可以借给邻居们使用也可以归还", "邻居们使用也可以归还"[-8:]),
        ("", ""),
    ],
)
def test_last_word_and_line_breaks_wait_for_more(text, held):
    assert text[certain(text) :] == held


CLUSTERS = [
    ["ก", "ำ", "ลั", "ง", "เขี", "ย", "น", "น้ำ", "ที่", "ก็"],
    ["क्षि", "हि", "न्दी", "त्र", "र्क", "की"],
    ["👨‍👩‍👧", "🏳️‍🌈", "👍🏽", "1️⃣", "❤️"],
    ["🇩🇪", "🇫🇷"],
    ["각", "\u1100\u1161\u11a8", "\u1112\u1161\u11ab"],
    ["مُ", "حَ", "مَّ", "دٌ"],
    ["ກຳ", "ເຂົ້", "າ", "ន្ត្រី", "ខ្មែ", "မြ", "န်", "བ", "སྒྲུ"],
    ["か\u3099", "ﾊﾞ", "字\U000e0100", "文"],
    ["e\u0301", "n\u0303\u0323", "x"],
]


@pytest.mark.parametrize("clusters", CLUSTERS, ids=lambda clusters: clusters[0])
@given(data=st.data())
def test_nothing_is_committed_between_a_letter_and_its_marks(clusters, data):
    parts = data.draw(st.lists(st.sampled_from(clusters), min_size=30, max_size=60))
    text = "".join(parts)
    ends = {sum(map(len, parts[:count])) for count in range(len(parts) + 1)}
    at = data.draw(st.integers(0, len(text)))
    assert certain(text[:at]) in ends


@given(st.text(max_size=80))
def test_what_is_certain_stays_a_part_of_the_text(text):
    assert 0 <= certain(text) <= len(text)


@pytest.mark.parametrize(
    ("text", "fence"),
    [
        ("```py\nx", "```"),
        ("```py\nx\n```", ""),
        ("````md\n```\nx\n```", "````"),
        ("- a\n  ```sh\n  x", "```"),
        ("~~~\n```\n~~~", ""),
        ("> ```\n> x", "```"),
    ],
)
def test_open_fence_is_known(text, fence):
    assert open_fence(text) == fence
