"""Thoughts and the marks of chat templates in a text: taken out where they leak, kept where a text is about them."""

from __future__ import annotations

from typing import Any

import pytest

from generation.errors import ProviderRefused
from generation.markdown.places import OPEN_LINE_CHARS, Place
from generation.providers.base import FinishReason
from generation.providers.openai_compatible.answer import thoughts as thoughts_module
from generation.providers.openai_compatible.answer.thoughts import Thoughts
from generation.providers.openai_compatible.client import OpenAICompatible
from tests.artifacts.preview.oracles.prices import calls_of
from tests.generation.providers.test_openai_compatible import Answered, asking, call
from tests.support.endpoint.openai_raw import DONE, HEAD, Reply, http, json_document, raw_server, says

HARMONY = "<|channel|>analysis<|message|>We need a text.<|end|><|start|>assistant"

LEAKED = [
    ("<think>Hm.</think>Hi", "Hi"),
    (" \n<Thinking>Hm.</THINKING>\n\nHi", "Hi"),
    (" <reasoning>Hm.</reasoning> Hi", "Hi"),
    ("<seed:think>Hm.</seed:think>Hi", "Hi"),
    ("<antThinking>Hm.</antThinking>Hi", "Hi"),
    ("<internal_reasoning>Hm.</internal_reasoning>Hi", "Hi"),
    ("<unused94>thought\nHm.<unused95>Hi", "Hi"),
    ("[THINK]Hm.[/THINK]Hi", "Hi"),
    ("<｜begin▁of▁thinking｜>Hm.<｜end▁of▁thinking｜>Hi", "Hi"),
    ('<details style="color:gray" open>\n<summary> Thinking... </summary>\n\nHm.\n\n</details>\n\nHi', "Hi"),
    ("<details><summary>💭 Thought for 3 seconds</summary>\n> Hm.\n</details>Hi", "Hi"),
    ("<details>\n<summary>已深度思考（用时 3 秒）</summary>\nHm.\n</details>\n\nHi", "Hi"),
    ("<think>Hm.</think>\n<answer>\nHi <output>\n</answer>\n", "Hi <output>\n"),
    ("<think>Hm.</think><final_answer>Hi `</final_answer>` you</final_answer>", "Hi `</final_answer>` you"),
    ("◁think▷Hm.◁/think▷Hi", "Hi"),
    ("<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Hi<|END_RESPONSE|>", "Hi"),
    ("Here is my thought process:\nHm.\n\nHere is my response:\nHi", "Hi"),
    ("</think>\n\nHi", "Hi"),
    ("<think>\n\n</think>\n\nHi", "Hi"),
    ("<think> and so on", ""),
    ("<think>One.</think>\n<think>Two.</think>\n\nHi", "Hi"),
    # After the first line, and in the middle.
    ("First.\n<think>\nHm.\n</think>\nSecond.", "First.\nSecond."),
    ("First.\n\n<think>\nHm.\n</think>\n\nSecond.", "First.\n\nSecond."),
    ("First.\n<think>Hm.</think>\n\nSecond.", "First.\n\nSecond."),
    ("First.<think>\nHm.\n\nHm.\n</think>\n\nSecond.", "First.\n\nSecond."),
    ("First. <think>Let me see what comes next here.</think> Second.", "First. Second."),
    ("First.\n\n<reasoning>\nHm.\n</reasoning>\n\nSecond.", "First.\n\nSecond."),
    ("First.\n\n<think>and it ends here", "First.\n\n"),
    # Channels of a server without its parser.
    (f"{HARMONY}<|channel|>final<|message|>Hi", "Hi"),
    (f"<|start|>assistant{HARMONY}<|channel|>final<|message|>Hi<|return|>", "Hi"),
    (
        f"{HARMONY}<|channel|>commentary to=x <|constrain|>json<|message|>{{}}<|call|><|channel|>final<|message|>Hi",
        "Hi",
    ),
    ("<|channel|>final<|message|>Hi<|end|>", "Hi"),
    ("<|channel|>analysis<|message|>and it ends", ""),
    ("analysisWe need a text.assistantfinalHi", "Hi"),
    ("<|channel>thought\nHm.<channel|>Hi<turn|>", "Hi"),
    # Marks at the two ends.
    ("<｜begin▁of▁sentence｜>Hi.", "Hi."),
    *(
        (f"Hi.{mark}", "Hi.")
        for mark in (
            "<|im_end|>",
            "<|eot_id|>",
            "</s>",
            "<|endoftext|>",
            "<end_of_turn>",
            "<eos>",
            "<|file_separator|>",
            "<｜User｜>",
            "<｜begin▁of▁sentence｜>",
        )
    ),
    *((f"Hi.\n{mark}\n", "Hi.\n") for mark in ("<|IM_END|>", "<|end|>", "<|return|>", "<｜end▁of▁sentence｜>")),
    ("Hi.<|im_end|><|endoftext|>", "Hi."),
    ("Hi.<|im_end|>\n<|im_start|>user\nAnd you?<|im_end|>\n<|im_start|>assistant\nHm", "Hi."),
    ("Hi.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nAnd you?", "Hi."),
    ("One.<|im_end|>\nTwo.", "One.\nTwo."),
    ("<|im_start|>assistant\nHi", "Hi"),
    ("<|start_header_id|>assistant<|end_header_id|>\n\nHi", "Hi"),
    ("<start_of_turn>model\nHi", "Hi"),
    ("<|assistant|>\nHi", "Hi"),
    ("```\nlamp\n```<|im_end|>", "```\nlamp\n```"),
    # Behind a sentence and a blank, and stuck to a word.
    ("One. </s>\nTwo.", "One. \nTwo."),
    ("One. <|im_end|>\n\nTwo.", "One. \n\nTwo."),
    ("The lamp<|eot_id|> turns.", "The lamp turns."),
    ("One.<｜end▁of▁sentence｜> Two.", "One. Two."),
]
FIRST = [
    # Thoughts only at the beginning, with attributes too.
    ("<analysis>Hm.</analysis>Hi", "Hi"),
    ("<analysis>\nHm.\n\nHm.\n</analysis>\n\nHi", "Hi"),
    ("<inner_thoughts>Hm.</inner_thoughts>\nHi", "Hi"),
    ("<scratchpad>\nHm.\n</scratchpad>\nHi", "Hi"),
    ('<think time="3">Hm.</think>Hi', "Hi"),
    ('<details type="reasoning" done="true">\n<summary>Thought</summary>\n> Hm.\n</details>\nHi', "Hi"),
    ("<analysis>One.</analysis>\n<reflection>Two.</reflection>\n\nHi", "Hi"),
    # Heads of a turn, and their names alone.
    ("<|im_start|>assistant<|im_sep|>Hi", "Hi"),
    ("<|start_of_role|>assistant<|end_of_role|>Hi", "Hi"),
    ("<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>Hi", "Hi"),
    ("<|im_assistant|>assistant<|im_middle|>Hi", "Hi"),
    ("<role>ASSISTANT</role>Hi", "Hi"),
    ("[gMASK]<sop><|assistant|>\nHi", "Hi"),
    ("]~b]ai\nHi[e~[", "Hi"),
    ("assistant\n\nHi", "Hi"),
    ("<s>Hi there.</s>", "Hi there."),
    # Turns that the model writes for others.
    ("Hi.</s> [INST] More? [/INST] Yes.", "Hi."),
    ("Hi.\n[INST] More? [/INST] Yes.", "Hi.\n"),
    ("Hi.<|end|><|assistant|> Good day!", "Hi."),
    ("Hi.<|user|>\nAnd you?", "Hi."),
    ("Hi.assistant\n\nGood day!", "Hi."),
    ("Hi.assistant", "Hi."),
    ("Hi.<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>More", "Hi."),
    ("Hi[e~[\n]~b]user\nMore", "Hi"),
    # Where the answer ends in code, or within a mark.
    ("```python\nlamp()\n<|im_end|>", "```python\nlamp()\n"),
    ("Hi.<|im_e", "Hi."),
]
MARKS = (
    *("[/INST]", "[EOS]", "<|endofresponse|>", "<|im_end|>", "<im_end>", "<|eot_id|>", "<|eot|>", "<|eom|>"),
    *("<end_of_turn>", "</s>", "<|end_of_text|>", "<|END_OF_TURN_TOKEN|>", "<|assistant|>", "<|return|>", "<|EOT|>"),
    *("<｜end▁of▁sentence｜>", "<|endoftext|>", "<|turn_end|>", "[|endofturn|]", "<|message_sep|>", "<|end_of_turn|>"),
    *("[e~[", "<seed:eos>", "<|flush|>", "<turn|>", "<pad>", "<｜hy_place▁holder▁no▁2｜>", "<|extra_0|>", "[PAD]"),
    *("<|user|>", "<|im_start|>", "<|a_mark_of_tomorrow|>"),
)
ABOUT = [
    *(about for mark in MARKS for about in (f"The mark {mark} ends a turn.\n", f"```\nHi.{mark}\n```\n\nSo `{mark}`.")),
    "| mark | of |\n|---|---|\n| [/INST] | Llama 2 |\n| x | <|endofresponse|> |\n",
    "The marks <|im_end|> <|eot_id|> end turns, [EOS] a text.",
    "A turn ends with <|im_end|>, a text with <|endoftext|>\n\nAnd with <|eos|>",
    "The report:\n\n<analysis>\nHm.\n</analysis>\n\nEnd.",
    "```xml\n<analysis>x</analysis>\n```",
    "The element `<analysis>` holds it, and <scratchpad> holds that.",
    "See [the lamp](http://x), [x], [^1] and [INSTALL].\n\n- [ ] a\n- [x] b\n\n[^1]: A note",
    "x |> f <| y, a <|> b, and a[e] ]",
    "<details>\n<summary>x</summary>\ny\n</details>",
    "assistant of the lamp",
    "Assistant\n\nHe helps.",
    "He asks the assistant\n\nand the assistant.\n\n- one assistant\n- assistant\n\nIn `assistant`, an assis",
    "a <think> b </think> c",
    "It writes its thoughts between <think> and </think> and then answers.\n",
    "The tag `<think>` opens.\n\n```text\n<think>\nHm.\n</think>\n<|im_end|>\n```\n\nDone: `<|im_end|>`",
    "~~~\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n~~~\n",
    "As code:\n\n    <think>\n    Hm.\n    </think>\n",
    "| mark | of |\n|---|---|\n| `<\\|im_end\\|>` | ChatML |\n| `<|eot_id|>` | Llama |\n",
    "The mark <|im_end|> ends a turn, and <|channel|> names a channel.\n",
    "<s>old</s> and <s>older</s>",
    "Harmony: `<|channel|>analysis<|message|>`, then ``<|start|>assistant``.",
    "<thin air> is text, 1 < 2, a <b>c</b>, <",
    "In <code><think></code> it thinks.",
    "A thought <thought> is no tag here, nor is <reasoning>.",
    "- `</s>`\n- `<eos>`",
    "<answer>Yes.</answer>\n\nAn <output> of a form.\n</output>",
    "  \n <b>",
    "analysis of the lamp",
    "<details>\n<summary>Thinking behind the lamp</summary>\n\nIt turns.\n\n</details>\n\nMore.",
    "<details><summary>Reasoning</summary>It turns.</details>",
    "<details open>",
    "Here is my thought",
]


