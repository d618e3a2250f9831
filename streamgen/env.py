"""The one place that reads the process environment. It gives checked values and refuses nonsense loudly."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from artifacts.validation import plain_number
from streamgen.private_files import keep_private
from streamgen.public_url import PublicUrl, public_url

_HOST = re.compile(r"\*|\.?[\w-]+(\.[\w-]+)*|\[[0-9a-fA-F:.]+\]")
_NEEDS_HOST = {"http", "https", "redis", "rediss"}


def text(name: str, default: str = "") -> str:
    """The variable without outer white space; an empty variable counts as not set."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool = False) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0 (or true/false, yes/no, on/off), not {value!r}.")


def one_of(name: str, allowed: tuple[str, ...], default: str) -> str:
    value = text(name, default).lower()
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(filter(None, allowed))}, not {value!r}.")
    return value


def integer(name: str, default: int, *, low: int, high: int) -> int:
    return int(_number(name, default, low, high, kind=int))


def seconds(name: str, default: float, *, low: float, high: float) -> float:
    return float(_number(name, default, low, high, kind=float))


def names(name: str) -> list[str]:
    """A comma-separated list, each entry once; empty where it is not set."""
    return list(dict.fromkeys(part for part in (part.strip() for part in text(name).split(",")) if part))


def hosts(name: str, default: list[str]) -> list[str]:
    """A comma-separated list of host names, as Django's ALLOWED_HOSTS takes them."""
    value = text(name)
    if not value:
        return default
    found = [part.strip() for part in value.split(",") if part.strip()]
    if not found or not all(_HOST.fullmatch(host) for host in found):
        raise ImproperlyConfigured(f"{name} must list host names separated by commas, without scheme, port or path.")
    return found


def public(name: str) -> PublicUrl | None:
    """The address under which people reach the site."""
    value = text(name)
    try:
        return public_url(value) if value else None
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} {error}") from None


def url(name: str, schemes: tuple[str, ...]) -> str:
    """An address with one of the schemes, or "" when not set. The message never repeats it: it may hold a password."""
    value = text(name)
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        needs_host = parts.scheme in _NEEDS_HOST
        is_whole = bool(parts.hostname and parts.port != 0 if needs_host else parts.netloc or parts.path)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is not an address that can be read.") from None
    if parts.scheme not in schemes or not is_whole:
        raise ImproperlyConfigured(f"{name} must be an address of {' or '.join(s + '://' for s in schemes)}.")
    return value


def database(name: str, default_file: Path) -> dict[str, Any]:
    """Django's settings for `DATABASE_URL`; a SQLite file where it is not set. Options in the address are kept."""
    value = url(name, ("sqlite", "postgres", "postgresql"))
    if not value:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(default_file), "OPTIONS": {}}
    try:
        config: dict[str, Any] = environ.Env.db_url_config(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is not an address that can be read.") from None
    if urlsplit(value).scheme == "sqlite" and not Path(config["NAME"]).is_absolute():
        raise ImproperlyConfigured(f"{name} must name a file, as in sqlite:////absolute/path/streamgen.sqlite3.")
    if not config["NAME"]:
        raise ImproperlyConfigured(f"{name} must name a database, as in postgres://user:password@host:5432/database.")
    return {"OPTIONS": {}} | config


def secret_key(name: str, file: Path, *, required: bool) -> str:
    """The secret, else one that is made once and kept in `file`, readable by its owner only."""
    value = text(name)
    if not value and required:
        raise ImproperlyConfigured(
            f"{name} must be set when REDIS_URL is, or DATABASE_URL names a server: all need the same."
        )
    secret = value or _kept_secret(file)
    if not value:
        keep_private(file)
    if len(secret) < 32:
        raise ImproperlyConfigured(f"{name} must have 32 characters at least{'' if value else f': remove {file}'}.")
    return secret


def _kept_secret(file: Path) -> str:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as opened:
            opened.write(secrets.token_urlsafe(48))
        # Two processes may begin at once: the file appears whole, and the first one wins.
        with suppress(FileExistsError):
            os.link(new, file)
        new.unlink()
    return file.read_text(encoding="ascii").strip()


def _number(name: str, default: float, low: float, high: float, kind: type[int] | type[float]) -> float:
    value = text(name)
    if not value:
        return default
    try:
        number = kind(plain_number(value))
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}.") from None
    if not low <= number <= high:
        raise ImproperlyConfigured(f"{name} must lie between {low} and {high}, not {value}.")
    return number
