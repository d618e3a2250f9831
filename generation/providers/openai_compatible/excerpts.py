"""What an endpoint said in its own words, fit to be read by people: without keys, logins and prompts; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

MOST_LOGGED_CHARS = 500
MOST_SHOWN_CHARS = 160
_READ_CHARS = 4_000
_SCRUBBED = 3
"""So many times the characters that may be shown are read: some are taken out."""
_HIDDEN = "[...]"
_ECHO_CHARS = 16
"""A run of so many characters that stands in the prompt too is an echo of it."""
_LEAST_SECRET_CHARS = 4
_MOSTLY = 3
"""Where less than one part of so many is left, nothing is."""

_SENTENCE_KEYS = (
    "message",
    "detail",
    "error_description",
    "msg",
    "error",
    "title",
    "reason",
    "description",
    "status_msg",
)
_NESTED_KEYS = ("error", "errors", "detail", "details", "base_resp", "response", "data")
_TAGS = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<[^<>]*>", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_NAMED = re.compile(
    r"(?P<name>\b(?:bearer|basic)\s+"
    r"|[?&][\w-]*(?:key|token|sig|signature|secret|password|code)="
    r"|(?:api[\s_-]?key|token|secret|password|hash|authorization)(?:\s*\([^)]*\))?"
    r"\s*(?:provided|received|used|is|was)?\s*[:=]\s*[\"'`]?"
    r"|(?:ending|ends|starting|starts|beginning) (?:in|with)\s+[\"'`]?)"
    r"[^\s\"'`,;)&]+",
    re.IGNORECASE,
)
_KEYLIKE = re.compile(
    r"(?<=://)[^\s/@\"']+@"
    r"|\b(?:sk|pk|rk|gsk|xai|hf|nvapi|fw|tgp|csk|dsk|ghp|gho|ghu|ghs|glpat|github_pat|pplx|r8|key|eyJ|AIza|AKIA|ya29)"
    r"[-_.]?[A-Za-z0-9_\-.*…]{5,}"
    r"|(?<![^\s\"'`(])[^\s\"'`(]*(?:\*{2,}|•{2,}|[xX]{4,})[^\s\"'`),;]*"
    r"|\b[A-Za-z0-9_-]{2,}(?:\.\.\.|…)[A-Za-z0-9_-]{2,}"
    r"|\b(?=[A-Za-z_]*\d)(?=[\d_]*[A-Za-z])[A-Za-z0-9_]{24,}={0,2}"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
    r"|\b[0-9a-fA-F]{20,}\b"
)


def sentence_in(body: object) -> str:
    """The sentence of an error's body: of its JSON the message, of a web page the title or what it says."""
    if isinstance(body, str):
        text = body[:_READ_CHARS]
        if text.lstrip()[:1] == "<":
            title = _TITLE.search(text)
            text = title[1] if title else " ".join(_TAGS.sub(" ", text).split())
        return text
    return _message(body, 0)


def _message(body: object, depth: int) -> str:
    if isinstance(body, list):
        return next((found for part in body[:5] if (found := _message(part, depth + 1))), "") if depth < 6 else ""
    if isinstance(body, str):
        return body[:_READ_CHARS]
    if not isinstance(body, Mapping) or depth >= 6:
        return ""
    lower = {str(key).lower(): value for key, value in body.items()}
    if isinstance(beside := lower.get("metadata"), Mapping) and (
        found := _message(_read(beside.get("raw")), depth + 1)
    ):
        return found  # what the endpoint behind a gateway said; the gateway's own sentence says only that it did
    for key in _NESTED_KEYS:
        if isinstance(lower.get(key), (Mapping, list)) and (found := _message(lower[key], depth + 1)):
            return found
    return next(
        (lower[key][:_READ_CHARS] for key in _SENTENCE_KEYS if isinstance(lower.get(key), str) and lower[key]), ""
    )


def _read(raw: object) -> object:
    """What a text of JSON says; any other text as it is."""
    if not isinstance(raw, str) or raw.lstrip()[:1] not in ("{", "["):
        return raw
    try:
        return json.loads(raw[:_READ_CHARS])
    except (ValueError, RecursionError):
        return raw


class Scrubber:
    """Takes out what nobody may read: the `secrets` of this installation, what looks like any key, and the prompt."""

    def __init__(self, secrets: Iterable[str], prompt: str = "") -> None:
        self._secrets = sorted(
            {secret for secret in secrets if len(secret) >= _LEAST_SECRET_CHARS}, key=len, reverse=True
        )
        self._prompt = prompt

    def scrub(self, text: str, limit: int) -> str:
        """One line of at most `limit` characters."""
        text = " ".join("".join(c if c.isprintable() else " " for c in text[: _SCRUBBED * limit]).split())
        length = len(text)
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        text = _KEYLIKE.sub(_HIDDEN, _NAMED.sub(rf"\g<name>{_HIDDEN}", text))
        for secret in self._secrets:
            text = _without_parts(text, secret, _part_chars(secret))
        text = _without_parts(text, self._prompt, _ECHO_CHARS)
        if len(text.replace(_HIDDEN, "")) * _MOSTLY < length:
            return ""  # an echo, and no sentence
        text = re.sub(rf"(?:{re.escape(_HIDDEN)}\s*){{2,}}", f"{_HIDDEN} ", text).strip()
        return text if len(text) <= limit else f"{text[:limit].rstrip()} ..."


def _part_chars(secret: str) -> int:
    """Parts of a secret from this length on are hidden too; shorter ones are found by chance."""
    return max(6, len(secret) // 4)


def _without_parts(text: str, source: str, least: int) -> str:
    """The text without any run of at least so many characters that stands in the source."""
    if len(source) < least:
        return text
    kept, at = [], 0
    while at < len(text):
        end = at + least
        if end > len(text) or text[at:end] not in source:
            kept.append(text[at])
            at += 1
            continue
        while end < len(text) and text[at : end + 1] in source:
            end += 1
        kept.append(_HIDDEN)
        at = end
    return "".join(kept)
