"""Markdown to safe HTML, whole or while it grows. This file is the interface only; nothing here knows Django."""

from artifacts.preview.live import LivePreview, Update, render

__all__ = ["LivePreview", "Update", "render"]
