"""Every page, call, page of the admin and socket, asked for by eight identities and held against the table of `access`.

A route, an operation or a model of the admin that nobody said anything about here fails the walk.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from artifacts import access
from artifacts.accounts import tokens
from artifacts.models import Artifact, ArtifactVersion, Project
from artifacts.routing import http_urlpatterns, websocket_urlpatterns
from artifacts.sharing import links, members
from artifacts.webhooks.endpoints import set_webhook
from generation.inspection.keeping import begin_journal
from generation.models import CallPrompt, ClaimJournal, GenerationTask, Worker
from generation.queue import workers
from streamgen.agents.openai_routes import openai_urlpatterns
from streamgen.api import api
from tests.artifacts.streams.answer import Answer
from tests.support import documents
from tests.support.line import Line, bearer
from tests.support.place import Place, in_database, place

__all__ = ["place"]

IDENTITIES = ("nobody", "stranger", "link", "viewer", "editor", "owner", "staff", "permitted")
ROLES = ("viewer", "editor", "owner", "link")

# What each page is for: an action of the table, or "person" (whoever is signed in), "public", "by link".
VERBS = {verb: verb for verb in ("start", "pause", "resume", "cancel", "regenerate", "restore", "delete")}
SHARING = {
    **dict.fromkeys(("member", "remove", "invite", "uninvite"), "members"),
    **dict.fromkeys(("link", "revoke"), "links"),
    "rename": "rename",
    **dict.fromkeys(("webhook", "webhook-secret", "webhook-test", "webhook-remove"), "webhook"),
    "archive": "rename",
    "leave": "leave",
    "delete": "delete_project",
}
PAGES: dict[str, str | dict[str, str]] = {
    "projects": "person",
    "project": "see_project",
    "artifact": "see",
    "artifact-export": "see",
    "project-export": "see_project",
    "replay": "see",
    "version": "see",
    "versions": "see",
    "versions-compare": "see",
    "plan": "regenerate",
    "artifact-estimate": "start",
    "sections": "edit",
    "section-edit": "edit",
    "section-preview": "edit",
    "section-rewrite": "rewrite",
    "sharing": "see_members",
    "cost": "usage",
    "budget": "budget",
    "sharing-command": SHARING,
    "join": "person",
    "shared": "by link",
    "shared-artifact": "by link",
    "shared-export": "by link",
    "shared-project-export": "by link",
    "picture-frame": "public",
    "element-file": "public",
    "shared-replay": "by link",
    "profile": "person",
    "profile-command": dict.fromkeys(("password", "token", "revoke", "end"), "person"),
    "sign-in": "public",
    "sign-in-link": "public",
    "sign-out": "public",
    "project-create": "person",
    "artifact-create": "add",
    **dict.fromkeys(("docs", "frames", "errors", "asyncapi", "frames-schema"), "public"),
    "artifact-command": VERBS | {"accept": "edit", "reject": "edit", "rename": "edit"},
    "project-command": {"all": "start", "pause": "pause", "resume": "resume", "cancel": "cancel"},
}
POSTED = {
    "artifact-estimate",
    "budget",
    "section-preview",
    "sharing-command",
    "profile-command",
    "project-create",
    "artifact-create",
    "project-command",
    "artifact-command",
}
OF_A_DOCUMENT = {"artifact", "artifact-export", "replay", "version", "artifact-command", "versions", "versions-compare"}
OF_A_DOCUMENT |= {"plan", "artifact-estimate", "sections", "section-edit", "section-preview", "section-rewrite"}
CALLS = {
    "GET /api/projects": "person",
    "POST /api/projects": "person",
    "GET /api/projects/{project_id}": "see_project",
    "PATCH /api/projects/{project_id}": "rename",
    "DELETE /api/projects/{project_id}": "delete_project",
    "POST /api/projects/{project_id}/artifacts": "add",
    "GET /api/projects/{project_id}/usage": "usage",
    "GET /api/projects/{project_id}/write": "see_project",
    "POST /api/projects/{project_id}/write": "start",
    **{f"POST /api/projects/{{project_id}}/write/{verb}": verb for verb in ("pause", "resume", "cancel")},
    "GET /api/projects/{project_id}/members": "see_members",
    "GET /api/projects/{project_id}/members/{username}": "see_members",
    "PUT /api/projects/{project_id}/members/{username}": "members",
    "DELETE /api/projects/{project_id}/members/{username}": "members",
    "GET /api/projects/{project_id}/export": "see_project",
    "GET /api/projects/{project_id}/links": "links",
    "POST /api/projects/{project_id}/links": "links",
    "DELETE /api/links/{link_id}": "links",
    "GET /api/projects/{project_id}/invitations": "members",
    "POST /api/projects/{project_id}/invitations": "members",
    "DELETE /api/projects/{project_id}/invitations/{invitation_id}": "members",
    "GET /api/projects/{project_id}/webhook": "webhook",
    "PUT /api/projects/{project_id}/webhook": "webhook",
    "DELETE /api/projects/{project_id}/webhook": "webhook",
    "POST /api/projects/{project_id}/webhook/test": "webhook",
    "GET /api/tokens": "person",
    "POST /api/tokens": "person",
    "DELETE /api/tokens/{token_id}": "person",
    "GET /api/artifacts/{artifact_id}": "see",
    "GET /api/artifacts/{artifact_id}/export": "see",
    "PATCH /api/artifacts/{artifact_id}": "edit",
    "GET /api/artifacts/{artifact_id}/sections/{number}": "see",
    "PUT /api/artifacts/{artifact_id}/sections/{number}": "edit",
    "POST /api/artifacts/{artifact_id}/sections/{number}/rewrite": "rewrite",
    "POST /api/artifacts/{artifact_id}/sections": "rewrite",
    "POST /api/artifacts/{artifact_id}/accept": "edit",
    "POST /api/artifacts/{artifact_id}/reject": "edit",
    "GET /api/artifacts/{artifact_id}/versions": "see",
    "GET /api/artifacts/{artifact_id}/versions/{number}": "see",
    "GET /api/artifacts/{artifact_id}/versions/{number}/compare/{other}": "see",
    "POST /api/artifacts/{artifact_id}/versions/{number}/restore": "restore",
    "POST /api/artifacts/{artifact_id}/estimate": "start",
    "DELETE /api/artifacts/{artifact_id}": "delete",
    **{f"POST /api/artifacts/{{artifact_id}}/{verb}": verb for verb in VERBS if verb not in {"restore", "delete"}},
}
BODIES: dict[str, dict[str, Any]] = {
    "POST /api/projects": {"title": "Another"},
    "PATCH /api/projects/{project_id}": {"title": "Renamed"},
    "POST /api/projects/{project_id}/artifacts": {"phase": "notes"},
    "PUT /api/projects/{project_id}/members/{username}": {"role": "editor"},
    "POST /api/projects/{project_id}/links": {},
    "PUT /api/projects/{project_id}/webhook": {"url": "https://example.org/hook"},
    "POST /api/projects/{project_id}/invitations": {"role": "viewer"},
    "POST /api/tokens": {"name": "laptop"},
    "PATCH /api/artifacts/{artifact_id}": {"title": "Renamed"},
    "PUT /api/artifacts/{artifact_id}/sections/{number}": {"text": "Other words.", "base_sha256": "0" * 64},
    "POST /api/artifacts/{artifact_id}/sections": {"name": "More"},
}
DELETED_IN_THE_ADMIN = {"project", "user", "group", "accesstoken", "sharelink"}
MADE_IN_THE_ADMIN = {"user", "group"}
STREAMS = {
    "streams/artifacts/<int:artifact_id>",
    "streams/artifacts/<int:artifact_id>/<int:epoch>",
    "streams/artifacts/<int:artifact_id>/link/<str:secret>",
    "streams/artifacts/<int:artifact_id>/link/<str:secret>/<int:epoch>",
    "api/artifacts/<int:artifact_id>/events",
    "api/artifacts/<int:artifact_id>/link/<str:secret>/events",
}
OPENAI = {
    "GET v1/models": "person",
    "GET v1/models/<path:name>": "see",
    "POST v1/chat/completions": "see",
    "POST v1/responses": "start",
    "GET v1/responses/<str:response_id>": "see",
    "POST v1/responses/<str:response_id>/cancel": "cancel",
}
"""Of a document that is not begun, `POST v1/responses`; of one that is over, the others."""
SOCKETS = {"ws/artifacts/<int:artifact_id>/", "ws/artifacts/<int:artifact_id>/link/<str:secret>/", ""}

pytestmark = pytest.mark.django_db


class Team:
    """One project with everybody around it."""

    def __init__(self) -> None:
        self.artifact = documents.cancelled("Some words.")
        self.version = ArtifactVersion.objects.create(
            artifact=self.artifact, epoch=99, stream_status="cancelled", content="Before."
        )
        self.project: Project = self.artifact.project
        self.people = {name: User.objects.create_user(name) for name in ("stranger", "viewer", "editor", "other")}
        self.people["owner"] = self.project.owner
        self.people["staff"] = User.objects.create_user("staff-bare", is_staff=True)
        self.people["permitted"] = User.objects.create_user("staff-permitted", is_staff=True)
        self.people["permitted"].user_permissions.set(Permission.objects.all())
        for name, role in (("viewer", "viewer"), ("editor", "editor"), ("other", "viewer")):
            members.set_role(self.project, self.people[name], role, None)
        owner = self.project.owner
        self.link, self.secret = links.share(self.project, owner)
        self.of_document, self.document_secret = links.share(self.project, owner, self.artifact)
        set_webhook(self.project, "https://example.org/hook", owner)
        self.invitation, self.invited = links.invite(self.project, owner, "viewer")
        self.clients = {name: Client(raise_request_exception=True) for name in IDENTITIES}
        for name, client in self.clients.items():
            if name in self.people:
                client.force_login(self.people[name])

    def token_of(self, name: str) -> int:
        return tokens.new_token(self.people[name], "old")[0].pk if name in self.people else 0


@pytest.fixture
def team(db: None) -> Team:
    return Team()


def expected(identity: str, action: str, *, seen: str) -> str:
    """What the table says, in the words of `outcome`."""
    if identity in {"nobody", "link"}:  # a link opens its own pages and no other
        return "sign in"
    if action == "person":
        return "yes"
    answers = {what: _holds(identity, what) for what in (seen, action)}
    return "yes" if answers[action] and answers[seen] else "forbidden" if answers[seen] else "not found"


def _holds(identity: str, action: str) -> bool:
    rule = access.RULES[action]
    return identity in rule.roles if identity in ROLES else identity == "permitted" and bool(rule.permission)


def outcome(response: Any) -> str:
    if response.status_code == 401 or (response.status_code == 302 and "sign-in" in response["Location"]):
        return "sign in"
    return {403: "forbidden", 404: "not found"}.get(response.status_code, "yes")


def ask(client: Client, method: str, path: str, body: dict[str, Any] | None = None, *, as_json: bool = False) -> str:
    """Ask, and undo what came of it."""
    with transaction.atomic():
        if as_json:
            text = "" if body is None else json.dumps(body)
            response = client.generic(method, path, text, content_type="application/json" if text else "")
        else:
            response = client.get(path) if method == "GET" else client.post(path, body or {})
        transaction.set_rollback(True)
    assert response.status_code < 500
    return outcome(response)


def named(patterns: list[Any], spaces: str = "") -> Iterator[tuple[str, str]]:
    """Each page's own name, and the one with its namespace."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace not in {"admin", "streamgen-api"}:
                yield from named(pattern.url_patterns, f"{pattern.namespace}:" if pattern.namespace else spaces)
        else:
            yield (name := pattern.name or str(pattern.pattern)), spaces + name


