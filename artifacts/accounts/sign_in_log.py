"""A line in the log for each sign-in, done, failed or refused, with address and user; never with what was typed.

A name that nobody has is not repeated: it may be a password in the wrong field. I/O: the log, and one row.
"""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.http import HttpRequest

from artifacts.models.user_model import User, by_name

logger = logging.getLogger(__name__)


def connect() -> None:
    """Called once, when the app is ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="artifacts.sign_in_log.done")
    user_login_failed.connect(_failed, dispatch_uid="artifacts.sign_in_log.failed")


def _signed_in(sender: object, request: HttpRequest, user: User, **kwargs: Any) -> None:
    logger.info("signed in: user %r (%s) from %s", user.get_username(), user.pk, _place(request))


def _failed(sender: object, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    user = by_name(str(credentials.get("username") or credentials.get(User.USERNAME_FIELD) or ""))
    who = f"user {user.get_username()!r} ({user.pk})" if user else "a name that nobody has"
    why = "refused, too many wrong passwords" if getattr(request, "axes_locked_out", False) else "failed"
    logger.warning("sign-in %s: %s from %s", why, who, _place(request))


def _place(request: HttpRequest | None) -> str:
    return (request.META.get("REMOTE_ADDR") if request else None) or "an unknown address"
