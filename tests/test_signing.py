"""Ed25519 keys: read, written, signing, refusing."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from backend.signing import BadKey, PublicKey, Signer, keyring, new_private_key


def test_the_published_vector_of_the_standard() -> None:
    """RFC 8032, section 7.1, test 2: the secret key signs the one byte 72."""
    secret = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    signer = Signer(base64.urlsafe_b64encode(secret).decode())
    assert signer.public.raw.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert base64.b64decode(signer.sign("r")).hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


def test_a_public_key_is_the_same_in_all_its_writings() -> None:
    public = Signer(new_private_key()).public
    for text in (public.pem, public.text, f"  {public.text}\n"):
        assert PublicKey.read(text).fingerprint == public.fingerprint
    assert keyring(public) == {public.fingerprint: public}


def test_only_this_text_and_this_key_fit_a_signature() -> None:
    signer, other = Signer(new_private_key()), Signer(new_private_key())
    signature = signer.sign("清河")
    assert signer.public.signed("清河", signature)
    assert not signer.public.signed("清河 ", signature)
    assert not other.public.signed("清河", signature)
    for rubbish in ("", "!", "AAAA", signature[:-4]):
        assert not signer.public.signed("清河", rubbish)


@pytest.mark.parametrize(
    "text", ["", "short", "A" * 43, "A" * 60, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(BadKey):
        PublicKey.read(text)
    with pytest.raises(BadKey):
        Signer(text)


def test_a_key_of_another_kind_is_refused() -> None:
    pem = generate_private_key(SECP256R1()).public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip
    with pytest.raises(BadKey):
        PublicKey.read(pem.decode())
