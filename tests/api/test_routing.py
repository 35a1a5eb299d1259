"""Where a report goes, over HTTP and through the worker: units, departments, banks, borders, duplicates."""

from __future__ import annotations

from typing import Any

import pytest

from tests.build import POINTS, Build, Phone, phone_of
from tests.looking import is_a_plain_refusal, sql

WATER, ECOLOGY, POLICE = "530199-water", "530199-ecology", "530199-police"
LEAD = POINTS["inside_township"]["lead"]
# 1e-5 degrees of latitude are 1.11 m
METRE = 1 / 111_000


@pytest.fixture
def office(build: Build) -> Phone:
    return build.office()


def newest(office: Phone) -> dict[str, Any]:
    case_id = office.get("/cases?limit=1").json["items"][0]["id"]
    return dict(office.get(f"/cases/{case_id}").json)


def routed(build: Build, office: Phone, at: str = "inside_township", **changes: Any) -> dict[str, Any]:
    """A report of a new resident, as the office sees its case once it is routed."""
    build.report(build.resident(f"r{build.clock().timestamp()}{changes}"), at=at, **changes)
    return newest(office)


def north(metres: float, at: str = "inside_township", **more: Any) -> dict[str, Any]:
    return {"lon": POINTS[at]["lon"], "lat": POINTS[at]["lat"] + metres * METRE, **more}


# ---- units and departments -------------------------------------------------------------------------------------------


def test_a_township_leads_and_the_departments_of_the_kind_assist_and_see_the_case(build: Build, office: Phone) -> None:
    case = routed(build, office, category="illegal_discharge")
    assert (case["lead_unit"], case["assisting"]) == (LEAD, [ECOLOGY])
    assert "由翠屏乡主办，生态环境分局配合" in case["routing_reason"]
    department = build.official(phone_of(ECOLOGY))
    assert [one["id"] for one in department.get("/cases?part=any").json["items"]] == [case["id"]]
    assert [notice["title"] for notice in department.get("/notices").json["items"]] == ["请协办"]
    assert "accept" not in {row["action"] for row in department.get(f"/cases/{case['id']}").json["allowed_actions"]}


def test_sand_mining_is_led_by_the_water_bureau_with_police_and_township(build: Build, office: Phone) -> None:
    case = routed(build, office, at="bank_left", category="sand_mining", photos=[])
    assert case["lead_unit"] == WATER
    assert case["assisting"] == [POINTS["bank_left"]["lead"], POLICE]
    assert case["urgent"]
    assert "“非法采砂”类问题由水务局主办" in case["routing_reason"]


def test_only_the_lead_unit_may_call_the_reporter(build: Build, office: Phone) -> None:
    contact = {"contact_name": "张三", "contact_phone": "13812345678"}
    case = routed(build, office, category="illegal_discharge", **contact)
    told = {
        unit: build.official(phone_of(unit)).get(f"/cases/{case['id']}").json["reports"][0]["contact"]
        for unit in (LEAD, ECOLOGY)
    }
    assert told == {LEAD: {"name": "张三", "phone": "13812345678"}, ECOLOGY: None}


# ---- rivers and borders ----------------------------------------------------------------------------------------------


def test_on_a_border_river_the_bank_decides_and_in_mid_river_or_in_doubt_the_reachs_lead(
    build: Build, office: Phone
) -> None:
    left, right, lead = (POINTS[name]["lead"] for name in ("bank_left", "bank_right", "mid_river_border"))
    assert left != right
    sure = routed(build, office, at="bank_left", category="other", place={"accuracy_m": 10})
    assert (sure["lead_unit"], sure["assisting"], sure["reach"]) == (left, [], "QSH-01")
    assert "左岸" in sure["routing_reason"]
    build.clock.move(days=4)
    unsure = routed(build, office, at="bank_left", category="other", place={"accuracy_m": 80})
    assert unsure["lead_unit"] == lead
    assert set(unsure["assisting"]) == {left, right} - {lead}
    assert "分不清左右岸" in unsure["routing_reason"]
    middle = routed(build, office, at="mid_river_border", category="garbage")
    assert middle["lead_unit"] == lead
    assert set(middle["assisting"]) == {left, right} - {lead}
    other_bank = routed(build, office, at="bank_right", category="floating", place={"accuracy_m": 10})
    assert other_bank["lead_unit"] == right


def test_an_exclave_and_a_hole_belong_to_whom_the_map_says(build: Build, office: Phone) -> None:
    for name in ("exclave", "hole"):
        case = routed(build, office, at=name)
        assert (case["lead_unit"], case["assisting"], case["state"]) == (POINTS[name]["lead"], [], "assigned")
        assert "辖区内" in case["routing_reason"]


def test_outside_the_county_it_is_taken_in_and_held_for_the_neighbours(build: Build, office: Phone) -> None:
    resident = build.resident()
    report = build.report(resident, at="outside_county")
    assert report["receipt_code"]
    case = newest(office)
    assert (case["state"], case["lead_unit"], case["suggested"]) == ("triage", None, None)
    assert "界外" in case["routing_reason"]
    assert "跨界" in resident.get(f"/reports/{report['id']}").json["reason"]
    (event,) = [one for one in office.get(f"/cases/{case['id']}/events").json["items"] if one["action"] == "hold"]
    assert event["data"]["why"] == "outside_county"
    moved = office.act(case["id"], "transfer", body="邻县河长办", reason="在邻县境内")
    assert (moved.status_code, moved.json["state"]) == (200, "transferred")
    assert sql(build.app, "SELECT 1 FROM assignments") == []  # in no township's score


