"""The JSON Schema (2020-12) of every frame that a document's websocket and its server-sent events bring, and of every
message that a client sends. Unknown fields are allowed: later servers may have more. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JsonSchema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
STATUSES = ("idle", "streaming", "paused", "complete", "cancelled")
SECTION_STATUSES = ("pending", "streaming", "drafting", "drafted", "complete", "partial")

_COUNT: JsonSchema = {"type": "integer", "minimum": 0}
_WORDS: JsonSchema = {"type": "string"}
_AMOUNT: JsonSchema = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}
_EPOCH: JsonSchema = {"type": "integer", "minimum": 1, "description": "The number of the text."}
_SEQ: JsonSchema = _COUNT | {"description": "The last committed write that the frame knows of; it never falls."}
_OFFSET: JsonSchema = _COUNT | {"description": "A place in the text, in Unicode code points."}
_STATE: JsonSchema = {"$ref": "#/$defs/State"}
_FRAGMENTS: JsonSchema = {"type": "array", "items": _WORDS, "description": "Sanitised HTML, each well-formed."}
_MORE: JsonSchema = {"const": True, "description": "Further parts follow at once; the tail comes with the last."}


def _frame(kind: str, says: str, fields: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> JsonSchema:
    return {
        "type": "object",
        "description": says,
        "properties": {"type": {"const": kind}, **fields, **(optional or {})},
        "required": ["type", *fields],
    }


_BEGINNING = {"v": {"const": 1}, "artifact": {"type": "integer", "minimum": 1}, "epoch": _EPOCH, "seq": _SEQ}

FRAMES: dict[str, JsonSchema] = {
    "TextSnapshot": _frame(
        "snapshot",
        "First on every connection, and first of every new epoch: keep the own text up to `offset`, put `text` behind.",
        {**_BEGINNING, "state": _STATE, "offset": _OFFSET, "text": _WORDS},
    ),
    "HtmlSnapshot": _frame(
        "snapshot",
        "The same for a page: show the fragments, then the tail; `offset` is the length of the text shown.",
        {**_BEGINNING, "state": _STATE, "offset": _OFFSET, "fragments": _FRAGMENTS, "tail": _WORDS},
        {"more": _MORE},
    ),
    "Delta": _frame(
        "delta",
        "Text only: append. `offset` is where it begins, always the end of what came before.",
        {"epoch": _EPOCH, "seq": _SEQ, "offset": _OFFSET, "text": {"type": "string", "minLength": 1}},
    ),
    "Preview": _frame(
        "preview",
        "HTML only: the fragments from the index `from` on are these; replace the tail.",
        {"epoch": _EPOCH, "seq": _SEQ, "offset": _OFFSET, "from": _COUNT, "fragments": _FRAGMENTS, "tail": _WORDS},
        {"more": _MORE},
    ),
    "StateChange": _frame(
        "state",
        "The document's state is another; a pause is one, and no end.",
        {"epoch": _EPOCH, "seq": _SEQ, "state": _STATE},
    ),
    "End": _frame(
        "end",
        "The document is complete or cancelled, and this viewer has everything.",
        {
            "epoch": _EPOCH,
            "seq": _SEQ,
            "offset": _OFFSET,
            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Of the whole text's UTF-8."},
            "state": _STATE,
        },
    ),
    "Error": _frame(
        "error",
        "What is wrong; the codes are explained at `/api/errors`. It comes before every close code from 4000 on.",
        {"code": {"type": "string", "pattern": "^[a-z][a-z_]*$"}, "detail": _WORDS},
    ),
    "Pong": _frame("pong", "The answer to a ping.", {}),
}
MESSAGES: dict[str, JsonSchema] = {
    "Ack": _frame(
        "ack",
        "Everything up to there is applied. After 64 KiB or one second, whichever comes first.",
        {"epoch": {"type": "integer"}, "offset": {"type": "integer"}},
    ),
    "Ping": _frame("ping", "Answered with a pong.", {}),
}
PARTS: dict[str, JsonSchema] = {
    "State": {
        "type": "object",
        "description": "Where a document stands.",
        "properties": {
            "status": {"enum": list(STATUSES)},
            "current_section": _WORDS,
            "sections_completed": _COUNT,
            "sections_total": _COUNT,
            "tokens_generated": _COUNT,
            "cost": _AMOUNT,
            "cost_estimated": _AMOUNT,
            "last_error": _WORDS,
            "reason": {
                "type": "string",
                "description": "Why it waits or stopped: an open set of codes; empty for none.",
            },
            "sections": {"type": "array", "items": {"$ref": "#/$defs/SectionState"}},
        },
        "required": [
            *("status", "current_section", "sections_completed", "sections_total", "tokens_generated", "cost"),
            *("cost_estimated", "last_error", "reason", "sections"),
        ],
    },
    "SectionState": {
        "type": "object",
        "properties": {"name": _WORDS, "status": {"enum": list(SECTION_STATUSES)}, "tokens": _COUNT, "model": _WORDS},
        "required": ["name", "status", "tokens", "model"],
    },
}


def frames_schema() -> JsonSchema:
    """What the server sends is one of `oneOf`; what a client sends is under `$defs` too, as `ClientMessage`."""
    return {
        "$schema": DIALECT,
        "title": "Frames of streamgen, version 1",
        "description": "What a document's websocket and its server-sent events bring. Fields may be added.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in FRAMES],
        "$defs": {
            **FRAMES,
            **PARTS,
            **MESSAGES,
            "ClientMessage": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in MESSAGES]},
        },
    }
