"""The text of a document as its row stood when it was read, whatever was written since. It only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models.functions import Substr

from artifacts.errors import NotFound

if TYPE_CHECKING:
    from artifacts.models import Artifact, Section


def read_text(artifact: Artifact) -> str:
    """The first `length` characters of `epoch`: the folded text and the deltas behind it.

    No query where the row was loaded with its whole text folded, one more for each part that is missing, and one where
    a newer epoch has begun since. Raises `NotFound` where the document was deleted meanwhile.
    """
    folded, deltas_from = _folded(artifact)
    text = folded[: artifact.length]
    if len(text) < artifact.length:
        deltas = artifact.deltas.filter(epoch=artifact.epoch, offset__gte=deltas_from).order_by("offset")
        text = "".join([text, *deltas.values_list("text", flat=True)])[: artifact.length]
    return text if len(text) == artifact.length else _kept(artifact)


def read_draft(section: Section) -> str:
    """What is written of a section whose turn has not come, from its heading on."""
    return "".join(section.draft_deltas.order_by("offset").values_list("text", flat=True))


def read_range(artifact: Artifact, begin: int, end: int) -> str:
    """The characters from `begin` up to `end`, which lie within that row's text; what is not asked for is not loaded.

    Raises `NotFound` where the document was deleted meanwhile.
    """
    if begin == end:
        return ""
    rows = type(artifact)._default_manager.filter(pk=artifact.pk, epoch=artifact.epoch)
    wanted = Substr("content", begin + 1, end - begin)
    text, folded = rows.values_list(wanted, "content_length").first() or ("", 0)
    if (at := begin + len(text)) < end:
        deltas = artifact.deltas.filter(epoch=artifact.epoch, offset__gte=min(folded, at), offset__lt=end)
        first, pieces = at, list(deltas.order_by("offset").values_list("offset", "text"))
        if pieces:
            first = pieces[0][0]
        text += "".join(piece for _, piece in pieces)[at - first : end - first]
    return text if len(text) == end - begin else read_text(artifact)[begin:end]


def _folded(artifact: Artifact) -> tuple[str, int]:
    """The folded text and its length, of one moment and of this epoch."""
    if not artifact.get_deferred_fields() & {"content", "content_length"}:
        return artifact.content, artifact.content_length
    # Together and only of this epoch: a deferred read would bring whatever is there by now.
    rows = type(artifact)._default_manager.filter(pk=artifact.pk, epoch=artifact.epoch)
    return rows.values_list("content", "content_length").first() or ("", 0)


def _kept(artifact: Artifact) -> str:
    """The text of this epoch after a newer one began."""
    version = artifact.versions.filter(epoch=artifact.epoch).only("content").first()
    if version is None:
        raise NotFound
    return version.content[: artifact.length]
