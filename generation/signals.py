"""What the app that writes does when somebody is deactivated, wherever that was done: their documents pause."""

from __future__ import annotations

import logging
from typing import Any

from django.db.models import Q
from django.db.models.signals import post_save

from artifacts.errors import IllegalTransition, NotFound
from artifacts.models import Artifact, StreamStatus
from artifacts.models.user_model import User
from artifacts.reasons import REASON_SENTENCES, Reason
from generation import control
from generation.models import UNFINISHED, GenerationTask, ProjectRun, RunStatus

logger = logging.getLogger(__name__)


def connect() -> None:
    """Called once, when the app is ready."""
    post_save.connect(pause_documents, sender=User, dispatch_uid="generation.pause")


def pause_documents(sender: type[User], instance: User, **kwargs: Any) -> None:
    """What is written in their projects, and what they started in those of others: who was shut out spends nothing
    more. Whoever may resume it there, or comes to own it, does.
    """
    if instance.is_active:
        return
    started = GenerationTask.objects.filter(requested_by=instance, status__in=UNFINISHED).values("artifact")
    theirs = Artifact.objects.filter(Q(project__owner=instance) | Q(pk__in=started))
    for run in ProjectRun.objects.filter(
        Q(requested_by=instance) | Q(project__owner=instance), status=RunStatus.RUNNING
    ):
        run.status, run.error = RunStatus.PAUSED, REASON_SENTENCES[Reason.DEACTIVATED]
        run.save(update_fields=["status", "error"])
    for artifact in theirs.filter(stream_status=StreamStatus.STREAMING):
        try:
            control.pause(artifact, why=Reason.DEACTIVATED)
        except (IllegalTransition, NotFound):
            logger.info("not paused, it stopped by itself artifact=%s", artifact.pk)
