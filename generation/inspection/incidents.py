"""Everything an outsider needs to understand what became of a document, as one JSON: times, states, calls, reasons; no
text, no prompt, and no secret.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.conf import settings
from django.forms.models import model_to_dict
from django.utils import timezone

from artifacts.models import ActionRecord, Artifact, CallCharge
from generation.inspection.keeping import installation_secrets
from generation.inspection.redaction import redacted_tree
from generation.models import CallPrompt, ClaimJournal, GenerationTask, Worker
from generation.waiting import waiting_of

INCIDENT_VERSION = 1
MOST_CLAIMS_TOLD, MOST_CHARGES, MOST_ACTIONS_TOLD = 64, 2_000, 500
SETTINGS_TOLD = (
    *("STREAMGEN_PROVIDER", "STREAMGEN_MODEL", "STREAMGEN_DELIVERY", "STREAMGEN_CONTINUATION"),
    *("STREAMGEN_CHUNK_MAX_TOKENS", "STREAMGEN_MAX_TURNS", "STREAMGEN_RETRIES", "STREAMGEN_OUTAGE_SECONDS"),
    *("STREAMGEN_CONNECT_SECONDS", "STREAMGEN_FIRST_PIECE_SECONDS", "STREAMGEN_STALL_SECONDS"),
    *("STREAMGEN_THINKING_SECONDS", "STREAMGEN_TASK_SECONDS", "STREAMGEN_CONCURRENCY", "STREAMGEN_LEASE_SECONDS"),
    *("STREAMGEN_FLUSH_CHARS", "STREAMGEN_FLUSH_MS", "STREAMGEN_CONTEXT_CHARS", "STREAMGEN_USER_RUNNING"),
)
"""What an incident tells of the installation: nothing that opens anything."""


def incident_of(artifact: Artifact) -> dict[str, Any]:
    """JSON's types, datetimes and decimals; `DjangoJSONEncoder` writes it."""
    journals = ClaimJournal.objects.filter(artifact=artifact.pk).order_by("-fence")[:MOST_CLAIMS_TOLD]
    waiting = waiting_of(artifact)
    found = {
        "incident": INCIDENT_VERSION,
        "made_at": timezone.now(),
        "streamgen": settings.STREAMGEN_RELEASE,
        "settings": {name: getattr(settings, name) for name in SETTINGS_TOLD},
        "document": _document(artifact),
        "waits": None if waiting is None else vars(waiting),
        "sections": list(
            artifact.sections.order_by("position").values(
                *("position", "name", "status", "start", "tokens", "max_tokens", "model", "drafted", "drafted_tokens")
            )
        ),
        "tasks": [_task(task) for task in GenerationTask.objects.filter(artifact=artifact.pk).order_by("pk")],
        "claims": [_claim(journal) for journal in reversed(journals)],
        "calls_charged": list(
            CallCharge.objects.filter(artifact=artifact.pk)
            .order_by("-pk")
            .values(
                *("at", "fence", "number", "epoch", "section", "model"),
                *("prompt_tokens", "cached_tokens", "completion_tokens", "is_estimated", "cost"),
            )[:MOST_CHARGES]
        ),
        "actions": list(
            ActionRecord.objects.filter(artifact=artifact.pk)
            .order_by("-pk")
            .values("at", "actor_name", "verb")[:MOST_ACTIONS_TOLD]
        ),
        "workers": list(Worker.objects.values("name", "version", "slots", "running", "started_at", "heartbeat_at")),
    }
    told: dict[str, Any] = redacted_tree(found, installation_secrets())
    return told


def _document(artifact: Artifact) -> dict[str, Any]:
    names = (
        *("pk", "project_id", "phase", "title", "stream_status", "reason", "last_error", "stop_requested"),
        *("epoch", "seq", "fence", "length", "content_length", "lease_until", "current_section"),
        *("sections_completed", "sections_total", "tokens_generated", "cost", "cost_estimated"),
        *("created_at", "started_at", "finished_at", "updated_at"),
    )
    told = {name: getattr(artifact, name) for name in names}
    text = artifact.text.encode()
    return {**told, "text_bytes": len(text), "text_sha256": hashlib.sha256(text).hexdigest()}


def _task(task: GenerationTask) -> dict[str, Any]:
    fields = ("status", "model", "rank", "served_rank", "parallel", "reclaims", "length_at_claim", "worker", "error")
    times = {name: getattr(task, name) for name in ("created_at", "started_at", "finished_at")}
    return {"id": task.pk, **model_to_dict(task, fields=fields), **times}


def _claim(journal: ClaimJournal) -> dict[str, Any]:
    kept = CallPrompt.objects.filter(journal=journal).order_by("number").values("number", "section", "chars")
    told = model_to_dict(journal, exclude=("id", "artifact"))
    return {**told, "prompts_kept": list(kept)}
