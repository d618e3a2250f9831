"""Streams read in a process of its own: by the product's provider, by the SDK's own iteration, and as bare bytes.

It runs as a child, see `child`; the argument is the port of the endpoint.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import openai

from bench.support.child import obey
from generation.providers.base import Message, Piece
from generation.providers.openai_compatible.client import OpenAICompatible

BASE_URL = f"http://127.0.0.1:{sys.argv[1]}/v1" if len(sys.argv) > 1 else ""
FLUSH_S, FLUSH_CHARS = 0.15, 400
"""As the settings have them."""
QUESTION: list[Message] = [{"role": "user", "content": "Write."}]

Reader = Callable[[str], Awaitable[int]]


async def measured(read: Reader, model: str, streams: int) -> dict[str, float]:
    """Characters that so many streams brought together, and what the process took for them."""
    cpu_s, began = time.process_time(), time.perf_counter()
    chars = sum(await asyncio.gather(*(read(model) for _ in range(streams))))
    return {"chars": chars, "cpu_s": time.process_time() - cpu_s, "seconds": time.perf_counter() - began}


async def product(*, model: str, streams: int) -> dict[str, float]:
    provider = OpenAICompatible(
        base_url=BASE_URL, api_key="bench", model=model, flush_s=FLUSH_S, flush_chars=FLUSH_CHARS
    )

    async def read(model: str) -> int:
        async with provider.stream(QUESTION, model=model, max_tokens=32_000) as items:
            return sum([len(item.text) async for item in items if isinstance(item, Piece)])

    try:
        return await measured(read, model, streams)
    finally:
        await provider.aclose()


async def sdk(*, model: str, streams: int) -> dict[str, float]:
    async with openai.AsyncOpenAI(base_url=BASE_URL, api_key="bench", max_retries=0) as client:

        async def read(model: str) -> int:
            chars = 0
            asked = client.chat.completions.create(model=model, messages=QUESTION, stream=True)  # type: ignore[arg-type]
            async with await asked as chunks:
                async for chunk in chunks:
                    chars += len(chunk.choices[0].delta.content or "")
            return chars

        return await measured(read, model, streams)


async def raw(*, model: str, streams: int) -> dict[str, float]:
    """The floor: the socket is read and nothing is understood; `chars` is what must have come."""

    async def read(model: str) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
        body = b'{"model": "%s"}' % model.encode()
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        end = b""
        while not end.endswith(b"0\r\n\r\n"):
            end = (end + await reader.read(65_536))[-16:]
        writer.close()
        return 0

    return await measured(read, model, streams)


async def main() -> None:
    await obey({"product": product, "sdk": sdk, "raw": raw}, {})


if __name__ == "__main__":
    asyncio.run(main())
