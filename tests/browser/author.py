"""A second process that writes documents, as another worker would: it obeys lines of JSON and answers each with one.

Run as `python -m tests.browser.author`: it says `{}`, then calls the product's own verbs and nothing below.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "streamgen.settings")
django.setup()

from django.conf import settings  # noqa: E402  needs the app registry, as do all below
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.db import transaction  # noqa: E402

from artifacts.accounts.tokens import issue_token  # noqa: E402
from artifacts.lifecycle import writing  # noqa: E402
from artifacts.lifecycle.placed_sections import sha256_of  # noqa: E402
from artifacts.lifecycle.writing import Flush  # noqa: E402
from artifacts.models import Artifact, Project, Section  # noqa: E402
from artifacts.planned_section import PlannedSection  # noqa: E402
from artifacts.reasons import Reason  # noqa: E402
from artifacts.sharing import links, members  # noqa: E402
from generation import control, reworking  # noqa: E402
from generation.errors import RateLimited  # noqa: E402
from generation.inspection.journal import Journal  # noqa: E402
from generation.inspection.keeping import JournalEntry, save_journals  # noqa: E402
from generation.models import CallPrompt  # noqa: E402
from generation.providers.base import Finish, FinishReason  # noqa: E402
from generation.queue import claims, workers  # noqa: E402

AUTHOR_LEASE_S = 600.0
MODEL = "a model of the test's own"


def visitor(name: str, is_staff: bool = False) -> dict[str, Any]:
    """A user, and the session cookie of one who is signed in."""
    user, _ = User.objects.update_or_create(
        username=name, defaults={"email": f"{name}@example.org", "is_staff": is_staff, "is_superuser": is_staff}
    )
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return {"cookie": session.session_key}


def api_token(name: str) -> dict[str, Any]:
    return {"token": issue_token(User.objects.get(username=name), "tests")}


def new_project(owner: str, title: str = "Lighthouse", description: str = "") -> dict[str, Any]:
    made = control.create_project(User.objects.get(username=owner), title, description)
    return {"project": made.pk, "artifact": made.artifacts.get(phase="brief").pk}


def share(artifact: int = 0, project: int = 0) -> dict[str, Any]:
    """A read-only link to a document, or else to a project."""
    shown = Artifact.objects.get(pk=artifact) if artifact else None
    of = shown.project if shown else Project.objects.get(pk=project)
    _, secret = links.share(of, of.owner, shown)
    return {"address": f"/shared/{secret}/"}


def join(project: int, name: str, role: str = "viewer") -> dict[str, Any]:
    """A member of the project."""
    user, _ = User.objects.get_or_create(username=name)
    members.set_role(Project.objects.get(pk=project), user, role, None)
    return {}


def leave(project: int, name: str) -> dict[str, Any]:
    user = User.objects.get(username=name)
    members.remove_member(Project.objects.get(pk=project), user, user)
    return {}


def invite(project: int) -> dict[str, Any]:
    of = Project.objects.get(pk=project)
    return {"address": f"/join/{links.invite(of, of.owner, 'viewer')[1]}/"}


def start_claimed(artifact: int, names: list[str]) -> dict[str, Any]:
    """Start the document and claim it in one transaction, so that no worker of the server takes it."""
    plan = [PlannedSection(name=name, instructions="", max_tokens=500) for name in names]
    with transaction.atomic():
        task = control.start(Artifact.objects.get(pk=artifact), None, plan=plan)
        claim = claims.claim("author", lease_s=AUTHOR_LEASE_S, only=task.pk)
    assert claim is not None
    return begin(artifact, 0)


def note(artifact: int) -> dict[str, Any]:
    """What a writer would have noted of two calls, the first of which was refused, and of what it thought."""
    row, now = _row(artifact), [0]
    journal = Journal(lambda: now[0], kept_prompts=5, endpoint="endpoint.example:8000", model="tiny")
    journal.begin_section(0)
    limited = RateLimited("too many calls at once", retry_after_s=3)
    limited.status = 429
    for number, why in enumerate((limited, None)):
        journal.begin_call(
            0,
            section="Purpose",
            messages=[{"role": "user", "content": "Say what the lamp is for. " * 40}],
            max_tokens=500,
            delivery="stream",
            mode="reprompt",
            has_before=bool(number),
        )
        now[0] += 900
        if why is None:
            journal.text_came(0)
            now[0] += 6_000
        journal.end_call(0, Finish(reason=FinishReason.TRUNCATED), why, chars=400 * number)
        if why is not None:
            journal.retry(0, why, wait_s=3, attempt=2, of=6)
            now[0] += 3_000
    save_journals([JournalEntry(artifact=row.pk, fence=row.fence, state=journal.state())])
    prompt = CallPrompt.objects.filter(journal__artifact=row.pk).order_by("number").first()
    assert prompt is not None
    workers.register_worker("author", slots=4)
    return {"prompt": prompt.pk, "journal": prompt.journal_id}


def begin(artifact: int, position: int) -> dict[str, Any]:
    writing.begin_section(artifact, fence=_row(artifact).fence, position=position, model=MODEL, lease_s=AUTHOR_LEASE_S)
    return {}


def write(artifact: int, text: str) -> dict[str, Any]:
    writing.append(artifact, fence=_row(artifact).fence, flush=_flush(artifact, text), lease_s=AUTHOR_LEASE_S)
    return {}


def end_section(artifact: int, position: int, text: str = "") -> dict[str, Any]:
    if Section.objects.filter(artifact=artifact, position=position, start=None).exists():
        begin(artifact, position)  # one that was not begun would be a draft beside the text
    flush = _flush(artifact, text)
    fence = _row(artifact).fence
    writing.complete_section(
        artifact, fence=fence, position=position, flush=flush, tokens=flush.tokens, model=MODEL, lease_s=AUTHOR_LEASE_S
    )
    return {}


def stop(artifact: int, reason: str, detail: str = "") -> dict[str, Any]:
    fence, flush = _row(artifact).fence, _flush(artifact, "")
    writing.stop(artifact, fence=fence, flush=flush, section_tokens=9, reason=reason, detail=detail)
    return {}


def wait(artifact: int, detail: str, reason: str = Reason.WAITING_RETRY) -> dict[str, Any]:
    writing.wait(artifact, fence=_row(artifact).fence, reason=reason, detail=detail, lease_s=AUTHOR_LEASE_S)
    return {}


def finish(artifact: int) -> dict[str, Any]:
    writing.complete(artifact, fence=_row(artifact).fence)
    return {}


def regenerate(artifact: int, names: list[str]) -> dict[str, Any]:
    plan = [PlannedSection(name=name, instructions="", max_tokens=500) for name in names]
    with transaction.atomic():
        task = control.regenerate(Artifact.objects.get(pk=artifact), None, plan=plan)
        claims.claim("author", lease_s=AUTHOR_LEASE_S, only=task.pk)
    return {}


def cancel(artifact: int) -> dict[str, Any]:
    """As a person does; where this process is the live writer, it obeys at once."""
    control.cancel(Artifact.objects.get(pk=artifact))
    if _row(artifact).stop_requested:
        stop(artifact, Reason.USER)
    return {}


def delete(artifact: int) -> dict[str, Any]:
    control.delete(Artifact.objects.get(pk=artifact))
    return {}


def restore(artifact: int, version: int) -> dict[str, Any]:
    control.restore(Artifact.objects.get(pk=artifact), version)
    return {}


def draft(artifact: int, instructions: str = "") -> dict[str, Any]:
    """A draft of the first section, which this process writes."""
    with transaction.atomic():
        made = reworking.rewrite_section(Artifact.objects.get(pk=artifact), None, 1, instructions=instructions)
        claims.claim("author", lease_s=AUTHOR_LEASE_S, only=made.task.pk)
    return {"draft": made.artifact.pk}


def edit(artifact: int, text: str, before: str) -> dict[str, Any]:
    """The first section, by somebody else's hand."""
    base = sha256_of(before)
    reworking.edit_section(Artifact.objects.get(pk=artifact), None, 1, text=text, base_sha256=base)
    return {}


def reject(artifact: int, draft: int) -> dict[str, Any]:
    reworking.reject(Artifact.objects.get(pk=draft, draft_of=artifact))
    return {}


def look(artifact: int) -> dict[str, Any]:
    row = _row(artifact)
    return {
        "status": row.stream_status,
        "asked": row.stop_requested,
        "text": row.text,
        "epoch": row.epoch,
        "updated_at": row.updated_at.isoformat(),
        "versions": list(row.versions.values_list("pk", flat=True)),
    }


def _row(artifact: int) -> Artifact:
    return Artifact.objects.get(pk=artifact)


def _flush(artifact: int, text: str) -> Flush:
    row = _row(artifact)
    return Flush(offset=row.length, text=text, tokens=row.tokens_generated + len(text) // 4)


def main() -> None:
    orders = (visitor, new_project, start_claimed, begin, write, end_section, stop, wait, finish)
    orders += (regenerate, cancel, delete, look, share, restore, draft, edit, reject, join, leave, invite, api_token)
    known = {verb.__name__: verb for verb in (note, *orders)}
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = known[order.pop("verb")](**order)
        except Exception as error:  # the test that gave the order fails, not those after it
            answer = {"error": repr(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
