"""Signing in, binding to the roster, roles, leaving, and the import of the roster; over HTTP, with the stand-in."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
from werkzeug.test import TestResponse

from tests.build import INSPECTOR, OFFICE, QINGYUAN, ROSTER, Build, Phone, phone_of

pytestmark = pytest.mark.usefixtures("stand_in_as_new")

HEADER = ["姓名", "手机号", "角色", "单位", "河段"]
OFFICE_ROW = ["孙家天", OFFICE, "县河长办", "530199-office", ""]
TOWNSHIP, OTHER = "530199001", "530199002"


def csv_of(*rows: list[str], encoding: str = "utf-8-sig") -> bytes:
    return "\n".join(",".join(row) for row in (HEADER, *rows)).encode(encoding)


def xlsx_of(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    for row in (HEADER, *rows):
        book.active.append(row)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def upload(phone: Phone, data: bytes, name: str = "roster.csv", query: str = "") -> TestResponse:
    return phone.client.post(
        f"/api/v1/roster{query}",
        data={"file": (io.BytesIO(data), name)},
        headers={"Authorization": f"Bearer {phone.token}"},
    )


def roster(office: Phone) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """(name, phone) → the (role title, unit) held now, over all pages."""
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    after = ""
    while True:
        page = office.get(f"/roster?limit=100{after}").json
        for person in page["items"]:
            found[person["name"], person["phone"]] = {(role["title"], role["unit"]) for role in person["roles"]}
        if page["next"] is None:
            return found
        after = f"&before={page['next']}"


def person_id(office: Phone, number: str) -> str:
    after = ""
    while True:
        page = office.get(f"/roster?limit=100{after}").json
        for person in page["items"]:
            if person["phone"] == number:
                return str(person["id"])
        after = f"&before={page['next']}"


def code_for(build: Build, user: str = "somebody") -> str:
    return str(build.control("login", user=user)["code"])


# ---- signing in ------------------------------------------------------------------------------------------------------


def test_a_resident_signs_in_and_sees_who_they_are(build: Build) -> None:
    answer = build.nobody().post("/session", {"code": code_for(build)})
    assert answer.status_code == 201
    assert len(answer.json["token"]) >= 40
    shown = build.resident("somebody").get("/session").json
    assert (shown["role"], shown["role_title"], shown["roles"], shown["token"]) == ("resident", "群众", [], None)


def test_a_code_signs_in_once(build: Build) -> None:
    code = code_for(build)
    assert build.nobody().post("/session", {"code": code}).status_code == 201
    again = build.nobody().post("/session", {"code": code})
    assert (again.status_code, again.json["code"]) == (422, "wechat_code_invalid")
    assert again.mimetype == "application/problem+json"


def test_an_expired_or_invented_code_is_refused(build: Build) -> None:
    code = code_for(build)
    build.control("clock", advance=301)
    for refused in (code, "invented"):
        answer = build.nobody().post("/session", {"code": refused})
        assert (answer.status_code, answer.json["code"]) == (422, "wechat_code_invalid")


def test_wechat_being_down_is_said_and_is_no_fault_of_the_code(build: Build) -> None:
    build.control("mode", mode="error")
    answer = build.nobody().post("/session", {"code": code_for(build)})
    assert (answer.status_code, answer.json["code"]) == (503, "temporarily_unavailable")
    build.control("mode", mode="ok")
    assert build.nobody().post("/session", {"code": code_for(build)}).status_code == 201


def test_a_session_ends_after_thirty_days(build: Build) -> None:
    phone = build.resident()
    build.clock.move(days=30, seconds=-1)
    assert phone.get("/session").status_code == 200
    build.clock.move(seconds=1)
    ended = phone.get("/session")
    assert (ended.status_code, ended.json["code"]) == (401, "sign_in_expired")
    assert phone.get("/county").status_code == 401  # even where none is needed: the phone must learn of it


# ---- binding ---------------------------------------------------------------------------------------------------------


def test_an_official_binds_by_phone_and_is_known_at_the_next_sign_in(build: Build) -> None:
    official = build.official(phone_of(TOWNSHIP))
    assert official.get("/session").json["unit"] == TOWNSHIP
    again = build.resident(f"official-{phone_of(TOWNSHIP)}").get("/session").json
    assert (again["role"], again["unit"], again["role_title"]) == ("handler", TOWNSHIP, "经办人")


@pytest.mark.parametrize("number", ["16612345678", "19812345678", "13800138000", "17099990000"])
def test_phones_of_all_kinds_bind(build: Build, number: str) -> None:
    office = build.office()
    imported = upload(office, csv_of(OFFICE_ROW, ["李一", number, "经办人", TOWNSHIP, ""]))
    assert imported.status_code == 200, imported.json
    assert build.official(number).get("/session").json["name"] == "李一"


def test_a_phone_that_is_not_on_the_roster_binds_nobody(build: Build) -> None:
    phone = build.resident("stranger")
    code = build.control("phone", user="stranger", phone="16600000000")["code"]
    answer = phone.post("/session/phone", {"code": code})
    assert (answer.status_code, answer.json["code"]) == (404, "not_on_roster")
    assert phone.get("/session").json["role"] == "resident"


def test_a_phone_code_binds_once_and_not_when_expired(build: Build) -> None:
    number = phone_of(TOWNSHIP)
    phone = build.resident("one")
    code = build.control("phone", user="one", phone=number)["code"]
    assert phone.post("/session/phone", {"code": code}).status_code == 200
    thief = build.resident("thief")
    assert thief.post("/session/phone", {"code": code}).json["code"] == "wechat_code_invalid"
    late = build.control("phone", user="thief", phone=number)["code"]
    build.control("clock", advance=301)
    assert thief.post("/session/phone", {"code": late}).json["code"] == "wechat_code_invalid"
    assert thief.get("/session").json["role"] == "resident"


def test_a_one_time_code_from_the_office_binds_once(build: Build) -> None:
    office = build.office()
    given = office.post(f"/roster/{person_id(office, phone_of(TOWNSHIP))}/binding-code")
    assert given.status_code == 201
    code = given.json["code"]
    assert len(code) == 8
    assert code.isdigit()
    phone = build.resident("relatives-phone")
    assert phone.post("/session/binding-code", {"code": code}).json["unit"] == TOWNSHIP
    again = build.resident("thief").post("/session/binding-code", {"code": code})
    assert (again.status_code, again.json["code"]) == (422, "bad_binding_code")


def test_a_one_time_code_expires_and_is_replaced_by_the_next(build: Build) -> None:
    office = build.office()
    person = person_id(office, phone_of(TOWNSHIP))
    first = office.post(f"/roster/{person}/binding-code").json["code"]
    second = office.post(f"/roster/{person}/binding-code").json["code"]
    phone = build.resident("late")
    assert phone.post("/session/binding-code", {"code": first}).json["code"] == "bad_binding_code"
    build.clock.move(days=3)
    assert phone.post("/session/binding-code", {"code": second}).json["code"] == "bad_binding_code"
    third = office.post(f"/roster/{person}/binding-code").json["code"]
    assert phone.post("/session/binding-code", {"code": third}).status_code == 200


def test_a_code_is_of_no_use_to_somebody_who_left_in_the_meantime(build: Build) -> None:
    office = build.office()
    person = person_id(office, phone_of(TOWNSHIP))
    code = office.post(f"/roster/{person}/binding-code").json["code"]
    assert upload(office, csv_of(OFFICE_ROW)).status_code == 200
    phone = build.resident("left")
    assert phone.post("/session/binding-code", {"code": code}).json["code"] == "not_on_roster"
    assert office.post(f"/roster/{person}/binding-code").status_code == 404
    assert phone.get("/session").json["role"] == "resident"


# ---- roles -----------------------------------------------------------------------------------------------------------


def with_two_roles(build: Build) -> tuple[Phone, Phone]:
    """The office, and somebody who is an official of one township and a chief of another."""
    office = build.office()
    number = "16688886666"
    rows = [["王二", number, "经办人", TOWNSHIP, ""], ["王二", number, "乡级河长", OTHER, "QSH-01"]]
    assert upload(office, csv_of(OFFICE_ROW, *rows)).status_code == 200
    return office, build.official(number)


def test_one_person_holds_several_roles_and_switches(build: Build) -> None:
    _, person = with_two_roles(build)
    shown = person.get("/session").json
    assert [(role["role"], role["unit"]) for role in shown["roles"]] == [
        ("handler", TOWNSHIP), ("township_chief", OTHER),
    ]  # fmt: skip
    assert (shown["role"], shown["unit"]) == ("handler", TOWNSHIP)
    switched = person.call("PUT", "/session/role", {"role_id": shown["roles"][1]["id"]})
    assert (switched.json["role"], switched.json["unit"]) == ("township_chief", OTHER)
    assert person.get("/session").json["role"] == "township_chief"


def test_nobody_takes_anothers_role(build: Build) -> None:
    office, person = with_two_roles(build)
    theirs = office.get("/session").json["role_id"]
    answer = person.call("PUT", "/session/role", {"role_id": theirs})
    assert (answer.status_code, answer.json["code"]) == (403, "not_your_role")
    assert person.get("/roster").status_code == 403


def test_the_role_chosen_decides_what_may_be_done(build: Build) -> None:
    """A case of the township: acted upon as its official, not as the chief of another."""
    office = build.office()
    number = "16688886666"
    rows = [["王二", number, "经办人", "530199012", ""], ["王二", number, "乡级河长", OTHER, ""]]
    upload(office, csv_of(OFFICE_ROW, *rows))
    person = build.official(number)
    build.report()
    case = person.get("/cases").json["items"][0]
    roles = person.get("/session").json["roles"]
    person.call("PUT", "/session/role", {"role_id": roles[1]["id"]})
    assert person.get("/cases").json["items"] == []
    assert person.act(case["id"], "accept", case["version"]).status_code == 404
    person.call("PUT", "/session/role", {"role_id": roles[0]["id"]})
    assert person.act(case["id"], "accept").json["state"] == "accepted"


def test_leaving_the_roster_takes_effect_at_the_next_request(build: Build) -> None:
    office, person = with_two_roles(build)
    assert person.get("/cases").status_code == 200
    upload(office, csv_of(OFFICE_ROW, ["王二", "16688886666", "乡级河长", OTHER, ""]))
    assert person.get("/session").json["role"] == "township_chief"  # the role left takes over
    upload(office, csv_of(OFFICE_ROW))
    assert person.get("/cases").status_code == 403
    shown = person.get("/session").json
    assert (shown["role"], shown["roles"]) == ("resident", [])
    upload(office, csv_of(OFFICE_ROW, ["王二", "16688886666", "经办人", TOWNSHIP, ""]))
    assert person.get("/session").json["role"] == "handler"  # and back again, without binding anew


# ---- signing out -----------------------------------------------------------------------------------------------------


def test_signing_out_ends_this_phone_and_its_token_for_good(build: Build) -> None:
    one, two = build.resident("same"), build.resident("same")
    assert one.call("DELETE", "/session").status_code == 204
    replayed = one.get("/session")
    assert (replayed.status_code, replayed.json["code"]) == (401, "signed_out")
    assert replayed.headers["WWW-Authenticate"] == "Bearer"
    assert two.get("/session").status_code == 200
    assert one.call("DELETE", "/session").status_code == 401


def test_signing_out_everywhere_ends_every_phone_of_the_account_and_no_other(build: Build) -> None:
    phones = [build.resident("same") for _ in range(3)]
    other = build.resident("other")
    assert phones[0].call("DELETE", "/sessions").status_code == 204
    assert [phone.get("/session").status_code for phone in phones] == [401, 401, 401]
    assert other.get("/session").status_code == 200
    assert build.resident("same").get("/session").status_code == 200


def test_an_official_signs_out_of_every_account_that_is_bound_to_them(build: Build) -> None:
    number = phone_of(TOWNSHIP)
    first = build.official(number)
    second = build.resident("second-phone")
    code = build.control("phone", user="second-phone", phone=number)["code"]
    assert second.post("/session/phone", {"code": code}).status_code == 200
    first.call("DELETE", "/sessions")
    assert second.get("/session").status_code == 401


# ---- the roster file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "csv in GB 18030", "xlsx", "xlsx with numbers"])
def test_a_roster_file_makes_the_roster_what_it_says(build: Build, kind: str) -> None:
    office = build.office()
    rows = [OFFICE_ROW, ["李一", "166 1234 5678", "经办人", "530199001", ""]]
    rows.append(["吴三", "+86-19812345678", "村级河长", "530199002", "QSH-01、MTH-01"])
    data = csv_of(*rows)
    if kind == "csv in GB 18030":
        data = csv_of(*rows, encoding="gb18030")
    elif kind.startswith("xlsx"):
        if kind.endswith("numbers"):
            rows[1][1], rows[1][3] = 16612345678, 530199001  # as Excel keeps what looks like a number
        data = xlsx_of(*rows)
    answer = upload(office, data, "名册.xlsx" if kind.startswith("xlsx") else "名册.csv")
    assert answer.status_code == 200, answer.json
    assert (answer.json["rows"], answer.json["added"], answer.json["dry_run"]) == (3, 2, False)
    assert answer.json["ended"] == len(ROSTER) - 1
    held = {key: roles for key, roles in roster(office).items() if roles}
    assert held == {
        ("孙家天", OFFICE): {("县河长办", "530199-office")},
        ("李一", "16612345678"): {("经办人", "530199001")},
        ("吴三", "19812345678"): {("村级河长", "530199002")},
    }


BAD_ROWS = [
    (["", "16612345678", "经办人", TOWNSHIP, ""], "缺少姓名"),
    (["甲", "12012345678", "经办人", TOWNSHIP, ""], "不是 11 位手机号"),
    (["乙", "1661234567", "经办人", TOWNSHIP, ""], "不是 11 位手机号"),
    (["丙", "16612345671", "镇长", TOWNSHIP, ""], "不认识"),
    (["丁", "16612345672", "经办人", "无此镇", ""], "不在本县配置中"),
    (["戊", "16612345673", "村级河长", TOWNSHIP, "QSH-99"], "河段“QSH-99”"),
    (["己", "16612345674", "县河长办", TOWNSHIP, ""], "不能属于"),
    (["庚", "16612345675", "经办人", "530199-office", ""], "不能属于"),
    (["辛", OFFICE, "督查员", "530199-office", ""], "已登记为“孙家天”"),
    (OFFICE_ROW, "与第 2 行重复"),
]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_every_bad_row_is_named_and_nothing_is_half_written(build: Build, kind: str) -> None:
    office = build.office()
    before = roster(office)
    rows = [OFFICE_ROW, ["李一", "16699999999", "经办人", TOWNSHIP, ""], *(row for row, _ in BAD_ROWS)]
    data = csv_of(*rows) if kind == "csv" else xlsx_of(*rows)
    for query in ("", "?dry_run=1"):
        answer = upload(office, data, f"r.{kind}", query)
        assert (answer.status_code, answer.json["code"]) == (422, "bad_roster")
        faults = answer.json["faults"]
        assert [fault["line"] for fault in faults] == list(range(4, 4 + len(BAD_ROWS)))
        for fault, (_, reason) in zip(faults, BAD_ROWS, strict=True):
            assert reason in fault["reason"]
        assert f"{len(BAD_ROWS)} 处" in answer.json["title"]
    assert roster(office) == before


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", 1), (b"\xff\xfe\x00\x01", 1), (b"PK\x03\x04 no workbook", 1), ("甲,乙\n1,2".encode(), 1),
        (csv_of(), 2), (csv_of(["", "", "", "", ""]), 2),
        (csv_of(["李一", "16612345678", "经办人", TOWNSHIP, ""]), 1),  # nobody would be left to manage anything
    ],
)  # fmt: skip
def test_a_file_that_is_no_roster_changes_nothing(build: Build, data: bytes, line: int) -> None:
    office = build.office()
    before = roster(office)
    answer = upload(office, data)
    assert (answer.status_code, answer.json["code"]) == (422, "bad_roster")
    assert answer.json["faults"][0]["line"] == line
    assert roster(office) == before


def test_no_file_at_all(build: Build) -> None:
    office = build.office()
    answer = office.client.post("/api/v1/roster", headers={"Authorization": f"Bearer {office.token}"})
    assert (answer.status_code, answer.json["code"]) == (422, "file_missing")


def test_a_dry_run_tells_what_would_change_and_changes_nothing(build: Build) -> None:
    office = build.office()
    before = roster(office)
    data = csv_of(OFFICE_ROW, ["李一", "16612345678", "经办人", TOWNSHIP, ""])
    tried = upload(office, data, query="?dry_run=1").json
    assert tried == {"rows": 2, "added": 1, "ended": len(ROSTER) - 1, "dry_run": True}
    assert roster(office) == before
    assert upload(office, data).json == tried | {"dry_run": False}


def test_importing_the_same_roster_again_changes_nothing(build: Build) -> None:
    office = build.office()
    before = roster(office)
    answer = upload(office, (QINGYUAN / "roster.csv").read_bytes()).json
    assert (answer["added"], answer["ended"]) == (0, 0)
    assert roster(office) == before


def test_only_the_office_sees_and_changes_the_roster(build: Build) -> None:
    for number in (phone_of(TOWNSHIP), INSPECTOR):
        official = build.official(number)
        assert official.get("/roster").status_code == 403
        assert upload(official, csv_of(OFFICE_ROW)).status_code == 403