def read(text: str, step: int, **options: Any) -> str:
    thoughts = Thoughts(**options)
    given = "".join(thoughts.feed(text[at : at + step]) for at in range(0, len(text), step))
    return given + thoughts.rest()


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 11, 1_000])
def test_no_thought_and_no_mark_is_in_the_text(step):
    for text, expected in [*LEAKED, *FIRST]:
        assert read(text, step) == expected, text
        assert read(text, 1_000, is_whole=True) == expected, text


def test_element_around_an_answer_is_no_text_behind_a_thought_that_came_apart():
    thoughts = Thoughts()
    thoughts.come_apart("Hm.")
    assert thoughts.feed("<answer>Hi</answer>") + thoughts.rest() == "Hi"


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 11, 1_000])
def test_text_about_such_marks_stays(step):
    for text in ABOUT:
        assert read(text, step) == text, text
        assert read(text, 1_000, is_whole=True) == text, text
        assert read(f"Before.\n\n{text}\nafter", step) == f"Before.\n\n{text}\nafter", text


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("step", [1, 4, 1_000])
def test_mark_of_a_template_at_the_two_ends_is_no_text(mark, step):
    for text in ("Hi.", "Hi there", "- one\n- **two**", "```\nlamp\n```", "| a |\n|---|\n| b |", "So `lamp`"):
        for space in ("", " ", "\n", "\n\n"):
            assert read(f"{text}{space}{mark}", step) == f"{text}{space}"
            assert read(f"{text}{space}{mark}\n", step) == f"{text}{space}"
        assert read(f"{text}{mark}{mark}<|endoftext|>\n", step) == text
        assert read(f"{mark}{text} It turns.{mark}", step) == f"{text} It turns."
        assert read(f"{mark}\n{text}", step) == text


