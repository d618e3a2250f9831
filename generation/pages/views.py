"""The forms of the pages: each reads what was typed, calls one verb of `control`, and sends the visitor back.

A module of a page may ask for JSON instead; it gets the same sentence. Reading pages belongs to artifacts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain, count

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, resolve_url
from django.utils.text import slugify

from artifacts import access
from artifacts.accounts.sign_in_place import sign_in_address, signed_in_only
from artifacts.errors import ArtifactError, BaseChanged, Forbidden, IllegalTransition, InvalidInput, NotFound
from artifacts.models import Artifact, Project, StreamStatus
from artifacts.models.user_model import User
from artifacts.pages.forms import ArtifactForm, ProjectForm, refuse
from artifacts.pages.views import artifact_page, or_not_found, project_page, projects_page
from artifacts.validation import isolated, whole_number
from generation import control, project_runs, reworking
from generation.errors import CommandRefused, FormRefused, LimitReached
from generation.pages.estimates import wants_json
from generation.pages.forms import GenerationForm, ResumeForm, TitleForm


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """What a verb came to: a sentence ("" where the page says it anyway), and where to go if not to the document."""

    message: str = ""
    location: str = ""


# Projects


@signed_in_only
def create_project(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return redirect("artifacts:projects")
    form = ProjectForm(request.POST)
    if form.is_valid():
        try:
            return redirect("artifacts:project", control.create_project(_user(request), **form.cleaned_data).pk)
        except InvalidInput as error:
            refuse(form, error)
    return projects_page(request, form)


@signed_in_only
@or_not_found
def create_artifact(request: HttpRequest, project_id: int) -> HttpResponse:
    """A document of the visitor's own; without a short name it gets one from its title."""
    if request.method != "POST":
        return redirect("artifacts:project", project_id)
    form = ArtifactForm(request.POST)
    if form.is_valid():
        title = form.cleaned_data["title"]
        try:
            project = access.project_for(request.user, project_id, "add")
            artifact = control.add_artifact(
                project, form.cleaned_data["phase"] or _phase_of(title, project), title, _user(request)
            )
            return redirect("artifacts:artifact", artifact.pk)
        except InvalidInput as error:
            refuse(form, error)
    return project_page(request, project_id, form)


@signed_in_only
@or_not_found
def project_command(request: HttpRequest, project_id: int, verb: str) -> HttpResponse:
    """Write all, or stop that as a whole."""
    if verb not in _RUN_VERBS:
        raise NotFound
    if request.method == "POST":
        action, command = _RUN_VERBS[verb]
        project = access.project_for(request.user, project_id, action)
        try:
            command(project, _user(request))
        except (IllegalTransition, InvalidInput, CommandRefused) as error:
            messages.error(request, error.detail)
    return redirect("artifacts:project", project_id)


_RUN_VERBS: dict[str, tuple[str, Callable[[Project, User], object]]] = {
    "all": ("start", project_runs.write_all),
    "pause": ("pause", project_runs.pause_run),
    "resume": ("resume", project_runs.resume_run),
    "cancel": ("cancel", project_runs.cancel_run),
}
"""With what each is to the table of `access`."""


# The verbs of one document


@or_not_found
def artifact_command(request: HttpRequest, artifact_id: int, verb: str) -> HttpResponse:
    """One verb, as a form or for the page's module. Whoever comes by an address bar is sent to the document."""
    if verb not in _VERBS:
        raise NotFound
    as_json = wants_json(request)
    back = resolve_url("artifacts:artifact", artifact_id)
    if not request.user.is_authenticated:
        if as_json:
            return JsonResponse({"detail": "Please sign in again."}, status=401)
        return redirect_to_login(back, sign_in_address())
    if request.method != "POST":
        return redirect(back)
    try:
        answer = _VERBS[verb](access.artifact_for(request.user, artifact_id, _ACTIONS.get(verb, verb)), request)
    except _REFUSALS as refusal:
        if as_json:
            return _refused_as_json(refusal)
        return _refused_on_the_page(request, artifact_id, verb, refusal)
    if as_json:
        return JsonResponse({"message": answer.message, "location": answer.location})
    if answer.message:
        messages.success(request, answer.message)
    return redirect(answer.location or back)


_REFUSALS = (InvalidInput, Forbidden, BaseChanged, IllegalTransition, CommandRefused)


def _refused_as_json(refusal: Exception) -> JsonResponse:
    match refusal:
        case FormRefused():
            return JsonResponse({"errors": refusal.form.errors}, status=422)
        case InvalidInput():
            return JsonResponse({"errors": {refusal.field: [refusal.detail]}}, status=422)
        case LimitReached():
            headers = {"Retry-After": str(refusal.retry_after_s)}
            return JsonResponse({"detail": refusal.detail}, status=429, headers=headers)
        case Forbidden():
            return JsonResponse({"detail": refusal.detail}, status=403)
        case ArtifactError() | CommandRefused():
            return JsonResponse({"detail": refusal.detail}, status=409)
    raise refusal


