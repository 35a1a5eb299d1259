"""Ed25519 signatures of the ledger's roots. Pure: keys in, text in, text out.

Keys are written as the URL-safe base64 of their 32 bytes. A key is named by its fingerprint: the first 16 hex digits
of the SHA-256 of the public key's 32 bytes.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class BadKey(ValueError):  # noqa: N818
    """This is no Ed25519 key."""


class PublicKey:
    """A key by which anybody can check."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.fingerprint = hashlib.sha256(self.raw).hexdigest()[:16]

    @classmethod
    def read(cls, text: str) -> PublicKey:
        """From PEM, or from base64. Raises BadKey."""
        try:
            if "-----BEGIN" in text:
                found = serialization.load_pem_public_key(text.encode())
            else:
                found = Ed25519PublicKey.from_public_bytes(_raw(text))
        except ValueError as error:
            raise BadKey(str(error)) from error
        if not isinstance(found, Ed25519PublicKey):
            raise BadKey("not an Ed25519 key")
        return cls(found)

    @property
    def text(self) -> str:
        return base64.urlsafe_b64encode(self.raw).decode()

    @property
    def pem(self) -> str:
        encoded = self._key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return encoded.decode()

    def signed(self, text: str, signature: str) -> bool:
        """Whether the signature (base64) is this key's over exactly this text."""
        try:
            self._key.verify(base64.b64decode(signature, validate=True), text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """The private key of an installation."""

    def __init__(self, private: str) -> None:
        try:
            self._key = Ed25519PrivateKey.from_private_bytes(_raw(private))
        except ValueError as error:
            raise BadKey(str(error)) from error
        self.public = PublicKey(self._key.public_key())

    def sign(self, text: str) -> str:
        return base64.b64encode(self._key.sign(text.encode())).decode()


def new_private_key() -> str:
    """A private key, to be kept in the environment."""
    return base64.urlsafe_b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()


def read_keys(text: str) -> list[PublicKey]:
    """Public keys with commas between them. Raises BadKey."""
    return [PublicKey.read(key) for key in text.split(",") if key.strip()]


def keyring(*keys: PublicKey) -> dict[str, PublicKey]:
    return {key.fingerprint: key for key in keys}


def _raw(text: str) -> bytes:
    raw = base64.b64decode(text.strip().encode(), altchars=b"-_", validate=True)
    if len(raw) != 32:
        raise ValueError("a key has 32 bytes")
    return raw
