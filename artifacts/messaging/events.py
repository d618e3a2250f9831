"""What happened to an artifact, as it travels over the channel layer: event, groups, encoding; pure.

An event is a hint: whoever misses one sees a hole in `seq` and looks at the database.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

MESSAGE_TYPE = "artifact.event"
ACCESS_TYPE = "artifact.access"
ACCESS_GROUP = "artifacts.access"
"""The group of every process with open sockets: it hears of each login, token, role and link that ends."""

group = "artifact.{}".format
"""The channel-layer group of the artifact with that id: every event."""
writer_group = "artifact.{}.writer".format
"""The group of whoever writes it: only what may stop the writer, never its own flushes."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One committed write.

    `text` is the delta beginning at `offset` (code points), "" where the write changed only the state. `length` is the
    length of the whole text after the write. `tokens`, `cost` and `cost_estimated` are the artifact's. `state_changed`
    is False where nothing but text and these changed: then the event says it all. `section_start` is the offset of a
    section that was begun by the write, None for any other. `deleted` says that the row is gone.
    """

    artifact: int
    epoch: int
    seq: int
    status: str
    stop_requested: str = ""
    fence: int = 0
    offset: int = 0
    text: str = ""
    length: int = 0
    tokens: int = 0
    cost: int = 0
    cost_estimated: int = 0
    state_changed: bool = True
    section_start: int | None = None
    deleted: bool = False


@dataclass(frozen=True, kw_only=True)
class AccessChanged:
    """A login, a token, a role or a link may have ended: look at the database whether they still hold.

    Of one user, by their key as it is told, or of one link; of everybody where both are 0.
    """

    user: int | str = 0
    link: int = 0


def encode_event(event: Event, to: str = "") -> dict[str, str]:
    """The channel-layer message to that group, without one to the artifact's; the event inside is encoded once."""
    return {
        "type": MESSAGE_TYPE,
        "group": to or group(event.artifact),
        "event": json.dumps(asdict(event), ensure_ascii=False, separators=(",", ":")),
    }


def encode_access(change: AccessChanged) -> dict[str, object]:
    """The channel-layer message to `ACCESS_GROUP`."""
    return {"type": ACCESS_TYPE, "group": ACCESS_GROUP, **asdict(change)}


def decode_access(message: dict[str, Any]) -> AccessChanged:
    """Raises `KeyError` where the message says nothing of the kind."""
    return AccessChanged(user=message["user"], link=message["link"])


def decode_event(message: dict[str, str]) -> Event:
    """Raises `KeyError`, `TypeError` or `ValueError` where the message is no event."""
    return Event(**json.loads(message["event"]))
