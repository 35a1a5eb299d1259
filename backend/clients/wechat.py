"""WeChat's server API: sign-in, phone number, subscription messages, content checks, pushes.

wechatpy makes the calls. What it lacks or gets wrong is put right here: every call has a time-out and can be
redirected, the stable access token is shared under a lock, a refused token is renewed once and never in a loop, and
no exception or log line carries a token, a secret or an openid.
"""

from __future__ import annotations

import hmac
import json
import logging
import re
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError
from zoneinfo import ZoneInfo

import requests
import xmltodict  # type: ignore[import-untyped]  # wechatpy brings it; its stubs are not locked
from redis import Redis
from redis.exceptions import RedisError
from requests.adapters import HTTPAdapter
from wechatpy import WeChatClient
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import WeChatClientException, WeChatException
from wechatpy.utils import WeChatSigner

from backend.settings import Settings

API = "https://api.weixin.qq.com"
TIMEOUT_SECONDS = 5.0
MAX_PUSH_BYTES = 256 * 1024
PUSH_AGE_S = 300  # a push signed longer ago than this, or further ahead, is not WeChat's of now

_TOKEN_REFUSED = frozenset({40001, 40014, 42001})
_CODE_INVALID = frozenset({40029, 40163, 41008})
_PERMANENT = {
    40003: "openid 无效",
    40037: "模板编号无效",
    40097: "参数有误",
    40169: "小程序码的参数有误",
    41030: "跳转页面无效",
    43101: "对方没有同意接收",
    44004: "内容为空",
    45002: "内容过长",
    45168: "内容含有敏感词",
    47001: "数据格式有误",
    47003: "模板内容不合规则",
    61010: "对方两小时内没有使用过小程序",
}
_NO_CONSENT = 43101
_BUSY = frozenset({-1, 43108, 50001, 50003})
_MINUTE_LIMITS = frozenset({45011, 45047})
_DAY_LIMITS = frozenset({45009})
_CHECKED_AT_ONCE = 2500  # characters msg_sec_check takes
_CHECK_OVERLAP = 50  # so that a phrase cut in two is still seen whole
_TOKEN_MARGIN = 60  # seconds before its end from which a token is no longer used
_LOCK_SECONDS = 25
_SHANGHAI = ZoneInfo("Asia/Shanghai")
_SECRET_PARAMETER = re.compile(r"((?:access_token|secret|js_code|code)=)[^&\s\"']+")


class WeChatCodeInvalid(Exception):  # noqa: N818  # reads as what WeChat said
    """The code of wx.login or of the phone button is unknown, used or too old: the phone must ask for a new one."""

    def __init__(self, errcode: int) -> None:
        super().__init__(f"微信凭证无效或已使用（{errcode}）")
        self.errcode = errcode


class WeChatRefused(Exception):  # noqa: N818
    """WeChat said no. `permanent`: the same call will be refused for ever; `no_consent`: the user allows no more."""

    def __init__(self, errcode: int, errmsg: str, permanent: bool) -> None:
        super().__init__(f"微信拒绝（{errcode}）：{_PERMANENT.get(errcode) or errmsg}")
        self.errcode = errcode
        self.errmsg = errmsg
        self.permanent = permanent
        self.no_consent = errcode == _NO_CONSENT


class WeChatUnavailable(Exception):  # noqa: N818
    """No usable answer: time-out, network, 5xx, busy, or a limit that ends. `retry_after` in seconds where known."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(f"微信暂不可用：{reason}")
        self.reason = reason
        self.retry_after = retry_after


class WeChatPushRefused(Exception):  # noqa: N818
    """A push that is not WeChat's: wrong signature, not for this app, or unreadable."""


class Scene(IntEnum):
    """Where checked content will stand, as msg_sec_check and media_check_async count them."""

    PROFILE = 1
    COMMENT = 2
    FORUM = 3
    SOCIAL_LOG = 4


class Suggestion(StrEnum):
    """What WeChat advises about content."""

    PASS = "pass"
    REVIEW = "review"
    RISKY = "risky"


