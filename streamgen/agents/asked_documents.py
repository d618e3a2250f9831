"""Which document a model's name means, and how it is begun: the caller's own verbs, with the caller's limits.

Asking for the same once more, as a client does that lost its answer, begins nothing: it finds what it began.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Any

from django.db import transaction

from artifacts import access
from artifacts.accounts import receipts, tokens
from artifacts.accounts.receipts import RepeatedAnswer
from artifacts.errors import IllegalTransition, InvalidInput
from artifacts.lifecycle.rows import WriteResult
from artifacts.models import Artifact, Project, StreamStatus
from artifacts.models.user_model import User
from artifacts.validation import isolated
from generation import control
from generation.errors import TaskExists
from streamgen.agents.chat_requests import DocumentRequest
from streamgen.agents.event_numbers import parse_response_id
from streamgen.agents.openai_errors import ApiRefused, no_such_model, no_such_response
from streamgen.agents.text_loading import OURS, load_written, model_of
from streamgen.agents.written_text import WrittenText

OWN_PROJECT = "Chats"
"""Of a user who asks for a new document, and has no project for such ones yet."""
OWN_PHASE = "chat-"
"""So begin the phases of documents that were asked for by their brief alone."""
OWN_TITLE_CHARS = 100
MODELS_LISTED = 1_000
BRIEF_FIELD = "instructions"
"""So the verbs call what a caller of `/v1` says in a message."""

_ONE_DOCUMENT = re.compile(rf"{OURS}/([0-9]{{1,18}})/([a-z][a-z0-9-]{{0,39}})")


def user_of(authorization: str) -> User:
    """Who calls. Raises `ApiRefused`."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        detail = "You did not provide an API key: send Authorization: Bearer TOKEN. `manage.py token USER` makes one."
        raise ApiRefused(401, detail)
    user = tokens.user_for_token(token.strip())
    if user is None:
        detail = "This API key is not known. `manage.py token USER` makes one."
        raise ApiRefused(401, detail, code="invalid_api_key")
    return user


def offered_models(user: User) -> list[dict[str, Any]]:
    """What the user may ask for: a new document, and every one that they see; the newest first."""
    found = access.artifacts_for(user).filter(project__archived_at=None, draft_of=None).order_by("-pk")
    return [_model(OURS, 0, "A new document")] + [_model_row(artifact) for artifact in found[:MODELS_LISTED]]


def model_named(user: User, name: str) -> dict[str, Any]:
    """Raises `ApiRefused`."""
    return _model(OURS, 0, "A new document") if name == OURS else _model_row(_document(user, name))


def _model_row(artifact: Artifact) -> dict[str, Any]:
    title = f"{isolated(artifact.project.title)}: {isolated(artifact.title)}"
    return _model(model_of(artifact), int(artifact.created_at.timestamp()), title)


