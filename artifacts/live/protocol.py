"""The frames of the websocket: what each looks like, how it is encoded, and how a client's message is read. Pure.

`docs/protocol.md` says what they mean.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NotRequired, TypedDict

from artifacts.live.wire import framed

if TYPE_CHECKING:
    from artifacts.lifecycle.state import State

PROTOCOL_VERSION = 1
MESSAGE_BYTES = 65_536
"""The largest message a client may send."""
FRAME_BYTES = 262_144
"""The largest frame, encoded; only a piece of a page that cannot be cut any more makes a larger one."""
KEPT_BYTES = 1_048_576
"""Encoded frames that are kept for the next viewer at the same place, in all."""
KEPT_FRAMES = 128
"""No more of them: some seconds of a document's writing. Small ones weigh several times their bytes."""


class TextSnapshotFrame(TypedDict):
    type: Literal["snapshot"]
    v: int
    artifact: int
    epoch: int
    seq: int
    state: State
    offset: int
    text: str


class HtmlSnapshotFrame(TypedDict):
    type: Literal["snapshot"]
    v: int
    artifact: int
    epoch: int
    seq: int
    state: State
    offset: int
    fragments: list[str]
    tail: str
    more: NotRequired[bool]


class DeltaFrame(TypedDict):
    type: Literal["delta"]
    epoch: int
    seq: int
    offset: int
    text: str


PreviewFrame = TypedDict(
    "PreviewFrame",
    {
        "type": Literal["preview"],
        "epoch": int,
        "seq": int,
        "offset": int,
        "from": int,
        "fragments": list[str],
        "tail": str,
        "more": NotRequired[bool],
    },
)


class StateFrame(TypedDict):
    type: Literal["state"]
    epoch: int
    seq: int
    state: State


class EndFrame(TypedDict):
    type: Literal["end"]
    epoch: int
    seq: int
    offset: int
    sha256: str
    state: State


class ErrorFrame(TypedDict):
    type: Literal["error"]
    code: str
    detail: str


class PongFrame(TypedDict):
    type: Literal["pong"]


SnapshotFrame = TextSnapshotFrame | HtmlSnapshotFrame
AnyFrame = SnapshotFrame | DeltaFrame | PreviewFrame | StateFrame | EndFrame | ErrorFrame | PongFrame


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One encoded frame: `message` is all of it as it travels, `size` what its JSON weighs, in bytes.

    What was cut says how far it reaches: up to `offset` in the text; of a page up to the fragment `upto`, and whether
    there is `more` of it.
    """

    message: bytes
    size: int
    offset: int = 0
    upto: int = 0
    more: bool = False

    @property
    def payload(self) -> bytes:
        """The JSON alone."""
        return self.message[-self.size :]

    @property
    def text(self) -> str:
        """The same as text."""
        return self.payload.decode()


as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def size_of(text: str) -> int:
    """Bytes of its UTF-8; a lone surrogate counts as what stands for it."""
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def encode_frame(frame: AnyFrame) -> Frame:
    return frame_of(as_json(frame))


def frame_of(text: str, *, offset: int = 0, upto: int = 0, more: bool = False) -> Frame:
    """The frame of that JSON."""
    payload = text.encode(errors="replace")
    return Frame(message=framed(payload), size=len(payload), offset=offset, upto=upto, more=more)


PONG = encode_frame({"type": "pong"})


class EncodedFrames:
    """Frames of one document by what is in them, so that a thousand viewers at one place cost one encoding."""

    def __init__(self, *, limit_bytes: int = KEPT_BYTES, limit: int = KEPT_FRAMES) -> None:
        self._limit_bytes = limit_bytes
        self._limit = limit
        self._size = 0
        self._frames: dict[tuple[object, ...], Frame] = {}

    def get(self, key: tuple[object, ...], make: Callable[[], AnyFrame]) -> Frame:
        """The frame of that key; `make` is called where it is not kept (any more)."""
        return self.keep(key, lambda: encode_frame(make()))

    def keep(self, key: tuple[object, ...], cut: Callable[[], Frame]) -> Frame:
        """The same for a frame that says itself how far it reaches."""
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = cut()
            self._size += frame.size
            while (self._size > self._limit_bytes and len(self._frames) > 1) or len(self._frames) > self._limit:
                self._size -= self._frames.pop(next(iter(self._frames))).size
        return frame


class Ack(NamedTuple):
    """Everything up to (epoch, offset) has been applied."""

    epoch: int
    offset: int


@dataclass(frozen=True, kw_only=True)
class Ping:
    pass


class BadMessage(Exception):
    """The client sent something that is not in the protocol; `detail` says what."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def parse(text: str) -> Ack | Ping:
    """A client's message. Fields that are not known are passed over. Raises `BadMessage`."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise BadMessage("The message is not JSON.") from None
    if not isinstance(message, dict):
        raise BadMessage("The message is not a JSON object.")
    match message.get("type"):
        case "ack":
            return Ack(epoch=_whole_number(message, "epoch"), offset=_whole_number(message, "offset"))
        case "ping":
            return Ping()
        case _:
            raise BadMessage("The message's type must be ack or ping.")


def _whole_number(message: Mapping[str, Any], field: str) -> int:
    value = message.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise BadMessage(f"An ack needs a whole number as {field}.")
