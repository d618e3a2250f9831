"""`{{ name|isolated }}`: a name where no `<bdi>` can stand around it, as in the title of a page."""

from __future__ import annotations

from django import template

from artifacts.validation import isolated

register = template.Library()
register.filter("isolated", isolated)
