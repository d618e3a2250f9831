"""How answers end on the wire, in all the ways that endpoints have, and where their text stands."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest

from generation.errors import ProviderUnavailable
from generation.providers.base import FinishReason
from generation.providers.openai_compatible.answer.cumulative import Cumulative
from generation.providers.openai_compatible.answer.finishes import reason_of
from generation.providers.openai_compatible.client import OpenAICompatible
from tests.generation.providers.test_openai_compatible import Answered, asking, call
from tests.support.endpoint.openai_raw import DONE, HEAD, Reply, chunk, event, http, json_document, raw_server, says

pytestmark = pytest.mark.asyncio

TEXT = "The lamp – 灯台 – turns once in ten seconds. 🚣🏽\n\n- It is seen\n- at 20 miles\n"
PIECES = [TEXT[at : at + 6] for at in range(0, len(TEXT), 6)]
USAGE = {"prompt_tokens": 5, "completion_tokens": 20}
ROLE = chunk({"role": "assistant", "content": ""})


async def answer(*replies: Reply, stall_s: float = 2.0, delivery: str = "stream", **options: Any) -> Answered:
    async with raw_server(*replies) as server:
        provider = OpenAICompatible(base_url=server.base_url, first_piece_s=3, stall_s=stall_s, continuation="reprompt")
        try:
            return await call(provider, delivery=delivery, **options)
        finally:
            await provider.aclose()


async def streamed(*events: bytes | float, **options: Any) -> Answered:
    """The answer that these events are; the connection closes behind them."""
    return await answer([HEAD, *events], **options)


def pieces(finish: object = None) -> list[bytes]:
    return [says(piece, finish) for piece in PIECES]


# The word


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            "stop STOP end_turn END_TURN stop_sequence COMPLETE eos eos_token eosFound EOS end done normal finished "
            "completed FINISH_REASON_STOP stop_str end_of_text end-of-turn stopped_eos success natural_stop eot </s>",
            FinishReason.COMPLETE,
        ),
        (
            "length LENGTH max_tokens MAX_TOKENS maxTokens max_output_tokens model_length FINISH_REASON_MAX_TOKENS "
            "model_context_window_exceeded token_limit stopped_limit max_new_tokens truncated context_length",
            FinishReason.TRUNCATED,
        ),
        (
            "content_filter content_filter:PROHIBITED_CONTENT function_call_filter:X sensitive SAFETY RECITATION "
            "refusal BLOCKLIST blocked SPII ERROR_TOXIC guardrail_intervened content_filtered IMAGE_SAFETY",
            FinishReason.FILTERED,
        ),
        ("tool_calls function_call tool_use MALFORMED_FUNCTION_CALL TOOL_CALL", FinishReason.TOOL),
        ("error network_error abort insufficient_system_resource cancelled USER_CANCEL timeout", FinishReason.ERROR),
        ("incomplete pause_turn OTHER in_progress generating whatever 7", FinishReason.INTERRUPTED),
        ("null None none unspecified", None),
    ],
)
async def test_words_of_one_meaning_are_one_reason(words, reason):
    assert {word: reason_of(word) for word in words.split()} == dict.fromkeys(words.split(), reason)


async def test_filter_words_with_anything_behind_them_are_filtered():
    answered = await streamed(*pieces(), says("", "content_filter: PROHIBITED_CONTENT"), DONE)
    assert answered.finish.reason is FinishReason.FILTERED


@pytest.mark.parametrize("word", [None, "", "null"])
@pytest.mark.parametrize(
    "done", [DONE, b"data: [done]\n\n", b'data: "[DONE]"\n\n', b"data:[DONE]", event({"done": True})]
)
async def test_done_after_text_is_complete_without_a_word(word, done):
    answered = await streamed(ROLE, *pieces(word), done)
    assert (answered.text, answered.finish.reason) == (TEXT, FinishReason.COMPLETE)


async def test_without_a_word_and_without_done_it_is_interrupted():
    assert (await streamed(*pieces())).finish.reason is FinishReason.INTERRUPTED


@pytest.mark.parametrize("cut", ["It is lit, and ", "It burns with the", "灯每十秒转一圈，", "Oil.\n\n- "])
async def test_done_without_a_word_within_a_sentence_is_interrupted(cut):
    pieces = [says(piece) for piece in re.findall(r"\S+\s*", cut)]
    assert (await streamed(ROLE, *pieces, DONE)).finish.reason is FinishReason.INTERRUPTED
    assert (await streamed(ROLE, *pieces, says("", "stop"), DONE)).finish.reason is FinishReason.COMPLETE
    assert (await streamed(ROLE, *pieces, says("more"), DONE)).finish.reason is FinishReason.COMPLETE


async def test_done_without_a_word_is_truncated_where_the_limit_was_reached():
    at_limit = event({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 20}})
    assert (await streamed(*pieces(), at_limit, DONE, max_tokens=20)).finish.reason is FinishReason.TRUNCATED
    # Nobody counts: as many pieces as the limit has tokens.
    assert (await streamed(*pieces(), DONE, max_tokens=len(PIECES))).finish.reason is FinishReason.TRUNCATED


@pytest.mark.parametrize(("usage", "reason"), [(USAGE, FinishReason.COMPLETE), (None, FinishReason.INTERRUPTED)])
async def test_document_without_a_word_is_complete_where_the_usage_says_so(usage, reason):
    body = json_document(TEXT, None, usage=usage)
    answered = await answer(http(body), delivery="turns")
    assert (answered.text, answered.finish.reason) == (TEXT, reason)


@pytest.mark.parametrize("end", [[DONE], [], [event({"choices": [], "usage": USAGE}), DONE]])
async def test_stop_with_every_piece_is_no_end(end):
    events: list[bytes | float] = [ROLE]
    for piece in PIECES[:5]:
        events += [says(piece, "stop"), 0.5]
    answered = await streamed(*events, says("".join(PIECES[5:]), "stop"), *end, stall_s=0.8)
    assert (answered.text, answered.finish.reason) == (TEXT, FinishReason.COMPLETE)


async def test_stop_with_every_piece_and_then_silence_is_interrupted():
    answered = await streamed(*pieces("stop")[:3], 5.0, stall_s=0.3)
    assert (answered.text, answered.finish.reason) == ("".join(PIECES[:3]), FinishReason.INTERRUPTED)


async def test_text_behind_a_finish_is_text():
    answered = await streamed(says("One. ", "stop"), says("Two."), DONE)
    assert (answered.text, answered.finish.reason) == ("One. Two.", FinishReason.COMPLETE)
    assert (await streamed(says("One. ", "stop"), says("Two."))).finish.reason is FinishReason.INTERRUPTED


@pytest.mark.parametrize(("usage", "reason"), [(USAGE, FinishReason.COMPLETE), (None, FinishReason.TRUNCATED)])
async def test_length_with_every_piece_is_judged_by_the_usage(usage, reason):
    answered = await streamed(*pieces("length"), event({"choices": [], "usage": usage}), DONE)
    assert (answered.text, answered.finish.reason) == (TEXT, reason)


@pytest.mark.parametrize("last", [says("", "stop"), says("!", "stop")])
async def test_silence_while_the_usage_is_awaited_keeps_the_answer(last):
    answered = await streamed(*pieces(), last, b": ping\n\n", 10.0, stall_s=0.4)
    assert answered.text.startswith(TEXT)
    assert answered.finish.reason is FinishReason.COMPLETE


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (event({"choices": [{"delta": {}, "finishReason": "STOP"}]}), FinishReason.COMPLETE),
        (event({"choices": [{"delta": {}, "finish_reason": None}], "finish_reason": "length"}), FinishReason.TRUNCATED),
        (event({"choices": [{"delta": {}, "stop_reason": "end_turn"}]}), FinishReason.COMPLETE),
        (event({"choices": [{"delta": {}, "finish_reason": "stop", "stop_reason": 128009}]}), FinishReason.COMPLETE),
        (event({"choices": [{"delta": {}, "finish_details": {"type": "max_tokens"}}]}), FinishReason.TRUNCATED),
        (event({"choices": [{"delta": {"finish_reason": "stop"}}]}), FinishReason.COMPLETE),
        (event({"choices": [], "finish_reason": "stop"}), FinishReason.COMPLETE),
    ],
)
async def test_reason_is_found_wherever_it_stands(last, reason):
    answered = await streamed(*pieces(), last, DONE)
    assert (answered.text, answered.finish.reason) == (TEXT, reason)


async def test_usage_is_found_wherever_it_stands():
    for last in (
        event({"choices": [{"delta": {}, "finish_reason": "stop", "usage": USAGE}]}),
        event({"choices": [{"delta": {}, "finish_reason": "stop"}], "x_groq": {"usage": USAGE}}),
        event({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"input_tokens": 5, "output_tokens": 20}}),
    ):
        assert (await streamed(*pieces(), last)).finish.usage.completion_tokens == 20


# Where the text is


@pytest.mark.parametrize("said", [TEXT, TEXT.strip(), f"<think>Hm.</think>{TEXT}"])
async def test_whole_message_beside_the_deltas_is_not_said_again(said):
    last = event({"choices": [{"index": 0, "delta": {}, "message": {"content": said}, "finish_reason": "stop"}]})
    answered = await streamed(*pieces(), last, DONE)
    assert (answered.text, answered.finish.reason) == (TEXT, FinishReason.COMPLETE)


async def test_whole_message_with_every_delta_is_not_said_again():
    so_far, events = "", []
    for piece in PIECES:
        so_far += piece
        events.append(event({"choices": [{"delta": {"content": piece}, "message": {"content": so_far}}]}))
    assert (await streamed(*events, says("", "stop"))).text == TEXT


async def test_last_piece_that_is_the_whole_text_is_not_said_again():
    assert (await streamed(*pieces(), says(TEXT, "stop"), DONE)).text == TEXT


async def test_pieces_that_come_as_messages_are_read():
    events = [event({"choices": [{"message": {"content": piece}}]}) for piece in ["na", "na", *PIECES]]
    assert (await streamed(*events, says("", "stop"))).text == f"nana{TEXT}"


@pytest.mark.parametrize(
    "indexes", [range(100), [1] * 100, [0, *[1] * 99], [0, *range(1, 100)], ["1"] * 100, [7] * 100]
)
async def test_one_choice_is_one_answer_whatever_its_number(indexes):
    deltas = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in PIECES)]
    events = [chunk(delta, index=index) for index, delta in zip(indexes, deltas, strict=False)]
    answered = await streamed(*events, chunk({}, "stop", index=indexes[len(events)]), DONE)
    assert (answered.text, answered.finish.reason) == (TEXT, FinishReason.COMPLETE)


@pytest.mark.parametrize("count", [2, 3])
async def test_of_several_answers_one_is_taken(count):
    events = [
        chunk({"content": piece if number == 0 else f"other {number}"}, index=number)
        for piece in PIECES
        for number in range(count)
    ]
    answered = await streamed(*events, *(chunk({}, "stop", index=number) for number in range(count)), DONE)
    assert (answered.text, answered.finish.reason) == (TEXT, FinishReason.COMPLETE)


@pytest.mark.parametrize("size", [1, 3, 6, 40])
@pytest.mark.parametrize("last", [says(TEXT, "stop"), says("", "stop")])
async def test_pieces_that_hold_all_so_far_are_taken_once(size, last):
    events = [says(TEXT[:end]) for end in range(size, len(TEXT) + size, size)]
    answered = await streamed(ROLE, *events, last, DONE)
    assert (answered.text, answered.finish.reason) == (TEXT, FinishReason.COMPLETE)


@pytest.mark.parametrize(
    "said",
    [
        ["One light for the whole coast, seen for twenty miles.\n\n"] * 3,
        ["na"] * 40 + [" hey"],
        ["#", "##", " Deep"],
        ["-", "--", "-", "\n"],
        ["-", "--", "---", "----", "\n\nA rule of ten dashes."],
        ["ha", "haha", " she said"],
        ["The end. ", "The end. And more. ", "Nothing else. "],
        ["1", "10", "100"],
    ],
)
async def test_text_that_repeats_itself_stays(said):
    assert (await streamed(*map(says, said), says("", "stop"))).text == "".join(said)


async def test_growing_pieces_may_end_in_a_character_that_is_not_whole():
    cumulative = Cumulative()
    given = [cumulative.feed(text) for text in ("ab", "abc", "abcd", "abcd\ufffd", "abcd灯", "abcd灯", "abcd灯台")]
    assert "".join(given) + cumulative.rest() == "abcd灯台"
    with pytest.raises(ValueError, match="taken back"):
        cumulative.feed("something else")


@pytest.mark.parametrize(
    "delta",
    [
        lambda text: {"choices": [{"text": text, "index": 0}]},
        lambda text: {"choices": [{"delta": {"content": [{"type": "text", "text": text}]}}]},
        lambda text: {"choices": [{"delta": {"content": [text]}}]},
        lambda text: {"choices": [{"delta": {"content": {"type": "text", "text": text}}}]},
        lambda text: {"choices": [{"delta": {"role": "assistant"}, "text": text}]},
        lambda text: {"response": text},
        lambda text: {"content": text, "stop": False},
    ],
)
async def test_text_is_found_wherever_it_stands(delta):
    answered = await streamed(*(event(delta(piece)) for piece in PIECES), says("", "stop"), DONE)
    assert (answered.text, answered.finish.reason) == (TEXT, FinishReason.COMPLETE)


@pytest.mark.parametrize("done_reason", ["stop", "length"])
async def test_lines_of_json_are_read(done_reason):
    lines = [json.dumps({"model": "m", "message": {"content": piece}, "done": False}) for piece in PIECES]
    end = {
        "message": {"content": ""},
        "done": True,
        "done_reason": done_reason,
        "prompt_eval_count": 5,
        "eval_count": 20,
    }
    answered = await answer(http("\n".join([*lines, json.dumps(end)]).encode(), Content_Type="application/x-ndjson"))
    assert answered.text == TEXT
    assert answered.finish.reason is (FinishReason.COMPLETE if done_reason == "stop" else FinishReason.TRUNCATED)
    assert answered.finish.usage.completion_tokens == 20


async def test_events_of_another_api_are_read_or_refused_with_a_sentence():
    answered = await streamed(
        event({"type": "message_start", "message": {"role": "assistant", "content": []}}),
        event({"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "Hm."}}),
        *(event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": piece}}) for piece in PIECES),
        event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 20}}),
        event({"type": "message_stop"}),
    )
    assert (answered.text, answered.finish.reason) == (TEXT, FinishReason.COMPLETE)
    assert answered.finish.reasoned
    answered = await streamed(
        *(event({"type": "response.output_text.delta", "delta": piece}) for piece in PIECES), DONE
    )
    assert isinstance(answered.error, ProviderUnavailable)
    assert "not in the chat-completions format" in answered.error.detail


async def test_news_of_a_queue_is_life():
    queued = event({"status": "queued", "message": "3 before you"})
    answered = await streamed(
        queued, event({"object": "chat.completion.chunk", "message": "x", "choices": []}), *pieces(), DONE
    )
    assert (answered.text, answered.finish.reason, len(answered.lives)) == (TEXT, FinishReason.COMPLETE, 2)


# How events are parted


async def test_events_parted_by_one_line_break_are_read():
    body = b"".join(one.replace(b"\n\n", b"\n") for one in [ROLE, *pieces(), says("", "stop"), DONE])
    for size in (1, 7, len(body)):
        portions = [body[at : at + size] for at in range(0, len(body), size)]
        answered = await streamed(*portions)
        assert (answered.text, answered.finish.reason) == (TEXT, FinishReason.COMPLETE)


@pytest.mark.parametrize(
    "prefix", [b"data: data: ", b"data:data:", b"data:  ", b"\xef\xbb\xbfdata: ", b"event: x\r\ndata: "]
)
async def test_odd_beginnings_of_events_are_read(prefix):
    body = b"".join(prefix + one.removeprefix(b"data: ") for one in [*pieces(), says("", "stop")])
    if prefix.startswith(b"\xef"):
        body = prefix + b"".join([*pieces(), says("", "stop")]).removeprefix(b"data: ")
    assert (await streamed(body, DONE)).text == TEXT


async def test_event_over_several_lines_is_one():
    over_lines = b"data: " + json.dumps({"choices": [{"delta": {"content": TEXT}}]}, indent=1).encode().replace(
        b"\n", b"\ndata: "
    )
    assert (await streamed(over_lines + b"\n\n", says("", "stop"))).text == TEXT


async def test_packed_stream_that_nobody_asked_for_is_read():
    body = gzip.compress(b"".join([*pieces(), says("", "stop"), DONE]))
    answered = await answer(http(body, Content_Type="text/event-stream", Content_Encoding="gzip"))
    assert (answered.text, answered.finish.reason) == (TEXT, FinishReason.COMPLETE)


@pytest.mark.parametrize("raw", [b'{"error": {"message": "no more", "code": 500}}\n\n', event({"detail": "no more"})])
async def test_error_behind_the_text_is_told_and_the_text_kept(raw):
    answered = await streamed(*pieces(), raw)
    assert answered.text == TEXT
    assert isinstance(answered.error, ProviderUnavailable)
    assert "no more" in answered.error.detail


# Life


async def test_error_behind_the_end_of_an_answer_changes_nothing():
    came = await streamed(says("Hello."), says("", "stop"), event({"error": {"message": "upstream closed"}}))
    assert (came.error, came.text, came.finish.reason) == (None, "Hello.", FinishReason.COMPLETE)


async def test_events_without_text_are_life_and_comments_are_not():
    answered = await streamed(
        ROLE, b": ping\n\n", chunk({"reasoning_content": "Hm."}), chunk({"reasoning": "Hm."}), says("<think>"),
        says("Hm."), says("</think>"), event({"choices": []}), says("Hi"), says("", "stop"), DONE,
    )  # fmt: skip
    assert answered.text == "Hi"
    # The role, two fields, three of the block, the empty list and the finish; the comment is none.
    assert [life.is_thinking for life in answered.lives] == [False, True, True, True, True, False, False, False]
    assert answered.finish.reasoned


async def test_thinking_for_longer_than_the_read_limit_is_read():
    thoughts: list[bytes | float] = []
    for _ in range(8):
        thoughts += [chunk({"reasoning_content": "Hm. "}), 0.15]
    async with raw_server([HEAD, *thoughts, says("Hi", "stop"), DONE]) as server:
        provider = OpenAICompatible(base_url=server.base_url, first_piece_s=0.3, stall_s=0.3, continuation="reprompt")
        answered = await call(provider)
        assert (answered.text, len(answered.lives)) == ("Hi", 8)
        await provider.aclose()


async def test_pieces_received_before_a_break_are_given_though_they_were_held_back():
    answered = await streamed(says("The"), b"data: {broken\n\n")
    assert (answered.text, type(answered.error)) == ("The", ProviderUnavailable)


async def test_what_a_call_asks_is_not_changed_by_all_this():
    async with raw_server([HEAD, says("Hi", "stop"), DONE]) as server:
        provider = OpenAICompatible(base_url=server.base_url, continuation="reprompt")
        await call(provider, asking())
        assert server.bodies == [
            {
                "model": "m",
                "messages": asking(),
                "stream": True,
                "max_tokens": 1_000,
                "stream_options": {"include_usage": True},
            }
        ]
        await provider.aclose()
