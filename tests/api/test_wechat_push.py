"""WeChat's pushes over HTTP, signed and encrypted, and what the content check says by them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from redis.exceptions import ConnectionError as RedisGone
from sqlalchemy import select
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from backend.clients import redis_server
from backend.jobs import drain
from backend.local.wechat import Account as WeChatAccount
from backend.local.wechat import StandIn, create_stand_in
from backend.models import Account, Report
from backend.work import unit_of_work
from tests.build import Build
from tests.looking import is_a_plain_refusal, sql

pytestmark = pytest.mark.usefixtures("stand_in_as_new")


@pytest.fixture
def wechat(settings_env: dict[str, str]) -> StandIn:
    """WeChat's side of the secrets, to seal pushes with."""
    account = WeChatAccount(
        app_id=settings_env["WECHAT_APP_ID"],
        app_secret=settings_env["WECHAT_APP_SECRET"],
        push_token=settings_env["WECHAT_PUSH_TOKEN"],
        push_aes_key=settings_env["WECHAT_PUSH_AES_KEY"],
    )
    sealing: StandIn = create_stand_in(account).extensions["stand_in"]
    return sealing


def post(build: Build, query: dict[str, str], body: bytes, kind: str = "application/json") -> TestResponse:
    return build.app.test_client().post(f"/wechat/push?{urlencode(query)}", data=body, content_type=kind)


def push(build: Build, wechat: StandIn, **event: Any) -> TestResponse:
    return post(build, *wechat.sealed_push(event))


def media(build: Build, wechat: StandIn, trace: str, suggest: str | None, **changes: Any) -> TestResponse:
    result = {} if suggest is None else {"result": {"suggest": suggest, "label": 100 if suggest == "pass" else 20002}}
    errcode = -1008 if suggest is None else 0
    event = {"MsgType": "event", "Event": "wxa_media_check", "trace_id": trace, "errcode": errcode, **result}
    return push(build, wechat, **{**event, **changes})


def waiting_report(build: Build) -> tuple[dict[str, Any], str]:
    """A report whose photo WeChat has been asked about, and the trace by which the answer will come."""
    report = build.report(build.resident())
    (photo,) = sql(build.app, "SELECT content_check, content_trace_id FROM photos")
    assert photo["content_check"] == "waiting"
    return report, photo["content_trace_id"]


def checks(build: Build) -> tuple[list[tuple[str, int | None]], list[tuple[str, int | None]]]:
    """What was found of the words of all reports, and of all photos."""
    found = [
        sql(build.app, f"SELECT content_check, content_label FROM {table} ORDER BY id")
        for table in ("reports", "photos")
    ]
    words, pictures = ([(row["content_check"], row["content_label"]) for row in rows] for rows in found)
    return words, pictures


def why_look(build: Build) -> list[str]:
    office = build.office()
    case_id = office.get("/cases?limit=1").json["items"][0]["id"]
    why: list[str] = office.get(f"/cases/{case_id}").json["reports"][0]["why_look"]
    return why


# ---- whose push it is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_push_is_answered_with_success_once(build: Build, wechat: StandIn, form: str) -> None:
    wechat.state.push_format = form
    query, body, kind = wechat.sealed_push({"MsgType": "event", "Event": "something_new"})
    answer = post(build, query, body, kind)
    assert (answer.status_code, answer.text) == (200, "success")
    is_a_plain_refusal(post(build, query, body, kind), 403, "push_repeated")
    assert push(build, wechat, MsgType="event", Event="something_new").text == "success"


