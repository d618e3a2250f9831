"""What goes over the wire: encoding, sharing of encoded frames, and what a client's message must look like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from artifacts.lifecycle.state import State
from artifacts.live import close_codes, protocol
from artifacts.live.close_codes import SocketEnding
from artifacts.live.protocol import Ack, AnyFrame, BadMessage, EncodedFrames, Ping, parse

PROTOCOL = Path(__file__).resolve().parents[3] / "docs" / "protocol.md"


def delta(text: str) -> AnyFrame:
    return {"type": "delta", "epoch": 1, "seq": 2, "offset": 3, "text": text}


@pytest.mark.parametrize("text", ["plain", "é", "\U0001f600", 'a "quoted" \\ line\n\t\x01', "\u2028</script>"])
def test_frame_is_json_of_the_size_it_says(text: str) -> None:
    frame = protocol.encode_frame(delta(text))
    assert json.loads(frame.text)["text"] == text
    assert frame.size == len(frame.text.encode())


def test_text_travels_as_utf_8_not_as_escapes() -> None:
    assert "é" in protocol.encode_frame(delta("é")).text


def test_frame_of_one_key_is_encoded_once() -> None:
    kept, made = EncodedFrames(), list[int]()

    def make() -> AnyFrame:
        made.append(1)
        return delta("x")

    first = kept.get(("delta", 1), make)
    assert kept.get(("delta", 1), make) is first
    assert kept.get(("delta", 2), make) is not first
    assert len(made) == 2


THREE_FRAMES = 3 * protocol.encode_frame(delta("x" * 100)).size


@pytest.mark.parametrize("bound", [{"limit_bytes": THREE_FRAMES}, {"limit": 3}], ids=["bytes", "number"])
def test_kept_frames_are_bounded_and_the_oldest_goes(bound: dict[str, int]) -> None:
    kept = EncodedFrames(**bound)
    for number in range(4):
        kept.get((number,), lambda: delta("x" * 100))

    def never() -> AnyFrame:
        raise AssertionError("it was kept")

    kept.get((3,), never)
    kept.get((1,), never)
    with pytest.raises(AssertionError):
        kept.get((0,), never)


def test_frame_over_the_limit_is_kept_alone_for_those_who_come_next() -> None:
    kept = EncodedFrames(limit_bytes=10)
    kept.get(("small",), lambda: {"type": "pong"})
    big = kept.get(("big",), lambda: delta("x" * 100))
    assert kept.get(("big",), lambda: delta("other")) is big


def test_client_messages_are_read_and_unknown_fields_passed_over() -> None:
    assert parse('{"type":"ack","epoch":2,"offset":10,"extra":[1]}') == Ack(epoch=2, offset=10)
    assert parse('{"type":"ping","at":1}') == Ping()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '"ping"',
        "{}",
        '{"type":null}',
        '{"type":["ping"]}',
        '{"type":"stop"}',
        '{"type":"ack"}',
        '{"type":"ack","epoch":1}',
        '{"type":"ack","epoch":1,"offset":null}',
        '{"type":"ack","epoch":1,"offset":"5"}',
        '{"type":"ack","epoch":1,"offset":5.0}',
        '{"type":"ack","epoch":NaN,"offset":5}',
        '{"type":"ack","epoch":true,"offset":5}',
        "[" * 60_000,
        '{"a":' * 10_000,
        '{"type":"ack","epoch":1,"offset":' + "9" * 5_000 + "}",
    ],
)
def test_other_messages_are_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadMessage) as refusal:
        parse(text)
    assert refusal.value.detail.endswith(".")


def test_every_frame_field_error_and_close_code_is_in_the_documentation() -> None:
    text = PROTOCOL.read_text()
    for frame in get_args(AnyFrame):
        fields = get_type_hints(frame, localns={"State": State})
        (kind,) = get_args(fields["type"])
        assert f'{{"type":"{kind}"' in text
        for field in fields:
            assert f'"{field}":' in text, (kind, field)
    for field in get_type_hints(State):
        assert f'"{field}":' in text
    endings = [ending for ending in vars(close_codes).values() if isinstance(ending, SocketEnding)]
    assert len(endings) > 8
    for ending in endings:
        assert f"| {ending.close_code} |" in text
        assert f"`{ending.error}`" in text or not ending.error
    assert "`bad_message`" in text
