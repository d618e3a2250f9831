"""A part of the text of one epoch, as the database has it: the present one, or one that was kept as a version."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models.functions import Substr

from artifacts.document_text import read_range
from artifacts.errors import NotFound
from artifacts.live.replica import OVER, Replica
from artifacts.models import Artifact, ArtifactVersion
from artifacts.streams.offsets import BadOffset, chunk_end


@dataclass(frozen=True, kw_only=True)
class Part:
    """The text from `begin` on, up to the end of its chunk or of what is there: `length`.

    `is_over`: nothing more will be written in this epoch.
    """

    begin: int
    text: str
    length: int
    is_over: bool

    @property
    def end(self) -> int:
        return self.begin + len(self.text)

    @property
    def is_at_tail(self) -> bool:
        return self.end == self.length

    @property
    def is_full(self) -> bool:
        """Whether it reaches the end of its chunk, so that it will never be another one."""
        return self.end == chunk_end(self.begin)

    @property
    def is_last(self) -> bool:
        return self.is_over and self.is_at_tail


def newest_epoch(artifact_id: int) -> int:
    """Raises `NotFound`."""
    found = Artifact.objects.filter(pk=artifact_id).values_list("epoch", flat=True).first()
    if found is None:
        raise NotFound
    return found


def load_part(artifact_id: int, epoch: int, begin: int | None, *, earlier: bool) -> Part:
    """The part at `begin`, None for the end; `earlier`: also of texts that another one took the place of.

    Raises `NotFound`, and `BadOffset` behind the end.
    """
    fields = ("epoch", "length", "stream_status")
    artifact = Artifact.objects.only(*fields).filter(pk=artifact_id, epoch=epoch).first()
    if artifact is not None:
        begin, end = _bounds(begin, artifact.length)
        text = read_range(artifact, begin, end)
        return Part(begin=begin, text=text, length=artifact.length, is_over=artifact.stream_status in OVER)
    version = ArtifactVersion.objects.filter(artifact=artifact_id, epoch=epoch)
    length = version.values_list("length", flat=True).first()
    if length is None or not earlier:
        raise NotFound("There is no such text, or it is not kept any more.")
    begin, end = _bounds(begin, length)
    text = version.values_list(Substr("content", begin + 1, max(1, end - begin)), flat=True).first() or ""
    return Part(begin=begin, text=text[: end - begin], length=length, is_over=True)


def part_of(replica: Replica, begin: int) -> Part | None:
    """The same as this process's copy of the newest epoch has it; None where it is not so far yet."""
    if begin > replica.length:
        return None
    text = replica.transcript.cut(begin, min(chunk_end(begin), replica.length))
    return Part(begin=begin, text=text, length=replica.length, is_over=replica.is_over)


def _bounds(begin: int | None, length: int) -> tuple[int, int]:
    if begin is None:
        return length, length
    if begin > length:
        raise BadOffset
    return begin, min(chunk_end(begin), length)
