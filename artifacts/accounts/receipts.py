"""Commands that come with a key: each is done once, and answered alike when it comes again. I/O: rows.

The claim is committed before the command runs, and the answer together with what the command did: whoever dies between
leaves a claim that ends by itself, and nothing that was done.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from artifacts.errors import AnswerLost, KeyReused, StillUnderWay
from artifacts.models import CommandReceipt

KEPT_FOR = timedelta(hours=24)
RECEIPTS_PER_USER = 1_000
RECEIPT_BYTES_PER_USER = 8 * 1024 * 1024
CLAIM_LASTS = timedelta(seconds=30)
"""After so long the first request counts as dead. Should it live, what it does is taken back: it has lost its claim."""


@dataclass(frozen=True, kw_only=True)
class RepeatedAnswer:
    """The answer that a command had: `content` as it was given to `Claimed.keep`."""

    status: int
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """The right to do a command; whoever has it keeps the answer, or forgets the key."""

    receipt: int
    claim: str
    seal: Fernet

    def keep(self, status: int, content: bytes) -> None:
        """In the command's own transaction. Raises `StillUnderWay` where somebody else has the right by now."""
        sealed = self.seal.encrypt(content)
        fields = {"status": status, "answer": sealed, "size": len(sealed), "answered_at": Now()}
        if not self._row().update(**fields):
            raise StillUnderWay

    def forget(self) -> None:
        """Nothing was done: the same key may come again."""
        self._row().delete()

    def _row(self) -> QuerySet[CommandReceipt]:
        return CommandReceipt.objects.filter(pk=self.receipt, claim=self.claim, answered_at=None)


def claim_receipt(user: User, key: str, request_digest: str) -> Claimed | RepeatedAnswer:
    """The right to do this command, or the answer that it had. Raises `RepeatRefused`."""
    seal, claim, digest = _seal(user, key), secrets.token_hex(16), hashlib.sha256(key.encode()).hexdigest()
    _make_room(user)
    with transaction.atomic():
        row = CommandReceipt.objects.select_for_update().filter(user=user, key_digest=digest).first()
        if row is None:
            return _new(user, digest, request_digest, claim, seal)
        if row.request_digest != request_digest:
            raise KeyReused
        if row.status is not None:
            try:
                return RepeatedAnswer(status=row.status, content=seal.decrypt(bytes(row.answer)))
            except InvalidToken:
                raise AnswerLost from None
        dead = CommandReceipt.objects.filter(pk=row.pk, claim=row.claim, claimed_until__lt=Now())
        if not dead.update(claim=claim, claimed_until=Now() + CLAIM_LASTS):
            raise StillUnderWay
        return Claimed(receipt=row.pk, claim=claim, seal=seal)


def _new(user: User, digest: str, request_digest: str, claim: str, seal: Fernet) -> Claimed:
    try:
        with transaction.atomic():
            row = CommandReceipt.objects.create(
                user=user,
                key_digest=digest,
                request_digest=request_digest,
                claim=claim,
                claimed_until=Now() + CLAIM_LASTS,
            )
    except IntegrityError:  # another request with this key was quicker
        raise StillUnderWay from None
    return Claimed(receipt=row.pk, claim=claim, seal=seal)


def _make_room(user: User) -> None:
    """What is over goes, then the oldest answers, until one more fits."""
    mine = CommandReceipt.objects.filter(user=user)
    mine.filter(Q(answered_at__isnull=False) | Q(claimed_until__lt=Now()), created_at__lt=Now() - KEPT_FOR).delete()
    answered = mine.filter(answered_at__isnull=False)
    if (over := mine.count() - RECEIPTS_PER_USER + 1) > 0:
        CommandReceipt.objects.filter(pk__in=list(answered.values_list("pk", flat=True)[:over])).delete()
    kept = answered.aggregate(bytes=Sum("size"))["bytes"] or 0
    if kept > RECEIPT_BYTES_PER_USER:
        gone = []
        for pk, size in answered.values_list("pk", "size"):
            if kept <= RECEIPT_BYTES_PER_USER // 2:
                break
            gone.append(pk)
            kept -= size
        CommandReceipt.objects.filter(pk__in=gone).delete()


def _seal(user: User, key: str) -> Fernet:
    """Of what is stored nothing can be read without the key, which only its user has, and the site's secret."""
    secret = salted_hmac("artifacts.accounts.receipts", f"{user.pk}:{key}", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(secret))
