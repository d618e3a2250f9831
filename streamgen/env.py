"""The one place that reads the process environment. It turns strings into checked values and refuses nonsense loudly."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

_env = environ.Env()


def text(name: str, default: str = "") -> str:
    """The variable without outer white space; an empty variable counts as not set."""
    return str(_env.str(name, default="")).strip() or default


def flag(name: str, default: bool = False) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0 (or true/false, yes/no, on/off), not {value!r}.")


def choice(name: str, allowed: tuple[str, ...], default: str) -> str:
    value = text(name, default).lower()
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(filter(None, allowed))}, not {value!r}.")
    return value


def integer(name: str, default: int, *, low: int, high: int) -> int:
    return int(_number(name, default, low, high, kind=int))


def seconds(name: str, default: float, *, low: float, high: float) -> float:
    return float(_number(name, default, low, high, kind=float))


def names(name: str, default: list[str]) -> list[str]:
    """A comma-separated list."""
    value = text(name)
    return [part.strip() for part in value.split(",") if part.strip()] if value else default


def url(name: str, schemes: tuple[str, ...]) -> str:
    """An address with one of the schemes, or "" when not set. The message never repeats it: it may hold a password."""
    value = text(name)
    if value and urlsplit(value).scheme not in schemes:
        raise ImproperlyConfigured(f"{name} must begin with one of {', '.join(s + '://' for s in schemes)}.")
    return value


def database(name: str, default_file: Path) -> dict[str, object]:
    """Django's settings for `DATABASE_URL`; a SQLite file where it is not set."""
    value = url(name, ("sqlite", "postgres", "postgresql")) or f"sqlite:///{default_file}"
    if value.startswith("sqlite:") and urlsplit(value).path in {"", "/"}:
        raise ImproperlyConfigured(f"{name} must name a file, as in sqlite:////absolute/path/streamgen.sqlite3.")
    return dict(environ.Env.db_url_config(value))


def secret_key(name: str, file: Path, *, required: bool) -> str:
    """The secret, else one that is made once and kept in `file`, readable by its owner only."""
    value = text(name)
    if value:
        if len(value) < 32:
            raise ImproperlyConfigured(f"{name} must have 32 characters at least.")
        return value
    if required:
        raise ImproperlyConfigured(f"{name} must be set when DATABASE_URL or REDIS_URL is: every process needs the same.")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as new:
        new.write(secrets.token_urlsafe(48))
    return file.read_text(encoding="ascii").strip()


def _number(name: str, default: float, low: float, high: float, kind: type[int] | type[float]) -> float:
    value = text(name)
    if not value:
        return default
    try:
        number = kind(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}.") from None
    if not low <= number <= high:
        raise ImproperlyConfigured(f"{name} must lie between {low} and {high}, not {value}.")
    return number
