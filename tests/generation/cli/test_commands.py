"""The small commands: `token`, `watch` and `doctor`, as people and scripts call them."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now
from django.db.models.signals import post_save

from artifacts.accounts.tokens import user_for_token
from artifacts.models import AccessToken, Project
from generation.models import GenerationTask, Worker
from generation.queue import workers
from tests.support import documents
from tests.support.commands import ROOT, environment
from tests.support.endpoint.openai_script import Behaviour, Script
from tests.support.endpoint.openai_server import serving_endpoint
from tests.support.redis_server import redis_server

__all__ = ["redis_server"]

PROCESS_S = 60


def manage(*words: str, **variables: str) -> subprocess.Popen[str]:
    """`manage.py` on this test's database, in a process of its own."""
    here = {"DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}"}
    return subprocess.Popen(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=environment(ROOT, **here | variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


# token


@pytest.mark.django_db
def test_token_prints_nothing_but_the_token(owner, capsys):
    call_command("token", "owner")
    out, err = capsys.readouterr()
    assert re.fullmatch(r"sg_[\w-]{43}\n", out)
    assert err == ""
    assert user_for_token(out.strip()) == owner
    assert out.strip() not in AccessToken.objects.get().digest


@pytest.mark.django_db
def test_token_for_nobody_names_the_fix():
    with pytest.raises(CommandError, match="createsuperuser"):
        call_command("token", "nobody")


@pytest.mark.django_db
def test_token_for_an_inactive_user_is_not_made():
    User.objects.create_user("gone", is_active=False)
    with pytest.raises(CommandError, match="not active"):
        call_command("token", "gone")
    assert not AccessToken.objects.exists()


# watch


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("make", "code"), [(documents.complete, 0), (documents.paused, 3), (documents.cancelled, 4)], ids=["0", "3", "4"]
)
def test_watch_prints_the_text_and_exits_with_the_status(capsys, make, code):
    artifact = make()
    with pytest.raises(SystemExit) as caught:
        call_command("watch", str(artifact.pk))
    assert caught.value.code == code
    out, err = capsys.readouterr()
    assert out == artifact.text
    assert err.splitlines()[-1].startswith(f"{artifact.stream_status}: ")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wish", "refusal"),
    [({"parallel": 9}, "between 1 and 8"), ({"model": "other"}, "model"), ({"phase": "breif"}, "only brief, prd")],
)
def test_generate_makes_no_project_for_what_it_refuses(settings, tmp_path, wish, refusal):
    settings.STREAMGEN_MODELS, settings.DATA_DIR = ["one"], tmp_path
    with pytest.raises(CommandError, match=refusal):
        call_command("generate", **({"project": "Harbour", "phase": "brief"} | wish))
    assert not Project.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("which", [{"phase": "brief"}, {"all": True}], ids=["one", "all"])
def test_ctrl_c_before_writing_begins_pauses_and_says_how_to_go_on(settings, tmp_path, capsys, which):
    def press_ctrl_c(created: bool, **_: object) -> None:
        if created:
            os.kill(os.getpid(), signal.SIGINT)

    settings.DATA_DIR = tmp_path
    before = signal.getsignal(signal.SIGINT)
    post_save.connect(press_ctrl_c, sender=GenerationTask)
    try:
        with pytest.raises(SystemExit) as caught:
            call_command("generate", project="Harbour", **which)
    finally:
        post_save.disconnect(press_ctrl_c, sender=GenerationTask)
    assert caught.value.code == 3
    assert "To go on: " in capsys.readouterr().err
    assert list(GenerationTask.objects.values_list("status", "artifact__reason")) == [("paused", "user")]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.django_db(transaction=True)
def test_watch_of_nothing_says_so():
    with pytest.raises(CommandError, match=r"There is no document 4711\."):
        call_command("watch", "4711")


@pytest.mark.django_db(transaction=True)
def test_watch_in_another_process_shows_what_is_written_here():
    draft = documents.opened(total=1)
    draft.append("Begun; ")
    process = manage("watch", str(draft.pk))
    assert process.stdout.read(7) == "Begun; "
    draft.finish("Zwölf 🎈 more.")
    out, err = process.communicate(timeout=PROCESS_S)
    assert (process.returncode, out) == (0, "Zwölf 🎈 more.")
    assert err == "[1/1] Part 1: 0 tokens\ncomplete: 1 of 1 sections, 0 tokens.\n"


