"""Streams that are nearly as they should be: read right, or told; never a text that is silently wrong."""

from __future__ import annotations

import json
import random
import re
from itertools import pairwise
from typing import Any

import pytest

from generation.errors import ProviderError, ProviderRefused, ProviderUnavailable, RateLimited
from generation.providers.base import Finish, FinishReason, Piece
from generation.providers.openai_compatible.answer.answers import Answer
from generation.providers.openai_compatible.call_errors import Asked, Said
from generation.providers.openai_compatible.client import OpenAICompatible
from tests.generation.providers.test_openai_compatible import Answered, call
from tests.generation.seams.copying import texts
from tests.support.endpoint.openai_raw import DONE, HEAD, Reply, chunk, event, http, json_document, raw_server, says

pytestmark = pytest.mark.asyncio

PIECES = ["The lamp ", "turns once ", "in ten\tseconds", "."]
TEXT = "".join(PIECES)
SAID = [says(piece) for piece in PIECES]
STOP = says("", "stop")
ENDED = [STOP, DONE]


def wrapped(**fields: Any) -> bytes:
    return event({"code": 200, "msg": "ok", "data": {"choices": [{"index": 0, **fields}]}})


def several(*pieces: str) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": piece}} for piece in pieces]})


def parts(*contents: dict[str, Any]) -> bytes:
    return says(list(contents))


WHOLE = {"code": 200, "msg": "success", "data": json.loads(json_document(TEXT))}
THOUGHT = {"type": "text", "text": "Hm, what now", "thought": True}
REASON = [{"type": "reasoning_text", "text": "Hm"}, {"type": "summary_text", "text": "So"}]
GOOGLE = {"extra_content": {"google": {"thought": True}}}
SAFE = {"hate": {"filtered": False, "severity": "safe"}}
CHECKED = {
    "index": 0,
    "finish_reason": None,
    "content_filter_results": SAFE,
    "content_filter_offsets": {"end_offset": 9},
}
NONE_COUNTED = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
MAGISTRAL = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm, what now"}]}
SO_FAR = ["".join(PIECES[: number + 1]) for number in range(len(PIECES))]
BESIDE = [
    event({"choices": [{"delta": {"content": one}, "message": {"content": all_}}]})
    for one, all_ in zip(PIECES, SO_FAR, strict=True)
]
WAYS: dict[str, Reply] = {
    "line breaks between events lost": [HEAD, b"".join(one.rstrip() for one in SAID), b"\n\n", *ENDED],
    "two objects in one event": [HEAD, SAID[0].rstrip() + SAID[1][6:], *SAID[2:], *ENDED],
    "the last events together, and cut": [HEAD, *SAID[:2], SAID[2].rstrip() + SAID[3].rstrip() + STOP.rstrip()],
    "indented": [HEAD, *(b" " + one for one in [*SAID, *ENDED])],
    "one of them indented": [HEAD, SAID[0], b"\t" + SAID[1], *SAID[2:], *ENDED],
    "large letters": [HEAD, *(b"Data" + one[4:] for one in SAID), b"DATA" + STOP[4:], DONE],
    "null": [HEAD, b"data: null\n\n", SAID[0], b"data: null\n\n", *SAID[1:], *ENDED],
    "nothing in quotes": [HEAD, b'data: ""\n\n', *SAID, b"data: []\n\n", *ENDED],
    "bare words": [HEAD, b"data: connected\n\n", SAID[0], b"data: keep-alive\n\n", *SAID[1:], *ENDED],
    "a warning of the gateway": [HEAD, event({"warning": "no usage"}), *SAID, event({"warning": "no usage"}), *ENDED],
    "a tab as it is": [HEAD, *(one.replace(b"\\t", b"\t") for one in SAID), *ENDED],
    "a thought among Gemini's parts": [HEAD, parts(THOUGHT), *SAID, *ENDED],
    "reasoning and summary parts": [HEAD, parts(*REASON), *SAID, *ENDED],
    "text within text": [HEAD, *(parts({"type": "text", "text": {"value": one}}) for one in PIECES), *ENDED],
    "no content": [HEAD, SAID[0], says(False), says(None), *SAID[1:], *ENDED],
    "several pieces in an event": [HEAD, several(*PIECES[:2]), several(*PIECES[2:]), *ENDED],
    "the last event twice": [HEAD, *SAID[:3], *[says(PIECES[3], "stop", id="a")] * 2, DONE],
    "wrapped by a gateway": [HEAD, *(wrapped(delta={"content": one}) for one in PIECES), wrapped(finish_reason="stop")],
    "a wrapped document": http(json.dumps(WHOLE).encode()),
    "thoughts that a field marks": [HEAD, chunk({"content": "**Lamps**\n\nHm", **GOOGLE}), *SAID, *ENDED],
    "thoughts of a field and in tags": [
        HEAD,
        chunk({"role": "assistant", "content": "<thought>**Lamps**\n\nHm", **GOOGLE}),
        chunk({"content": f"</thought>{PIECES[0]}"}),
        *SAID[1:],
        *ENDED,
    ],
    "thoughts in parts of parts": [HEAD, parts(MAGISTRAL), parts({**MAGISTRAL, "closed": True}), *SAID, *ENDED],
    "a filter that looks back": [HEAD, event({"choices": []}), *SAID, STOP, event({"choices": [CHECKED]}), DONE],
    "thoughts of another role": [HEAD, chunk({"role": "reasoning", "content": "Hm"}), *SAID, *ENDED],
    "thoughts of another channel": [HEAD, chunk({"channel": "analysis", "content": "Hm"}), *SAID, *ENDED],
    "thoughts of another type": [HEAD, chunk({"content_type": "thinking", "content": "Hm"}), *SAID, *ENDED],
    "thoughts by a flag": [HEAD, chunk({"is_reasoning": True, "content": "Hm"}), *SAID, *ENDED],
    "no role": [HEAD, *(chunk({"role": "", "content": one, "reasoning_content": ""}) for one in PIECES), *ENDED],
    "named events": [HEAD, *(b"event: data\n" + one for one in [*SAID, STOP])],
    "Cloudflare's lines": [HEAD, *(event({"response": one, "p": "abc"}) for one in PIECES), DONE],
    "all so far beside each piece": [HEAD, *BESIDE, STOP],
    "the text once more at the end": [HEAD, *SAID, event({"choices": [{"text": TEXT, "finish_reason": "stop"}]})],
    "line breaks while it waits, then a document": [HEAD, b"\n" * 30, json_document(TEXT)],
    **{f"the end as {word}": [HEAD, *SAID, f"data: {word}\n\n".encode()] for word in ("DONE", "[done]", "[EOS]")},
}  # fmt: skip


