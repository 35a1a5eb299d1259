"""The WeChat client against the stand-in, over HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from flask import Flask, Response, request
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import LockError

from backend.clients.wechat import (
    Suggestion,
    WeChat,
    WeChatCodeInvalid,
    WeChatPushRefused,
    WeChatRefused,
    WeChatUnavailable,
    media_result,
)
from backend.local.wechat import Account, StandIn, create_stand_in, running
from backend.settings import Settings

APP_ID = "wx0123456789abcdef"
SECRET = "s3cret-of-the-app-0123456789abcd"
PUSH_TOKEN = "push-token"
PUSH_KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
TEMPLATE = "tmpl-assigned-0001"
PAGE = "pages/home/home"
DATA = {"thing1": {"value": "新的交办事项"}}
SEND = "/cgi-bin/message/subscribe/send"


def settings_for(base_url: str, **more: Any) -> Settings:
    return Settings(
        **{
            "database_url": "postgresql://nobody@127.0.0.1:9/none",
            "redis_url": "redis://127.0.0.1:9/0",
            "s3_endpoint": "http://127.0.0.1:9",
            "s3_public_url": "http://127.0.0.1:9",
            "s3_access_key": "key",
            "s3_secret_key": "secret",
            "secret_key": "k" * 32,
            "identity_keys": base64.urlsafe_b64encode(b"i" * 32).decode(),
            "digest_key": "d" * 32,
            "ledger_signing_key": base64.urlsafe_b64encode(b"l" * 32).decode(),
            "wechat_app_id": APP_ID,
            "wechat_app_secret": SECRET,
            "wechat_push_token": PUSH_TOKEN,
            "wechat_push_aes_key": PUSH_KEY,
            "wechat_base_url": base_url,
            "county_dir": Path(),
            **more,
        }
    )


class Phone:
    """What the WeChat app and its operators do, through the control addresses."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def post(self, name: str, **body: Any) -> Any:
        answer = requests.post(f"{self.base_url}/_stand-in/{name}", json=body, timeout=5)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, name: str) -> Any:
        return requests.get(f"{self.base_url}/_stand-in/{name}", timeout=5).json()

    def login(self, user: str = "张三") -> str:
        return self.post("login", user=user)["code"]

    def calls(self, path: str) -> int:
        return sum(call["path"] == path for call in self.get("calls"))


@pytest.fixture
def app() -> Flask:
    return create_stand_in(Account(APP_ID, SECRET, PUSH_TOKEN, PUSH_KEY, "sms-key"), push_delay=0)


@pytest.fixture
def phone(app: Flask) -> Iterator[Phone]:
    with running(app) as url:
        yield Phone(url)


@pytest.fixture
def stand_in(app: Flask) -> StandIn:
    return app.extensions["stand_in"]


@pytest.fixture
def wechat(phone: Phone) -> WeChat:
    return WeChat(settings_for(phone.base_url))


@pytest.fixture
def openid(phone: Phone, wechat: WeChat) -> str:
    return wechat.code_to_session(phone.login()).openid


