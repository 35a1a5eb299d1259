"""The SMS adapter against the stand-in, over HTTP."""

from __future__ import annotations

import base64
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from backend.clients.sms import Sms, SmsRefused, SmsUnavailable
from backend.local.wechat import Account, create_stand_in, running
from backend.settings import Settings

KEY = "key-of-the-sms-gateway"
PHONE = "19912345678"
AES_KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"


def settings_for(base_url: str, key: str = KEY) -> Settings:
    return Settings(
        database_url="postgresql://nobody@127.0.0.1:9/none",
        redis_url="redis://127.0.0.1:9/0",
        s3_endpoint="http://127.0.0.1:9",
        s3_public_url="http://127.0.0.1:9",
        s3_access_key="key",
        s3_secret_key="secret",
        secret_key="k" * 32,
        identity_keys=base64.urlsafe_b64encode(b"i" * 32).decode(),
        digest_key="d" * 32,
        ledger_signing_key=base64.urlsafe_b64encode(b"l" * 32).decode(),
        wechat_app_id="wx0123456789abcdef",
        wechat_app_secret="secret",
        wechat_push_token="token",
        wechat_push_aes_key=AES_KEY,
        sms_base_url=base_url,
        sms_key=key,
        county_dir=Path(),
    )


@pytest.fixture
def url() -> Iterator[str]:
    with running(create_stand_in(Account("wx0123456789abcdef", "secret", "token", AES_KEY, KEY))) as address:
        yield address


@pytest.fixture
def sms(url: str) -> Sms:
    return Sms(settings_for(url))


def control(url: str, name: str, **body: Any) -> None:
    assert requests.post(f"{url}/_stand-in/{name}", json=body, timeout=5).status_code == 200


def delivered(url: str) -> list[dict[str, Any]]:
    return requests.get(f"{url}/_stand-in/sms", timeout=5).json()


def test_without_a_gateway_there_is_no_channel() -> None:
    sms = Sms(settings_for(""))
    assert not sms.enabled
    with pytest.raises(SmsRefused) as caught:
        sms.send(PHONE, "【清河】新的交办", "id-1")
    assert not caught.value.permanent


def test_a_message_goes_once_however_often_it_is_sent(url: str, sms: Sms) -> None:
    assert sms.enabled
    for phone in (PHONE, PHONE, "+86" + PHONE):
        sms.send(phone, "【清河】新的交办", "id-1")
    sms.send("16612345678", "【清河】新的交办", "id-2")
    told = [(message["id"], message["phone"], message["text"]) for message in delivered(url)]
    assert told == [("id-1", PHONE, "【清河】新的交办"), ("id-2", "16612345678", "【清河】新的交办")]


@pytest.mark.parametrize(
    "phone", ["", "1991234567", "199123456789", "12912345678", "076612345678", "１９９１２３４５６７８"]
)
def test_bad_numbers_are_refused_for_ever_by_both(url: str, sms: Sms, phone: str) -> None:
    with pytest.raises(SmsRefused) as caught:
        sms.send(phone, "【清河】新的交办", "id-1")
    assert caught.value.permanent
    body = {"id": "id-1", "phone": phone, "text": "【清河】"}
    answer = requests.post(f"{url}/sms/send", json=body, headers={"Authorization": f"Bearer {KEY}"}, timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_phone")


@pytest.mark.parametrize("text", ["", "  ", "长" * 501])
def test_bad_texts_are_refused_for_ever_by_both(url: str, sms: Sms, text: str) -> None:
    with pytest.raises(SmsRefused) as caught:
        sms.send(PHONE, text, "id-1")
    assert caught.value.permanent
    body = {"id": "id-1", "phone": PHONE, "text": text}
    answer = requests.post(f"{url}/sms/send", json=body, headers={"Authorization": f"Bearer {KEY}"}, timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_text")


def test_who_blocked_us_is_refused_for_ever(url: str, sms: Sms) -> None:
    control(url, "sms/block", phone=PHONE)
    with pytest.raises(SmsRefused, match="拒收") as caught:
        sms.send(PHONE, "【清河】新的交办", "id-1")
    assert caught.value.permanent


def test_one_id_is_one_message(sms: Sms) -> None:
    sms.send(PHONE, "【清河】新的交办", "id-1")
    with pytest.raises(SmsRefused) as caught:
        sms.send(PHONE, "【清河】别的话", "id-1")
    assert (caught.value.code, caught.value.permanent) == ("conflict", True)


def test_a_wrong_key_is_ours_to_mend(url: str) -> None:
    with pytest.raises(SmsRefused) as caught:
        Sms(settings_for(url, "wrong-key")).send(PHONE, "【清河】新的交办", "id-1")
    assert (caught.value.code, caught.value.permanent) == ("bad_key", False)


def test_the_quota_says_when_to_come_back(url: str, sms: Sms) -> None:
    control(url, "quota", path="/sms/send", limit=1)
    sms.send(PHONE, "【清河】新的交办", "id-1")
    sms.send(PHONE, "【清河】新的交办", "id-1")  # a repetition costs nothing
    with pytest.raises(SmsUnavailable) as caught:
        sms.send(PHONE, "【清河】新的交办", "id-2")
    assert caught.value.retry_after == 60


@pytest.mark.parametrize("mode", ["slow", "down", "error", "busy", "rate_limited"])
def test_trouble_is_temporary_and_tells_nothing(url: str, mode: str) -> None:
    sms = Sms(settings_for(url), timeout=0.3)
    control(url, "mode", mode=mode, times=1, seconds=1)
    with pytest.raises(SmsUnavailable) as caught:
        sms.send(PHONE, "【清河】新的交办", "id-1")
    told = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert caught.value.__context__ is None
    assert KEY not in told
    assert PHONE not in told
    sms.send(PHONE, "【清河】新的交办", "id-1")
    assert len(delivered(url)) == 1


def test_nobody_listens() -> None:
    with pytest.raises(SmsUnavailable, match="网络故障"):
        Sms(settings_for("http://127.0.0.1:9")).send(PHONE, "【清河】新的交办", "id-1")
