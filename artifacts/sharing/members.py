"""The members of a project: let in, given another role, taken out; and whom it belongs to. I/O: rows."""

from __future__ import annotations

from django.db import transaction

from artifacts.errors import InvalidInput, NotFound
from artifacts.models import Member, Project, Role
from artifacts.models.user_model import User, by_name
from artifacts.sharing.records import record


def user_named(username: str) -> User:
    """Raises `NotFound` where nobody active has that name."""
    user = by_name(username.strip())
    if user is None or not user.is_active:
        raise NotFound("There is no user of that name.")
    return user


def member_named(project: Project, username: str) -> User:
    """The owner or a member, also one who is deactivated. Raises `NotFound`."""
    for user, _ in roles_of(project):
        if user.get_username() == username:
            return user
    raise NotFound("This user is no member of the project.")


def roles_of(project: Project, *, after: str | None = None, most: int | None = None) -> list[tuple[User, str]]:
    """The owner, then the members by name, each with their role. With `after`, the owner's name or a member's, those
    behind; no more than `most`. Raises `InvalidInput` for what can be nobody's name.
    """
    if after is not None and "\0" in after:
        raise InvalidInput("after", "after must be the name of a member.")
    name = f"user__{User.USERNAME_FIELD}"
    rows = Member.objects.filter(project=project).select_related("user").order_by(name)
    if after is None or after == project.owner.get_username():
        owner = [(project.owner, str(Role.OWNER))] if after is None else []
    else:
        owner, rows = [], rows.filter(**{f"{name}__gt": after})
    return [*owner, *((row.user, row.role) for row in rows[:most])][:most]


@transaction.atomic
def set_role(project: Project, user: User, role: str, by: object) -> None:
    """Let somebody in, or give a member another role. `owner` hands the project over: its owner becomes an editor.

    Raises `InvalidInput` for another role, and for one that would leave the project without an owner.
    """
    if role not in Role.values:
        raise InvalidInput("role", "role must be owner, editor or viewer.")
    project = _locked(project)
    if project.owner_id == user.pk:
        if role != Role.OWNER:
            raise InvalidInput("role", "A project has an owner: hand it over to somebody else first.")
        return
    if role == Role.OWNER:
        Member.objects.filter(project=project, user=user).delete()
        Member.objects.create(project=project, user=project.owner, role=Role.EDITOR)
        project.owner = user
        project.save(update_fields=["owner"])
        record(by, "hand_over", project=project, note=f"to {user.get_username()}")
        return
    _, is_new = Member.objects.update_or_create(project=project, user=user, defaults={"role": role})
    record(by, "add_member" if is_new else "change_role", project=project, note=f"{user.get_username()}, {role}")


@transaction.atomic
def remove_member(project: Project, user: User, by: object) -> None:
    """Take somebody out, or leave oneself. Raises `NotFound` for one who is no member, `InvalidInput` for the owner."""
    project = _locked(project)
    if project.owner_id == user.pk:
        raise InvalidInput("username", "The owner cannot leave: hand the project over to somebody else first.")
    member = Member.objects.filter(project=project, user=user).first()
    if member is None:
        raise NotFound("This user is no member of the project.")
    member.delete()
    record(by, "leave" if by == user else "remove_member", project=project, note=user.get_username())


def _locked(project: Project) -> Project:
    """Two changes of members at once: the second sees what the first made."""
    found = Project.objects.select_for_update(of=("self",)).select_related("owner").filter(pk=project.pk).first()
    if found is None:
        raise NotFound("There is no such project, or it is not yours.")
    return found
