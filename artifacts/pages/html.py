"""What a document shows at rest: its HTML as of now, for pages and exports. It only reads."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.utils.safestring import SafeString, mark_safe

from artifacts.errors import NotFound
from artifacts.lifecycle.state import section_starts, version_starts
from artifacts.models import Artifact, ArtifactVersion, StreamStatus
from artifacts.preview import LivePreview, append_sections, render
from artifacts.written_pieces import packed_page

_BOXES = re.compile(r'<(?:pre|table|p class="math")(?=[ >])|<input(?: checked)?(?= disabled type="checkbox">)')


def document_html(artifact: Artifact) -> SafeString:
    """The sanitised HTML of the text so far, as a viewer sees it: the end of a text that may grow is repaired."""
    saved, status = _saved(artifact)
    if saved is not None:
        return mark_safe(saved)
    growing = status != StreamStatus.COMPLETE
    return text_html(artifact.text, section_starts(artifact), growing=growing)


def final_html(artifact: Artifact) -> SafeString:
    """The sanitised HTML of the text as if it ended here: nothing of its end is held back."""
    saved, status = _saved(artifact)
    if saved is not None and status == StreamStatus.COMPLETE:
        return mark_safe(saved)
    return text_html(artifact.text, section_starts(artifact))


def version_html(version: ArtifactVersion) -> SafeString:
    """The sanitised HTML of an earlier text."""
    return text_html(version.content, version_starts(version))


def text_html(text: str, sections: Iterable[int], *, growing: bool = False) -> SafeString:
    """The sanitised HTML of a text whose sections begin at these offsets."""
    if not growing:
        return mark_safe(render(text, sections))
    preview = LivePreview()
    append_sections(preview, text, sections)
    update = preview.update()
    return mark_safe("".join([*update.fragments, update.tail]))


def reachable(html: SafeString) -> SafeString:
    """What may have to scroll can be reached by the keyboard, and a box says what it stands for: for a page without a
    script. In sanitised HTML these marks stand for tags only. With one, `reach.js` keeps what is needed.
    """
    return mark_safe(_BOXES.sub(_reached, html))


def _reached(tag: re.Match[str]) -> str:
    if not tag[0].startswith("<input"):
        return f'{tag[0]} tabindex="0"'
    return f'{tag[0]} aria-label="{"done" if "checked" in tag[0] else "open"}"'


def _saved(artifact: Artifact) -> tuple[str | None, str]:
    """The HTML that is saved of the whole text, and the status. One query, so that preview, its length and the text's
    length belong together while a writer goes on; one more where it may be packed, then nobody writes any more.
    """
    rows = Artifact.objects.only("preview_html", "preview_length", "length", "stream_status", "epoch")
    row = rows.filter(pk=artifact.pk).first()
    if row is None:
        raise NotFound
    if row.preview_length == row.length:
        return row.preview_html, row.stream_status
    is_over = row.stream_status in {StreamStatus.COMPLETE, StreamStatus.CANCELLED}
    return packed_page(row.pk, row.epoch) if is_over and not row.preview_length else None, row.stream_status
