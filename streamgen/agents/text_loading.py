"""Finds what clients of the OpenAI API are told of a document: its present text, or one of before. It only reads."""

from __future__ import annotations

from django.db.models import Sum

from artifacts.document_text import read_text
from artifacts.errors import NotFound
from artifacts.models import Artifact, ArtifactVersion, CallCharge, StreamStatus
from artifacts.reasons import Reason
from streamgen.agents.event_numbers import ResponseId
from streamgen.agents.written_text import TokensUsed, WrittenText

OURS = "streamgen"
"""The model that writes a new document; the names of others begin with it."""


def model_of(artifact: Artifact) -> str:
    """The name under which clients ask for the document."""
    return f"{OURS}/{artifact.project_id}/{artifact.phase}"


def load_written(artifact_id: int, epoch: int | None = None, *, with_text: bool = False) -> WrittenText:
    """The text of that epoch, None for the present one. Raises `NotFound` where it is not kept any more."""
    artifact = Artifact.objects.defer("preview_html", "instructions").filter(pk=artifact_id).first()
    if artifact is None:
        raise NotFound
    if epoch is not None and artifact.epoch != epoch:
        return _earlier(artifact, epoch, with_text=with_text)
    begun = artifact.started_at or artifact.created_at
    return WrittenText(
        id=ResponseId(artifact.pk, artifact.epoch),
        model=model_of(artifact),
        title=artifact.title,
        status=artifact.stream_status,
        reason=artifact.reason,
        detail=artifact.last_error,
        length=artifact.length,
        began_at=int(begun.timestamp()),
        used=_used(artifact.pk, artifact.epoch, artifact.tokens_generated),
        text=read_text(artifact) if with_text else "",
    )


def _earlier(artifact: Artifact, epoch: int, *, with_text: bool) -> WrittenText:
    versions = ArtifactVersion.objects.filter(artifact=artifact, epoch=epoch)
    version = (versions if with_text else versions.defer("content")).first()
    if version is None:
        raise NotFound("There is no such text, or it is not kept any more.")
    return WrittenText(
        id=ResponseId(artifact.pk, epoch),
        model=model_of(artifact),
        title=artifact.title,
        status=version.stream_status,
        reason=Reason.USER if version.stream_status == StreamStatus.PAUSED else "",
        detail="",
        length=version.length,
        began_at=int(version.created_at.timestamp()) - (version.seconds or 0),
        used=_used(artifact.pk, epoch, version.tokens_generated),
        text=version.content if with_text else "",
    )


def _used(artifact_id: int, epoch: int, completion: int) -> TokensUsed:
    charges = CallCharge.objects.filter(artifact=artifact_id, epoch=epoch)
    found = charges.aggregate(prompt=Sum("prompt_tokens"), cached=Sum("cached_tokens"))
    return TokensUsed(prompt=found["prompt"] or 0, cached=found["cached"] or 0, completion=completion)
