"""Ways in without a password typed: the first administrator, and links that sign in once. I/O: rows."""

from __future__ import annotations

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from artifacts.models.user_model import User

FIRST_NAME = "admin"


def administrator() -> User:
    """The first administrator, made where there is none: without a password, so a link is the way in."""
    admin = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    return admin or User.objects.create_superuser(FIRST_NAME)


class SignInTokens(PasswordResetTokenGenerator):
    """One-time links, good for PASSWORD_RESET_TIMEOUT: signing in changes `last_login`, and with it the token."""

    key_salt = "artifacts.access.SignInTokens"


sign_in_tokens = SignInTokens()


def sign_in_path(user: User) -> str:
    """Where a button signs this user in, once and for a quarter of an hour."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("sign-in-link", args=[uid, sign_in_tokens.make_token(user)])