def address_of(name: str, **given: Any) -> str:
    return reverse(dict(named(get_resolver().url_patterns))[name], **given)


def test_every_page_has_an_entry():
    names = [name for name, _ in named(get_resolver().url_patterns)]
    assert sorted(names) == sorted(PAGES)


def test_pages_keep_to_the_table(team: Team):
    wrong = []
    shared = {"shared", "shared-artifact", "shared-export", "shared-replay", "shared-project-export"}
    for name in sorted(set(PAGES) - shared):
        entry = PAGES[name]
        if entry == "public":
            continue
        for verb, action in entry.items() if isinstance(entry, dict) else [("", entry)]:
            for identity, client in team.clients.items():
                path = address_of(name, kwargs=_arguments(team, name, verb))
                body = {
                    "title": "Notes",
                    "version": team.version.pk,
                    "username": "other",
                    "role": "editor",
                    "days": "7",
                    "url": "https://example.org/hook",
                    "artifact": "0",
                }
                own = {"token": team.token_of(identity), "link": team.link.pk, "invitation": team.invitation.pk}
                got = ask(client, "POST" if name in POSTED else "GET", path, body | own)
                seen = "see" if name in OF_A_DOCUMENT else "see_project"
                wanted = expected(identity, action, seen=seen)
                if verb == "end" and wanted == "yes":
                    wanted = "not found"  # nobody has a session of number 0
                if got != wanted:
                    wrong.append((name, verb, identity, got, wanted))
    assert wrong == []


