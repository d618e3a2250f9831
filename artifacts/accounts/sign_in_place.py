"""Where people sign in, in whichever project: `LOGIN_URL`. Where a project never said it, and nothing is at the address
that Django takes then, the admin's page; a fresh project has no other.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import user_passes_test
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from django.utils.functional import lazy
from django.utils.translation import get_language

ADMINS = "admin:login"


def sign_in_address() -> str:
    """For whoever is nobody yet."""
    return _found_address() or resolve_url(settings.LOGIN_URL)


def has_sign_in() -> bool:
    """Whether people can come in; a project that says where is believed."""
    return bool(_found_address())


def _found_address() -> str:
    given: Any = settings  # the types leave `is_overridden` out
    url = settings.LOGIN_URL
    try:
        if given.is_overridden("LOGIN_URL") or _is_there(url) or _is_there(f"/{get_language()}{url}"):
            return resolve_url(url)
        return reverse(ADMINS)
    except NoReverseMatch:
        return ""


def _is_there(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


signed_in_only = user_passes_test(lambda user: user.is_authenticated, login_url=lazy(sign_in_address, str)())
"""Django's, for pages that lead there."""
