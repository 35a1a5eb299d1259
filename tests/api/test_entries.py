"""Cases of other sources: entered by the office, with the source's own number, words and deadline."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from backend.clock import SHANGHAI
from backend.domain import cases
from backend.domain.actors import ROUTING
from backend.jobs import drain
from backend.models import Case, Report
from backend.work import unit_of_work
from tests.build import POINTS, Build, Phone, phone_of

TOWNSHIP, OTHER = "530199001", "530199002"
LETTER = {
    "source": "inspection", "category": "garbage", "text": "省督察组发现河边堆放垃圾，联系人王小明13812345678。",
    "number": "川河督〔2026〕12号", "issuer": "省河长办", "township": TOWNSHIP, "address": "清源镇大桥下",
}  # fmt: skip


def entered(office: Phone, **changes: Any) -> dict[str, Any]:
    letter = {**LETTER, **changes}
    answer = office.post("/cases", {key: value for key, value in letter.items() if value is not None})
    assert answer.status_code == 201, answer.json
    drain()
    shown: dict[str, Any] = office.get(f"/cases/{answer.json['id']}").json
    return shown


def day_of(at: str | None) -> date | None:
    return datetime.fromisoformat(at).astimezone(SHANGHAI).date() if at else None


def test_a_letter_from_above_is_routed_to_the_township_it_names(build: Build) -> None:
    office = build.office()
    case = entered(office, ordered_by="2026-06-05")
    assert case["state"] == "assigned"
    assert case["lead_unit"] == TOWNSHIP
    assert case["routing_reason"].startswith("来件写明在清源镇，由清源镇主办")
    assert (case["source"], case["source_name"]) == ("inspection", "督察交办")
    assert case["source_number"] == "川河督〔2026〕12号"
    assert case["place_from"] == "township"
    assert case["severity"] == "serious", "as sources.toml says of inspections"
    [report] = case["reports"]
    assert report["text"] == LETTER["text"]
    assert report["address"] == "清源镇大桥下"
    handler = build.official(phone_of(TOWNSHIP))
    [read] = handler.get(f"/cases/{case['id']}").json["reports"]
    assert "13812345678" not in read["text"]
    assert read["contact"] is None
    assert office.get("/cases?number=川河督〔２０２６〕12号").json["items"][0]["id"] == case["id"]
    assert [c["number"] for c in office.get("/cases?source=inspection").json["items"]] == [case["number"]]


def test_the_earlier_of_the_rules_and_the_sources_deadline_rules_and_both_are_shown(build: Build) -> None:
    office = build.office()
    early = entered(office, ordered_by="2026-06-03", severity="normal")
    by_rule = day_of(early["rule_rectify_by"])
    assert by_rule is not None
    assert by_rule > date(2026, 6, 3)
    assert day_of(early["ordered_by"]) == day_of(early["first_rectify_by"]) == date(2026, 6, 3)
    [clock] = [c for c in early["clocks"] if c["kind"] == "rectify"]
    assert (day_of(clock["due_at"]), clock["set_by"]) == (date(2026, 6, 3), "source")
    late = entered(office, number="2号", ordered_by="2026-12-31T12:00:00+08:00", severity="normal")
    [clock] = [c for c in late["clocks"] if c["kind"] == "rectify"]
    assert (day_of(clock["due_at"]), clock["set_by"]) == (by_rule, None)
    assert late["ordered_by"].startswith("2026-12-31")
    rows = {row["原编号"]: row for row in exported(office)}
    assert rows["2号"]["来源要求期限"] == "2026-12-31 12:00"
    assert rows[LETTER["number"]]["整改期限（首次）"] == "2026-06-03 23:59"
    assert rows[LETTER["number"]]["整改期限（按规则）"].startswith(str(by_rule))


def exported(office: Phone) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(office.get("/cases/export?format=csv").data.decode("utf-8-sig"))))


def test_a_source_that_names_no_deadline_has_the_one_of_its_rules(build: Build) -> None:
    office = build.office()
    petition = entered(office, source="petition", number="信2026001", received_on="2026-06-01")
    assert day_of(petition["ordered_by"]) == date(2026, 7, 28)  # 40 working days, the dragon boat festival left out
    assert day_of(petition["first_rectify_by"]) == day_of(petition["rule_rectify_by"])
    assert entered(office, source="media", number=None)["ordered_by"] is None


def test_the_office_assigns_at_once_to_the_unit_it_names(build: Build) -> None:
    office = build.office()
    case = entered(office, unit=OTHER, assisting=["530199-water"], reason="督察组指定", privacy="anonymous")
    assert (case["state"], case["lead_unit"], case["assisting"]) == ("assigned", OTHER, ["530199-water"])
    actions = [event["action"] for event in office.get(f"/cases/{case['id']}/events").json["items"]]
    assert actions == ["submit", "assign"]
    assert [held["holder"] for held in case["holders"] if held["kind"] == "triage"] == []
    refused = office.post("/cases", {**LETTER, "number": "3号", "unit": OTHER})
    assert refused.json["code"] == "missing_field"


@pytest.mark.parametrize(
    ("place", "place_from", "state", "lead"),
    [
        ({"place": {**{k: POINTS["bank_left"][k] for k in ("lon", "lat")}, "coord_type": "wgs84"}}, "given", "assigned",
         POINTS["bank_left"]["lead"]),
        ({"reach": "QSH-01"}, "reach", "assigned", None),
        ({"township": OTHER, "reach": "QSH-01"}, "reach", "assigned", OTHER),
        ({"address": "县城附近某处"}, "county", "triage", None),
    ],
)  # fmt: skip
def test_a_place_is_a_point_a_reach_a_township_or_left_to_the_office(
    build: Build, place: dict[str, Any], place_from: str, state: str, lead: str | None
) -> None:
    case = entered(build.office(), **{"township": None, **place})
    assert (case["place_from"], case["state"]) == (place_from, state)
    if "reach" in place or place_from == "given":
        assert case["reach"] == "QSH-01"
    if lead:
        assert case["lead_unit"] == lead
    if state == "triage":
        assert "人工分办" in case["routing_reason"]


def test_a_named_place_is_no_ground_to_join_cases(build: Build) -> None:
    office = build.office()
    first = entered(office, number="1号")
    second = entered(office, number="2号")
    assert (first["lon"], first["lat"]) == (second["lon"], second["lat"])
    assert (first["state"], second["state"]) == ("assigned", "assigned")


def test_confidential_words_in_a_sensitive_kind_wait_for_the_office(build: Build) -> None:
    office = build.office()
    case = entered(
        office, category="illegal_discharge", source="petition", contact_name="李四", contact_phone="13900000000"
    )
    assert case["state"] == "triage"
    accused = entered(office, number="2号", accuses_officials=True)
    assert accused["state"] == "triage"
    with unit_of_work() as work:
        report = work.session.scalars(select(Report).where(Report.case_id == case["id"])).one()
        assert report.contact_sealed is not None
        assert "13900000000" not in report.contact_sealed


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": "resident"}, "unknown_source"), ({"source": "imported"}, "unknown_source"),
        ({"source": "hotline"}, "unknown_source"), ({"source": "nowhere"}, "unknown_source"),
        ({"category": "nothing"}, "unknown_category"), ({"number": ""}, "number_missing"),
        ({"number": "　 "}, "number_missing"), ({"township": "530199999"}, "unknown_township"),
        ({"reach": "X-1"}, "unknown_reach"), ({"severity": "dire"}, "unknown_severity"),
        ({"received_on": "2026-06-02"}, "received_in_future"), ({"ordered_by": "2026-05-31"}, "deadline_past"),
        ({"ordered_by": "2026-06-01T08:59:00+08:00"}, "deadline_past"), ({"text": "  "}, "invalid_input"),
        ({"ordered_by": "2026-06-05T12:00:00"}, "invalid_input"),
        ({"unit": "530199999", "reason": "x"}, "unknown_unit"),
        ({"place": {"lon": 102.7, "lat": 25.2}}, "coord_type_missing"), ({"surprise": 1}, "invalid_input"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_and_leaves_nothing(build: Build, changes: dict[str, Any], code: str) -> None:
    office = build.office()
    answer = office.post("/cases", {**LETTER, **changes})
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert office.get("/cases").json["items"] == []


def test_the_same_number_is_entered_once(build: Build) -> None:
    office = build.office()
    case = entered(office)
    again = office.post("/cases", {**LETTER, "number": " 川河督〔2026〕１２号 "})
    assert (again.status_code, again.json["code"]) == (409, "already_entered")
    assert again.json["number"] == case["number"]
    assert entered(office, source="superior", number=LETTER["number"])["number"] != case["number"]
    same = [office.post("/cases", {**LETTER, "number": "9号"}, Idempotency_Key="entry-nine").json["id"] for _ in "ab"]
    assert same[0] == same[1]


def test_only_the_office_enters_cases(build: Build) -> None:
    for phone in (build.official(phone_of(TOWNSHIP)), build.official("19900000003"), build.resident()):
        assert phone.post("/cases", LETTER).status_code == 403


# ---- what the source ordered, later on -------------------------------------------------------------------------------


def rectify(case: dict[str, Any]) -> tuple[date | None, str | None]:
    [clock] = [c for c in case["clocks"] if c["kind"] == "rectify"]
    return day_of(clock["due_at"]), clock["set_by"]


def test_the_source_moves_its_deadline_and_the_clock_follows(build: Build) -> None:
    office = build.office()
    case = entered(office, ordered_by="2026-06-03", severity="normal")
    by_rule = day_of(case["rule_rectify_by"])
    later = office.act(case["id"], "order", ordered_by="2026-06-04", reason="省河长办来函同意延期").json
    assert rectify(later) == (date(2026, 6, 4), "source")
    much = office.act(case["id"], "order", ordered_by="2026-12-01", reason="再次同意延期").json
    assert rectify(much) == (by_rule, None)
    sooner = office.act(case["id"], "order", ordered_by="2026-06-02", reason="提前").json
    assert rectify(sooner) == (date(2026, 6, 2), "source")
    assert day_of(sooner["first_rectify_by"]) == date(2026, 6, 3), "the first stays visible"
    past = office.act(case["id"], "order", ordered_by="2026-05-02", reason="写错")
    assert past.json["code"] == "deadline_past"
    events = office.get(f"/cases/{case['id']}/events").json["items"]
    assert [event["title"] for event in events if event["action"] == "order"] == ["变更来源期限"] * 3


def test_a_ruling_cannot_give_away_what_the_source_ordered(build: Build) -> None:
    office = build.office()
    case = entered(office, ordered_by="2026-06-04")
    handler = build.official(phone_of(TOWNSHIP))
    handler.act(case["id"], "return", reason="不属本镇")
    refused = office.act(case["id"], "rule", unit=TOWNSHIP, reason="属本镇", rectify_by="2026-06-20")
    assert refused.json["code"] == "beyond_order"
    assert office.act(case["id"], "rule", unit=TOWNSHIP, reason="属本镇").status_code == 200


def test_days_that_the_verifier_used_do_not_make_the_unit_late(build: Build) -> None:
    """Stopped with a day in hand, sent back after the ordered day: what was left is given again."""
    office = build.office()
    case = entered(office, ordered_by="2026-06-03", severity="normal")
    handler = build.official(phone_of(TOWNSHIP))
    handler.act(case["id"], "accept")
    handler.act(case["id"], "start", measure="清理", person="李", date="2026-06-03")
    build.clock.move(days=1)
    handler.act(case["id"], "request_closure", done="已清理", photos=[build.photo(handler)])
    build.clock.move(days=7)
    back = office.act(case["id"], "send_back", reason="还有残留").json
    due, _ = rectify(back)
    assert due == date(2026, 6, 10)
    assert not any(held["overdue"] for held in back["holders"] if held["holder"] == TOWNSHIP)
    soon = entered(office, number="2号", ordered_by="2026-06-15", severity="normal")
    handler.act(soon["id"], "accept")
    handler.act(soon["id"], "start", measure="清理", person="李", date="2026-06-12")
    handler.act(soon["id"], "request_closure", done="已清理", photos=[build.photo(handler)])
    build.clock.move(days=2)
    assert rectify(office.act(soon["id"], "send_back", reason="还有残留").json)[0] <= date(2026, 6, 15)  # type: ignore[operator]


def test_grading_a_case_up_never_passes_what_the_source_ordered(build: Build) -> None:
    office = build.office()
    case = entered(office, ordered_by="2026-06-02", severity="normal")
    graded = office.act(case["id"], "grade", severity="serious", reason="堆量大").json
    assert rectify(graded)[0] == date(2026, 6, 2)
    free = entered(office, number="2号", ordered_by="2026-06-30", severity="normal")
    rule = day_of(free["rule_rectify_by"])
    assert rectify(office.act(free["id"], "grade", severity="serious", reason="堆量大").json)[0] <= rule  # type: ignore[operator]


def test_routing_leaves_alone_what_the_office_has_assigned(build: Build) -> None:
    office = build.office()
    case = entered(office, unit=OTHER, reason="督察组指定")
    with unit_of_work(ROUTING) as work:
        cases.route(work, work.session.scalars(select(Case.id)).one())
    assert office.get(f"/cases/{case['id']}").json["version"] == case["version"]


def test_the_county_tells_which_sources_are_entered(build: Build) -> None:
    sources = {source["code"]: source for source in build.nobody().get("/county").json["sources"]}
    assert sources["petition"]["entered"]
    assert sources["petition"]["deadline_days"] == 40
    assert not sources["resident"]["entered"]
