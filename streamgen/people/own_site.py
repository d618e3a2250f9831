"""Some commands are for the site of streamgen itself, not for a project that has documents beside its own."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import CommandError

SITE_URLS = "streamgen.urls"


def demand_own_site(command: str, instead: str) -> None:
    """Raises `CommandError` in a project of others, with what to do there."""
    if settings.ROOT_URLCONF != SITE_URLS:
        raise CommandError(f"`{command}` is for the site of streamgen itself. In your own project: {instead}")