_SEVERITY = [Suggestion.PASS, Suggestion.REVIEW, Suggestion.RISKY]


@dataclass(frozen=True)
class WeChatSession:
    """Who signed in. The openid and the session key stay out of repr, and so out of logs."""

    openid: str = field(repr=False)
    session_key: str = field(repr=False)
    unionid: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Verdict:
    """The outcome of a content check; `label` is WeChat's number for the kind of content (100: nothing found)."""

    suggestion: Suggestion
    label: int
    trace_id: str

    @property
    def passed(self) -> bool:
        return self.suggestion is Suggestion.PASS


@dataclass(frozen=True)
class MediaResult:
    """What a push said about an image sent to check_media. `verdict` is None when WeChat could not check it."""

    trace_id: str
    verdict: Verdict | None
    errcode: int = 0


class WeChat:
    """The calls Qinghe makes to WeChat. One instance may serve many threads."""

    def __init__(self, settings: Settings, redis: Redis | None = None, timeout: float = TIMEOUT_SECONDS) -> None:
        self._app_id = settings.wechat_app_id
        self._secret = settings.wechat_app_secret.get_secret_value()
        self._push_token = settings.wechat_push_token.get_secret_value()
        self._push_key = settings.wechat_push_aes_key.get_secret_value()
        self._client = WeChatClient(self._app_id, self._secret, timeout=timeout, auto_retry=False)
        self._client._http.mount(API, _Redirected(settings.wechat_base_url, timeout))
        self._tokens = _Tokens(self._fetch_token, redis, f"qinghe:wechat:token:{self._app_id}")
        _hide_secrets_in_logs()

    def code_to_session(self, code: str) -> WeChatSession:
        """Exchange the code of wx.login. Raises WeChatCodeInvalid for one that is unknown, used or too old."""
        if not code:
            raise WeChatCodeInvalid(41008)
        query = {"appid": self._app_id, "secret": self._secret, "js_code": code, "grant_type": "authorization_code"}
        # A list of pairs: given a dict, wechatpy would add an access token, which this call does not take.
        answer = self._request("get", "/sns/jscode2session", hide=(code,), params=list(query.items()))
        openid, session_key = answer.get("openid"), answer.get("session_key")
        if not isinstance(openid, str) or not openid or not isinstance(session_key, str):
            raise WeChatUnavailable("登录应答缺少 openid")
        return WeChatSession(openid, session_key, answer.get("unionid") or None)

    def phone_number(self, code: str) -> str:
        """The number behind the code of the phone button: 11 digits, or +country and digits for one from abroad."""
        if not code:
            raise WeChatCodeInvalid(41008)
        answer = self._call("/wxa/business/getuserphonenumber", {"code": code}, hide=(code,))
        phone = answer.get("phone_info")
        number = phone.get("purePhoneNumber") if isinstance(phone, dict) else None
        if not isinstance(phone, dict) or not number:
            raise WeChatUnavailable("应答缺少手机号")
        country = str(phone.get("countryCode") or "86")
        return str(number) if country == "86" else f"+{country}{number}"

    def send_subscribe(self, openid: str, template_id: str, page: str, data: Mapping[str, Mapping[str, str]]) -> None:
        """Send one subscription message; `data` as WeChat takes it: {"thing1": {"value": "…"}}."""
        self._call(
            "/cgi-bin/message/subscribe/send",
            {
                "touser": openid,
                "template_id": template_id,
                "page": page,
                "data": {name: dict(value) for name, value in data.items()},
                "miniprogram_state": "formal",
                "lang": "zh_CN",
            },
            hide=(openid,),
        )

    def check_text(self, openid: str, text: str, scene: int = Scene.SOCIAL_LOG) -> Verdict:
        """Have text checked (msg_sec_check v2), in pieces when it is long; the gravest verdict counts.

        The openid must have used the mini program within two hours: else WeChatRefused 61010, and a human looks.
        """
        gravest: Verdict | None = None
        for start in range(0, max(len(text) - _CHECK_OVERLAP, 1), _CHECKED_AT_ONCE - _CHECK_OVERLAP):
            piece = text[start : start + _CHECKED_AT_ONCE]
            body = {"version": 2, "scene": int(scene), "openid": openid, "content": piece}
            verdict = _verdict(self._call("/wxa/msg_sec_check", body, hide=(openid,)))
            if verdict is None:
                raise WeChatUnavailable("内容安全应答缺少结论")
            if gravest is None or _SEVERITY.index(verdict.suggestion) > _SEVERITY.index(gravest.suggestion):
                gravest = verdict
        assert gravest is not None  # the range above is never empty
        return gravest

    def check_media(self, openid: str, url: str, scene: int = Scene.SOCIAL_LOG) -> str:
        """Ask for an image to be checked (media_check_async v2); the verdict comes by push under this trace id."""
        body = {"media_url": url, "media_type": 2, "version": 2, "scene": int(scene), "openid": openid}
        trace_id = self._call("/wxa/media_check_async", body, hide=(openid, url)).get("trace_id")
        if not trace_id:
            raise WeChatUnavailable("图片检查应答缺少 trace_id")
        return str(trace_id)

    def mini_code(self, scene: str, page: str) -> bytes:
        """A picture of the mini-program code (getwxacodeunlimit) that opens `page` with this scene: JPEG or PNG.

        `scene`: 1 to 32 signs. The page must be in the released version: else WeChatRefused 41030.
        """
        body = {"scene": scene, "page": page, "check_path": True, "env_version": "release", "width": 860}
        picture = self._call("/wxa/getwxacodeunlimit", body).get("picture")
        if not isinstance(picture, bytes):
            raise WeChatUnavailable("应答不是图片")
        return picture

    def verify_push(self, args: Mapping[str, str]) -> str:
        """Answer the GET by which WeChat proves a push address: the echo string, if the signature is right."""
        signed = _signature(self._push_token, args.get("timestamp", ""), args.get("nonce", ""))
        if not hmac.compare_digest(signed.encode(), args.get("signature", "").encode()):
            raise WeChatPushRefused("签名不符")
        _require_recent(args.get("timestamp", ""))
        return args.get("echostr", "")

    def decrypt_push(self, args: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Open a signed, encrypted push, XML or JSON; `args` is the query. Raises WeChatPushRefused."""
        if len(body) > MAX_PUSH_BYTES:
            raise WeChatPushRefused("推送过大")
        sealed = _parsed(body).get("Encrypt")
        if not isinstance(sealed, str) or not sealed:
            raise WeChatPushRefused("推送没有加密")
        timestamp, nonce, given = args.get("timestamp", ""), args.get("nonce", ""), args.get("msg_signature", "")
        if not hmac.compare_digest(_signature(self._push_token, timestamp, nonce, sealed).encode(), given.encode()):
            raise WeChatPushRefused("签名不符")
        _require_recent(timestamp)
        try:
            crypto = WeChatCrypto(self._push_token, self._push_key, self._app_id)
            plain = crypto.decrypt_message({"Encrypt": sealed}, given, timestamp, nonce)
        except (WeChatException, ValueError, IndexError, struct.error) as error:
            raise WeChatPushRefused(f"无法解密（{type(error).__name__}）") from None
        return _parsed(plain.encode())

    def _call(self, path: str, body: dict[str, Any], hide: tuple[str, ...] = ()) -> dict[str, Any]:
        """Post with the access token; a token that WeChat refuses is renewed once, and only once."""
        token = self._tokens.get()
        try:
            return self._request("post", path, hide=(token, *hide), params={"access_token": token}, data=body)
        except WeChatRefused as refused:
            if refused.errcode not in _TOKEN_REFUSED:
                raise
        token = self._tokens.renew(stale=token)
        return self._request("post", path, hide=(token, *hide), params={"access_token": token}, data=body)

    def _fetch_token(self, force: bool) -> tuple[str, int]:
        body = {"grant_type": "client_credential", "appid": self._app_id, "secret": self._secret}
        # As above: pairs, even none, keep wechatpy from adding a token to the call that fetches one.
        answer = self._request("post", "/cgi-bin/stable_token", params=[], data={**body, "force_refresh": force})
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise WeChatUnavailable("没有取到 access_token")
        return token, int(answer.get("expires_in") or 7200)

    def _request(self, method: str, path: str, hide: tuple[str, ...] = (), **kwargs: Any) -> dict[str, Any]:
        """One call; its failure is raised outside the handler, so that no context keeps the request and its token."""
        failure: Exception
        try:
            answer = self._client._request(method, API + path, allow_redirects=False, **kwargs)
            if isinstance(answer, dict):
                return answer
            if isinstance(answer, requests.Response) and answer.headers.get("Content-Type", "").startswith("image/"):
                return {"picture": answer.content}
            failure = WeChatUnavailable("应答无法识别")
        except WeChatClientException as error:
            failure = self._failure(error, hide)
        except requests.Timeout:
            failure = WeChatUnavailable("超时")
        except requests.RequestException as error:
            failure = WeChatUnavailable(f"网络故障（{type(error).__name__}）")
        except (ValueError, TypeError) as error:
            failure = WeChatUnavailable(f"应答无法识别（{type(error).__name__}）")
        raise failure

    def _failure(self, error: WeChatClientException, hide: tuple[str, ...]) -> Exception:
        if error.errcode is None:
            status = error.response.status_code
            return WeChatUnavailable(f"HTTP {status}", _seconds(error.response.headers.get("Retry-After")))
        errcode, errmsg = int(error.errcode), str(error.errmsg)
        for secret in (self._secret, *hide):
            if secret:
                errmsg = errmsg.replace(secret, "…")
        if errcode in _CODE_INVALID:
            return WeChatCodeInvalid(errcode)
        if errcode in _BUSY:
            return WeChatUnavailable(f"系统繁忙（{errcode}）")
        if errcode in _MINUTE_LIMITS:
            return WeChatUnavailable(f"调用过于频繁（{errcode}）", 60.0)
        if errcode in _DAY_LIMITS:
            return WeChatUnavailable(f"超过每日调用上限（{errcode}）", _until_midnight())
        return WeChatRefused(errcode, errmsg, permanent=errcode in _PERMANENT)


def media_result(push: Mapping[str, Any]) -> MediaResult | None:
    """What an opened push says about an image; None if it is about something else."""
    if push.get("Event") != "wxa_media_check" or not push.get("trace_id"):
        return None
    errcode = _whole(push.get("errcode"))
    verdict = _verdict(push) if errcode == 0 else None
    return MediaResult(str(push["trace_id"]), verdict, errcode)


class _Redirected(HTTPAdapter):
    """Sends what is meant for WeChat to the configured host, never without a time-out."""

    def __init__(self, base_url: str, timeout: float) -> None:
        super().__init__()
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._near = is_loopback(base_url)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = self._base_url + (request.url or "").removeprefix(API)
        kwargs["timeout"] = kwargs.get("timeout") or self._timeout
        if self._near:
            kwargs["proxies"] = {}
        return super().send(request, *args, **kwargs)


class _Tokens:
    """The access token, shared through Redis so that all processes use one; from memory while Redis is away."""

    def __init__(self, fetch: Callable[[bool], tuple[str, int]], redis: Redis | None, key: str) -> None:
        self._fetch = fetch
        self._redis = redis
        self._key = key
        self._mutex = threading.Lock()
        self._own: tuple[str, float] | None = None
        self._failed: tuple[float, WeChatUnavailable] | None = None

    def get(self) -> str:
        return self._known() or self.renew(stale=None)

    def renew(self, stale: str | None) -> str:
        """A token other than `stale`. Whoever waited for the lock takes what the holder fetched, failure included."""
        came = time.monotonic()
        with self._mutex, self._shared_lock():
            token = self._known()
            if token and token != stale:
                return token
            if self._failed is not None and self._failed[0] >= came:
                raise WeChatUnavailable(self._failed[1].reason, self._failed[1].retry_after)
            try:
                token, life = self._fetch(False)
                if token == stale:
                    token, life = self._fetch(True)
            except WeChatUnavailable as failure:
                self._failed = (time.monotonic(), failure)
                raise
            self._keep(token, life)
            return token

    def _known(self) -> str | None:
        if self._redis is not None:
            with suppress(RedisError, OSError, ValueError):
                kept: Any = self._redis.get(self._key)
                if kept:
                    return kept.decode() if isinstance(kept, bytes) else str(kept)
        if self._own is not None and self._own[1] > time.monotonic():
            return self._own[0]
        return None

    def _keep(self, token: str, life: int) -> None:
        usable = max(life - _TOKEN_MARGIN, 1)
        self._own = (token, time.monotonic() + usable)
        if self._redis is not None:
            with suppress(RedisError, OSError):
                self._redis.set(self._key, token, ex=usable)

    @contextmanager
    def _shared_lock(self) -> Iterator[None]:
        """Hold the lock of all processes; go on without it when Redis is away, as a stable token allows."""
        lock = None
        if self._redis is not None:
            with suppress(RedisError, OSError):
                wanted = self._redis.lock(f"{self._key}:lock", timeout=_LOCK_SECONDS, blocking_timeout=_LOCK_SECONDS)
                lock = wanted if wanted.acquire() else None
        try:
            yield
        finally:
            if lock is not None:
                with suppress(RedisError, OSError):
                    lock.release()


class _HideSecrets(logging.Filter):
    """Blanks tokens, secrets and codes in the addresses urllib3 writes at DEBUG."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        hidden = _SECRET_PARAMETER.sub(r"\1…", message)
        if hidden != message:
            record.msg, record.args = hidden, ()
        return True


_HIDE_SECRETS = _HideSecrets()


def _hide_secrets_in_logs() -> None:
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_HIDE_SECRETS)  # adding the same filter again changes nothing


