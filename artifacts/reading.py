"""What a document shows at rest: its HTML as of now, for pages and exports. It only reads."""

from __future__ import annotations

from django.utils.safestring import SafeString, mark_safe

from artifacts.models import Artifact, StreamStatus
from artifacts.preview import LivePreview, render

_MAY_GROW = (StreamStatus.STREAMING, StreamStatus.PAUSED)


def document_html(artifact: Artifact) -> SafeString:
    """The sanitised HTML of the whole text. The saved preview is used where it is as long as the text."""
    # One query, so that the preview, its length and the text's length belong together while a writer goes on.
    fresh = Artifact.objects.only("preview_html", "preview_length", "length", "stream_status").get(pk=artifact.pk)
    if fresh.preview_length == fresh.length:
        return mark_safe(fresh.preview_html)
    return text_html(artifact.text, growing=fresh.stream_status in _MAY_GROW)


def text_html(text: str, *, growing: bool = False) -> SafeString:
    """The sanitised HTML of a text; of one that may grow, as the live preview shows it, with its end repaired."""
    if not growing:
        return mark_safe(render(text))
    live = LivePreview()
    live.append(text)
    update = live.update()
    return mark_safe("".join([*update.fragments, update.tail]))
