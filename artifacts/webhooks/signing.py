"""The secret of a webhook and its signature, as the Standard Webhooks specification has them.

The secret is stored nowhere: it is made out of the server's own key and a number in the webhook's row.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from django.utils.crypto import salted_hmac


def new_nonce() -> str:
    return secrets.token_hex(16)


def secret_for(nonce: str) -> str:
    """`whsec_` and 32 bytes in base64."""
    return "whsec_" + base64.b64encode(_key(nonce)).decode("ascii")


def signatures(nonces: Iterable[str], event: str, timestamp: int, body: str) -> str:
    """The header `webhook-signature`: one for each secret that holds, parted by blanks."""
    signed = f"{event}.{timestamp}.{body}".encode()
    digests = (hmac.new(_key(nonce), signed, hashlib.sha256).digest() for nonce in nonces)
    return " ".join("v1," + base64.b64encode(digest).decode("ascii") for digest in digests)


def _key(nonce: str) -> bytes:
    return salted_hmac("artifacts.webhooks", nonce, algorithm="sha256").digest()