class FakeRedis:
    """The few calls the token store makes, in memory; `gone` makes it a Redis that is away."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.gone = False
        self._locks: dict[str, threading.Lock] = {}

    def get(self, key: str) -> bytes | None:
        self._check()
        value = self.values.get(key)
        return None if value is None else value.encode()

    def set(self, key: str, value: str, ex: int) -> None:
        self._check()
        assert ex > 0
        self.values[key] = value

    def lock(self, name: str, timeout: float, blocking_timeout: float) -> _FakeLock:
        self._check()
        return _FakeLock(self._locks.setdefault(name, threading.Lock()), blocking_timeout)

    def _check(self) -> None:
        if self.gone:
            raise RedisGone("away")


class _FakeLock:
    def __init__(self, lock: threading.Lock, wait: float) -> None:
        self._lock, self._wait = lock, wait

    def acquire(self) -> bool:
        return self._lock.acquire(timeout=self._wait)

    def release(self) -> None:
        if not self._lock.locked():
            raise LockError("not held")
        self._lock.release()


# --- sign-in ---------------------------------------------------------------------------------------------------------


def test_a_user_keeps_the_openid_and_another_has_another(phone: Phone, wechat: WeChat) -> None:
    first, again = wechat.code_to_session(phone.login("张三")), wechat.code_to_session(phone.login("张三"))
    other = wechat.code_to_session(phone.login("李四"))
    assert first.openid == again.openid != other.openid
    assert len(first.openid) == 28
    assert first.session_key != again.session_key
    assert first.openid not in repr(first)
    assert first.session_key not in repr(first)
    assert phone.calls("/cgi-bin/stable_token") == 0


@pytest.mark.parametrize(("spoil", "errcode"), [("use", 40163), ("age", 40029), ("invent", 40029), ("omit", 41008)])
def test_login_codes_are_good_once_and_for_five_minutes(phone: Phone, wechat: WeChat, spoil: str, errcode: int) -> None:
    code = {"invent": "made-up-code", "omit": ""}.get(spoil) or (phone.login() if spoil != "omit" else "")
    if spoil == "use":
        wechat.code_to_session(code)
    if spoil == "age":
        phone.post("clock", advance=301)
    with pytest.raises(WeChatCodeInvalid) as caught:
        wechat.code_to_session(code)
    assert caught.value.errcode == errcode
    assert not code or code not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "errcode"), [({"wechat_app_id": "wxother"}, 40013), ({"wechat_app_secret": "wrong-one"}, 40125)]
)
def test_a_wrong_app_or_secret_is_refused_but_not_for_ever(phone: Phone, changed: dict, errcode: int) -> None:
    wrong = WeChat(settings_for(phone.base_url, **changed))
    for call in (lambda: wrong.code_to_session(phone.login()), lambda: wrong.phone_number("any")):
        with pytest.raises(WeChatRefused) as caught:
            call()
        assert (caught.value.errcode, caught.value.permanent) == (errcode, False)
        assert "wrong-one" not in str(caught.value)


def test_a_phone_number_is_told_once(phone: Phone, wechat: WeChat) -> None:
    code = phone.post("phone", user="张三", phone="19912345678")["code"]
    assert wechat.phone_number(code) == "19912345678"
    with pytest.raises(WeChatCodeInvalid):
        wechat.phone_number(code)
    late = phone.post("phone", user="张三", phone="16612345678")["code"]
    phone.post("clock", advance=301)
    with pytest.raises(WeChatCodeInvalid):
        wechat.phone_number(late)


# --- the access token ------------------------------------------------------------------------------------------------


def test_one_token_serves_many_calls_and_all_processes(phone: Phone) -> None:
    redis = FakeRedis()
    clients = [WeChat(settings_for(phone.base_url), redis) for _ in range(4)]  # type: ignore[arg-type]
    openid = clients[0].code_to_session(phone.login()).openid
    threads = [threading.Thread(target=client.check_text, args=(openid, "河水发黑")) for client in clients * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert phone.calls("/wxa/msg_sec_check") == 8
    assert phone.calls("/cgi-bin/stable_token") == 1


def test_without_redis_the_token_is_kept_in_memory(phone: Phone) -> None:
    redis = FakeRedis()
    redis.gone = True
    wechat = WeChat(settings_for(phone.base_url), redis)  # type: ignore[arg-type]
    openid = wechat.code_to_session(phone.login()).openid
    assert wechat.check_text(openid, "河水发黑").passed
    assert wechat.check_text(openid, "河水发黑").passed
    assert phone.calls("/cgi-bin/stable_token") == 1


def test_an_expired_token_is_renewed_unseen(phone: Phone, wechat: WeChat, openid: str) -> None:
    wechat.check_text(openid, "河水发黑")
    phone.post("clock", advance=7201)
    wechat.code_to_session(phone.login())
    assert wechat.check_text(openid, "河水发黑").passed
    assert phone.calls("/cgi-bin/stable_token") == 2
    assert phone.calls("/wxa/msg_sec_check") == 3


def test_a_revoked_token_is_renewed_unseen(phone: Phone, wechat: WeChat, openid: str, stand_in: StandIn) -> None:
    wechat.check_text(openid, "河水发黑")
    stand_in.state.revoked.add(str(stand_in.state.current))  # the stable token itself is bad: only force helps
    assert wechat.check_text(openid, "河水发黑").passed
    assert phone.calls("/cgi-bin/stable_token") == 3


def test_a_lasting_40001_ends_after_one_renewal(phone: Phone, wechat: WeChat, openid: str) -> None:
    phone.post("mode", mode="token_refused")
    with pytest.raises(WeChatRefused) as caught:
        wechat.check_text(openid, "河水发黑")
    assert (caught.value.errcode, caught.value.permanent) == (40001, False)
    assert phone.calls("/wxa/msg_sec_check") == 2


def test_forced_renewal_is_limited(phone: Phone) -> None:
    def force() -> dict[str, Any]:
        body = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET, "force_refresh": True}
        return requests.post(f"{phone.base_url}/cgi-bin/stable_token", json=body, timeout=5).json()

    assert force()["expires_in"] == 7200
    assert force()["errcode"] == 45011
    for _ in range(19):
        phone.post("clock", advance=31)
        assert "access_token" in force()
    phone.post("clock", advance=31)
    assert force()["errcode"] == 45009


def test_the_stand_in_wants_a_token(phone: Phone) -> None:
    assert requests.post(phone.base_url + SEND, json={}, timeout=5).json()["errcode"] == 41001
    assert requests.post(phone.base_url + SEND + "?access_token=x", json={}, timeout=5).json()["errcode"] == 40001


# --- what the errors and the log tell --------------------------------------------------------------------------------


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("mode", ["token_refused", "down", "error", "busy", "rate_limited", "slow"])
def test_no_token_secret_or_openid_in_errors_or_log(
    phone: Phone, stand_in: StandIn, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="urllib3")  # whatever was made of it before
    wechat = WeChat(settings_for(phone.base_url), timeout=0.3)
    code = phone.login()
    openid = wechat.code_to_session(code).openid
    wechat.check_text(openid, "河水发黑")
    phone.post("mode", mode=mode, seconds=2)
    hidden = [*stand_in.state.tokens, SECRET, openid, code]
    next_code = phone.login()
    calls = [lambda: wechat.check_text(openid, "河水发黑"), lambda: wechat.send_subscribe(openid, TEMPLATE, PAGE, DATA)]
    if mode != "token_refused":
        calls.append(lambda: wechat.code_to_session(next_code))
    for call in calls:
        with pytest.raises((WeChatRefused, WeChatUnavailable)) as caught:
            call()
        told = "".join(traceback.format_exception(caught.value))
        told += "".join(str(error) + repr(error) + str(vars(error)) for error in chain(caught.value))
        assert [secret for secret in (*hidden, *stand_in.state.tokens) if secret in told] == []
    logged = [record.getMessage() for record in caplog.records]
    assert any("access_token=…" in line for line in logged)
    assert [
        line for line in logged for secret in (*stand_in.state.tokens, SECRET, code, next_code) if secret in line
    ] == []


def test_slow_is_a_time_out(phone: Phone, openid: str) -> None:
    wechat = WeChat(settings_for(phone.base_url), timeout=0.3)
    phone.post("mode", mode="slow", seconds=3)
    began = time.monotonic()
    with pytest.raises(WeChatUnavailable, match="超时"):
        wechat.code_to_session("any")
    with pytest.raises(WeChatUnavailable, match="超时"):  # fetching the token has a time-out as well
        wechat.check_text(openid, "河水发黑")
    assert time.monotonic() - began < 2


def test_those_who_waited_for_a_token_do_not_each_wait_again(phone: Phone) -> None:
    wechat = WeChat(settings_for(phone.base_url), timeout=0.5)
    phone.post("mode", mode="slow", seconds=5)
    failures: list[Exception] = []

    def call() -> None:
        try:
            wechat.phone_number("any")
        except WeChatUnavailable as error:
            failures.append(error)

    began = time.monotonic()
    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 6
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("mode", ["down", "error", "busy"])
def test_down_and_5xx_and_busy_are_unavailable_and_end(phone: Phone, wechat: WeChat, mode: str) -> None:
    phone.post("mode", mode=mode, times=1)
    with pytest.raises(WeChatUnavailable):
        wechat.code_to_session(phone.login())
    assert wechat.code_to_session(phone.login()).openid


def test_nobody_listens(wechat: WeChat) -> None:
    with pytest.raises(WeChatUnavailable, match="网络故障"):
        WeChat(settings_for("http://127.0.0.1:9")).code_to_session("any")


@pytest.mark.parametrize("body", ["not json", "[1]", '"text"', '{"errcode": "many"}', "{}", '{"result": "x"}'])
def test_answers_that_make_no_sense_are_unavailable(body: str) -> None:
    app = Flask("nonsense")

    @app.route("/<path:path>", methods=["GET", "POST"])
    def anything(path: str) -> str:
        return '{"access_token": "t", "expires_in": 7200}' if path == "cgi-bin/stable_token" else body

    with running(app) as url:
        wechat = WeChat(settings_for(url))
        calls = [
            lambda: wechat.code_to_session("any"),
            lambda: wechat.phone_number("any"),
            lambda: wechat.check_text("o", "text"),
            lambda: wechat.check_media("o", "http://x/y"),
        ]
        for call in calls:
            with pytest.raises(WeChatUnavailable):
                call()


def test_a_redirect_is_not_followed() -> None:
    app = Flask("elsewhere")

    @app.get("/sns/jscode2session")
    def elsewhere() -> Response:
        return Response(status=302, headers={"Location": "/stolen"})

    @app.get("/stolen")
    def stolen() -> dict[str, str]:
        return {"openid": "o", "session_key": "k"}

    with running(app) as url, pytest.raises(WeChatUnavailable):
        WeChat(settings_for(url)).code_to_session("any")


def test_limits_say_when_to_come_back(phone: Phone, wechat: WeChat, openid: str) -> None:
    phone.post("quota", path="/wxa/msg_sec_check", limit=1)
    wechat.check_text(openid, "河水发黑")
    with pytest.raises(WeChatUnavailable) as caught:
        wechat.check_text(openid, "河水发黑")
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 86400
    phone.post("clock", advance=86400)
    wechat.code_to_session(phone.login())
    assert wechat.check_text(openid, "河水发黑").passed


# --- subscription messages -------------------------------------------------------------------------------------------


def test_one_consent_gives_one_message(phone: Phone, wechat: WeChat, openid: str) -> None:
    phone.post("consent", user="张三", template_id=TEMPLATE)
    wechat.send_subscribe(openid, TEMPLATE, PAGE, DATA)
    (sent,) = phone.get("sent")
    assert (sent["user"], sent["template_id"], sent["page"]) == ("张三", TEMPLATE, PAGE)
    assert sent["data"] == {"thing1": "新的交办事项"}
    with pytest.raises(WeChatRefused, match="没有同意") as caught:
        wechat.send_subscribe(openid, TEMPLATE, PAGE, DATA)
    assert (caught.value.errcode, caught.value.permanent) == (43101, True)


def test_a_long_term_consent_lasts_until_withdrawn(phone: Phone, wechat: WeChat, openid: str) -> None:
    phone.post("consent", user="张三", template_id=TEMPLATE, long_term=True)
    for _ in range(3):
        wechat.send_subscribe(openid, TEMPLATE, PAGE, DATA)
    phone.post("consent", user="张三", template_id=TEMPLATE, refuse=True)
    with pytest.raises(WeChatRefused):
        wechat.send_subscribe(openid, TEMPLATE, PAGE, DATA)
    assert len(phone.get("sent")) == 3


def test_a_refused_message_costs_no_consent(phone: Phone, wechat: WeChat, openid: str) -> None:
    phone.post("consent", user="张三", template_id=TEMPLATE)
    for data, page, errcode in [
        ({"thing1": {"value": "长" * 21}}, PAGE, 47003),
        (DATA, "/pages/home", 41030),
    ]:
        with pytest.raises(WeChatRefused) as caught:
            wechat.send_subscribe(openid, TEMPLATE, page, data)
        assert (caught.value.errcode, caught.value.permanent) == (errcode, True)
    wechat.send_subscribe(openid, TEMPLATE, PAGE, DATA)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("thing1", "长" * 20, "长" * 21),
        ("thing2", "a", ""),
        ("thing3", "一行", "两\n行"),
        ("phrase4", "已经办结了", "已经办结了吧"),
        ("phrase5", "待核查", "abc"),
        ("character_string6", "QH-2025-0001", "编号1"),
        ("character_string7", "x" * 32, "x" * 33),
        ("number8", "12.5", "12个"),
        ("time9", "2025年6月1日 15:01", "明天"),
        ("time10", "15:01~16:30", "25:01"),
        ("date11", "2025-06-01", "15:01"),
        ("name12", "张三", "张" * 11),
        ("phone_number13", "0766-66888866", "1" * 18),
    ],
)
def test_fields_have_limits(phone: Phone, wechat: WeChat, openid: str, name: str, good: str, bad: str) -> None:
    phone.post("consent", user="张三", template_id=TEMPLATE)
    with pytest.raises(WeChatRefused) as caught:
        wechat.send_subscribe(openid, TEMPLATE, PAGE, {name: {"value": bad}})
    assert (caught.value.errcode, caught.value.permanent) == (47003, True)
    assert name in caught.value.errmsg
    wechat.send_subscribe(openid, TEMPLATE, PAGE, {name: {"value": good}})


def test_declared_templates_know_their_fields(phone: Phone, wechat: WeChat, openid: str) -> None:
    phone.post("templates", **{TEMPLATE: ["thing1", "time2"]})
    phone.post("consent", user="张三", template_id=TEMPLATE)
    for template, data, errcode in [
        ("tmpl-unknown-1", DATA, 40037),
        (TEMPLATE, DATA, 47003),
        (TEMPLATE, {**DATA, "time2": {"value": "15:01"}, "thing3": {"value": "多"}}, 47003),
        (TEMPLATE, {}, 47003),
    ]:
        with pytest.raises(WeChatRefused) as caught:
            wechat.send_subscribe(openid, template, PAGE, data)
        assert caught.value.errcode == errcode
    wechat.send_subscribe(openid, TEMPLATE, PAGE, {**DATA, "time2": {"value": "15:01"}})


@pytest.mark.parametrize("bad", ["", "o123", "o" + "A" * 27])
def test_a_made_up_openid_is_found_out(wechat: WeChat, bad: str) -> None:
    with pytest.raises(WeChatRefused) as caught:
        wechat.send_subscribe(bad, TEMPLATE, PAGE, DATA)
    assert (caught.value.errcode, caught.value.permanent) == (40003, True)


# --- content checks --------------------------------------------------------------------------------------------------


def test_text_is_judged(wechat: WeChat, openid: str) -> None:
    assert wechat.check_text(openid, "清河大桥下有人排污 😷").passed
    risky = wechat.check_text(openid, "这里有测试违规词。")
    assert (risky.suggestion, risky.label, risky.passed) == (Suggestion.RISKY, 20006, False)
    assert risky.trace_id
    assert wechat.check_text(openid, "这里有测试待审词。").suggestion is Suggestion.REVIEW


@pytest.mark.parametrize("at", [0, 2448, 2497, 2500, 4900, 4995])
def test_long_text_is_checked_in_pieces(phone: Phone, wechat: WeChat, openid: str, at: int) -> None:
    text = ("河" * at + "测试违规词").ljust(5000, "河")
    assert wechat.check_text(openid, text).suggestion is Suggestion.RISKY
    assert wechat.check_text(openid, "河" * 5000).passed
    assert phone.calls("/wxa/msg_sec_check") == 6


def test_empty_text_is_refused(wechat: WeChat, openid: str) -> None:
    with pytest.raises(WeChatRefused) as caught:
        wechat.check_text(openid, "")
    assert caught.value.errcode == 44004


def test_checks_want_someone_active_within_two_hours(phone: Phone, wechat: WeChat, openid: str) -> None:
    phone.post("clock", advance=7199)
    assert wechat.check_text(openid, "河水发黑").passed
    phone.post("clock", advance=2)
    for call in (
        lambda: wechat.check_text(openid, "河水发黑"),
        lambda: wechat.check_media(openid, "http://127.0.0.1:9/a.jpg"),
    ):
        with pytest.raises(WeChatRefused) as caught:
            call()
        assert (caught.value.errcode, caught.value.permanent) == (61010, True)


# --- pushes ----------------------------------------------------------------------------------------------------------


class Receiver:
    """Our side of /wechat/push, and a shelf of pictures."""

    def __init__(self, wechat: WeChat) -> None:
        self.app = Flask("receiver")
        self.opened: list[dict[str, Any]] = []
        self.failures_left = 0

        @self.app.get("/pictures/<name>")
        def picture(name: str) -> Response:
            return Response(b"\xff\xd8picture", mimetype="image/jpeg")

        @self.app.post("/wechat/push")
        def push() -> Response:
            if self.failures_left:
                self.failures_left -= 1
                return Response(status=500)
            self.opened.append(wechat.decrypt_push(request.args, request.get_data()))
            return Response("success")

    def wait(self, count: int) -> list[dict[str, Any]]:
        until = time.monotonic() + 10
        while len(self.opened) < count and time.monotonic() < until:
            time.sleep(0.02)
        assert len(self.opened) == count
        return self.opened


@pytest.mark.parametrize("form", ["json", "xml"])
def test_an_image_is_judged_by_push(phone: Phone, wechat: WeChat, openid: str, form: str) -> None:
    receiver = Receiver(wechat)
    with running(receiver.app) as url:
        phone.post("push-url", url=f"{url}/wechat/push", format=form)
        asked = {
            wechat.check_media(openid, f"{url}/pictures/clean.jpg"): Suggestion.PASS,
            wechat.check_media(openid, f"{url}/pictures/risky.jpg"): Suggestion.RISKY,
            wechat.check_media(openid, f"{url}/missing.jpg"): None,
        }
        results = [media_result(push) for push in receiver.wait(3)]
    assert all(result is not None for result in results)
    told = {r.trace_id: r.verdict.suggestion if r.verdict else None for r in results if r}
    assert told == asked
    assert {r.errcode for r in results if r} == {0, -1008}


def test_a_mini_program_code_is_a_picture(phone: Phone, wechat: WeChat) -> None:
    assert wechat.mini_code("token_of-a.board", "packages/public/board/board")[:4] == b"\x89PNG"
    phone.post("pages", pages=["pages/home/home"])
    for scene, page, errcode in (
        ("s" * 33, PAGE, 40169),
        ("", PAGE, 40169),
        ("牌", PAGE, 40169),
        ("s", f"/{PAGE}", 41030),
        ("s", f"{PAGE}?a=1", 41030),
        ("s", "packages/public/board/board", 41030),
    ):
        with pytest.raises(WeChatRefused) as refused:
            wechat.mini_code(scene, page)
        assert (refused.value.errcode, refused.value.permanent) == (errcode, True)
    phone.post("mode", mode="token_refused", times=1)
    with pytest.raises(WeChatRefused):
        wechat.mini_code("s", PAGE)


def test_a_push_is_tried_again(phone: Phone, wechat: WeChat) -> None:
    receiver = Receiver(wechat)
    receiver.failures_left = 1
    with running(receiver.app) as url:
        phone.post("push-url", url=f"{url}/wechat/push")
        phone.post("push", MsgType="event", Event="other", 名="值")
        (opened,) = receiver.wait(1)
    assert opened == {"MsgType": "event", "Event": "other", "名": "值"}
    assert media_result(opened) is None


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize(
    "spoil", ["msg_signature", "timestamp", "nonce", "none", "body", "plain", "key", "app", "size"]
)
def test_a_push_that_was_touched_is_refused(wechat: WeChat, stand_in: StandIn, form: str, spoil: str) -> None:
    stand_in.state.push_format = form
    query, body, _ = stand_in.sealed_push({"Event": "wxa_media_check", "trace_id": "t"})
    assert wechat.decrypt_push(query, body)["trace_id"] == "t"
    if spoil in query:
        query[spoil] = query[spoil][:-1] + ("0" if query[spoil][-1] != "0" else "1")
    elif spoil == "none":
        query.clear()
    elif spoil == "body":
        sealed = wechat_outer(body, form)
        body = body.replace(sealed[10:14].encode(), b"AAAA")
    elif spoil == "plain":
        body = b'{"Event": "wxa_media_check"}' if form == "json" else b"<xml><Event>x</Event></xml>"
    elif spoil == "size":
        body += b" " * 300_000
    else:
        changed = {"key": {"wechat_push_aes_key": "Z" * 43}, "app": {"wechat_app_id": "wxother"}}[spoil]
        wechat = WeChat(settings_for("http://127.0.0.1:9", **changed))
    with pytest.raises(WeChatPushRefused):
        wechat.decrypt_push(query, body)


def wechat_outer(body: bytes, form: str) -> str:
    text = body.decode()
    return json.loads(text)["Encrypt"] if form == "json" else text.split("<Encrypt><![CDATA[")[1].split("]]")[0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{",
        b"<xml>",
        b"<xml/>",
        b"<other/>",
        b'{"Encrypt": 5}',
        b'{"Encrypt": ""}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>',
    ],
)
def test_a_push_that_is_no_push_is_refused(wechat: WeChat, body: bytes) -> None:
    with pytest.raises(WeChatPushRefused):
        wechat.decrypt_push({"timestamp": "1", "nonce": "2", "msg_signature": "签名"}, body)


@pytest.mark.parametrize("sealed", ["A", "AAAA", "!!!!", "A" * 64, "汉字"])
def test_rightly_signed_rubbish_is_refused(wechat: WeChat, sealed: str) -> None:
    signed = hashlib.sha1("".join(sorted([PUSH_TOKEN, "1", "2", sealed])).encode()).hexdigest()
    query = {"timestamp": "1", "nonce": "2", "msg_signature": signed}
    with pytest.raises(WeChatPushRefused):
        wechat.decrypt_push(query, json.dumps({"Encrypt": sealed}).encode())


def test_the_push_address_is_proven(wechat: WeChat, stand_in: StandIn) -> None:
    query, _, _ = stand_in.sealed_push({})
    assert wechat.verify_push({**query, "echostr": "5577"}) == "5577"
    for wrong in ({**query, "signature": "0" * 40}, {**query, "nonce": "x"}, {}):
        with pytest.raises(WeChatPushRefused):
            wechat.verify_push({**wrong, "echostr": "5577"})


def test_settings_with_a_path_are_kept(wechat: WeChat) -> None:
    seen: list[str] = []
    app = Flask("prefixed")

    @app.get("/gateway/sns/jscode2session")
    def session() -> dict[str, str]:
        seen.extend(name for name, _ in parse_qsl(urlsplit(request.url).query))
        return {"openid": "o", "session_key": "k"}

    with running(app) as url:
        assert WeChat(settings_for(f"{url}/gateway/")).code_to_session("c").openid == "o"
    assert seen == ["appid", "secret", "js_code", "grant_type"]


@pytest.mark.parametrize(("name", "body"), [("login", {}), ("consent", {"user": "张三"}), ("mode", {"mode": "odd"})])
def test_a_control_call_that_is_wrong_says_so(phone: Phone, name: str, body: dict[str, str]) -> None:
    assert requests.post(f"{phone.base_url}/_stand-in/{name}", json=body, timeout=5).status_code == 400
