"""Wrong passwords: how many may be tried, from where, what is said then, and what the log holds."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import User
from django.db.models import F
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from artifacts.accounts.sign_in_limits import ACCOUNT_FAILURES, WINDOW

RIGHT = "a long enough password"
WRONG = "hunter2 hunter2"
DOORS = ["/sign-in/", "/admin/login/"]
HERE, THERE, ELSEWHERE = "192.0.2.1", "198.51.100.7", "2001:db8:5::1"

pytestmark = pytest.mark.django_db


def tried(name: str, password: str, address: str = HERE, door: str = "/sign-in/") -> HttpResponse:
    return Client().post(door, {"username": name, "password": password}, REMOTE_ADDR=address)


def later(**time: int) -> None:
    """As if so much time had gone by since whatever was counted."""
    for rows in (AccessAttempt.objects, AccessLog.objects):
        rows.update(attempt_time=F("attempt_time") - timedelta(**time))


def looked_at(name: str, addresses: list[str], door: str = "/sign-in/") -> int:
    """How many of the wrong passwords were compared with the right one, rather than refused unseen."""
    for address in addresses:
        tried(name, WRONG, address, door)
    return sum(AccessAttempt.objects.filter(username=name).values_list("failures_since_start", flat=True))


@pytest.mark.parametrize("door", DOORS)
def test_one_account_is_tried_ten_times_a_minute_at_most_wherever_from(staff: User, door: str) -> None:
    tried("staff", RIGHT, HERE, door)
    addresses = [HERE, *(f"198.51.100.{number}" for number in range(12)), ELSEWHERE] * 2
    assert looked_at("staff", addresses, door) <= 10
    assert tried("staff", RIGHT, THERE, door).status_code == 429
    later(seconds=61)
    assert tried("staff", RIGHT, THERE, door).status_code == 302


def test_sentence_says_when_to_try_again_and_it_is_true(owner: User) -> None:
    answers = [tried("owner", WRONG) for _ in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 4
    html = answers[-1].content.decode()
    wait_s = int(answers[-1]["Retry-After"])
    assert 30 <= wait_s <= 60
    assert re.search(rf"Too many wrong passwords. Try again in {wait_s} seconds, at\s+\d\d:\d\d:\d\d UTC", html)
    later(seconds=wait_s - 5)
    assert tried("owner", RIGHT).status_code == 429
    later(seconds=6)
    assert tried("owner", RIGHT).status_code == 302


def test_going_on_trying_makes_nobody_wait_longer(owner: User) -> None:
    for _ in range(5):
        tried("owner", WRONG)
    later(seconds=50)
    for _ in range(20):
        tried("owner", WRONG)
    later(seconds=11)
    assert tried("owner", RIGHT).status_code == 302


def test_who_signed_in_from_here_before_is_not_locked_out_from_elsewhere(owner: User) -> None:
    assert tried("owner", RIGHT, HERE).status_code == 302
    for number in range(12):
        tried("owner", WRONG, f"198.51.100.{number}")
    assert tried("owner", RIGHT, THERE).status_code == 429
    assert tried("owner", RIGHT, HERE).status_code == 302
    later(days=31)
    tried("owner", RIGHT, THERE)
    assert not AccessLog.objects.filter(ip_address=HERE).exists()


def test_name_that_nobody_has_is_answered_as_one_that_somebody_has(owner: User) -> None:
    def said(name: str) -> list[tuple[int, str]]:
        answers = [tried(name, WRONG, f"203.0.113.{number}") for number in range(7)]
        return [
            (
                answer.status_code,
                re.sub(r"csrf\S+ value=\S+|[0-9:]{8} UTC|in \d+ s", "", answer.content.decode()).replace(name, ""),
            )
            for answer in answers
        ]

    assert said("owner") == said("nobody")


@pytest.mark.parametrize("family", ["198.51.100.7", "2001:db8:1:2::{}"])
def test_one_address_tries_thirty_times_a_minute_over_all_accounts_also_within_its_ipv6_network(owner, family) -> None:
    codes = [tried(f"guess-{number}", WRONG, family.format(number)).status_code for number in range(32)]
    assert codes == [200] * 29 + [429] * 3
    assert tried("owner", RIGHT, "2001:db8:1:3::1").status_code == 302


def test_log_has_address_and_user_of_each_sign_in_and_no_password(
    owner: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tried("owner", RIGHT, THERE)
    for _ in range(6):
        tried("owner", WRONG, THERE)
    tried("correct horse battery staple", WRONG, "not an address")
    lines = [record.getMessage() for record in caplog.records if record.name == "artifacts.accounts.sign_in_log"]
    assert lines == [
        f"signed in: user 'owner' ({owner.pk}) from {THERE}",
        *[f"sign-in failed: user 'owner' ({owner.pk}) from {THERE}"] * 5,
        f"sign-in refused, too many wrong passwords: user 'owner' ({owner.pk}) from {THERE}",
        "sign-in failed: a name that nobody has from not an address",
    ]
    everything = "".join(record.getMessage() for record in caplog.records)
    kept = "".join(str(row) for row in AccessAttempt.objects.values_list("get_data", "post_data", "path_info"))
    for secret in (RIGHT, WRONG, "battery staple"):
        assert secret not in everything
        assert secret not in kept


def test_attempts_are_forgotten(owner: User) -> None:
    for number in range(5):
        tried(f"guess-{number}", WRONG)
    later(minutes=2)
    tried("owner", WRONG)
    assert AccessAttempt.objects.count() == 1
    assert AccessAttempt.objects.get().attempt_time > timezone.now() - timedelta(minutes=1)


def test_settings_say_the_numbers_of_the_limits(settings):
    assert (settings.AXES_FAILURE_LIMIT, settings.AXES_COOLOFF_TIME) == (ACCOUNT_FAILURES, WINDOW)
