"""What may not be in anything that leaves the installation, or is kept of a prompt: its keys, and what looks like one;
pure. The text around them stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

HIDDEN = "[...]"
LEAST_SECRET_CHARS = 6
_KEYLIKE = re.compile(
    r"(?<=://)[^\s/@\"']+@"
    r"|\b(?:sk|pk|rk|gsk|xai|hf|nvapi|ghp|gho|ghu|ghs|glpat|github_pat|pplx|r8|AIza|AKIA|ya29)[-_]?"
    r"(?=[A-Za-z0-9_\-]*\d)[A-Za-z0-9_\-]{16,}"
    r"|\beyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*"
    r"|(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9_\-.=/+]{12,}"
)


def redacted(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted({one for one in secrets if len(one) >= LEAST_SECRET_CHARS}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _KEYLIKE.sub(HIDDEN, text)


def redacted_tree(value: Any, secrets: Iterable[str]) -> Any:
    """The same for every string in what becomes JSON."""
    secrets = tuple(secrets)
    if isinstance(value, str):
        return redacted(value, secrets)
    if isinstance(value, dict):
        return {name: redacted_tree(part, secrets) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [redacted_tree(part, secrets) for part in value]
    return value
