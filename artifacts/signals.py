"""The one place that broadcasts: after an artifact's save commits, its event goes to the artifact's group,
and to the writer's where it may stop it.

It is a hint: nothing here may fail the save or delay it. The same for whatever may end somebody's access, however it
was changed. Two more receivers look after what Django does by itself: deletion by way of a project, and connections of
threads that live as long as a request.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import methodcaller
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.core.signals import request_finished
from django.db import connections, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete

from artifacts.lifecycle.rows import saved_now
from artifacts.messaging import outbox
from artifacts.messaging.events import (
    ACCESS_GROUP,
    AccessChanged,
    Event,
    encode_access,
    encode_event,
    group,
    writer_group,
)
from artifacts.models import AccessToken, Artifact, Member, Project, ShareLink, UserSession
from artifacts.models.user_model import User, told_key, user_key

_TEXT_FIELDS = frozenset(
    {"seq", "updated_at", "lease_until", "length", "content", "content_length", "tokens_generated"}
    | {"cost", "cost_estimated", "cost_under_way"}
)
"""A write of these alone is told by its event in full; after any other, viewers ask the database for the state."""
_MAY_STOP_A_WRITER = frozenset({"stream_status", "stop_requested", "fence"})


def connect() -> None:
    """Called once, when the app is ready."""
    post_save.connect(broadcast_saved, sender=Artifact, dispatch_uid="artifacts.broadcast")
    post_delete.connect(broadcast_deleted, sender=Artifact, dispatch_uid="artifacts.broadcast")
    pre_delete.connect(lock_documents, sender=Project, dispatch_uid="artifacts.lock")
    for model in (User, Session, AccessToken, Member, ShareLink):
        post_delete.connect(access_ended, sender=model, dispatch_uid=f"artifacts.access.{model.__name__}")
    post_save.connect(person_saved, sender=User, dispatch_uid="artifacts.access.person")
    post_save.connect(project_saved, sender=Project, dispatch_uid="artifacts.access.project")
    links = [getattr(User, name).through for name in ("groups", "user_permissions") if hasattr(User, name)]
    for through in (*links, Group.permissions.through):
        m2m_changed.connect(permissions_changed, sender=through, dispatch_uid=f"artifacts.access.{through.__name__}")
    request_finished.connect(close_connections, dispatch_uid="artifacts.close")


def broadcast_saved(sender: type[Artifact], instance: Artifact, **kwargs: Any) -> None:
    row = saved_now.get()
    if row is None or row.artifact is not instance or "seq" not in row.changed:
        return  # a lease, a preview or a new idle row: nothing that a viewer shows
    delta = row.delta
    event = Event(
        artifact=instance.pk,
        epoch=instance.epoch,
        seq=instance.seq,
        status=instance.stream_status,
        stop_requested=instance.stop_requested,
        fence=instance.fence,
        offset=delta.offset if delta else instance.length,
        text=delta.text if delta else "",
        length=instance.length,
        tokens=instance.tokens_generated,
        cost=instance.cost,
        cost_estimated=instance.cost_estimated,
        state_changed=not row.changed <= _TEXT_FIELDS,
        section_start=row.section_start,
    )
    # The writer hears first of what may stop it.
    groups = (group,) if row.changed.isdisjoint(_MAY_STOP_A_WRITER) else (writer_group, group)
    transaction.on_commit(partial(_announce, event, *groups), robust=True)


def broadcast_deleted(sender: type[Artifact], instance: Artifact, **kwargs: Any) -> None:
    event = Event(artifact=instance.pk, epoch=instance.epoch, seq=instance.seq + 1, status="", deleted=True)
    transaction.on_commit(partial(_announce, event, writer_group, group), robust=True)


def lock_documents(sender: type[Project], instance: Project, **kwargs: Any) -> None:
    """A project goes, perhaps with its owner: writers wait and are refused, else a flush between the deletion of the
    deltas and that of their document would fail the whole of it.
    """
    rows = Artifact.objects.select_for_update().filter(project=instance).order_by("pk")
    list(rows.values_list("pk", flat=True))


def access_ended(sender: type[Any], instance: Any, **kwargs: Any) -> None:
    """A row that let somebody in is gone, whoever deleted it."""
    match instance:
        case User():
            change = AccessChanged(user=told_key(instance.pk))
        case Session():
            UserSession.objects.filter(session_key=instance.session_key).delete()
            change = AccessChanged(user=told_key(user_key(instance.get_decoded().get(SESSION_KEY)) or 0))
        case ShareLink():
            change = AccessChanged(link=instance.pk)
        case _:
            change = AccessChanged(user=told_key(instance.user_id))
    _tell_after_commit(change)


def person_saved(
    sender: type[User], instance: User, created: bool, update_fields: frozenset[str] | None, **kwargs: Any
) -> None:
    """Deactivated, another password, no longer staff; a login saves when it was, and ends nothing."""
    if not created and set(update_fields or ()) != {"last_login"}:
        _tell_after_commit(AccessChanged(user=told_key(instance.pk)))


def project_saved(
    sender: type[Project], instance: Project, created: bool, update_fields: frozenset[str] | None, **kwargs: Any
) -> None:
    """It may belong to somebody else now; the owner before is not known here."""
    if not created and (update_fields is None or "owner" in update_fields):
        _tell_after_commit(AccessChanged())


def permissions_changed(sender: type[Any], action: str, **kwargs: Any) -> None:
    if action.startswith("post_"):
        _tell_after_commit(AccessChanged())


def close_connections(**kwargs: Any) -> None:
    """A server gives each request a thread of its own, so a connection that is kept would only wait to be collected."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:  # a test's
            connection.close()


def _announce(event: Event, *groups: Callable[[int], str]) -> None:
    """Encoded behind the commit and in its thread: no transaction waits for that, nor does the event loop."""
    for group_of in groups:
        message = encode_event(event, group_of(event.artifact))
        outbox.post(methodcaller("group_send", message["group"], message))


def _tell_after_commit(change: AccessChanged) -> None:
    message = methodcaller("group_send", ACCESS_GROUP, encode_access(change))
    transaction.on_commit(partial(outbox.post, message), robust=True)
