"""A document as a client has it: frames in, events out, however often the line breaks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from streamgen.client.errors import ProtocolViolated, TextDiffers
from streamgen.client.events import DocumentEnded, EpochBegan, StateChanged, TextAdded, TextPlace, WatchEvent

FrameJson = dict[str, Any]


class WatchedDocument:
    """Applies the frames of one document. `begins_at` is where the caller's own text ends, if it has some.

    A server that sends again what is there already is checked against it: nothing is told twice.
    """

    def __init__(self, begins_at: TextPlace | None = None) -> None:
        self.epoch = begins_at.epoch if begins_at else 0
        self.state: dict[str, Any] = {}
        self._base = begins_at.offset if begins_at else 0
        self._parts: list[str] = []
        self._length = self._base

    @property
    def text(self) -> str:
        """The text that came: all of it, or what stands behind `begins_at`."""
        self._parts = ["".join(self._parts)]
        return self._parts[0]

    @property
    def place(self) -> TextPlace | None:
        """Where to go on; None before anything came."""
        return TextPlace(self.epoch, self._length) if self.epoch else None

    def forget(self) -> None:
        """Take the text as unknown, so that all of it is asked for."""
        self.epoch, self._base, self._length, self._parts = 0, 0, 0, []

    def apply(self, frame: FrameJson) -> Iterator[WatchEvent]:
        """Raises `ProtocolViolated` at what the protocol lacks, `TextDiffers` at the end of another text."""
        try:
            yield from self._applied(frame)
        except (KeyError, TypeError) as error:
            raise ProtocolViolated(f"A frame of the type {frame.get('type')!r} lacks {error}.") from error

    def _applied(self, frame: FrameJson) -> Iterator[WatchEvent]:
        match frame.get("type"):
            case "snapshot":
                if frame["epoch"] != self.epoch:
                    yield self._begun(frame["epoch"])
                yield from self._stated(frame)
                yield from self._placed(frame["offset"], frame["text"])
            case "delta":
                self._is_ours(frame)
                yield from self._placed(frame["offset"], frame["text"])
            case "state":
                self._is_ours(frame)
                yield from self._stated(frame)
            case "end":
                self._is_ours(frame)
                yield from self._stated(frame)
                self._check(frame)
                yield DocumentEnded(frame["epoch"], frame["offset"], frame["state"]["status"], frame["sha256"])

    def _is_ours(self, frame: FrameJson) -> None:
        if frame["epoch"] != self.epoch:
            raise ProtocolViolated(f"A frame of epoch {frame['epoch']} came before its snapshot.")

    def _begun(self, epoch: int) -> EpochBegan:
        self.forget()
        self.epoch = epoch
        return EpochBegan(epoch)

    def _stated(self, frame: FrameJson) -> Iterator[StateChanged]:
        if frame["state"] != self.state:
            self.state = frame["state"]
            yield StateChanged(self.epoch, self.state)

    def _placed(self, offset: int, text: str) -> Iterator[WatchEvent]:
        if offset < self._base:  # the caller has that much, whatever it is
            offset, text = self._base, text[self._base - offset :]
        if text and offset > self._length:
            raise ProtocolViolated(f"The text at {offset} came before that at {self._length}.")
        known = self.text[offset - self._base :][: len(text)] if offset < self._length else ""
        if text.startswith(known):
            text = text[len(known) :]
        elif self._base:
            raise TextDiffers(f"The text at {offset} is not the one that came before.")
        else:  # what was told before the break is not what the server has: all of it once more
            text = self.text[:offset] + text
            yield self._begun(self.epoch)
        if text:
            at = self._length
            self._parts.append(text)
            self._length += len(text)
            yield TextAdded(self.epoch, at, text)

    def _check(self, frame: FrameJson) -> None:
        is_whole = self._base == 0
        if self._length != frame["offset"] or (
            is_whole and hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest() != frame["sha256"]
        ):
            raise TextDiffers(f"The text of {self._length} characters is not the one that the server has.")