def _model(name: str, created: int, title: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": created, "owned_by": OURS, "name": title}


def begin_document(user: User, asked: DocumentRequest) -> WrittenText:
    """The document, which is being written or was. Raises `ApiRefused` and what `control.start` raises."""
    try:
        return _begun(user, asked)
    except InvalidInput as error:
        if error.field != BRIEF_FIELD:
            raise
        raise InvalidInput(asked.where, error.detail.replace(BRIEF_FIELD, asked.where, 1)) from None


def _begun(user: User, asked: DocumentRequest) -> WrittenText:
    artifact = _followed(user, asked)
    if artifact is not None and artifact.stream_status != StreamStatus.IDLE:
        return _written_anew(user, artifact, asked)
    with transaction.atomic():  # a request that is refused makes no document
        artifact = artifact or (_own(user, asked) if asked.model == OURS else _document(user, asked.model))
        if artifact.stream_status == StreamStatus.IDLE:
            _start(user, artifact, asked)
    return load_written(artifact.pk)


def _start(user: User, artifact: Artifact, asked: DocumentRequest) -> None:
    access.demand(user, "start", artifact.project)
    plan = [wish.planned for wish in asked.plan] if asked.plan else None
    brief = asked.instructions_said
    try:
        control.start(artifact, user, plan=plan, instructions=brief, parallel=asked.parallel or 1)
    except (IllegalTransition, TaskExists):
        artifact.refresh_from_db(fields=["stream_status"])
        if artifact.stream_status == StreamStatus.IDLE:
            raise


def _followed(user: User, asked: DocumentRequest) -> Artifact | None:
    """The document that the user has seen, and wants to be different; None where nothing was answered before.

    Of a conversation that began elsewhere a document is begun, as of any other.
    """
    if asked.earlier:
        found = parse_response_id(asked.earlier)
        artifact = access.artifacts_for(user).filter(pk=found.artifact_id).first() if found else None
        if artifact is None:
            raise ApiRefused(
                400,
                f"Previous response with id {asked.earlier[:200]!r} not found.",
                code="previous_response_not_found",
                param="previous_response_id",
            )
        if asked.model not in (OURS, model_of(artifact)):
            raise ApiRefused(
                400, f"The model of the previous response is {model_of(artifact)!r}.", param="previous_response_id"
            )
        return artifact
    followed = asked.followed
    if not followed:
        return None
    return _of_digests(user, followed) if asked.model == OURS else _document(user, asked.model)


def _written_anew(user: User, artifact: Artifact, asked: DocumentRequest) -> WrittenText:
    """The text that this wish brought about: of a finished document another one, once. Raises as `begin_document`."""
    access.demand(user, "regenerate", artifact.project)
    key = hashlib.sha256(f"{artifact.pk}:{asked.digest}".encode()).hexdigest()
    claimed = receipts.claim_receipt(user, f"{OURS} {key}", key)
    if isinstance(claimed, RepeatedAnswer):
        return load_written(artifact.pk, int(claimed.content))
    try:
        with transaction.atomic():
            _demand_finished(artifact)
            plan = [wish.planned for wish in asked.plan] if asked.plan else None
            is_all_said = asked.model == OURS and not asked.earlier
            control.regenerate(
                artifact,
                user,
                plan=plan or control.present_plan(artifact),
                instructions=asked.wishes_said if is_all_said else asked.instructions_said,
                parallel=asked.parallel or 1,
                keep=not is_all_said,
            )
            artifact.refresh_from_db(fields=["epoch"])
            claimed.keep(200, str(artifact.epoch).encode())
    except BaseException:
        claimed.forget()
        raise
    return load_written(artifact.pk, artifact.epoch)


def _demand_finished(artifact: Artifact) -> None:
    if artifact.stream_status in {StreamStatus.COMPLETE, StreamStatus.CANCELLED}:
        return
    is_paused = artifact.stream_status == StreamStatus.PAUSED
    state = "is paused: resume it, or cancel it" if is_paused else "is still being written: wait for its end"
    raise ApiRefused(409, f"The document {state}, then say what should be different.", code="busy")


def _of_digests(user: User, digests: list[str]) -> Artifact | None:
    """The user's own document that was asked for so: by the first of the digests that one has."""
    mine = Artifact.objects.select_related("project").filter(project__owner=user, project__archived_at=None)
    phases = [f"{OWN_PHASE}{digest[:24]}" for digest in digests]
    found = {artifact.phase: artifact for artifact in mine.filter(phase__in=phases).order_by("-pk")}
    return next((found[phase] for phase in phases if phase in found), None)


def seen_response(user: User, response_id: str, *, with_text: bool = False) -> WrittenText:
    """Raises `ApiRefused` where there is none or it is not theirs to see."""
    found = parse_response_id(response_id)
    if found is None or not access.artifacts_for(user).filter(pk=found.artifact_id).exists():
        raise no_such_response(response_id)
    written = load_written(*found, with_text=with_text)
    if written.status == StreamStatus.IDLE:
        raise no_such_response(response_id)
    return written


def stop_response(user: User, response_id: str) -> WriteResult | None:
    """Cancel it; None where it is over. Raises `ApiRefused`, `Forbidden`."""
    written = seen_response(user, response_id)
    artifact = access.artifact_for(user, written.id.artifact_id, "cancel")
    if artifact.epoch != written.id.epoch or written.status in {StreamStatus.COMPLETE, StreamStatus.CANCELLED}:
        return None
    return control.cancel(artifact, user)


def _document(user: User, name: str) -> Artifact:
    found = _ONE_DOCUMENT.fullmatch(name)
    rows = access.artifacts_for(user).filter(draft_of=None)
    artifact = rows.filter(project=int(found[1]), phase=found[2]).first() if found else None
    if artifact is None:
        raise no_such_model(name)
    return artifact


def _own(user: User, asked: DocumentRequest) -> Artifact:
    """The document of that request, made where it is asked for the first time."""
    phase, brief = f"{OWN_PHASE}{asked.digest[:24]}", asked.instructions_said
    User._default_manager.select_for_update().get(
        pk=user.pk
    )  # who asks twice at once has one project, and one document
    artifact = _of_digests(user, [asked.digest])
    if artifact is not None:
        return artifact
    mine = Artifact.objects.select_related("project").filter(project__owner=user, project__archived_at=None)
    latest = mine.filter(phase__startswith=OWN_PHASE).order_by("-pk").first()
    project = latest.project if latest else _own_project(user)
    return control.add_artifact(project, phase, _title(brief), user)


def _own_project(user: User) -> Project:
    about = "Documents that were asked for in a chat, or by the OpenAI API."
    return control.create_project(user, OWN_PROJECT, about, with_phases=False)


def _title(brief: str) -> str:
    """The first line, as far as it is one of text."""
    first = next((line for line in brief.splitlines() if line.strip()), "")
    shown = "".join(" " if unicodedata.category(character)[0] == "C" else character for character in first)
    shown = " ".join(shown.lstrip("# ").split())
    if len(shown) > OWN_TITLE_CHARS:
        shown = f"{shown[: OWN_TITLE_CHARS - 1].rpartition(' ')[0] or shown[: OWN_TITLE_CHARS - 1]}…"
    return shown or "A document"