def _arguments(team: Team, name: str, verb: str) -> dict[str, Any]:
    arguments = {
        "project": {"project_id": team.project.pk},
        "project-export": {"project_id": team.project.pk},
        "artifact-export": {"artifact_id": team.artifact.pk, "kind": "html"},
        **{page: {"project_id": team.project.pk} for page in ("sharing", "cost", "budget")},
        "sharing-command": {"project_id": team.project.pk, "verb": verb},
        "artifact-create": {"project_id": team.project.pk},
        "project-command": {"project_id": team.project.pk, "verb": verb},
        "artifact": {"artifact_id": team.artifact.pk},
        "replay": {"artifact_id": team.artifact.pk},
        "version": {"artifact_id": team.artifact.pk, "version_id": team.version.pk},
        "artifact-command": {"artifact_id": team.artifact.pk, "verb": verb},
        "versions": {"artifact_id": team.artifact.pk},
        "versions-compare": {"artifact_id": team.artifact.pk, "old": str(team.version.epoch), "new": "current"},
        "plan": {"artifact_id": team.artifact.pk},
        "artifact-estimate": {"artifact_id": team.artifact.pk},
        "sections": {"artifact_id": team.artifact.pk},
        **{
            name: {"artifact_id": team.artifact.pk, "number": 1}
            for name in ("section-edit", "section-preview", "section-rewrite")
        },
        "profile-command": {"verb": verb},
        "join": {"secret": team.invited},
    }
    return arguments.get(name, {})


