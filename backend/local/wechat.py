"""A strict stand-in for WeChat's server API and for the SMS gateway: `python -m backend.local.wechat --port N`.

It refuses what WeChat refuses, in WeChat's numbers. What WeChat's phone app and its operators would do is done
under `/_stand-in/`. It listens on loopback only and keeps its state in the process; an openid is derived from the
user's name and the app id, so that people stay who they are over a restart.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import io
import json
import os
import re
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import requests
import segno
from flask import Flask, Response, jsonify, request
from wechatpy.crypto import PrpCrypto
from wechatpy.utils import WeChatSigner
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from backend.local.wechat_rules import MAX_TEXT, wrong_field

LOOPBACK = "127.0.0.1"
TOKEN_SECONDS = 7200
CODE_SECONDS = 300
ACTIVE_SECONDS = 7200
FORCED_A_DAY = 20
FORCED_APART = 30
MODES = ("ok", "slow", "down", "error", "busy", "rate_limited", "token_refused")
RISKY_WORDS = {"测试违规词": 20006, "测试广告词": 10001, "测试诈骗词": 20008}
REVIEW_WORDS = {"测试待审词": 21000}
RISKY_IN_URL = "risky"  # an image whose address contains this word is judged risky
_MESSAGES = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40029: "invalid code",
    40037: "invalid template_id",
    40097: "invalid args",
    40125: "invalid appsecret",
    40163: "code been used",
    40169: "invalid length for scene, or the data is not json string",
    41001: "access_token missing",
    41008: "missing code",
    41030: "invalid page",
    42001: "access_token expired",
    43002: "require POST method",
    43101: "user refuse to accept the msg",
    44002: "empty post data",
    44004: "empty content",
    45002: "content size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    47003: "argument invalid",
    61010: "code is expired",
}
_SHANGHAI = ZoneInfo("Asia/Shanghai")
_PHONE = re.compile(r"1[3-9][0-9]{9}")
_TEMPLATE = re.compile(r"[A-Za-z0-9_-]{5,64}")
_PAGE = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*(\?\S*)?")
_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
_PUSH_TRIES = 3
_MAX_IMAGE = 20 * 1024 * 1024


class _Refusal(Exception):  # noqa: N818
    """An answer in WeChat's manner: HTTP 200 and an errcode."""

    def __init__(self, errcode: int, detail: str = "") -> None:
        super().__init__(errcode)
        self.errcode = errcode
        self.detail = detail


