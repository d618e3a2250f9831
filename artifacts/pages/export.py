"""Documents as files: Markdown, HTML that needs nothing else, Word, PDF, and a project's as a ZIP. It only reads."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from django.utils.text import slugify

from artifacts.errors import ExportFailed, NotFound
from artifacts.exports.conversion import convert
from artifacts.exports.properties import FileProperties
from artifacts.lifecycle.state import section_starts
from artifacts.models import Artifact, Project
from artifacts.pages.html import final_html, reachable
from artifacts.preview import unique_labels

MEDIA_TYPES = {
    "md": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
    "zip": "application/zip",
}
KINDS = ("md", "html", "docx", "pdf")
"""Of one document."""
ZIP_CHARS = 20_000_000
STEM_CHARS = 80
STYLE_SHEETS = tuple(f"artifacts/css/{name}.css" for name in ("tokens", "document", "pygments", "export"))


def markdown(artifact: Artifact) -> bytes:
    """The text in UTF-8, as committed but for labels that two sections share: those are told apart, because another
    reader sees one document.
    """
    return unique_labels(artifact.text, section_starts(artifact)).encode()


def html(artifact: Artifact) -> bytes:
    """A whole page with its style inside; it loads nothing and runs nothing."""
    context = {"artifact": artifact, "style": mark_safe(_style()), "body": reachable(final_html(artifact))}
    return render_to_string("artifacts/export.html", context).encode()


def as_attachment(artifact: Artifact, kind: str, *, names_people: bool = True) -> HttpResponse:
    """The file of one of `KINDS`; who comes by a link learns no names. Raises `ExportFailed`."""
    match kind:
        case "md":
            body = markdown(artifact)
        case "html":
            body = html(artifact)
        case _:
            body = convert(kind, _properties(artifact, names_people=names_people), final_html(artifact))
    return _attachment(body, kind, f"{artifact.project.title} {artifact.title}", f"artifact-{artifact.pk}")


def project_zip(project: Project, artifacts: Iterable[Artifact]) -> HttpResponse:
    """The documents that have text, each as Markdown and as HTML. Raises `NotFound`, `ExportFailed`."""
    written = [artifact for artifact in artifacts if artifact.length]
    if not written:
        raise NotFound("Nothing is written in this project yet.")
    if sum(artifact.length for artifact in written) > ZIP_CHARS:
        raise ExportFailed("The project has too much text for one file. Download its documents one by one.")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, artifact in enumerate(written, 1):
            stem = f"{number:02}-{_stem(artifact.title) or 'document'}"
            for kind, body in (("md", markdown(artifact)), ("html", html(artifact))):
                entry = zipfile.ZipInfo(f"{stem}.{kind}", artifact.updated_at.timetuple()[:6])
                archive.writestr(entry, body, zipfile.ZIP_DEFLATED)
    return _attachment(packed.getvalue(), "zip", project.title, f"project-{project.pk}")


def _properties(artifact: Artifact, *, names_people: bool) -> FileProperties:
    author = artifact.text_author if names_people else None
    return FileProperties(
        title=artifact.title,
        subject=artifact.project.title,
        author=(author.get_full_name() or author.get_username()) if author is not None else "",
        created=(artifact.started_at or artifact.created_at).isoformat(),
        modified=artifact.updated_at.isoformat(),
    )


def _attachment(body: bytes, kind: str, title: str, fallback: str) -> HttpResponse:
    """Named by the title in its own script, and in ASCII for who cannot read that (RFC 6266)."""
    plain = _stem(title, is_ascii=True) or fallback
    named = f'attachment; filename="{plain}.{kind}"'
    if (own := _stem(title)) and own != plain:
        named += f"; filename*=UTF-8''{quote(f'{own}.{kind}', safe='')}"
    return HttpResponse(body, content_type=MEDIA_TYPES[kind], headers={"Content-Disposition": named})


def _stem(title: str, *, is_ascii: bool = False) -> str:
    """Letters, digits and hyphens of a title, such as `lighthouse-brief`: no path, no mark that turns a line around."""
    return slugify(title, allow_unicode=not is_ascii)[:STEM_CHARS].strip("-_")


def _style() -> str:
    """Our own style sheets, one after the other; a file without them would not look like the page."""
    sheets = [finders.find(name) for name in STYLE_SHEETS]
    return "\n".join(Path(sheet).read_text(encoding="utf-8") for sheet in sheets if sheet)
