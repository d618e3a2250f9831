"""The model of documents that name none: as it is set, else as a worker found it at its endpoint. It reads only."""

from __future__ import annotations

from django.conf import settings

from generation.models import Worker


def server_model() -> str:
    """Its name; "" where none is set and no worker has told one yet."""
    if settings.STREAMGEN_MODEL:
        return str(settings.STREAMGEN_MODEL)
    told = Worker.objects.exclude(model="").order_by("-heartbeat_at").values_list("model", flat=True)
    return told.first() or ""
