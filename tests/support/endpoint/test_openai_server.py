"""The tests' own OpenAI-compatible server: what other tests take for granted of it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.endpoint.openai_script import Behaviour, Request, Script, after_tail, position_in, section_in, tokens
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.limits import WAIT_S

TEXT = "One lamp turns. Two lamps turn.\n\n- Three lamps, which is one too many for a single rock in the sea."


def request(*messages: tuple[str, str]) -> Request:
    body = {"messages": [{"role": role, "content": content} for role, content in messages]}
    return Request(number=0, body=body, authorization=None)


def post(address: str, body: object, method: str = "POST") -> object:
    sent = urllib.request.Request(
        address, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
    )
    with urllib.request.urlopen(sent, timeout=WAIT_S) as response:
        return json.load(response)


@given(st.text())
def test_tokens_joined_are_the_text(text):
    assert "".join(tokens(text)) == text


def test_section_is_the_one_that_the_prompt_asks_for():
    texts = {"Goals": "g", "Risks": "r"}
    plan = "Its sections:\n1. Goals\n2. Risks\n\n"
    assert (
        section_in(request(("user", f"{plan}Section to write now, number 1 of 2: Goals\n\nNot Risks.")), texts)
        == "Goals"
    )
    assert section_in(request(("user", "Risks, then Goals"), ("assistant", "Risks")), texts) == "Goals"
    assert section_in(request(("user", "something else")), texts) == ""


def test_reprompted_text_goes_on_where_the_prompt_ends():
    written = TEXT[:60]
    words = TEXT[40:60]
    asked = request(("user", "Write."), ("assistant", written), ("user", f"Begin with {words}"))
    assert after_tail(TEXT, asked.prompt) == 60
    assert position_in(TEXT, asked, "goes on") == 60
    assert position_in(TEXT, asked, "copies") == 40
    assert position_in(TEXT, asked, "restarts") == 0
    assert position_in(TEXT, request(("user", "Write.")), "copies") == 0


def test_script_survives_json():
    script = Script(
        texts={"Goals": TEXT},
        replies=["Hello."],
        models=["m"],
        refuses=[],
        behaviours=[Behaviour(status=429, headers={"Retry-After": "1"}), Behaviour(insert={3: "data: \xff\n\n"})],
        by_section={"Goals": [Behaviour(finish=None)]},
        default=Behaviour(pause_s=0.1),
    )
    assert Script.from_json(json.loads(json.dumps(script.to_json()))) == script


@pytest.mark.asyncio
async def test_begun_answer_that_was_never_written_is_refused_and_named():
    async with serving_endpoint(Script(texts={"Goals": TEXT})) as server:
        body = {"messages": [{"role": "user", "content": "Goals"}, {"role": "assistant", "content": "Never said."}]}
        with pytest.raises(urllib.error.HTTPError, match="400"):
            await asyncio.to_thread(post, f"{server.base_url}/chat/completions", body)
        assert "not what this server wrote" in server.requests[0].problem


def test_server_runs_as_a_process_and_gives_account(tmp_path):
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"texts": {"Goals": TEXT}}))
    command = [sys.executable, "-m", "tests.support.endpoint.openai_server", "--port", "0", "--script", str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = f"http://127.0.0.1:{int(process.stdout.readline())}"
            asked = {"model": "m", "messages": [{"role": "user", "content": "Goals"}], "max_tokens": 3}
            answer = post(f"{address}/v1/chat/completions", asked)
            assert answer["choices"][0]["message"]["content"] == "".join(tokens(TEXT)[:3])
            assert answer["choices"][0]["finish_reason"] == "length"
            post(f"{address}/_script", {"replies": ["Another."]}, method="PUT")
            answer = post(f"{address}/v1/chat/completions", {**asked, "max_tokens": 9})
            assert answer["choices"][0]["message"]["content"] == "Another."
            with urllib.request.urlopen(f"{address}/_requests", timeout=WAIT_S) as response:
                remembered = json.load(response)
            assert [(one["section"], one["state"]) for one in remembered] == [("Goals", "answered"), ("", "answered")]
        finally:
            process.terminate()
