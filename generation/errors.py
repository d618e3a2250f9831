"""Errors that the commands of people raise, beside those of artifacts.

GenerationError
└── TaskExists   an unfinished task writes this document already
"""

from __future__ import annotations


class GenerationError(Exception):
    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class TaskExists(GenerationError):
    def __init__(self) -> None:
        super().__init__("A task for this document is not finished yet. Wait for it, cancel it, or resume it.")
