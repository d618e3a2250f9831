"""Markdown to safe HTML, whole or while it grows; this file is the interface only. It knows no document, only text.
Pure but for `stylesheet`.
"""

from artifacts.preview.ending.closing import closing
from artifacts.preview.live import LivePreview, Update, append_sections, render
from artifacts.preview.pieces import in_pieces
from artifacts.preview.unique_labels import unique_labels

__all__ = ["LivePreview", "Update", "append_sections", "closing", "in_pieces", "render", "unique_labels"]
