"""The official SDK before the real product: documents as chat completions and as responses that can be resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

import httpx2
import pytest
from openai import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    OpenAI,
    PermissionDeniedError,
)

from tests.streamgen.agents.installation import PLAN, TWO_SECTIONS, ServedProduct
from tests.streamgen.agents.kills import kill_and_resume
from tests.streamgen.agents.resuming import RESPONSE_OVER

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def client(product: ServedProduct) -> Iterator[OpenAI]:
    with product.openai() as client:
        yield client


@pytest.fixture(scope="module")
def documents(product: ServedProduct) -> list[str]:
    """The models of one project's documents."""
    with product.client() as client:
        project = client.create_project("Lighthouse", "A lamp that never goes out.")
    return [f"streamgen/{project['id']}/{one['phase']}" for one in project["artifacts"]]


def ask(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def text_at(product: ServedProduct, model: str) -> str:
    _, project, phase = model.split("/")
    with product.client() as client:
        (artifact,) = [one for one in client.project(int(project))["artifacts"] if one["phase"] == phase]
        return client.text(artifact["id"])


def test_document_is_a_model_that_streams(product, client, documents):
    assert {"streamgen", *documents} <= {model.id for model in client.models.list()}
    assert client.models.retrieve(documents[0]).owned_by == "streamgen"
    asked = {"model": documents[0], "messages": ask("For people in a hurry."), "extra_body": {"plan": PLAN}}
    chunks = list(client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **asked))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == text_at(product, documents[0])
    assert text.startswith("## Why\n\n")
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens > 0
    again = client.chat.completions.create(**asked)
    assert (again.id, again.choices[0].message.content) == (chunks[0].id, text)


def test_dropped_client_finds_its_document_complete(product, client):
    asked = {
        "model": "streamgen",
        "messages": ask("# A café for sailors\n\nOpen at night."),
        "extra_body": {"plan": PLAN},
    }
    with client.chat.completions.create(stream=True, **asked) as stream:
        first = next(iter(stream))
    whole = client.chat.completions.create(**asked)
    assert (whole.id, whole.model) == (first.id, first.model)
    assert whole.choices[0].message.content == text_at(product, first.model)
    assert client.models.retrieve(first.model).name == "Chats: A café for sailors"
    other = client.responses.create(model="streamgen", input="Another.", background=True, extra_body={"plan": PLAN})
    assert other.model.rpartition("/")[0] == first.model.rpartition("/")[0]  # the same project
    assert other.model != first.model


