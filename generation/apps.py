"""The app that writes documents: tasks, workers, providers. It uses artifacts and is never used by it."""

import atexit

from django.apps import AppConfig

from generation.worker.shutdown import close_pools


class GenerationConfig(AppConfig):
    name = "generation"

    def ready(self) -> None:
        atexit.register(close_pools)