@pytest.mark.parametrize("identity", IDENTITIES)
def test_link_shows_what_it_names_to_whoever_has_it(team: Team, identity: str):
    client = team.clients[identity]
    other = Artifact.objects.create(project=team.project, phase="other", title="Other")
    foreign = documents.idle()
    draft = Artifact.objects.create(project=team.project, phase="draft-1", title="Draft", draft_of=team.artifact)
    shown = {
        reverse("artifacts:shared", args=[team.secret]): 200,
        reverse("artifacts:shared", args=[team.document_secret]): 200,
        reverse("artifacts:shared", args=["guessed"]): 404,
        reverse("artifacts:shared-project-export", args=[team.secret]): 200,
        reverse("artifacts:shared-project-export", args=[team.document_secret]): 404,
        reverse("artifacts:shared-project-export", args=["guessed"]): 404,
    }
    for name in ("shared-artifact", "shared-export", "shared-replay"):
        shown |= {
            address_of(name, args=[team.secret, team.artifact.pk]): 200,
            address_of(name, args=[team.secret, other.pk]): 200,
            address_of(name, args=[team.secret, foreign.pk]): 404,
            address_of(name, args=[team.secret, draft.pk]): 404,
            address_of(name, args=[team.document_secret, team.artifact.pk]): 200,
            address_of(name, args=[team.document_secret, other.pk]): 404,
        }
    answers = {path: client.get(path) for path in shown}
    assert {path: answer.status_code for path, answer in answers.items()} == shown
    for answer in answers.values():
        if answer.status_code == 200:
            assert "noindex" in answer["X-Robots-Tag"]
            assert answer["Referrer-Policy"] == "no-referrer"
            assert "no-store" in answer["Cache-Control"]
    links.revoke_link(team.link, team.project.owner)
    assert client.get(reverse("artifacts:shared", args=[team.secret])).status_code == 404


