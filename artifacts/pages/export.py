"""A document as a file: its Markdown, or one HTML file that needs nothing else. It only reads."""

from __future__ import annotations

from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.http import content_disposition_header
from django.utils.safestring import mark_safe
from django.utils.text import slugify

from artifacts.lifecycle.state import section_starts
from artifacts.models import Artifact
from artifacts.pages.html import final_html, reachable
from artifacts.preview import unique_labels

STYLE_SHEETS = ("css/tokens.css", "css/document.css", "css/pygments.css", "css/export.css")


def markdown(artifact: Artifact) -> bytes:
    """The text in UTF-8, as committed but for labels that two sections share: those are told apart, because another
    reader sees one document.
    """
    return unique_labels(artifact.text, section_starts(artifact)).encode()


def html(artifact: Artifact) -> bytes:
    """A whole page with its style inside; it loads nothing and runs nothing."""
    context = {"artifact": artifact, "style": mark_safe(_style()), "body": reachable(final_html(artifact))}
    return render_to_string("export.html", context).encode()


def filename(artifact: Artifact, extension: str) -> str:
    """An ASCII file name out of the titles, such as `lighthouse-brief.md`."""
    stem = slugify(f"{artifact.project.title} {artifact.title}")[:80].strip("-_")
    return f"{stem or f'artifact-{artifact.pk}'}.{extension}"


def as_attachment(artifact: Artifact, extension: str) -> HttpResponse:
    """The file as an attachment: `md`, or else HTML."""
    body, media_type = (markdown(artifact), "text/markdown") if extension == "md" else (html(artifact), "text/html")
    disposition = content_disposition_header(True, filename(artifact, extension)) or "attachment"
    return HttpResponse(body, content_type=f"{media_type}; charset=utf-8", headers={"Content-Disposition": disposition})


def _style() -> str:
    """Our own style sheets, one after the other; a file without them would not look like the page."""
    sheets = [finders.find(name) for name in STYLE_SHEETS]
    return "\n".join(Path(sheet).read_text(encoding="utf-8") for sheet in sheets if sheet)
