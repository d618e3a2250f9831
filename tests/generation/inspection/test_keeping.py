"""Journals and prompts as rows: saved beside the writing, bounded, without secrets, and gone with what they tell of."""

from __future__ import annotations

import pytest

from artifacts.models import Artifact
from generation import control
from generation.inspection.journal import Journal
from generation.inspection.keeping import (
    MOST_CLAIMS,
    TIDIED_EVERY,
    JournalEntry,
    begin_journal,
    installation_secrets,
    messages_of,
    save_journals,
)
from generation.inspection.redaction import HIDDEN, redacted
from generation.models import CallPrompt, ClaimJournal
from generation.providers.base import Message
from generation.queue import claims
from tests.support import documents

pytestmark = pytest.mark.django_db

STABLE = "You write long documents about lamps, harbours and the people who tend them. " * 60


def journal_of(prompts: int = 3, *, words: str = "") -> Journal:
    journal = Journal(lambda: 1_000, kept_prompts=100)
    for number in range(prompts):
        journal.begin_call(
            0,
            section="Purpose",
            messages=[
                Message(role="system", content=STABLE),
                Message(role="user", content=f"Go on, {number}. {words}"),
            ],
            max_tokens=300,
            delivery="stream",
            mode="reprompt",
            has_before=False,
        )
    return journal


def kept(artifact: Artifact, journal: Journal, fence: int = 1) -> ClaimJournal:
    begin_journal(artifact.pk, fence=fence, epoch=1, task=1, worker="here:1", is_takeover=False, length=0)
    save_journals([JournalEntry(artifact=artifact.pk, fence=fence, state=journal.state())])
    return ClaimJournal.objects.get(artifact=artifact, fence=fence)


def test_claim_has_its_journal_from_the_first_moment(artifact, owner):
    task = control.start(artifact, owner)
    claims.claim("here:1", lease_s=5)
    journal = ClaimJournal.objects.get(artifact=artifact)
    assert (journal.worker, journal.fence, journal.task, journal.is_takeover) == ("here:1", 1, task.pk, False)
    assert journal.ended_at is None
    documents.expire(artifact.pk)
    claims.claim("here:2", lease_s=5)
    assert ClaimJournal.objects.get(artifact=artifact, fence=2).is_takeover


def test_saving_the_same_twice_changes_nothing_and_a_document_that_is_gone_keeps_nobody_from_it(artifact):
    journal, gone = journal_of(), documents.idle()
    first = kept(artifact, journal)
    entries = [
        JournalEntry(artifact=artifact.pk + 10_000, fence=1, state=journal.state()),
        JournalEntry(artifact=artifact.pk, fence=1, state=journal.state()),
    ]
    save_journals(entries)
    assert ClaimJournal.objects.get(pk=first.pk).events == first.events
    assert CallPrompt.objects.count() == 3
    kept(gone, journal_of())
    gone.delete()
    assert ClaimJournal.objects.count() == 1
    assert CallPrompt.objects.count() == 3


def test_prompts_come_back_as_they_were_and_what_repeats_costs_little(artifact, settings):
    settings.STREAMGEN_KEPT_PROMPTS = 100
    row = kept(artifact, journal_of(20))
    prompts = list(CallPrompt.objects.filter(journal=row).order_by("number"))
    assert [messages_of(prompt)[1]["content"] for prompt in prompts] == [f"Go on, {number}. " for number in range(20)]
    assert all(messages_of(prompt)[0]["content"] == STABLE for prompt in prompts)
    assert max(len(prompt.packed) for prompt in prompts[1:]) < 150


def test_first_and_newest_prompts_stay(artifact, settings):
    settings.STREAMGEN_KEPT_PROMPTS = 4
    journal = journal_of(3)
    row = kept(artifact, journal)
    journal.saved(journal.state())
    for _ in range(5):
        journal.begin_call(
            0,
            section="",
            messages=[Message(role="user", content="More.")],
            max_tokens=1,
            delivery="turns",
            mode="prefill",
            has_before=True,
        )
    save_journals([JournalEntry(artifact=artifact.pk, fence=1, state=journal.state())])
    numbers = list(CallPrompt.objects.filter(journal=row).order_by("number").values_list("number", flat=True))
    assert numbers == [1, 6, 7, 8]
    assert messages_of(CallPrompt.objects.get(journal=row, number=8))[0]["content"] == "More."


def test_prompt_is_kept_without_keys_and_in_part_where_it_is_long(artifact, settings):
    settings.OPENAI_API_KEY = "the-key-of-this-place"
    words = "the-key-of-this-place " + "x" * 100_000 + " the end"
    row = kept(artifact, journal_of(1, words=words))
    prompt = CallPrompt.objects.get(journal=row)
    content = messages_of(prompt)[1]["content"]
    assert "the-key-of-this-place" not in content
    assert "characters of this are not kept" in content
    assert content.endswith(" the end")
    assert len(content) < 50_000
    assert prompt.chars > 100_000


def test_document_keeps_the_journals_of_its_last_claims(artifact):
    for fence in range(1, MOST_CLAIMS + TIDIED_EVERY + 1):
        begin_journal(artifact.pk, fence=fence, epoch=1, task=1, worker="here:1", is_takeover=False, length=0)
    fences = list(ClaimJournal.objects.order_by("fence").values_list("fence", flat=True))
    assert len(fences) == MOST_CLAIMS
    assert fences[0] == TIDIED_EVERY + 1


def test_secret_of_an_address_is_taken_out_in_each_form_it_has(settings):
    settings.REDIS_URL = "redis://:p%40ss-of-redis@cache.example:6379/0"
    settings.STREAMGEN_METRICS_TOKEN = "the-metrics-token"
    said = f"{settings.REDIS_URL} refused p@ss-of-redis, then p%40ss-of-redis, then the-metrics-token."
    assert redacted(said, installation_secrets()) == f"{HIDDEN} refused {HIDDEN}, then {HIDDEN}, then {HIDDEN}."
