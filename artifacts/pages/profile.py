"""Somebody's own page: password, tokens, sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from artifacts import validation
from artifacts.accounts import own_sessions, tokens
from artifacts.accounts.sign_in_place import signed_in_only
from artifacts.errors import InvalidInput, NotFound
from artifacts.models import AccessToken
from artifacts.models.user_model import User
from artifacts.pages.forms import refuse
from artifacts.pages.sharing import DAY_S, LIVES, number_in
from artifacts.pages.views import or_not_found
from artifacts.sharing.records import record

if TYPE_CHECKING:
    PasswordForm = SetPasswordForm[User]


class OwnPasswordForm(PasswordChangeForm):
    """Django's, without taking the reader down the page to its first field."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].widget.attrs.pop("autofocus", None)


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=validation.LABEL_CHARS, widget=forms.TextInput(attrs={"placeholder": "laptop, build server…"})
    )
    days = forms.ChoiceField(choices=LIVES, initial="365", label="Good for")


@require_safe
@never_cache
@signed_in_only
def profile(request: HttpRequest) -> HttpResponse:
    return _page(request)


@sensitive_post_parameters()
@signed_in_only
@never_cache
@or_not_found
def profile_command(request: HttpRequest, verb: str) -> HttpResponse:
    """One form of the page. Whoever comes by an address bar is sent to the page."""
    if verb not in _VERBS:
        raise NotFound("There is no such page.")
    if request.method != "POST":
        return redirect("artifacts:profile")
    return _VERBS[verb](request, _user(request))


def _password(request: HttpRequest, user: User) -> HttpResponse:
    form = _password_form(user)(user, request.POST)
    if not form.is_valid():
        return _page(request, password_form=form)
    with transaction.atomic():
        user.set_password(form.cleaned_data["new_password1"])
        user.save(update_fields=["password"])
        own_sessions.renew_session(request, user)
        record(user, "change_password")
    messages.success(request, "Your password is changed. You are signed out everywhere else.")
    return redirect("artifacts:profile")


def _token(request: HttpRequest, user: User) -> HttpResponse:
    form = TokenForm(request.POST)
    if form.is_valid():
        try:
            row, token = tokens.new_token(
                user, form.cleaned_data["name"], int(form.cleaned_data["days"]) * DAY_S or None
            )
            return _page(request, told=(row.name, token))
        except InvalidInput as error:
            refuse(form, error)
    return _page(request, token_form=form)


def _revoke(request: HttpRequest, user: User) -> HttpResponse:
    tokens.revoke_token(user, number_in(request, "token"))
    messages.success(request, "The token opens nothing any more.")
    return redirect("artifacts:profile")


def _end(request: HttpRequest, user: User) -> HttpResponse:
    own_sessions.end_session(user, number_in(request, "session"))
    messages.success(request, "That session is signed out.")
    return redirect("artifacts:profile")


_VERBS: dict[str, Callable[[HttpRequest, User], HttpResponse]] = {
    "password": _password,
    "token": _token,
    "revoke": _revoke,
    "end": _end,
}


def _page(
    request: HttpRequest,
    *,
    told: tuple[str, str] | None = None,
    password_form: PasswordForm | None = None,
    token_form: TokenForm | None = None,
) -> HttpResponse:
    """`told` is a new token, shown this once."""
    user = _user(request)
    own_sessions.remember(profile, request, user)
    refused = password_form is not None or token_form is not None
    context = {
        "tokens": AccessToken.objects.filter(user=user),
        "sessions": own_sessions.sessions_of(user),
        "here": request.session.session_key,
        "password_form": password_form or _password_form(user)(user),
        "token_form": token_form or TokenForm(),
        "told": told,
    }
    return render(request, "artifacts/profile.html", context, status=422 if refused else 200)


def _password_form(user: User) -> type[PasswordForm]:
    """Who came by a link that signs in once has no password to type."""
    return OwnPasswordForm if user.has_usable_password() else SetPasswordForm


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # every view here asks for a login first
    return request.user