async def answered(reply: Reply, **options: Any) -> Answered:
    async with raw_server(reply) as server:
        provider = OpenAICompatible(base_url=server.base_url, continuation="reprompt", model="m")
        answer = await call(provider, **options)
        await provider.aclose()
    return answer


@pytest.mark.parametrize("way", WAYS)
async def test_text_is_read_right(way):
    answer = await answered(WAYS[way])
    assert answer.error is None, answer.error
    assert (answer.text, answer.finish.reason) == (TEXT, FinishReason.COMPLETE)


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (b"event: error\ndata: upstream timed out\n\n", ProviderUnavailable, "upstream timed out"),
        (b"data: Error: rate limit exceeded, try again in 7s\n\n", RateLimited, "rate limit"),
        (b"data: the rest of it in plain words\n\n", ProviderUnavailable, "format"),
        (b'data: {"choices": [{"delta": {"content": "x"}}], "ch\n\n', ProviderUnavailable, "format"),
    ],
)
async def test_event_that_cannot_be_read_is_told_and_the_text_before_it_kept(data, kind, said):
    answer = await answered([HEAD, *SAID, data, *ENDED])
    assert (answer.text, type(answer.error)) == (TEXT, kind)
    assert said in answer.error.detail
    after = await answered([HEAD, *SAID, STOP, data])
    assert (after.text, after.finish.reason) == (TEXT, FinishReason.COMPLETE)


async def test_error_in_a_field_of_the_gateways_own_is_no_end():
    answer = await answered(
        [HEAD, *SAID, event({"choices": [], "x_groq": {"id": "r", "error": "over capacity"}}), DONE]
    )
    assert (answer.text, answer.finish) == (TEXT, None)
    assert 'It says: "over capacity."' in answer.error.detail


async def test_count_of_nothing_beside_a_text_is_no_count():
    answer = await answered(
        [HEAD, *(says(one, usage=NONE_COUNTED) for one in PIECES), says("", "stop", usage=NONE_COUNTED)]
    )
    assert (answer.text, answer.finish.usage) == (TEXT, None)
    answer = await answered([HEAD, says("", "stop", usage=NONE_COUNTED), DONE])
    assert answer.finish.usage is not None


async def test_refusal_among_the_parts_is_filtered():
    answer = await answered([HEAD, parts({"type": "refusal", "refusal": "No."}), *ENDED])
    assert (answer.text, answer.finish.reason) == ("", FinishReason.FILTERED)


