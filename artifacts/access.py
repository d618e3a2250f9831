"""The one permission gate: who may do what. Pages, API, sockets and the admin ask here, and decide nothing themselves.

Owners and members act by their role, links show what they name, staff act by Django's permissions: `is_staff` alone
opens nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from artifacts.errors import Forbidden, NotFound
from artifacts.models import Artifact, Member, Project, Role, ShareLink
from artifacts.models.user_model import User

Visitor = User | AnonymousUser | AbstractBaseUser | ShareLink

LINK = "link"
"""The role of who came by a read-only link."""

_TABLE = """
    action          link    viewer  editor  owner   staff who hold
    see             yes     yes     yes     yes     artifacts.view_artifact
    see_project     yes     yes     yes     yes     artifacts.view_project
    see_members     no      yes     yes     yes     artifacts.view_member
    start           no      no      yes     yes     artifacts.change_artifact
    pause           no      no      yes     yes     artifacts.change_artifact
    resume          no      no      yes     yes     artifacts.change_artifact
    cancel          no      no      yes     yes     artifacts.change_artifact
    regenerate      no      no      yes     yes     artifacts.change_artifact
    restore         no      no      yes     yes     artifacts.change_artifact
    edit            no      no      yes     yes     artifacts.change_artifact
    rewrite         no      no      yes     yes     artifacts.change_artifact
    add             no      no      yes     yes     artifacts.add_artifact
    rename          no      no      yes     yes     artifacts.change_project
    links           no      no      yes     yes     artifacts.change_sharelink
    usage           no      no      yes     yes     artifacts.view_project
    leave           no      yes     yes     no      -
    members         no      no      no      yes     artifacts.change_member
    webhook         no      no      no      yes     artifacts.change_webhook
    budget          no      no      no      yes     artifacts.change_project
    delete          no      no      no      yes     artifacts.delete_artifact
    delete_project  no      no      no      yes     artifacts.delete_project
    inspect         no      no      no      no      generation.view_claimjournal
    read_prompts    no      no      no      no      generation.view_callprompt
"""
"""Who may do what. A link shows what it names: one document, or a project with all of its documents."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Who may do one thing: those in a role, and staff with a permission ("" for none)."""

    roles: frozenset[str]
    permission: str


def _rules(table: str) -> dict[str, Rule]:
    head, *rows = (line.split() for line in table.strip().splitlines())
    roles = head[1 : head.index("staff")]
    return {
        action: Rule(
            roles=frozenset(role for role, answer in zip(roles, answers[:-1], strict=True) if answer == "yes"),
            permission="" if answers[-1] == "-" else answers[-1],
        )
        for action, *answers in rows
    }


RULES: Mapping[str, Rule] = _rules(_TABLE)


def role_in(visitor: Visitor, project: Project) -> str:
    """The visitor's role in a project: `owner`, `editor`, `viewer`, `link`, or "" for none."""
    if isinstance(visitor, ShareLink):
        return LINK if visitor.project_id == project.pk and not visitor.is_over else ""
    if not visitor.is_active or visitor.pk is None:
        return ""
    if project.owner_id == visitor.pk:
        return Role.OWNER
    return Member.objects.filter(project=project, user=visitor.pk).values_list("role", flat=True).first() or ""


def may(visitor: Visitor, action: str, project: Project) -> bool:
    """Whether the visitor may do this in the project, or to one of its documents."""
    return role_in(visitor, project) in RULES[action].roles or is_permitted(visitor, action)


def demand(visitor: Visitor, action: str, project: Project) -> None:
    """Raises `Forbidden` where the visitor, who sees the project, may not do this."""
    if not may(visitor, action, project):
        raise Forbidden


def allowed(visitor: Visitor, project: Project) -> frozenset[str]:
    """All that the visitor may do in the project, for pages that offer no more than that."""
    role = role_in(visitor, project)
    return frozenset(action for action, rule in RULES.items() if role in rule.roles or is_permitted(visitor, action))


def is_permitted(visitor: object, action: str) -> bool:
    """Whether the visitor is staff with Django's permission for this, in whichever project."""
    permission = RULES[action].permission
    is_staff = isinstance(visitor, User) and visitor.is_active and visitor.is_staff
    return bool(permission) and is_staff and visitor.has_perm(permission)  # type: ignore[attr-defined]  # a User


