"""What people type to have a document written: it reads a plan out of lines of text. The verbs check and act."""

from __future__ import annotations

import re
from typing import Any

from django import forms

from artifacts import validation
from artifacts.pages.forms import LongText, WholeNumberField
from artifacts.planned_section import SECTION_TOKENS, PlannedSection
from generation import control
from generation.server_model import server_model

_LIST_MARK = re.compile(r"^(?:[-*+]|\d{1,3}[.)]|#{1,6})\s+")


class ModelField(forms.CharField):
    """The name of a model: typed, or one of those that may be chosen here. The verbs refuse any other."""

    def __init__(self, *, label: str = "Model", help_text: str = "") -> None:
        super().__init__(
            required=False,
            max_length=validation.MODEL_NAME_CHARS,
            label=label,
            help_text=help_text,
            widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> ModelField:
        """Django copies a form's fields for each of its uses, which is when the settings are read."""
        copied: ModelField = super().__deepcopy__(memo)
        copied.offer(own_model())
        return copied

    def offer(self, otherwise: str) -> None:
        """What is asked where none is chosen, and the choice as of now."""
        models = control.choosable_models()
        if models:
            others = [(name, name) for name in models if name != otherwise]
            self.widget = forms.Select(choices=[("", otherwise), *others])
        else:
            self.widget.attrs["placeholder"] = otherwise


def own_model() -> str:
    """How pages call the model that the server is set to."""
    return server_model() or "the server's own"


class GenerationForm(forms.Form):
    """What a document is asked for with; each field may stay empty."""

    instructions = LongText(
        rows=3,
        label="Instructions",
        help_text="What this document should say beyond the project's description.",
        placeholder="For the harbour board. Two pages. Name the three largest risks…",
    )
    model = ModelField(help_text="Empty for the model that the server is set to.")
    plan = LongText(
        rows=6,
        label="Your own plan",
        help_text="A section per line; indented lines below it say what it should hold. Empty: the built-in plan.",
        placeholder="Summary\n    One paragraph, no jargon\nRisks\nNext steps",
    )
    section_tokens = WholeNumberField(
        required=False,
        min_value=1,
        max_value=validation.SECTION_MAX_TOKENS,
        initial=SECTION_TOKENS,
        label="Tokens per section",
        help_text="The most that a section of your own plan may take.",
    )
    parallel = WholeNumberField(
        required=False,
        min_value=1,
        max_value=validation.PARALLEL_SECTIONS,
        initial=1,
        label="Sections at once",
        help_text=f"Up to {validation.PARALLEL_SECTIONS}. Faster, but they do not know each other's text.",
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

    model = ModelField(label="Another model", help_text="Empty: it goes on with the same one.")
    max_tokens = WholeNumberField(
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
