"""What a document shows at rest: its HTML as of now, for pages and exports. It only reads."""

from __future__ import annotations

from django.utils.safestring import SafeString, mark_safe

from artifacts.errors import NotFound
from artifacts.models import Artifact, StreamStatus
from artifacts.preview import LivePreview, render


def document_html(artifact: Artifact) -> SafeString:
    """The sanitised HTML of the text so far, as a viewer sees it: the end of a text that may grow is repaired."""
    row = _saved(artifact)
    if row.preview_length == row.length:
        return mark_safe(row.preview_html)
    return text_html(artifact.text, growing=row.stream_status != StreamStatus.COMPLETE)


def final_html(artifact: Artifact) -> SafeString:
    """The sanitised HTML of the text as if it ended here: nothing of its end is held back."""
    row = _saved(artifact)
    if row.stream_status == StreamStatus.COMPLETE and row.preview_length == row.length:
        return mark_safe(row.preview_html)
    return text_html(artifact.text)


def text_html(text: str, *, growing: bool = False) -> SafeString:
    if not growing:
        return mark_safe(render(text))
    preview = LivePreview()
    preview.append(text)
    update = preview.update()
    return mark_safe("".join([*update.fragments, update.tail]))


def _saved(artifact: Artifact) -> Artifact:
    """One query, so that preview, its length and the text's length belong together while a writer goes on."""
    rows = Artifact.objects.only("preview_html", "preview_length", "length", "stream_status")
    row = rows.filter(pk=artifact.pk).first()
    if row is None:
        raise NotFound
    return row
