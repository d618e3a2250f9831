"""Every error the artifacts app raises on purpose. Each says what the reader can do; none carries document text.

ArtifactError
├── NotFound        no such artifact, or not yours: no difference is told
├── Forbidden       you see it, and may not do that to it
├── InvalidInput    a field holds something it must not; `field` names it
├── IllegalTransition     the status does not allow the verb; says from what to what
│   └── Busy            the document is being written: its text cannot be changed by hand
├── BaseChanged     the text that a change was made from is another by now; has the present one
│   └── BaseGone        there is none any more, as the section is gone
├── WriterRefused   the writer must stop and write nothing more
│   ├── StaleFence      another writer claimed the artifact
│   ├── NotStreaming    the artifact is stopped, complete or deleted
│   └── WrongOffset     the writer's view of the text is not the committed one
├── RepeatRefused   a command came again under its key, and is not done
│   ├── KeyReused       the key was another command's
│   ├── StillUnderWay   the first one is not answered yet
│   └── AnswerLost      it was done, and its answer cannot be read any more
├── ExportFailed    a file could not be made of the document, now or within its bounds
└── LeaseHeld       somebody alive is writing; claim later
"""

from __future__ import annotations


class ArtifactError(Exception):
    """Base of this app's errors; `detail` is a sentence for people."""

    retryable = False

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(ArtifactError):
    def __init__(self, detail: str = "There is no such document, or it is not yours.") -> None:
        super().__init__(detail)


class Forbidden(ArtifactError):
    def __init__(self, detail: str = "Your role in this project does not allow that. Its owner can change it.") -> None:
        super().__init__(detail)


class InvalidInput(ArtifactError):
    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class IllegalTransition(ArtifactError):
    def __init__(self, status: str, verb: str, hint: str, *, of: str = "the document") -> None:
        super().__init__(f"Cannot {verb}: {of} is {status}. {hint}")
        self.status = status
        self.verb = verb
        self.hint = hint


class Busy(IllegalTransition):
    """Wait until it is written, or pause it."""


class BaseChanged(ArtifactError):
    """`text` is the section as it stands, `sha256` what a change of it is to be based on, in the text of `epoch`;
    `draft` is the text of the draft, where one was to be put in.
    """

    def __init__(
        self,
        *,
        text: str,
        sha256: str,
        epoch: int,
        draft: str | None = None,
        detail: str = "",
    ) -> None:
        then = "save again" if draft is None else "reject the draft, or put its text in by hand"
        super().__init__(detail or f"Somebody changed this section meanwhile. Compare both texts, then {then}.")
        self.text = text
        self.sha256 = sha256
        self.epoch = epoch
        self.draft = draft


class BaseGone(BaseChanged):
    """The document has no such section any more, or nothing of it is written yet; `text` is empty."""

    def __init__(self, *, epoch: int, draft: str) -> None:
        super().__init__(
            text="",
            sha256="",
            epoch=epoch,
            draft=draft,
            detail="The section that this draft was written for is not there any more. Copy what you need of it, then "
            "reject it.",
        )


class RepeatRefused(ArtifactError):
    """Base of what refuses a command that came with a key."""


class KeyReused(RepeatRefused):
    """Send a new key with another command."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another request. Send a new one with each new command.")


class StillUnderWay(RepeatRefused):
    """Ask again in a moment, with the same key."""

    def __init__(self) -> None:
        super().__init__("The first request with this Idempotency-Key is still being answered. Ask again in a moment.")


class AnswerLost(RepeatRefused):
    """Look what became of it, and use a new key."""

    def __init__(self) -> None:
        super().__init__(
            "The command with this Idempotency-Key was done, but its answer can no longer be read, since the site's "
            "secret key is another one by now. Look what became of it; use a new key for a new command."
        )


class WriterRefused(ArtifactError):
    pass


class StaleFence(WriterRefused):
    pass


class NotStreaming(WriterRefused):
    pass


class WrongOffset(WriterRefused):
    pass


class ExportFailed(ArtifactError):
    retryable = True


class LeaseHeld(ArtifactError):
    retryable = True
