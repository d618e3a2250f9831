"""A document in trouble at a real endpoint, and what of it an operator reads afterwards."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from io import StringIO

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from artifacts.models import Artifact, Delta, StreamStatus
from generation import control
from generation.inspection.incidents import incident_of
from generation.inspection.journal import Journal
from generation.inspection.keeping import JournalEntry, begin_journal, messages_of, save_journals
from generation.inspection.timeline import timeline_of
from generation.models import CallPrompt, ClaimJournal
from generation.queue import claims
from tests.support import documents
from tests.support.endpoint.openai_script import Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.workbench import choice_of, start, until_ended, working

TEXTS = {
    name: "".join(
        f"{name} {number}: ship {number * 7} came home by the light, twenty miles off.\n\n" for number in range(30)
    )
    for name in ("Purpose", "Dangers")
}
SECRET = "sk-1234567890abcdefghijklmn"
synced = database_sync_to_async


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_everything_that_happened_is_told_in_order(artifact, owner, settings):
    settings.OPENAI_API_KEY = SECRET
    trouble = [Behaviour(status=429, headers={"Retry-After": "0.05"}), Behaviour(cut_after_pieces=20)]
    script = Script(texts=TEXTS, by_section={"Purpose": trouble}, key=SECRET)
    async with serving_endpoint(script) as server, working(choice_of(server, api_key=SECRET)):
        await start(artifact, owner, "Purpose", "Dangers", instructions=f"The key is {SECRET}.")
        done = await until_ended(artifact)
        assert done.stream_status == StreamStatus.COMPLETE, done.last_error
    journal = await synced(ClaimJournal.objects.get)()
    assert (journal.ending, journal.left_out) == ("complete", 0)
    assert journal.chars == done.length
    assert (journal.calls, journal.retries) == (4, 2)
    kinds = [event["k"] for event in journal.events]
    assert kinds[:4] == ["begin", "call", "answer", "retry"]
    assert kinds[-1] == "stop"
    assert "seam" in kinds
    (refused,) = (event for event in journal.events if event.get("status") == 429 and event["k"] == "answer")
    assert refused["end"] == "rate_limited"

    timeline = await synced(timeline_of)(done)
    told = [row.words for row in timeline.rows]
    assert told[0] == "Start"
    assert timeline.rows[0].who == "owner"
    assert any("rate limited (429); waits" in words for words in told)
    assert any("joined to the text after" in words for words in told)
    assert told[-1] == "The claim is over: complete"
    assert [row.at for row in timeline.rows] == sorted(row.at for row in timeline.rows)
    assert [shape.kind for shape in timeline.picture.calls] == ["ill", "ill", "well", "well"]
    assert timeline.picture.most_chars == done.length

    first = await synced(CallPrompt.objects.select_related("journal").order_by("number").first)()
    messages = await synced(messages_of)(first)
    assert "Purpose" in str(messages)
    assert SECRET not in str(messages)
    rows = await synced(lambda: list(ClaimJournal.objects.values()))()
    assert SECRET not in str(rows)
    assert "twenty miles" not in str(rows)


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_what_is_kept_beside_a_document_is_a_part_of_its_size(artifact, owner):
    texts = {
        f"Part {part}": "".join(f"Ship {part}.{n} came home by the light.\n\n" for n in range(150))
        for part in range(10)
    }
    script = Script(texts=texts, default=Behaviour(piece_tokens=50))
    async with serving_endpoint(script) as server, working(choice_of(server, continuation="reprompt")):
        await start(artifact, owner, *texts, max_tokens=8_000)
        done = await until_ended(artifact)
    assert done.stream_status == StreamStatus.COMPLETE
    journal = await synced(ClaimJournal.objects.get)()
    prompts = await synced(lambda: [bytes(prompt.packed) for prompt in CallPrompt.objects.all()])()
    assert len(prompts) == 10
    assert len(json.dumps(journal.events)) < 0.1 * done.length
    assert sum(map(len, prompts)) < 0.3 * done.length


def inspector(*permissions: str) -> Client:
    user = User.objects.create_user("inspector", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def half_written(owner: User, artifact: Artifact) -> Artifact:
    """Claimed, asked for, and its worker is gone."""
    control.start(artifact, owner)
    claim = claims.claim("here:1", lease_s=5)
    assert claim is not None
    journal = Journal(lambda: 0, kept_prompts=5)
    journal.begin_section(0)
    journal.begin_call(
        0,
        section="Purpose",
        messages=[{"role": "user", "content": "Say what the lamp is for."}],
        max_tokens=300,
        delivery="stream",
        mode="reprompt",
        has_before=False,
    )
    save_journals([JournalEntry(artifact=artifact.pk, fence=claim.fence, state=journal.state())])
    documents.expire(artifact.pk)
    claims.claim("here:2", lease_s=5)
    return Artifact.objects.get(pk=artifact.pk)


@pytest.mark.django_db
def test_takeover_and_a_call_without_an_end_are_seen(artifact, owner):
    timeline = timeline_of(half_written(owner, artifact))
    told = [(row.kind, row.who) for row in timeline.rows if row.kind in {"claim", "lost", "takeover"}]
    assert told == [("claim", "here:1"), ("lost", "here:1"), ("takeover", "here:2")]
    assert [shape.kind for shape in timeline.picture.calls] == ["open"]
    assert [shape.kind for shape in timeline.picture.claims] == ["lost", "takeover"]


@pytest.mark.django_db
def test_worker_that_was_killed_is_seen_to_write_until_its_last_piece(artifact, owner):
    """Its journal was saved before."""
    written = half_written(owner, artifact)
    lost, successor = ClaimJournal.objects.order_by("fence")
    ClaimJournal.objects.filter(pk=successor.pk).update(began_at=lost.began_at + timedelta(seconds=20))
    for number, after_s in enumerate((4, 9, 21)):
        piece = Delta.objects.create(artifact=written, epoch=written.epoch, seq=90 + number, offset=number, text="x")
        Delta.objects.filter(pk=piece.pk).update(created_at=lost.began_at + timedelta(seconds=after_s))
    (heard,) = (row for row in timeline_of(written).rows if row.kind == "lost")
    assert heard.at == lost.began_at + timedelta(seconds=9)


@pytest.mark.django_db
def test_page_shows_prompts_to_whoever_may_read_them_and_to_nobody_else(artifact, owner):
    half_written(owner, artifact)
    client = inspector("view_artifact", "view_claimjournal")
    address = reverse("admin:artifacts_artifact_timeline", args=[artifact.pk])
    prompt = reverse("admin:generation_callprompt_change", args=[CallPrompt.objects.get().pk])
    shown = client.get(address).content.decode()
    assert "takes over" in shown.lower()
    assert "<svg" in shown
    assert prompt not in shown
    assert client.get(prompt).status_code == 403
    user = User.objects.get(username="inspector")
    user.user_permissions.add(Permission.objects.get(codename="view_callprompt"))
    assert prompt in client.get(address).content.decode()
    assert "Say what the lamp is for." in client.get(prompt).content.decode()


@pytest.mark.django_db
def test_pages_are_for_whoever_may_inspect(artifact, owner):
    half_written(owner, artifact)
    client = inspector("view_artifact")
    for name, args in (("timeline", [artifact.pk]), ("incident", [artifact.pk]), ("dashboard", [])):
        assert client.get(reverse(f"admin:artifacts_artifact_{name}", args=args)).status_code == 403
    shown = client.get(reverse("admin:artifacts_artifact_change", args=[artifact.pk])).content.decode()
    assert "Timeline" not in shown
    assert client.get(reverse("admin:index")).content.decode().count("Dashboard") == 0


@pytest.mark.django_db
def test_earlier_text_has_a_timeline_of_its_own(artifact, owner):
    half_written(owner, artifact)
    control.cancel(artifact, owner)
    documents.expire(artifact.pk)
    claims.claim("here:3", lease_s=5)
    control.regenerate(Artifact.objects.get(pk=artifact.pk), owner)
    claims.claim("here:4", lease_s=5)
    now = Artifact.objects.get(pk=artifact.pk)
    verbs = [row.words for row in timeline_of(now).rows if row.kind == "person"]
    assert verbs == ["Regenerate"]
    assert [journal.worker for journal in timeline_of(now).journals] == ["here:4"]
    before = timeline_of(now, 1)
    assert [row.words for row in before.rows if row.kind == "person"] == ["Start", "Cancel"]
    assert before.epochs == [1, 2]
    assert timeline_of(now, 77).rows == []


@pytest.mark.django_db
def test_incident_holds_no_text_no_prompt_and_no_secret(artifact, owner, settings, tmp_path):
    settings.OPENAI_API_KEY = SECRET
    half_written(owner, artifact)
    draft = documents.opened()
    draft.begin(0)
    draft.append("A sentence that nobody else reads.")
    other = Artifact.objects.get(pk=draft.pk)
    Artifact.objects.filter(pk=other.pk).update(last_error=f"It says {SECRET}.")
    begin_journal(other.pk, fence=77, epoch=1, task=1, worker="here:1", is_takeover=False, length=0)
    out = StringIO()
    call_command("incident", str(other.pk), stdout=out)
    told = json.loads(out.getvalue())
    assert SECRET not in out.getvalue()
    assert "nobody else reads" not in out.getvalue()
    assert told["document"]["text_bytes"] == 34
    assert told["claims"][0]["worker"] == "here:1"
    first = json.dumps(incident_of(Artifact.objects.get(pk=artifact.pk)), default=str)
    assert "what the lamp is for" not in first
    assert '"k": "call"' in first
    file = tmp_path / "incident.json"
    call_command("incident", str(other.pk), "--output", str(file))
    assert json.loads(file.read_text())["document"]["pk"] == other.pk
    with pytest.raises(CommandError, match="There is no document 999999"):
        call_command("incident", "999999")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("incident", str(other.pk), "--output", str(tmp_path / "none" / "file"))
    client = inspector("view_artifact", "view_claimjournal")
    page = client.get(reverse("admin:artifacts_artifact_incident", args=[other.pk]))
    assert page["Content-Disposition"] == f'attachment; filename="incident-{other.pk}.json"'
    assert json.loads(page.content)["document"]["pk"] == other.pk
    chosen = {"action": "export_incident", "_selected_action": [artifact.pk, other.pk]}
    listed = client.post(reverse("admin:artifacts_artifact_changelist"), chosen)
    assert [one["document"]["pk"] for one in json.loads(listed.content)] == [other.pk, artifact.pk]


@pytest.mark.django_db
def test_list_of_claims_tells_the_one_that_goes_on_from_the_one_that_was_lost(artifact, owner):
    half_written(owner, artifact)
    page = inspector("view_claimjournal").get(reverse("admin:generation_claimjournal_changelist")).content.decode()
    told = re.findall(r"here:(\d)</td>.*?(goes on|no end is known)<", page, re.DOTALL)
    assert told == [("2", "goes on"), ("1", "no end is known")]


@pytest.mark.django_db
def test_old_journals_go_with_prune_and_new_ones_stay(artifact, owner):
    half_written(owner, artifact)
    ClaimJournal.objects.filter(fence=1).update(ended_at=ClaimJournal.objects.first().began_at - timedelta(days=40))
    out = StringIO()
    call_command("prune", "--older-than", "30d", stdout=out)
    assert [journal.worker for journal in ClaimJournal.objects.all()] == ["here:2"]
    assert not CallPrompt.objects.exists()
