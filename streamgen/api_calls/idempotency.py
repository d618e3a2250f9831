"""Commands with an `Idempotency-Key`: the first request does it, the same again gets the same answer.

Only what was done is kept. What was refused changed nothing, so the same key may try again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from contextlib import suppress

from django.contrib.auth.models import User
from django.db import Error as DatabaseError
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from artifacts.accounts import receipts
from artifacts.accounts.receipts import Claimed, RepeatedAnswer
from artifacts.errors import RepeatRefused
from streamgen.api_calls.entity_tags import READS
from streamgen.problems import Problem, answer

REPLAYED = "Idempotency-Replayed"
KEY_CHARS = 255
_PLAIN = re.compile(r"[\x21\x23-\x7e]+")
_QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])+)"')
_ESCAPED = re.compile(r"\\(.)")
_KEPT_HEADERS = ("Content-Type", "Location", "Link")


def once(
    request: HttpRequest, do: Callable[[], HttpResponse], who: Callable[[HttpRequest], User | None]
) -> HttpResponse:
    """What `do` answers, or what it answered before. `who` calls: None where the login is refused, as `do` will say."""
    said = request.headers.get("Idempotency-Key")
    if said is None or request.method in READS:
        return do()
    key = _key(said)
    if key is None:
        detail = f"An Idempotency-Key has 1 to {KEY_CHARS} printable characters of ASCII; a UUID is a good one."
        return Problem(status=400, detail=detail, code="bad_idempotency_key").response()
    user = who(request)
    if user is None:
        return do()
    try:
        claimed = receipts.claim_receipt(user, key, _digest(request))
        if isinstance(claimed, RepeatedAnswer):
            return _told_again(claimed)
        return _do(claimed, do)
    except (RepeatRefused, DatabaseError) as refused:
        return answer(request, refused)


def _do(claimed: Claimed, do: Callable[[], HttpResponse]) -> HttpResponse:
    is_kept = False
    try:
        with transaction.atomic():
            response = do()
            is_done = 200 <= response.status_code < 300
            if is_done:
                claimed.keep(response.status_code, _packed(response))
            else:
                transaction.set_rollback(True)
        is_kept = is_done
    finally:
        if not is_kept:
            with suppress(DatabaseError):  # then the claim ends by itself
                claimed.forget()
    return response


def _key(said: str) -> str | None:
    """The key, in quotes (RFC 8941, as the draft of the header has it) or without, as most clients send it."""
    said = said.strip()
    if found := _QUOTED.fullmatch(said):
        key = _ESCAPED.sub(r"\1", found[1])
    elif _PLAIN.fullmatch(said):
        key = said
    else:
        return None
    return key if len(key) <= KEY_CHARS else None


def _digest(request: HttpRequest) -> str:
    parts = (request.method or "", request.get_full_path(), request.headers.get("If-Match", ""))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace") + b"\0" + request.body).hexdigest()


def _packed(response: HttpResponse) -> bytes:
    headers = {name: response[name] for name in _KEPT_HEADERS if name in response}
    return json.dumps(headers).encode() + b"\n" + response.content


def _told_again(kept: RepeatedAnswer) -> HttpResponse:
    headers, _, body = kept.content.partition(b"\n")
    return HttpResponse(body, status=kept.status, headers=json.loads(headers) | {REPLAYED: "true"})