def test_water_outside_all_townships_goes_to_the_nearest(build: Build, office: Phone) -> None:
    case = routed(build, office, at="reservoir_outside_polygons")
    assert case["lead_unit"] == POINTS["reservoir_outside_polygons"]["lead"]
    assert "不在任何乡镇辖区内" in case["routing_reason"]


# ---- what the office looks at first ----------------------------------------------------------------------------------


def test_a_sensitive_confidential_report_is_released_by_the_office_which_sees_where_it_would_go(
    build: Build, office: Phone
) -> None:
    case = routed(
        build, office, category="illegal_discharge", privacy="confidential", text="我是厂里的王五，夜里偷排。"
    )
    assert case["state"] == "triage"
    assert case["suggested"] == {"unit": LEAD, "assisting": [ECOLOGY]}
    township = build.official(phone_of(LEAD))
    assert township.get(f"/cases/{case['id']}").status_code == 404
    given = office.act(case["id"], "assign", **case["suggested"], reason="属地办理", forwarded_text="夜里偷排。")
    assert (given.json["state"], given.json["suggested"]) == ("assigned", None)
    assert township.get(f"/cases/{case['id']}").json["reports"][0]["text"] == "夜里偷排。"


def test_a_report_about_officials_never_goes_to_a_unit_by_itself(build: Build, office: Phone) -> None:
    case = routed(build, office, accuses_officials=True)
    assert (case["state"], case["lead_unit"]) == ("triage", None)
    assert case["routing_reason"].endswith("由县河长办直接处理。")
    assert build.official(phone_of(LEAD)).get("/cases").json["items"] == []


# ---- duplicates ------------------------------------------------------------------------------------------------------


def test_near_and_recent_of_the_same_kind_is_joined_when_certain(build: Build, office: Phone) -> None:
    first = routed(build, office, place=north(0))
    second = routed(build, office, place=north(10))  # within 15 m
    assert (second["state"], second["merged_into"]) == ("merged", first["id"])
    reports = office.get(f"/cases/{first['id']}").json["reports"]
    assert len(reports) == 2
    assert [e["action"] for e in office.get(f"/cases/{second['id']}/events").json["items"]] == ["submit", "merge"]


@pytest.mark.parametrize(
    ("metres", "hours", "category", "state"),
    [
        (10, 25, "garbage", "triage"),  # too long ago to be certain
        (30, 1, "garbage", "triage"),  # too far off to be certain
        (60, 1, "garbage", "assigned"),  # farther than 50 m
        (10, 73, "garbage", "assigned"),  # longer than 72 hours ago
        (10, 1, "other", "assigned"),  # another kind
    ],
)
def test_what_may_be_the_same_is_proposed_to_the_office_and_what_is_not_goes_its_way(
    build: Build, office: Phone, metres: float, hours: float, category: str, state: str
) -> None:
    first = routed(build, office, place=north(0))
    build.clock.move(hours=hours)
    second = routed(build, office, place=north(metres), category=category)
    assert second["state"] == state
    proposed = office.get(f"/cases/{second['id']}/duplicates").json["items"]
    if state == "assigned":
        assert proposed == []
        return
    assert [(one["case_id"], one["number"]) for one in proposed] == [(first["id"], first["number"])]
    assert proposed[0]["distance_m"] == pytest.approx(metres, abs=0.5)
    assert first["number"] in second["routing_reason"]


def test_the_office_joins_what_was_proposed_and_splits_it_off_again(build: Build, office: Phone) -> None:
    first = routed(build, office, place=north(0))
    resident = build.resident("second")
    report = build.report(resident, place=north(30))
    second = newest(office)
    joined = office.act(second["id"], "merge", target=first["id"], reason="同一堆垃圾")
    assert (joined.json["state"], joined.json["merged_into"]) == ("merged", first["id"])
    assert resident.get(f"/reports/{report['id']}").json["number"] == first["number"]
    assert office.get(f"/cases/{second['id']}/duplicates").json["items"] == []
    for target, code in ((second["id"], "target_not_open"), (None, "missing_field")):
        again = office.act(first["id"], "merge", target=target, reason="同一堆垃圾")
        assert again.json["code"] == code
    back = office.act(second["id"], "split", reason="其实是两处")
    assert (back.json["state"], back.json["merged_into"]) == ("triage", None)
    assert resident.get(f"/reports/{report['id']}").json["number"] == second["number"]
    assert office.act(second["id"], "assign", unit=LEAD, reason="属地办理").json["state"] == "assigned"
    is_a_plain_refusal(office.act(second["id"], "split", reason="再拆"), 409, "wrong_state")


def test_the_same_thing_reported_in_confidence_is_proposed_and_not_joined_unseen(build: Build, office: Phone) -> None:
    """Joined, its words would stand before the unit although the office has not read them."""
    first = routed(build, office, category="illegal_discharge")
    second = routed(build, office, category="illegal_discharge", privacy="confidential", text="我是厂里的")
    assert second["state"] == "triage"
    proposed = office.get(f"/cases/{second['id']}/duplicates").json["items"]
    assert [one["case_id"] for one in proposed] == [first["id"]]


def test_what_is_settled_is_no_duplicate(build: Build, office: Phone) -> None:
    case_id, _ = build.case("closed")
    again = routed(build, office)
    assert again["state"] == "assigned"
    assert again["id"] != case_id
