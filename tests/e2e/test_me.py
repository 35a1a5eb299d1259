"""The page 我的: proving who one is, switching between offices, leaving, and being forgotten."""

from __future__ import annotations

from collections.abc import Callable

from flask import current_app
from sqlalchemy import select

from backend.extensions import db
from backend.models import Consent, Person, RosterRole
from backend.vault import Vault
from tests.build import Build, phone_of
from tests.e2e.conftest import MiniProgram
from tests.e2e.test_resident import at_home, start_report

NUMBER = phone_of("530199002")


def person_with(number: str) -> Person:
    digest = vault().digest("phone", number)
    return db.session.scalars(select(Person).where(Person.phone_digest == digest)).one()


def vault() -> Vault:
    found: Vault = current_app.extensions["qinghe"].vault
    return found


def at_me(phone: Callable[..., MiniProgram], user: str = "resident", **knobs: object) -> MiniProgram:
    mini = phone()
    mini.open()
    mini.turn(user=user, **knobs)
    mini.page.get_by_text("我的", exact=True).click()
    mini.sees("隐私说明")
    return mini


def test_an_official_proves_the_phone_number_only_after_privacy_was_agreed_to(
    phone: Callable[..., MiniProgram], build: Build
) -> None:
    mini = at_me(phone, user="newcomer", number=NUMBER)
    mini.tap("用微信手机号验证")
    mini.agree_to_privacy()
    mini.sees("经办人")
    mini.picture("me")


def test_who_does_not_agree_binds_by_the_offices_code(phone: Callable[..., MiniProgram], build: Build) -> None:
    code = build.office().post(f"/roster/{person_with(NUMBER).id}/binding-code").json["code"]  # type: ignore[index]
    mini = at_me(phone, user="reviewer", number="")
    mini.tap("用微信手机号验证")
    mini.page.get_by_text("不同意", exact=False).locator("visible=true").first.click()
    mini.sees("可以改用绑定码")
    field = mini.page.get_by_role("textbox", name="绑定码")
    field.fill("00000000")
    mini.tap("用绑定码验证")
    mini.sees("绑定码无效")
    assert field.input_value() == "00000000"
    field.fill(code)
    mini.tap("用绑定码验证")
    mini.sees("经办人")


def test_a_person_with_two_offices_switches_between_them(phone: Callable[..., MiniProgram], build: Build) -> None:
    person = person_with(NUMBER)
    second = RosterRole(person_id=person.id, role="patroller", unit_code="530199002", since=build.clock(), reaches=[])
    db.session.add(second)
    db.session.commit()
    mini = at_me(phone, user="two-hats", number=NUMBER)
    mini.tap("用微信手机号验证")
    mini.agree_to_privacy()
    other = mini.page.get_by_role("radio", checked=False).locator("visible=true").first
    other.wait_for()
    name = other.inner_text()
    other.click()
    mini.sees("现在的身份")
    mini.page.get_by_role("radio", name=name.replace(" · ", " "), checked=True).wait_for()


def test_a_resident_closes_the_account_and_is_told_what_stays(phone: Callable[..., MiniProgram], build: Build) -> None:
    build.report(build.resident(), contact_name="王小明", contact_phone="13812345678")
    mini = at_me(phone)
    mini.page.get_by_text("注销账号", exact=True).click()
    mini.sees("1 份实名、保密举报")
    mini.sees("案件照常办理")
    mini.picture("closing")
    mini.tap("注销账号")
    mini.sees("请输入“注销”两个字来确认")
    mini.page.get_by_role("textbox", name="输入“注销”来确认").fill("注销")
    mini.tap("注销账号")
    mini.sees("账号已注销")
    mini.sees("我要举报")
    assert build.resident().get("/reports").json["items"] == []  # type: ignore[index]
    assert build.office().get("/cases").json["items"]  # type: ignore[index]


def test_an_official_with_open_cases_is_told_to_hand_over(phone: Callable[..., MiniProgram], build: Build) -> None:
    case_id, handler = build.case("accepted")
    assert handler.act(case_id, "claim").status_code == 200
    lead = handler.get(f"/cases/{case_id}").json["lead_unit"]  # type: ignore[index]
    mini = at_me(phone, user=f"official-{phone_of(lead)}")
    mini.page.get_by_text("注销账号", exact=True).click()
    mini.sees("现在还不能注销")
    mini.sees("1 件没有办结的案件")
    assert mini.page.get_by_label("注销账号", exact=True).locator("visible=true").count() == 0


def consents() -> list[int]:
    return list(db.session.scalars(select(Consent.remaining).execution_options(populate_existing=True)))


def test_after_a_report_one_message_is_agreed_to_and_counted(phone: Callable[..., MiniProgram], build: Build) -> None:
    mini = at_home(phone)
    start_report(mini)
    mini.tap("提交举报")
    mini.sees("已经收到，编号 QH-")
    mini.tap("有进展用微信告诉我")
    mini.sees("有进展会用微信告诉您一次")
    assert consents() == [1]


def test_an_official_may_decline_and_agree_later(phone: Callable[..., MiniProgram], build: Build) -> None:
    build.official(NUMBER)
    mini = at_me(phone, user=f"official-{NUMBER}", subscription="reject")
    mini.tap("新消息用微信提醒我")
    mini.sees("没有订阅")
    assert consents() == []
    mini.turn(subscription="accept")
    mini.tap("新消息用微信提醒我")
    mini.sees("有进展会用微信告诉您一次")
    assert consents() == [1]


def test_who_reports_without_a_name_is_not_asked(phone: Callable[..., MiniProgram], build: Build) -> None:
    mini = at_home(phone)
    start_report(mini)
    mini.page.get_by_label("匿名：", exact=False).click()
    mini.tap("提交举报")
    mini.sees("您选的是匿名")
    assert mini.page.get_by_label("有进展用微信告诉我").count() == 0
