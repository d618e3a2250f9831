"""`/v1`: the routes of the OpenAI API, for whoever holds a bearer token of ours. Beside Django, since answers last.

A cookie opens nothing here, so pages of any origin may call it with a token.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from django.urls import path, re_path

from artifacts.accounts.sessions import Sight
from artifacts.live import connections
from artifacts.live.close_codes import SocketRefused
from artifacts.models.user_model import User
from artifacts.streams.exchange import Exchange, Refused, refusal
from generation.errors import BudgetRefused
from streamgen.agents import asked_documents
from streamgen.agents.chat_requests import ChatRequest, ResponseRequest, read_request
from streamgen.agents.completions import completion
from streamgen.agents.event_numbers import NONE_SEEN, characters_seen
from streamgen.agents.openai_answers import EVENTS, JSON, CompletionStream, ResponseStream, WholeAnswer, error_of
from streamgen.agents.openai_errors import ApiRefused
from streamgen.agents.response_objects import response
from streamgen.agents.written_text import WrittenText
from streamgen.api_calls.entity_tags import READS
from streamgen.problems import problem_of
from streamgen.server.bodies import TooLarge
from streamgen.server.site_names import demand_site_name

logger = logging.getLogger(__name__)

ANY_ORIGIN = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "ETag, Retry-After"}
ANY_ORIGIN_ASKS = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "authorization, *",
    "Access-Control-Max-Age": "86400",
}
STOP_POLL_S, STOP_POLLS = 0.1, 50
"""A writer stops within moments; who cancels is told that it has."""

Answering = Callable[..., Awaitable[None]]


class OpenAIRoute:
    """One address: the caller is known before anything is read, and every refusal has the original's shape."""

    def __init__(self, answering: Answering, *methods: str) -> None:
        self._answering = answering
        self._methods = methods

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        is_begun = False

        async def noticed(message: Any) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        exchange = Exchange(scope, receive, noticed, always=ANY_ORIGIN)
        if exchange.method == "OPTIONS":
            await exchange.answer(204, ANY_ORIGIN_ASKS.items())
            return
        try:
            demand_site_name(scope)
            user = await database_sync_to_async(asked_documents.user_of)(exchange.header("authorization"))
            exchange.demand_method(*self._methods)
            await self._answering(exchange, user, **scope["url_route"]["kwargs"])
        except TooLarge:
            raise
        except Exception as error:
            if is_begun:
                raise
            refused = _refused(error, exchange)
            headers = {**dict(JSON), **refused.headers}
            await exchange.answer(refused.status, headers.items(), json.dumps({"error": refused.body}).encode())


def _refused(error: Exception, exchange: Exchange) -> ApiRefused:
    match error:
        case ApiRefused():
            return error
        case Refused():
            refused = ApiRefused(error.status, error.detail, headers=error.headers)
            refused.body = error_of(error)
            return refused
        case BudgetRefused():
            return ApiRefused(429, error.detail, code="insufficient_quota")
    problem = problem_of(error)
    if problem is None:
        logger.error("%s %s failed", exchange.method, exchange.path, exc_info=error)
        return ApiRefused(500, "Something went wrong on the server. Its log says what.")
    return ApiRefused(
        problem.status, problem.detail, code=problem.code or None, param=problem.field or None, headers=problem.headers
    )


async def _models(exchange: Exchange, user: User) -> None:
    rows = await database_sync_to_async(asked_documents.offered_models)(user)
    await _answer(exchange, {"object": "list", "data": rows})


async def _model(exchange: Exchange, user: User, name: str) -> None:
    await _answer(exchange, await database_sync_to_async(asked_documents.model_named)(user, name))


async def _chat_completions(exchange: Exchange, user: User) -> None:
    asked = await asyncio.to_thread(read_request, ChatRequest, await exchange.request_content())
    begun, sight = await _begin(exchange, user, asked)
    if asked.stream:
        await CompletionStream(exchange, sight, begun, with_usage=asked.wants_usage).run()
    else:
        await WholeAnswer(exchange, sight, begun, completion).run()


