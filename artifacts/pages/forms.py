"""What people type into the pages about projects and documents. Shapes and words only: the verbs check and act."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any, TypeVar
from unicodedata import normalize

from django import forms
from django.db.models import Model, Q, QuerySet

from artifacts import validation
from artifacts.errors import InvalidInput

Choices = Sequence[tuple[str, str]]
SearchedRow = TypeVar("SearchedRow", bound=Model)

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


class WholeNumberField(forms.IntegerField):
    """A number in plain digits, and nothing else that Python takes for one."""

    def to_python(self, value: Any) -> int | None:
        if isinstance(value, str) and value.strip():
            try:
                return validation.whole_number(value)
            except ValueError:
                raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None
        return super().to_python(value)


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


class Search(forms.Form):
    """What a list is narrowed to, and its order. It refuses nothing: what it does not know is left out."""

    q = forms.CharField(
        required=False, max_length=validation.TITLE_CHARS, label="Search", widget=forms.TextInput({"type": "search"})
    )

    def __init__(self, query: Mapping[str, Any], *, show: Choices, order: Choices) -> None:
        super().__init__(query, auto_id="search-%s")
        self.fields["show"] = forms.ChoiceField(choices=show, required=False, label="Show")
        self.fields["order"] = forms.ChoiceField(choices=order, required=False, label="Order")
        self.full_clean()

    @property
    def words(self) -> str:
        return str(self.cleaned_data.get("q", ""))

    def found_in(self, rows: QuerySet[SearchedRow], *fields: str) -> QuerySet[SearchedRow]:
        """The rows that have each word in one of the fields, whichever way its letters with marks are encoded."""
        for word in self.words.split():
            ways = {word, normalize("NFC", word), normalize("NFD", word)}
            rows = rows.filter(reduce(or_, (Q(**{f"{field}__icontains": way}) for field in fields for way in ways)))
        return rows

    @property
    def show(self) -> str:
        """The first choice where none is given."""
        return str(self.cleaned_data.get("show", ""))

    @property
    def order(self) -> str:
        return str(self.cleaned_data.get("order", ""))

    @property
    def is_used(self) -> bool:
        return bool(self.words or self.show)


def refuse(form: forms.Form, error: InvalidInput) -> None:
    """Put a verb's refusal beside the field it names. The verbs count sections from 0, people from 1."""
    field = error.field.split("[")[0]
    detail = _OF_PLAN.sub(lambda found: f"The {found[2]} of section {int(found[1]) + 1}", error.detail)
    form.add_error(field if field in form.fields else None, detail[:1].upper() + detail[1:])
