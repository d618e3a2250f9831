"""What is not as `house` wants it yet, each with what it should become. These lists only get shorter: what is cured is
taken out, and nothing comes in.
"""

from __future__ import annotations

AGAINST_THE_ORDER: set[tuple[str, str]] = set()

LARGE_FOLDERS: dict[str, int] = {}

SAID_BY_NOBODY_ELSE: dict[str, str] = {}
"""Modules, classes, functions, and methods as `Class.method`: what they are called today -> what anybody would say."""

DEFINED_TWICE: dict[str, str] = {}
"""Public names that several modules define -> which becomes what."""

DIFFER_IN_AN_UNDERSCORE: dict[str, str] = {}

HELPERS_DEFINED_TWICE: dict[str, str] = {}
"""What several files of tests call the same and share -> which becomes what."""

REPLACES_OURS: dict[str, str] = {}
"""Tests' files -> what of ours they set."""

JUDGED_BY_THE_CLOCK: dict[str, str] = {}
"""Tests -> what they could look at instead."""
