"""What a viewer shows by the frames that came, and which rule of the protocol a frame broke. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from streamgen.conformance.schema import frame_faults

LARGEST_FRAME = 262_144
LARGEST_UNCUT = 400_000
"""A piece of HTML that cannot be cut any more may be so large."""
LONGEST_TEXT = 65_536
ENDINGS = ("complete", "cancelled")


class Broken(Exception):
    """A rule is broken; the text says which, and by what."""


def require(holds: object, rule: str) -> None:
    """Raises `Broken` with the rule where it does not hold."""
    if not holds:
        raise Broken(rule)


class ShownDocument:
    """One viewer's text or page. `text` and `epoch` of before are what a viewer that comes back has already."""

    def __init__(self, shows: str = "text", *, text: str = "", epoch: int = 0) -> None:
        self.shows = shows
        self.known, self.known_epoch = text, epoch
        self.text = ""
        self.epoch = self.seq = self.offset = 0
        self.begin = 0
        """Where the text of the first snapshot began."""
        self.fragments: list[str] = []
        self.tail = ""
        self.state: dict[str, Any] = {}
        self.kinds: list[str] = []
        self.is_ended = False
        self.is_partial = False
        """Further parts of a page follow."""

    def apply(self, message: str | bytes) -> dict[str, Any]:
        """Raises `Broken`."""
        require(isinstance(message, str), "frames are text messages, this one is binary")
        frame = self._read(str(message))
        kind = frame["type"]
        self.kinds.append(kind)
        if kind in ("error", "pong") or kind not in ("snapshot", "delta", "preview", "state", "end"):
            return frame
        require(self.epoch or kind == "snapshot", f"the first frame of a connection is a snapshot, not {kind}")
        if kind == "snapshot":
            require(not self.epoch or frame["epoch"] > self.epoch, "a snapshot begins a connection or a later epoch")
            self.seq = 0
        else:
            require(frame["epoch"] == self.epoch, f"epoch {frame['epoch']} begins with {kind}, not with a snapshot")
        require(frame["seq"] >= self.seq, f"seq fell from {self.seq} to {frame['seq']}")
        self.epoch, self.seq = frame["epoch"], frame["seq"]
        self.state = frame.get("state", self.state)
        getattr(self, f"_{kind}")(frame)
        return frame

    def _read(self, message: str) -> dict[str, Any]:
        try:
            frame = json.loads(message)
        except ValueError:
            raise Broken("a frame is no JSON") from None
        faults = frame_faults(frame)
        require(not faults, f"a frame is not in the schema: {'; '.join(faults[:3])}")
        size, is_page = len(message.encode("utf-8", "surrogatepass")), "fragments" in frame
        require(
            size <= LARGEST_FRAME or (is_page and (size <= LARGEST_UNCUT or len(frame["fragments"]) <= 1)),
            f"a frame of {size} bytes; {LARGEST_FRAME} are the most",
        )
        require(
            len(frame.get("text", "")) <= LONGEST_TEXT, f"a frame with {len(frame.get('text', ''))} characters of text"
        )
        return frame  # type: ignore[no-any-return]

    def _snapshot(self, frame: dict[str, Any]) -> None:
        is_first = self.kinds.count("snapshot") == 1
        self.is_ended = False
        if self.shows == "html":
            require("fragments" in frame, "a page's snapshot has fragments")
            self.fragments, self.tail, self.offset = list(frame["fragments"]), frame["tail"], frame["offset"]
            self._part(frame)
            return
        require("text" in frame, "a text's snapshot has text")
        asked = len(self.known) if is_first and self.known_epoch == frame["epoch"] else 0
        require(
            frame["offset"] in {0, asked}, f"a snapshot begins at {frame['offset']}, asked was for {asked} (or all: 0)"
        )
        self.begin = frame["offset"]
        self.text = (self.known[: frame["offset"]] if is_first else "") + frame["text"]
        self.offset = len(self.text)

    def _delta(self, frame: dict[str, Any]) -> None:
        require(self.shows == "text", "a delta came to a page")
        require(not self.is_ended, "a delta came after the end")
        require(frame["offset"] == self.offset, f"a delta begins at {frame['offset']}, the text ended at {self.offset}")
        self.text += frame["text"]
        self.offset = len(self.text)

    def _preview(self, frame: dict[str, Any]) -> None:
        require(self.shows == "html", "a preview came to a text")
        require(not self.is_ended, "a preview came after the end")
        begin = frame["from"]
        require(begin <= len(self.fragments), f"a preview begins at fragment {begin} of {len(self.fragments)}")
        self.fragments[begin:] = frame["fragments"]
        self.tail, self.offset = frame["tail"], frame["offset"]
        self._part(frame)

    def _part(self, frame: dict[str, Any]) -> None:
        self.is_partial = bool(frame.get("more"))
        require(not self.is_partial or frame["tail"] == "", "a part of a page that is not the last has a tail")

    def _state(self, frame: dict[str, Any]) -> None:
        require(not self.is_ended or frame["state"]["status"] not in ENDINGS, "a state of the end came after the end")

    def _end(self, frame: dict[str, Any]) -> None:
        require(not self.is_ended, "the end came twice")
        require(frame["state"]["status"] in ENDINGS, f"an end of a document that is {frame['state']['status']}")
        require(not self.is_partial, "the end came between the parts of a page")
        require(frame["offset"] == self.offset, f"the end at {frame['offset']}, the text shown ends at {self.offset}")
        if self.shows == "text":
            digest = hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()
            require(frame["sha256"] == digest, "the sha256 of the end is not that of the text that came")
        else:
            require(self.tail == "", "the tail of a page that ended is not empty")
        self.is_ended = True
