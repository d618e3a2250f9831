"""Lists of what a project or a person has: bounded, and each leads to the next until all has been told, once."""

from __future__ import annotations

from itertools import chain

import pytest
from django.contrib.auth.models import User
from django.test import Client

from artifacts.accounts import tokens
from artifacts.models import Project, Role
from artifacts.sharing import links, members
from streamgen.api import api

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner: User) -> Client:
    return Client(headers={"Authorization": f"Bearer {tokens.issue_token(owner)}"})


def walked(client: Client, path: str) -> list[list[object]]:
    """The values of `id` or `username`, by answer."""
    told, key = [], "username" if "members" in path else "id"
    while path:
        answer = client.get(f"/api{path}")
        assert answer.status_code == 200, answer.content
        told.append([row[key] for row in answer.json()])
        path = answer.get("Link", "").partition("/api")[2].partition(">")[0]
    return told


def test_links_invitations_and_tokens_come_newest_first(client: Client, owner: User, project: Project) -> None:
    linked = [links.share(project, owner)[0].pk for _ in range(5)]
    invited = [links.invite(project, owner, Role.VIEWER)[0].pk for _ in range(4)]
    tokened = [tokens.new_token(owner, f"number {number}", None)[0].pk for number in range(4)]
    links.share(Project.objects.create(owner=owner, title="Another"), owner)
    of_project = f"/projects/{project.pk}"
    assert walked(client, f"{of_project}/links?limit=2") == [linked[:2:-1], linked[2:0:-1], linked[:1]]
    assert walked(client, f"{of_project}/invitations?limit=2") == [invited[:1:-1], invited[1::-1]]
    told = walked(client, "/tokens?limit=3")  # the client's own is the oldest
    assert ([len(one) for one in told], [*chain(*told)][:4]) == ([3, 2], tokened[::-1])
    assert walked(client, f"{of_project}/links") == [linked[::-1]]


@pytest.mark.parametrize("limit", [1, 2, 4, 5])
def test_members_come_by_name_behind_the_owner(client: Client, owner: User, project: Project, limit: int) -> None:
    names = ["a+b", "aa", "ä/ö", "z z"]
    for name in names:
        members.set_role(project, User.objects.create_user(name), Role.VIEWER, owner)
    told = walked(client, f"/projects/{project.pk}/members?limit={limit}")
    everybody = [owner.username, *members_in_order(project)]
    assert [*chain(*told)] == everybody
    assert all(len(one) == limit for one in told[:-1])


def members_in_order(project: Project) -> list[str]:
    return list(project.memberships.order_by("user__username").values_list("user__username", flat=True))


def test_a_name_that_nobody_can_have_is_said_and_one_that_is_gone_has_its_place(
    client: Client, owner: User, project: Project
) -> None:
    members.set_role(project, User.objects.create_user("mary"), Role.VIEWER, owner)
    path = f"/api/projects/{project.pk}/members?after="
    assert client.get(f"{path}%00").json()["field"] == "after"
    assert [row["username"] for row in client.get(f"{path}lucy").json()] == ["mary"]
    assert client.get(f"{path}nancy").json() == []
    assert client.get(f"/api/tokens?before={10**30}").status_code == 200


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "before=x"])
def test_bounds_are_said(client: Client, project: Project, query: str) -> None:
    for path in ("/tokens", f"/projects/{project.pk}/links", f"/projects/{project.pk}/invitations"):
        answer = client.get(f"/api{path}?{query}")
        assert (answer.status_code, answer.json()["field"]) == (422, query.partition("=")[0])


def test_document_tells_where_each_list_goes_on() -> None:
    gets = {path: ways["get"] for path, ways in api.get_openapi_schema()["paths"].items() if "get" in ways}
    lists = {path for path, way in gets.items() if any(one.get("name") == "limit" for one in way["parameters"])}
    assert lists == {path for path, way in gets.items() if "Link" in way["responses"].get(200, {}).get("headers", {})}
    assert len(lists) == 6
