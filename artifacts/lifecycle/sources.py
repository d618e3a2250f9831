"""What a text was written from: kept for its epoch, and taken along where another epoch changes but a part of it.

Only verbs use it, each with the row that it has locked; whether it still holds, `freshness` reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from artifacts.lifecycle.rows import LockedRow
from artifacts.models import SourceText


@dataclass(frozen=True, kw_only=True)
class EarlierText:
    """A finished document as it was read: `part` is what of it the writing is told."""

    artifact: int
    title: str
    epoch: int
    length: int
    sha256: str
    part: str

    def with_part(self, part: str) -> EarlierText:
        return replace(self, part=part)


def keep_sources(row: LockedRow, sources: Iterable[EarlierText]) -> None:
    """The text of this epoch is written from these, in their order."""
    artifact = row.artifact
    SourceText.objects.bulk_create(
        SourceText(
            artifact=artifact,
            epoch=artifact.epoch,
            position=position,
            earlier_id=source.artifact,
            title=source.title,
            earlier_epoch=source.epoch,
            earlier_length=source.length,
            sha256=source.sha256,
            part=source.part,
        )
        for position, source in enumerate(sources)
    )


def copy_sources(row: LockedRow, epoch: int) -> None:
    """The text of this epoch is, for the most part, that of an earlier one."""
    rows = list(SourceText.objects.filter(artifact=row.artifact, epoch=epoch))
    for source in rows:
        source.pk, source.epoch = None, row.artifact.epoch
    SourceText.objects.bulk_create(rows)
