"""Calls to any OpenAI-compatible endpoint, over the openai SDK's client: the only file that knows the network.

What goes over the wire is in `dialects` (out), `answers` (in), `call_errors` (errors). It learns, but never retries.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx2
import openai

from generation.errors import AuthFailed, ModelNotFound, PrefillRefused, ProviderError, ProviderRefused, StreamRefused
from generation.providers.base import Begun, Finish, FinishReason, Item, Life, Message, Piece
from generation.providers.openai_compatible import call_errors, connections, excerpts, filters, heaps, network, phrases
from generation.providers.openai_compatible.answer.answers import Answer
from generation.providers.openai_compatible.call_errors import Asked, Said
from generation.providers.openai_compatible.connections import Response
from generation.providers.openai_compatible.dialects import (
    OPENAI_MODEL,
    OPENAI_URL,
    ContinuationSetting,
    Dialect,
    RequestFields,
    address_for,
    host_of,
)
from generation.providers.openai_compatible.model_list import keyless_headers, models_of
from generation.providers.openai_compatible.pace import Pace
from generation.providers.openai_compatible.responses.kept_calls import KeptCalls
from generation.providers.openai_compatible.waits import named_wait_s

logger = logging.getLogger(__name__)

# It logs the address of every call, and an address may hold a key in its query.
logging.getLogger("httpx2").setLevel(logging.WARNING)

CHAT_LESSONS = 10
"""Refusals one call may learn from: a few parameters, and a limit halved from 32 000 to 256."""
USAGE_WAIT_S = 2.0
"""How long the usage may take after a finish that came by itself; the text is complete already."""
STALL_PART = 0.8
"""After any other finish more may come: so much of the stall limit is waited, and the caller, who has that limit, never
sees it pass."""
MODEL_LIST_S = 2.0
_LEARNING = (400, 422, 500, 501)
"""Statuses of requests that are refused for what they hold; templates of chat servers fail with 500."""
_REFUSES_ANYBODY = (401, 403, 429)
"""Statuses that say nothing about which models there are."""
_REQUEST_IDS = ("x-request-id", "request-id", "x-ms-request-id", "apim-request-id", "x-amzn-requestid", "cf-ray")


class OpenAICompatible:
    """A `Provider` for an address of the OpenAI chat-completions form; the key is optional.

    `connect_s` bounds the connecting, the larger of `first_piece_s` and `thinking_s` with `stall_s` the waiting for
    bytes. That is only a net: bytes are no pieces (some servers send comments to keep a connection open), and the
    caller guards those. `flush_s` says how often text is wanted, and `flush_chars` how much of it at once: a stream
    that brings less is read no oftener, once it flows.
    `extra` goes into every request body as it is (sampling parameters, say).
    """

    def __init__(
        self,
        *,
        base_url: str = "",
        api_key: str = "",
        model: str = "",
        continuation: ContinuationSetting = "auto",
        connect_s: float = 5.0,
        first_piece_s: float = 60.0,
        stall_s: float = 30.0,
        thinking_s: float = 0.0,
        flush_s: float = 0.0,
        flush_chars: int = 0,
        extra: Mapping[str, Any] | None = None,
        name: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        base_url = (base_url or OPENAI_URL).strip()
        if not connections.is_address(base_url):
            raise ProviderRefused("OPENAI_BASE_URL is not an http or https address.")
        self._key = api_key.strip()
        if not self._key.isascii() or not self._key.isprintable():
            raise AuthFailed("OPENAI_API_KEY has characters that no key has. Copy it once more.")
        base_url, self._login = connections.without_login(base_url)
        self._secrets = [self._key, *(self._login or ()), *connections.secrets_in(base_url)]
        self._address = address_for(base_url, continuation)
        self._dialect = Dialect(base_url, continuation)
        self._model = model or (OPENAI_MODEL if host_of(base_url) == host_of(OPENAI_URL) else "")
        self._place = urlsplit(base_url).netloc
        self._connect_s, self._read_s, self._stall_s = connect_s, first_piece_s + stall_s, stall_s
        self._net_s = max(first_piece_s, thinking_s) + stall_s
        self._flush_s, self._flush_chars = flush_s, flush_chars
        self._extra = dict(extra or {})
        self._now = now
        self._lines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Line] = WeakKeyDictionary()
        self._no_model: ProviderError | None = None
        self._kept = KeptCalls(
            client=lambda: self._line().client,
            dialect=self._dialect,
            said=self._said_within,
            trouble=self._trouble,
            patience_s=connect_s + self._read_s,
            queued_s=first_piece_s,
            extra=self._extra,
        )
        self.name = name or self._place

    @property
    def default_model(self) -> str:
        return self._model

    def prefills(self, model: str) -> bool:
        return self._dialect.prefills(model or self._model)

    def prefill_ignored(self, model: str) -> None:
        self._dialect.prefill_ignored(model or self._model)

    def streams(self, model: str) -> bool:
        return self._dialect.streams(model or self._model)

    async def prepare(self) -> None:
        """Ask an unknown endpoint once which software it is, and which model it has where none is set."""
        await _load_calls()
        if not self._must_probe:
            return
        line = self._line()
        async with line.looking:
            if not self._must_probe:
                return
            asked = self._asked("", streamed=False, prefilled=False)
            self._no_model = None
            try:
                async with asyncio.timeout(MODEL_LIST_S):
                    owners = await models_of(line.client)
            except openai.APIStatusError as err:
                if err.status_code in _REFUSES_ANYBODY or err.status_code >= 500:
                    self._no_model = self._refused(asked, err, self._said(err))
                    return
                owners = {}  # it has no such list, and will not have one later
            except (openai.OpenAIError, httpx2.HTTPError, TimeoutError) as err:
                self._no_model = connections.why_unreached(asked, err, self._read_s)
                return  # the call itself will say what is wrong, and the next one looks again
            first = next(iter(owners), "")
            self._dialect.probe(owners, owners.get(first, ""))
            self._model = self._model or first

    @property
    def _must_probe(self) -> bool:
        return self._dialect.must_probe or not self._model

    def stream(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        delivery: Literal["stream", "turns"] = "stream",
    ) -> AbstractAsyncContextManager[AsyncIterator[Item]]:
        return self._call(messages, model=model, max_tokens=max_tokens, streamed=delivery == "stream")

    def keeps(self, model: str) -> bool:
        return self._kept.keeps(model or self._model)

    @asynccontextmanager
    async def stream_kept(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, begun: Begun | None = None
    ) -> AsyncIterator[AsyncIterator[Item]]:
        # What is said of streams there is not about the ordinary ones.
        asked = await self._ready(model, streamed=False, prefilled=False)
        async with self._kept.stream(asked, messages, max_tokens, begun) as items:
            yield items

    async def cancel(self, answer: str) -> None:
        await self._kept.cancel(answer)

    async def aclose(self) -> None:
        if line := self._lines.pop(asyncio.get_running_loop(), None):
            await line.client.close()

    def _asked(self, model: str, *, streamed: bool, prefilled: bool) -> Asked:
        return Asked(
            place=self._place,
            model=model or self._model,
            has_own_model=bool(model) and model != self._model,
            has_key=bool(self._key),
            streamed=streamed,
            prefilled=prefilled,
            is_prefill_proven=self._dialect.is_prefill_proven(model or self._model),
        )

    async def _ready(self, model: str, *, streamed: bool, prefilled: bool) -> Asked:
        await self.prepare()
        asked = self._asked(model, streamed=streamed, prefilled=prefilled)
        if not asked.model:
            raise self._no_model or ModelNotFound(
                f"{self._place} does not say which models it has. Set STREAMGEN_MODEL."
            )
        return asked

    @asynccontextmanager
    async def _call(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, streamed: bool
    ) -> AsyncIterator[AsyncIterator[Item]]:
        prefilled = bool(messages) and messages[-1]["role"] == "assistant"
        asked = await self._ready(model, streamed=streamed, prefilled=prefilled)
        if streamed and not self.streams(asked.model):
            raise call_errors.no_streaming(asked)
        if prefilled and not self.prefills(asked.model):
            raise call_errors.no_prefill(asked)
        async with AsyncExitStack() as stack:
            opened = await self._open(stack, messages, asked, max_tokens)
            items = _filtered() if opened is None else self._items(*opened, messages, asked)
            yield await stack.enter_async_context(aclosing(items))

    async def _open(
        self, stack: AsyncExitStack, messages: Sequence[Message], asked: Asked, max_tokens: int
    ) -> tuple[Response, int] | None:
        """The answer, its headers received, and the limit it was asked to keep. None: the prompt was filtered."""
        for lessons_left in reversed(range(CHAT_LESSONS + 1)):
            body = self._dialect.request_body(
                messages, model=asked.model, max_tokens=max_tokens, streamed=asked.streamed, extra=self._extra
            )
            try:
                # The SDK reads the body of an error to its end, which a limit on each read does not bound.
                async with asyncio.timeout(self._connect_s + self._net_s):
                    timeout = connections.timeout_of(self._connect_s, self._net_s)
                    response = await stack.enter_async_context(_request(self._line().client, body, timeout))
            except openai.APIStatusError as err:
                said = self._said(err, messages)
                if err.status_code in _LEARNING:
                    if lessons_left and (lower := self._dialect.lowered(said.words, body)):
                        max_tokens = lower
                        continue
                    if lessons_left and self._dialect.learn(said.words, body):
                        continue
                if filters.is_refusal(err.status_code, _body_of(err), said.words):
                    return None
                trouble = self._refused(asked, err, said, messages)
                if isinstance(trouble, StreamRefused):
                    self._dialect.stream_refused(asked.model)
                elif isinstance(trouble, PrefillRefused) and self._dialect.prefill_refused(asked.model):
                    continue
            except (openai.OpenAIError, httpx2.HTTPError, TimeoutError) as err:
                trouble = connections.why_unreached(asked, err, self._net_s)
            else:
                if self._dialect.must_probe:  # its list of models cannot be had, although it answers
                    self._dialect.probe({}, "llamacpp" if response.headers.get("server") == "llama.cpp" else "")
                return response, self._dialect.limit_in(body)
            # Raised outside of `except`: what the SDK raised holds the prompt and the server's words.
            raise trouble
        raise AssertionError("the last round returns or raises")

    def _said(self, err: openai.APIStatusError, messages: Sequence[Message] = ()) -> Said:
        return self._words_of(_body_of(err), messages, headers=err.response.headers, status=err.status_code)

    def _words_of(
        self,
        body: object,
        messages: Sequence[Message],
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> Said:
        """What an error says, fit to choose by and to be shown."""
        words = call_errors.words(body)
        is_limit = (status or phrases.status_in(body, words)) == 429
        wait_s = named_wait_s(headers or {}, body, words, now=self._now(), is_limit=is_limit)
        quote = self._quoted(body, messages, excerpts.MOST_SHOWN_CHARS)
        return Said(words=words, quote=quote, wait_s=wait_s)

    def _quoted(self, body: object, messages: Sequence[Message], most_chars: int) -> str:
        prompt = "\n".join(message["content"] for message in messages)
        return excerpts.Scrubber(self._secrets, prompt).scrub(excerpts.sentence_in(body), most_chars)

    def _refused(
        self, asked: Asked, err: openai.APIStatusError, said: Said, messages: Sequence[Message] = ()
    ) -> ProviderError:
        headers = err.response.headers
        request = next((headers[name] for name in _REQUEST_IDS if name in headers), "-")[:80]
        self._log(asked, _body_of(err), messages, status=err.status_code, request=request)
        return call_errors.from_status(asked, err.status_code, said)

    def _log(self, asked: Asked, body: object, messages: Sequence[Message], *, status: int, request: str) -> None:
        logger.warning(
            "the endpoint refused a call place=%s status=%s request=%s model=%s says=%s",
            asked.place,
            status,
            request if request.isprintable() else "-",
            asked.model_shown,
            self._quoted(body, messages, excerpts.MOST_LOGGED_CHARS) or "-",
        )

    def _said_within(self, asked: Asked, messages: Sequence[Message], payload: object) -> Said:
        """What an error inside of an answer says."""
        self._log(asked, payload, messages, status=200, request="-")
        return self._words_of(payload, messages)

    def _trouble(self, asked: Asked, messages: Sequence[Message], err: Exception) -> tuple[ProviderError, str]:
        """The error for a call that failed, and the words that it came with."""
        if isinstance(err, openai.APIStatusError):
            said = self._said(err, messages)
            return self._refused(asked, err, said, messages), said.words
        return connections.why_unreached(asked, err, self._read_s), ""

    async def _items(
        self, response: Response, limit_tokens: int, messages: Sequence[Message], asked: Asked
    ) -> AsyncGenerator[Item]:
        said = partial(self._said_within, asked, messages)
        begun = next((message["content"] for message in reversed(messages) if message["role"] == "assistant"), "")
        # Whoever continues a begun answer does not think again.
        opens = True if asked.prefilled else self._dialect.opens_thoughts(asked.model)
        answer = Answer(asked, limit_tokens, said=said, begun=begun, opens=opens, now_s=time.monotonic)
        yield Life(is_accepted=True)
        try:
            async for item in self._read(response, answer, asked):
                yield item
        except ProviderError as trouble:
            for piece in answer.salvage():
                yield piece
            if isinstance(trouble, StreamRefused):
                self._dialect.stream_refused(asked.model)
            elif isinstance(trouble, PrefillRefused):
                self._dialect.prefill_refused(asked.model)
            raise
        finally:
            if answer.thoughts.is_lost or answer.thoughts.was_unopened:
                self._dialect.heard_thoughts(asked.model, are_opened=False)
        finish = answer.finish()
        if finish.reason is FinishReason.COMPLETE and not asked.prefilled:
            self._dialect.heard_thoughts(asked.model, are_opened=True)
        if answer.is_whole and asked.streamed:
            # It ignores the wish; in small turns the text at least comes in portions.
            self._dialect.stream_refused(asked.model)
        if asked.prefilled and finish.reason in (FinishReason.COMPLETE, FinishReason.TRUNCATED):
            self._dialect.prefill_worked(asked.model)
        yield finish

    async def _read(self, response: Response, answer: Answer, asked: Asked) -> AsyncGenerator[Piece | Life]:
        trouble, stream, clock = None, None, asyncio.get_running_loop().time
        heard_at, pace = clock(), Pace(self._flush_s, self._flush_chars)
        async with aclosing(response.http_response.aiter_bytes()) as chunks:
            while not answer.is_over:
                chunk: bytes | None = b"" if stream is None else stream.ready()
                try:
                    if not chunk:
                        chunk = await connections.next_of(chunks, self._patience_s(answer, clock() - heard_at))
                        stream = network.connection_of(response.http_response)
                except httpx2.HTTPError as err:
                    is_slow = isinstance(err, httpx2.TimeoutException)
                    trouble = call_errors.too_slow(asked, self._net_s) if is_slow else call_errors.dropped(asked)
                    break
                if chunk is None and not answer.is_sure:
                    answer.break_off()
                if not chunk:
                    break
                read_at, chars = clock(), 0
                async for portion in connections.in_turns(chunk):
                    for item in await heaps.items_of(answer, portion):
                        yield item
                        heard_at, chars = clock(), chars + (len(item.text) if isinstance(item, Piece) else 0)
                if heard_at >= read_at and not (answer.is_over or answer.has_reason):
                    await asyncio.sleep(pace.rest_s(len(chunk), chars, heard_at - read_at))
            if trouble is not None and not answer.is_sure:
                raise trouble
            if answer.is_over:
                await connections.drain(chunks)
        for item in await heaps.in_thread(answer.close()):
            yield item

    def _patience_s(self, answer: Answer, silent_s: float) -> float | None:
        """How long to wait for what may come after an end that was said; None before it."""
        if not answer.has_reason:
            return None
        most_s = self._stall_s * STALL_PART
        return max(0.0, (min(USAGE_WAIT_S, most_s) if answer.is_ended_apart else most_s) - silent_s)

    def _line(self) -> _Line:
        """The connections of the running event loop; they cannot be shared between loops."""
        loop = asyncio.get_running_loop()
        if (line := self._lines.get(loop)) is None:
            line = self._lines[loop] = _Line(self._client())
        return line

    def _client(self) -> openai.AsyncOpenAI:
        timeout = connections.timeout_of(self._connect_s, self._read_s)
        http_client = openai.DefaultAsyncHttpx2Client(
            timeout=timeout, auth=self._login, **connections.options_for(self._address)
        )
        network.read_whole(http_client)
        client = openai.AsyncOpenAI(
            base_url=self._address,
            api_key=self._key,
            max_retries=0,
            default_headers={"Accept-Encoding": "identity"},  # a few bytes can unpack to any number of them
            timeout=timeout,
            _enforce_credentials=False,
            http_client=http_client,
        )
        if host_of(self._address) != host_of(OPENAI_URL):
            client.organization = client.project = None  # the SDK takes them from the environment
        return client


class _Line:
    """What belongs to one event loop."""

    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self.client = client
        self.looking = asyncio.Lock()


async def _load_calls() -> None:
    """The SDK imports its calls when they are wanted: for a third of a second in which no stream would be read."""
    if "openai.resources.chat.chat" not in sys.modules:
        await asyncio.to_thread(lambda: openai.resources.chat.AsyncChat)


def _request(
    client: openai.AsyncOpenAI, body: RequestFields, timeout: httpx2.Timeout
) -> AbstractAsyncContextManager[Response]:
    create: Any = client.chat.completions.with_streaming_response.create
    named = {key: body[key] for key in ("model", "messages", "stream")}
    others = {key: value for key, value in body.items() if key not in named}
    request: AbstractAsyncContextManager[Response] = create(
        **named, extra_headers=keyless_headers(client), extra_body=others, timeout=timeout
    )
    return request


def _body_of(err: openai.APIStatusError) -> object:
    """All of it: the SDK keeps only what stands under "error"."""
    try:
        return json.loads(err.response.content)
    except (ValueError, RecursionError, httpx2.ResponseNotRead):
        return err.body


async def _filtered() -> AsyncGenerator[Item]:
    yield Finish(reason=FinishReason.FILTERED)
