"""What people type into the pages about projects and documents. Shapes and words only: the verbs check and act."""

from __future__ import annotations

import re

from django import forms

from artifacts import validation
from artifacts.errors import InvalidInput

_OF_PLAN = re.compile(r"^plan\[(\d+)\]\.(\w+)")


class LongText(forms.CharField):
    """Text of many lines, kept as typed; only the line ends that browsers send become plain ones."""

    def __init__(self, *, rows: int, label: str, help_text: str, placeholder: str = "") -> None:
        widget = forms.Textarea(attrs={"rows": rows, "placeholder": placeholder})
        super().__init__(
            label=label,
            help_text=help_text,
            required=False,
            strip=False,
            max_length=validation.LONG_TEXT_CHARS,
            widget=widget,
        )

    def to_python(self, value: str | None) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class ProjectForm(forms.Form):
    title = forms.CharField(
        max_length=validation.TITLE_CHARS, widget=forms.TextInput(attrs={"placeholder": "Lighthouse"})
    )
    description = LongText(
        rows=6,
        label="What is it about?",
        help_text="Who it is for, what it does, what matters. Every document of the project is written from this.",
        placeholder="A lamp that never goes out, for harbours without a keeper…",
    )


class ArtifactForm(forms.Form):
    title = forms.CharField(
        max_length=validation.TITLE_CHARS, widget=forms.TextInput(attrs={"placeholder": "Launch announcement"})
    )
    phase = forms.CharField(
        required=False,
        max_length=40,
        label="Short name",
        help_text="Lower-case letters, digits and hyphens. Made from the title when left empty.",
        widget=forms.TextInput(attrs={"placeholder": "launch-announcement", "autocapitalize": "none"}),
    )


def refuse(form: forms.Form, error: InvalidInput) -> None:
    """Put a verb's refusal beside the field it names. The verbs count sections from 0, people from 1."""
    field = error.field.split("[")[0]
    detail = _OF_PLAN.sub(lambda found: f"The {found[2]} of section {int(found[1]) + 1}", error.detail)
    form.add_error(field if field in form.fields else None, detail[:1].upper() + detail[1:])
