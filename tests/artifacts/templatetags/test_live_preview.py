"""A preview in any template: the text as of now for whoever may see it, and nothing for others."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured
from django.template import Context, Template
from django.test import RequestFactory

from artifacts.models import Artifact
from generation import control


def rendered(source: str, visitor: User | AnonymousUser, **context: object) -> str:
    request = RequestFactory().get("/")
    request.user = visitor
    return Template("{% load live_preview %}" + source).render(Context({"request": request, **context}))


def test_it_has_the_address_the_title_and_the_text_as_of_now(artifact: Artifact, owner: User):
    artifact.title = 'A <b>"title"'
    artifact.save(update_fields=["title"])
    control.start(artifact, owner)

    for given in (artifact, artifact.pk, str(artifact.pk)):
        html = rendered("{% live_preview shown %}", owner, shown=given)
        assert f'<streamgen-document src="/artifacts/{artifact.pk}/" format="html"' in html
        assert 'label="A &lt;b&gt;&quot;title&quot;"' in html
        assert "/static/artifacts/js/streamgen-document.js" in html
    assert 'format="text"' in rendered("{% live_preview shown show='text' %}", owner, shown=artifact)


def test_others_are_told_nothing_of_it(artifact: Artifact, stranger: User):
    for visitor in (stranger, AnonymousUser()):
        assert rendered("{% live_preview shown %}", visitor, shown=artifact) == rendered(
            "{% live_preview shown %}", visitor, shown=10**6
        )
    assert "streamgen-document" not in rendered("{% live_preview shown %}", stranger, shown="7; drop")


def test_without_the_request_it_names_the_context_processor():
    with pytest.raises(ImproperlyConfigured, match=r"django\.template\.context_processors\.request"):
        Template("{% load live_preview %}{% live_preview 1 %}").render(Context({}))