async def test_text_that_says_itself_twice_stays():
    answer = await answered([HEAD, *SAID, says(" "), *SAID, says(".", "stop"), DONE])
    assert answer.text == f"{TEXT} {TEXT}."
    answer = await answered([HEAD, *[says("ha", "stop")] * 3, DONE])
    assert answer.text == "hahaha"
    quoted = 'data: {"a": 1}data: {"b": 2}'
    assert (await answered([HEAD, says(quoted), *ENDED])).text == quoted


@pytest.mark.parametrize("more", ["", " And", " And so on, to the other end of the pier and back to the light."])
@pytest.mark.parametrize("at", [5, 9, 12])
async def test_state_that_is_sent_again_within_a_stream_is_no_text(at, more):
    pieces = [f"{number} boats lie at the pier, " for number in range(12)]
    so_far, rest = "".join(pieces[:at]), "".join(pieces[at:])
    again = [*(says(piece) for piece in pieces[:at]), says(so_far + more), says(rest)]
    answer = await answered([HEAD, *again, says("The end."), *ENDED])
    assert (answer.text, answer.error) == (f"{so_far}{more}{rest}The end.", None)


async def test_stream_without_its_white_space_is_told():
    words = re.findall(r"\w+", "The light of the pier is in the log and it is for the keeper to read that with care")
    answer = await answered([HEAD, *map(says, words), *ENDED])
    assert type(answer.error) is ProviderRefused
    assert "STREAMGEN_DELIVERY=turns" in answer.error.detail
    assert (await answered([HEAD, *map(says, words), says("\n"), *ENDED])).error is None


@pytest.mark.parametrize("text", ["灯塔上的灯每十秒转一圈。", "a=b+c;is(in,of);", "https://the.of/and/to/in"])
async def test_text_that_has_no_white_space_stays(text):
    answer = await answered([HEAD, *map(says, text * 20), *ENDED])
    assert (answer.text, answer.error) == (text * 20, None)


@pytest.mark.parametrize("words", ["The lamp at the pier turns once in ten seconds.", "It turns once."])
async def test_text_whose_every_piece_comes_twice_is_taken_once(words):
    pieces = [f"{word} " for word in words.split()]
    for idents in ([{}] * len(pieces), [{"id": f"c{number}"} for number in range(len(pieces))]):
        said = [says(piece, **ident) for piece, ident in zip(pieces, idents, strict=True) for _ in range(2)]
        answer = await answered([HEAD, *said, *ENDED])
        assert (answer.text, answer.error) == ("".join(pieces), None)


@pytest.mark.parametrize("has_end", [False, True])
@pytest.mark.parametrize("marks", ["", "[ID:3]"])
async def test_whole_text_that_comes_once_more_tidied_up_or_with_its_sources_is_no_text(has_end, marks):
    text = (
        "The keeper walks along the quay before the first boat leaves. She has a lamp, a rope and the book of tides. "
    )
    words = re.findall(r"\S+\s", text)
    again = text.strip().replace("quay", f"quay {marks}".strip()) + marks
    last = [says(again, "stop"), DONE] if has_end else [says(again), *ENDED]
    answer = await answered([HEAD, *map(says, words), *last])
    assert (answer.text, answer.error) == (text, None)


@pytest.mark.parametrize(
    "pieces",
    [
        ["ha ", "ha ", "he ", "he ", "ho"],
        ["ha ", "ha ", "he ", "he "],
        ["ha "] * 60,
        ["na "] * 8 + ["hey ", "hey ", "Jude"],
        [*"|| Tool |--||--|", "\n"],
        ["a ", "a ", "b ", "b ", "c ", "c ", "a ", "a ", "d "],
    ],
)
async def test_text_that_says_its_first_words_twice_stays(pieces):
    answer = await answered([HEAD, *map(says, pieces), *ENDED])
    assert (answer.text, answer.error) == ("".join(pieces), None)


async def test_piece_that_comes_once_among_pairs_is_told():
    pieces = [f"{number} boats, " for number in range(8)]
    answer = await answered([HEAD, *(says(piece) for piece in pieces for _ in range(2)), says("and "), says("oars")])
    assert answer.text == "".join([*pieces, "and "])
    assert "format" in answer.error.detail


# A stream that begins once more

WORDS = re.findall(r"\s*\w+|\W+", "The lamp turns once in ten seconds. It is lit at dusk by Ann.\n\nNobody asks")
ONCE = "".join(WORDS)


def with_role(content: str, **fields: Any) -> bytes:
    return chunk({"role": "assistant", "content": content}, **fields)


def numbered(texts: list[str], numbers: list[int], field: str) -> list[bytes]:
    return [says(text, **{field: str(number)}) for text, number in zip(texts, numbers, strict=True)]


