"""Closing an account: who wants to be forgotten is, the cases stay, and nobody leaves work behind unseen."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from backend.county import County
from backend.extensions import db
from backend.models import Account, CaseEvent, Consent, Report, SignIn
from tests.build import Build, Phone, phone_of
from tests.looking import is_a_plain_refusal
from tests.walks import Sender, Walk

pytestmark = pytest.mark.usefixtures("stand_in_as_new")
CONTACT = {"contact_name": "王小明", "contact_phone": "13812345678"}


def close(phone: Phone, confirm: str = "注销") -> object:
    return phone.post("/account/closing", {"confirm": confirm})


def test_a_resident_is_forgotten_and_the_report_goes_on(build: Build) -> None:
    resident = build.resident()
    shown = build.report(resident, **CONTACT)
    resident.post("/notices/consents", {"answers": {"T-case": "accept"}})
    told = resident.get("/account/closing").json
    assert told
    assert told["reports"] == 1
    assert told["obstacles"] == []
    assert any("回执码" in words for words in told["kept"])
    is_a_plain_refusal(close(resident, "好"), 422, "not_confirmed")  # type: ignore[arg-type]
    assert close(resident).status_code == 204  # type: ignore[attr-defined]

    is_a_plain_refusal(resident.get("/reports"), 401, "signed_out")
    report = db.session.get_one(Report, shown["id"], populate_existing=True)
    assert (report.account_id, report.contact_sealed) == (None, None)
    assert report.text == shown["text"]
    assert db.session.scalar(select(func.count()).select_from(Consent)) == 0
    assert db.session.scalar(select(Account.openid_sealed)) == ""
    assert db.session.scalar(select(func.count()).where(SignIn.ended_at.is_(None))) == 0
    followed = build.nobody().get("/receipt", Receipt_Code=shown["receipt_code"])
    assert followed.status_code == 200, followed.json
    office = build.office()
    case = office.get("/cases").json["items"][0]  # type: ignore[index]
    assert case["state"] == "assigned"
    is_a_plain_refusal(office.post(f"/reports/{report.id}/identity-looks", {"reason": "核实"}), 409, "identity_erased")
    handler = build.official(phone_of(case["lead_unit"]))
    assert handler.act(case["id"], "accept").status_code == 200


def test_who_comes_back_begins_anew(build: Build) -> None:
    resident = build.resident()
    build.report(resident)
    assert close(resident).status_code == 204  # type: ignore[attr-defined]
    again = build.resident()
    assert again.get("/reports").json["items"] == []  # type: ignore[index]
    assert again.get("/account/closing").json["reports"] == 0  # type: ignore[index]


def test_every_phone_of_the_account_is_signed_out(build: Build) -> None:
    one, other = build.resident(), build.resident()
    assert close(one).status_code == 204  # type: ignore[attr-defined]
    is_a_plain_refusal(other.get("/session"), 401, "signed_out")


def test_an_official_with_cases_hands_over_first(build: Build) -> None:
    case_id, handler = build.case("accepted")
    assert handler.act(case_id, "claim").status_code == 200
    told = handler.get("/account/closing").json
    assert told
    assert "1 件没有办结" in told["obstacles"][0]
    is_a_plain_refusal(close(handler), 409, "hand_over_first")  # type: ignore[arg-type]
    assert handler.get(f"/cases/{case_id}").status_code == 200


def test_a_chief_on_the_way_finishes_first(build: Build, county: County) -> None:
    sender = Sender(build, county)
    walk = Walk(county, sender.chief, build.clock())
    sender.put(f"/{walk.id}", walk.start(build.clock()))
    is_a_plain_refusal(close(sender.phone), 409, "hand_over_first")  # type: ignore[arg-type]


def test_an_official_leaves_the_phone_and_not_the_office(build: Build) -> None:
    number = phone_of("530199002")
    handler = build.official(number)
    report = build.report(handler, **CONTACT)
    assert close(handler).status_code == 204  # type: ignore[attr-defined]
    assert build.resident(f"official-{number}").get("/session").json["roles"] == []  # type: ignore[index]
    back = build.official(number)
    assert back.get("/session").json["role"] == "handler"  # type: ignore[index]
    event = db.session.scalars(select(CaseEvent).where(CaseEvent.action == "erase")).one()
    assert (event.actor, event.role) == ("reporter", "resident")
    assert db.session.get_one(Report, report["id"], populate_existing=True).account_id is None