def test_what_was_touched_made_up_or_too_old_is_refused(build: Build, wechat: StandIn) -> None:
    query, body, _ = wechat.sealed_push({"MsgType": "event", "Event": "x"})
    flipped = bytearray(body)
    flipped[len(body) // 2] ^= 1
    for what, changed, sent in (
        ("body", query, bytes(flipped)),
        ("nonce", {**query, "nonce": "0"}, body),
        ("signature", {**query, "msg_signature": "0" * 40}, body),
        ("the signature of the open mode", {**query, "msg_signature": query["signature"]}, body),
        ("no query", {}, body),
        ("no body", query, b""),
        ("plain", query, b'{"Event": "wxa_media_check", "trace_id": "t"}'),
        ("another time", {**query, "timestamp": str(int(query["timestamp"]) + 1)}, body),
        ("a list", query, b"[1]"),
        ("300 KB", query, b"{" + b" " * 300_000 + b"}"),
    ):
        is_a_plain_refusal(post(build, changed, sent), 403, "bad_signature", what)
    for skew in (-301, 301, -86400):
        wechat.state.skew = skew
        is_a_plain_refusal(push(build, wechat, Event="x"), 403, "bad_signature", f"{skew} s")
        answer = build.app.test_client().get(f"/wechat/push?{urlencode({**wechat.sealed_push({})[0], 'echostr': '1'})}")
        assert answer.status_code == 403
    wechat.state.skew = -290
    assert push(build, wechat, Event="x").text == "success"


def test_the_address_is_proven_to_wechat_alone(build: Build, wechat: StandIn) -> None:
    query = {**wechat.sealed_push({})[0], "echostr": "5577<b>"}
    client = build.app.test_client()
    answer = client.get(f"/wechat/push?{urlencode(query)}")
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "5577<b>", "text/plain")
    is_a_plain_refusal(client.get(f"/wechat/push?{urlencode({**query, 'nonce': '1'})}"), 403, "bad_signature")
    is_a_plain_refusal(client.get("/wechat/push"), 403, "bad_signature")


