"""`{% live_preview artifact %}`: a document in a page, as it is written, for whoever may see it."""

from __future__ import annotations

from typing import Any

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.template import Context
from django.urls import reverse

from artifacts import access
from artifacts.models import Artifact
from artifacts.pages.html import document_html, reachable

register = template.Library()


@register.inclusion_tag("artifacts/live_preview.html", takes_context=True)
def live_preview(context: Context, artifact: Artifact | int | str, show: str = "html") -> dict[str, Any]:
    """`artifact` is a document or its number; with `show="text"` its Markdown is shown as it is written.

    The visitor of the page has to be somebody who may see it: to others a sentence is shown. Without a script it is the
    text as of now.
    """
    request = context.get("request")
    if request is None:
        raise ImproperlyConfigured(
            "live_preview needs to know who looks: add the context processor "
            '"django.template.context_processors.request", and render with the request.'
        )
    number = artifact.pk if isinstance(artifact, Artifact) else artifact
    found = access.artifacts_for(request.user).filter(pk=number).first() if str(number).isdecimal() else None
    if found is None:
        return {"artifact": None}
    return {
        "artifact": found,
        "show": "text" if show == "text" else "html",
        "address": reverse("artifacts:artifact", args=[found.pk]),
        "body": reachable(document_html(found)),
    }
