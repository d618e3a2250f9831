"""The schema of the frames and the AsyncAPI document: they say what the code says, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client

from artifacts.lifecycle.state import SectionState, State
from artifacts.live import close_codes, protocol
from artifacts.live.close_codes import SocketEnding
from artifacts.models import SectionStatus, StreamStatus
from artifacts.routing import http_urlpatterns, websocket_urlpatterns
from streamgen.conformance.schema import frame_faults
from streamgen.contract.asyncapi import CLOSE_CODES, EXAMPLES, asyncapi_document
from streamgen.contract.frames import FRAMES, MESSAGES, PARTS, SECTION_STATUSES, STATUSES, frames_schema
from tests.streamgen.contract.held import closed, hold_frame

TYPED = {
    "TextSnapshot": protocol.TextSnapshotFrame,
    "HtmlSnapshot": protocol.HtmlSnapshotFrame,
    "Delta": protocol.DeltaFrame,
    "Preview": protocol.PreviewFrame,
    "StateChange": protocol.StateFrame,
    "End": protocol.EndFrame,
    "Error": protocol.ErrorFrame,
    "Pong": protocol.PongFrame,
    "State": State,
    "SectionState": SectionState,
}
WRONG: list[dict[str, Any]] = [
    {"type": "delta", "epoch": 1, "seq": 1, "offset": 0, "text": ""},
    {"type": "delta", "epoch": 0, "seq": 1, "offset": 0, "text": "a"},
    {"type": "delta", "epoch": 1, "seq": 1, "offset": -1, "text": "a"},
    {"type": "delta", "epoch": 1, "seq": 1, "offset": True, "text": "a"},
    {"type": "delta", "epoch": 1, "seq": 1, "offset": 0},
    {"type": "delta", "epoch": 1, "seq": 1, "offset": 0, "text": 1},
    EXAMPLES["End"] | {"sha256": "abc"},
    EXAMPLES["TextSnapshot"] | {"v": 2},
    EXAMPLES["HtmlSnapshot"] | {"fragments": ["a", 1]},
    EXAMPLES["StateChange"] | {"state": EXAMPLES["End"]["state"] | {"status": "lost"}},
    EXAMPLES["StateChange"] | {"state": EXAMPLES["End"]["state"] | {"sections": [{"name": "a"}]}},
    {"type": "preview", "epoch": 1, "seq": 1, "offset": 0, "from": 0, "fragments": [], "tail": "", "more": False},
]


@pytest.mark.parametrize("name", TYPED)
def test_schema_has_the_fields_of_the_code(name: str) -> None:
    schema, typed = {**FRAMES, **PARTS}[name], TYPED[name]
    assert set(schema["properties"]) == set(typed.__annotations__)
    needed = {name for name, kind in typed.__annotations__.items() if "NotRequired" not in str(kind)}
    assert set(schema["required"]) == needed


def test_schema_knows_every_frame_status_and_close_code_of_the_code() -> None:
    assert set(TYPED) == set(FRAMES) | set(PARTS)
    assert set(STATUSES) == set(StreamStatus.values)
    assert set(SECTION_STATUSES) == set(SectionStatus.values)
    endings = [ending for ending in vars(close_codes).values() if isinstance(ending, SocketEnding)]
    assert {ending.close_code for ending in endings} == set(CLOSE_CODES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_what_it_is_an_example_of(name: str) -> None:
    whole = dict(closed({"$ref": f"#/$defs/{name}", "$defs": frames_schema()["$defs"]}))
    assert list(jsonschema_rs.validator_for(whole).iter_errors(EXAMPLES[name])) == []
    assert name in MESSAGES or frame_faults(EXAMPLES[name]) == []


@pytest.mark.parametrize("frame", WRONG, ids=range(len(WRONG)))
def test_frame_that_is_wrong_is_none(frame: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="not in its schema"):
        hold_frame(frame)
    assert frame_faults(frame)


def test_field_that_nobody_knows_is_allowed_to_servers_and_told_of_ours() -> None:
    frame = EXAMPLES["Delta"] | {"colour": "red"}
    assert jsonschema_rs.validator_for(frames_schema()).is_valid(frame)
    assert frame_faults(frame) == []
    with pytest.raises(AssertionError, match="colour"):
        hold_frame(frame)


def references(document: Any) -> set[str]:
    if isinstance(document, dict):
        own = {document["$ref"]} if isinstance(document.get("$ref"), str) else set()
        return own.union(*map(references, document.values()))
    return set().union(*map(references, document)) if isinstance(document, list) else set()


def test_references_of_the_document_lead_somewhere() -> None:
    document = asyncapi_document(host="docs.example.com", prefix="/path", is_secure=True, version="1")
    found = references(document)
    assert len(found) > 30
    for reference in found:
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    assert document["servers"]["websocket"] == {"host": "docs.example.com", "pathname": "/path", "protocol": "wss"}


def test_channels_are_the_addresses_that_there_are() -> None:
    patterns = [str(pattern.pattern) for pattern in (*websocket_urlpatterns, *http_urlpatterns)]
    frames = {f"/{pattern}" for pattern in patterns if pattern.startswith("ws/") or pattern.endswith("events")}
    channels = asyncapi_document(host="a", prefix="", is_secure=False, version="1")["channels"]
    told = {channel["address"].replace("{artifactId}", "<int:artifact_id>") for channel in channels.values()}
    assert {address.replace("{secret}", "<str:secret>") for address in told} == frames


def test_documents_are_served_as_of_the_address_that_they_are_asked_by(client: Client, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["docs.example.com"]
    told = client.get("/api/asyncapi.json", headers={"host": "docs.example.com"}, secure=True)
    assert told.json()["servers"]["websocket"] == {"host": "docs.example.com", "protocol": "wss"}
    schema = client.get("/api/frames.schema.json", headers={"host": "docs.example.com"})
    assert (schema["Content-Type"], schema.json()) == (
        "application/schema+json",
        json.loads(json.dumps(frames_schema())),
    )


def test_page_shows_every_frame_with_its_fields(client: Client) -> None:
    page = client.get("/api/docs/frames").content.decode()
    assert set(re.findall(r'<section class="frame" id="(\w+)"', page)) == {*FRAMES, *MESSAGES, *PARTS}
    assert "sections_completed" in page
    assert "keep the own text up to <code>offset</code>" in page
    assert 'role="status"' not in page  # which is where a visitor's messages stand
    assert "&quot;type&quot;: &quot;delta&quot;" in page
