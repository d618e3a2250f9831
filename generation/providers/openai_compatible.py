"""Calls to any OpenAI-compatible endpoint, over the openai SDK's client: the only file that knows the network.

What goes over the wire is in `dialects` (out), `answers` (in) and `refusals` (errors). Never retries a failed call; a
request refused for a parameter is sent again without it, which is not a retry but a lesson.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager, suppress
from functools import cache
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import unquote, urlsplit, urlunsplit
from weakref import WeakKeyDictionary

import httpx2
import openai

from generation.providers import refusals
from generation.providers.answers import Answer
from generation.providers.base import (
    AuthFailed,
    Finish,
    FinishReason,
    Item,
    Message,
    ModelNotFound,
    Piece,
    PrefillRefused,
    ProviderError,
    ProviderRefused,
    StreamRefused,
)
from generation.providers.dialects import OPENAI_MODEL, OPENAI_URL, Body, Continuation, Dialect, address_for, host_of
from generation.providers.refusals import Asked

Response = openai.AsyncAPIResponse[Any]

# It logs the address of every call, and an address may hold a key in its query.
logging.getLogger("httpx2").setLevel(logging.WARNING)

MOST_LESSONS = 10
"""Refusals one call may learn from: two parameters, and a limit halved from 32 000 to 256."""
USAGE_WAIT_S = 2.0
"""How long the usage may take after the finish; the text is complete already."""
DRAIN_S = 0.05
"""How long to wait for the end of a body after its last event, so that the connection can be used again."""
KEEP_S = 3.0
"""How long an idle connection is kept. Many servers close theirs after 5 s, and a call must not meet that moment."""
LOOK_S = 2.0
MAX_MODEL_LIST_BYTES = 256_000
MAX_REFUSAL_BYTES = 32_000
_REFUSES_ANYBODY = (401, 403, 429)
"""Statuses that say nothing about which models there are."""


class OpenAICompatible:
    """A `Provider` for an address of the OpenAI chat-completions form; the key is optional.

    `connect_s` bounds the connecting, `first_piece_s` and `stall_s` together the waiting for bytes. That is only a net:
    bytes are no pieces (some servers send comments to keep a connection open), and the caller guards those.
    `extra` goes into every request body as it is (sampling parameters, say).
    """

    def __init__(
        self,
        *,
        base_url: str = "",
        api_key: str = "",
        model: str = "",
        continuation: Continuation = "auto",
        connect_s: float = 5.0,
        first_piece_s: float = 60.0,
        stall_s: float = 30.0,
        extra: Mapping[str, Any] | None = None,
        name: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        base_url = (base_url or OPENAI_URL).strip()
        if not _is_address(base_url):
            raise ProviderRefused("OPENAI_BASE_URL is not an http or https address.")
        self._key = api_key.strip()
        if not self._key.isascii() or not self._key.isprintable():
            raise AuthFailed("OPENAI_API_KEY has characters that no key has. Copy it once more.")
        self._login = _login_in(base_url)
        base_url = urlunsplit(urlsplit(base_url)._replace(netloc=urlsplit(base_url).netloc.rpartition("@")[2]))
        self._address = address_for(base_url, continuation)
        self._dialect = Dialect(base_url, continuation)
        self._model = model or (OPENAI_MODEL if host_of(base_url) == host_of(OPENAI_URL) else "")
        self._place = urlsplit(base_url).netloc
        self._connect_s, self._read_s = connect_s, first_piece_s + stall_s
        self._extra = dict(extra or {})
        self._now = now
        self._lines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Line] = WeakKeyDictionary()
        self._no_model: ProviderError | None = None
        self.name = name or self._place

    def prefills(self, model: str) -> bool:
        return self._dialect.prefills(model or self._model)

    def streams(self, model: str) -> bool:
        return self._dialect.streams(model or self._model)

    async def prepare(self) -> None:
        """Ask an unknown endpoint once which software it is, and which model it has where none is set."""
        if not self._must_look:
            return
        line = self._line()
        async with line.looking:
            if not self._must_look:
                return
            asked = Asked(place=self._place, model=self._model, has_key=bool(self._key), streamed=False)
            self._no_model = None
            try:
                async with asyncio.timeout(LOOK_S):
                    owner, first_model = await _owner_and_model(line.client)
            except openai.APIStatusError as err:
                if err.status_code in _REFUSES_ANYBODY or err.status_code >= 500:
                    self._no_model = self._refused(asked, err, refusals.words(err.body))
                    return
                owner, first_model = "", ""  # it has no such list, and will not have one later
            except (openai.OpenAIError, httpx2.HTTPError, TimeoutError) as err:
                self._no_model = self._unreached(asked, err)
                return  # the call itself will say what is wrong, and the next one looks again
            self._dialect.look(owner)
            self._model = self._model or first_model

    @property
    def _must_look(self) -> bool:
        return self._dialect.must_look or not self._model

    def stream(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        delivery: Literal["stream", "turns"] = "stream",
    ) -> AbstractAsyncContextManager[AsyncIterator[Item]]:
        return self._call(messages, model=model, max_tokens=max_tokens, streamed=delivery == "stream")

    async def aclose(self) -> None:
        if line := self._lines.pop(asyncio.get_running_loop(), None):
            await line.client.close()

    @asynccontextmanager
    async def _call(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, streamed: bool
    ) -> AsyncIterator[AsyncIterator[Item]]:
        await self.prepare()
        asked = Asked(
            place=self._place,
            model=model or self._model,
            has_key=bool(self._key),
            streamed=streamed,
            prefilled=bool(messages) and messages[-1]["role"] == "assistant",
        )
        if not asked.model:
            raise self._no_model or ModelNotFound(
                f"{self._place} does not say which models it has. Set STREAMGEN_MODEL."
            )
        if streamed and not self.streams(asked.model):
            raise refusals.no_streaming(asked)
        if asked.prefilled and not self.prefills(asked.model):
            raise refusals.no_prefill(asked)
        async with AsyncExitStack() as stack:
            opened = await self._open(stack, messages, asked, max_tokens)
            pieces = _filtered() if opened is None else self._pieces(*opened, asked)
            yield await stack.enter_async_context(aclosing(pieces))

    async def _open(
        self, stack: AsyncExitStack, messages: Sequence[Message], asked: Asked, max_tokens: int
    ) -> tuple[Response, int] | None:
        """The answer, its headers received, and the limit it was asked to keep. None: the prompt was filtered."""
        for lessons_left in reversed(range(MOST_LESSONS + 1)):
            body = self._dialect.body(
                messages, model=asked.model, max_tokens=max_tokens, streamed=asked.streamed, extra=self._extra
            )
            try:
                # The SDK reads the body of an error to its end, which a limit on each read does not bound.
                async with asyncio.timeout(self._connect_s + self._read_s):
                    response = await stack.enter_async_context(_request(self._line().client, body))
            except openai.APIStatusError as err:
                said = refusals.words(err.body)
                if err.status_code in (400, 422):
                    if lessons_left and (lower := self._dialect.lowered(said, body)):
                        max_tokens = lower
                        continue
                    if lessons_left and self._dialect.learn(said, body):
                        continue
                    if refusals.is_filtered(said):
                        return None
                trouble = self._refused(asked, err, said)
            except (openai.OpenAIError, httpx2.HTTPError, TimeoutError) as err:
                trouble = self._unreached(asked, err)
            else:
                if self._dialect.must_look:  # its list of models cannot be had, although it answers
                    self._dialect.look("llamacpp" if response.headers.get("server") == "llama.cpp" else "")
                return response, self._dialect.limit_in(body)
            # Raised outside of `except`: what the SDK raised holds the prompt and the server's words.
            raise trouble
        raise AssertionError("the last round returns or raises")

    def _refused(self, asked: Asked, err: openai.APIStatusError, said: str) -> ProviderError:
        wait_s = refusals.retry_after_s(err.response.headers, self._now())
        trouble = refusals.from_status(asked, err.status_code, said, retry_after_s=wait_s)
        if isinstance(trouble, StreamRefused):
            self._dialect.stream_refused(asked.model)
        elif isinstance(trouble, PrefillRefused):
            self._dialect.prefill_refused(asked.model)
        return trouble

    def _unreached(self, asked: Asked, err: Exception) -> ProviderError:
        causes = list(_causes(err))
        if any(isinstance(cause, httpx2.TooManyRedirects) for cause in causes):
            return refusals.circle(asked)
        if any(isinstance(cause, httpx2.ConnectTimeout) for cause in causes):
            return refusals.unreachable(asked, "slow")
        if any(isinstance(cause, (httpx2.TimeoutException, TimeoutError)) for cause in causes):
            return refusals.too_slow(asked, self._read_s)
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return refusals.unreachable(asked, "name")
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            return refusals.unreachable(asked, "certificate")
        if any(isinstance(cause, httpx2.ConnectError) for cause in causes):
            return refusals.unreachable(asked, "refused")
        return refusals.empty(asked)

    async def _pieces(self, response: Response, limit_tokens: int, asked: Asked) -> AsyncGenerator[Item]:
        answer = Answer(asked, limit_tokens)
        trouble = None
        async with aclosing(response.http_response.aiter_bytes()) as chunks:
            while not answer.is_over:
                try:
                    chunk = await _next(chunks, USAGE_WAIT_S if answer.has_reason else None)
                except httpx2.HTTPError as err:
                    is_slow = isinstance(err, httpx2.TimeoutException)
                    trouble = refusals.too_slow(asked, self._read_s) if is_slow else refusals.dropped(asked)
                    break
                if not chunk:
                    break
                for text in answer.feed(chunk):
                    yield Piece(text=text)
            if trouble is not None and not answer.has_reason:
                raise trouble
            if answer.is_over:
                await _drain(chunks)
        for text in answer.close():
            yield Piece(text=text)
        if answer.is_whole and asked.streamed:
            # It ignores the wish; in small turns the text at least comes in portions.
            self._dialect.stream_refused(asked.model)
        yield answer.finish()

    def _line(self) -> _Line:
        """The connections of the running event loop; they cannot be shared between loops."""
        loop = asyncio.get_running_loop()
        if (line := self._lines.get(loop)) is None:
            line = self._lines[loop] = _Line(self._client())
        return line

    def _client(self) -> openai.AsyncOpenAI:
        timeout = httpx2.Timeout(self._read_s, connect=self._connect_s)
        is_loopback = _is_loopback(self._address)
        client = openai.AsyncOpenAI(
            base_url=self._address,
            api_key=self._key,
            max_retries=0,
            default_headers={"Accept-Encoding": "identity"},  # a few bytes can unpack to any number of them
            timeout=timeout,
            _enforce_credentials=False,
            http_client=openai.DefaultAsyncHttpx2Client(
                timeout=timeout,
                auth=self._login,
                verify=_trusted(),
                # On this machine a new connection costs nothing, and llama.cpp sometimes closes one that it promised
                # to keep just when the next call begins.
                limits=httpx2.Limits(max_keepalive_connections=0 if is_loopback else None, keepalive_expiry=KEEP_S),
                # A proxy of the environment is not meant for a server on this machine.
                trust_env=not is_loopback,
                event_hooks={"response": [_bound_refusal]},
            ),
        )
        if host_of(self._address) != host_of(OPENAI_URL):
            client.organization = client.project = None  # the SDK takes them from the environment
        return client


class _Line:
    """What belongs to one event loop."""

    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self.client = client
        self.looking = asyncio.Lock()


class _Bounded(httpx2.AsyncByteStream):
    """The beginning of a body."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_REFUSAL_BYTES
        async for chunk in self._stream:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound_refusal(response: httpx2.Response) -> None:
    """The SDK reads the body of an error to its end; its words stand at its beginning."""
    if response.status_code >= 300 and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream)


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted. Loading them takes longer than a call on this machine, so it is done once."""
    return httpx2.create_ssl_context()


def _headers(client: openai.AsyncOpenAI) -> Any:
    """The SDK wants to be told in each request that there is no key."""
    return None if client.api_key else {"Authorization": openai.Omit()}


def _request(client: openai.AsyncOpenAI, body: Body) -> AbstractAsyncContextManager[Response]:
    create: Any = client.chat.completions.with_streaming_response.create
    named = {key: body[key] for key in ("model", "messages", "stream")}
    others = {key: value for key, value in body.items() if key not in named}
    request: AbstractAsyncContextManager[Response] = create(**named, extra_headers=_headers(client), extra_body=others)
    return request


async def _next(chunks: AsyncIterator[bytes], wait_s: float | None) -> bytes:
    """The next bytes; none at the end of the body, or when `wait_s` is over."""
    try:
        async with asyncio.timeout(wait_s):
            return await anext(chunks, b"")
    except TimeoutError:
        return b""


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read to the end of the body if it is there already: only then can the connection be used again."""
    with suppress(httpx2.HTTPError):
        await _next(chunks, DRAIN_S)


