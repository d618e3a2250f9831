"""The pages that show documents: who sees what, complete without a script, nothing inline that the policy refuses."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.views.defaults import bad_request, permission_denied, server_error

from artifacts.accounts.sign_in import SignInTokens, sign_in_tokens
from artifacts.lifecycle import writing
from artifacts.lifecycle.writing import Flush
from artifacts.models import Artifact, ArtifactVersion, Project
from artifacts.pages import export
from artifacts.pages.labels import duration
from artifacts.pages.views import PROJECTS_PER_PAGE
from artifacts.planned_section import PlannedSection
from artifacts.preview import render
from artifacts.reasons import Reason
from artifacts.sharing import links, members, projects
from generation import control
from generation.reasons import StopReason
from tests.support import documents

pytestmark = pytest.mark.django_db

TEXT = "## Purpose\n\nA lamp *that* never goes out.\n\n- oil\n- a **wick**\n"


class Markup(HTMLParser):
    """What a page is made of: its tags with their attributes, and the text that a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._unseen = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._unseen += tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.text += data


@pytest.fixture
def visitor(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def growing(artifact: Artifact, owner: User) -> Artifact:
    """The brief with its first section written and the second one begun; its writer is alive."""
    control.start(artifact, owner, plan=[planned("Purpose"), planned("Dangers"), planned("Price")])
    fence = writing.open(artifact.pk, lease_s=60).fence
    writing.begin_section(artifact.pk, fence=fence, position=0, model="a-model", lease_s=60)
    writing.append(artifact.pk, fence=fence, flush=Flush(offset=0, text=TEXT, tokens=20), lease_s=60)
    end = Flush(offset=len(TEXT), text="", tokens=20)
    writing.complete_section(artifact.pk, fence=fence, position=0, flush=end, tokens=20, model="a-model", lease_s=60)
    writing.begin_section(artifact.pk, fence=fence, position=1, model="a-model", lease_s=60)
    writing.append(artifact.pk, fence=fence, flush=Flush(offset=len(TEXT), text="\n## Dan", tokens=23), lease_s=60)
    artifact.refresh_from_db()
    return artifact


def planned(name: str) -> PlannedSection:
    return PlannedSection(name=name, instructions="", max_tokens=100)


def page(client: Client, name: str, *args: object, status: int = 200) -> str:
    response = client.get(reverse(f"artifacts:{name}", args=args))
    assert response.status_code == status
    return response.content.decode()


def stopped(artifact: Artifact, reason: str, detail: str = "") -> None:
    fence, length = Artifact.objects.values_list("fence", "length").get(pk=artifact.pk)
    flush = Flush(offset=length, text="", tokens=23)
    writing.stop(artifact.pk, fence=fence, flush=flush, section_tokens=3, reason=reason, detail=detail)


# Who may see what


@pytest.mark.parametrize("name", ["projects", "project", "artifact", "version"])
def test_pages_ask_for_a_sign_in_and_come_back_after_it(client: Client, artifact: Artifact, name: str) -> None:
    ids = {"projects": [], "project": [artifact.project_id], "artifact": [artifact.pk], "version": [artifact.pk, 1]}
    address = reverse(f"artifacts:{name}", args=ids[name])
    response = client.get(address)
    assert response.status_code == 302
    assert response["Location"] == f"{reverse('sign-in')}?next={address}"


def test_other_peoples_pages_are_not_found_and_look_like_pages_that_are_not_there(
    client: Client, artifact: Artifact, stranger: User
) -> None:
    client.force_login(stranger)
    theirs = Markup(page(client, "artifact", artifact.pk, status=404)).text
    assert "There is nothing here" in theirs
    assert theirs == Markup(page(client, "artifact", 999_999, status=404)).text
    assert theirs == Markup(page(client, "project", artifact.project_id, status=404)).text


def test_ids_that_no_database_can_hold_are_not_found(visitor: Client) -> None:
    page(visitor, "artifact", 10**30, status=404)
    page(visitor, "project", 10**30, status=404)


def test_staff_see_every_project_with_its_owner(client: Client, artifact: Artifact, staff: User) -> None:
    client.force_login(staff)
    assert "by <bdi>owner</bdi>" in page(client, "projects")
    assert artifact.title in page(client, "artifact", artifact.pk)


def test_visitors_see_only_their_own_projects(client: Client, artifact: Artifact, stranger: User) -> None:
    control.create_project(stranger, "Harbour")
    client.force_login(stranger)
    text = Markup(page(client, "projects")).text
    assert "Harbour" in text
    assert "Lighthouse" not in text


# Projects


def test_visitor_without_projects_is_told_what_to_do_next(visitor: Client) -> None:
    html = page(visitor, "projects")
    assert "Your first project" in html
    assert 'name="title"' in html


def test_projects_page_costs_the_same_whatever_their_number(
    visitor: Client, owner: User, artifact: Artifact, django_assert_max_num_queries
) -> None:
    for number in range(PROJECTS_PER_PAGE + 1):
        control.create_project(owner, f"Project {number}")
    with django_assert_max_num_queries(5):
        first = Markup(page(visitor, "projects")).text
    second = Markup(visitor.get(reverse("artifacts:projects"), {"page": 2}).content.decode()).text
    assert "Page 1 of 2" in first
    assert "Lighthouse" not in first
    assert "Lighthouse" in second


def listed(client: Client, **query: str) -> list[str]:
    """The titles of the cards, in their order."""
    html = client.get(reverse("artifacts:projects"), query).content.decode()
    return re.findall(r'<h2><a class="whole"[^>]*>([^<]*)</a>', html)


def test_projects_are_searched_narrowed_and_ordered(visitor: Client, owner: User, stranger: User) -> None:
    first, second, third = (
        control.create_project(owner, title, about)
        for title, about in (("Alpha", "oil_and 100% wick"), ("Beta", "oil"), ("Gamma", ""))
    )
    foreign = control.create_project(stranger, "Delta", "oil")
    members.set_role(foreign, owner, "viewer", None)
    started = first.artifacts.first()
    control.start(started, owner)
    assert listed(visitor) == ["Alpha", "Delta", "Gamma", "Beta"]
    assert listed(visitor, order="new") == ["Delta", "Gamma", "Beta", "Alpha"]
    assert listed(visitor, order="title") == ["Alpha", "Beta", "Delta", "Gamma"]
    assert listed(visitor, q="OIL", order="title") == ["Alpha", "Beta", "Delta"]
    assert listed(visitor, q="100% oil_") == ["Alpha"]
    assert listed(visitor, q="_%") == []
    assert listed(visitor, show="shared") == ["Delta"]
    assert listed(visitor, show="mine", q="oil", order="title") == ["Alpha", "Beta"]
    assert listed(visitor, show="writing") == ["Alpha"]
    assert len(listed(visitor, show="nonsense", order="nonsense", q="x" * 300, page="many")) == 4
    fence = writing.open(started.pk, lease_s=60).fence
    writing.stop(started.pk, fence=fence, flush=None, section_tokens=None, reason=StopReason.AUTH)
    assert listed(visitor, show="stopped") == ["Alpha"]
    assert "1 stopped" in Markup(page(visitor, "projects")).text
    for project in (second, third):
        visitor.post(reverse("artifacts:sharing-command", args=[project.pk, "archive"]), {"archived": "yes"})
    assert listed(visitor, order="title") == ["Alpha", "Delta"]
    assert listed(visitor, show="archived", order="title") == ["Beta", "Gamma"]
    visitor.post(reverse("artifacts:sharing-command", args=[third.pk, "archive"]), {"archived": "no"})
    assert listed(visitor, show="archived") == ["Beta"]


def test_visitor_whose_projects_are_all_archived_is_not_taken_for_a_new_one(visitor: Client, owner: User) -> None:
    projects.archive_project(control.create_project(owner, "Old"), owner, True)
    text = Markup(page(visitor, "projects")).text
    assert "All are archived." in text
    assert "Your first project" not in text


@pytest.mark.parametrize(
    ("reason", "said"),
    [(Reason.USER, "Stopped by hand."), (StopReason.AUTH, "The provider refused the key.")],
)
def test_project_page_says_why_a_document_stopped(visitor: Client, growing: Artifact, reason: str, said: str) -> None:
    fence = Artifact.objects.get(pk=growing.pk).fence
    writing.stop(growing.pk, fence=fence, flush=None, section_tokens=None, reason=reason, detail="sk-secret")
    html = page(visitor, "project", growing.project_id)
    assert said in html
    assert "sk-secret" not in html


def test_documents_of_a_project_are_searched_narrowed_and_ordered(visitor: Client, growing: Artifact) -> None:
    def titles(**query: str) -> list[str]:
        html = visitor.get(reverse("artifacts:project", args=[growing.project_id]), query).content.decode()
        return re.findall(r'<h3><a class="whole"[^>]*>([^<]*)</a>', html)

    control.add_artifact(growing.project, "oil", "oil, and where it comes from", None)
    every = titles()
    assert titles(q="story") == titles(q="zzz") == []
    assert titles(q="stories") == ["User stories"]
    control.add_artifact(growing.project, "tank", "Die Öltanks", None)
    assert titles(q="o\u0308LTANK") == ["Die Öltanks"]
    growing.project.artifacts.filter(phase="tank").delete()
    assert titles(show="streaming") == [growing.title]
    assert titles(order="title") == sorted(every, key=str.lower)
    control.start(growing.project.artifacts.get(phase="handoff"), None)
    assert titles(order="changed")[:3] == ["Handoff", "oil, and where it comes from", growing.title]


def test_documents_of_a_large_project_are_shown_by_the_page(visitor: Client, project: Project) -> None:
    added = [Artifact(project=project, phase=f"more-{n}", title=f"More {n}") for n in range(100)]
    Artifact.objects.bulk_create(added)
    address = reverse("artifacts:project", args=[project.pk])
    first, second = (visitor.get(address, {"q": "o", "page": n, "part": "rows"}).content.decode() for n in (1, 2))
    found = [re.findall(r'data-artifact="(\d+)"', html) for html in (first, second)]
    assert len(found[0]) == 100
    assert found[1]
    assert not set(found[0]) & set(found[1])
    assert 'href="?q=o&amp;page=2"' in first
    assert 'href="?q=o&amp;page=1"' in second


def test_module_of_a_project_page_is_given_the_rows_without_the_description(visitor: Client, growing: Artifact) -> None:
    project = growing.project
    project.description = "Long. " * 1000
    project.save()
    _, secret = links.share(project, project.owner)
    for address in (reverse("artifacts:project", args=[project.pk]), reverse("artifacts:shared", args=[secret])):
        whole, part = (visitor.get(address, query).content.decode() for query in ({}, {"part": "rows"}))
        assert "artifacts/js/project.js" in whole
        assert ("Long. Long." in whole, "Long. Long." in part) == (True, False)
        assert part.count("data-artifact=") == whole.count("data-artifact=") == 6


def test_module_that_asks_for_a_part_takes_no_message_from_the_page_that_follows(
    visitor: Client, artifact: Artifact
) -> None:
    visitor.post(reverse("artifacts:sharing-command", args=[artifact.project_id, "archive"]), {"archived": "no"})
    for address in (
        reverse("artifacts:project", args=[artifact.project_id]),
        reverse("artifacts:artifact", args=[artifact.pk]),
    ):
        assert "It is in the lists again." not in visitor.get(address, {"part": "some"}).content.decode()
    assert "It is in the lists again." in page(visitor, "project", artifact.project_id)


def test_project_page_shows_where_each_document_stands(visitor: Client, growing: Artifact) -> None:
    text = Markup(page(visitor, "project", growing.project_id)).text
    assert "Writing" in text
    assert "1 of 3 sections" in text
    assert "Not started" in text


def test_project_page_reads_no_document(visitor: Client, growing: Artifact, django_assert_max_num_queries) -> None:
    with django_assert_max_num_queries(9) as queries:
        page(visitor, "project", growing.project_id)
    assert not [query for query in queries.captured_queries if '"content"' in query["sql"]]


# One document


def test_page_is_complete_without_a_script(visitor: Client, growing: Artifact) -> None:
    html = page(visitor, "artifact", growing.pk)
    assert "A lamp <em>that</em> never goes out." in html
    text = Markup(html).text
    for words in ("Writing", "1 of 3", "23", "Purpose", "Dangers", "Price", "Written by a-model"):
        assert words in text


def test_saved_preview_is_shown_as_long_as_it_is_as_long_as_the_text(visitor: Client, growing: Artifact) -> None:
    writing.save_preview(growing.pk, epoch=1, length=growing.length, html="<p>saved before</p>")
    assert "<p>saved before</p>" in page(visitor, "artifact", growing.pk)
    flush = Flush(offset=growing.length, text="gers, and more", tokens=26)
    writing.append(growing.pk, fence=growing.fence, flush=flush, lease_s=60)
    html = page(visitor, "artifact", growing.pk)
    assert "saved before" not in html
    assert "Dangers, and more" in html


def test_idle_document_offers_a_start_with_its_plan(visitor: Client, artifact: Artifact) -> None:
    html = page(visitor, "artifact", artifact.pk)
    assert reverse("generation:artifact-command", args=[artifact.pk, "start"]) in html
    assert "Summary" in Markup(html).text  # of the built-in plan


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (StopReason.RATE_LIMITED, "limits how often"),
        (StopReason.AUTH, "refused the key"),
        (StopReason.DISK_FULL, "disk is full"),
    ],
)
def test_page_says_in_plain_words_why_a_document_is_paused(
    visitor: Client, growing: Artifact, reason: str, sentence: str
) -> None:
    stopped(growing, reason, "The provider said <b>no</b>.")
    text = Markup(page(visitor, "artifact", growing.pk)).text
    assert "Paused" in text
    assert sentence in text
    assert "The provider said <b>no</b>." in text