def projects_for(visitor: Visitor) -> QuerySet[Project]:
    """The projects a visitor may see."""
    return Project.objects.filter(_of(visitor, "", "see_project"))


def project_for(visitor: Visitor, project_id: int, action: str = "see_project") -> Project:
    """The project, to do this with. Raises `NotFound` where there is none or it is not theirs to see: no difference is
    told; `Forbidden` where they see it and may not do that.
    """
    project = projects_for(visitor).filter(pk=project_id).first()
    if project is None:
        raise NotFound("There is no such project, or it is not yours.")
    _check(visitor, action, project, seen="see_project")
    return project


def artifacts_for(visitor: Visitor) -> QuerySet[Artifact]:
    """The artifacts a visitor may see, without their long fields."""
    rows = Artifact.objects.defer("content", "preview_html", "instructions").select_related("project")
    return rows.filter(_of(visitor, "project__", "see"))


def artifact_for(visitor: Visitor, artifact_id: int, action: str = "see") -> Artifact:
    """The artifact, to do this with. Raises `NotFound` where there is none or it is not theirs to see: no difference is
    told; `Forbidden` where they see it and may not do that.
    """
    artifact = artifacts_for(visitor).filter(pk=artifact_id).first()
    if artifact is None:
        raise NotFound
    _check(visitor, action, artifact.project, seen="see")
    return artifact


def seen_by(
    users: Mapping[int, User], pairs: Collection[tuple[int, int]], *, gone: bool = True
) -> set[tuple[int, int]]:
    """Which of the (user id, artifact id) are still to be seen, for many open sockets at once: two queries, and those
    for the permissions of staff. `gone` is the answer for a document that is gone: its feed tells those who look.
    """
    artifacts = Artifact.objects.filter(pk__in={artifact for _, artifact in pairs})
    places = {pk: (project, owner) for pk, project, owner in artifacts.values_list("pk", "project", "project__owner")}
    members = Member.objects.filter(user__in=users.keys(), project__in={project for project, _ in places.values()})
    roles = {(user, project): role for user, project, role in members.values_list("user", "project", "role")}
    staff = {pk for pk, user in users.items() if is_permitted(user, "see")}
    return {
        (user, artifact)
        for user, artifact in pairs
        if user in users and users[user].is_active
        if artifact in places or gone
        if artifact not in places
        or user in staff
        or user == places[artifact][1]
        or roles.get((user, places[artifact][0])) in RULES["see"].roles
    }


def shown_by(
    links: Mapping[int, ShareLink], pairs: Collection[tuple[int, int]], *, gone: bool = True
) -> set[tuple[int, int]]:
    """Which of the (link id, artifact id) are to be seen, for many sockets at once: one query; `gone` as above."""
    artifacts = Artifact.objects.filter(pk__in={artifact for _, artifact in pairs})
    places = {pk: (project, draft_of) for pk, project, draft_of in artifacts.values_list("pk", "project", "draft_of")}
    return {
        (link, artifact)
        for link, artifact in pairs
        if link in links
        if artifact in places or gone
        if _shows(links[link], artifact, places.get(artifact, (links[link].project_id, None)))
    }


def _check(visitor: Visitor, action: str, project: Project, *, seen: str) -> None:
    if action != seen:
        demand(visitor, action, project)


def _shows(link: ShareLink, artifact: int, place: tuple[int, int | None]) -> bool:
    """What `_of` says of links, of an artifact that was read: `place` is its project, and what it is a draft of."""
    if link.is_over:
        return False
    if link.artifact_id is not None:
        return link.artifact_id == artifact
    return place == (link.project_id, None)


def _of(visitor: Visitor, project: str, action: str) -> Q:
    """The condition for rows to be seen; `project` is the way from a row to its project."""
    nothing = Q(pk__in=())
    if isinstance(visitor, ShareLink):
        if visitor.is_over:
            return nothing
        if visitor.artifact_id is not None:
            return Q(pk=visitor.artifact_id) if project else nothing
        shown = Q(draft_of=None) if project else Q()  # what may yet be rejected is its project's own affair
        return Q(**{f"{project}pk": visitor.project_id}) & shown
    if not visitor.is_authenticated or not visitor.is_active:
        return nothing
    if is_permitted(visitor, action):
        return Q()
    mine = Member.objects.filter(user=visitor.pk).values("project")
    return Q(**{f"{project}owner": visitor.pk}) | Q(**{f"{project}pk__in": mine})