class _SmsRefusal(Exception):  # noqa: N818
    """An answer in the gateway's manner: a 4xx and a code."""

    def __init__(self, status: int, code: str, retry_after: int | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.retry_after = retry_after


@dataclass
class _Code:
    """A code that a phone was given, good once and for five minutes."""

    holder: str
    expires_at: float
    used: bool = False


@dataclass
class _State:
    """All that the stand-in remembers; a reset makes a new one."""

    tokens: dict[str, float] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    current: str | None = None
    forced: list[float] = field(default_factory=list)
    login_codes: dict[str, _Code] = field(default_factory=dict)
    phone_codes: dict[str, _Code] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    session_keys: dict[str, str] = field(default_factory=dict)
    active: dict[str, float] = field(default_factory=dict)
    consents: dict[tuple[str, str], int] = field(default_factory=dict)
    long_term: set[tuple[str, str]] = field(default_factory=set)
    pages: set[str] = field(default_factory=set)
    templates: dict[str, list[str]] = field(default_factory=dict)
    quotas: dict[str, int] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    pushes: list[dict[str, Any]] = field(default_factory=list)
    sms: dict[str, dict[str, Any]] = field(default_factory=dict)
    sms_blocked: set[str] = field(default_factory=set)
    mode: str = "ok"
    mode_path: str = ""
    mode_times: int | None = None
    mode_seconds: float = 8.0
    skew: float = 0.0
    push_format: str = "json"


@dataclass(frozen=True)
class Account:
    """The mini program, as WeChat knows it, and the gateway's key."""

    app_id: str
    app_secret: str
    push_token: str
    push_aes_key: str
    sms_key: str = ""


class StandIn:
    """WeChat and the gateway. Every call holds the lock; nothing slow happens under it."""

    def __init__(self, account: Account, push_url: str, clock: Callable[[], float], push_delay: float) -> None:
        self.account = account
        self.push_url = push_url
        self.push_delay = push_delay
        self.state = _State()
        self.lock = threading.RLock()
        self.woken = threading.Condition()
        self._clock = clock

    def now(self) -> float:
        return self._clock() + self.state.skew

    def openid(self, user: str) -> str:
        """Always the same for a user and an app. Its tail proves the head, so that a made-up one is found out."""
        head = _digest(f"{self.account.app_id}:{user}")[:20]
        return f"o{head}{_digest(f'{self.account.app_id}/{head}')[:7]}"

    def require_openid(self, openid: object) -> str:
        if not isinstance(openid, str) or not re.fullmatch(r"o[A-Za-z0-9_-]{27}", openid):
            raise _Refusal(40003)
        if _digest(f"{self.account.app_id}/{openid[1:21]}")[:7] != openid[21:]:
            raise _Refusal(40003)
        return openid

    def require_active(self, openid: str) -> None:
        seen = self.state.active.get(openid)
        if seen is None or self.now() - seen > ACTIVE_SECONDS:
            raise _Refusal(61010)

    def require_app(self, app_id: object, secret: object) -> None:
        if app_id != self.account.app_id:
            raise _Refusal(40013)
        if not isinstance(secret, str) or not hmac.compare_digest(secret.encode(), self.account.app_secret.encode()):
            raise _Refusal(40125)

    def require_token(self, path: str) -> None:
        token = request.args.get("access_token", "")
        if not token:
            raise _Refusal(41001)
        expires_at = self.state.tokens.get(token)
        if expires_at is None or token in self.state.revoked or self._in_mode("token_refused", path):
            # like a careless gateway, tells the token back: the client must not pass that on
            raise _Refusal(40001, f"token {token}")
        if self.now() >= expires_at:
            raise _Refusal(42001)

    def spend(self, path: str) -> None:
        """Count a call against the day's quota of its path."""
        day = datetime.fromtimestamp(self.now(), _SHANGHAI).date().isoformat()
        used = self.state.counts.get((path, day), 0) + 1
        self.state.counts[path, day] = used
        limit = self.state.quotas.get(path)
        if limit is not None and used > limit:
            raise _SmsRefusal(429, "limit", 60) if path.startswith("/sms/") else _Refusal(45009)

    def stable_token(self, force: bool) -> dict[str, Any]:
        """Normal mode gives the same token until five minutes before its end; forced mode ends it at once."""
        now, state = self.now(), self.state
        if force:
            state.forced = [at for at in state.forced if now - at < 86400]
            if len(state.forced) >= FORCED_A_DAY:
                raise _Refusal(45009)
            if state.forced and now - state.forced[-1] < FORCED_APART:
                raise _Refusal(45011)
            state.forced.append(now)
            if state.current is not None:
                state.revoked.add(state.current)
            state.current = None
        current = state.current
        if current is None or state.tokens[current] - now <= 300:
            current = f"80_{secrets.token_urlsafe(96)}"
            state.tokens[current] = now + TOKEN_SECONDS
            state.current = current
        return {"access_token": current, "expires_in": int(state.tokens[current] - now)}

    def misbehave(self, path: str) -> Response | None:
        """What the mode switched on makes of this call; None when it is to be answered properly."""
        state = self.state
        with self.lock:
            mode, seconds = state.mode, state.mode_seconds
            if mode in ("ok", "token_refused") or state.mode_path not in ("", path) or state.mode_times == 0:
                return None
            if state.mode_times is not None:
                state.mode_times -= 1
        sms = path.startswith("/sms/")
        if mode == "slow":
            with self.woken:
                self.woken.wait(seconds)
            return None
        if mode == "down":
            with suppress(KeyError, OSError):
                request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return Response(status=503)
        if mode == "error":
            return Response("<html><body>502 Bad Gateway</body></html>", status=502, mimetype="text/html")
        if mode == "busy":
            return _sms_answer(_SmsRefusal(503, "busy")) if sms else _wechat_answer(_Refusal(-1))
        return _sms_answer(_SmsRefusal(429, "limit", 60)) if sms else _wechat_answer(_Refusal(45009))

    def _in_mode(self, mode: str, path: str) -> bool:
        return self.state.mode == mode and self.state.mode_path in ("", path)

    def sealed_push(self, event: Mapping[str, Any]) -> tuple[dict[str, str], bytes, str]:
        """Query, body and content type of a push, encrypted and signed as WeChat does in its safe mode."""
        account = self.account
        as_json = self.state.push_format == "json"
        plain = json.dumps(event, ensure_ascii=False) if as_json else f"<xml>{_xml(event)}</xml>"
        key = base64.b64decode(account.push_aes_key + "=")
        sealed = PrpCrypto(key).encrypt(plain, account.app_id).decode()
        timestamp, nonce = str(int(self.now())), secrets.token_hex(5)
        query = {
            "signature": _signature(account.push_token, timestamp, nonce),
            "timestamp": timestamp,
            "nonce": nonce,
            "openid": str(event.get("FromUserName", "")),
            "encrypt_type": "aes",
            "msg_signature": _signature(account.push_token, timestamp, nonce, sealed),
        }
        outer = {"ToUserName": str(event.get("ToUserName", "")), "Encrypt": sealed}
        if as_json:
            return query, json.dumps(outer).encode(), "application/json"
        return query, f"<xml>{_xml(outer)}</xml>".encode(), "text/xml"

    def push(self, event: Mapping[str, Any]) -> None:
        """Deliver in the background, up to three times, until the answer is "success"."""
        threading.Thread(target=self._deliver, args=(dict(event),), daemon=True).start()

    def _deliver(self, event: dict[str, Any]) -> None:
        time.sleep(self.push_delay)
        record: dict[str, Any] = {"event": event, "tries": [], "delivered": False}
        with self.lock:
            url = self.push_url
            self.state.pushes.append(record)
        for attempt in range(_PUSH_TRIES if url else 0):
            if attempt:
                time.sleep(1)
            query, body, kind = self.sealed_push(event)
            try:
                with _session() as session:
                    answer = session.post(url, params=query, data=body, headers={"Content-Type": kind}, timeout=5)
                outcome = f"HTTP {answer.status_code} {answer.text[:80]}"
                done = answer.status_code == 200 and answer.text.strip() in ("success", "")
            except requests.RequestException as error:
                outcome, done = type(error).__name__, False
            with self.lock:
                record["tries"].append(outcome)
                record["delivered"] = done
            if done:
                return

    def judge_media(self, openid: str, url: str, trace_id: str) -> None:
        """Fetch the image, judge it and push the verdict, as WeChat does within half an hour."""
        threading.Thread(target=self._judge_media, args=(openid, url, trace_id), daemon=True).start()

    def _judge_media(self, openid: str, url: str, trace_id: str) -> None:
        errcode = 0
        try:
            with _session() as session, session.get(url, timeout=5, stream=True) as answer:
                size = sum(len(piece) for piece in answer.iter_content(65536)) if answer.ok else 0
            errcode = 0 if 0 < size <= _MAX_IMAGE else -1008
        except requests.RequestException:
            errcode = -1008
        event: dict[str, Any] = {
            "ToUserName": "gh_standin",
            "FromUserName": openid,
            "CreateTime": int(self.now()),
            "MsgType": "event",
            "Event": "wxa_media_check",
            "appid": self.account.app_id,
            "trace_id": trace_id,
            "version": 2,
            "errcode": errcode,
            "errmsg": "ok" if errcode == 0 else "download failed",
        }
        if errcode == 0:
            risky = RISKY_IN_URL in url
            event["result"] = {"suggest": "risky" if risky else "pass", "label": 20002 if risky else 100}
        self._deliver(event)


def create_stand_in(
    account: Account, push_url: str = "", clock: Callable[[], float] = time.time, push_delay: float = 0.2
) -> Flask:
    """The stand-in as a Flask app; its StandIn is `app.extensions["stand_in"]`."""
    app = Flask("wechat-stand-in")
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # only the default provider has it
    stand_in = StandIn(account, push_url, clock, push_delay)
    app.extensions["stand_in"] = stand_in
    app.register_error_handler(_Refusal, _wechat_answer)
    app.register_error_handler(_SmsRefusal, _sms_answer)

    @app.before_request
    def before() -> Response | None:
        if request.path.startswith("/_stand-in/"):
            return None
        with stand_in.lock:
            stand_in.state.calls.append({"method": request.method, "path": request.path})
        return stand_in.misbehave(request.path)

    _wechat_routes(app, stand_in)
    _sms_routes(app, stand_in)
    _control_routes(app, stand_in)
    return app


def _wechat_routes(app: Flask, stand_in: StandIn) -> None:
    @app.post("/cgi-bin/stable_token")
    def stable_token() -> Response:
        body = _json()
        with stand_in.lock:
            if body.get("grant_type") != "client_credential":
                raise _Refusal(40002)
            stand_in.require_app(body.get("appid"), body.get("secret"))
            stand_in.spend(request.path)
            return jsonify(stand_in.stable_token(body.get("force_refresh") is True))

    @app.get("/sns/jscode2session")
    def code_to_session() -> Response:
        with stand_in.lock:
            stand_in.require_app(request.args.get("appid"), request.args.get("secret"))
            if request.args.get("grant_type") != "authorization_code":
                raise _Refusal(40002)
            code = request.args.get("js_code", "")
            if not code:
                raise _Refusal(41008)
            stand_in.spend(request.path)
            user = _use(stand_in.state.login_codes, code, stand_in.now(), used=40163)
            openid = stand_in.openid(user)
            key = base64.b64encode(secrets.token_bytes(16)).decode()
            stand_in.state.session_keys[openid] = key
            stand_in.state.active[openid] = stand_in.now()
            return jsonify(openid=openid, session_key=key)

    @app.post("/wxa/business/getuserphonenumber")
    def phone_number() -> Response:
        body = _enter(stand_in)
        with stand_in.lock:
            number = _use(stand_in.state.phone_codes, str(body.get("code") or ""), stand_in.now(), used=40029)
            phone = {
                "phoneNumber": number,
                "purePhoneNumber": number,
                "countryCode": "86",
                "watermark": {"timestamp": int(stand_in.now()), "appid": stand_in.account.app_id},
            }
            return _ok(phone_info=phone)

    @app.post("/cgi-bin/message/subscribe/send")
    def subscribe_send() -> Response:
        body = _enter(stand_in)
        with stand_in.lock:
            state = stand_in.state
            openid = stand_in.require_openid(body.get("touser"))
            template = body.get("template_id")
            if not isinstance(template, str) or not _TEMPLATE.fullmatch(template):
                raise _Refusal(40037)
            if state.templates and template not in state.templates:
                raise _Refusal(40037)
            if body.get("page") and not _PAGE.fullmatch(str(body["page"])):
                raise _Refusal(41030)
            wrong = wrong_field(body.get("data"), state.templates.get(template))
            if wrong is not None:
                raise _Refusal(47003, f"{wrong} value invalid")
            key = (openid, template)
            if key not in state.long_term:
                if state.consents.get(key, 0) < 1:
                    raise _Refusal(43101)
                state.consents[key] -= 1
            state.sent.append(
                {
                    "user": state.users.get(openid),
                    "openid": openid,
                    "template_id": template,
                    "page": body.get("page"),
                    "data": {name: held["value"] for name, held in body["data"].items()},
                    "at": stand_in.now(),
                }
            )
            return _ok(msgid=len(state.sent))

    @app.post("/wxa/msg_sec_check")
    def text_check() -> Response:
        body = _enter(stand_in)
        with stand_in.lock:
            _require_check(body)
            content = body.get("content")
            if not isinstance(content, str) or not content:
                raise _Refusal(44004)
            if len(content) > MAX_TEXT:
                raise _Refusal(45002)
            stand_in.require_active(stand_in.require_openid(body.get("openid")))
        suggest, label = "pass", 100
        for words, found in ((REVIEW_WORDS, "review"), (RISKY_WORDS, "risky")):
            for word, number in words.items():
                if word in content:
                    suggest, label = found, number
        result = {"suggest": suggest, "label": label}
        detail = [{"strategy": "content_model", "errcode": 0, **result, "prob": 90}]
        return _ok(trace_id=_trace_id(), result=result, detail=detail)

    @app.post("/wxa/media_check_async")
    def media_check() -> Response:
        body = _enter(stand_in)
        with stand_in.lock:
            _require_check(body)
            url = body.get("media_url")
            if body.get("media_type") not in (1, 2) or not isinstance(url, str):
                raise _Refusal(40097)
            if not url.startswith(("http://", "https://")):
                raise _Refusal(40097)
            openid = stand_in.require_openid(body.get("openid"))
            stand_in.require_active(openid)
        trace_id = _trace_id()
        stand_in.judge_media(openid, url, trace_id)
        return _ok(trace_id=trace_id)

    @app.post("/wxa/getwxacodeunlimit")
    def mini_code() -> Response:
        body = _enter(stand_in)
        scene, page, width = body.get("scene"), body.get("page"), body.get("width", 430)
        if not isinstance(scene, str) or not _SCENE.fullmatch(scene):
            raise _Refusal(40169)
        with stand_in.lock:
            released = stand_in.state.pages
        if not isinstance(page, str) or not _PAGE.fullmatch(page) or "?" in page:
            raise _Refusal(41030)
        if body.get("check_path", True) and released and page not in released:
            raise _Refusal(41030)
        if body.get("env_version", "release") not in ("release", "trial", "develop") or type(width) is not int:
            raise _Refusal(40097)
        if not 280 <= width <= 1280:
            raise _Refusal(40097)
        picture = io.BytesIO()
        segno.make(f"{page}?scene={scene}", micro=False, error="m").save(picture, kind="png", scale=10)
        return Response(picture.getvalue(), mimetype="image/png")


def _sms_routes(app: Flask, stand_in: StandIn) -> None:
    @app.post("/sms/send")
    def sms_send() -> Response:
        given = request.headers.get("Authorization", "")
        wanted = f"Bearer {stand_in.account.sms_key}"
        if not stand_in.account.sms_key or not hmac.compare_digest(given.encode(), wanted.encode()):
            raise _SmsRefusal(401, "bad_key")
        body = request.get_json(silent=True)
        if not isinstance(body, dict) or set(body) != {"id", "phone", "text"}:
            raise _SmsRefusal(400, "bad_request")
        message_id, phone, text = body["id"], body["phone"], body["text"]
        if not isinstance(message_id, str) or not 1 <= len(message_id) <= 64:
            raise _SmsRefusal(400, "bad_request")
        if not isinstance(phone, str) or not _PHONE.fullmatch(phone):
            raise _SmsRefusal(400, "bad_phone")
        if not isinstance(text, str) or not text.strip() or len(text) > 500:
            raise _SmsRefusal(400, "bad_text")
        with stand_in.lock:
            state = stand_in.state
            before = state.sms.get(message_id)
            if before is not None:
                if (before["phone"], before["text"]) != (phone, text):
                    raise _SmsRefusal(409, "conflict")
                return jsonify(code="ok", id=message_id, repeated=True)
            if phone in state.sms_blocked:
                raise _SmsRefusal(403, "blocked")
            stand_in.spend(request.path)
            state.sms[message_id] = {"id": message_id, "phone": phone, "text": text, "at": stand_in.now()}
        return jsonify(code="ok", id=message_id, repeated=False)


def _control_routes(app: Flask, stand_in: StandIn) -> None:
    @app.post("/_stand-in/login")
    def login() -> Response:
        user = _text("user")
        code = secrets.token_urlsafe(24)
        with stand_in.lock:
            openid = stand_in.openid(user)
            stand_in.state.users[openid] = user
            stand_in.state.login_codes[code] = _Code(user, stand_in.now() + CODE_SECONDS)
        return jsonify(code=code, openid=openid)

    @app.post("/_stand-in/phone")
    def phone() -> Response:
        _text("user")
        number = _text("phone")
        if not _PHONE.fullmatch(number):
            return _bad("phone must be 11 digits")
        code = secrets.token_hex(32)
        with stand_in.lock:
            stand_in.state.phone_codes[code] = _Code(number, stand_in.now() + CODE_SECONDS)
        return jsonify(code=code)

    @app.post("/_stand-in/consent")
    def consent() -> Response:
        body = _json()
        key = (stand_in.openid(_text("user")), _text("template_id"))
        times = body.get("times", 1)
        if not isinstance(times, int) or not 0 <= times <= 1000:
            return _bad("times must be 0 to 1000")
        with stand_in.lock:
            stand_in.state.users.setdefault(key[0], str(body["user"]))
            if body.get("refuse"):
                stand_in.state.consents.pop(key, None)
                stand_in.state.long_term.discard(key)
            elif body.get("long_term"):
                stand_in.state.long_term.add(key)
            else:
                stand_in.state.consents[key] = stand_in.state.consents.get(key, 0) + times
            return jsonify(remaining=stand_in.state.consents.get(key, 0), long_term=key in stand_in.state.long_term)

    @app.post("/_stand-in/templates")
    def templates() -> Response:
        """Declare templates and their fields, {"id": ["thing1", …]}: from then on all others are unknown."""
        body = _json()
        with stand_in.lock:
            stand_in.state.templates = {str(name): [str(one) for one in fields] for name, fields in body.items()}
        return jsonify(body)

    @app.post("/_stand-in/pages")
    def pages() -> Response:
        """Declare the pages of the released version, {"pages": […]}: from then on a code to any other is refused."""
        body = _json()
        with stand_in.lock:
            stand_in.state.pages = {str(page) for page in body.get("pages") or ()}
        return jsonify(body)

    @app.post("/_stand-in/mode")
    def mode() -> Response:
        """{"mode", "path" (only there), "times" (then as before), "seconds" (of slowness)}."""
        body = _json()
        if body.get("mode") not in MODES:
            return _bad("mode must be one of " + ", ".join(MODES))
        with stand_in.lock:
            stand_in.state.mode = body["mode"]
            stand_in.state.mode_path = str(body.get("path") or "")
            stand_in.state.mode_times = body.get("times") if isinstance(body.get("times"), int) else None
            stand_in.state.mode_seconds = float(body.get("seconds") or 8.0)
        with stand_in.woken:
            stand_in.woken.notify_all()
        return jsonify(mode=body["mode"])

    @app.post("/_stand-in/quota")
    def quota() -> Response:
        """{"path": "/cgi-bin/…", "limit": calls a day}; a limit of null removes it."""
        path, limit = _text("path"), _json().get("limit")
        with stand_in.lock:
            if isinstance(limit, int):
                stand_in.state.quotas[path] = limit
            else:
                stand_in.state.quotas.pop(path, None)
        return jsonify(path=path, limit=limit)

    @app.post("/_stand-in/clock")
    def clock() -> Response:
        """Let time pass: {"advance": seconds}."""
        advance = _json().get("advance")
        if not isinstance(advance, int | float):
            return _bad("advance must be a number of seconds")
        with stand_in.lock:
            stand_in.state.skew += advance
        return jsonify(now=stand_in.now())

    @app.post("/_stand-in/push-url")
    def push_url() -> Response:
        """Where pushes go, {"url"}, and in which format, {"format": "json" or "xml"}."""
        body = _json()
        with stand_in.lock:
            stand_in.push_url = str(body.get("url") or stand_in.push_url)
            if body.get("format") in ("json", "xml"):
                stand_in.state.push_format = body["format"]
        return jsonify(url=stand_in.push_url, format=stand_in.state.push_format)

    @app.post("/_stand-in/push")
    def push() -> Response:
        """Push any event."""
        stand_in.push(_json())
        return jsonify(code="ok")

    @app.post("/_stand-in/sms/block")
    def sms_block() -> Response:
        with stand_in.lock:
            stand_in.state.sms_blocked.add(_text("phone"))
        return jsonify(code="ok")

    @app.post("/_stand-in/reset")
    def reset() -> Response:
        with stand_in.lock:
            stand_in.state = _State()
        with stand_in.woken:
            stand_in.woken.notify_all()
        return jsonify(code="ok")

    @app.get("/_stand-in/sent")
    def sent() -> Response:
        with stand_in.lock:
            return jsonify(stand_in.state.sent)

    @app.get("/_stand-in/sms")
    def sms() -> Response:
        with stand_in.lock:
            return jsonify(list(stand_in.state.sms.values()))

    @app.get("/_stand-in/pushes")
    def pushes() -> Response:
        with stand_in.lock:
            return jsonify(stand_in.state.pushes)

    @app.get("/_stand-in/calls")
    def calls() -> Response:
        with stand_in.lock:
            return jsonify(stand_in.state.calls)

    @app.get("/_stand-in/health")
    def health() -> Response:
        return jsonify(code="ok")


def _enter(stand_in: StandIn) -> dict[str, Any]:
    """What every call with an access token goes through: token, quota, body."""
    with stand_in.lock:
        stand_in.require_token(request.path)
        stand_in.spend(request.path)
    if not request.get_data():
        raise _Refusal(44002)
    return _json()


def _json() -> dict[str, Any]:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise _Refusal(47001)
    return body


def _text(name: str) -> str:
    value = _json().get(name)
    if not isinstance(value, str) or not value:
        raise _Refusal(40097, f"{name} is required")
    return value


def _require_check(body: Mapping[str, Any]) -> None:
    if body.get("version") != 2 or body.get("scene") not in (1, 2, 3, 4):
        raise _Refusal(40097)


def _use(codes: dict[str, _Code], code: str, now: float, used: int) -> str:
    held = codes.get(code)
    if held is None:
        raise _Refusal(40029)
    if held.used:
        raise _Refusal(used)
    if now >= held.expires_at:
        raise _Refusal(40029)
    held.used = True
    return held.holder


def _ok(**more: object) -> Response:
    return jsonify(errcode=0, errmsg="ok", **more)


def _bad(reason: str) -> Response:
    answer = jsonify(error=reason)
    answer.status_code = 400
    return answer


def _wechat_answer(refusal: _Refusal) -> Response:
    message = _MESSAGES[refusal.errcode] + (f" {refusal.detail}" if refusal.detail else "")
    answer = jsonify(errcode=refusal.errcode, errmsg=f"{message} rid: {secrets.token_hex(8)}")
    if request.path.startswith("/_stand-in/"):
        answer.status_code = 400
    return answer


def _sms_answer(refusal: _SmsRefusal) -> Response:
    answer = jsonify(code=refusal.code)
    answer.status_code = refusal.status
    if refusal.retry_after is not None:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # all it talks to is on this machine
    return session


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _trace_id() -> str:
    return f"{secrets.token_hex(4)}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"


def _signature(*parts: str) -> str:
    signer = WeChatSigner()
    signer.add_data(*parts)
    return str(signer.signature)


def _xml(values: Mapping[str, Any]) -> str:
    pieces = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            inner = _xml(value)
        elif isinstance(value, int):
            inner = str(value)
        else:
            inner = f"<![CDATA[{str(value).replace(']]>', ']] >')}]]>"
        pieces.append(f"<{name}>{inner}</{name}>")
    return "".join(pieces)


class _Quiet(WSGIRequestHandler):
    """Writes no line per request: the addresses carry tokens."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return None


def make_stand_in_server(app: Flask, port: int = 0) -> BaseWSGIServer:
    """A threaded server on loopback; port 0 takes a free one, told by `server.port`."""
    return make_server(LOOPBACK, port, app, threaded=True, request_handler=_Quiet)


@contextmanager
def running(app: Flask, port: int = 0) -> Iterator[str]:
    """The app served from a thread for the duration of the block; gives its address."""
    server = make_stand_in_server(app, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def account_from(environ: Mapping[str, str]) -> Account:
    """The account from the variables that Qinghe itself reads. Raises KeyError for one that is missing."""
    return Account(
        app_id=environ["WECHAT_APP_ID"],
        app_secret=environ["WECHAT_APP_SECRET"],
        push_token=environ["WECHAT_PUSH_TOKEN"],
        push_aes_key=environ["WECHAT_PUSH_AES_KEY"],
        sms_key=environ.get("SMS_KEY", ""),
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m backend.local.wechat", description="微信与短信替身")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--push-url", default="", help="回调地址；默认为 PUBLIC_URL 加 /wechat/push")
    given = parser.parse_args(arguments)
    try:
        account = account_from(os.environ)
    except KeyError as missing:
        sys.stderr.write(f"微信替身无法启动：缺少环境变量 {missing.args[0]}。\n")
        return 2
    public_url = os.environ.get("PUBLIC_URL") or "http://127.0.0.1:8000"
    app = create_stand_in(account, given.push_url or public_url.rstrip("/") + "/wechat/push")
    try:
        server = make_stand_in_server(app, given.port)
    except (OSError, OverflowError, SystemExit):
        sys.stderr.write(f"微信替身无法启动：端口 {given.port} 不可用。\n")
        return 2
    with suppress(KeyboardInterrupt), server:
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