@pytest.mark.parametrize("reason", [*Reason.values, *StopReason])
def test_every_reason_has_words(visitor: Client, growing: Artifact, reason: str) -> None:
    stopped(growing, reason)
    assert "Something went wrong" not in page(visitor, "artifact", growing.pk)


def test_waiting_document_is_told_apart_from_one_that_grows(visitor: Client, artifact: Artifact, owner: User) -> None:
    control.start(artifact, owner)
    text = Markup(page(visitor, "artifact", artifact.pk)).text
    assert "Waiting for a worker" in text
    assert "Waiting" in Markup(page(visitor, "project", artifact.project_id)).text


def test_titles_and_section_names_never_become_markup(visitor: Client, owner: User) -> None:
    evil = "<img src=x onerror=alert(1)>"
    project = control.create_project(owner, evil, evil)
    artifact = control.add_artifact(project, "own", evil)
    control.start(artifact, owner, plan=[planned(evil)], instructions=evil)
    fence = writing.open(artifact.pk, lease_s=60).fence
    writing.begin_section(artifact.pk, fence=fence, position=0, model=evil, lease_s=60)
    writing.append(artifact.pk, fence=fence, flush=Flush(offset=0, text=evil, tokens=1), lease_s=60)
    pages = [page(visitor, "projects"), page(visitor, "project", project.pk), page(visitor, "artifact", artifact.pk)]
    artifact.refresh_from_db()
    for html in [*pages, export.html(artifact).decode()]:
        assert evil in Markup(html).text
        assert not [attrs for tag, attrs in Markup(html).tags if attrs.get("onerror") or attrs.get("src") == "x"]


