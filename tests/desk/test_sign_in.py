"""At the door of the desk: by phone, by password, out again; and what does not open it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyotp
import pytest

from backend.domain import people
from backend.models import RosterRole
from backend.work import unit_of_work
from tests.build import OFFICE, POINTS, Build, Desk, phone_of
from tests.desk.conftest import Screen
from tests.e2e.conftest import MiniProgram

HANDLER = phone_of(POINTS["inside_township"]["lead"])
PASSWORD = "清河的水要一直清清的"


def person_id(build: Build, number: str) -> str:
    people_found = build.office().get("/roster?limit=100").json["items"]  # type: ignore[index]
    while True:
        for person in people_found:
            if person["phone"] == number:
                return str(person["id"])
        page = build.office().get(f"/roster?limit=100&before={people_found[-1]['id']}").json
        people_found = page["items"]  # type: ignore[index]


def enrolled(build: Build, number: str = HANDLER) -> str:
    """Somebody with a password at the desk. Returns the secret of their one-time codes."""
    code = build.office().post(f"/roster/{person_id(build, number)}/binding-code").json["code"]  # type: ignore[index]
    client = visitor(build)
    shown = client.post("/desk/enrol", data={"form_token": token_on(client), "code": code})
    secret = re.search(r"secret mono\">([A-Z2-7 ]+)<", shown.text)[1].replace(" ", "")  # type: ignore[index]
    sealed = re.search(r'name="sealed" value="([^"]+)"', shown.text)[1]  # type: ignore[index]
    now = pyotp.TOTP(secret).at(build.clock())
    done = client.post(
        "/desk/enrol/password",
        data={"form_token": token_on(client), "code": code, "sealed": sealed, "password": PASSWORD, "again": PASSWORD,
              "one_time": now},
    )  # fmt: skip
    assert done.status_code == 303, done.text
    return secret


def visitor(build: Build) -> Desk:
    return Desk(build.app, build.app.response_class)


def token_on(client: Desk, page: str = "/desk/sign-in") -> str:
    return re.search(r'name="form-token" content="(\w+)"', client.get(page).text)[1]  # type: ignore[index]


def try_password(build: Build, secret: str, client: Desk | None = None, **changes: str) -> Any:
    client = client or visitor(build)
    form = {"phone": HANDLER, "password": PASSWORD, "one_time": pyotp.TOTP(secret).at(build.clock()), **changes}
    return client.post("/desk/sign-in/password", data={"form_token": token_on(client), **form})


def test_a_phone_lets_the_page_in_and_the_code_is_good_for_one_answer(
    screen: Callable[..., Screen], build: Build
) -> None:
    desk = screen(None).open("/desk/")
    assert "/desk/sign-in" in desk.page.url
    desk.page.locator(".qr").wait_for()
    desk.looks_right("sign-in")
    digits = desk.page.locator(".codes dd").all_inner_texts()
    code = digits[1].replace(" ", "")
    office = build.office()
    shown = office.get(f"/desk-scans/{code}").json
    assert shown["check_digits"] == digits[0]  # type: ignore[index]
    assert office.post(f"/desk-scans/{code}/confirm").status_code == 200
    desk.sees("工作台")
    assert desk.page.url.endswith("/desk/")
    desk.looks_right("home-empty")
    again = office.post(f"/desk-scans/{code}/confirm")
    assert (again.status_code, again.json["code"]) == (404, "scan_expired")  # type: ignore[index]
    desk.open("/desk/account").sees("手机扫码")
    desk.looks_right("account")
    desk.open("/desk/sign-ins").sees("登录成功")
    desk.looks_right("sign-ins")
    desk.press("退出登录")
    desk.sees("用手机扫码")
    desk.open("/desk/account")
    assert "/desk/sign-in" in desk.page.url


def test_a_resident_confirms_nothing_and_a_code_lives_two_minutes(build: Build) -> None:
    client = visitor(build)
    page = client.post("/desk/sign-in/code", data={"form_token": token_on(client)})
    code = "".join(re.search(r"<dd>(\d{4}) (\d{4})</dd>", page.text).groups())  # type: ignore[union-attr]
    assert build.resident().post(f"/desk-scans/{code}/confirm").status_code == 403
    finish = {"form_token": token_on(client)}
    assert client.post("/desk/sign-in/finish", data=finish).status_code == 409
    build.clock.move(seconds=121)
    late = build.office().post(f"/desk-scans/{code}/confirm")
    assert late.json["code"] == "scan_expired"  # type: ignore[index]
    assert "二维码已过期" in client.get("/desk/sign-in/poll").text


def test_who_refuses_on_the_phone_keeps_the_page_out_and_it_is_on_record(build: Build) -> None:
    client = visitor(build)
    page = client.post("/desk/sign-in/code", data={"form_token": token_on(client)})
    code = "".join(re.search(r"<dd>(\d{4}) (\d{4})</dd>", page.text).groups())  # type: ignore[union-attr]
    assert build.office().post(f"/desk-scans/{code}/refuse").status_code == 204
    assert "手机上选择了不登录" in client.get("/desk/sign-in/poll").text
    assert client.post("/desk/sign-in/finish", data={"form_token": token_on(client)}).status_code == 409
    assert "手机上拒绝" in build.at_the_desk(OFFICE).get("/desk/sign-ins").text


def test_another_browser_does_not_get_in_by_a_code_that_it_did_not_show(build: Build) -> None:
    shows, other = visitor(build), visitor(build)
    page = shows.post("/desk/sign-in/code", data={"form_token": token_on(shows)})
    code = "".join(re.search(r"<dd>(\d{4}) (\d{4})</dd>", page.text).groups())  # type: ignore[union-attr]
    build.office().post(f"/desk-scans/{code}/confirm")
    assert other.post("/desk/sign-in/finish", data={"form_token": token_on(other)}).status_code == 409
    assert shows.post("/desk/sign-in/finish", data={"form_token": token_on(shows)}).status_code == 303
    assert shows.post("/desk/sign-in/finish", data={"form_token": token_on(shows)}).status_code == 409


def test_without_wechat_a_password_with_a_one_time_code_that_is_taken_once(build: Build) -> None:
    secret = enrolled(build)
    build.clock.move(seconds=60)
    client = visitor(build)
    done = try_password(build, secret, client)
    assert done.status_code == 303
    assert "乡" in client.get("/desk/account").text or "镇" in client.get("/desk/account").text
    assert try_password(build, secret).status_code == 403  # the same code, a second time
    build.clock.move(seconds=60)
    assert try_password(build, secret).status_code == 303


@pytest.mark.parametrize("wrong", [{"password": "不是这个密码呀"}, {"one_time": "000000"}, {"phone": "13700000000"}])
def test_whatever_is_wrong_the_answer_is_the_same_and_goes_on_record(build: Build, wrong: dict[str, str]) -> None:
    secret = enrolled(build)
    build.clock.move(seconds=60)
    answer = try_password(build, secret, **wrong)
    assert answer.status_code == 403
    assert "手机号、密码或动态码不正确" in answer.text
    assert "没有通过" in build.at_the_desk(OFFICE).get("/desk/sign-ins").text


def test_guessing_a_password_ends_after_eight_tries_even_with_the_right_one(build: Build) -> None:
    secret = enrolled(build)
    build.clock.move(seconds=60)
    for _ in range(8):
        assert try_password(build, secret, password="猜一猜猜一猜").status_code == 403
    answer = try_password(build, secret)
    assert answer.status_code == 429
    assert "密码输错太多次" in answer.text


@pytest.mark.parametrize("weak", ["short", "1234567890123", "aaaaaaaaaaaa", HANDLER + "x"])
def test_a_weak_password_is_refused_and_the_code_stays_good(build: Build, weak: str) -> None:
    code = build.office().post(f"/roster/{person_id(build, HANDLER)}/binding-code").json["code"]  # type: ignore[index]
    client = visitor(build)
    shown = client.post("/desk/enrol", data={"form_token": token_on(client), "code": code})
    secret = re.search(r"secret mono\">([A-Z2-7 ]+)<", shown.text)[1].replace(" ", "")  # type: ignore[index]
    sealed = re.search(r'name="sealed" value="([^"]+)"', shown.text)[1]  # type: ignore[index]
    form = {"code": code, "sealed": sealed, "password": weak, "again": weak,
            "one_time": pyotp.TOTP(secret).at(build.clock())}  # fmt: skip
    refused = client.post("/desk/enrol/password", data={"form_token": token_on(client), **form})
    assert refused.status_code == 422
    assert "密码" in refused.text
    good = {**form, "password": PASSWORD, "again": PASSWORD}
    assert client.post("/desk/enrol/password", data={"form_token": token_on(client), **good}).status_code == 303


def test_leaving_the_roster_takes_effect_at_the_next_page(build: Build) -> None:
    desk = build.at_the_desk(HANDLER)
    assert desk.get("/desk/").status_code == 200
    with build.app.app_context(), unit_of_work() as work:
        unit = POINTS["inside_township"]["lead"]
        for role in work.session.query(RosterRole).filter_by(unit_code=unit):
            role.ended_at = work.now
    answer = desk.get("/desk/")
    assert answer.status_code == 303
    assert "why=not_on_roster" in answer.location
    assert "不在名册" in desk.get(answer.location).text


def test_a_session_left_alone_for_two_hours_is_over(build: Build) -> None:
    desk = build.at_the_desk(HANDLER)
    for _ in range(3):
        build.clock.move(minutes=110)
        assert desk.get("/desk/").status_code == 200
    build.clock.move(minutes=121)
    assert "why=sign_in_expired" in desk.get("/desk/").location


def test_the_sessions_of_other_computers_are_seen_and_ended_from_this_one(build: Build) -> None:
    here, there = build.at_the_desk(HANDLER), build.at_the_desk(HANDLER)
    assert here.get("/desk/account").text.count("Chrome · Windows") >= 2
    here.send("/desk/account/sessions/end-others")
    assert there.get("/desk/").status_code == 303
    assert here.get("/desk/").status_code == 200


def test_signing_out_everywhere_on_the_phone_ends_the_sessions_at_computers(build: Build) -> None:
    phone, desk = build.official(HANDLER), build.at_the_desk(HANDLER)
    assert phone.call("DELETE", "/sessions").status_code == 204
    assert "why=signed_out" in desk.get("/desk/").location


def test_nobody_ends_the_session_of_somebody_else(build: Build) -> None:
    mine, theirs = build.at_the_desk(HANDLER), build.at_the_desk(OFFICE)
    page = build.at_the_desk(OFFICE).get("/desk/account").text
    session = re.search(r"/desk/account/sessions/([0-9a-f-]{36})/end", page)[1]  # type: ignore[index]
    assert mine.send(f"/desk/account/sessions/{session}/end").status_code == 404
    assert theirs.get("/desk/").status_code == 200


def test_cookies_and_headers_are_strict(build: Build) -> None:
    client = visitor(build)
    token_on(client)
    page = client.get("/desk/sign-in", base_url="https://qinghe.example")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "Strict-Transport-Security" not in client.get("/desk/sign-in").headers
    code = client.post("/desk/sign-in/code", data={"form_token": token_on(client)})
    for cookie in code.headers.getlist("Set-Cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/desk" in cookie
    assert "Secure" in visitor(build).get("/desk/sign-in", base_url="https://qinghe.example").headers["Set-Cookie"]


def test_a_form_from_another_site_is_refused(build: Build) -> None:
    desk = build.at_the_desk(HANDLER)
    form = {"form_token": desk.form_token()}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = desk.post("/desk/account/sign-out", data=form, headers=headers)
        assert answer.status_code == 403
    assert desk.get("/desk/").status_code == 200


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example", "/desk/../api", "/api/v1/county"])
def test_signing_in_leads_to_no_foreign_page(build: Build, away: str) -> None:
    secret = enrolled(build)
    build.clock.move(seconds=60)
    assert try_password(build, secret, next=away).location == "/desk/"


def test_a_page_that_is_not_there_says_so_in_chinese(build: Build) -> None:
    answer = build.at_the_desk(HANDLER).get("/desk/no-such-page")
    assert answer.status_code == 404
    assert "找不到这一页" in answer.text
    assert answer.mimetype == "text/html"


def test_reading_needs_no_script(screen: Callable[..., Screen], build: Build) -> None:
    desk = screen(None, java_script_enabled=False).open("/desk/sign-in")
    desk.press("显示二维码")
    desk.page.locator(".qr").wait_for()
    code = desk.page.locator(".codes dd").all_inner_texts()[1].replace(" ", "")
    build.office().post(f"/desk-scans/{code}/confirm")
    desk.press("手机上已确认，进入")
    desk.sees("工作台")


def test_setting_a_password_in_a_browser(screen: Callable[..., Screen], build: Build) -> None:
    code = build.office().post(f"/roster/{person_id(build, HANDLER)}/binding-code").json["code"]  # type: ignore[index]
    desk = screen(None).open("/desk/enrol")
    desk.looks_right("enrol")
    desk.fill("绑定码", code)
    desk.press("下一步")
    desk.looks_right("enrol-password")
    secret = desk.page.locator(".secret").inner_text().replace(" ", "")
    desk.fill("密码", PASSWORD)
    desk.fill("再填一遍密码", PASSWORD)
    desk.fill("动态码", pyotp.TOTP(secret).at(build.clock()))
    desk.press("设好密码")
    desk.sees("密码已设好")
    build.clock.move(seconds=60)
    desk.fill("手机号", HANDLER)
    desk.fill("密码", PASSWORD)
    desk.fill("动态码", pyotp.TOTP(secret).at(build.clock()))
    desk.press("登录")
    desk.sees("工作台")


def test_the_role_is_chosen_at_the_desk(build: Build) -> None:
    with build.app.app_context(), unit_of_work() as work:
        held = people.roles_in_force(work.session.query(RosterRole).filter_by(role="office").first().person)
        person = held[0].person
        another = RosterRole(person_id=person.id, role="inspector", unit_code=held[0].unit_code, since=work.now)
        work.session.add(another)
        work.session.flush()
        role, number = another.id, work.vault.open(person.phone_sealed)
    desk = build.at_the_desk(number)
    assert "督查员" in desk.send("/desk/account/role", role_id=str(role)).text
    assert desk.get("/desk/sign-ins").status_code == 403


def test_the_mini_program_scans_the_page_compares_and_lets_it_in(
    screen: Callable[..., Screen], phone: Callable[..., MiniProgram], build: Build
) -> None:
    build.office()
    desk = screen(None).open("/desk/sign-in")
    desk.page.locator(".qr").wait_for()
    check, typed = desk.page.locator(".codes dd").all_inner_texts()
    mini = phone()
    mini.open()
    mini.turn(user=f"official-{OFFICE}", scan=f"https://qinghe.example/desk/scan?code={typed.replace(' ', '')}")
    mini.page.get_by_text("我的", exact=True).click()
    mini.tap("扫码登录电脑端")
    mini.tap("扫一扫")
    mini.sees("让这台电脑登录吗？")
    mini.sees(check)
    mini.picture("phone-desk-sign-in")
    mini.tap("登录")
    mini.sees("电脑已登录。")
    desk.sees("工作台")
