"""Sealing of identities, and the digests by which they are found again. Pure: keys in, text in, text out."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

# No 0/O, 1/I/L: a receipt is read aloud and typed by hand.
_RECEIPT_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_RECEIPT_LENGTH = 16
_MARK = "keys of a backup"


class Unopenable(Exception):  # noqa: N818
    """None of the identity keys opens it."""


class Vault:
    """Keys of one installation. `identity_keys`: the first seals, all open, so that they can be rotated."""

    def __init__(self, identity_keys: list[str], digest_key: str, secret_key: str) -> None:
        fernets = [Fernet(key.strip()) for key in identity_keys]
        self._first, self._fernet = fernets[0], MultiFernet(fernets)
        self._digest_key = digest_key.encode()
        self._secret_key = secret_key.encode()

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        return self._fernet.decrypt(sealed.encode()).decode()

    def resealed(self, sealed: str) -> str | None:
        """The same under the first key, None when it is already. Raises Unopenable when no key opens it."""
        try:
            self._first.decrypt(sealed.encode())
        except InvalidToken:
            try:
                return self._fernet.rotate(sealed.encode()).decode()
            except InvalidToken as error:
                raise Unopenable from error
        return None

    def digest(self, purpose: str, text: str) -> str:
        """Keyed digest for look-ups; `purpose` keeps a phone from ever equalling a receipt."""
        return hmac.new(self._digest_key, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()

    def receipt_code(self, report_id: str, idempotency_key: str) -> str:
        """The receipt of a report, 16 signs (79 bits).

        Derived, never stored: the same request repeated gets the same code, and nobody who holds the database and
        the keys, but not the phone's Idempotency-Key, can make it again.
        """
        mac = hmac.new(self._secret_key, f"receipt\0{report_id}\0{idempotency_key}".encode(), hashlib.sha256).digest()
        number = int.from_bytes(mac, "big")
        signs = []
        for _ in range(_RECEIPT_LENGTH):
            number, remainder = divmod(number, len(_RECEIPT_ALPHABET))
            signs.append(_RECEIPT_ALPHABET[remainder])
        return "-".join("".join(signs[i : i + 4]) for i in range(0, _RECEIPT_LENGTH, 4))

    def marks(self) -> dict[str, str]:
        """By which a backup knows these keys again without holding them: name of the setting → mark."""
        return {
            "IDENTITY_KEYS": self.seal(_MARK),
            "DIGEST_KEY": self.digest(_MARK, ""),
            "SECRET_KEY": hmac.new(self._secret_key, _MARK.encode(), hashlib.sha256).hexdigest(),
        }

    def differing(self, marks: dict[str, str]) -> list[str]:
        """The settings whose keys are not those of the marks."""
        ours = self.marks()
        differ = [name for name in ("DIGEST_KEY", "SECRET_KEY") if marks.get(name) != ours[name]]
        try:
            self.open(marks.get("IDENTITY_KEYS", ""))
        except InvalidToken:
            differ.insert(0, "IDENTITY_KEYS")
        return differ

    @staticmethod
    def normal_receipt(code: str) -> str:
        """A receipt as typed by hand → as hashed."""
        return "".join(sign for sign in code.upper() if sign in _RECEIPT_ALPHABET)


def new_token() -> str:
    """256 random bits, URL-safe."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def token_hash(token: str) -> str:
    """Tokens are random, so a plain hash suffices."""
    return hashlib.sha256(token.encode()).hexdigest()
