"""`runworker generation`: Channels' command with the hardened worker behind it."""

from __future__ import annotations

import asyncio
import os
import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from artifacts.operating.database_check import refusal_to_start
from artifacts.operating.exposition import serve_figures
from artifacts.operating.heap import give_back_memory, letting_go, set_aside_imports
from artifacts.operating.open_files import raise_open_files
from artifacts.operating.shutdown import GOODBYE_S, end_within
from artifacts.validation import whole_number
from generation.queue.wakeup import WAKE_CHANNEL
from generation.worker.worker import GenerationWorker


class Command(BaseCommand):
    help = "Run the worker that writes documents. SIGTERM ends it gracefully, a second one at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("channels", nargs="*", default=[WAKE_CHANNEL], help=f'"{WAKE_CHANNEL}", the only channel.')
        parser.add_argument(
            "--concurrency", type=whole_number, default=None, help="Tasks at once (STREAMGEN_CONCURRENCY)."
        )
        parser.add_argument("--metrics", metavar="HOST:PORT", default="", help="Answer GET /metrics there, to anybody.")

    def handle(self, *args: Any, channels: list[str], concurrency: int | None, metrics: str, **options: Any) -> None:
        if channels != [WAKE_CHANNEL]:
            raise CommandError(f"The only channel is {WAKE_CHANNEL!r}: manage.py runworker {WAKE_CHANNEL}")
        capacity = settings.STREAMGEN_CONCURRENCY if concurrency is None else concurrency
        if capacity < 1:
            raise CommandError(
                "A worker of no tasks at once writes nothing: set STREAMGEN_CONCURRENCY or --concurrency to 1 or more."
            )
        if refusal := refusal_to_start():
            raise CommandError(refusal)
        give_back_memory()
        raise_open_files()
        if metrics:
            self._serve(metrics)
        asyncio.run(_work(capacity))

    def _serve(self, place: str) -> None:
        host, _, port = place.rpartition(":")
        if not host or not (port.isascii() and port.isdecimal()):
            raise CommandError("--metrics takes an address and a port, as in 127.0.0.1:9100.")
        try:
            bound = serve_figures(host.strip("[]"), int(port))
        except (OSError, OverflowError) as error:
            raise CommandError(f"--metrics {place}: {error}") from None
        self.stdout.write(f"metrics  http://{host}:{bound}/metrics")
        self.stdout.flush()


async def _work(capacity: int) -> None:
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(1)  # asked twice: at once
        stop.set()
        end_within()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    worker = GenerationWorker(capacity=capacity)
    set_aside_imports()
    letting_go().begin()
    await worker.work(stop)
    end_within(GOODBYE_S)
