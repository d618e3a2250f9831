"""Who writes: what a provider is (`base`), each kind in a room of its own, and here the choice between them. A
provider knows no document and no row. I/O but for `base`.

A provider is imported only when it is chosen: the openai SDK takes most of a second, and the pure files import
`generation.providers.base` without wanting either it or Django.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from generation.errors import ProviderRefused
from generation.providers.base import Provider

if TYPE_CHECKING:
    from generation.providers.openai_compatible.client import OpenAICompatible


@dataclass(frozen=True, kw_only=True)
class ChosenProvider:
    """The provider, the name it goes by, and one sentence for people that says which it is and why."""

    provider: Provider
    name: str
    why: str


def provider_from_settings(settings: Any = None) -> ChosenProvider:
    """Choose by STREAMGEN_PROVIDER, else by what is set. `settings` is anything with the attributes of Django's.

    Raises `ProviderRefused` with a sentence where what is set cannot work.
    """
    if settings is None:
        from django.conf import settings  # noqa: PLC0415
    wanted, key, address = settings.STREAMGEN_PROVIDER, settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL
    if wanted == "openai":
        return _openai(settings, "STREAMGEN_PROVIDER=openai")
    if wanted == "local":
        return _local(settings, "STREAMGEN_PROVIDER=local")
    if wanted == "scripted":
        return _scripted(settings, "STREAMGEN_PROVIDER=scripted")
    if wanted:
        raise ProviderRefused("STREAMGEN_PROVIDER must be openai, local or scripted.")
    if address or key:
        return _openai(settings, "OPENAI_BASE_URL is set" if address else "OPENAI_API_KEY is set")
    nothing_set = "neither OPENAI_API_KEY nor OPENAI_BASE_URL is set"
    from generation.providers.local.provider import is_installed  # noqa: PLC0415

    if is_installed():
        return _local(settings, f"{nothing_set}, and the small model is installed")
    return _scripted(settings, f"{nothing_set}, and the small model is not installed (requirements/model.txt)")


def _openai(settings: Any, because: str) -> ChosenProvider:
    from generation.providers.openai_compatible.client import OpenAICompatible  # noqa: PLC0415

    provider: OpenAICompatible = OpenAICompatible(
        base_url=settings.OPENAI_BASE_URL,
        api_key=settings.OPENAI_API_KEY,
        model=settings.STREAMGEN_MODEL,
        continuation=settings.STREAMGEN_CONTINUATION,
        connect_s=settings.STREAMGEN_CONNECT_SECONDS,
        first_piece_s=settings.STREAMGEN_FIRST_PIECE_SECONDS,
        stall_s=settings.STREAMGEN_STALL_SECONDS,
        thinking_s=settings.STREAMGEN_THINKING_SECONDS,
        flush_s=settings.STREAMGEN_FLUSH_MS / 1000,
        flush_chars=settings.STREAMGEN_FLUSH_CHARS,
    )
    return _chosen(provider, because)


def _local(settings: Any, because: str) -> ChosenProvider:
    from generation.providers.local.provider import LocalModel  # noqa: PLC0415

    provider = LocalModel(
        continuation=settings.STREAMGEN_CONTINUATION,
        first_piece_s=settings.STREAMGEN_FIRST_PIECE_SECONDS,
        stall_s=settings.STREAMGEN_STALL_SECONDS,
        thinking_s=settings.STREAMGEN_THINKING_SECONDS,
    )
    return _chosen(provider, because)


def _scripted(settings: Any, because: str) -> ChosenProvider:
    from generation.providers.scripted.provider import ScriptedProvider  # noqa: PLC0415

    return _chosen(ScriptedProvider(prefills=settings.STREAMGEN_CONTINUATION != "reprompt"), because)


def _chosen(provider: Provider, because: str) -> ChosenProvider:
    return ChosenProvider(provider=provider, name=provider.name, why=f"{provider.name}; chosen because {because}")
