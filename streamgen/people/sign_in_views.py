"""How people come in to this site: by name and password, or by a link that works once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.views import LoginView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlsafe_base64_decode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from artifacts.accounts import sign_in
from artifacts.accounts.sign_in_limits import seconds_to_wait
from artifacts.models.user_model import User, user_key


class SignIn(LoginView):
    template_name = "sign_in.html"
    redirect_authenticated_user = True


def too_many_sign_ins(request: HttpRequest, response: HttpResponse, credentials: dict[str, Any] | None) -> HttpResponse:
    """In the place of the answer, also in the admin's: when a password may be tried again."""
    wait_s = seconds_to_wait(request, credentials)
    context = {
        "wait_s": wait_s,
        "opens_at": timezone.now() + timedelta(seconds=wait_s),
        "form": SignIn.form_class(),
        "next": request.POST.get("next", ""),
    }
    refused = render(request, "sign_in.html", context, status=429)
    refused["Retry-After"] = str(wait_s)
    return refused


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_link(request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
    """Sign in by a link that works once: its page has a button, and only pressing it uses the link up.

    Mail programs and chats look at links before people do. A used one says so on the sign-in page.
    """
    target = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = resolve_url("artifacts:projects")
    if request.method != "POST":
        return _link_page(request, User.objects.filter(pk=_user_id(uidb64), is_active=True).first(), token, target)
    with transaction.atomic():
        # Locked, because of two clicks at once only one may find the token unused.
        user = User.objects.select_for_update().filter(pk=_user_id(uidb64), is_active=True).first()
        if user is not None and sign_in.sign_in_tokens.check_token(user, token):
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            return redirect(target)
    return _link_page(request, user, token, target)


def _link_page(request: HttpRequest, user: User | None, token: str, target: str) -> HttpResponse:
    if user is not None and sign_in.sign_in_tokens.check_token(user, token):
        return render(request, "sign_in_link.html", {"name": user.get_username()})
    if user is not None and user == request.user:
        return redirect(target)
    messages.warning(
        request, "This sign-in link was used already or is too old. `manage.py sign-in-link` makes another."
    )
    return redirect(settings.LOGIN_URL)


def _user_id(uidb64: str) -> Any:
    """The user's primary key, or None, which nobody has."""
    try:
        return user_key(urlsafe_base64_decode(uidb64).decode("ascii"))
    except (ValueError, UnicodeDecodeError):
        return None
