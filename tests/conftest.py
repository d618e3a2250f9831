"""What every test may ask for: people and their projects."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from artifacts.models import Artifact, Project
from generation import control


@pytest.fixture(autouse=True)
def _cheap_passwords(settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def owner(db) -> User:
    return User.objects.create_user("owner", password="a long enough password")


@pytest.fixture
def stranger(db) -> User:
    return User.objects.create_user("stranger", password="a long enough password")


@pytest.fixture
def staff(db) -> User:
    return User.objects.create_superuser("staff", password="a long enough password")


@pytest.fixture
def project(owner) -> Project:
    return control.create_project(owner, "Lighthouse", "A lamp that never goes out.")


@pytest.fixture
def artifact(project) -> Artifact:
    """The idle brief of the owner's project."""
    return project.artifacts.get(phase="brief")
