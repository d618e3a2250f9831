"""The app that writes documents: tasks, workers, providers. It uses artifacts and is never used by it."""

from django.apps import AppConfig


class GenerationConfig(AppConfig):
    name = "generation"
