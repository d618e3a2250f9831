"""Every setting that documents need, in whichever project: from the environment, else the default.

A project's own settings say otherwise by the same names; `fill_in` adds what they do not mention.
"""

from __future__ import annotations

import tomllib
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from streamgen import env

_ROOT = Path(__file__).resolve().parents[2]


def _release() -> str:
    source = _ROOT / "pyproject.toml"
    if source.exists():
        return str(tomllib.loads(source.read_text(encoding="utf-8"))["project"]["version"])
    return metadata.version("streamgen")


STREAMGEN_RELEASE = _release()
STREAMGEN_METRICS_TOKEN = env.text("STREAMGEN_METRICS_TOKEN")
OTEL_EXPORTER_OTLP_ENDPOINT = env.url("OTEL_EXPORTER_OTLP_ENDPOINT", ("http", "https"))

# The language model
OPENAI_API_KEY = env.text("OPENAI_API_KEY")
OPENAI_BASE_URL = env.url("OPENAI_BASE_URL", ("http", "https"))
STREAMGEN_PROVIDER = env.one_of("STREAMGEN_PROVIDER", ("", "openai", "local", "scripted"), "")
STREAMGEN_MODEL = env.text("STREAMGEN_MODEL")
STREAMGEN_MODELS = env.names("STREAMGEN_MODELS")
STREAMGEN_PRICES = env.text("STREAMGEN_PRICES", str(_ROOT / "generation" / "prices.toml"))
STREAMGEN_DELIVERY = env.one_of("STREAMGEN_DELIVERY", ("auto", "stream", "turns", "background"), "auto")
STREAMGEN_CONTINUATION = env.one_of("STREAMGEN_CONTINUATION", ("auto", "prefill", "reprompt"), "auto")
STREAMGEN_CHUNK_MAX_TOKENS = env.integer("STREAMGEN_CHUNK_MAX_TOKENS", 300, low=16, high=32_000)
STREAMGEN_MAX_TURNS = env.integer("STREAMGEN_MAX_TURNS", 20, low=1, high=1_000)
STREAMGEN_CONNECT_SECONDS = env.seconds("STREAMGEN_CONNECT_SECONDS", 5, low=0.1, high=600)
STREAMGEN_FIRST_PIECE_SECONDS = env.seconds("STREAMGEN_FIRST_PIECE_SECONDS", 60, low=0.1, high=3_600)
STREAMGEN_STALL_SECONDS = env.seconds("STREAMGEN_STALL_SECONDS", 30, low=0.1, high=3_600)
STREAMGEN_THINKING_SECONDS = env.seconds("STREAMGEN_THINKING_SECONDS", 600, low=1, high=86_400)
STREAMGEN_OUTAGE_SECONDS = env.seconds("STREAMGEN_OUTAGE_SECONDS", 900, low=1, high=86_400)
STREAMGEN_RETRIES = env.integer("STREAMGEN_RETRIES", 6, low=1, high=100)
STREAMGEN_TASK_SECONDS = env.seconds("STREAMGEN_TASK_SECONDS", 3_600, low=1, high=604_800)

# Writing and showing
STREAMGEN_FLUSH_CHARS = env.integer("STREAMGEN_FLUSH_CHARS", 400, low=1, high=100_000)
STREAMGEN_FLUSH_MS = env.integer("STREAMGEN_FLUSH_MS", 150, low=1, high=60_000)
STREAMGEN_PREVIEW_MS = env.integer("STREAMGEN_PREVIEW_MS", 150, low=1, high=60_000)
STREAMGEN_CONCURRENCY = env.integer("STREAMGEN_CONCURRENCY", 32, low=0, high=1_000)
STREAMGEN_LEASE_SECONDS = env.seconds("STREAMGEN_LEASE_SECONDS", 5, low=1, high=600)
STREAMGEN_LONG_POLL_SECONDS = env.seconds("STREAMGEN_LONG_POLL_SECONDS", 20, low=0.1, high=600)
STREAMGEN_SOCKETS_PER_LINK = env.integer("STREAMGEN_SOCKETS_PER_LINK", 200, low=1, high=100_000)
STREAMGEN_VERSIONS = env.integer("STREAMGEN_VERSIONS", 100, low=1, high=100_000)
STREAMGEN_KEPT_PROMPTS = env.integer("STREAMGEN_KEPT_PROMPTS", 20, low=0, high=1_000)
STREAMGEN_PICTURES = env.flag("STREAMGEN_PICTURES", True)
STREAMGEN_WEBHOOKS_TO_PRIVATE = env.flag("STREAMGEN_WEBHOOKS_TO_PRIVATE")
STREAMGEN_CONTEXT_CHARS = env.integer("STREAMGEN_CONTEXT_CHARS", 12_000, low=0, high=200_000)
STREAMGEN_SOCKETS_PER_USER = env.integer("STREAMGEN_SOCKETS_PER_USER", 20, low=1, high=100_000)
STREAMGEN_USER_RUNNING = env.integer("STREAMGEN_USER_RUNNING", 8, low=1, high=100_000)
STREAMGEN_USER_QUEUED = env.integer("STREAMGEN_USER_QUEUED", 50, low=1, high=100_000)
STREAMGEN_USER_STARTS_PER_MINUTE = env.integer("STREAMGEN_USER_STARTS_PER_MINUTE", 30, low=1, high=100_000)

_ELSEWHERE: dict[str, Any] = {
    "REDIS_URL": "",
    "PUBLIC_URL": None,
    "CHANNEL_LAYERS": {"default": {"BACKEND": "artifacts.messaging.memory.MemoryLayer", "CONFIG": {"capacity": 1_000}}},
}
"""What else is read, and the site's settings always have."""


def own_settings() -> dict[str, Any]:
    """The settings above, by their names."""
    return {name: value for name, value in globals().items() if name.isupper() and not name.startswith("_")}


def fill_in(settings: Any) -> None:
    """Give a project's settings what they lack."""
    base = Path(getattr(settings, "BASE_DIR", None) or Path.cwd())
    elsewhere = {**_ELSEWHERE, "DATA_DIR": base / "var", "ASGI_APPLICATION": _asgi_of(settings)}
    for name, value in (own_settings() | elsewhere).items():
        if not hasattr(settings, name):
            setattr(settings, name, value)


def _asgi_of(settings: Any) -> str | None:
    """What `startproject` puts beside the addresses, and names in no setting."""
    package = str(getattr(settings, "ROOT_URLCONF", None) or "").rpartition(".")[0]
    return f"{package}.asgi.application" if package and find_spec(f"{package}.asgi") else None