def test_every_call_has_an_entry():
    schema = api.get_openapi_schema()
    calls = {f"{method.upper()} {path}" for path, ways in schema["paths"].items() for method in ways}
    streams = {pattern.replace("<int:", "{").replace("<str:", "{").replace(">", "}") for pattern in STREAMS}
    openai = {f"{method} /{path}" for method, path in (key.split() for key in OPENAI)}
    openai = {re.sub(r"<\w+:(\w+)>", r"{\1}", one) for one in openai}
    assert calls == set(CALLS) | {f"GET /{stream}" for stream in streams} | openai


def test_calls_keep_to_the_table(team: Team):
    wrong = []
    for call, action in sorted(CALLS.items()):
        method, _, path = call.partition(" ")
        for identity, client in team.clients.items():
            filled = path.format(
                project_id=team.project.pk,
                artifact_id=team.artifact.pk,
                username="other",
                link_id=team.link.pk,
                invitation_id=team.invitation.pk,
                token_id=team.token_of(identity),
                number=team.version.epoch if "versions" in call else 1,
                other="current",
            )
            got = ask(client, method, filled, BODIES.get(call), as_json=True)
            wanted = expected(identity, action, seen="see" if "artifact_id" in call else "see_project")
            if got != wanted:
                wrong.append((call, identity, got, wanted))
    assert wrong == []


def test_admin_is_for_staff_and_shows_what_their_permissions_say(team: Team):
    control_rows = {
        GenerationTask: lambda: GenerationTask.objects.create(artifact=team.artifact, status="cancelled"),
        Worker: lambda: Worker.objects.get(pk=workers.register_worker("here:1", slots=4)),
        ClaimJournal: lambda: journal,
        CallPrompt: lambda: CallPrompt.objects.create(
            journal=journal, number=1, at=journal.began_at, chars=2, packed=b"\0" + zlib.compress(b"[]")
        ),
    }
    begin_journal(team.artifact.pk, fence=99, epoch=1, task=1, worker="here:1", is_takeover=False, length=0)
    journal = ClaimJournal.objects.get()
    wrong = []
    for model, registered in admin.site._registry.items():
        row = model.objects.first() or (control_rows[model]() if model in control_rows else None)
        if row is None and model is Group:
            row = Group.objects.create(name="writers")
        for url in registered.get_urls():
            if not isinstance(url, URLPattern) or not url.name:
                continue
            page = url.name.rpartition("_")[2]
            kwargs = {"object_id": row.pk} if "object_id" in str(url.pattern) and row else {}
            kwargs |= {"id": row.pk} if "<id>" in str(url.pattern) and row else {}
            if "object_id" in str(url.pattern) and row is None:
                continue
            path = reverse(f"admin:{url.name}", kwargs=kwargs)
            for identity, client in team.clients.items():
                if identity not in {"staff", "permitted"}:
                    if not client.get(path).headers.get("Location", "").startswith("/admin/login/"):
                        wrong.append((path, identity, "not sent away"))
                    continue
                got = ask(client, "GET", path)
                noun = model._meta.model_name
                if identity == "staff":
                    wanted = "forbidden"
                elif page == "add" or (page == "change" and "password" in path):
                    wanted = "yes" if noun in MADE_IN_THE_ADMIN else "forbidden"
                elif page == "delete":
                    wanted = "yes" if noun in DELETED_IN_THE_ADMIN else "forbidden"
                else:
                    wanted = "yes"
                if got != wanted:
                    wrong.append((path, identity, got, wanted))
    assert wrong == []


def test_editors_do_all_but_members_and_deletion_and_viewers_read():
    """The table itself, in the words of who asked for it."""
    of = {role: {action for action, rule in access.RULES.items() if role in rule.roles} for role in ROLES}
    reads = {"see", "see_project"}
    assert of["link"] == reads
    assert of["viewer"] == reads | {"see_members", "leave"}
    of_operators = {"inspect", "read_prompts"}
    assert of["owner"] == set(access.RULES) - {"leave"} - of_operators
    owners_only = {"members", "webhook", "budget", "delete", "delete_project"}
    assert of["editor"] == set(access.RULES) - owners_only - of_operators
    assert [action for action, rule in access.RULES.items() if not rule.permission] == ["leave"]


