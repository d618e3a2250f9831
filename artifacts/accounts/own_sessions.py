"""Somebody's own sessions: remembered, listed, ended, and kept through a change of password. I/O: rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, update_session_auth_hash
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from artifacts import validation
from artifacts.accounts.browser_name import browser_name
from artifacts.errors import NotFound
from artifacts.models import UserSession
from artifacts.models.user_model import User


def connect() -> None:
    """Called once, when the app is ready."""
    user_logged_in.connect(remember, dispatch_uid="artifacts.sessions")


def remember(sender: object, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """A session begins; also of one that began before sessions were remembered."""
    session = getattr(request, "session", None)
    if session is None:
        return
    if not session.session_key:
        session.create()
    browser = browser_name(validation.clean(request.headers.get("User-Agent", "")))[: validation.LABEL_CHARS]
    UserSession.objects.get_or_create(session_key=session.session_key, defaults={"user": user, "browser": browser})


def sessions_of(user: User) -> list[UserSession]:
    """Those that are open, the newest first: a new password has ended the others, whoever set it."""
    rows = list(UserSession.objects.filter(user=user))
    keys = [row.session_key for row in rows]
    known = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    password = user.get_session_auth_hash()
    found = {
        one.session_key for one in known if constant_time_compare(one.get_decoded().get(HASH_SESSION_KEY, ""), password)
    }
    return [row for row in rows if row.session_key in found]


def end_session(user: User, session_id: int) -> None:
    """Sign out somewhere else. Raises `NotFound` where it is not the user's."""
    row = UserSession.objects.filter(user=user, pk=session_id).first()
    if row is None:
        raise NotFound("There is no such session, or it is over.")
    import_module(settings.SESSION_ENGINE).SessionStore(row.session_key).delete()
    row.delete()


def renew_session(request: HttpRequest, user: User) -> None:
    """After a change of one's own password: this session goes on under another key, with what it opened; others end."""
    with session_kept(request):
        update_session_auth_hash(request, user)


@contextmanager
def session_kept(request: HttpRequest) -> Iterator[None]:
    """One transaction in which somebody's own password may change: what this session opened stays open, however often
    it gets another key.
    """
    with transaction.atomic():
        before = request.session.session_key or ""
        row = UserSession.objects.filter(session_key=before).first()
        earlier, browser = (row.previous_key, row.browser) if row else ("", "")
        yield
        after = request.session.session_key or ""
        if after == before or not request.user.is_authenticated:
            return
        request.session.save()  # its new hash, at once: who hears of the change looks before the answer is sent
        UserSession.objects.filter(session_key__in=[before, after]).delete()
        if earlier:  # what was opened by that key finds the way here by this row
            UserSession.objects.create(user=request.user, session_key=before, previous_key=earlier)
        UserSession.objects.create(user=request.user, session_key=after, previous_key=before, browser=browser)