def test_with_redis_away_a_push_is_taken_in_and_harmless_twice(
    build: Build, wechat: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, trace = waiting_report(build)
    gone = redis_server.connect("redis://127.0.0.1:9")
    with pytest.raises(RedisGone):
        gone.ping()
    monkeypatch.setattr(build.app.extensions["qinghe"], "redis", gone)
    for _ in range(2):
        assert media(build, wechat, trace, "pass").text == "success"
    assert checks(build)[1] == [("pass", 100)]


# ---- the content check -----------------------------------------------------------------------------------------------


def test_words_and_picture_of_a_report_are_checked_at_submission(build: Build, wechat: StandIn) -> None:
    _, trace = waiting_report(build)
    assert checks(build) == ([("pass", 100)], [("waiting", None)])
    assert why_look(build) == ["1 张照片的内容检查还没有结果。"]
    assert media(build, wechat, trace, "pass").text == "success"
    assert checks(build)[1] == [("pass", 100)]
    assert why_look(build) == []


@pytest.mark.parametrize(
    ("suggest", "kept", "said"),
    [
        ("risky", ("risky", 20002), "1 张照片被微信提示有违规风险。"),
        ("review", ("review", 20002), "1 张照片被微信提示需要人工复核。"),
        ("a word of next year", ("review", 20002), "1 张照片被微信提示需要人工复核。"),
        (None, ("missing", None), "1 张照片未经微信内容检查。"),
    ],
)
def test_a_doubtful_picture_makes_a_person_look_and_refuses_nothing(
    build: Build, wechat: StandIn, suggest: str | None, kept: tuple[str, int | None], said: str
) -> None:
    report, trace = waiting_report(build)
    assert media(build, wechat, trace, suggest).text == "success"
    assert checks(build)[1] == [kept]
    assert why_look(build) == [said]
    assert media(build, wechat, trace, "pass").text == "success"  # a later word changes nothing
    assert checks(build)[1] == [kept]
    shown = build.resident().get(f"/reports/{report['id']}").json
    assert (shown["state"], shown["photos"][0]["state"]) == ("assigned", "sound")


@pytest.mark.parametrize(
    ("text", "kept", "said"),
    [
        ("测试违规词", ("risky", 20006), "微信提示文字有违规风险。"),
        ("测试待审词", ("review", 21000), "微信提示文字需要人工复核。"),
    ],
)
def test_doubtful_words_make_a_person_look_and_refuse_nothing(
    build: Build, text: str, kept: tuple[str, int], said: str
) -> None:
    report = build.report(build.resident(), text=f"河边{text}", photos=[], category="fishing")
    assert checks(build)[0] == [kept]
    assert why_look(build) == [said]
    assert build.resident().get(f"/reports/{report['id']}").json["state"] == "assigned"


def test_words_added_later_are_checked_too_with_all_that_was_said_before(build: Build) -> None:
    resident = build.resident()
    report = build.report(resident, photos=[], category="fishing")
    assert checks(build)[0] == [("pass", 100)]
    path = f"/reports/{report['id']}/supplements"
    assert resident.post(path, {"text": "测试广告词"}).status_code == 201
    assert checks(build)[0] == [("waiting", 100)]
    drain()
    assert checks(build)[0] == [("risky", 10001)]
    assert resident.post(path, {"text": "对不起"}).status_code == 201
    drain()
    assert checks(build)[0] == [("risky", 10001)]


def test_of_an_anonymous_report_wechat_is_asked_nothing_and_a_person_looks(build: Build) -> None:
    build.report(build.resident(), privacy="anonymous")
    assert checks(build) == ([("missing", None)], [("missing", None)])
    assert why_look(build) == ["文字未经微信内容检查。", "1 张照片未经微信内容检查。"]
    assert not [call for call in build.seen("calls") if "check" in call["path"]]


def test_whoever_was_not_active_within_two_hours_cannot_be_asked_about(build: Build) -> None:
    resident = build.resident()
    form = build.form(resident)
    build.control("clock", advance=7201)
    assert resident.post("/reports", form).status_code == 201
    drain()
    assert checks(build) == ([("missing", None)], [("missing", None)])
    assert sql(build.app, "SELECT 1 FROM deferred WHERE name LIKE 'check_%' AND done_at IS NULL") == []


def test_of_a_reporter_whose_identity_was_erased_meanwhile_nothing_is_asked(build: Build) -> None:
    resident = build.resident()
    assert resident.post("/reports", build.form(resident)).status_code == 201
    with build.app.app_context(), unit_of_work() as work:
        report = work.session.scalars(select(Report)).one()
        work.session.get_one(Account, report.account_id).openid_sealed = ""
        report.account_id = None
    drain()
    assert checks(build) == ([("missing", None)], [("missing", None)])
    assert not [call for call in build.seen("calls") if "check" in call["path"]]


def test_while_wechat_is_down_the_check_waits_and_the_report_does_not(build: Build) -> None:
    resident = build.resident()
    form = build.form(resident)
    for path in ("/wxa/msg_sec_check", "/wxa/media_check_async"):
        build.control("mode", mode="error", path=path)
        if path.endswith("check"):
            answer = resident.post("/reports", form)
            assert answer.status_code == 201
            drain()
            assert resident.get(f"/reports/{answer.json['id']}").json["state"] == "assigned"
            assert checks(build)[0] == [("waiting", None)]
    build.control("mode", mode="ok")
    build.clock.move(seconds=1)
    drain()
    assert checks(build) == ([("pass", 100)], [("waiting", None)])


def test_a_photo_examined_after_the_report_is_checked_then(build: Build) -> None:
    resident = build.resident()
    photo = build.photo(resident, wait=False)
    assert resident.post("/reports", build.form(resident, photos=[photo])).status_code == 201
    assert checks(build)[1] == [("missing", None)]
    drain()
    assert checks(build)[1] == [("waiting", None)]


def test_an_answer_for_a_picture_that_nobody_waits_for_is_to_come_again(build: Build, wechat: StandIn) -> None:
    """WeChat can be faster than our commit; what is not answered with success it sends again."""
    answer = media(build, wechat, "trace-of-nobody", "pass")
    is_a_plain_refusal(answer, 404, "not_found")
    _, trace = waiting_report(build)
    sealed = wechat.sealed_push({"Event": "wxa_media_check", "trace_id": "unknown", "errcode": 0})
    assert post(build, *sealed).status_code == 404
    assert post(build, *sealed).status_code == 404  # not "repeated": it was never dealt with
    assert media(build, wechat, trace, "pass").status_code == 200


@pytest.fixture
def served(build: Build) -> Iterator[str]:
    """The application behind a real port, for WeChat to push to."""
    server = make_server("127.0.0.1", 0, build.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def test_the_whole_way_wechat_fetches_the_picture_and_pushes_its_word(build: Build, served: str) -> None:
    build.control("push-url", url=f"{served}/wechat/push")
    build.report(build.resident())
    deadline = time.monotonic() + 30
    while checks(build)[1] != [("pass", 100)]:
        assert time.monotonic() < deadline, build.seen("pushes")
        time.sleep(0.05)
    (photo,) = sql(build.app, "SELECT content_trace_id FROM photos")
    # Others may still arrive from tests before: WeChat is in no hurry.
    (record,) = [one for one in build.seen("pushes") if one["event"]["trace_id"] == photo["content_trace_id"]]
    assert record["tries"][-1] == "HTTP 200 success"
