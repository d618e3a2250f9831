"""A program that reads one response by the official SDK, and goes on where it was, however often it is killed.

Each event becomes a line of a file; the last whole line is all that it remembers. It ends once the response is over.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from openai import APIConnectionError, InternalServerError, OpenAI

RESPONSE_OVER = ("response.completed", "response.incomplete", "response.failed")


def remembered(file: Path) -> list[dict[str, Any]]:
    """The events in the file; a line that was cut by the kill is none."""
    if not file.exists():
        return []
    whole, _, _ = file.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def text_read(events: list[dict[str, Any]]) -> str:
    return "".join(event.get("delta", "") for event in events)


def read_on(client: OpenAI, response: str, file: Path) -> None:
    """Once, from the last whole line on, to wherever the stream ends."""
    events = remembered(file)
    file.write_text("".join(f"{json.dumps(event)}\n" for event in events))  # without what was cut
    last = events[-1]["sequence_number"] if events else None
    more = {"starting_after": last} if last is not None else {}
    with file.open("a") as log, client.responses.retrieve(response, stream=True, **more) as stream:
        for event in stream:
            said = {"type": event.type, "sequence_number": event.sequence_number}
            if event.type == "response.output_text.delta":
                said["delta"] = event.delta
            log.write(f"{json.dumps(said)}\n")
            log.flush()


def main(url: str, response: str, path: str, token: str) -> None:
    client = OpenAI(base_url=url, api_key=token, max_retries=0)
    while not (events := remembered(Path(path))) or events[-1]["type"] not in RESPONSE_OVER:
        try:
            read_on(client, response, Path(path))
        except (APIConnectionError, InternalServerError):
            time.sleep(0.2)
