"""Names that are read from right to left, or that turn around what follows: they turn nothing but themselves."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import User
from django.test import Client

from artifacts.models import Artifact, Project
from generation import reworking
from tests.generation.test_reworking import edit, write, written

NAME = "\u202eמגדלור (2)"
ISOLATED = "\u2068מגדלור (2)\u2069"
OF_THEIR_OWN = {"bdi", "h1", "h2", "h3", "p", "li", "title", "a", "option"}
"""Elements that are isolated, or that hold a name and nothing else."""


class Sentences(HTMLParser):
    """The texts in which the name stands with other words, and is not kept apart from them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.named = 0
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in {"input", "meta", "link", "br", "use", "img"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if "מגדלור" not in data:
            return
        self.named += 1
        is_alone = (data.strip() == NAME and self._open[-1] in OF_THEIR_OWN) or self._open[-1] == "textarea"
        if not is_alone and "מגדלור" in data.replace(ISOLATED, ""):
            self.found.append(data.strip())


@pytest.fixture
def document(owner: User) -> Artifact:
    artifact = written("One.", "Two.")
    Project.objects.filter(pk=artifact.project_id).update(owner=owner, title=NAME)
    artifact.sections.filter(position=0).update(name=NAME)
    Artifact.objects.filter(pk=artifact.pk).update(title=NAME)
    return Artifact.objects.get(pk=artifact.pk)


def test_no_page_has_a_name_within_a_sentence_that_it_turns_around(document: Artifact, owner: User) -> None:
    client = Client()
    client.force_login(owner)
    edit(document, 2, "Second.", "Two.")
    draft = reworking.rewrite_section(document, owner, 1).artifact
    write(draft, "Eins.")
    at, project = f"/artifacts/{document.pk}", f"/projects/{document.project_id}"
    pages = ["/", f"{project}/", f"{project}/sharing/", f"{project}/sharing/?ask=delete", f"{project}/cost/"]
    pages += [f"{at}/", f"{at}/sections/", f"{at}/sections/1/edit/", f"{at}/sections/1/rewrite/", f"{at}/replay/"]
    pages += [
        f"{at}/versions/",
        f"{at}/versions/{document.versions.get().pk}/",
        f"{at}/plan/",
        f"/artifacts/{draft.pk}/",
    ]
    for page in pages:
        answer = client.get(page)
        assert answer.status_code == 200, page
        sentences = Sentences()
        sentences.feed(answer.content.decode())
        assert sentences.named, page
        assert not sentences.found, page


def test_what_is_told_of_a_name_isolates_it(document: Artifact, owner: User) -> None:
    client = Client()
    client.force_login(owner)
    answer = client.post(f"/artifacts/{document.pk}/delete/", follow=True)
    assert f"“{ISOLATED}” was deleted." in answer.content.decode()
