"""The pages on which people are let into a project, and what they see who come by a link."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from artifacts import access
from artifacts.accounts.sign_in_place import signed_in_only
from artifacts.errors import InvalidInput, NotFound
from artifacts.models import Artifact, Invitation, Project, ShareLink, Webhook
from artifacts.models.user_model import User
from artifacts.pages import export as exported
from artifacts.pages.forms import ProjectForm, refuse
from artifacts.pages.sharing_api import DELIVERIES_TOLD, address, document_of, link_for
from artifacts.pages.views import artifact_context, or_not_found, project_context, replay_context, show_document
from artifacts.sharing import links, members, projects
from artifacts.validation import URL_CHARS, isolated
from artifacts.webhooks import endpoints
from artifacts.webhooks.deliveries import OVERLAP_WORDS

DAY_S = 86_400
LIVES = (("1", "a day"), ("7", "a week"), ("30", "a month"), ("365", "a year"), ("0", "until it is revoked"))
ROLES = (("viewer", "Viewer: reads, live"), ("editor", "Editor: writes, stops, shares"))
HANDING_OVER = ("owner", "Owner: the project becomes theirs")
ACTIONS = {
    "member": "members",
    "remove": "members",
    "invite": "members",
    "uninvite": "members",
    "link": "links",
    "revoke": "links",
    "rename": "rename",
    **dict.fromkeys(("webhook", "webhook-secret", "webhook-test", "webhook-remove"), "webhook"),
    "archive": "rename",
    "leave": "leave",
    "delete": "delete_project",
}
"""What each form on the page needs the permission for."""


class MemberForm(forms.Form):
    username = forms.CharField(
        max_length=150,
        label="User name",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off"}),
    )
    role = forms.ChoiceField(choices=(*ROLES, HANDING_OVER))


class InvitationForm(forms.Form):
    role = forms.ChoiceField(choices=ROLES)
    days = forms.ChoiceField(choices=LIVES[:3], initial="7", label="Good for")


class LinkForm(forms.Form):
    artifact = forms.ChoiceField(label="To")
    days = forms.ChoiceField(choices=LIVES, initial="30", label="Good for")

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        titles = Artifact.objects.filter(project=project, draft_of=None).order_by("pk").values_list("pk", "title")
        field: Any = self.fields["artifact"]
        field.choices = [("0", "The whole project"), *((str(pk), title) for pk, title in titles)]


class WebhookForm(forms.Form):
    url = forms.CharField(
        max_length=URL_CHARS,
        label="Address",
        widget=forms.URLInput(attrs={"placeholder": "https://example.org/hook", "autocomplete": "off"}),
    )


@require_safe
@never_cache
@signed_in_only
@or_not_found
def sharing(request: HttpRequest, project_id: int) -> HttpResponse:
    return _page(request, access.project_for(request.user, project_id, "see_members"))


@signed_in_only
@never_cache
@or_not_found
def sharing_command(request: HttpRequest, project_id: int, verb: str) -> HttpResponse:
    """One form of the page. Whoever comes by an address bar is sent to the page."""
    if verb not in ACTIONS:
        raise NotFound("There is no such page.")
    project = access.project_for(request.user, project_id, ACTIONS[verb])
    if request.method != "POST":
        return redirect("artifacts:sharing", project_id)
    try:
        return _VERBS[verb](request, project)
    except NotFound as error:
        messages.error(request, error.detail)
    except InvalidInput as error:
        messages.error(request, error.detail[:1].upper() + error.detail[1:])
    return redirect("artifacts:sharing", project_id)


def _member(request: HttpRequest, project: Project) -> HttpResponse:
    form = MemberForm(request.POST)
    if not form.is_valid():
        return _page(request, project, refused=form)
    role = form.cleaned_data["role"]
    try:
        user = members.user_named(form.cleaned_data["username"])
    except NotFound as error:
        form.add_error("username", error.detail)
        return _page(request, project, refused=form)
    if role == "owner" and request.POST.get("sure") != "yes":
        return _page(request, project, ask="owner", about=user.get_username())
    members.set_role(project, user, role, request.user)
    name = isolated(user.get_username())
    messages.success(request, f"{name} is the owner now." if role == "owner" else f"{name} is {role} now.")
    return redirect("artifacts:sharing", project.pk)


def _remove(request: HttpRequest, project: Project) -> HttpResponse:
    name = request.POST.get("username", "")
    user = members.member_named(project, name)
    if request.POST.get("sure") != "yes":
        return _page(request, project, ask="remove", about=name)
    members.remove_member(project, user, request.user)
    messages.success(request, f"{isolated(name)} is no longer a member.")
    return redirect("artifacts:sharing", project.pk)


def _leave(request: HttpRequest, project: Project) -> HttpResponse:
    if request.POST.get("sure") != "yes":
        return _page(request, project, ask="leave")
    members.remove_member(project, _user(request), request.user)
    messages.success(request, f"You have left “{isolated(project.title)}”.")
    return redirect("artifacts:projects")


def _invite(request: HttpRequest, project: Project) -> HttpResponse:
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _page(request, project, refused=form)
    seconds = int(form.cleaned_data["days"]) * DAY_S
    _, secret = links.invite(project, _user(request), form.cleaned_data["role"], seconds)
    return _page(request, project, told=("invitation", address(request, "artifacts:join", secret)))


def _uninvite(request: HttpRequest, project: Project) -> HttpResponse:
    links.take_back_invitation(project, number_in(request, "invitation"), request.user)
    messages.success(request, "The invitation is taken back.")
    return redirect("artifacts:sharing", project.pk)


def _link(request: HttpRequest, project: Project) -> HttpResponse:
    form = LinkForm(project, request.POST)
    if not form.is_valid():
        return _page(request, project, refused=form)
    typed = form.cleaned_data
    artifact = document_of(project, int(typed["artifact"])) if typed["artifact"] != "0" else None
    seconds = int(typed["days"]) * DAY_S or None
    _, secret = links.share(project, _user(request), artifact, seconds)
    return _page(request, project, told=("link", address(request, "artifacts:shared", secret)))


def _revoke(request: HttpRequest, project: Project) -> HttpResponse:
    links.revoke_link(link_for(_user(request), number_in(request, "link")), request.user)
    messages.success(request, "The link opens nothing any more.")
    return redirect(resolve_url("artifacts:sharing", project.pk) + "#links")


def _rename(request: HttpRequest, project: Project) -> HttpResponse:
    form = ProjectForm(request.POST)
    if form.is_valid():
        try:
            projects.rename_project(project, request.user, **form.cleaned_data)
            messages.success(request, "Saved.")
            return redirect("artifacts:sharing", project.pk)
        except InvalidInput as error:
            refuse(form, error)
    return _page(request, project, refused=form)


def _archive(request: HttpRequest, project: Project) -> HttpResponse:
    archived = request.POST.get("archived") == "yes"
    projects.archive_project(project, request.user, archived)
    messages.success(request, "It is archived: lists leave it out." if archived else "It is in the lists again.")
    return redirect("artifacts:project", project.pk)


def _delete(request: HttpRequest, project: Project) -> HttpResponse:
    if request.POST.get("sure") != "yes":
        return _page(request, project, ask="delete")
    projects.delete_project(project, request.user)
    messages.success(request, f"“{isolated(project.title)}” was deleted.")
    return redirect("artifacts:projects")


def _set_webhook(request: HttpRequest, project: Project) -> HttpResponse:
    form = WebhookForm(request.POST)
    if form.is_valid():
        try:
            _, secret = endpoints.set_webhook(project, form.cleaned_data["url"], request.user)
        except InvalidInput as error:
            refuse(form, error)
        else:
            if secret:
                return _page(request, project, told=("webhook", secret))
            messages.success(request, "Saved. News goes there from now on.")
            return redirect(resolve_url("artifacts:sharing", project.pk) + "#webhook")
    return _page(request, project, refused=form)


def _rotate_secret(request: HttpRequest, project: Project) -> HttpResponse:
    url = endpoints.webhook_of(project).url
    _, secret = endpoints.set_webhook(project, url, request.user, rotate=True)
    return _page(request, project, told=("webhook", secret))


def _test_webhook(request: HttpRequest, project: Project) -> HttpResponse:
    endpoints.send_test(project, request.user)
    messages.success(request, "A test is on its way; what became of it stands below.")
    return redirect(resolve_url("artifacts:sharing", project.pk) + "#webhook")


def _remove_webhook(request: HttpRequest, project: Project) -> HttpResponse:
    endpoints.remove_webhook(project, request.user)
    messages.success(request, "The webhook is removed.")
    return redirect("artifacts:sharing", project.pk)


_VERBS: dict[str, Callable[[HttpRequest, Project], HttpResponse]] = {
    "member": _member,
    "remove": _remove,
    "leave": _leave,
    "invite": _invite,
    "uninvite": _uninvite,
    "link": _link,
    "revoke": _revoke,
    "rename": _rename,
    "webhook": _set_webhook,
    "webhook-secret": _rotate_secret,
    "webhook-test": _test_webhook,
    "webhook-remove": _remove_webhook,
    "archive": _archive,
    "delete": _delete,
}


def _page(
    request: HttpRequest,
    project: Project,
    *,
    ask: str = "",
    about: str = "",
    told: tuple[str, str] | None = None,
    refused: forms.BaseForm | None = None,
) -> HttpResponse:
    """The page with all that the visitor may do; `told` is a secret that is shown this once, a form that was `refused`
    says why in the place of an empty one.
    """
    may = access.allowed(request.user, project)
    webhook = Webhook.objects.filter(project=project).first() if "webhook" in may else None
    shown: dict[str, forms.BaseForm] = {
        "member_form": MemberForm(auto_id="member_%s"),
        "invitation_form": InvitationForm(auto_id="invitation_%s"),
        "link_form": LinkForm(project, initial={"artifact": request.GET.get("artifact", "0"), "days": "30"}),
        "project_form": ProjectForm(initial={"title": project.title, "description": project.description}),
        "webhook_form": WebhookForm(initial={"url": webhook.url if webhook else ""}, auto_id="webhook_%s"),
    }
    if refused is not None:
        shown |= {name: refused for name, form in shown.items() if type(form) is type(refused)}
    context = {
        **shown,
        "project": project,
        "may": may,
        "people": members.roles_of(project),
        "invitations": Invitation.objects.filter(project=project) if "members" in may else [],
        "links": ShareLink.objects.filter(project=project).select_related("artifact", "created_by")
        if "links" in may
        else [],
        "webhook": webhook,
        "deliveries": webhook.deliveries.all()[:DELIVERIES_TOLD] if webhook else [],
        "ask": ask or (request.GET.get("ask", "") if request.GET.get("ask") in {"delete", "leave"} else ""),
        "about": about,
        "told": told,
        "overlap": OVERLAP_WORDS,
    }
    return render(request, "artifacts/sharing.html", context, status=422 if refused else 200)


# By a link


@signed_in_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@or_not_found
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """An invitation: it asks, and a press of the button joins."""
    if request.method == "POST":
        project = links.accept_invitation(secret, _user(request))
        messages.success(request, f"You are in “{isolated(project.title)}” now.")
        return redirect("artifacts:project", project.pk)
    invitation = links.invitation_with(secret)
    if invitation is None:
        raise NotFound("This invitation was used already, taken back, or is too old. Ask for another one.")
    response = _unlisted(render(request, "artifacts/join.html", {"invitation": invitation}))
    response["Referrer-Policy"] = "same-origin"  # with less the button's form would come from "null", and be refused
    return response


Shown = Callable[..., HttpResponse]


def by_link(view: Shown) -> Shown:
    """A page for whoever has the link: without an account, in no index, in no cache, and no other site hears of it."""

    @wraps(view)
    @require_safe
    @never_cache
    @or_not_found
    def shown(request: HttpRequest, secret: str, **kwargs: Any) -> HttpResponse:
        link = links.link_with(secret)
        if link is None:
            raise NotFound("This link opens nothing any more. Ask for another one.")
        return _unlisted(view(request, secret, link, **kwargs))

    return shown


@by_link
def shared(request: HttpRequest, secret: str, link: ShareLink) -> HttpResponse:
    if link.artifact_id is not None:
        return _document(request, secret, link, link.artifact_id)
    project = access.project_for(link, link.project_id)
    return render(request, "artifacts/project.html", project_context(request, link, project) | {"shared": secret})


@by_link
def shared_artifact(request: HttpRequest, secret: str, link: ShareLink, artifact_id: int) -> HttpResponse:
    return _document(request, secret, link, artifact_id)


@by_link
def shared_replay(request: HttpRequest, secret: str, link: ShareLink, artifact_id: int) -> HttpResponse:
    shown = access.artifact_for(link, artifact_id)
    back = resolve_url("artifacts:shared-artifact", secret, artifact_id)
    context = replay_context(shown, source=f"{artifact_id}/link/{secret}", back=back)
    return render(request, "artifacts/replay.html", context | {"shared": secret})


@by_link
def shared_export(request: HttpRequest, secret: str, link: ShareLink, artifact_id: int) -> HttpResponse:
    asked = request.GET.get("format", "")
    shown = access.artifact_for(link, artifact_id)
    return exported.as_attachment(shown, asked if asked in exported.KINDS else "md", names_people=False)


@by_link
def shared_project_export(request: HttpRequest, secret: str, link: ShareLink) -> HttpResponse:
    project = access.project_for(link, link.project_id)
    return exported.project_zip(project, access.artifacts_for(link).filter(project=project, draft_of=None))


def _document(request: HttpRequest, secret: str, link: ShareLink, artifact_id: int) -> HttpResponse:
    """The live page, without anything to press that would change something."""
    context = artifact_context(request, link, access.artifact_for(link, artifact_id))
    live = context["live"]
    live["socket"] = live["socket"].replace("?", f"link/{secret}/?")  # see `artifacts.routing`
    own = {"shared": secret, "shared_project": link.artifact_id is None}
    return show_document(request, "artifact.html", context | own)


def _unlisted(response: HttpResponse) -> HttpResponse:
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    response["Referrer-Policy"] = "no-referrer"
    return response


def number_in(request: HttpRequest, field: str) -> int:
    """The number that a form sent, or one that nothing has."""
    typed = request.POST.get(field, "")
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 18 else 0


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # every view here asks for a login first
    return request.user
