"""How a log line looks where it is not ours: one sentence instead of a traceback for a failure that is handled."""

from __future__ import annotations

import logging


class OneLine(logging.Filter):
    """Turns the traceback of a record into the name of its error."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[0]:
            record.msg, record.args = f"{record.getMessage()}: {record.exc_info[0].__name__}", None
            record.exc_info = record.exc_text = None
        return True
