"""Where the log of a command goes whose terminal shows a document: to a file, not into the text."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

LOG_FILE_BYTES = 1_000_000
"""Then a second file begins; of two the older one goes."""


def log_beside(terminal: TextIO, file: Path) -> Path | None:
    """Where `terminal` is one, the log and Python's warnings go to `file` from here on. The file, if one is written."""
    if not terminal.isatty():
        return None
    root = logging.getLogger()
    formatter = next((handler.formatter for handler in root.handlers), None)
    handler: logging.Handler = logging.NullHandler()
    written = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(file, maxBytes=LOG_FILE_BYTES, backupCount=1, encoding="utf-8")
        written = file
    except OSError:
        pass  # a document is not refused for want of a log
    handler.setFormatter(formatter)
    root.handlers[:] = [handler]
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a full disk would be told on the terminal, line by line
    return written
