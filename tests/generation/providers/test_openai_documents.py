"""Whole documents from endpoints that talk in their own ways: from the socket to what is committed and shown."""

from __future__ import annotations

import pytest
from channels.db import database_sync_to_async

from artifacts.models import StreamStatus
from artifacts.reasons import Reason
from generation import control
from generation.providers import ChosenProvider
from generation.providers.openai_compatible.client import OpenAICompatible
from tests.support.endpoint.openai_raw import (
    DONE,
    HEAD,
    RawServer,
    Reply,
    chunk,
    error,
    event,
    http,
    json_document,
    raw_server,
    says,
)
from tests.support.workbench import start, text_of, until_artifact, until_ended, working
from tests.support.workbench import text_of_sections as joined

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

TEXT = "The lamp – 灯台 – turns once in ten seconds. 🚣🏽\n\n- It is seen\n- at 20 miles"
PIECES = [TEXT[at : at + 5] for at in range(0, len(TEXT), 5)]
SAID = [says(piece) for piece in PIECES]
STOP = says("", "stop")
CHANNEL = "<|start|>assistant<|channel|>"
GROWN = [says(TEXT[:end]) for end in range(5, len(TEXT) + 5, 5)]


def choice_of(server: RawServer, **options: object) -> ChosenProvider:
    options = {"model": "m", "continuation": "reprompt", **options}
    provider = OpenAICompatible(base_url=server.base_url, **options)  # type: ignore[arg-type]
    return ChosenProvider(provider=provider, name="test", why="the test says so")


WAYS: dict[str, list[Reply]] = {
    "eos": [[HEAD, *SAID, says("", "eosFound"), DONE]],
    "no word but done": [[HEAD, *SAID, DONE]],
    "stop with every piece": [[HEAD, *(part for piece in PIECES for part in (says(piece, "stop"), 0.05)), DONE]],
    "the whole at the end": [[HEAD, *SAID, event({"choices": [{"delta": {}, "message": {"content": TEXT}}]}), STOP]],
    "numbers that count": [[HEAD, *(chunk({"content": p}, index=n) for n, p in enumerate(PIECES)), DONE]],
    "pieces that grow": [[HEAD, *GROWN, says(TEXT, "stop"), DONE]],
    "a block of thoughts": [[HEAD, says("<think>"), says("Hm."), says("</think>\n\n"), *SAID, STOP]],
    "thoughts in a field": [[HEAD, *[chunk({"reasoning_content": "Hm. "}), 0.05] * 5, *SAID, STOP, DONE]],
    "a thought without an opening": [[HEAD, says("Okay, "), says("so.\n</think>"), says("\n\n"), *SAID, STOP]],
    "channels": [[HEAD, says(f"{CHANNEL}analysis<|message|>Hm<|end|>{CHANNEL}final<|message|>"), *SAID, STOP]],
    "a leaked mark": [[HEAD, *SAID, says("<|im_end|>"), STOP]],
    "a leaked mark in two pieces": [[HEAD, *SAID, says("<|endof"), says("response|>"), STOP]],
    "marks at both ends": [[HEAD, says("[/IN"), says("ST] "), *SAID, says("[E"), says("OS]"), STOP]],
    "a turn for another": [[HEAD, *SAID, says("</s><s>[INST]"), says(" More? [/INST] Yes."), says("", "length")]],
    "an analysis": [[HEAD, says("<anal"), says("ysis>\nHm.\n"), says("</analysis>\n\n"), *SAID, STOP]],
    "begun anew": [[HEAD, chunk({"role": "assistant"}), *SAID[:9], chunk({"role": "assistant"}), *SAID, STOP]],
    "one line break": [[HEAD, *(one.replace(b"\n\n", b"\n") for one in [*SAID, STOP, DONE])]],
    "data twice": [[HEAD, *(b"data: " + one for one in [*SAID, STOP]), DONE]],
    "no stream": [http(json_document(TEXT))],
    "no system role": [error("400 Bad Request", "System role not supported"), [HEAD, *SAID, STOP]],
    "a limit that passes": [error("429 Slow", "current quota, billing. Please retry in 0.2s."), [HEAD, *SAID, STOP]],
    "a model that loads": [error("503 Busy", "Loading model"), [HEAD, *SAID, STOP]],
    "other name of the limit": [error("400 Bad", "Unsupported parameter: 'max_tokens'"), [HEAD, *SAID, STOP]],
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_document_is_right_whatever_the_way(artifact, owner, way):
    async with raw_server(*WAYS[way]) as server, working(choice_of(server)):
        await start(artifact, owner, "Summary")
        done = await until_ended(artifact)
    assert done.stream_status == StreamStatus.COMPLETE, done.last_error
    assert await text_of(artifact) == joined([("Summary", TEXT)])


@pytest.mark.parametrize(
    ("replies", "reason", "said"),
    [
        ([[HEAD, *SAID, says("", "content_filter: PROHIBITED_CONTENT"), DONE]], "filtered", "content filter"),
        ([error("404 Not Found", "The model `m` does not exist")], "model_not_found", "Set STREAMGEN_MODEL"),
        ([error("429 Slow", {"error": {"message": "x", "code": "insufficient_quota"}})], "provider_error", "credit"),
        ([error("400 Bad", "No connected db.")], "provider_error", "No connected db."),
        ([http(b"", "307 Moved", Location="http://elsewhere.invalid/v1")], "provider_error", "elsewhere"),
    ],
)  # fmt: skip
async def test_what_cannot_pass_stops_at_once_and_says_why(artifact, owner, replies, reason, said):
    async with raw_server(*replies) as server, working(choice_of(server)):
        await start(artifact, owner, "Summary")
        paused = await until_ended(artifact)
        assert len(server.bodies) == 1
    assert (paused.stream_status, paused.reason) == (StreamStatus.PAUSED, reason)
    assert said in paused.last_error


async def test_thought_that_was_taken_for_text_is_told_and_left_out_when_written_anew(artifact, owner):
    reply: Reply = [HEAD, says("Lamps are described "), says("here.\n</think>\n\n"), *SAID, STOP]
    async with raw_server(reply) as server, working(choice_of(server)):
        await start(artifact, owner, "Summary")
        paused = await until_ended(artifact)
        assert (paused.stream_status, "Regenerate" in paused.last_error) == (StreamStatus.PAUSED, True)
        await database_sync_to_async(control.cancel)(artifact)
        await until_ended(artifact)
        await database_sync_to_async(control.regenerate)(artifact, owner)
        done = await until_ended(artifact)
    assert done.stream_status == StreamStatus.COMPLETE, done.last_error
    assert joined([("Summary", TEXT)]) in await text_of(artifact)


@pytest.mark.parametrize("verb", [control.cancel, control.pause])
@pytest.mark.parametrize("pieces", [["Okay, the user wants ", "a lamp"], ["We need to", " \0light \ud83d", "\udea3"]])
async def test_stop_keeps_what_was_held_back_because_it_may_be_a_thought(artifact, owner, verb, pieces):
    reply: Reply = [HEAD, *(says(piece) for piece in pieces), 60.0]
    async with raw_server(reply) as server, working(choice_of(server)):
        await start(artifact, owner, "Summary")
        await until_artifact(artifact, lambda now: now.reason == Reason.THINKING)
        await database_sync_to_async(verb)(artifact)
        await until_ended(artifact)
    said = "".join(pieces).replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16")
    assert await text_of(artifact) == joined([("Summary", said)])