def is_loopback(url: str) -> bool:
    """Whether an address is this machine's: no proxy is asked then."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def _signature(*parts: str) -> str:
    signer = WeChatSigner()
    signer.add_data(*parts)
    return str(signer.signature)


def _require_recent(timestamp: str) -> None:
    """WeChat's clock and ours; the tests' clock has no say in what WeChat signs."""
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(time.time() - int(timestamp)) > PUSH_AGE_S:
        raise WeChatPushRefused("推送的时间不对")


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        text = body.decode().strip()
        if text.startswith("{"):
            found: Any = json.loads(text)
        else:
            found = (xmltodict.parse(text) or {}).get("xml")
    except (ValueError, RecursionError, ExpatError) as error:
        raise WeChatPushRefused(f"推送无法识别（{type(error).__name__}）") from None
    if not isinstance(found, dict):
        raise WeChatPushRefused("推送无法识别")
    return found


def _verdict(answer: Mapping[str, Any]) -> Verdict | None:
    result = answer.get("result")
    if not isinstance(result, dict):
        return None
    try:
        suggestion = Suggestion(str(result.get("suggest")))
    except ValueError:
        suggestion = Suggestion.REVIEW  # a word WeChat has added since: a human looks
    return Verdict(suggestion, _whole(result.get("label")), str(answer.get("trace_id") or ""))


def _whole(value: object) -> int:
    """The number WeChat means, which XML gives as text."""
    text = str(value if value is not None else 0)
    return int(text) if re.fullmatch(r"-?\d{1,9}", text) else -1


def _seconds(value: str | None) -> float | None:
    return float(value) if value is not None and re.fullmatch(r"\d{1,6}", value) else None


def _until_midnight() -> float:
    """Seconds to the next day in China, when WeChat's daily limits begin anew."""
    now = datetime.now(_SHANGHAI)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - now).total_seconds()
