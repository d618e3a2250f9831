"""Why a document waits or stopped: the codes that this app gives, and an open set that the app which writes adds.

A code is stored, sent and compared; its sentence is for people.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    _CharField = models.CharField[str, str]
else:
    _CharField = models.CharField


class Reason(models.TextChoices):
    """`last_error` of the document has what happened this time."""

    QUEUED = "queued"
    WAITING_RETRY = "waiting_retry"
    THINKING = "thinking"
    USER = "user"
    DEACTIVATED = "deactivated"
    SHUTDOWN = "shutdown"


REASON_SENTENCES: dict[str, str] = {
    Reason.QUEUED: "Waiting for a worker. Writing begins as soon as one is free.",
    Reason.WAITING_RETRY: "The last attempt brought no text. The next one comes by itself.",
    Reason.THINKING: "The model thinks before it writes.",
    Reason.USER: "Stopped by hand. Every word written so far is kept.",
    Reason.DEACTIVATED: "Paused because the account that had it written, or owns it, was deactivated.",
    Reason.SHUTDOWN: "The worker is restarting. Another one goes on from the last word.",
}
"""Of every known code."""

WAYS_ON: dict[str, str] = {
    Reason.DEACTIVATED: "Every word is kept. Somebody else who may edit the project can resume it, in their own name.",
}
"""What goes with a stop that nobody at its document asked for."""


def add_reasons(sentences: Mapping[str, str]) -> None:
    """Codes of another app, each with its sentence; called once, when that app is ready. A new one needs no migration.

    Whatever is added asks for somebody's attention: the work does not go on by itself.
    """
    REASON_SENTENCES.update(sentences)


WaitingDetails = Callable[[Collection[int]], Mapping[int, str]]
_waiting_details: list[WaitingDetails] = []


def tell_waiting_by(details: WaitingDetails) -> None:
    """How the app that writes says, of artifacts whose reason is `queued`, what each waits for; called once."""
    _waiting_details[:] = [details]


def waiting_details(artifact_ids: Collection[int]) -> Mapping[int, str]:
    """A sentence as of now for each of those that wait for a worker, by id; it may ask the database."""
    return _waiting_details[0](artifact_ids) if _waiting_details and artifact_ids else {}


def reason_choices() -> list[tuple[str, str]]:
    """Every known code with its name, for the admin."""
    return [_choice(code) for code in REASON_SENTENCES]


def _choice(code: str) -> tuple[str, str]:
    return str(code), code.replace("_", " ").title()


_MIGRATED = (
    *("queued", "waiting_retry", "thinking", "user", "shutdown", "turns_exhausted", "no_progress", "tokens_exhausted"),
    *("bad_seam", "deadline", "rate_limited", "provider_error", "auth", "model_not_found", "filtered", "poison"),
    "disk_full",
)
"""The codes that the last migration of the column names. It stays as it is: the set is open since."""


class ReasonField(_CharField):
    """A column for one of an open set of codes. To migrations it is the column that they made: they do not follow the
    set.
    """

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.CharField", args, options | {"choices": [_choice(code) for code in _MIGRATED]}