@pytest.mark.django_db(transaction=True)
def test_interrupted_watch_stops_watching_and_not_writing():
    draft = documents.opened()
    draft.append("Begun")
    process = manage("watch", str(draft.pk))
    assert process.stdout.read(5) == "Begun"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PROCESS_S)
    assert (process.returncode, err) == (130, "")
    row = documents.row(draft.pk)
    assert (row.stream_status, row.stop_requested) == ("streaming", "")


@pytest.mark.django_db(transaction=True)
def test_watch_ends_quietly_when_its_reader_does():
    draft = documents.opened()
    draft.append("Begun")
    process = manage("watch", str(draft.pk))
    assert process.stdout.read(5) == "Begun"
    process.stdout.close()
    draft.append(" and going on")
    assert process.wait(PROCESS_S) == 141
    assert process.stderr.read() == ""
    process.stderr.close()


# doctor


@pytest.fixture
def healthy(settings):
    """Settings that need nothing from outside."""
    settings.STREAMGEN_PROVIDER = "scripted"
    return settings


def use_redis(settings, url: str) -> None:
    layer = {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [url]}}
    settings.REDIS_URL, settings.CHANNEL_LAYERS = url, {"default": layer}


def examined(capsys, *, has_worker: bool = True) -> tuple[int, dict[str, str]]:
    """The exit code, and each check's line by its name, while a worker says that it lives."""
    if has_worker:
        workers.register_worker("here:1", slots=4)
    with pytest.raises(SystemExit) as caught:
        call_command("doctor")
    out, err = capsys.readouterr()
    assert err == ""
    lines = {}
    for line in out.splitlines():
        assert re.match(r"ok    |FAIL  .*\. fix: \S", line), line
        lines[line[6:17].strip()] = line
    return caught.value.code, lines


ALL = ["database", "migrations", "writing", "clock", "workers", "layer", "provider", "static", "secret key"]


@pytest.mark.django_db(transaction=True)
def test_doctor_finds_nothing(capsys, healthy):
    code, lines = examined(capsys)
    assert (code, list(lines)) == (0, ALL)
    assert "SQLite" in lines["database"]
    assert "scripted (not a model)" in lines["provider"]
    assert "STREAMGEN_PROVIDER=scripted" in lines["provider"]


@pytest.mark.django_db(transaction=True)
def test_worker_that_is_not_there_or_silent_fails(capsys, healthy):
    code, lines = examined(capsys, has_worker=False)
    assert code == 1
    assert lines["workers"].startswith("FAIL")
    row = workers.register_worker("there:1", slots=4)
    assert examined(capsys, has_worker=False)[0] == 0
    Worker.objects.filter(pk=row).update(heartbeat_at=Now() - timedelta(minutes=1))
    assert "runworker" in examined(capsys, has_worker=False)[1]["workers"]


@pytest.mark.django_db(transaction=True)
def test_doctor_leaves_nothing_behind(capsys, healthy):
    examined(capsys)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_session")
        assert cursor.fetchone() == (0,)


def test_doctor_compares_the_clock_of_postgres(capsys, healthy, postgres):
    code, lines = examined(capsys)
    assert code == 0, lines
    assert "PostgreSQL" in lines["database"]
    assert "the same as the database's" in lines["clock"]


@pytest.mark.django_db
def test_pending_migration_names_the_command(capsys, healthy):
    MigrationRecorder.Migration.objects.filter(app="generation").delete()
    code, lines = examined(capsys)
    assert code == 1
    assert lines["migrations"].startswith("FAIL")
    assert lines["migrations"].endswith("fix: manage.py migrate")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not Path("/proc/version").exists(), reason="no folder here is known to have no room")
def test_full_disk_fails(capsys, healthy, monkeypatch):
    connection.ensure_connection()
    with monkeypatch.context() as moved:
        moved.setitem(connection.settings_dict, "NAME", "/proc/version")
        code, lines = examined(capsys)
    assert code == 1
    assert lines["writing"].startswith("FAIL")
    assert "make room: manage.py prune --vacuum" in lines["writing"]


@pytest.mark.django_db(transaction=True)
def test_database_that_cannot_be_written_fails(capsys, healthy):
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
    try:
        code, lines = examined(capsys, has_worker=False)
    finally:
        connection.close()
    assert code == 1
    assert "readonly" in lines["writing"]
    assert lines["database"].startswith("ok")


