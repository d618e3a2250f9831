"""How a log line looks where it is not ours: one sentence instead of a traceback for a failure that is handled."""

from __future__ import annotations

import logging

LOGGED_CHARS = 500
"""What is longer was sent by somebody to fill the log."""


class OneLine(logging.Filter):
    """Turns the traceback of a record into the name of its error."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[0]:
            sentence = record.getMessage()
            sentence = sentence if len(sentence) <= LOGGED_CHARS else f"{sentence[:LOGGED_CHARS]}…"
            record.msg, record.args = f"{sentence}: {record.exc_info[0].__name__}", None
            record.exc_info = record.exc_text = None
        return True
