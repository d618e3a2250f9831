"""The page of what a project costs: its sums by document, section and day, and the budget that its owner sets."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from artifacts import access
from artifacts.accounts.sign_in_place import signed_in_only
from artifacts.costs import amount
from artifacts.errors import InvalidInput
from artifacts.models import Project
from artifacts.pages.forms import refuse
from artifacts.pages.views import or_not_found
from artifacts.sharing.projects import set_budget
from generation.costs.price_file import price_list
from generation.costs.spending import spending_of


class BudgetForm(forms.Form):
    budget = forms.CharField(
        required=False,
        max_length=30,
        help_text="The most that all documents of the project may cost together. Empty for no limit.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "placeholder": "12.50"}),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["budget"].label = f"Budget, {price_list().currency}"


@require_safe
@signed_in_only
@or_not_found
def cost(request: HttpRequest, project_id: int) -> HttpResponse:
    project = access.project_for(request.user, project_id, "usage")
    typed = {"budget": "" if project.budget is None else amount(project.budget)}
    return _page(request, project, BudgetForm(initial=typed))


@require_POST
@signed_in_only
@or_not_found
def budget(request: HttpRequest, project_id: int) -> HttpResponse:
    project = access.project_for(request.user, project_id, "budget")
    form = BudgetForm(request.POST)
    if form.is_valid():
        try:
            set_budget(project, request.user, form.cleaned_data["budget"] or None)
        except InvalidInput as error:
            refuse(form, error)
        else:
            messages.success(request, "The budget is set." if project.budget is not None else "There is no budget.")
            return redirect("generation:cost", project_id)
    return _page(request, project, form)


def _page(request: HttpRequest, project: Project, form: BudgetForm) -> HttpResponse:
    whole = spending_of(project)
    context = {
        "project": project,
        "whole": whole,
        "documents": [(of, sorted(of.sections.items())) for of in whole.documents if of.spent or of.completion_tokens],
        "days": sorted(whole.days.items(), reverse=True),
        "currency": price_list().currency,
        "left": None if project.budget is None else max(0, project.budget - whole.spent),
        "form": form,
        "may": access.allowed(request.user, project),
    }
    return render(request, "generation/cost.html", context, status=422 if form.errors else 200)
