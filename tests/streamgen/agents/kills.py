"""Background responses, with the worker and the client killed at any moment: `python -m tests.streamgen.agents.kills`.

Each run is one document that is asked for by the official SDK; its client is killed and replaced, and so is the worker,
both several times. What the clients read together is to be the text, byte for byte, and the document one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from openai import OpenAI

from tests.streamgen.agents.installation import TWO_SECTIONS, ServedProduct, served_product
from tests.streamgen.agents.resuming import remembered, text_read
from tests.support.limits import WAIT_S
from tests.support.servers import ROOT

LATER_S = 0.4
"""A client is killed up to so long after it has read something."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one document."""

    is_equal: bool
    is_one: bool
    rises: bool
    client_kills: int
    worker_kills: int


def kill_and_resume(
    product: ServedProduct, number: int, dice: Random, *, most: int = 5, worker_kills: int = 1
) -> Outcome:
    """One document; its worker is killed so often, its client `most` times while there is text to read."""
    brief = f"A lighthouse with {number} lamps."
    with product.openai() as client:
        begun = client.responses.create(
            model="streamgen", input=brief, background=True, extra_body={"plan": TWO_SECTIONS}
        )
        file = product.folder / f"read-{number}.jsonl"
        kills = workers = 0
        ends_at = time.monotonic() + WAIT_S
        while time.monotonic() < ends_at:
            known = len(remembered(file))
            with _reader(product, begun.id, file) as reader:
                while reader.poll() is None and (kills == most or len(remembered(file)) <= known):
                    time.sleep(0.02)
                if reader.poll() is not None:
                    break
                time.sleep(dice.uniform(0, LATER_S))
                if workers < worker_kills and known:
                    product.kill_worker()
                    product.begin_work()
                    workers += 1
                reader.kill()
                kills += 1
        again = client.responses.create(
            model="streamgen", input=brief, background=True, extra_body={"plan": TWO_SECTIONS}
        )
        whole = _whole(client, begun.id)
    events = remembered(file)
    numbers = [event["sequence_number"] for event in events]
    return Outcome(
        is_equal=bool(whole) and text_read(events).encode() == whole.encode(),
        is_one=again.id == begun.id,
        rises=numbers == sorted(set(numbers)),
        client_kills=kills,
        worker_kills=workers,
    )


def _reader(product: ServedProduct, response: str, file: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.streamgen.agents.resuming", f"{product.address}/v1", response, str(file)]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | {"TOKEN": product.token})


def _whole(client: OpenAI, response: str) -> str:
    found = client.responses.retrieve(response)
    return found.output_text if found.status == "completed" else ""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--worker-kills", type=int, default=1, help="Of each document.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, served_product(Path(folder)) as product:
        dice = Random(7)
        outcomes = []
        for number in range(options.runs):
            outcomes.append(kill_and_resume(product, number, dice, worker_kills=options.worker_kills))
            sys.stdout.write(f"{number + 1}: {outcomes[-1]}\n")
            sys.stdout.flush()
        with product.client() as client:
            (project,) = [one for one in client.projects() if one["title"] == "Chats"]
    equal, one = sum(each.is_equal for each in outcomes), sum(each.is_one for each in outcomes)
    clients, workers = sum(each.client_kills for each in outcomes), sum(each.worker_kills for each in outcomes)
    sys.stdout.write(
        f"{options.runs} documents, {clients} kills of clients, {workers} of the worker: {equal} byte-equal, "
        f"{one} asked for again and found, numbers rise in {sum(each.rises for each in outcomes)}, "
        f"{len(project['artifacts'])} documents there\n"
    )


if __name__ == "__main__":
    main()