def test_link_that_signs_in_and_signing_out_need_nothing_else(team: Team, client: Client):
    uid = urlsafe_base64_encode(force_bytes(team.project.owner_id))
    assert client.get(reverse("sign-in-link", args=[uid, "guessed"])).status_code == 302
    assert client.get(reverse("sign-in")).status_code == 200
    assert client.post(reverse("sign-out")).status_code == 302


def test_every_socket_has_an_entry():
    assert {str(pattern.pattern) for pattern in websocket_urlpatterns} == SOCKETS


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_socket_keeps_to_the_table(place: Place):
    team = await in_database(Team)()
    wrong = []
    for identity in IDENTITIES:
        headers = []
        if identity in team.people:
            headers = bearer(await in_database(tokens.issue_token)(team.people[identity]))
        path = f"/ws/artifacts/{team.artifact.pk}/"
        wanted = {"sign in": 4401, "not found": 4404, "yes": 0}[expected(identity, "see", seen="see")]
        roads = {path: wanted, f"{path}link/{team.secret}/": 0, f"{path}link/{team.document_secret}/": 0}
        roads |= {f"{path}link/guessed/": 4404, f"/ws/artifacts/{place.draft.pk}/link/{team.secret}/": 4404}
        for road, code in roads.items():
            async with Line(road, headers) as line:
                frame = await line.frame()
                got = 0 if frame["type"] == "snapshot" else (await line.end())[1]
            if got != code:
                wrong.append((identity, road, got, code))
    assert wrong == []


def test_every_stream_has_an_entry():
    assert {str(pattern.pattern) for pattern in http_urlpatterns} == STREAMS


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stream", sorted(STREAMS))
async def test_stream_keeps_to_the_table(place: Place, stream: str):
    team = await in_database(Team)()
    wrong = []
    found = 200 if stream.startswith("api/") or "epoch" in stream else 307  # to the newest epoch
    by_link = {team.secret: found, team.document_secret: found, "guessed": 404}
    ways = by_link if "secret" in stream else {"": 0}
    for identity in IDENTITIES:
        headers = []
        if identity in team.people:
            headers = bearer(await in_database(tokens.issue_token)(team.people[identity]))
        for secret, status in ways.items():
            wanted = status or {"sign in": 401, "not found": 404, "yes": found}[expected(identity, "see", seen="see")]
            path = stream.replace("<int:artifact_id>", str(team.artifact.pk)).replace("<str:secret>", secret)
            path = path.replace("<int:epoch>", "1")
            async with Answer(f"/{path}", headers) as answer:
                if answer.status != wanted:
                    wrong.append((identity, path, answer.status, wanted))
    foreign = stream.replace("<int:artifact_id>", str(place.draft.pk)).replace("<str:secret>", team.secret)
    async with Answer(f"/{foreign.replace('<int:epoch>', '1')}", []) as answer:
        assert answer.status == (404 if "secret" in stream else 401)
    assert wrong == []


def test_every_openai_route_has_an_entry():
    assert {str(pattern.pattern) for pattern in openai_urlpatterns} == {key.split()[1] for key in OPENAI} | {"^v1/"}


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("route", sorted(OPENAI))
async def test_openai_route_keeps_to_the_table(place: Place, route: str):
    team = await in_database(Team)()
    method, pattern = route.split()
    wrong = []
    for identity in IDENTITIES:
        # Each begins another document.
        idle = await in_database(Artifact.objects.create)(project=team.project, phase=identity, title="Idle")
        over = f"streamgen/{team.project.pk}/{team.artifact.phase}"
        path = pattern.replace("<path:name>", over).replace("<str:response_id>", f"resp_{team.artifact.pk}_1")
        asked = {
            "v1/chat/completions": {"model": over, "messages": [{"role": "user", "content": "Go."}]},
            "v1/responses": {"model": f"streamgen/{team.project.pk}/{idle.phase}", "input": "Go.", "background": True},
        }
        headers = []
        if identity in team.people:
            headers = bearer(await in_database(tokens.issue_token)(team.people[identity]))
        body = json.dumps(asked.get(pattern, {})).encode()
        async with Answer(f"/{path}", headers, method=method, body=body) as answer:
            got = {200: "yes", 401: "sign in", 403: "forbidden", 404: "not found"}[answer.status]
        if got != (wanted := expected(identity, OPENAI[route], seen="see")):
            wrong.append((identity, route, got, wanted))
    assert wrong == []