def test_response_goes_on_behind_each_of_its_events_also_when_its_pieces_are_gone(product, client, documents):
    begun = client.responses.create(model=documents[1], input="Go.", background=True, extra_body={"plan": PLAN})
    assert begun.status in {"queued", "in_progress"}
    events = list(client.responses.retrieve(begun.id, stream=True))
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(set(numbers))
    assert [event.type.removeprefix("response.") for event in events if "delta" not in event.type] == [
        *("created", "in_progress", "output_item.added", "content_part.added"),
        *("output_text.done", "content_part.done", "output_item.done", "completed"),
    ]
    whole = events[-1].response
    text = whole.output_text
    assert text == text_at(product, documents[1]) == client.responses.retrieve(begun.id).output_text

    def rest(after: int) -> str:
        return "".join(
            event.delta
            for event in client.responses.retrieve(begun.id, stream=True, starting_after=after)
            if event.type == "response.output_text.delta"
        )

    places = {*numbers, *Random(5).sample(range(10 * len(text)), 12)}  # wherever other portions end
    assert {text[: max(0, number) // 10] + rest(number) for number in places} == {text}
    assert " 0  pieces" not in product.manage("prune", "--older-than", "0h")
    assert {text[: number // 10] + rest(number) for number in places} == {text}
    assert list(client.responses.retrieve(begun.id, stream=True, starting_after=numbers[-1])) == []
    with pytest.raises(BadRequestError, match="behind the end"):
        client.responses.retrieve(begun.id, stream=True, starting_after=numbers[-1] + 10)


def test_response_is_the_text_of_its_time_also_when_another_is_written(product, client, documents):
    asked = {"model": documents[2], "input": "Go.", "extra_body": {"plan": PLAN}}
    first = client.responses.create(**asked)
    assert (first.status, first.background) == ("completed", False)
    with product.client() as ours:
        ours.regenerate(int(first.id.split("_")[1]), plan=PLAN, instructions="Once more.")
    second = client.responses.create(**asked)
    assert second.id != first.id
    assert client.responses.retrieve(first.id).output_text == first.output_text
    resumed = [e.delta for e in client.responses.retrieve(first.id, stream=True) if "text.delta" in e.type]
    assert "".join(resumed) == first.output_text


def test_cancel_keeps_every_word_and_says_so(client, documents):
    begun = client.responses.create(model=documents[3], input="Go.", background=True, extra_body={"plan": TWO_SECTIONS})
    seen = ""
    with client.responses.retrieve(begun.id, stream=True) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                seen += event.delta
                break
    stopped = client.responses.cancel(begun.id)
    assert (stopped.status, stopped.output_text.startswith(seen)) == ("cancelled", True)
    assert client.responses.cancel(begun.id).output_text == stopped.output_text
    *_, last = client.responses.retrieve(begun.id, stream=True)
    assert (last.type, last.response.status) == ("response.incomplete", "cancelled")
    cut = client.chat.completions.create(model=documents[3], messages=ask("Go."))
    assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == (stopped.output_text, "length")


def test_pause_ends_the_stream_and_whoever_comes_again_gets_the_rest(product, client, documents):
    begun = client.responses.create(model=documents[4], input="Go.", background=True, extra_body={"plan": TWO_SECTIONS})
    artifact = int(begun.id.split("_")[1])
    events = []
    with product.client() as ours, client.responses.retrieve(begun.id, stream=True) as stream:
        for event in stream:
            events.append(event)
            if event.type == "response.output_text.delta" and len(events) == 6:
                ours.pause(artifact)
        assert events[-1].type == "response.incomplete"
        assert events[-1].response.incomplete_details.reason == "max_output_tokens"
        last = events[-1].sequence_number
        with client.responses.retrieve(begun.id, stream=True, starting_after=last) as waiting:
            ours.resume(artifact)
            events += waiting
    assert events[-1].type == "response.completed"
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == events[-1].response.output_text


def test_refusals_have_the_shape_that_the_sdk_knows(product, client, documents):
    client.chat.completions.create(model=documents[0], messages=ask("Go."))  # written by now, whatever ran before
    with product.openai("wrong") as nobody, pytest.raises(AuthenticationError) as refused:
        nobody.models.list()
    assert refused.value.code == "invalid_api_key"
    with product.openai(product.other_token) as stranger:
        assert [model.id for model in stranger.models.list()] == ["streamgen"]
        with pytest.raises(NotFoundError) as missing:
            stranger.chat.completions.create(model=documents[0], messages=ask("Go."))
        assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
        with pytest.raises(NotFoundError, match="not found"):
            stranger.responses.retrieve("resp_1_1")
    with product.client() as ours:
        ours.call("PUT", f"/projects/{documents[5].split('/')[1]}/members/bob", {"role": "viewer"})
    with product.openai(product.other_token) as viewer:
        with pytest.raises(PermissionDeniedError):
            viewer.chat.completions.create(model=documents[5], messages=ask("Go."))
        assert viewer.chat.completions.create(model=documents[0], messages=ask("?")).choices[0].message.content
        with pytest.raises(PermissionDeniedError):
            viewer.responses.cancel(client.responses.create(model=documents[0], input="?").id)
    with pytest.raises(BadRequestError, match="last message of the user"):
        client.chat.completions.create(model="streamgen", messages=[{"role": "system", "content": "Be kind."}])
    offered = client.models.list().data
    for refuse, field in (
        (lambda: client.responses.create(model="streamgen", input="On.", extra_body={"plan": [{"name": ""}]}), "plan"),
        (lambda: client.responses.create(model="streamgen", input="x" * 1_000_001), "input"),
        (lambda: client.chat.completions.create(model="streamgen", messages=ask("x" * 1_000_001)), "messages"),
    ):
        with pytest.raises(APIStatusError, match=field) as said:
            refuse()
        assert said.value.status_code == 422
        assert said.value.param.startswith(field)
    assert client.models.list().data == offered
    for method, path, status in (("GET", "/nothing", 404), ("GET", "/responses", 405), ("POST", "/models", 405)):
        headers = {"Authorization": f"Bearer {product.token}"}
        answer = httpx2.request(method, f"{product.address}/v1{path}", headers=headers)
        assert (answer.status_code, answer.json()["error"]["type"]) == (status, "invalid_request_error")


def test_read_that_is_known_is_304_until_it_is_another(product, client):
    login = {"Authorization": f"Bearer {product.token}"}
    asked = {"model": "streamgen", "background": True, "extra_body": {"plan": TWO_SECTIONS}}
    begun = client.responses.create(input="A brief of a tag.", **asked)
    under_way = httpx2.get(f"{product.address}/v1/responses/{begun.id}", headers=login)
    client.responses.cancel(begun.id)
    changed = httpx2.get(under_way.url, headers=login | {"If-None-Match": under_way.headers["etag"]})
    assert (changed.status_code, changed.json()["status"]) == (200, "cancelled")
    for path in ("models", f"models/{begun.model}", f"responses/{begun.id}"):
        read = httpx2.get(f"{product.address}/v1/{path}", headers=login)
        for said in (read.headers["etag"], f'"other", W/{read.headers["etag"]}', "*"):
            for method in ("GET", "HEAD"):
                again = httpx2.request(method, read.url, headers=login | {"If-None-Match": said})
                assert (again.status_code, again.content) == (304, b"")
                assert again.headers["etag"] == read.headers["etag"]
        head = httpx2.head(read.url, headers=login)
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", read.headers["etag"])
        assert httpx2.get(read.url, headers={"If-None-Match": read.headers["etag"]}).status_code == 401
    events = httpx2.head(f"{product.address}/v1/responses/{begun.id}?stream=true", headers=login)
    assert (events.status_code, events.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert "etag" not in events.headers


def test_page_of_another_origin_may_ask_with_a_token(product):
    asked = httpx2.options(f"{product.address}/v1/models", headers={"Origin": "https://chat.example.org"})
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, "*")
    answer = httpx2.get(f"{product.address}/v1/models")
    assert (answer.status_code, json.loads(answer.content)["error"]["code"]) == (401, None)


def test_killed_worker_and_killed_clients_leave_one_document_and_its_text(product):
    outcomes, worker_kills = kill_and_resume(product, range(3), Random(3))
    assert all(outcome.is_equal and outcome.is_one and outcome.rises for outcome in outcomes), outcomes
    assert worker_kills == 1
    assert sum(outcome.client_kills for outcome in outcomes) > 0, outcomes


def test_killed_server_and_its_reader_goes_on_behind_the_event_it_saw(product, client):
    begun = client.responses.create(
        model="streamgen", input="A brief of a server that dies.", background=True, extra_body={"plan": TWO_SECTIONS}
    )
    numbers: list[int] = []
    text, is_over, kills_left = "", False, 2
    while not is_over:
        seen = {"starting_after": numbers[-1]} if numbers else {}
        try:
            for event in client.responses.retrieve(begun.id, stream=True, **seen):
                numbers.append(event.sequence_number)
                text += event.delta if event.type == "response.output_text.delta" else ""
                is_over = event.type in RESPONSE_OVER
                if kills_left and text:
                    product.kill_server()
                    product.begin_serving()
                    kills_left -= 1
        except (APIConnectionError, InternalServerError):
            continue  # it listens already: who asks waits until it is there
    found = client.responses.retrieve(begun.id)
    assert (found.status, found.output_text) == ("completed", text)
    assert numbers == sorted(set(numbers))
    assert kills_left == 0


def test_message_behind_an_answer_has_the_document_written_anew_once(product, client):
    asked = {"model": "streamgen", "extra_body": {"plan": PLAN}}
    said = ask("A brief of a mill.")
    first = client.chat.completions.create(messages=said, **asked)
    said += [{"role": "assistant", "content": first.choices[0].message.content}, *ask("Shorter.")]
    second = client.chat.completions.create(messages=said, **asked)
    assert (second.model, second.streamgen["epoch"]) == (first.model, first.streamgen["epoch"] + 1)
    assert second.choices[0].finish_reason == "stop"
    assert client.chat.completions.create(messages=said, **asked).id == second.id
    with product.client() as ours:
        (row,) = ours.call("GET", f"/artifacts/{second.streamgen['artifact']}/versions")["items"]
        assert (row["epoch"], row["note"]) == (1, "Written: A brief of a mill.")
    said += [{"role": "assistant", "content": second.choices[0].message.content}, *ask("For engineers.")]
    third = client.chat.completions.create(messages=said, **asked)
    assert (third.model, third.streamgen["epoch"]) == (first.model, 3)
    assert client.chat.completions.create(messages=said[:3], **asked).id == second.id  # of its time
    by_name = {"model": first.model, "messages": [*said[1:2], *ask("And once more.")], "extra_body": {"plan": PLAN}}
    assert client.chat.completions.create(**by_name).streamgen["epoch"] == 4


def test_response_that_follows_another_writes_its_document_anew(product, client):
    plan = {"plan": TWO_SECTIONS}
    begun = client.responses.create(model="streamgen", input="A quay.", background=True, extra_body=plan)
    follows = {"model": "streamgen", "input": "Longer.", "previous_response_id": begun.id}
    with pytest.raises(ConflictError) as busy:
        client.responses.create(**follows)
    assert busy.value.code == "busy"
    client.responses.cancel(begun.id)
    second = client.responses.create(background=True, **follows)
    artifact, epoch = begun.id.split("_")[1:]
    assert second.id == f"resp_{artifact}_{int(epoch) + 1}"
    assert client.responses.create(background=True, **follows).id == second.id
    client.responses.cancel(second.id)
    with product.client() as ours:
        told = ours.artifact(int(artifact))["state"]["sections"]
        assert [section["name"] for section in told] == ["Why", "How"]
    for earlier in ("resp_999999_1", "nonsense"):
        with pytest.raises(BadRequestError) as refused:
            client.responses.create(model="streamgen", input="x", previous_response_id=earlier)
        assert refused.value.code == "previous_response_not_found"
    with product.openai(product.other_token) as other, pytest.raises(BadRequestError):
        other.responses.create(**follows)
