"""A change of one's own password keeps what one's own session opened, from the moment it is committed."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, login
from django.http import HttpRequest

from artifacts.accounts.own_sessions import renew_session, sessions_of
from artifacts.accounts.sessions import Login, Sight, lapsed
from tests.support import documents
from tests.support.place import person

pytestmark = pytest.mark.django_db


def test_own_session_stands_before_the_answer_is_sent_however_often_the_password_changes():
    user, _ = person("boss", is_staff=True, is_superuser=True)
    request = HttpRequest()
    request.user = user
    request.session = import_module(settings.SESSION_ENGINE).SessionStore()
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    request.session.save()
    key = str(request.session.session_key)
    opened = Login(user_id=user.pk, session_key=key, session_hash=request.session[HASH_SESSION_KEY])
    sight = Sight(login=opened, artifact_id=documents.opened().pk)
    for number in range(3):
        user.set_password(f"long password number {number}")
        user.save(update_fields=["password"])
        renew_session(request, user)
        assert not lapsed([sight]).logged_out
        assert len(sessions_of(user)) == 1
    request.session.flush()
    assert lapsed([sight]).logged_out == {sight}