@pytest.mark.parametrize("mark", ["[/INST]", "<s>", "</s>", "<|im_end|>", "[PAD]", "<bos>"])
@pytest.mark.parametrize("step", [1, 4, 1_000])
def test_blanks_around_a_mark_part_the_words_of_a_text_that_is_gone_on_with(mark, step):
    for answer in (f"{mark} lamp", f" {mark} lamp", f" {mark}lamp"):
        assert read(answer, step, begun="The old", goes_on=True) == " lamp", answer
        assert read(answer, step, begun="The old ", goes_on=True).strip(" ") == "lamp", answer
    for answer in (f"{mark}\n\nNobody", f"\n{mark}\nNobody", f"\n\n{mark}Nobody"):
        assert read(answer, step, begun="It is old.", goes_on=True) in ("\n\nNobody", "\nNobody"), answer
    assert read(f"{mark}s", step, begun="The lamp", goes_on=True) == "s"


def test_answer_that_is_answered_once_more_is_not_whole():
    thoughts = Thoughts()
    assert thoughts.feed("The lamp turns. [/INST] It is lit.") == "The lamp turns. "
    assert (thoughts.is_over, thoughts.is_cut, thoughts.ends_turn) == (True, True, False)


def test_marks_that_an_answer_copies_from_the_text_before_it_stay():
    begun = "The turn ends with `<|im_end|>` and begins with <analysis>x</analysis>"
    for answer in ("<|im_end|>` and more", "<analysis>x</analysis> is kept", "<|im_end|>\n```\n"):
        assert read(answer, 3, begun=begun) == answer


