"""Somebody writes documents from the command line, with no server anywhere."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import shlex
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from generation.writing import phases
from tests.support.commands import ROOT, environment, manage, run
from tests.support.endpoint.openai_script import Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.limits import WAIT_S

pytestmark = pytest.mark.asyncio

SAID = "One light for the whole coast.\n\n- It is seen for twenty miles.\n- It never goes out."
MORE = "".join(f"\n\nLamp {number} of the coast burns all night for its {number} ships." for number in range(25))
SECTIONS = ("Summary", "Problem and people", "Goals")


def endpoint(server) -> dict[str, str]:
    return {"STREAMGEN_PROVIDER": "openai", "OPENAI_BASE_URL": server.base_url, "STREAMGEN_MODEL": "m"}


async def test_brief_from_nothing_is_what_the_endpoint_sent(tmp_path):
    async with serving_endpoint(Script(default=Behaviour(text=SAID))) as server:
        ran = await run("generate", "--project", "Lighthouse", "--phase", "brief", folder=tmp_path, **endpoint(server))
        again = await run(
            "generate", "--project", "Lighthouse", "--phase", "brief", folder=tmp_path, **endpoint(server)
        )
        calls = len(server.requests)
    assert ran.code == 0, ran.err
    parts = ran.out.split("\n\n## ")
    assert calls == len(parts) >= 3
    assert parts[0].startswith("## Summary\n\n")
    assert all(part.split("\n\n", 1)[1] == SAID for part in parts)
    assert f"[{calls}/{calls}]" in ran.err
    assert (again.code, again.out) == (0, ran.out)
    assert "--again" in again.err


async def test_interrupt_pauses_says_how_to_go_on_and_that_command_does(folder):
    texts = {section.name: SAID for section in phases.phase_of("brief").plan} | {"Summary": SAID + MORE}
    async with serving_endpoint(Script(texts=texts, default=Behaviour(pause_s=0.02))) as server:
        words = ("generate", "--project", "Light's house", "--phase", "brief")
        async with manage(*words, folder=folder, **endpoint(server)) as running:
            await running.until("One light")
            running.process.send_signal(signal.SIGINT)
            ran = await running.ended()
        assert server.requests[0].state == "gone"
    assert ran.code == 3, ran.err
    assert ran.out.startswith("## Summary\n\nOne light")
    first, *_, last = ran.err.splitlines()
    assert re.fullmatch(r"Document \d+: .+", first)
    command = shlex.split(last.removeprefix("To go on: "))
    assert command[-5:] == list(words)
    async with serving_endpoint(Script(texts=texts)) as server:
        whole = await run(*command[2:], folder=folder, **endpoint(server))
    assert (whole.code, whole.err.splitlines()[0]) == (0, first), whole.err
    assert whole.out.startswith(f"## Summary\n\n{texts['Summary']}\n\n## ")


Steps = dict[str, Callable[[int], object]]


async def on_a_terminal(*words: str, folder: Path, steps: Steps | None = None, **variables: str) -> tuple[int, str]:
    """The exit code, and all that a terminal was sent. Each step is taken, with our end of the terminal, when its words
    were sent.
    """
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "manage.py"), *words),
        cwd=ROOT,
        env=environment(folder, TERM="xterm", COLUMNS="100", LINES="30", **variables),
        preexec_fn=lambda: os.login_tty(theirs),
    )
    os.close(theirs)
    sent, waiting = b"", [*(steps or {}).items()]
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                sent += await asyncio.to_thread(os.read, ours, 65_536)
            except OSError:  # nobody has the other end any more
                break
            while waiting and waiting[0][0].encode() in sent:  # one read may bring the words of two steps
                waiting.pop(0)[1](ours)
        code = await process.wait()
    os.close(ours)
    assert not waiting, sent
    return code, sent.decode().replace("\r\n", "\n")


NOTE_BELOW = re.compile("\x1bD\x1b\\[A\x1b7\r\n(.*?)\x1b8\x1b\\[J", re.DOTALL)
BRIEF = ("generate", "--project", "Lighthouse", "--phase", "brief")


def press_ctrl_c(terminal: int) -> None:
    os.write(terminal, b"\x03")


async def test_on_a_terminal_nothing_stands_in_the_document(folder):
    async with serving_endpoint(Script(default=Behaviour(text=SAID, pause_s=0.01))) as server:
        code, sent = await on_a_terminal(*BRIEF, folder=folder, **endpoint(server))
        again = await run(*BRIEF, folder=folder, **endpoint(server))
    assert code == 0, sent
    first, _, rest = sent.partition("\n")
    assert re.fullmatch(r"Document \d+: .+ Log: /.+/cli\.log", first)
    assert any("[1/" in note for note in NOTE_BELOW.findall(rest))
    document, _, ending = NOTE_BELOW.sub("", rest).rpartition("\n\x1b[2m")
    assert document == again.out
    assert ending.startswith("complete: ")


async def test_second_ctrl_c_cancels_also_where_the_pause_has_to_wait(folder):
    others = sqlite3.connect(folder / "streamgen.sqlite3", isolation_level=None)

    def while_the_database_is_busy(terminal: int) -> None:
        others.execute("BEGIN IMMEDIATE")
        press_ctrl_c(terminal)

    steps: Steps = {
        "One light": while_the_database_is_busy,
        "Ctrl-C again": press_ctrl_c,
        "Cancelling": lambda _: others.execute("ROLLBACK"),
    }
    async with serving_endpoint(Script(default=Behaviour(text=SAID * 20, pause_s=0.02))) as server:
        code, sent = await on_a_terminal(*BRIEF, folder=folder, steps=steps, **endpoint(server))
    others.close()
    assert code == 4, sent
    assert "^C" not in sent
    assert "To go on" not in sent


async def test_second_ctrl_c_cancels_what_the_first_one_paused(folder):
    steps: Steps = {"One light": press_ctrl_c, "paused: ": lambda _: None, "Ctrl-C again within": press_ctrl_c}
    async with serving_endpoint(Script(default=Behaviour(text=SAID * 20, pause_s=0.02))) as server:
        code, sent = await on_a_terminal(*BRIEF, folder=folder, steps=steps, **endpoint(server))
    assert code == 4, sent
    assert sent.rstrip().endswith("cancelled: what is written stays.")


async def test_trouble_pauses_and_the_same_words_go_on(folder):
    words = ("generate", "--project", "Lighthouse", "--phase", "brief", "--json")
    async with serving_endpoint(Script(key="right", default=Behaviour(text=SAID))) as server:
        paused = await run(*words, folder=folder, OPENAI_API_KEY="wrong-secret-key", **endpoint(server))
        whole = await run(*words, folder=folder, OPENAI_API_KEY="right", **endpoint(server))
    assert paused.code == 3
    state = json.loads(paused.out)["state"]
    assert (state["status"], state["reason"]) == ("paused", "auth")
    assert "OPENAI_API_KEY" in state["last_error"]
    assert "wrong-secret-key" not in paused.out + paused.err
    assert whole.code == 0, whole.err
    assert json.loads(whole.out)["text"].count(SAID) == json.loads(whole.out)["state"]["sections_total"]


async def test_phase_that_is_not_there_is_an_error_that_names_the_others(folder):
    ran = await run("generate", "--project", "Lighthouse", "--phase", "breif", folder=folder)
    assert ran.code == 1
    assert "brief, prd, specs, stories, artifacts, handoff" in ran.err
    assert "Traceback" not in ran.err


async def test_phase_key_and_project_title_are_checked(folder):
    bad_phase = await run("generate", "--project", "Lighthouse", "--phase", "No Phase", folder=folder)
    assert (bad_phase.code, "phase" in bad_phase.err) == (1, True)
    no_title = await run("generate", "--project", "", "--phase", "brief", folder=folder)
    assert (no_title.code, "title" in no_title.err) == (1, True)
