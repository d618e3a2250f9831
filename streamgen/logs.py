"""How log lines look, as text or as JSON, with what each is about; failures that are handled become an outage."""

from __future__ import annotations

import json
import logging
import time

from artifacts.operating import outages
from artifacts.operating.log_context import told_about
from artifacts.operating.outages import OutageKind

OF_HANDSHAKES = ('%s - "WebSocket ', "connection rejected", "ASGI callable returned without completing handshake")
"""How uvicorn's lines about handshakes begin."""
CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(32), 127, 133, 0x2028, 0x2029) if code != 9}
"""What would end a line, or speak to a terminal, as it is written in a program."""
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


class TextLine(logging.Formatter):
    """A sentence for people, then in brackets which process, worker, task, artifact and user it is about."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname:<7} {name}: {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = record.message.translate(CONTROLS)  # whoever sent it makes no line of their own
        about = {"process": record.process, **told_about()}
        return f"{super().formatMessage(record)}  [{' '.join(f'{name}={value}' for name, value in about.items())}]"


class JsonLine(logging.Formatter):
    """One object a line, for programs."""

    def format(self, record: logging.LogRecord) -> str:
        milliseconds = f"{record.msecs:03.0f}"
        line = {
            "at": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{milliseconds}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            **told_about(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class UvicornLine(OneLine):
    """The same, only where somebody sent bytes that are no text: other tracebacks stay. Lines with the address of a
    websocket, which may hold a secret, go, and so does what it says of each handshake that was answered with a refusal.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(OF_HANDSHAKES):
            return False
        sent_nonsense = record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError)
        return super().filter(record) if sent_nonsense else True
