"""One viewer: a cursor into the replica, and credit. It says which frame comes next; it has no queue, it sends nothing.

Pure: time does not come in, what is late is simply a larger difference.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from artifacts.live import cuts
from artifacts.live.protocol import PROTOCOL_VERSION, Ack, Frame
from artifacts.live.rendered import Page
from artifacts.live.replica import Cursor, Replica, Step

CREDIT_BYTES = 262_144
"""A viewer with more than this unacknowledged gets nothing until it acknowledges."""
FRAME_CHARS = 65_536
"""Text of one frame, at most; it is less where its bytes would be more than a frame may have."""

Format = Literal["text", "html"]


class Viewer:
    """What was sent, and what was acknowledged. `cursor` asks to resume; it counts for the first snapshot only.

    Who reads `by_link` is told less of the state.
    """

    def __init__(self, shows: Format, cursor: Cursor | None = None, *, by_link: bool = False) -> None:
        self.unacknowledged_bytes = 0
        self._by_link = by_link
        self._shows = shows
        self._asked = cursor
        self._at = Cursor(epoch=0, offset=0)
        self._acknowledged = self._at
        self._sent: deque[tuple[Cursor, int]] = deque()
        self._state_number = 0
        self._page_version = 0
        self._fragments = 0
        self._is_page_whole = False
        """How much was sent of the page of that version: so many fragments; all of them, and the tail."""
        self._ended_epoch = 0

    @property
    def cursor(self) -> Cursor:
        """Up to where it was sent."""
        return self._at

    @property
    def has_ended(self) -> bool:
        """Whether it was sent the end of the text that it shows."""
        return self._ended_epoch == self._at.epoch > 0

    def next_frame(self, replica: Replica) -> Frame | None:
        """The next frame for this viewer, which counts as sent; None where there is none, or no credit."""
        if replica.epoch == 0 or self.unacknowledged_bytes > CREDIT_BYTES:
            return None
        step, frame = replica.step, None
        is_following = self._shows == "text" and self._state_number == replica.state_number
        if step is not None and is_following and self._at == step.begin:
            self._at, frame = step.end, step.frame
        elif self._at.epoch != replica.epoch:
            frame = self._snapshot(replica)
        elif self._state_number != replica.state_number:
            frame = self._state(replica)
        else:
            frame = self._delta(replica) if self._shows == "text" else self._preview(replica)
            if frame is None and replica.is_over:
                frame = self._end(replica)
        if frame is not None and self._at > self._acknowledged:
            self._sent.append((self._at, frame.size))
            self.unacknowledged_bytes += frame.size
        return frame

    def acknowledge(self, ack: Ack) -> bool:
        """The viewer has applied everything up to there; True where it had no credit and has some now.

        One that claims more than it was sent has applied all of it. A frame without text is acknowledged with the text
        before it.
        """
        applied = min(Cursor(epoch=ack.epoch, offset=ack.offset), self._at)
        if ack.epoch > self._at.epoch or applied <= self._acknowledged:
            return False
        had_none = self.unacknowledged_bytes > CREDIT_BYTES
        self._acknowledged = applied
        while self._sent and self._sent[0][0] <= applied:
            self.unacknowledged_bytes -= self._sent.popleft()[1]
        return had_none and self.unacknowledged_bytes <= CREDIT_BYTES

    def _snapshot(self, replica: Replica) -> Frame | None:
        frame = self._text_snapshot(replica) if self._shows == "text" else self._html_snapshot(replica)
        if frame is not None:
            self._state_number = replica.state_number
        return frame

    def _text_snapshot(self, replica: Replica) -> Frame:
        asked, self._asked = self._asked, None
        begin = asked.offset if asked and asked.epoch == replica.epoch and 0 <= asked.offset <= replica.length else 0
        end = min(replica.length, begin + FRAME_CHARS)
        frame = replica.frames.keep(
            ("snapshot", self._by_link, replica.epoch, replica.seq, replica.state_number, begin, end),
            lambda: cuts.text_frame(
                lambda text: {
                    "type": "snapshot",
                    "v": PROTOCOL_VERSION,
                    "artifact": replica.artifact_id,
                    "epoch": replica.epoch,
                    "seq": replica.seq,
                    "state": replica.state_told(by_link=self._by_link),
                    "offset": begin,
                    "text": text,
                },
                replica.transcript.cut(begin, end),
                begin,
            ),
        )
        self._acknowledged = Cursor(epoch=replica.epoch, offset=begin)
        self._at = Cursor(epoch=replica.epoch, offset=frame.offset)
        return frame

    def _html_snapshot(self, replica: Replica) -> Frame | None:
        page = replica.page
        if page is None:
            return None
        frame = replica.frames.keep(
            ("page", self._by_link, replica.epoch, replica.seq, replica.state_number, page.version),
            lambda: cuts.page_frame(
                {
                    "type": "snapshot",
                    "v": PROTOCOL_VERSION,
                    "artifact": replica.artifact_id,
                    "epoch": replica.epoch,
                    "seq": replica.seq,
                    "state": replica.state_told(by_link=self._by_link),
                },
                page,
                0,
                floor=0,
                may_be_empty=True,
            ),
        )
        self._acknowledged = Cursor(epoch=replica.epoch, offset=0)
        self._show(page, frame)
        return frame

    def _state(self, replica: Replica) -> Frame:
        self._state_number = replica.state_number
        return replica.frames.get(
            ("state", self._by_link, replica.epoch, replica.seq, replica.state_number),
            lambda: {
                "type": "state",
                "epoch": replica.epoch,
                "seq": replica.seq,
                "state": replica.state_told(by_link=self._by_link),
            },
        )

    def _delta(self, replica: Replica) -> Frame | None:
        at, begin = self._at, self._at.offset
        if begin == replica.length:
            return None
        end = min(replica.length, begin + FRAME_CHARS)
        frame = replica.frames.keep(
            ("delta", replica.epoch, replica.seq, begin, end),
            lambda: cuts.text_frame(
                lambda text: {
                    "type": "delta",
                    "epoch": replica.epoch,
                    "seq": replica.seq,
                    "offset": begin,
                    "text": text,
                },
                replica.transcript.cut(begin, end),
                begin,
            ),
        )
        self._at = Cursor(epoch=replica.epoch, offset=frame.offset)
        replica.step = Step(begin=at, end=self._at, frame=frame)
        return frame

    def _preview(self, replica: Replica) -> Frame | None:
        page = replica.page
        if page is None or (page.version == self._page_version and self._is_page_whole):
            return None
        # What is under way goes on with the newest page: what was sent and has not changed since stays.
        first, floor = min(self._fragments, page.first_changed_since(self._page_version)), self._at.offset
        frame = replica.frames.keep(
            ("preview", replica.epoch, replica.seq, page.version, first, floor),
            lambda: cuts.page_frame(
                {"type": "preview", "epoch": replica.epoch, "seq": replica.seq, "from": first},
                page,
                first,
                floor=floor,
                may_be_empty=False,
            ),
        )
        self._show(page, frame)
        return frame

    def _show(self, page: Page, frame: Frame) -> None:
        self._at = Cursor(epoch=page.epoch, offset=frame.offset)
        self._page_version, self._fragments, self._is_page_whole = page.version, frame.upto, not frame.more

    def _end(self, replica: Replica) -> Frame | None:
        is_shown = self._shows == "text" or (replica.page is not None and replica.page.is_final)
        if not is_shown or self._ended_epoch == replica.epoch:
            return None
        self._ended_epoch = replica.epoch
        return replica.frames.get(
            ("end", self._by_link, replica.epoch, replica.seq, replica.state_number),
            lambda: {
                "type": "end",
                "epoch": replica.epoch,
                "seq": replica.seq,
                "offset": replica.length,
                "sha256": replica.transcript.sha256(),
                "state": replica.state_told(by_link=self._by_link),
            },
        )
