"""Background responses, with the worker and the clients killed at any moment: `python -m tests.streamgen.agents.kills`.

Each is a document that is asked for by the official SDK. Its client is killed when it has read something, and another
one goes on; so is the worker, which writes all of a round. What the clients of a response read together is to be the
text, byte for byte, and the document one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkProcess
from pathlib import Path
from random import Random

from openai import OpenAI

from tests.streamgen.agents import resuming
from tests.streamgen.agents.installation import TWO_SECTIONS, ServedProduct, served_product
from tests.streamgen.agents.resuming import remembered, text_read
from tests.support.limits import WAIT_S

LATER_S = 0.3
"""Somebody is killed up to so long after there was something new."""
FILE_POLL_S = 0.02

# A client that has all of the SDK at once: there are many of them.
FORKING = multiprocessing.get_context("fork")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one document."""

    is_equal: bool
    is_one: bool
    rises: bool
    client_kills: int


class Victim:
    """Whoever is killed once there is something new since its beginning, a while later; `left` times."""

    def __init__(self, dice: Random, left: int) -> None:
        self.left, self._dice = left, dice
        self._known = 0
        self._dies_at: float | None = None

    def is_due(self, known: int) -> bool:
        """Whether it is to be killed now, given how much there is."""
        if self._dies_at is None and self.left and known > self._known:
            self._dies_at = time.monotonic() + self._dice.uniform(0, LATER_S)
        if self._dies_at is None or time.monotonic() < self._dies_at:
            return False
        self._known, self._dies_at, self.left = known, None, self.left - 1
        return True


class ReadResponse:
    """A response, the file of what was read of it, and the client that reads it now."""

    def __init__(self, product: ServedProduct, client: OpenAI, number: int, victim: Victim) -> None:
        self.kills, self._product, self._client, self._victim = 0, product, client, victim
        self._asked = {
            "model": "streamgen",
            "input": f"A lighthouse with {number} lamps.",
            "background": True,
            "extra_body": {"plan": TWO_SECTIONS},
        }
        self.id = client.responses.create(**self._asked).id
        self.file = product.folder / f"{self.id}.jsonl"
        self._reader = self._begin()

    def _begin(self) -> ForkProcess:
        arguments = (f"{self._product.address}/v1", self.id, str(self.file), self._product.token)
        reader = FORKING.Process(target=resuming.main, args=arguments)
        reader.start()
        return reader

    def look(self) -> bool:
        """Kill and replace its client where that is due; whether all is read."""
        if not self._reader.is_alive() and self._reader.exitcode == 0:
            return True
        if self._victim.is_due(len(remembered(self.file))) and self._reader.is_alive():
            self._reader.kill()
            self._reader.join()
            self.kills += 1
            self._reader = self._begin()
        return False

    def end(self) -> Outcome:
        self._reader.kill()
        self._reader.join()
        found = self._client.responses.retrieve(self.id)
        events = remembered(self.file)
        numbers = [event["sequence_number"] for event in events]
        return Outcome(
            is_equal=found.status == "completed" and text_read(events).encode() == found.output_text.encode(),
            is_one=self._client.responses.create(**self._asked).id == self.id,
            rises=numbers == sorted(set(numbers)),
            client_kills=self.kills,
        )


def kill_and_resume(
    product: ServedProduct, numbers: Sequence[int], dice: Random, *, clients: int = 3, workers: int = 1
) -> tuple[list[Outcome], int]:
    """So many documents at once: each one's client is killed so often, and their worker, while there is text to come.

    What became of each, and how often the worker was killed.
    """
    with product.openai() as client:
        responses = [ReadResponse(product, client, number, Victim(dice, clients)) for number in numbers]
        worker, ends_at = Victim(dice, workers), time.monotonic() + WAIT_S
        try:
            while time.monotonic() < ends_at:
                are_read = [one.look() for one in responses]  # each of them, whatever the others say
                if all(are_read):
                    break
                if worker.is_due(sum(len(remembered(one.file)) > 4 and len(remembered(one.file)) for one in responses)):
                    product.kill_worker()
                    product.begin_work()
                time.sleep(FILE_POLL_S)
        finally:
            outcomes = [one.end() for one in responses]
        return outcomes, workers - worker.left


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--documents", type=int, default=5, help="Of each round.")
    parser.add_argument("--worker-kills", type=int, default=5, help="Of each round.")
    options = parser.parse_args()
    outcomes: list[Outcome] = []
    workers = 0
    with tempfile.TemporaryDirectory() as folder, served_product(Path(folder)) as product:
        dice = Random(7)
        for number in range(options.rounds):
            first = number * options.documents
            numbers = range(first, first + options.documents)
            more, kills = kill_and_resume(product, numbers, dice, workers=options.worker_kills)
            outcomes, workers = outcomes + more, workers + kills
            sys.stdout.write(f"{number + 1}: {outcomes[first:]}\n")
            sys.stdout.flush()
        with product.client() as client:
            (project,) = [one for one in client.projects() if one["title"] == "Chats"]
    sys.stdout.write(
        f"{len(outcomes)} documents, {sum(each.client_kills for each in outcomes)} kills of clients, "
        f"{workers} of the worker: "
        f"{sum(each.is_equal for each in outcomes)} byte-equal, {sum(each.is_one for each in outcomes)} found again, "
        f"numbers rise in {sum(each.rises for each in outcomes)}, {len(project['artifacts'])} documents there\n"
    )


if __name__ == "__main__":
    main()
