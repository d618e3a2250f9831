"""How often a wrong password may be tried, by account and by address: django-axes counts, here is how much is too much.

Attempts are counted in the database, for all processes, and forgotten after a minute. Names that nobody has are counted
as well, so that nothing tells them apart. Whoever signed in from an address before is not locked out by what others try
from elsewhere. I/O: rows.
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address, ip_network
from math import ceil
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt, AccessLog
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone

WINDOW = timedelta(minutes=1)
ACCOUNT_FAILURES = 5
"""In one window: from all addresses that are new to the account together, and as many from each that is known to it."""
ADDRESS_FAILURES = 30
"""In one window, whatever the account: many people may share an address."""
KNOWN_FOR = timedelta(days=30)
NETWORK_BITS = 64
"""What one subscriber has of IPv6."""


class CountedSignIns(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """What axes asks before a password is looked at, and tells afterwards."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """In units of `ACCOUNT_FAILURES`, the limit that axes knows."""
        by_account, by_address = self.get_user_attempts(request, credentials)
        address = request.axes_ip_address  # type: ignore[attr-defined]
        username = (credentials or {}).get("username")
        if AccessLog.objects.filter(username=username, ip_address=address).exists():
            by_account = by_account.filter(ip_address=address)
        return max(_failures(by_account), _failures(by_address) * ACCOUNT_FAILURES // ADDRESS_FAILURES)

    def user_logged_in(self, sender: object, request: HttpRequest, user: Any, **kwargs: Any) -> None:
        AccessLog.objects.filter(attempt_time__lt=timezone.now() - KNOWN_FOR).delete()
        super().user_logged_in(sender, request, user, **kwargs)


def client_address(request: HttpRequest) -> str | None:
    """By what attempts are counted: the address, of IPv6 its network."""
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    if address.version == 4 or mapped is not None:
        return str(mapped or address)
    return str(ip_network((address, NETWORK_BITS), strict=False).network_address)


def seconds_to_wait(request: HttpRequest, credentials: dict[str, Any] | None) -> int:
    """Until another password may be tried: when the last one that was counted is forgotten."""
    counted: list[QuerySet[AccessAttempt]] = CountedSignIns().get_user_attempts(request, credentials)
    last = [attempts.aggregate(last=Max("attempt_time"))["last"] for attempts in counted]
    ends = max((moment + WINDOW for moment in last if moment is not None), default=timezone.now())
    return max(1, ceil((ends - timezone.now()).total_seconds()))


def _failures(attempts: QuerySet[AccessAttempt]) -> int:
    return attempts.aggregate(all=Sum("failures_since_start"))["all"] or 0
