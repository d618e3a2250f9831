"""The list of models that an endpoint has: the answer to the first question it is asked."""

from __future__ import annotations

import json
from typing import Any

import openai

MAX_MODEL_LIST_BYTES = 256_000


def keyless_headers(client: openai.AsyncOpenAI) -> Any:
    """The SDK wants to be told in each request that there is no key."""
    return None if client.api_key else {"Authorization": openai.Omit()}


async def models_of(client: openai.AsyncOpenAI) -> dict[str, str]:
    """The models the endpoint lists, in its order, and the software that owns each; "" where it says nothing."""
    body = b""
    async with client.models.with_streaming_response.list(extra_headers=keyless_headers(client)) as response:
        async for chunk in response.http_response.aiter_bytes():
            body += chunk
            if len(body) > MAX_MODEL_LIST_BYTES:
                return {}
    try:
        listed = json.loads(body)["data"]
        pairs = [(one["id"], one.get("owned_by")) for one in listed]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}
    return {name: owner if isinstance(owner, str) else "" for name, owner in pairs if isinstance(name, str)}
