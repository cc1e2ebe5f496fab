"""Signatures of webhooks, by the rules of standardwebhooks.com. Knows neither desks nor the net.

Signed are a message's id, the second it was sent and its body, with HMAC-SHA256.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from picturedesk.errors import BadInput

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"  # seconds since 1970
SIGNATURE = "webhook-signature"
_PREFIX = "whsec_"
_VERSION = "v1"
_BYTES = 32


def new_secret() -> str:
    """A secret of 32 random bytes, for signing."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def signature(secret: str, identifier: str, timestamp: int, body: bytes) -> str:
    """The header "webhook-signature" of a message.

    Args:
        secret: as ``new_secret`` makes it.
        identifier: of the message.
        timestamp: when it is sent.
        body: as it is sent.

    Raises:
        BadInput: the secret is none.
    """
    signed = f"{identifier}.{timestamp}.".encode() + body
    mac = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return f"{_VERSION},{base64.b64encode(mac).decode()}"


def is_signed(secret: str, identifier: str, timestamp: int, body: bytes, signatures: str) -> bool:
    """Whether one of the signatures in a header is right, compared in constant time."""
    wanted = signature(secret, identifier, timestamp, body).encode()
    compared = [
        hmac.compare_digest(wanted, one.encode("utf-8", "surrogatepass"))
        for one in signatures.split(" ")
    ]
    return any(compared)


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or len(key) < _BYTES:
        raise BadInput(f"the secret is none of a webhook: it must begin with {_PREFIX}")
    return key
