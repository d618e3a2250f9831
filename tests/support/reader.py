"""A client that keeps the protocol: it applies frames, checks them against one another, and acknowledges them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tests.streamgen.contract.held import hold_frame


class Reader:
    """What one viewer shows. An `AssertionError` says which rule of the protocol a frame broke."""

    def __init__(self, shows: str = "text", text: str = "") -> None:
        self.shows = shows
        self.epoch = 0
        self.seq = 0
        self.text = text
        """What a text viewer holds; one that reconnects brings it along."""
        self.fragments: list[str] = []
        self.tail = ""
        self.offset = 0
        self.state: dict[str, Any] = {}
        self.frames: list[dict[str, Any]] = []
        self.ended_epochs: list[int] = []

    @property
    def is_ended(self) -> bool:
        return self.epoch in self.ended_epochs

    @property
    def html(self) -> str:
        return "".join(self.fragments)

    def apply(self, message: str | bytes) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(message)
        hold_frame(frame)
        self.frames.append(frame)
        if frame["type"] not in {"error", "pong"}:
            if frame["type"] == "snapshot":
                assert frame["epoch"] > self.epoch, "a snapshot begins a connection or an epoch"
            else:
                assert frame["epoch"] == self.epoch, "a new epoch begins with a snapshot"
                assert frame["seq"] >= self.seq, "seq never falls"
            self.epoch, self.seq = frame["epoch"], frame["seq"]
            self.state = frame.get("state", self.state)
            getattr(self, f"_{frame['type']}")(frame)
        return frame

    def ack(self) -> str:
        return json.dumps({"type": "ack", "epoch": self.epoch, "offset": self.offset})

    def _snapshot(self, frame: dict[str, Any]) -> None:
        assert frame["v"] == 1
        if self.shows == "text":
            assert frame["offset"] in {0, len(self.text)}, "text begins at the asked place, else at 0"
            self.text = self.text[: frame["offset"]] + frame["text"]
            self.offset = len(self.text)
        else:
            self.fragments, self.tail, self.offset = list(frame["fragments"]), frame["tail"], frame["offset"]

    def _delta(self, frame: dict[str, Any]) -> None:
        assert self.shows == "text"
        assert frame["text"], "a delta is never empty"
        assert frame["offset"] == self.offset, "deltas join without hole or overlap"
        assert not self.is_ended, "nothing comes after the end"
        self.text += frame["text"]
        self.offset = len(self.text)

    def _preview(self, frame: dict[str, Any]) -> None:
        assert self.shows == "html"
        assert frame["from"] <= len(self.fragments)
        assert frame["offset"] >= self.offset, "a preview never shows less"
        assert not self.is_ended, "nothing comes after the end"
        self.fragments[frame["from"] :] = frame["fragments"]
        self.tail, self.offset = frame["tail"], frame["offset"]

    def _state(self, frame: dict[str, Any]) -> None:
        pass

    def _end(self, frame: dict[str, Any]) -> None:
        assert not self.is_ended, "the end comes once"
        assert frame["state"]["status"] in {"complete", "cancelled"}
        assert frame["offset"] == self.offset, "the end comes after everything"
        if self.shows == "text":
            assert frame["sha256"] == hashlib.sha256(self.text.encode()).hexdigest()
        else:
            assert self.tail == "", "the final preview is whole"
        self.ended_epochs.append(frame["epoch"])