@pytest.mark.parametrize(
    "again",
    [
        [with_role(WORDS[0]), with_role(WORDS[0]), *map(says, WORDS[1:])],
        [with_role(WORDS[0], id="a"), *[with_role(WORDS[0], id="b")] * 2, *(says(word, id="b") for word in WORDS[1:])],
        numbered([WORDS[0], *WORDS], [0, *range(len(WORDS))], "id"),
        numbered([WORDS[0], *WORDS], [0, *range(len(WORDS))], "obfuscation"),
        [says("lamp", id="a"), *(says(word, id="b") for word in ["lamp", *WORDS])],
    ],
)
async def test_first_event_that_is_sent_again_is_taken_once(again):
    answer = await answered([HEAD, *again, *ENDED])
    assert (answer.text.removeprefix("lamp"), answer.error) == (ONCE, None)


async def test_answer_of_two_equal_events_with_a_role_is_told():
    answer = await answered([HEAD, *[with_role("The lamp turns once.")] * 2, *ENDED])
    assert answer.text == "The lamp turns once."
    assert "once more" in answer.error.detail


@pytest.mark.parametrize("at", range(2, len(WORDS)))
async def test_stream_that_begins_once_more_behind_a_role_is_taken_once(at):
    first, *others = WORDS
    begun = [with_role(first), *map(says, others[: at - 1])]
    answer = await answered([HEAD, *begun, with_role(first), *map(says, others), *ENDED])
    assert (answer.text, answer.error) == (ONCE, None)


@pytest.mark.parametrize("at", range(2, len(WORDS)))
async def test_stream_that_begins_once_more_without_a_sign_is_taken_once_or_told(at):
    """Right behind a sentence nobody can tell it from a text that says it twice."""
    so_far = "".join(WORDS[:at])
    answer = await answered([HEAD, *map(says, WORDS[:at]), *map(says, WORDS), *ENDED])
    if so_far.endswith((". ", "\n")):
        assert answer.text == so_far + ONCE
    elif answer.error is None:
        assert answer.text == ONCE
    else:
        assert (answer.text, "once more" in answer.error.detail) == (so_far, True)


async def test_long_text_that_comes_once_more_as_a_whole_is_told():
    words = next(text for text in texts() if text.isascii()).split()
    pieces = [f"{word} " for word in words if word.isalpha()][:150]
    pieces.append(".\n\n")
    answer = await answered([HEAD, *map(says, pieces), *map(says, pieces), says("More."), *ENDED])
    assert answer.text == "".join(pieces)
    assert "once more" in answer.error.detail


LEGITIMATE = {
    "laughter": ["Ha", " ha"] * 20,
    "marks": ["- "] * 9,
    "items": ["-", " the", " tool", "\n"] * 20,
    "rows": ["|", " a", " |", " lit", " |", "\n"] * 30,
    "code": ["    check", "(value", ")\n"] * 20,
    "lines that begin alike": [
        part for at in range(20) for part in ("Nobody", " asks", " for", " the", f" {at}.", " lamp", ".\n")
    ],
    "words": ["Very", " very", " good", ",", " very", " very", " good", "."],
    "verse": ["Half", " a", " league", ",", " half", " a", " league", ",\n", "Half", " a", " league", " onward", ",\n"],
    "refrain": [*["So", " the", " tide", " goes", " out", ",\n", "and", " comes", " in", ".\n\n"] * 2, "The", " end"],
    "objects in a line": ['{"name"', ': "drill"', ', "is_free"', ": true", "}", ", "] * 12,
    "objects": ["[\n", *['  {"name"', ': "drill"', ', "owner"', ': "ann"', ', "days"', ": 3", "},\n"] * 9],
    "Chinese": [*"春天来了，花儿开了。" * 6],
    "a name in parts": ["Foo", "Bar"] * 3,
    "types": ["String"] * 3 + [" String"] * 3,
    "numbers": ["3", " 1", " 4", " 1", " 5", "\n"] * 12,
    "a paragraph twice": [*WORDS[:-2], *WORDS, ".", "\n\n", *WORDS],
}


@pytest.mark.parametrize("sign", [{}, {"id": "a"}, {"role": "assistant"}])
@pytest.mark.parametrize("kind", LEGITIMATE)
async def test_text_that_repeats_its_beginning_stays(kind, sign):
    pieces = LEGITIMATE[kind]
    events = [with_role(piece) if "role" in sign else says(piece, **sign) for piece in pieces]
    assert read_of([*events, *ENDED]) == ("".join(pieces), read_of([*events[:1], *ENDED])[1])


