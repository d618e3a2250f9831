"""Every error the generation app raises on purpose. Each says what can be done about it; none carries a key, a prompt,
an answer or text of a document. Pure files raise them too, so this one imports nothing of ours or of Django's.

GenerationError
├── CommandRefused       what a person asked for is not done
│   ├── TaskExists           an unfinished task writes this document already
│   ├── LimitReached        somebody has as much as one may have at once; has the time to wait
│   ├── BudgetRefused       the project's budget is used up, or cannot be held
│   └── FormRefused         what was typed into a form cannot be used
├── BadPrices            the file of prices cannot be used
├── DiskFull             the database has no room for more text
├── SectionMismatch      plan and committed text do not belong together
├── AnswerDiffers        a kept answer does not become the committed text
└── CallEnded            a call brought no answer that can be used: the loop decides what follows
    ├── ProviderError        the call failed
    │   ├── RateLimited          429; `retry_after_s` when the server said so
    │   ├── ProviderUnavailable  5xx, 408, 409, dropped, timed out, malformed
    │   │   ├── ProviderAway         nobody answers for now: refused, no such host, 502 to 504, a model that loads
    │   │   └── AnswerGone           a kept answer cannot be read on
    │   └── ProviderRefused      another 4xx, or no API at all
    │       ├── AuthFailed           401, 403
    │       ├── ModelNotFound        a 404 or 400 that names the model
    │       ├── KeepingRefused       the endpoint keeps no answers
    │       ├── StreamRefused        the endpoint does not stream
    │       └── PrefillRefused       a begun answer is not continued
    ├── BadSeam              the answer must not be appended
    ├── AnsweredAnew         the answer does not go on with the begun text
    ├── ThoughtTooLong       the model thinks for as long as it may, and writes nothing
    └── WaitCut              a wait was cut short
        ├── Stopped              by the stop
        ├── DeadlinePassed       by the deadline of the document
        └── TooSlow              because it took longer than it may
"""

from __future__ import annotations

from typing import Any


class GenerationError(Exception):
    """Base of this app's errors; `detail` is a sentence for people, where one is meant for them."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


# Of the commands of people


class CommandRefused(GenerationError):
    """Base of what the commands of people raise: tell them the `detail`."""


class TaskExists(CommandRefused):
    """Wait for the task, cancel it or resume it."""

    def __init__(self) -> None:
        super().__init__("A task for this document is not finished yet. Wait for it, cancel it, or resume it.")


class LimitReached(CommandRefused):
    """Wait `retry_after_s` seconds; `code` names the limit."""

    def __init__(self, detail: str, *, code: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.code = code
        self.retry_after_s = retry_after_s


class BudgetRefused(CommandRefused):
    """Raise the project's budget, or choose another model."""


class FormRefused(CommandRefused):
    """Show the `form` again: it says why, field by field."""

    def __init__(self, form: Any) -> None:
        super().__init__("The form was refused.")
        self.form = form


# Of the installation


class BadPrices(GenerationError):
    """Correct the file: the `detail` says what is wrong with it."""


# Of the writing of a document


class DiskFull(GenerationError):
    """Stop the writer. Nothing was committed and nothing is lost: what was received waits in memory for room."""

    def __init__(self) -> None:
        super().__init__("The disk of the database was full. There is room again: resume the document.")


class SectionMismatch(GenerationError):
    """The committed text of a section does not begin with its heading. Regenerate the document."""


class AnswerDiffers(GenerationError):
    """What the endpoint keeps is not what was committed. The text stays: ask for what follows it."""


class CallEnded(GenerationError):
    """Base of what ends one call. Call again, or end the section with a reason."""


class BadSeam(CallEnded):
    """Ask once more for the words that follow; the message says what is wrong, without quoting it."""


class AnsweredAnew(CallEnded):
    """Keep nothing of the answer, and ask anew: the endpoint takes no notice of a begun text."""


class ThoughtTooLong(CallEnded):
    """Do not ask again, which would cost as much: raise the limit, or resume with a model that thinks less."""


class WaitCut(CallEnded):
    """Base of what cuts a wait short; what was waited for is cancelled."""


class Stopped(WaitCut):
    """End here: somebody wants it."""


class DeadlinePassed(WaitCut):
    """End here: the time for the document is used up. A resume gives it as much again."""


class TooSlow(WaitCut):
    """Say what was waited for in vain, and call again."""


# Of a provider


class ProviderError(CallEnded):
    """A call failed. `reason` is the code shown to people; `retryable` says whether trying again can help.

    `detail` says what the reader can do. `cause` is said in a few words while the next attempt is waited for, such as
    "the model is loading".
    """

    reason = "provider_error"
    retryable = False
    cause = "the endpoint refuses the call"
    status: int | None = None
    """The HTTP status of the refusal, where it had one."""
    ends_answer = False
    """Nothing more can be had of the kept answer that was being read."""

    def __init__(self, detail: str, *, retry_after_s: float | None = None, cause: str = "") -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self.cause = cause or self.cause


class RateLimited(ProviderError):
    """Wait as long as the server says, and try again."""

    reason = "rate_limited"
    retryable = True
    cause = "rate limited"


class ProviderUnavailable(ProviderError):
    """Try again a few times."""

    retryable = True
    cause = "the endpoint is in trouble"


class ProviderAway(ProviderUnavailable):
    """Wait until it is back: time bounds the attempts, not their number."""

    cause = "the endpoint does not answer"


class AnswerGone(ProviderUnavailable):
    """Ask for the rest of the text."""

    cause = "the endpoint has lost the answer"
    ends_answer = True


class ProviderRefused(ProviderError):
    """Do not ask the same again: nothing is to be gained."""


class AuthFailed(ProviderRefused):
    """Set a key that is valid for the endpoint."""

    reason = "auth"


class ModelNotFound(ProviderRefused):
    """Name a model that the endpoint has."""

    reason = "model_not_found"


class KeepingRefused(ProviderRefused):
    """Ask with `stream`: the call cost nothing."""


class StreamRefused(ProviderRefused):
    """Ask again with the delivery `turns`."""


class PrefillRefused(ProviderRefused):
    """Build the call anew for re-prompting, which a retry does by itself: `prefills(model)` is False from now on."""

    retryable = True
    cause = "the endpoint wants to be asked another way"
