"""All checks, in their order, each asked whether or not those before it passed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection

import httpx2
from websockets.exceptions import WebSocketException

from streamgen.conformance import growing, refusals, resting
from streamgen.conformance.report import CheckResult, Verdict
from streamgen.conformance.spec import Broken
from streamgen.conformance.subject import NotAsked, Subject
from streamgen.conformance.target import ViewerClosed

ConformanceCheck = Callable[[Subject], Awaitable[None]]

CONFORMANCE_CHECKS: dict[str, ConformanceCheck] = {
    "twenty-viewers": growing.twenty_viewers,
    "whole-text": resting.whole_text,
    "every-offset": resting.every_offset,
    "cursor-beyond": resting.cursor_beyond,
    "cursor-other-epoch": resting.cursor_of_another_epoch,
    "cursor-malformed": resting.cursor_malformed,
    "cursor-foreign": resting.cursor_foreign,
    "immutable": resting.immutable,
    "whole-page": resting.whole_page,
    "slow-reader": resting.slow_reader,
    "events": resting.events_alike,
    "pause": growing.pause_is_no_end,
    "new-epoch": growing.new_epoch,
    "deleted": growing.deleted,
    "login-required": refusals.login_required,
    "not-found": refusals.not_found,
    "unknown-format": refusals.unknown_format,
    "ping": refusals.pings,
    "protocol-errors": refusals.protocol_errors,
    "odd-acks": refusals.acks_are_forgiven,
    "message-too-big": refusals.message_too_big,
    "too-many-messages": refusals.too_many_messages,
    "problems": refusals.problems,
    "entity-tags": refusals.entity_tags,
    "idempotency": refusals.idempotency,
}


async def run_checks(subject: Subject, names: Collection[str] = ()) -> AsyncIterator[CheckResult]:
    """Each check as it is done; `names` are those that are wanted, all where none is."""
    for name, check in CONFORMANCE_CHECKS.items():
        if names and name not in names:
            continue
        began_s = time.monotonic()
        verdict, detail = await _asked(check, subject)
        claim = " ".join((check.__doc__ or "").split())
        yield CheckResult(
            name=name, claim=claim, verdict=verdict, detail=detail, seconds=round(time.monotonic() - began_s, 2)
        )


async def _asked(check: ConformanceCheck, subject: Subject) -> tuple[Verdict, str]:
    try:
        await check(subject)
    except NotAsked as missing:
        return "skipped", str(missing)
    except (Broken, ViewerClosed) as broken:
        return "failed", str(broken)
    except TimeoutError:
        return "failed", "nothing came any more"
    except (OSError, httpx2.HTTPError, WebSocketException, ValueError, KeyError, TypeError) as error:
        return "failed", f"{type(error).__name__}: {error}"[:500]
    return "passed", ""