@pytest.mark.parametrize("asked", ["cancel", "regenerate", "delete"])
def test_verbs_that_ask_first_ask_without_a_script_too(visitor: Client, growing: Artifact, asked: str) -> None:
    html = visitor.get(reverse("artifacts:artifact", args=[growing.pk]), {"ask": asked}).content.decode()
    dialogs = {attrs["data-ask"]: attrs for tag, attrs in Markup(html).tags if tag == "dialog" and "data-ask" in attrs}
    assert [name for name, attrs in dialogs.items() if "open" in attrs] == [asked]


def test_no_page_has_anything_inline_that_the_policy_would_refuse(visitor: Client, growing: Artifact) -> None:
    stopped(growing, Reason.USER)
    control.regenerate(growing, None)
    version = ArtifactVersion.objects.get(artifact=growing)
    pages = [
        page(visitor, "projects"),
        page(visitor, "project", growing.project_id),
        page(visitor, "artifact", growing.pk),
        page(visitor, "version", growing.pk, version.pk),
        Client().get(reverse("sign-in")).content.decode(),
        page(visitor, "artifact", 999_999, status=404),
    ]
    for html in pages:
        for tag, attrs in Markup(html).tags:
            assert tag != "style"
            assert "style" not in attrs
            assert not [name for name in attrs if name.startswith("on")]
            assert tag != "script" or attrs.get("src") or attrs.get("type") == "application/json"


