"""Which transitions between states are legal, and what to tell whoever asks for another. It changes nothing."""

from __future__ import annotations

from artifacts.errors import IllegalTransition
from artifacts.models import Artifact, StopRequest, StreamStatus

TRANSITIONS: dict[str, frozenset[str]] = {
    StreamStatus.IDLE: frozenset({StreamStatus.STREAMING}),
    StreamStatus.STREAMING: frozenset({StreamStatus.PAUSED, StreamStatus.COMPLETE, StreamStatus.CANCELLED}),
    StreamStatus.PAUSED: frozenset({StreamStatus.STREAMING, StreamStatus.CANCELLED}),
    StreamStatus.COMPLETE: frozenset({StreamStatus.STREAMING}),
    StreamStatus.CANCELLED: frozenset({StreamStatus.STREAMING}),
}

_HINTS = {
    StreamStatus.IDLE: "It was never started; start it.",
    StreamStatus.STREAMING: "Cancel or pause it first.",
    StreamStatus.PAUSED: "Resume it, cancel it, or regenerate it.",
    StreamStatus.COMPLETE: "Regenerate it to write it anew.",
    StreamStatus.CANCELLED: "Regenerate it to write it anew.",
}


def target_of(request: str) -> StreamStatus:
    """The status that a stop request asks for."""
    return StreamStatus.CANCELLED if request == StopRequest.CANCEL else StreamStatus.PAUSED


def illegal(artifact: Artifact, verb: str) -> IllegalTransition:
    """The error for a verb that the artifact's status does not allow; it names what helps."""
    status = StreamStatus(artifact.stream_status)
    hint = _HINTS[status]
    if artifact.stop_requested:
        hint = "It is about to stop; try again in a moment."
    elif status == StreamStatus.STREAMING and verb in {"start", "resume"}:
        hint = "It is being written already."
    return IllegalTransition(status.value, verb, hint)