def _refused_on_the_page(request: HttpRequest, artifact_id: int, verb: str, refusal: Exception) -> HttpResponse:
    match refusal:
        case FormRefused():
            return artifact_page(request, artifact_id, verb, refusal.form)
        case Forbidden():
            raise refusal
        case BaseChanged():
            page = artifact_page(request, artifact_id)  # of a draft, which has both texts
            page.status_code = HTTPStatus.CONFLICT
            return page
        case ArtifactError() | CommandRefused():  # also of a verb that has one field and no form of its own
            messages.error(request, refusal.detail)
            return redirect("artifacts:artifact", artifact_id)
    raise refusal


def _start(artifact: Artifact, request: HttpRequest) -> CommandResult:
    write_as_typed(control.start, artifact, request, GenerationForm(request.POST))
    return CommandResult()


def _regenerate(artifact: Artifact, request: HttpRequest) -> CommandResult:
    write_as_typed(control.regenerate, artifact, request, GenerationForm(request.POST))
    return CommandResult()


def _cancel(artifact: Artifact, request: HttpRequest) -> CommandResult:
    stopped = control.cancel(artifact, _user(request)).status == StreamStatus.CANCELLED
    return CommandResult(message="Cancelled. Every word is kept." if stopped else "Cancelling. Every word is kept.")


def _pause(artifact: Artifact, request: HttpRequest) -> CommandResult:
    stopped = control.pause(artifact, _user(request)).status == StreamStatus.PAUSED
    return CommandResult(message="Paused." if stopped else "Pausing.")


def _resume(artifact: Artifact, request: HttpRequest) -> CommandResult:
    form = ResumeForm(request.POST)
    if not form.is_valid():
        raise FormRefused(form)
    try:
        control.resume(artifact, _user(request), anew="anew" in request.POST, **form.cleaned_data)
    except InvalidInput as error:
        refuse(form, error)
        raise FormRefused(form) from None
    return CommandResult()


def _restore(artifact: Artifact, request: HttpRequest) -> CommandResult:
    try:
        version = whole_number(request.POST.get("version", ""))
    except ValueError:
        raise NotFound("There is no such version of this document.") from None
    control.restore(artifact, version, _user(request))
    return CommandResult(message="The earlier version is back. The text it replaces is kept as a version too.")


def _delete(artifact: Artifact, request: HttpRequest) -> CommandResult:
    location = resolve_url("artifacts:project", artifact.project_id)
    title = artifact.title
    control.delete(artifact, _user(request))
    return CommandResult(message=f"“{isolated(title)}” was deleted.", location=location)


def _accept(artifact: Artifact, request: HttpRequest) -> CommandResult:
    base = reworking.accept(artifact, _user(request)).artifact
    return CommandResult(message="The new text is in its place.", location=resolve_url("artifacts:artifact", base))


def _reject(artifact: Artifact, request: HttpRequest) -> CommandResult:
    base = reworking.reject(artifact, _user(request)).pk
    return CommandResult(message="The draft is dropped.", location=resolve_url("artifacts:artifact", base))


def _rename(artifact: Artifact, request: HttpRequest) -> CommandResult:
    form = TitleForm(request.POST)
    if not form.is_valid():
        raise FormRefused(form)
    try:
        reworking.rename(artifact, form.cleaned_data["title"], _user(request))
    except InvalidInput as error:
        refuse(form, error)
        raise FormRefused(form) from None
    return CommandResult(location=resolve_url("artifacts:artifact", artifact.pk))


_ACTIONS = {"accept": "edit", "reject": "edit", "rename": "edit"}
"""What a verb is to the table of `access`, where it is called otherwise there."""

_VERBS: dict[str, Callable[[Artifact, HttpRequest], CommandResult]] = {
    "start": _start,
    "cancel": _cancel,
    "pause": _pause,
    "resume": _resume,
    "regenerate": _regenerate,
    "restore": _restore,
    "delete": _delete,
    "accept": _accept,
    "reject": _reject,
    "rename": _rename,
}


def write_as_typed(verb: Callable[..., object], artifact: Artifact, request: HttpRequest, form: GenerationForm) -> None:
    """Have a document written as a form says. Raises `FormRefused` with the form, which then says why not."""
    if not form.is_valid():
        raise FormRefused(form)
    typed = form.cleaned_data
    try:
        verb(
            artifact,
            _user(request),
            model=typed["model"],
            plan=form.planned(),
            instructions=typed["instructions"],
            parallel=typed["parallel"] or 1,
        )
    except InvalidInput as error:
        refuse(form, error)
        raise FormRefused(form) from None


def _phase_of(title: str, project: Project) -> str:
    """The short name that a title makes, or "document" where it has no letter of A to Z; what is taken is numbered."""
    made = slugify(title).replace("_", "-").lstrip("-0123456789")[:40] or "document"
    taken = set(project.artifacts.filter(phase__startswith=made[:36]).values_list("phase", flat=True))
    names = chain([made], (f"{made[:36]}-{number}" for number in count(2)))
    return next(name for name in names if name not in taken)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # every view here asks for a login first
    return request.user
