"""What the loop tells of one section, carried to the writer of its document with the count of tokens that goes with it.

It decides neither what is written nor when it is committed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from artifacts.answer_place import NO_ANSWER
from artifacts.operating.counts import process_counts
from artifacts.operating.tracing import OpenSpan, begin_span
from artifacts.reasons import Reason
from generation.costs.section_tokens import SectionTokens
from generation.errors import CallEnded, ProviderError
from generation.providers.base import Finish, Message
from generation.seams import Mode
from generation.worker.writer import Writer
from generation.writing.callbacks import Callbacks, OnCall, ignore
from generation.writing.kept_text import KeptText
from generation.writing.policy import WritingPolicy
from generation.writing.retries import thinking_sentence, waiting_sentence
from generation.writing.turns import CallDelivery


class SectionCallbacks(Callbacks):
    """The section at `position`. `before_call` is awaited before each call."""

    def __init__(
        self,
        writer: Writer,
        position: int,
        tokens: SectionTokens,
        *,
        name: str,
        kept: KeptText | None,
        policy: WritingPolicy,
        mode: Callable[[], Mode],
        before_call: OnCall = ignore,
    ) -> None:
        self._writer = writer
        self._position = position
        self._tokens = tokens
        self._kept = kept
        self._policy = policy
        self._called_s = time.monotonic()
        self._has_text = True
        self._before_call = before_call
        self._name = name
        self._mode = mode
        self._journal = writer.journal
        self._chars = self._chars_before = 0
        self._span: OpenSpan | None = None

    async def take(self, text: str) -> None:
        """Text of the section: the next flush commits it, with what it cost."""
        if not self._has_text:
            self._has_text = True
            self._journal.text_came(self._position)
            process_counts.provider_first_text_s.add(time.monotonic() - self._called_s)
        self._chars += len(text)
        answer = NO_ANSWER if self._kept is None else self._kept.place
        await self._writer.put(text, self._position, tokens=self._tokens.received(len(text)), answer=answer)

    def ended(self, tokens: int) -> None:
        """This run of the section has cost so much in all."""
        self._tokens.ended(tokens)
        self._count()

    async def on_call(self) -> None:
        await self._writer.assure()
        self._called_s, self._has_text = time.monotonic(), False
        await self._before_call()

    async def on_prompt(self, messages: Sequence[Message], max_tokens: int, delivery: CallDelivery) -> None:
        self._journal.begin_call(
            self._position,
            section=self._name,
            messages=messages,
            max_tokens=max_tokens,
            delivery=delivery,
            mode=self._mode(),
            has_before=self._chars > 0,
        )
        self._chars_before = self._chars
        self._span = begin_span(
            "call",
            "client",
            artifact=self._writer.claim.artifact,
            section=self._position,
            delivery=delivery,
            max_tokens=max_tokens,
            gen_ai__request__model=self._journal.model or None,
            server__address=self._journal.endpoint or None,
        )

    async def on_over(self, finish: Finish, why: CallEnded | None) -> None:
        ending = self._journal.end_call(self._position, finish, why, chars=self._chars - self._chars_before)
        opened, self._span = self._span, None
        if opened is not None:
            tokens = None if finish.usage is None else finish.usage.completion_tokens
            opened.tell(ending=ending, gen_ai__usage__output_tokens=tokens)
            if isinstance(why, ProviderError):
                opened.tell(http__response__status_code=why.status)
                opened.fail(ending)
            opened.end()

    async def on_kept(self) -> None:
        self._count()
        await self._writer.note_answer(self._position)

    async def on_turn(self, turn: int, delta: str, aggregated: str, finish: Finish) -> None:
        process_counts.provider_call_s.add(time.monotonic() - self._called_s)
        process_counts.turns[finish.reason.value] += 1
        if finish.usage is not None:
            process_counts.tokens["prompt"] += finish.usage.prompt_tokens
            process_counts.tokens["completion"] += finish.usage.completion_tokens
            self._tokens.reported(finish.usage.completion_tokens)
        if self._kept is not None:
            self._kept.tokens = self._tokens.count
        await self._writer.flush()

    async def on_wait(self, seconds: float, error: ProviderError, attempt: int, of: int) -> None:
        process_counts.retries[error.reason] += 1
        of = 0 if self._policy.retry.waits_out(error) else of
        self._journal.retry(self._position, error, wait_s=seconds, attempt=attempt, of=of)
        await self._wait(Reason.WAITING_RETRY, waiting_sentence(seconds, error, attempt, of))

    async def on_thinking(self, seconds: float) -> None:
        self._journal.thinks(self._position, seconds)
        await self._wait(Reason.THINKING, thinking_sentence(seconds, self._policy.limits.thinking_s))

    async def _wait(self, reason: str, detail: str) -> None:
        """Viewers are told why the live section does not grow; nobody waits for a draft."""
        if self._writer.is_draft(self._position):
            await self._writer.flush()
        else:
            await self._writer.wait(reason, detail)

    def _count(self) -> None:
        """What the next commit stores beside the text."""
        answer = NO_ANSWER if self._kept is None else self._kept.place
        self._writer.count(self._position, self._tokens.count, answer)
