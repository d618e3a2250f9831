"""What the app that writes does when somebody is deactivated, wherever that was done: their documents pause."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth.models import User
from django.db.models.signals import post_save

from artifacts.errors import IllegalTransition, NotFound
from artifacts.models import Artifact, StreamStatus
from generation import control

logger = logging.getLogger(__name__)


def connect() -> None:
    """Called once, when the app is ready."""
    post_save.connect(pause_documents, sender=User, dispatch_uid="generation.pause")


def pause_documents(sender: type[User], instance: User, **kwargs: Any) -> None:
    """Nobody would be there to read them or to stop them; whoever comes to own them resumes them."""
    if instance.is_active:
        return
    for artifact in Artifact.objects.filter(project__owner=instance, stream_status=StreamStatus.STREAMING):
        try:
            control.pause(artifact)
        except (IllegalTransition, NotFound):
            logger.info("not paused, it stopped by itself artifact=%s", artifact.pk)