@pytest.mark.django_db(transaction=True)
def test_weak_secret_key_fails_and_is_not_shown(capsys, healthy):
    healthy.SECRET_KEY = "very-short-key"
    code, lines = examined(capsys)
    assert code == 1
    assert lines["secret key"].startswith("FAIL")
    assert "very-short-key" not in "".join(lines.values())


@pytest.mark.django_db(transaction=True)
def test_secret_key_that_others_can_read_fails(capsys, healthy, tmp_path):
    healthy.DATA_DIR, healthy.SECRET_KEY = tmp_path, secrets.token_urlsafe(48)
    file = tmp_path / "secret-key"
    file.write_text(healthy.SECRET_KEY, encoding="ascii")
    file.chmod(0o644)
    code, lines = examined(capsys)
    assert code == 1
    assert lines["secret key"].endswith(f"fix: chmod 600 {file}")
    file.chmod(0o600)
    assert examined(capsys)[0] == 0


@pytest.mark.django_db(transaction=True)
def test_missing_static_files_are_named(capsys, healthy):
    healthy.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]  # not those of apps
    code, lines = examined(capsys)
    assert code == 1
    assert "artifacts/css/document.css" in lines["static"]


@pytest.mark.django_db(transaction=True)
def test_message_goes_round_a_real_redis(capsys, healthy, redis_server):
    use_redis(healthy, redis_server.url)
    code, lines = examined(capsys)
    assert (code, lines["layer"]) == (0, "ok    layer       Redis")


@pytest.mark.django_db(transaction=True)
def test_redis_that_is_away_fails_without_its_password(capsys, healthy):
    use_redis(healthy, "redis://:pa%24%24word@127.0.0.1:1")
    code, lines = examined(capsys)
    assert code == 1
    assert "start Redis" in lines["layer"]
    assert not re.search(r"pa(%24|\$){2}word", "".join(lines.values()))


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_provider_is_really_asked(capsys, settings):
    async with serving_endpoint(Script()) as server:
        settings.STREAMGEN_PROVIDER, settings.OPENAI_BASE_URL = "openai", server.base_url
        code, lines = await database_sync_to_async(examined)(capsys)
        assert len(server.requests) == 1
    assert code == 0, lines
    assert lines["provider"].endswith("it answered")


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_wrong_key_fails_and_is_not_shown(capsys, settings):
    key = "sk-" + secrets.token_hex(16)
    async with serving_endpoint(Script(default=Behaviour(status=401))) as server:
        settings.STREAMGEN_PROVIDER, settings.OPENAI_BASE_URL = "openai", server.base_url
        settings.OPENAI_API_KEY = key
        code, lines = await database_sync_to_async(examined)(capsys)
    assert code == 1
    assert lines["provider"].startswith("FAIL")
    assert "OPENAI_API_KEY" in lines["provider"]
    assert key not in "".join(lines.values())


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_key_that_was_set_as_the_model_is_not_shown(capsys, settings):
    key = "sk-" + secrets.token_hex(16)
    body = '{"error": {"message": "The model does not exist.", "code": "model_not_found"}}'
    async with serving_endpoint(Script(default=Behaviour(status=404, body=body))) as server:
        settings.STREAMGEN_PROVIDER, settings.OPENAI_BASE_URL = "openai", server.base_url
        settings.OPENAI_API_KEY = settings.STREAMGEN_MODEL = key
        code, lines = await database_sync_to_async(examined)(capsys)
    assert code == 1
    assert "***" in lines["provider"]
    assert key not in lines["provider"]


@pytest.mark.django_db(transaction=True)
def test_provider_that_is_not_there_fails(capsys, healthy):
    healthy.STREAMGEN_PROVIDER, healthy.OPENAI_BASE_URL = "openai", "http://me:geheim@127.0.0.1:1/v1"
    healthy.STREAMGEN_MODEL = "a-model"
    code, lines = examined(capsys)
    assert code == 1
    assert lines["provider"].startswith("FAIL")
    assert "geheim" not in "".join(lines.values())


@pytest.mark.django_db(transaction=True)
def test_database_that_is_not_there_fails_alone_and_without_its_password():
    process = manage(
        "doctor", DATABASE_URL="postgres://me:geheim@127.0.0.1:1/streamgen", SECRET_KEY=secrets.token_urlsafe(48)
    )
    out, err = process.communicate(timeout=PROCESS_S)
    assert process.returncode == 1
    assert err == ""
    assert out.startswith("FAIL  database ")
    assert "geheim" not in out
    assert [line[6:17].strip() for line in out.splitlines()] == ["database", *ALL[5:]]