def test_answer_that_goes_on_in_a_code_block_keeps_its_marks():
    assert read("x<|im_end|>\n```\n", 3, begun="As code:\n\n```\n") == "x<|im_end|>\n```\n"


@pytest.mark.parametrize(
    "beginning", ["Okay, the user wants it.", "Hmm", "We need to write.", "嗯，我需要写", "The user wants x"]
)
@pytest.mark.parametrize("step", [1, 4, 1_000])
def test_thought_without_an_opening_is_held_back_until_it_ends(beginning, step):
    text = f"{beginning}\nSo.\n</think>\n\nThe lamp."
    assert read(text, step) == "The lamp."
    plain = f"{beginning}\n\nThe lamp."
    assert read(plain, step) == plain, "it was no thought after all"


LAMPS = "I think that lamps are seen from far away. They turn, and the sea is dark. "
TALKS = "The user wants a lamp. I should say so. Wait, maybe I need more, let me see. "


@pytest.mark.parametrize(
    ("begins", "goes_on", "each_s", "least", "most"),
    [
        ("I think that lamps are seen.", " They turn.", 0.5, 0.0, thoughts_module.SUSPECTED_S),
        ("I think that lamps are seen.", " They turn.", 0.0, 0.0, 0.0),
        ("We need to write. ", TALKS, 1.0, thoughts_module.SUSPECTED_S + 1, thoughts_module.MOST_SUSPECTED_S),
        ("好的，用户想要一份文件。", "我需要写灯塔。我应该说它很亮。", 1.0, 10.0, thoughts_module.MOST_SUSPECTED_S),
    ],
)
def test_text_that_begins_like_a_thought_is_held_back_within_bounds(begins, goes_on, each_s, least, most):
    now_s = 0.0
    thoughts = Thoughts(now_s=lambda: now_s)
    sent, given = begins, thoughts.feed(begins)
    while not given:
        assert thoughts.suspected == sent
        now_s += each_s
        sent, given = sent + goes_on, thoughts.feed(goes_on)
    assert given == sent
    assert least <= now_s <= most
    assert len(sent) <= thoughts_module.MOST_SUSPECTED_CHARS + len(goes_on)


def test_thought_that_ends_after_it_was_given_as_text_is_told():
    thoughts = Thoughts()
    assert thoughts.feed(LAMPS * 30) == LAMPS * 30
    thoughts.feed("\n</think>\n\nThe lamp.")
    assert thoughts.is_lost


@pytest.mark.parametrize("known", [None, False])
def test_answer_that_breaks_off_keeps_what_is_not_known_to_be_a_thought(known):
    thoughts = Thoughts(opens=known)
    assert thoughts.feed("We need to write.") == ""
    assert thoughts.suspected == thoughts.rest(is_broken=True) == ("" if known is False else "We need to write.")


