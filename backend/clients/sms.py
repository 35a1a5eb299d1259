"""Text messages through an HTTP gateway; what Qinghe says to it is all here.

`POST {sms_base_url}/sms/send`, `Authorization: Bearer {sms_key}`, JSON `{"id", "phone", "text"}`. The id makes a
repeated call harmless. A 4xx is a refusal with a `code`; 408, 429 and 5xx mean later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import requests

from backend.clients.wechat import TIMEOUT_SECONDS, is_loopback
from backend.settings import Settings

MAX_TEXT = 500
_PHONE = re.compile(r"1[3-9][0-9]{9}")
_PERMANENT: Mapping[str, str] = {
    "bad_phone": "手机号不正确",
    "bad_text": "短信内容不合要求",
    "blocked": "对方拒收短信",
    "conflict": "同一编号的内容不一致",
}
_LATER = frozenset({408, 425, 429})


class SmsRefused(Exception):  # noqa: N818  # reads as what the gateway said
    """The gateway said no. `permanent`: the same message will be refused for ever."""

    def __init__(self, code: str, permanent: bool) -> None:
        super().__init__(f"短信被拒绝（{code}）：{_PERMANENT.get(code, '通道配置有误')}")
        self.code = code
        self.permanent = permanent


class SmsUnavailable(Exception):  # noqa: N818
    """No usable answer; the message may or may not have gone. `retry_after` in seconds where known."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(f"短信通道暂不可用：{reason}")
        self.reason = reason
        self.retry_after = retry_after


class Sms:
    """The SMS channel. Without a configured gateway `enabled` is False and nothing can be sent."""

    def __init__(self, settings: Settings, timeout: float = TIMEOUT_SECONDS) -> None:
        self._base_url = settings.sms_base_url.rstrip("/")
        self._key = settings.sms_key.get_secret_value()
        self._timeout = timeout
        self._session = requests.Session()
        self._session.trust_env = not is_loopback(self._base_url)

    @property
    def enabled(self) -> bool:
        return bool(self._base_url)

    def send(self, phone: str, text: str, message_id: str) -> None:
        """Send `text` to a mainland mobile number. Sending the same `message_id` again sends nothing twice."""
        if not self.enabled:
            raise SmsRefused("disabled", permanent=False)
        number = phone.removeprefix("+86")
        if not _PHONE.fullmatch(number):
            raise SmsRefused("bad_phone", permanent=True)
        if not text.strip() or len(text) > MAX_TEXT:
            raise SmsRefused("bad_text", permanent=True)
        failure: Exception
        try:
            response = self._session.post(
                f"{self._base_url}/sms/send",
                json={"id": message_id, "phone": number, "text": text},
                headers={"Authorization": f"Bearer {self._key}"},
                timeout=self._timeout,
                allow_redirects=False,
            )
            if response.status_code == requests.codes.ok and _body(response).get("code") == "ok":
                return
            failure = _failure(response)
        except requests.Timeout:
            failure = SmsUnavailable("超时")
        except requests.RequestException as error:
            failure = SmsUnavailable(f"网络故障（{type(error).__name__}）")
        raise failure  # outside the handlers: no context keeps the request with its key


def _failure(response: requests.Response) -> Exception:
    status = response.status_code
    if status in _LATER or not 400 <= status < 500:
        after = response.headers.get("Retry-After", "")
        return SmsUnavailable(f"HTTP {status}", float(after) if re.fullmatch(r"[0-9]{1,6}", after) else None)
    code = _body(response).get("code")
    known = code if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,40}", code) else f"http_{status}"
    return SmsRefused(known, permanent=known in _PERMANENT)


def _body(response: requests.Response) -> dict[str, Any]:
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
