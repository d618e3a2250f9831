"""Answers that the endpoint keeps, over the network: asked for once, read on by their id, asked for whole, cancelled.

What is read is `kept_answer`' to understand. The endpoint's address, login and refusals are `openai_compatible`'s.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from typing import Any, cast

import httpx2
import openai

from generation.errors import AnswerGone, AuthFailed, KeepingRefused, ProviderError
from generation.providers.base import Begun, Finish, FinishReason, Item, Life, Message
from generation.providers.openai_compatible import call_errors, filters
from generation.providers.openai_compatible.answer.events import MAX_EVENT_BYTES
from generation.providers.openai_compatible.answer.shapes import Json
from generation.providers.openai_compatible.call_errors import Asked, Said
from generation.providers.openai_compatible.connections import Response, in_turns
from generation.providers.openai_compatible.dialects import Dialect
from generation.providers.openai_compatible.heaps import HEAP_BYTES, in_thread
from generation.providers.openai_compatible.responses.kept_answer import KeptAnswer
from generation.providers.openai_compatible.responses.wire import ABOUT_KEEPING, Payloads, lowered, request_body

logger = logging.getLogger(__name__)


POLL_S = 2.0
"""An answer that cannot be streamed any more is asked for as a whole this often, unless the endpoint names a time."""
MOST_POLL_S = 30.0
STALE_S = 1_800.0
"""An answer that is not over and has brought nothing new for so long never will be."""
ANSWER_CANCEL_S = 3.0
ANSWER_LESSONS = 8
_MAY_PASS = (402, 408, 409, 425, 429)
"""Refusals that say nothing about whether answers are kept."""


class KeptCalls:
    """The calls of one endpoint. `trouble` turns what the client raised into a `ProviderError` and the words it came
    with, `said` takes from an error inside of an answer what it says; both are told the messages, which are no news.

    `patience_s` bounds the wait for headers, `queued_s` the time that an answer may wait there for its turn; `extra`
    goes into every request.
    """

    def __init__(
        self,
        *,
        client: Callable[[], openai.AsyncOpenAI],
        dialect: Dialect,
        said: Callable[[Asked, Sequence[Message], object], Said],
        trouble: Callable[[Asked, Sequence[Message], Exception], tuple[ProviderError, str]],
        patience_s: float,
        queued_s: float,
        extra: Mapping[str, Any] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.patience_s = patience_s
        self.queued_s = queued_s
        self.beat_s = min(POLL_S, queued_s / 2)
        self.dialect = dialect
        self.sleep = sleep
        self.now = clock
        self.trouble = trouble
        self._client = client
        self._said = said
        self._extra = dict(extra or {})
        self._keeps_none_of: set[str] = set()

    def keeps(self, model: str) -> bool:
        return model not in self._keeps_none_of

    @asynccontextmanager
    async def stream(
        self, asked: Asked, messages: Sequence[Message], max_tokens: int, begun: Begun | None
    ) -> AsyncIterator[AsyncIterator[Item]]:
        """One answer, asked for or read on; see `KeepsAnswers.stream_kept`."""
        if begun is None and not self.keeps(asked.model):
            raise _keeps_none(asked)
        async with AsyncExitStack() as stack:
            opened, is_filtered = None, False
            if begun is None:
                opened, max_tokens, is_filtered = await self._create(stack, asked, messages, max_tokens)
            answer = KeptAnswer(
                asked,
                limit_tokens=max_tokens,
                said=partial(self._said, asked, messages),
                begun=begun,
                prior=next((one["content"] for one in reversed(messages) if one["role"] == "assistant"), ""),
                opens=self.dialect.opens_thoughts(asked.model),
                now_s=time.monotonic,
            )
            items = _filtered() if is_filtered else _AnswerStream(self, asked, answer, messages).items(opened)
            yield await stack.enter_async_context(aclosing(items))

    async def cancel(self, answer: str) -> None:
        """End the answer there; bounded, and raises nothing."""
        try:
            async with asyncio.timeout(ANSWER_CANCEL_S):
                responses: Any = self._client().responses.with_streaming_response
                async with responses.cancel(answer, extra_headers=self._headers()) as response:
                    logger.debug("An answer was cancelled at the endpoint: %s.", response.status_code)
        except (openai.OpenAIError, httpx2.HTTPError, TimeoutError) as err:
            # Over already, gone, or out of reach: it then ends by itself.
            logger.info("an answer was not cancelled at the endpoint: %s", type(err).__name__)

    async def _create(
        self, stack: AsyncExitStack, asked: Asked, messages: Sequence[Message], max_tokens: int
    ) -> tuple[Response | None, int, bool]:
        """The stream of a new answer, the limit it was asked to keep, and whether the prompt was filtered instead."""
        for lessons_left in reversed(range(ANSWER_LESSONS + 1)):
            body = request_body(messages, model=asked.model, max_tokens=max_tokens)
            try:
                async with asyncio.timeout(self.patience_s):
                    response = await stack.enter_async_context(self._request(body | self._extra))
            except openai.APIStatusError as err:
                trouble, said = self.trouble(asked, messages, err)
                status = err.status_code
                if status in (400, 422) and lessons_left and (lower := lowered(said, body)):
                    max_tokens = lower
                    continue
                if filters.is_refusal(status, err.body, said):
                    return None, max_tokens, True
                trouble = self._refused(asked, status, said, trouble)
            except (openai.OpenAIError, httpx2.HTTPError, TimeoutError) as err:
                trouble, _ = self.trouble(asked, messages, err)
            else:
                return response, body["max_output_tokens"], False
            # Raised outside of `except`: what the SDK raised holds the prompt and the server's words.
            raise trouble
        raise AssertionError("the last round returns or raises")

    def _refused(self, asked: Asked, status: int, said: str, trouble: ProviderError) -> ProviderError:
        if (status >= 500 and status != 501) or status in _MAY_PASS:
            return trouble
        if status in (404, 405, 501) or ABOUT_KEEPING.search(said):
            self.keeps_none(asked)
        # Whatever else is wrong with the call, the ordinary one says it.
        return _keeps_none(asked)

    def keeps_none(self, asked: Asked) -> None:
        if self.keeps(asked.model):
            logger.info("%s keeps no answers of the model %s: the ordinary way", asked.place, asked.model_shown)
        self._keeps_none_of.add(asked.model)

    def _request(self, body: Json) -> AbstractAsyncContextManager[Response]:
        responses: Any = self._client().responses.with_streaming_response
        named = {key: body[key] for key in ("model", "input", "background", "store", "stream")}
        others = {key: value for key, value in body.items() if key not in named}
        request: AbstractAsyncContextManager[Response] = responses.create(
            **named, extra_headers=self._headers(), extra_body=others
        )
        return request

    def _retrieve(self, answer: str, **parameters: Any) -> AbstractAsyncContextManager[Response]:
        responses: Any = self._client().responses.with_streaming_response
        request: AbstractAsyncContextManager[Response] = responses.retrieve(
            answer, **parameters, extra_headers=self._headers()
        )
        return request

    def _headers(self) -> Any:
        """The SDK wants to be told in each request that there is no key."""
        return None if self._client().api_key else {"Authorization": openai.Omit()}

    # What a reading asks for

    def events_of(self, answer: str, after: int | None) -> AbstractAsyncContextManager[Response]:
        """The stream of its events after the given one, or of all."""
        return self._retrieve(answer, stream=True, **({} if after is None else {"starting_after": after}))

    def whole(self, answer: str) -> AbstractAsyncContextManager[Response]:
        return self._retrieve(answer)


class _AnswerStream:
    """The reading of one answer to its end: by streams, and where there are none by asking for it as a whole."""

    def __init__(self, calls: KeptCalls, asked: Asked, answer: KeptAnswer, messages: Sequence[Message]) -> None:
        self._calls = calls
        self._asked = asked
        self._answer = answer
        self._messages = messages
        self._may_stream = True
        self._queued_since: float | None = None
        self._quiet_since: float | None = None
        self._progress: object = None

    async def items(self, opened: Response | None) -> AsyncGenerator[Item]:
        answer, dialect = self._answer, self._calls.dialect
        try:
            async with aclosing(self._all(opened)) as items:
                async for item in items:
                    yield item
        finally:
            if answer.thoughts.is_lost or answer.thoughts.was_unopened:
                dialect.heard_thoughts(self._asked.model, are_opened=False)
            if answer.is_kept is False:
                self._calls.keeps_none(self._asked)
        if answer.goes_on:
            await self._calls.cancel(answer.id)
        for item in answer.rest():
            yield item
        finish = answer.finish()
        if finish.reason is FinishReason.COMPLETE:
            dialect.heard_thoughts(self._asked.model, are_opened=True)
        yield finish

    async def _all(self, opened: Response | None) -> AsyncGenerator[Item]:
        answer = self._answer
        if opened is not None:
            async with aclosing(self._stream(opened)) as items:
                async for item in items:
                    yield item
        while not answer.is_over and answer.id and answer.is_kept is not False:
            before = answer.progress
            if self._may_stream:
                answer.has_hole = False
                async with aclosing(self._attached()) as items:
                    async for item in items:
                        yield item
                if answer.has_hole:
                    answer.accept_holes()
                    continue
            if answer.is_over:
                return
            state, wait_s = await self._whole()
            for item in await in_thread(answer.apply(state)):
                yield item
            await self._mind_the_time()
            if not answer.is_over and (answer.progress == before or not self._may_stream):
                yield Life(is_unseen=answer.status != "queued")
                await self._calls.sleep(wait_s)

    async def _attached(self) -> AsyncGenerator[Item]:
        """The events after the last one, or from the first on; none where the answer cannot be streamed any more."""
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._calls.patience_s):
                    request = self._calls.events_of(self._answer.id, self._answer.last_event)
                    response = await stack.enter_async_context(request)
            except openai.APIStatusError as err:
                trouble = self._trouble(err)
                if err.status_code == 404:
                    trouble = self._gone("is not there any more")
                elif not trouble.retryable and not isinstance(trouble, AuthFailed):
                    self._may_stream = False  # older than five minutes, say
                    return
            except (openai.OpenAIError, httpx2.HTTPError, TimeoutError) as err:
                trouble = self._trouble(err)
            else:
                async with aclosing(self._stream(response)) as items:
                    async for item in items:
                        yield item
                return
            raise trouble

    async def _whole(self) -> tuple[Json, float]:
        """The answer as it stands, and the seconds after which to look again."""
        try:
            async with asyncio.timeout(self._calls.patience_s):
                async with self._calls.whole(self._answer.id) as response:
                    wait_s = _poll_after_s(response.headers)
                    body = await _bounded(response)
        except openai.APIStatusError as err:
            trouble = self._trouble(err)
            if not trouble.retryable and not isinstance(trouble, AuthFailed):
                trouble = self._gone("is not there any more")
        except (openai.OpenAIError, httpx2.HTTPError, TimeoutError) as err:
            trouble = self._trouble(err)
        else:
            payloads = list(await in_thread(Payloads.whole(body)))
            if not payloads:
                raise call_errors.malformed(self._asked)
            return payloads[0], wait_s
        raise trouble

    async def _stream(self, response: Response) -> AsyncGenerator[Item]:
        answer, payloads = self._answer, Payloads()
        try:
            async with (
                aclosing(_Chunks(response.http_response.aiter_bytes())) as chunks,
                aclosing(self._payloads(chunks, payloads)) as found,
            ):
                async for payload in found:
                    for item in (Life(),) if payload is None else await self._brought(payload):
                        yield item
        except httpx2.HTTPError as err:
            trouble = self._trouble(err) if isinstance(err, httpx2.TimeoutException) else None
        except ValueError:
            trouble = call_errors.malformed(self._asked) if answer.id else self._no_such_api()
        else:
            for payload in payloads.close():
                for item in await in_thread(answer.apply(payload) if payloads.is_whole else answer.feed(payload)):
                    yield item
            if payloads.is_web_page:
                raise call_errors.web_page(self._asked) if answer.id else self._no_such_api()
            if answer.says_nothing:
                raise self._no_such_api() if payloads.says_something else call_errors.empty(self._asked)
            return
        raise trouble or call_errors.dropped(self._asked)

    async def _payloads(self, chunks: _Chunks, payloads: Payloads) -> AsyncGenerator[Json | None]:
        """What a stream brings, to the end of the answer or of the body; None where it waits and says nothing."""
        answer = self._answer
        while not answer.is_over and not answer.has_hole:
            # A stream that says nothing may belong to an answer that waits in a queue, or always will.
            says_nothing = answer.id and answer.status in ("", "queued")
            chunk = await chunks.next(self._calls.beat_s if says_nothing else None)
            await self._mind_the_time()
            if chunk is None and answer.status:
                yield None
            elif not chunk:
                return
            else:
                async for portion in in_turns(chunk):
                    for payload in payloads.feed(portion):
                        yield payload

    async def _brought(self, payload: Json) -> Iterator[Item]:
        """What an event brings. A state, or the text of a part, may be all of the answer."""
        found, is_piece = self._answer.feed(payload), len(str(payload.get("delta", ""))) < HEAP_BYTES
        is_small = is_piece and not payload.keys() & {"response", "part", "text"}
        return found if is_small and len(self._answer.thoughts.held) < HEAP_BYTES else await in_thread(found)

    async def _mind_the_time(self) -> None:
        """An answer that waits in the queue for too long, or never ends, is given up."""
        now, answer = self._calls.now(), self._answer
        if answer.status != "queued" or self._queued_since is None:
            self._queued_since = now
        if answer.progress != self._progress or self._quiet_since is None:
            self._progress, self._quiet_since = answer.progress, now
        if now - self._queued_since > self._calls.queued_s:
            why = f"waited in the queue there for {self._calls.queued_s:g} s"
        elif now - self._quiet_since > STALE_S:
            why = f"has brought nothing for {STALE_S:g} s"
        else:
            return
        if answer.id:
            await self._calls.cancel(answer.id)
        raise self._gone(why)

    def _no_such_api(self) -> KeepingRefused:
        """Something else answers there, with 200."""
        self._calls.keeps_none(self._asked)
        return _keeps_none(self._asked)

    def _trouble(self, err: Exception) -> ProviderError:
        return self._calls.trouble(self._asked, self._messages, err)[0]

    def _gone(self, why: str) -> AnswerGone:
        return AnswerGone(f"The answer that {self._asked.place} keeps {why}; the rest is asked for anew.")


class _Chunks:
    """The bytes of a body; a wait for them that was cut short goes on with the next one."""

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body = body
        self._pending: asyncio.Future[bytes] | None = None

    async def next(self, wait_s: float | None) -> bytes | None:
        """The next bytes; none at the end of the body, None where `wait_s` is over first."""
        if self._pending is None and wait_s is None:
            return await anext(self._body, b"")
        self._pending = self._pending or asyncio.ensure_future(self._anext())
        done, _ = await asyncio.wait([self._pending], timeout=wait_s)
        if not done:
            return None
        pending, self._pending = self._pending, None
        return pending.result()

    async def _anext(self) -> bytes:
        return await anext(self._body, b"")

    async def aclose(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.wait([self._pending])
            self._pending = None
        await cast(AsyncGenerator[bytes], self._body).aclose()


async def _bounded(response: Response) -> bytes:
    body = b""
    async for chunk in response.http_response.aiter_bytes():
        body += chunk
        if len(body) > MAX_EVENT_BYTES:
            break
    return body


def _poll_after_s(headers: Mapping[str, str]) -> float:
    """How long the endpoint wants to be left alone before it is asked again."""
    said = headers.get("openai-poll-after-ms", "")
    return min(MOST_POLL_S, max(POLL_S / 4, int(said) / 1_000)) if said.isascii() and said.isdigit() else POLL_S


async def _filtered() -> AsyncGenerator[Item]:
    yield Finish(reason=FinishReason.FILTERED)


def _keeps_none(asked: Asked) -> KeepingRefused:
    return KeepingRefused(f"{asked.place} keeps no answers. STREAMGEN_DELIVERY=auto spares this attempt.")
