"""What a section remembers of an answer that its endpoint keeps, so that whoever writes on can read on; pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass

ANSWER_ID_CHARS = 1_000


@dataclass(frozen=True, kw_only=True)
class AnswerPlace:
    """An answer and how much of it is committed; without an `id` there is none.

    It follows the first `after` characters of the section's own text (its heading not counted), on which `tokens` had
    been spent. Where `event` is known, the committed text after those begins with the first `chars` characters of the
    answer exactly, which end with that event; else the answer has to be read from its beginning.
    """

    id: str = ""
    after: int = 0
    tokens: int = 0
    event: int | None = None
    chars: int = 0

    def as_columns(self) -> dict[str, object]:
        """The columns of a section that hold it."""
        return {"answer": self.id} | {f"answer_{name}": value for name, value in asdict(self).items() if name != "id"}


NO_ANSWER = AnswerPlace()
