"""Whether documents still stand on what they were written from. It only reads."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import F

from artifacts.models import Artifact, ArtifactVersion, SourceText, StreamStatus


@dataclass(frozen=True, kw_only=True)
class WrittenFrom:
    """One document that another was written from; `artifact` is None where it was deleted since.

    `is_kept`: the text of that time is a version of it, to be compared with the present one.
    """

    artifact: int | None
    title: str
    epoch: int
    sha256: str
    is_changed: bool
    is_kept: bool


def written_from(artifact_ids: Collection[int]) -> dict[int, list[WrittenFrom]]:
    """What the present texts of these documents were written from. Two queries, and one for each text that may be
    the same although its epoch is another.
    """
    sources = list(
        SourceText.objects.filter(artifact__in=artifact_ids, epoch=F("artifact__epoch"))
        .order_by("artifact", "position")
        .values_list(
            *("artifact", "earlier", "title", "earlier_epoch", "earlier_length", "sha256"),
            *("earlier__epoch", "earlier__length", "earlier__stream_status", "earlier__title"),
        )
    )
    changed = {(source[1], source[3]) for source in sources if source[1] is not None and source[6] != source[3]}
    versions = ArtifactVersion.objects.filter(artifact__in={earlier for earlier, _ in changed})
    kept = set(versions.values_list("artifact", "epoch")) if changed else set[tuple[int, int]]()
    found: dict[int, list[WrittenFrom]] = defaultdict(list)
    for artifact, earlier, title, epoch, length, sha256, now_epoch, now_length, status, now_title in sources:
        is_changed = earlier is not None and now_epoch != epoch
        if is_changed and status == StreamStatus.COMPLETE and now_length == length:
            is_changed = _sha256(earlier) != sha256
        found[artifact].append(
            WrittenFrom(
                artifact=earlier,
                title=now_title or title,
                epoch=epoch,
                sha256=sha256,
                is_changed=is_changed,
                is_kept=(earlier, epoch) in kept,
            )
        )
    return found


def outdated(artifact_ids: Collection[int]) -> set[int]:
    """Which of these documents were written from a text that is another by now."""
    found = written_from(artifact_ids)
    return {artifact for artifact, sources in found.items() if any(source.is_changed for source in sources)}


def _sha256(artifact_id: int) -> str:
    found = Artifact.objects.filter(pk=artifact_id).first()
    return "" if found is None else hashlib.sha256(found.text.encode()).hexdigest()
