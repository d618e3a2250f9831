"""The environment: every value is checked, nonsense is refused by its variable's name, secrets are never repeated."""

from __future__ import annotations

import ast
import os
import re
import runpy
import secrets
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from streamgen import env

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ROOT / "streamgen" / "settings.py"
DEFAULTS = ROOT / "streamgen" / "embedding" / "defaults.py"
SECRET = "a secret of more than thirty-two characters"

Load = Callable[..., dict[str, Any]]


def read_variables() -> dict[str, ast.Call]:
    """Every variable that settings read, by the call that reads it."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (SETTINGS, DEFAULTS)]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    reads = [call for call in calls if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "env"]
    return {ast.literal_eval(call.args[0]): call for call in reads}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    """Settings as they would be in this environment and no other."""

    def loaded(**variables: str) -> dict[str, Any]:
        for name in read_variables():
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/db.sqlite3")
        monkeypatch.setenv("SECRET_KEY", SECRET)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delitem(sys.modules, "streamgen.embedding.defaults", raising=False)
        return runpy.run_path(str(SETTINGS))

    return loaded


def test_without_any_variable_it_runs_on_one_machine(load, tmp_path):
    settings = load()

    assert settings["DEBUG"] is False
    assert settings["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert settings["DATABASES"]["default"]["NAME"] == str(tmp_path / "db.sqlite3")
    assert settings["DATABASES"]["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert settings["CHANNEL_LAYERS"]["default"]["BACKEND"] == "artifacts.messaging.memory.MemoryLayer"
    assert (settings["STREAMGEN_LEASE_SECONDS"], settings["STREAMGEN_CONCURRENCY"]) == (5.0, 32)


NONSENSE = [
    ("DEBUG", "maybe"),
    ("SECRET_KEY", "short"),
    ("ALLOWED_HOSTS", "https://example.com"),
    ("ALLOWED_HOSTS", "example.com:8000"),
    ("ALLOWED_HOSTS", "two words"),
    ("ALLOWED_HOSTS", ","),
    ("PUBLIC_URL", "docs.example.com"),
    ("PUBLIC_URL", "ftp://docs.example.com/"),
    ("PUBLIC_URL", "https:///path"),
    ("PUBLIC_URL", "https://docs.example.com:0/"),
    ("PUBLIC_URL", "https://docs.example.com:port/"),
    ("PUBLIC_URL", "https://two words/"),
    ("PUBLIC_URL", "https://пример.рф/"),
    ("PUBLIC_URL", "https://[::1/"),
    ("PUBLIC_URL", "https://[1:2:3]/"),
    ("PUBLIC_URL", "https://docs.example.com/?page=1"),
    ("PUBLIC_URL", "https://docs.example.com/#top"),
    ("PUBLIC_URL", "https://docs.example.com/a//b"),
    ("PUBLIC_URL", "https://docs.example.com/a/../b"),
    ("PUBLIC_URL", "https://docs.example.com/{id}/"),
    ("DATABASE_URL", "mysql://host/name"),
    ("DATABASE_URL", "just words"),
    ("DATABASE_URL", "sqlite://"),
    ("DATABASE_URL", "sqlite:///relative.sqlite3"),
    ("DATABASE_URL", "sqlite:///:memory:"),
    ("DATABASE_URL", "postgres://host"),
    ("DATABASE_URL", "postgres://host:port/name"),
    ("REDIS_URL", "localhost:6379"),
    ("REDIS_URL", "redis://"),
    ("REDIS_URL", "http://localhost"),
    ("REDIS_URL", "redis://localhost:port"),
    ("OPENAI_BASE_URL", "api.example.com/v1"),
    ("OPENAI_BASE_URL", "https://"),
    ("OPENAI_BASE_URL", "https://[::1/v1"),
    ("STREAMGEN_PROVIDER", "parrot"),
    ("STREAMGEN_DELIVERY", "pigeon"),
    ("STREAMGEN_CONTINUATION", "guess"),
    ("STREAMGEN_MAX_TURNS", "0"),
    ("STREAMGEN_MAX_TURNS", "many"),
    ("STREAMGEN_MAX_TURNS", "2.5"),
    ("STREAMGEN_MAX_TURNS", "1_0"),
    ("STREAMGEN_LEASE_SECONDS", "１０"),
    ("STREAMGEN_RETRIES", "0"),
    ("STREAMGEN_LEASE_SECONDS", "nan"),
    ("STREAMGEN_LEASE_SECONDS", "inf"),
    ("STREAMGEN_LEASE_SECONDS", "-5"),
    ("STREAMGEN_CONCURRENCY", "1000000"),
]


@pytest.mark.parametrize(("name", "value"), NONSENSE)
def test_nonsense_is_refused_by_name(load, name, value):
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} "):
        load(**{name: value})


@pytest.mark.parametrize("name", sorted(read_variables().keys() - {"SECRET_KEY", "DATABASE_URL"}))
def test_empty_variable_counts_as_not_set(load, name):
    expected, found = load(), load(**{name: " "})

    assert {key: value for key, value in found.items() if key.isupper()} == {
        key: value for key, value in expected.items() if key.isupper()
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "hunter2"),
        ("DATABASE_URL", "mysql://user:hunter2@host/name"),
        ("DATABASE_URL", "postgres://user:hunter2#@host:54x/name"),
        ("DATABASE_URL", "postgres://user:p@ss:hunter2@host:hunter2/name"),
        ("REDIS_URL", "http://:hunter2@host"),
        ("REDIS_URL", "redis://:hunter2@[host"),
        ("OPENAI_BASE_URL", "ftp://user:hunter2@host"),
        ("PUBLIC_URL", "https://user:hunter2@docs.example.com/"),
    ],
)
def test_secret_in_a_bad_value_is_not_repeated(load, name, value):
    with pytest.raises(ImproperlyConfigured) as refusal:
        load(**{name: value})

    assert "hunter2" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@pytest.mark.parametrize("value", ["$ecret", "${HOME}", r"\$x", " padded ", "#hash"])
def test_value_is_taken_as_it_is(load, value):
    assert load(OPENAI_API_KEY=value)["OPENAI_API_KEY"] == value.strip()


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("TRUE", True), ("off", False), ("no", False)])
def test_flags_have_their_words(load, value, expected):
    assert load(DEBUG=value)["DEBUG"] is expected


@pytest.mark.parametrize(
    "variables", [{"REDIS_URL": "redis://localhost"}, {"DATABASE_URL": "Postgres://u:p@host/name"}]
)
def test_several_processes_need_one_secret_from_outside(load, variables):
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY must be set"):
        load(SECRET_KEY="", **variables)

    assert load(**variables)["SECRET_KEY"] == SECRET


def test_postgres_keeps_the_options_of_its_address(load):
    database = load(DATABASE_URL="postgres://u:p%40ss@host:5433/name?sslmode=require&connect_timeout=9")["DATABASES"][
        "default"
    ]

    assert (database["ENGINE"], database["HOST"], database["PORT"]) == ("django.db.backends.postgresql", "host", 5433)
    assert (database["NAME"], database["USER"], database["PASSWORD"]) == ("name", "u", "p@ss")
    assert (database["OPTIONS"]["sslmode"], database["OPTIONS"]["connect_timeout"]) == ("require", 9)
    assert (database["CONN_MAX_AGE"], database["OPTIONS"]["pool"]["max_size"]) == (0, 12)


def test_row_is_not_locked_for_ever_by_a_frozen_process(load):
    address = "postgres://u:p@host/name"
    options = [
        load(DATABASE_URL=address, STREAMGEN_LEASE_SECONDS=lease)["DATABASES"]["default"]["OPTIONS"]["options"]
        for lease in ("1", "20")
    ]

    assert options == [f"-c idle_in_transaction_session_timeout={ms}" for ms in (2_500, 10_000)]
    given = load(DATABASE_URL=f"{address}?options=-c%20work_mem%3D8MB")["DATABASES"]["default"]["OPTIONS"]["options"]
    assert given == "-c work_mem=8MB"


def test_redis_makes_the_layer_a_shared_one(load):
    layer = load(REDIS_URL="rediss://:p@host:6380/1")["CHANNEL_LAYERS"]["default"]

    assert layer["BACKEND"] == "channels_redis.pubsub.RedisPubSubChannelLayer"
    assert layer["CONFIG"]["hosts"][0]["address"] == "rediss://:p@host:6380/1"


def test_hosts_say_which_names_and_open_no_origin(load):
    settings = load(ALLOWED_HOSTS="docs.example.com, .example.org,*")

    assert settings["ALLOWED_HOSTS"] == ["docs.example.com", ".example.org", "*"]
    assert settings["CSRF_TRUSTED_ORIGINS"] == []


@pytest.mark.parametrize(
    ("address", "host", "origin", "prefix"),
    [
        ("https://docs.example.com", "docs.example.com", "https://docs.example.com", ""),
        ("https://DOCS.example.com:443/", "docs.example.com", "https://docs.example.com", ""),
        ("https://docs.example.com:8443/path/", "docs.example.com", "https://docs.example.com:8443", "/path"),
        ("https://[2001:db8::1]:8443/a/b-c", "[2001:db8::1]", "https://[2001:db8::1]:8443", "/a/b-c"),
        ("https://[2001:0DB8:0:0:0:0:0:1]/", "[2001:db8::1]", "https://[2001:db8::1]", ""),
        ("http://intranet/docs", "intranet", "http://intranet", "/docs"),
    ],
)
def test_everything_follows_from_the_public_address(load, address, host, origin, prefix):
    settings = load(PUBLIC_URL=address)
    is_secure = address.startswith("https")

    assert (settings["ALLOWED_HOSTS"], settings["CSRF_TRUSTED_ORIGINS"]) == ([host], [origin])
    assert (settings["STATIC_URL"], settings["FORCE_SCRIPT_NAME"]) == (f"{prefix}/static/", prefix or None)
    assert settings["SESSION_COOKIE_PATH"] == settings["CSRF_COOKIE_PATH"] == f"{prefix}/"
    for name in ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS"):
        assert bool(settings.get(name)) == is_secure, name
    assert load(PUBLIC_URL=address, ALLOWED_HOSTS="other.example.org")["ALLOWED_HOSTS"] == ["other.example.org", host]


def test_deployment_check_has_nothing_to_say(tmp_path):
    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=os.environ
        | {
            "PUBLIC_URL": "https://docs.example.com:8443/path/",
            "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
            "SECRET_KEY": secrets.token_hex(16),
        },
        capture_output=True,
        text=True,
    )

    assert checked.returncode == 0, checked.stderr


# The secret that is made once


def test_secret_is_made_once_and_only_its_owner_reads_it(monkeypatch, tmp_path):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    file = tmp_path / "var" / "secret-key"

    with ThreadPoolExecutor(8) as threads:
        secrets = set(threads.map(lambda _: env.secret_key("SECRET_KEY", file, required=False), range(16)))

    assert secrets == {file.read_text(encoding="ascii")}
    assert len(secrets.pop()) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    file.chmod(0o644)
    env.secret_key("SECRET_KEY", file, required=False)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_broken_secret_file_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    (tmp_path / "secret-key").touch()

    with pytest.raises(ImproperlyConfigured, match=r"SECRET_KEY must have 32 characters at least: remove .*secret-key"):
        env.secret_key("SECRET_KEY", tmp_path / "secret-key", required=False)


@pytest.mark.parametrize("typed", ["k" * 64, "password" * 8, "changeme" * 5])
def test_secret_that_somebody_typed_works_and_is_warned_of(load, typed):
    assert load(SECRET_KEY=typed)["SECRET_KEY"] == typed
    assert "security.W009" not in load(SECRET_KEY=typed)["SILENCED_SYSTEM_CHECKS"]
    assert "security.W009" in load(SECRET_KEY="0f3c9a1b5d7e2846a6e1d0b94c7f2835")["SILENCED_SYSTEM_CHECKS"]


def test_database_and_its_logs_are_their_owners_alone_also_those_of_before(load, tmp_path):
    file = tmp_path / "söcket database" / "db.sqlite3"
    load(DATABASE_URL=f"sqlite:///{file}")
    assert list(file.parent.iterdir()) == []  # a command that asks nothing of it leaves none
    with closing(sqlite3.connect(file)) as opened:
        opened.executescript("PRAGMA journal_mode=WAL; CREATE TABLE kept (text); INSERT INTO kept VALUES ('safe')")
        for part in file.parent.iterdir():
            part.chmod(0o644)
        load(DATABASE_URL=f"sqlite:///{file}")
        kept = {part.name: stat.S_IMODE(part.stat().st_mode) for part in file.parent.iterdir()}
        assert kept == dict.fromkeys((file.name, f"{file.name}-wal", f"{file.name}-shm"), 0o600)
        assert opened.execute("SELECT text FROM kept").fetchone() == ("safe",)


# What the documentation says


def table() -> dict[str, list[str]]:
    rows = re.findall(
        r"^\| `(\w+)` \|(.*)\|$", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    return {name: [cell.strip() for cell in rest.split(" | ")] for name, rest in rows}


def test_every_variable_has_its_row_and_every_row_its_variable():
    assert table().keys() == read_variables().keys()


def test_rows_tell_defaults_and_bounds_as_they_are():
    for name, call in read_variables().items():
        reader = ast.unparse(call.func)
        if reader in {"env.integer", "env.seconds"}:
            bounds = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
            default = ast.literal_eval(call.args[1])
            assert table()[name][:2] == [f"`{default}`", f"{bounds['low']} to {bounds['high']}"], name
        elif reader == "env.choice":
            allowed = " ".join(f"`{word}`" for word in ast.literal_eval(call.args[1]) if word)
            assert table()[name][1] == allowed, name


def test_every_frame_type_is_in_the_protocol_page():
    frames = (ROOT / "artifacts" / "live" / "protocol.py").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    types = {*re.findall(r'"?type"?: Literal\["(\w+)"\]', frames), "ack", "ping"}

    assert types >= {"snapshot", "delta", "preview", "state", "end", "error", "pong"}
    assert {name for name in types if not re.search(rf'"type": ?"{name}"', page)} == set()