@pytest.mark.parametrize("text", ["Harbours need light.\n\nI think so.", "Oak is used.", "Alright"])
def test_text_that_begins_like_text_is_given_at_once(text):
    thoughts = Thoughts(opens=True)
    assert "".join(thoughts.feed(letter) for letter in text) == text


def test_long_text_costs_no_time_for_its_marks():
    text = "A line about `<|im_end|>` and `<think>`, in code.\n" * 4_000
    assert read(text, 9) == text


def test_any_number_of_thoughts_may_come_at_once():
    text = "<think>Hm.</think>\n" * 700
    for options in ({}, {"is_whole": True}):
        assert read(f"{text}The lamp.", 100_000, **options) == "The lamp."


@pytest.mark.parametrize("line", ["</think>\n", "</think> "])
def test_end_of_a_thought_in_code_is_judged_at_no_more_cost_the_more_there_are(line):
    costs = [
        calls_of(lambda times=times: read(f"Okay\n```\n{line * times}", 100_000, opens=False)) for times in (200, 800)
    ]
    assert costs[1] < 5 * costs[0]


def test_code_spans_of_a_line_are_paired_as_markdown_pairs_them():
    for line, is_code in (("a `b", True), ("a `b` c", False), ("``a` b", True), ("``a` b`` c", False), ("`a``b", True)):
        assert Place(line).is_code == is_code, line
    long = Place("`a` " * 5_000)
    assert not long.is_code
    assert len(long.line) <= OPEN_LINE_CHARS


# On the wire


async def answers(*replies: Reply, count: int = 1, **options: Any) -> tuple[list[Answered], OpenAICompatible]:
    async with raw_server(*replies) as server:
        provider = OpenAICompatible(base_url=server.base_url, continuation="reprompt")
        answered = [await call(provider, **options) for _ in range(count)]
        await provider.aclose()
    return answered, provider


def streamed(text: str, finish: str = "stop", step: int = 4) -> Reply:
    return [HEAD, *(says(text[at : at + step]) for at in range(0, len(text), step)), says("", finish), DONE]


UNOPENED = "The lamp is to be described, so a summary first.\n</think>\n\nThe lamp."


@pytest.mark.asyncio
async def test_thought_that_came_as_text_is_told_and_known_from_then_on():
    (first, second, third), _ = await answers(streamed(UNOPENED), count=3)
    assert isinstance(first.error, ProviderRefused)
    assert "Regenerate" in first.error.detail
    assert [second.text, third.text] == ["The lamp."] * 2
    assert second.finish.reasoned


@pytest.mark.asyncio
async def test_thought_that_uses_up_the_tokens_is_no_text_once_the_model_is_known():
    (_, second), _ = await answers(streamed(UNOPENED), streamed("The lamp is to be", "length"), count=2)
    assert (second.text, second.finish.reason, second.finish.reasoned) == ("", FinishReason.TRUNCATED, True)


@pytest.mark.asyncio
async def test_model_whose_text_only_began_like_a_thought_is_not_held_back_again():
    (first, second), _ = await answers(streamed("Okay, this is text."), count=2)
    assert first.text == second.text == "Okay, this is text."
    assert (len(first.lives) > 2, any(life.is_thinking for life in second.lives)) == (True, False)


@pytest.mark.asyncio
@pytest.mark.parametrize("content", [UNOPENED, "Hm.</think>\nThe lamp.", "<think>Hm.</think>\n\nThe lamp."])
async def test_thought_in_a_whole_answer_is_no_text(content):
    (answered,), _ = await answers(http(json_document(content)), delivery="turns")
    assert (answered.text, answered.finish.reasoned) == ("The lamp.", True)


@pytest.mark.asyncio
async def test_turn_that_the_model_writes_for_another_ends_the_answer():
    text = "The lamp.<|im_end|>\n<|im_start|>user\nMore!<|im_end|>\n"
    (answered,), _ = await answers(streamed(text * 3, "length"))
    assert (answered.text, answered.finish.reason) == ("The lamp.", FinishReason.COMPLETE)


@pytest.mark.asyncio
async def test_begun_answer_is_gone_on_with_as_it_came():
    async with raw_server(streamed("Okay, and so on.")) as server:
        provider = OpenAICompatible(base_url=server.base_url, continuation="prefill", model="m")
        answered = await call(provider, asking(begun="It is "))
        assert answered.text == "Okay, and so on."
        assert not any(life.is_thinking for life in answered.lives)
        await provider.aclose()