@pytest.mark.parametrize("size", [2, 5, 12])
async def test_documents_of_people_are_read_as_they_are(size):
    for text in texts()[:12]:
        pieces = re.findall(rf"\s*\S{{1,{size}}}|\s+", text[:20_000])
        assert read_of([*map(says, pieces), *ENDED], limit_tokens=20_000)[0] == "".join(pieces)


@pytest.mark.parametrize(
    ("told", "native", "reason"),
    [
        ("stop", "MAX_TOKENS", FinishReason.TRUNCATED),
        ("stop", "length", FinishReason.TRUNCATED),
        ("stop", "content_filter", FinishReason.FILTERED),
        ("stop", "STOP", FinishReason.COMPLETE),
        ("length", "stop", FinishReason.TRUNCATED),
    ],
)
async def test_end_that_the_model_reports_behind_the_gateway_counts_where_it_is_worse(told, native, reason):
    end = event({"choices": [{"index": 0, "delta": {}, "finish_reason": told, "native_finish_reason": native}]})
    answer = await answered([HEAD, *SAID, end, DONE])
    assert (answer.text, answer.finish.reason) == (TEXT, reason)


@pytest.mark.parametrize("key", ["fault", "exception", "err"])
async def test_error_of_a_gateway_before_the_end_mark_is_no_end(key):
    answer = await answered([HEAD, *SAID, event({key: {"faultstring": "the policy failed"}}), DONE])
    assert (answer.text, type(answer.error)) == (TEXT, ProviderUnavailable)


@pytest.mark.parametrize(("thought", "reason"), [(90, FinishReason.COMPLETE), (0, FinishReason.TRUNCATED)])
async def test_tokens_of_a_thought_do_not_make_a_whole_text_look_cut(thought, reason):
    usage = {"prompt_tokens": 9, "completion_tokens": 100, "completion_tokens_details": {"reasoning_tokens": thought}}
    answer = await answered([HEAD, *SAID, STOP, event({"choices": [], "usage": usage}), DONE], max_tokens=50)
    assert (answer.text, answer.finish.reason) == (TEXT, reason)


# An event that brings text alone is read by a short way

ASKED = Asked(
    place="x", model="m", has_own_model=False, has_key=True, streamed=True, prefilled=False, is_prefill_proven=False
)
ODD_TEXTS = [
    "a ",
    "word ",
    "<think>",
    "</think>",
    "\n",
    "<",
    "b\ud83d",
    "\ude00",
    "◁",
    "**",
    "aaa",
    "aaaa",
    "aaaaa",
    "é",
    '"',
    "\\",
    '"content":"a"',
    "content",
]


async def test_text_that_begins_like_a_thought_is_none_where_thoughts_have_a_field():
    answer = Answer(ASKED, 1_000, said=lambda _: Said(words="", quote="", wait_s=None))
    list(answer.feed(chunk({"reasoning_content": "Hm."})))

    assert [*answer.feed(says("Okay, ")), *answer.feed(says("then."))] == [Piece(text="Okay, "), Piece(text="then.")]


async def test_half_a_character_before_a_break_is_left_out():
    answer = Answer(ASKED, 1_000, said=lambda _: Said(words="", quote="", wait_s=None))
    items = [*answer.feed(says("a")), *answer.feed(says("b\ud83d")), *answer.salvage()]

    assert "".join(item.text for item in items if isinstance(item, Piece)) == "ab"


def read_of(chunks: list[bytes], *, limit_tokens: int = 1_000) -> tuple[str, Finish | str]:
    answer = Answer(ASKED, limit_tokens, said=lambda _: Said(words="", quote="", wait_s=None))
    try:
        items = [item for chunk in chunks for item in answer.feed(chunk)] + list(answer.close())
    except ProviderError as error:
        return "", repr(error)
    return "".join(item.text for item in items if isinstance(item, Piece)), answer.finish()


@pytest.mark.parametrize("seed", range(20))
async def test_short_and_long_way_read_the_same_in_any_portions(seed):
    chance = random.Random(seed)
    for _ in range(20):
        texts, end = chance.choices(ODD_TEXTS, k=chance.randint(1, 25)), [STOP, DONE][chance.randint(0, 1) :]
        plain, long = [[*(says(text, **beside) for text in texts), *end] for beside in ({}, {"unheard_of": 1})]
        body = b"".join(plain)
        cuts = sorted({0, len(body), *chance.choices(range(len(body)), k=30)})
        portions = [body[begin:stop] for begin, stop in pairwise(cuts)]

        assert read_of(plain) == read_of(long) == read_of([body]) == read_of(portions), texts
