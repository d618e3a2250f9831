"""How log lines look that are not ours: no traceback where a request was refused, one line for a whole outage."""

from __future__ import annotations

import logging

from artifacts.operating import outages
from artifacts.operating.outages import OutageKind

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


class LayerOutage(logging.Filter):
    """Keeps back the traceback that a driver of the channel layer logs at each attempt."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.exc_info:
            return True
        outages.of_layer.failed(OutageKind.LAYER)
        return False
