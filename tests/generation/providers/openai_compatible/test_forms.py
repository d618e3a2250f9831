"""Events of one form are read together, and bring what each alone brings."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.errors import ProviderError
from generation.providers.base import Piece
from generation.providers.openai_compatible.answer.answers import Answer
from generation.providers.openai_compatible.answer.shapes import Form, form_of
from generation.providers.openai_compatible.call_errors import Asked, Said

ASKED = Asked(place="here", model="m", has_own_model=False, has_key=False, streamed=True, prefilled=False)


def event(text: str, *, is_ascii: bool = False, name: str = "a") -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    payload = {"id": name, "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(payload, ensure_ascii=is_ascii).encode(errors="surrogatepass") + b"\n\n"


def text_of(chunks: Sequence[bytes], *, limit_tokens: int = 2_000) -> str:
    answer = Answer(ASKED, limit_tokens, said=lambda _: Said(words="", quote="", wait_s=None))
    found = []
    try:
        for chunk in chunks:
            found += [item.text for item in answer.feed(chunk) if isinstance(item, Piece)]
        found += [item.text for item in answer.close() if isinstance(item, Piece)]
    except ProviderError as error:
        found.append(type(error).__name__)
    return "".join(found)


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            ["One ", "two", '"', "\\", "\n", '","', "\\n", "<think>", "é", "🎈", "\ud83c", "\udf88", "\t", ""]
        ),
        st.text(max_size=6),
    ),
    max_size=20,
)


@given(PIECES, st.lists(st.integers(min_value=1, max_value=6), min_size=1, max_size=8), st.booleans(), st.booleans())
def test_events_that_come_together_bring_what_each_alone_brings(
    texts: list[str], together: list[int], is_ascii: bool, are_named: bool
):
    names = [str(number % 3) if are_named else "a" for number in range(len(texts))]
    events = [event(text, is_ascii=is_ascii, name=name) for text, name in zip(texts, names, strict=True)]
    chunks, at = [], 0
    while at < len(events):
        size = together[len(chunks) % len(together)]
        chunks.append(b"".join(events[at : at + size]))
        at += size
    assert text_of(chunks) == text_of(events)


def test_answer_that_is_too_long_is_cut_at_the_same_place():
    events = [event("words ")] * 400
    assert text_of([b"".join(events)], limit_tokens=10) == text_of(events, limit_tokens=10)


@pytest.mark.parametrize(
    ("inner", "texts"),
    [
        ([b"ab", b"cd"], ["ab", "cd"]),
        ([b'a\\"', b"\\n", b"\\\\ "], ['a"', "\n", "\\ "]),
        (["é".encode(), b"b"], ["é", "b"]),
        ([b"a", b""], []),
        ([b"a", b"\\u00e9"], []),  # half of a character may be written so
        ([b"a\\", b"b"], []),
        ([b'a","b', b"c"], []),
        ([b"a\nb", b"c"], []),
        (["é".encode()[:1], "é".encode()[1:]], []),
    ],
)
def test_texts_of_a_form_are_read_or_left_to_be_read_one_by_one(inner: list[bytes], texts: list[str]):
    form = form_of(b'{"content":"text"}', "text")
    assert form == Form(before=b'{"content":"', after=b'"}')
    assert form.texts_in(b"".join(b'data: {"content":"' + text + b'"}\n\n' for text in inner)) == texts
