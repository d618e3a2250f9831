"""Somebody writes documents from the command line, with no server anywhere."""

from __future__ import annotations

import json
import signal

import pytest

from tests.support.commands import manage, run
from tests.support.endpoint.openai_script import Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint

pytestmark = pytest.mark.asyncio

SAID = "One light for the whole coast.\n\n- It is seen for twenty miles.\n- It never goes out."
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


async def test_interrupt_cancels_keeps_the_text_and_says_so(tmp_path):
    slow = Behaviour(text=SAID * 20, pause_s=0.02)
    async with serving_endpoint(Script(default=slow)) as server:
        words = ("generate", "--project", "Lighthouse", "--phase", "brief")
        async with manage(*words, folder=tmp_path, **endpoint(server)) as running:
            await running.until("One light")
            running.process.send_signal(signal.SIGINT)
            ran = await running.ended()
        assert server.requests[0].state == "gone"
    assert ran.code == 4, ran.err
    assert ran.out.startswith("## Summary\n\nOne light")
    assert "cancelled" in ran.err
    assert "Traceback" not in ran.err


async def test_trouble_pauses_and_the_same_words_go_on(tmp_path):
    words = ("generate", "--project", "Lighthouse", "--phase", "brief", "--json")
    async with serving_endpoint(Script(key="right", default=Behaviour(text=SAID))) as server:
        paused = await run(*words, folder=tmp_path, OPENAI_API_KEY="wrong-secret-key", **endpoint(server))
        whole = await run(*words, folder=tmp_path, OPENAI_API_KEY="right", **endpoint(server))
    assert paused.code == 3
    state = json.loads(paused.out)["state"]
    assert (state["status"], state["reason"]) == ("paused", "auth")
    assert "OPENAI_API_KEY" in state["last_error"]
    assert "wrong-secret-key" not in paused.out + paused.err
    assert whole.code == 0, whole.err
    assert json.loads(whole.out)["text"].count(SAID) == json.loads(whole.out)["state"]["sections_total"]


async def test_phase_that_is_not_there_is_an_error_that_names_the_others(tmp_path):
    ran = await run("generate", "--project", "Lighthouse", "--phase", "breif", folder=tmp_path)
    assert ran.code == 1
    assert "brief, prd, specs, stories, artifacts, handoff" in ran.err
    assert "Traceback" not in ran.err


async def test_phase_key_and_project_title_are_checked(tmp_path):
    bad_phase = await run("generate", "--project", "Lighthouse", "--phase", "No Phase", folder=tmp_path)
    assert (bad_phase.code, "phase" in bad_phase.err) == (1, True)
    no_title = await run("generate", "--project", "", "--phase", "brief", folder=tmp_path)
    assert (no_title.code, "title" in no_title.err) == (1, True)
