"""Commands with a key: done once, answered alike, whoever dies in between; what is kept is sealed and bounded."""

from __future__ import annotations

import json
import signal
import threading
import uuid
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, connections
from django.db.models.functions import Now
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from artifacts.accounts import receipts, tokens
from artifacts.errors import StillUnderWay
from artifacts.models import AccessToken, Artifact, CommandReceipt, Project
from generation.models import GenerationTask
from tests.support import documents
from tests.support.servers import serving_product

KILLS = 4


def caller(user: User) -> Client:
    return Client(headers={"Authorization": f"Bearer {tokens.issue_token(user)}"})


def post(client: Client, path: str, key: str, body: Any = None, method: str = "POST") -> HttpResponse:
    content = b"" if body is None else json.dumps(body).encode()
    return client.generic(
        method, f"/api{path}", content, content_type="application/json", headers={"Idempotency-Key": key}
    )


def told(response: HttpResponse) -> tuple[int, str]:
    return response.status_code, json.loads(response.content).get("code", "")


@pytest.mark.django_db
def test_same_command_is_done_once_and_answered_alike(owner: User, artifact: Artifact) -> None:
    client = caller(owner)
    first, again = [post(client, f"/artifacts/{artifact.pk}/start", "a-key") for _ in range(2)]
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.content == first.content
    assert (first.get("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (None, "true")
    assert GenerationTask.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("key", ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"])
def test_key_stands_in_quotes_or_without(owner: User, key: str) -> None:
    client = caller(owner)
    first = post(client, "/projects", key, {"title": "A"})
    again = post(client, "/projects", "8e03978e-40d5-43dd-bc93-6894a57f9324", {"title": "A"})
    assert (first.status_code, again.content) == (201, first.content)
    assert Project.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", '""', "a b", "ä", "x" * 256, '"open'])
def test_key_that_cannot_be_used_is_400(owner: User, key: str) -> None:
    assert told(post(caller(owner), "/projects", key, {"title": "A"})) == (400, "bad_idempotency_key")
    assert not Project.objects.exists()


@pytest.mark.django_db
def test_key_of_another_command_is_422_and_does_nothing(owner: User, project: Project) -> None:
    client = caller(owner)
    post(client, f"/projects/{project.pk}/artifacts", "a-key", {"phase": "one"})
    others = [
        post(client, f"/projects/{project.pk}/artifacts", "a-key", {"phase": "two"}),
        post(client, "/projects", "a-key", {"phase": "one"}),
        post(client, f"/projects/{project.pk}", "a-key", {"title": "B"}, method="PATCH"),
    ]
    assert [told(other) for other in others] == [(422, "idempotency_key_reused")] * 3
    assert not project.artifacts.filter(phase="two").exists()


@pytest.mark.django_db
def test_keys_of_two_people_have_nothing_to_do_with_one_another(owner: User, stranger: User) -> None:
    answers = [post(caller(user), "/projects", "a-key", {"title": "A"}) for user in (owner, stranger)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content != answers[1].content


@pytest.mark.django_db
def test_refused_command_changed_nothing_and_may_come_again_with_its_key(owner: User, artifact: Artifact) -> None:
    client, path = caller(owner), f"/artifacts/{artifact.pk}/pause"
    assert told(post(client, path, "a-key")) == (409, "illegal_transition")
    assert not CommandReceipt.objects.exists()
    post(client, f"/artifacts/{artifact.pk}/start", "another")
    assert post(client, path, "a-key").json() == {"status": "paused"}


@pytest.mark.django_db
def test_nobody_is_answered_by_anothers_receipt(owner: User, artifact: Artifact) -> None:
    post(caller(owner), f"/artifacts/{artifact.pk}/start", "a-key")
    assert post(Client(), f"/artifacts/{artifact.pk}/start", "a-key").status_code == 401
    bad = Client(headers={"Authorization": "Bearer nobodys"})
    assert post(bad, f"/artifacts/{artifact.pk}/start", "a-key").status_code == 401


@pytest.mark.django_db
def test_session_needs_its_csrf_token_for_a_repeated_command_too(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    client.cookies["csrftoken"] = "a" * 32
    content = json.dumps({"title": "A"}).encode()
    for token, status in (("a" * 32, 201), ("a" * 32, 201), ("b" * 32, 403)):
        headers = {"Idempotency-Key": "a-key", "X-CSRFToken": token}
        answer = client.post("/api/projects", content, content_type="application/json", headers=headers)
        assert answer.status_code == status
    assert Project.objects.count() == 1


@pytest.mark.django_db
def test_first_request_that_is_under_way_is_409(owner: User) -> None:
    client = caller(owner)
    answers: list[HttpResponse] = []

    def meanwhile(execute: Any, sql: str, *rest: Any) -> Any:
        """While the first one makes its project, the second comes; of the same connection, which is in its claim."""
        if sql.startswith("INSERT") and Project._meta.db_table in sql and not answers:
            answers.append(post(client, "/projects", "a-key", {"title": "A"}))
        return execute(sql, *rest)

    with connection.execute_wrapper(meanwhile):
        first = post(client, "/projects", "a-key", {"title": "A"})
    assert (first.status_code, told(answers[0])) == (201, (409, "idempotency_in_flight"))
    assert answers[0]["Retry-After"] == "1"
    assert Project.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_at_once_do_it_once(every_database: str) -> None:
    owner = User.objects.create_user("owner")
    clients = [caller(owner) for _ in range(6)]
    answers = documents.together(
        *(lambda client=client: post(client, "/projects", "a-key", {"title": "A"}) for client in clients)
    )
    outcomes = {told(answer) for answer in answers}
    assert outcomes <= {(201, ""), (409, "idempotency_in_flight")}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert Project.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_claim_of_a_dead_process_ends_and_a_late_one_does_nothing(every_database: str) -> None:
    owner = User.objects.create_user("owner")
    first = receipts.claim_receipt(owner, "a-key", "digest")
    assert isinstance(first, receipts.Claimed)
    with pytest.raises(StillUnderWay):
        receipts.claim_receipt(owner, "a-key", "digest")
    CommandReceipt.objects.update(claimed_until=Now() - timedelta(seconds=1))
    second = receipts.claim_receipt(owner, "a-key", "digest")
    assert isinstance(second, receipts.Claimed)
    with pytest.raises(StillUnderWay):  # in its transaction: what it did is taken back
        first.keep(201, b"late")
    first.forget()
    second.keep(201, b"in time")
    kept = receipts.claim_receipt(owner, "a-key", "digest")
    assert kept == receipts.RepeatedAnswer(status=201, content=b"in time")


@pytest.mark.django_db
def test_secret_that_is_told_once_is_told_again_and_stands_in_no_row(owner: User) -> None:
    client = caller(owner)
    first, again = [post(client, "/tokens", "a-key", {"name": "laptop"}) for _ in range(2)]
    assert first.json()["token"] == again.json()["token"]
    assert AccessToken.objects.filter(name="laptop").count() == 1
    row = CommandReceipt.objects.get()
    stored = repr({field.attname: getattr(row, field.attname) for field in row._meta.fields}).encode()
    assert first.json()["token"].encode() not in stored + bytes(row.answer)
    assert b"a-key" not in stored + bytes(row.answer)


@pytest.mark.django_db
def test_answer_that_another_secret_key_sealed_is_said_to_be_lost(owner: User, settings: Any) -> None:
    client = caller(owner)
    post(client, "/projects", "a-key", {"title": "A"})
    settings.SECRET_KEY = "another one, and a long one at that, as they should be"
    assert told(post(client, "/projects", "a-key", {"title": "A"})) == (409, "idempotency_lost")
    assert Project.objects.count() == 1


@pytest.mark.django_db
def test_rows_are_bounded_by_number_by_size_and_by_age(owner: User, stranger: User) -> None:
    def rows(number: int, **fields: Any) -> None:
        CommandReceipt.objects.bulk_create(
            CommandReceipt(
                user=owner,
                key_digest=uuid.uuid4().hex,
                claimed_until=timezone.now(),
                answered_at=timezone.now(),
                status=201,
                **fields,
            )
            for _ in range(number)
        )

    client = caller(owner)
    rows(receipts.RECEIPTS_PER_USER + 5, size=1)
    post(client, "/projects", "one", {"title": "A"})
    assert CommandReceipt.objects.filter(user=owner).count() == receipts.RECEIPTS_PER_USER
    rows(9, size=1024 * 1024)
    post(client, "/projects", "two", {"title": "A"})
    assert CommandReceipt.objects.filter(user=owner, size=1024 * 1024).count() <= 4
    CommandReceipt.objects.update(created_at=timezone.now() - receipts.KEPT_FOR - timedelta(minutes=1))
    assert post(client, "/projects", "two", {"title": "A"}).get("Idempotency-Replayed") is None
    assert CommandReceipt.objects.count() == 1


@pytest.mark.django_db
def test_prune_removes_those_of_people_who_never_came_back(owner: User) -> None:
    post(caller(owner), "/projects", "a-key", {"title": "A"})
    CommandReceipt.objects.update(created_at=timezone.now() - timedelta(days=3))
    call_command("prune", "--older-than=24h", stdout=StringIO())
    assert not CommandReceipt.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_command_is_done_once_however_often_the_server_is_killed(owner: User, tmp_path: Path) -> None:
    """Killed with -9 somewhere in a command, which its client repeats with the same key until it is answered."""
    database, token, dice = Path(connection.settings_dict["NAME"]), tokens.issue_token(owner), Random(15)
    answers: dict[str, list[str]] = {}
    for number in range(KILLS):
        keys = [f"{number}-{one}" for one in range(40)]
        with serving_product("daphne", database=database, folder=tmp_path, STREAMGEN_CONCURRENCY="0") as server:
            ask(server.port, token, f"warm-{number}")
            timer = threading.Timer(dice.uniform(0.02, 0.6), lambda: server.process.send_signal(signal.SIGKILL))
            timer.start()
            for key in keys:
                if (said := ask(server.port, token, key)) is not None:
                    answers.setdefault(key, []).append(said)
            timer.join()
            server.process.wait()
    connections.close_all()
    CommandReceipt.objects.filter(answered_at=None).update(claimed_until=Now() - timedelta(seconds=1))
    with serving_product("daphne", database=database, folder=tmp_path, STREAMGEN_CONCURRENCY="0") as server:
        for number in range(KILLS):
            for one in range(40):
                said = ask(server.port, token, f"{number}-{one}")
                assert said is not None
                answers.setdefault(f"{number}-{one}", []).append(said)
    assert all(len(set(told)) == 1 for told in answers.values())
    titles = list(Project.objects.exclude(title__startswith="warm").values_list("title", flat=True))
    assert sorted(titles) == sorted(answers)
    assert any(len(told) > 1 for told in answers.values()), "no command was repeated after it had been answered"


def ask(port: int, token: str, key: str) -> str | None:
    """The answer to the command, None where the server died."""
    client = HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        "Host": "localhost",
    }
    try:
        client.request("POST", "/api/projects", json.dumps({"title": key}), headers)
        response = client.getresponse()
        body = response.read().decode()
    except (OSError, HTTPException):
        return None
    finally:
        client.close()
    return body if response.status == 201 else None
