"""Bodies of JSON: read as `json.loads` reads them, and refused by the number of their values, never by their text."""

from __future__ import annotations

import json

import pytest

from streamgen.api_calls.json_bodies import MOST_VALUES, TooManyValues, read_json

MANY = MOST_VALUES + 1


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"0," * MANY + b"0]",
        b"[" + b"{}," * MANY + b"0]",
        b'["' + b'","' * MANY + b'"]',
        b"{" + b",".join(b'"%d":0' % number for number in range(MANY)) + b"}",
        b'{"text":"' + b"," * MANY + b'\\"","x":[' + b"0," * MANY + b"0]}",
        ("[" + '"\u2222",' * MANY + "0]").encode("utf-16"),
        b'["' + b"," * MANY + b'\\\\",' + b"0," * MANY,
    ],
)
def test_more_values_than_any_call_has_are_refused(body):
    with pytest.raises(TooManyValues, match="50 000 values"):
        read_json(body)


@pytest.mark.parametrize("text", [",", '",', "[{:", '\\",', "\u2222, ", "\ud83d,"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_text_may_have_any_number_of_commas(text, encoding):
    said = {"title": "List", "text": text * MANY, "more": ["a"] * 9}
    assert read_json(json.dumps(said).encode(encoding)) == said


@pytest.mark.parametrize("body", [b"", b"{", b'"', b"[" * MANY, b'"' + b"," * MANY, b"\xff" * 9])
def test_what_is_no_json_is_said_to_be_none(body):
    with pytest.raises((ValueError, RecursionError)):
        read_json(body)


def test_mark_before_the_text_is_none_of_it():
    assert read_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
