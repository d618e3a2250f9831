"""A question on the terminal, before something that cannot be undone."""

from __future__ import annotations

from django.core.management.base import CommandError

NOTHING_CHANGED = "Nothing was changed."


def demand_answer(question: str, answer: str) -> None:
    """Ask, and go on with this answer alone. Raises `CommandError`, also where nobody is there to be asked."""
    try:
        given = input(question)
    except EOFError:
        raise CommandError(f"Nobody answers here: --yes goes on without asking. {NOTHING_CHANGED}") from None
    except KeyboardInterrupt:
        given = ""
    if given != answer:
        raise CommandError(NOTHING_CHANGED)
