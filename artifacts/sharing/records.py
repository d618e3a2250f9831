"""The record of who did what: a row for each verb, in its transaction. It is added to and never changed. I/O: rows."""

from __future__ import annotations

from artifacts.models import ActionRecord, Artifact, Project
from artifacts.models.user_model import User, told_key


def record(
    actor: object, verb: str, *, artifact: Artifact | None = None, project: Project | None = None, note: str = ""
) -> None:
    """Call it in the verb's transaction. `actor` is whoever did it; anything but a user is recorded as nobody: a
    command, a script. `note` says to whom or what it was done, where the document or the project does not.
    """
    of = artifact.project_id if artifact is not None else project.pk if project is not None else None
    title = artifact.title if artifact is not None else project.title if project is not None else ""
    about = f"{title}: {note}" if title and note else title or note
    ActionRecord.objects.create(
        **(ActionRecord.by(told_key(actor.pk)) if isinstance(actor, User) else {}),
        actor_name=actor.get_username() if isinstance(actor, User) else "",
        verb=verb,
        artifact=artifact.pk if artifact is not None else None,
        project=of,
        about=about[: ActionRecord._meta.get_field("about").max_length],
    )
