"""A large form is what Django makes of it, and no part of it is read at once."""

from __future__ import annotations

import random
import sys
from io import BytesIO
from types import FrameType
from urllib.parse import quote_plus, unquote_to_bytes

import pytest
from django.core.exceptions import TooManyFieldsSent
from django.http import QueryDict

from streamgen.server.form_bodies import STEP_BYTES, SteadyRequest, form_fields

LETTERS = "ab é+&=%\r\n漢👩‍👩‍👧\u0301"
ODD = [
    b"text",
    b"=a",
    b"a=",
    b"&&a=b&",
    b"a=%",
    b"a=%4",
    b"a=%zz",
    b"a=%ff%fe",
    b"a=1&a=2",
    b"a=b=c",
    b"a+b=c+d",
    b"%61=%62",
]


def test_request_of_the_server_reads_forms_so():
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b""}
    scope |= {"headers": [(b"content-type", b"application/x-www-form-urlencoded")]}
    text = "漢" * STEP_BYTES
    for body in (b"text=" + quote_plus(text).encode(), b"text=" + text.encode(), b"text=a"):
        request = SteadyRequest(scope, BytesIO(body))
        assert QueryDict(body, encoding="utf-8") == request.POST
        assert not request.FILES
        with pytest.raises(AttributeError):
            request.POST["x"] = "y"
    many = SteadyRequest(scope, BytesIO(b"a=1&" * STEP_BYTES))
    with pytest.raises(TooManyFieldsSent):
        many.POST.get("a")


@pytest.mark.parametrize("body", ODD)
def test_odd_forms_are_what_django_makes_of_them(body):
    assert form_fields(body) == QueryDict(body, encoding="utf-8")


def test_text_is_the_same_wherever_a_step_ends():
    chance = random.Random(5)
    text = "".join(chance.choice(LETTERS) for _ in range(STEP_BYTES))
    for shift in range(9):
        body = f"name={quote_plus(text)}&{'x' * shift}=1&text={'y' * shift}{quote_plus(text)}".encode()
        assert form_fields(body) == QueryDict(body, encoding="utf-8")


def test_no_call_reads_more_than_a_step():
    lengths: list[int] = []

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is unquote_to_bytes.__code__:
            lengths.append(len(frame.f_locals["string"]))

    body = b"text=" + b"%E6%BC%A2" * STEP_BYTES
    sys.setprofile(watch)
    try:
        form_fields(body)
    finally:
        sys.setprofile(None)
    assert max(lengths) <= STEP_BYTES < sum(lengths)