def test_every_page_carries_the_policy(visitor: Client, artifact: Artifact) -> None:
    for name, args in [("projects", []), ("artifact", [artifact.pk]), ("artifact", [999_999])]:
        policy = visitor.get(reverse(f"artifacts:{name}", args=args))["Content-Security-Policy"]
        for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"):
            assert part in policy


def test_pictures_open_the_policy_only_as_far_as_they_need_and_not_at_all_where_they_are_off(
    visitor: Client, artifact: Artifact, settings
) -> None:
    address = reverse("artifacts:artifact", args=[artifact.pk])
    shown = visitor.get(address)
    assert b"data-pictures" in shown.content
    assert "img-src 'self' data:" in shown["Content-Security-Policy"]
    frame = Client().get(reverse("artifacts:picture-frame"))
    assert "sandbox allow-scripts;" in f"{frame['Content-Security-Policy']};"
    assert "connect-src" not in frame["Content-Security-Policy"]
    assert "X-Frame-Options" not in frame
    settings.STREAMGEN_PICTURES = False
    shown = visitor.get(address)
    assert b"data-pictures" not in shown.content
    assert "data:" not in shown["Content-Security-Policy"]
    assert Client().get(reverse("artifacts:picture-frame")).status_code == 404


def test_elapsed_time_stops_when_the_document_does(visitor: Client, growing: Artifact) -> None:
    stopped(growing, Reason.USER)
    ended = timezone.now() - timedelta(hours=5)
    Artifact.objects.filter(pk=growing.pk).update(started_at=ended - timedelta(seconds=3_723), finished_at=ended)
    assert "1:02:03" in Markup(page(visitor, "artifact", growing.pk)).text


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "–"), (0, "0:00"), (59.9, "0:59"), (725, "12:05"), (3_600, "1:00:00")]
)
def test_clock(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


# Earlier versions


def test_earlier_version_stays_readable_and_can_be_brought_back(visitor: Client, growing: Artifact) -> None:
    stopped(growing, Reason.USER)
    control.regenerate(growing, None)
    version = ArtifactVersion.objects.get(artifact=growing)
    assert reverse("artifacts:version", args=[growing.pk, version.pk]) in page(visitor, "artifact", growing.pk)
    html = page(visitor, "version", growing.pk, version.pk)
    assert "A lamp <em>that</em> never goes out." in html
    assert "Bring this version back" not in html  # somebody is writing
    control.cancel(growing)
    assert "Bring this version back" in page(visitor, "version", growing.pk, version.pk)


def test_version_is_found_only_under_its_own_document(
    client: Client, growing: Artifact, owner: User, stranger: User
) -> None:
    stopped(growing, Reason.USER)
    control.regenerate(growing, None)
    version = ArtifactVersion.objects.get(artifact=growing)
    other = growing.project.artifacts.exclude(pk=growing.pk).first()
    client.force_login(owner)
    page(client, "version", other.pk, version.pk, status=404)
    client.force_login(stranger)
    page(client, "version", growing.pk, version.pk, status=404)


# Signing in


def link(user: User, target: str = "") -> str:
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    address = reverse("sign-in-link", args=[uid, sign_in_tokens.make_token(user)])
    return f"{address}?next={target}" if target else address


def test_sign_in_link_is_used_up_by_its_button_alone_and_says_so_kindly_the_second_time(
    client: Client, owner: User
) -> None:
    address = link(owner, "/artifacts/7/")
    for _ in range(2):
        assert client.head(address).status_code == 200
        looked = client.get(address)
        assert "Sign in as <bdi>owner</bdi>" in looked.content.decode()
        assert "no-store" in looked["Cache-Control"]
        assert "_auth_user_id" not in client.session
    response = client.post(address)
    assert response["Location"] == "/artifacts/7/"
    assert client.session["_auth_user_id"] == str(owner.pk)
    client.logout()
    for method in (client.get, client.post):
        response = method(address, follow=True)
        assert response.redirect_chain[-1][0] == reverse("sign-in")
        assert "was used already" in response.content.decode()
        assert "_auth_user_id" not in client.session


def test_sign_in_link_is_good_for_a_quarter_of_an_hour(client: Client, owner: User) -> None:
    class Earlier(SignInTokens):
        age_s = 0

        def _now(self) -> datetime:
            return datetime.now() - timedelta(seconds=self.age_s)

    tokens = Earlier()
    uid = urlsafe_base64_encode(force_bytes(owner.pk))
    for tokens.age_s, status in ((890, 200), (910, 302)):
        assert client.get(reverse("sign-in-link", args=[uid, tokens.make_token(owner)])).status_code == status


def test_used_sign_in_link_of_somebody_signed_in_just_goes_on(client: Client, owner: User) -> None:
    address = link(owner)
    client.post(address)
    assert client.get(address)["Location"] == client.post(address)["Location"] == reverse("artifacts:projects")


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"])
def test_sign_in_link_leads_nowhere_else(client: Client, owner: User, target: str) -> None:
    assert client.post(link(owner, target))["Location"] == reverse("artifacts:projects")


@pytest.mark.parametrize("uid", ["x", "!!!", "LTE", "OTk5OTk5", "MTAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMA"])
def test_sign_in_link_of_nobody_is_refused(client: Client, owner: User, uid: str) -> None:
    response = client.get(reverse("sign-in-link", args=[uid, sign_in_tokens.make_token(owner)]))
    assert response["Location"] == reverse("sign-in")


def test_sign_in_link_of_a_disabled_account_is_refused(client: Client, owner: User) -> None:
    address = link(owner)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert client.get(address)["Location"] == reverse("sign-in")


def test_sign_in_by_password_and_sign_out(client: Client, owner: User, artifact: Artifact) -> None:
    target = reverse("artifacts:artifact", args=[artifact.pk])
    wrong = client.post(reverse("sign-in"), {"username": "owner", "password": "wrong", "next": target})
    assert "do not match" in wrong.content.decode()
    right = client.post(reverse("sign-in"), {"username": "owner", "password": "a long enough password", "next": target})
    assert right["Location"] == target
    client.post(reverse("sign-out"))
    assert client.get(target).status_code == 302


# Errors, each in the style of the house


def test_error_pages_are_our_own(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.user = User()
    for response, words in [
        (bad_request(request, ValueError()), "could not be read"),
        (permission_denied(request, PermissionError()), "not for you"),
        (server_error(request), "broke on our side"),
    ]:
        html = response.content.decode()
        assert words in html
        assert "artifacts/css/base.css" in html


# Files to take away


def test_markdown_export_is_the_text_byte_for_byte(artifact: Artifact, owner: User) -> None:
    text = "a\r\nb\r c  \n\n\tü \U0001f9ed \u2028 end \n\n"
    control.start(artifact, owner)
    fence = writing.open(artifact.pk, lease_s=60).fence
    writing.append(artifact.pk, fence=fence, flush=Flush(offset=0, text=text, tokens=1), lease_s=60)
    artifact.refresh_from_db()
    assert export.markdown(artifact) == text.encode()


def test_html_export_needs_nothing_else(growing: Artifact) -> None:
    html = export.html(growing).decode()
    tags = Markup(html).tags
    assert render(growing.text) in html
    assert "--paper" in html
    assert ".prose" in html
    assert not [tag for tag, attrs in tags if tag in {"link", "script", "img", "iframe"} or "src" in attrs]
    assert "url(" not in html
    assert "@import" not in html


@pytest.mark.parametrize(
    ("title", "plain", "own"),
    [
        ("Brief", "lighthouse-brief.md", "lighthouse-brief.md"),
        ('a"; x=y\u202efdp.exe', "lighthouse-a-xyfdpexe.md", "lighthouse-a-xyfdpexe.md"),
        ("../../etc/passwd\\x", "lighthouse-etcpasswdx.md", "lighthouse-etcpasswdx.md"),
        ("灯台の概要", "lighthouse.md", "lighthouse-灯台の概要.md"),
        ("Größe: é", "lighthouse-groe-e.md", "lighthouse-größe-é.md"),
        ("x" * 200, f"lighthouse-{'x' * 69}.md", f"lighthouse-{'x' * 69}.md"),
    ],
)
def test_export_is_named_after_its_titles_and_by_nothing_else_in_them(owner, project, title, plain, own):
    named = control.add_artifact(project, "own", title)
    client = Client()
    client.force_login(owner)
    header = client.get(f"/artifacts/{named.pk}/export.md")["Content-Disposition"]
    parsed = dict(part.strip().split("=", 1) for part in header.split(";")[1:])
    assert parsed["filename"] == f'"{plain}"'
    assert unquote(parsed.get("filename*", f"UTF-8''{plain}")) == f"UTF-8''{own}"
    assert header.isascii()


def test_project_is_a_zip_of_what_is_written(owner, project, artifact):
    client = Client()
    client.force_login(owner)
    address = f"/projects/{project.pk}/export.zip"
    assert client.get(address).status_code == 404
    control.start(artifact, owner, plan=documents.sections(1))
    documents.reopened(artifact.pk).finish("Zwölf 🎈")
    archive = zipfile.ZipFile(io.BytesIO(client.get(address).content))
    assert archive.namelist() == ["01-project-brief.md", "01-project-brief.html"]
    assert archive.read("01-project-brief.md").decode() == Artifact.objects.get(pk=artifact.pk).text