async def _responses(exchange: Exchange, user: User) -> None:
    asked = await asyncio.to_thread(read_request, ResponseRequest, await exchange.request_content())
    if asked.background and not asked.stream:
        begun = await database_sync_to_async(asked_documents.begin_document)(user, asked)
        await _answer(exchange, response(begun))
        return
    begun, sight = await _begin(exchange, user, asked)
    if asked.stream:
        await ResponseStream(exchange, sight, begun, NONE_SEEN).run()
    else:
        await WholeAnswer(exchange, sight, begun, lambda written: response(written, background=False)).run()


async def _response(exchange: Exchange, user: User, response_id: str) -> None:
    is_stream, seen = _read_query(exchange.query)
    find = database_sync_to_async(asked_documents.seen_response)
    written = await find(user, response_id, with_text=not is_stream)
    if not is_stream:
        await _answer(exchange, response(written))
        return
    if characters_seen(seen) > written.length:
        raise ApiRefused(400, "starting_after lies behind the end of this response.", param="starting_after")
    if exchange.method == "HEAD":
        await exchange.answer(200, EVENTS)
        return
    await ResponseStream(exchange, await _admitted(exchange, written), written, seen).run()


async def _cancel_response(exchange: Exchange, user: User, response_id: str) -> None:
    await exchange.request_content()
    await database_sync_to_async(asked_documents.stop_response)(user, response_id)
    for _ in range(STOP_POLLS):
        written = await database_sync_to_async(asked_documents.seen_response)(user, response_id)
        if written.status != "streaming":
            break
        await asyncio.sleep(STOP_POLL_S)
    written = await database_sync_to_async(asked_documents.seen_response)(user, response_id, with_text=True)
    await _answer(exchange, response(written))


async def _nothing(exchange: Exchange, user: User) -> None:
    raise ApiRefused(404, f"Invalid URL ({exchange.method} {exchange.path[:200]})", code="unknown_url")


async def _begin(exchange: Exchange, user: User, asked: ChatRequest | ResponseRequest) -> tuple[WrittenText, Sight]:
    begun: WrittenText = await database_sync_to_async(asked_documents.begin_document)(user, asked)
    return begun, await _admitted(exchange, begun)


async def _admitted(exchange: Exchange, written: WrittenText) -> Sight:
    try:
        return await connections.admit(exchange.credentials, written.id.artifact_id)
    except SocketRefused as refused:
        raise refusal(refused.ending) from None


async def _answer(exchange: Exchange, content: Any) -> None:
    body = json.dumps(content).encode()
    tag = (("ETag", f'"{hashlib.sha256(body).hexdigest()[:32]}"'), ("Vary", "Authorization"))
    await exchange.answer(200, [*JSON, *(tag if exchange.method in READS else ())], body)


def _read_query(query: bytes) -> tuple[bool, int]:
    """Whether it is to be streamed, and the number of the last event that was seen. Raises `ApiRefused`."""
    try:
        fields = parse_qs(query.decode("latin-1"), max_num_fields=20)
    except ValueError:
        raise ApiRefused(400, "The query has too many fields.") from None
    after = fields.get("starting_after", [""])[-1]
    if after and not (after.isdecimal() and after.isascii() and len(after) <= 15):
        raise ApiRefused(400, "starting_after must be the number of an event.", param="starting_after")
    is_stream = fields.get("stream", [""])[-1].lower() in ("true", "1")
    return is_stream, int(after) if after else NONE_SEEN


# ASGI applications, not views
openai_urlpatterns = [
    path("v1/models", OpenAIRoute(_models, *READS)),  # type: ignore[arg-type]
    path("v1/models/<path:name>", OpenAIRoute(_model, *READS)),  # type: ignore[arg-type]
    path("v1/chat/completions", OpenAIRoute(_chat_completions, "POST")),  # type: ignore[arg-type]
    path("v1/responses", OpenAIRoute(_responses, "POST")),  # type: ignore[arg-type]
    path("v1/responses/<str:response_id>", OpenAIRoute(_response, *READS)),  # type: ignore[arg-type]
    path("v1/responses/<str:response_id>/cancel", OpenAIRoute(_cancel_response, "POST")),  # type: ignore[arg-type]
    re_path(r"^v1/", OpenAIRoute(_nothing, "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")),  # type: ignore[arg-type]
]
