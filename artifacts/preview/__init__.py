"""Markdown to safe HTML, whole or while it grows. This file is the interface only; nothing here knows Django."""

from artifacts.preview.closing import closing
from artifacts.preview.live import LivePreview, Update, append_sections, render
from artifacts.preview.unique_labels import unique_labels

__all__ = ["LivePreview", "Update", "append_sections", "closing", "render", "unique_labels"]
