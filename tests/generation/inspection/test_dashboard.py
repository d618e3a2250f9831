"""The dashboard: what is written, waits, is stuck and failed, what it costs, and who does it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from artifacts.models import Artifact, CallCharge, Delta
from generation import control
from generation.inspection.dashboard import LISTED, charge_charts, dashboard_figures
from generation.inspection.journal import Journal
from generation.inspection.keeping import JournalEntry, begin_journal, save_journals
from generation.models import Worker
from generation.providers.base import Finish, FinishReason
from generation.queue import workers
from tests.support import documents

pytestmark = pytest.mark.django_db


def written(text: str = "Hello") -> Artifact:
    draft = documents.opened()
    draft.begin(0)
    draft.append(text)
    return Artifact.objects.get(pk=draft.pk)


def test_every_document_is_counted_where_it_belongs(artifact, owner):
    control.start(artifact, owner)
    alive, silent, left = written(), written(), written()
    Delta.objects.filter(artifact=silent).update(created_at=timezone.now() - timedelta(minutes=3))
    Artifact.objects.filter(pk=left.pk).update(lease_until=Now() - timedelta(minutes=1))
    failed, asked_to, old = documents.paused(), documents.paused(), documents.paused()
    Artifact.objects.filter(pk=failed.pk).update(reason="provider_error")
    Artifact.objects.filter(pk=asked_to.pk).update(reason="user")
    Artifact.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=2), reason="auth")
    documents.complete()
    figures = dashboard_figures()
    assert (figures.running, figures.waiting, figures.stuck, figures.failed_today, figures.complete_today) == (
        *(1, 1, 2, 1, 1),
    )
    assert [listed.artifact.pk for listed in figures.written] == [alive.pk]
    assert {listed.waiting.on for listed in figures.troubled if listed.waiting} == {"endpoint", "worker"}
    assert [row.pk for row in figures.failed] == [failed.pk]


def test_stuck_and_failed_documents_that_do_not_fit_are_counted_and_not_shown_as_written(admin_client):
    for _ in range(LISTED + 2):
        written()
        failed = documents.paused()
        Artifact.objects.filter(pk=failed.pk).update(reason="auth")
    Delta.objects.update(created_at=timezone.now() - timedelta(minutes=3))
    figures = dashboard_figures()
    assert (figures.stuck, len(figures.troubled), figures.running, figures.written) == (LISTED + 2, LISTED, 0, [])
    page = admin_client.get(reverse("admin:artifacts_artifact_dashboard")).content.decode()
    assert f'<p class="quiet">{LISTED} of {LISTED + 2}.</p>' in page
    assert f"The newest {LISTED} of {LISTED + 2}." in page


def test_document_that_thinks_is_not_stuck():
    thinking = written()
    Delta.objects.update(created_at=timezone.now() - timedelta(minutes=3))
    Artifact.objects.filter(pk=thinking.pk).update(reason="thinking")
    assert dashboard_figures().stuck == 0


def test_workers_with_load_and_age_and_the_slowest_endpoint_first(artifact):
    row = workers.register_worker("here:1", slots=4)
    workers.beat(row, running=3)
    workers.register_worker("gone:1", slots=8)
    Worker.objects.filter(name="gone:1").update(heartbeat_at=Now() - timedelta(minutes=5))
    for fence, (endpoint, first_ms) in enumerate((("quick:1", 200), ("slow:1", 9_000)), start=1):
        now = [0]
        journal = Journal(lambda now=now: now[0], endpoint=endpoint, model="tiny")
        journal.begin_call(
            0, section="", messages=[], max_tokens=1, delivery="stream", mode="prefill", has_before=False
        )
        now[0] = first_ms
        journal.text_came(0)
        now[0] += 1_000
        journal.end_call(0, Finish(reason=FinishReason.COMPLETE), None)
        begin_journal(artifact.pk, fence=fence, epoch=1, task=1, worker="here:1", is_takeover=False, length=0)
        save_journals([JournalEntry(artifact=artifact.pk, fence=fence, state=journal.state())])
    figures = dashboard_figures()
    assert (figures.slots_used, figures.slots) == (3, 4)
    assert [(worker.name, lives) for worker, lives, _ in figures.workers] == [("gone:1", False), ("here:1", True)]
    assert [(one.endpoint, one.first_text_s, one.call_s) for one in figures.endpoints] == [
        ("slow:1", 9.0, 10.0),
        ("quick:1", 0.2, 1.2),
    ]


def test_tokens_and_cost_by_day(artifact):
    for number, days in enumerate((0, 0, 3, 40)):
        charge = CallCharge.objects.create(
            *(),
            project=artifact.project_id,
            document=artifact.pk,
            artifact=artifact.pk,
            fence=1,
            number=number,
            epoch=1,
            prompt_tokens=100,
            completion_tokens=50,
            cost=2_500_000_000,
        )
        CallCharge.objects.filter(pk=charge.pk).update(at=timezone.now() - timedelta(days=days))
    figures = dashboard_figures()
    charge_charts(figures)
    assert figures.tokens is not None
    assert figures.costs is not None
    assert len(figures.tokens.bars) == 14
    assert figures.tokens.bars[-1].told.endswith("300 tokens")
    assert figures.costs.bars[-4].told.endswith("2.5000 USD")
    assert sum(bar.height > 0 for bar in figures.tokens.bars) == 2


def test_page_costs_the_same_however_many_documents_there_are_and_reads_no_text(owner):
    user = User.objects.create_user("inspector", is_staff=True)
    wanted = ("view_artifact", "view_claimjournal", "view_callcharge")
    user.user_permissions.set(Permission.objects.filter(codename__in=wanted))
    client = Client()
    client.force_login(user)
    counts = []
    for _ in range(2):
        for _ in range(3):
            documents.complete("A text of its own.")
        with CaptureQueriesContext(connection) as queries:
            shown = client.get(reverse("admin:artifacts_artifact_dashboard")).content.decode()
        counts.append(len(queries))
        assert not any('"content"' in query["sql"] or '"preview_html"' in query["sql"] for query in queries)
    assert counts[0] == counts[1]
    assert shown.count('<figure class="chart">') == 2
    assert "complete today" in shown
    user.user_permissions.remove(Permission.objects.get(codename="view_callcharge"))
    assert "<figure" not in client.get(reverse("admin:artifacts_artifact_dashboard")).content.decode()
