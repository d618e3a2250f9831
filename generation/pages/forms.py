"""What people type to have a document written: it reads a plan out of lines of text. The verbs check and act."""

from __future__ import annotations

import re

from django import forms

from artifacts import validation
from artifacts.pages.forms import LongText
from artifacts.planned_section import SECTION_TOKENS, PlannedSection

_LIST_MARK = re.compile(r"^(?:[-*+]|\d{1,3}[.)]|#{1,6})\s+")


class GenerationForm(forms.Form):
    """Model, instructions and plan; each may stay empty."""

    instructions = LongText(
        rows=3,
        label="Instructions",
        help_text="What this document should say beyond the project's description.",
        placeholder="For the harbour board. Two pages. Name the three largest risks…",
    )
    model = forms.CharField(
        required=False,
        max_length=validation.MODEL_NAME_CHARS,
        help_text="Empty for the model that the server is set to.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    plan = LongText(
        rows=6,
        label="Your own plan",
        help_text="A section per line; indented lines below it say what it should hold. Empty: the built-in plan.",
        placeholder="Summary\n    One paragraph, no jargon\nRisks\nNext steps",
    )
    section_tokens = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=validation.SECTION_MAX_TOKENS,
        initial=SECTION_TOKENS,
        label="Tokens per section",
        help_text="The most that a section of your own plan may take.",
    )

    def planned(self) -> list[PlannedSection] | None:
        """The sections of the visitor's own plan, or None for the built-in one; call it when the form is valid."""
        lines = [line for line in self.cleaned_data["plan"].splitlines() if line.strip()]
        if not lines:
            return None
        sections: list[tuple[str, list[str]]] = []
        for line in lines:
            if line[0].isspace() and sections:
                sections[-1][1].append(line.strip())
            else:
                sections.append((_LIST_MARK.sub("", line.strip()), []))
        tokens = self.cleaned_data["section_tokens"] or SECTION_TOKENS
        return [
            PlannedSection(name=name, instructions="\n".join(instructions), max_tokens=tokens)
            for name, instructions in sections
        ]


class TitleForm(forms.Form):
    title = forms.CharField(max_length=validation.TITLE_CHARS)


class ResumeForm(forms.Form):
    """What a document goes on with; each may stay empty: then it is as before."""

    model = forms.CharField(
        required=False,
        max_length=validation.MODEL_NAME_CHARS,
        label="Another model",
        help_text="Empty: it goes on with the same one.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    max_tokens = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=validation.SECTION_MAX_TOKENS,
        label="Tokens for this section",
        help_text="Later ones that have less get as many. Empty: as planned.",
    )


def plan_text(sections: list[PlannedSection]) -> str:
    """A plan as it is typed; `GenerationForm.planned` reads it back."""
    lines = []
    for section in sections:
        lines.append(section.name)
        lines += [f"    {line.strip()}" for line in section.instructions.splitlines() if line.strip()]
    return "\n".join(lines)