async def _filtered() -> AsyncGenerator[Item]:
    yield Finish(reason=FinishReason.FILTERED)


async def _owner_and_model(client: openai.AsyncOpenAI) -> tuple[str, str]:
    """Of the first model the endpoint lists: the software that owns it, and its name; "" where it says nothing."""
    body = b""
    async with client.models.with_streaming_response.list(extra_headers=_headers(client)) as response:
        async for chunk in response.http_response.aiter_bytes():
            body += chunk
            if len(body) > MAX_MODEL_LIST_BYTES:
                return "", ""
    try:
        first = json.loads(body)["data"][0]
        owner, name = first.get("owned_by"), first["id"]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", ""
    return (owner if isinstance(owner, str) else ""), (name if isinstance(name, str) else "")


def _is_address(address: str) -> bool:
    try:
        httpx2.URL(address)
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (ValueError, httpx2.InvalidURL):
        return False


def _login_in(address: str) -> tuple[str, str] | None:
    """The user and password of an address, which must not stay in it: addresses are logged."""
    parts = urlsplit(address)
    return (unquote(parts.username), unquote(parts.password or "")) if parts.username else None


def _causes(err: BaseException | None) -> Iterator[BaseException]:
    for _ in range(10):
        if err is None:
            return
        yield err
        if isinstance(err, BaseExceptionGroup):
            yield from err.exceptions
        err = err.__cause__ or err.__context__


def _is_loopback(address: str) -> bool:
    host = host_of(address)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
