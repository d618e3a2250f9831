"""Ways in without a password typed: the first administrator, and links that sign in once. I/O: rows."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator


def administrator() -> tuple[User, str]:
    """The first administrator, made where there is none; the second value is the password where it is new, else ""."""
    admin = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if admin is not None:
        return admin, ""
    password = secrets.token_urlsafe(12)
    return User.objects.create_superuser("admin", password=password), password


class SignInTokens(PasswordResetTokenGenerator):
    """One-time sign-in links: signing in changes `last_login`, and with it the token."""

    key_salt = "artifacts.access.SignInTokens"


sign_in_tokens = SignInTokens()
