"""An emergency over HTTP: departments called, one silent, one timeline for all, stood down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from backend.county import County
from backend.jobs import drain
from tests.build import POINTS, Build, Phone, phone_of

LEAD = POINTS["inside_township"]["lead"]
WATER, ECOLOGY, RESCUE = (f"530199-{name}" for name in ("water", "ecology", "emergency"))
HEAD = "单位负责人"
CHIEF = "19900000003"


def declared(build: Build) -> tuple[str, Phone, dict[str, Any]]:
    """An emergency on a case of a township at one in the morning. Returns its id, the office, and what it answered."""
    case_id, _ = build.case("assigned", category="illegal_discharge")
    build.clock.move(hours=16)
    office = build.office()
    done = office.act(case_id, "declare_emergency", reason="大量死鱼。")
    assert done.status_code == 200, done.json
    drain()
    shown: dict[str, Any] = done.json["emergency"]
    return case_id, office, shown


def units(phone: Phone, case_id: str) -> dict[str, dict[str, Any]]:
    return {one["unit"]: one for one in phone.get(f"/cases/{case_id}").json["emergency"]["units"]}


def titles(phone: Phone) -> list[str]:
    return [notice["title"] for notice in phone.get("/notices").json["items"]]


def test_one_department_is_silent_and_the_others_work_on_one_timeline(build: Build) -> None:
    case_id, office, shown = declared(build)
    assert (shown["plan_name"], shown["by_title"]) == ("突发水污染应急预案", "县河长办")
    assert {one["unit"] for one in shown["units"]} == {LEAD, WATER, ECOLOGY, RESCUE}
    number = office.get(f"/cases/{case_id}").json["number"]
    assert len([one for one in build.seen("sms") if number in one["text"] and "你单位任务" in one["text"]]) == 8

    ecology, water, township = (build.official(phone_of(unit)) for unit in (ECOLOGY, WATER, LEAD))
    assert "应急联动：请立即应答" in titles(ecology)
    offered = [row["action"] for row in ecology.get(f"/cases/{case_id}").json["allowed_actions"]]
    assert offered == ["note", "respond", "claim"]
    # Both look at the case at the same time; the second answer is not turned away because of the first.
    seen = ecology.get(f"/cases/{case_id}").json["version"]
    assert ecology.act(case_id, "respond", version=seen).status_code == 200
    assert water.act(case_id, "respond", version=seen).status_code == 200
    assert township.act(case_id, "accept").status_code == 200
    assert units(office, case_id)[LEAD]["acknowledged_at"] is not None

    form = {"text": "氨氮超标12倍，已到现场。", "photos": [build.photo(ecology)]}
    added = ecology.post(f"/cases/{case_id}/timeline", form, Idempotency_Key="first-entry")
    assert (added.status_code, [one["title"] for one in added.json["items"]]) == (201, ["补充情况"])
    repeated = ecology.post(f"/cases/{case_id}/timeline", form, Idempotency_Key="first-entry")
    assert repeated.json["items"] == added.json["items"]

    build.clock.move(minutes=31)
    drain()
    build.clock.move(minutes=15)
    drain()
    assert units(office, case_id)[RESCUE]["overdue"] is True
    assert "应急通知无人应答" in titles(build.official(phone_of(RESCUE, HEAD)))
    assert "应急通知无人应答" in titles(build.official(CHIEF))
    line = water.get(f"/cases/{case_id}/timeline").json
    assert [one["title"] for one in line["items"]] == [
        "启动应急联动", "应急应答", "应急应答", "签收", "补充情况", "应急无人应答上报", "应急无人应答上报",
    ]  # fmt: skip
    entry = line["items"][4]
    assert (entry["text"], entry["unit_name"], entry["role_title"]) == (form["text"], "生态环境分局", "经办人")
    assert entry["photos"][0]["url"]
    assert line["may_add"] is True
    newer = water.get(f"/cases/{case_id}/timeline?after={line['next']}").json
    assert (newer["items"], newer["next"]) == ([], line["next"])

    done = office.act(case_id, "stand_down", reason="污染已控制。")
    assert done.json["emergency"]["stood_down_how"] == "office"
    drain()
    assert "应急联动已解除" in titles(water)
    build.clock.move(hours=5)
    drain()
    assert water.get(f"/cases/{case_id}/timeline").json["items"][-1]["title"] == "解除应急"


def test_who_takes_no_part_neither_reads_nor_adds(build: Build) -> None:
    case_id, office, _ = declared(build)
    police = build.official(phone_of("530199-police"))
    assert police.get(f"/cases/{case_id}/timeline").status_code == 404
    assert police.post(f"/cases/{case_id}/timeline", {"text": "x"}).status_code == 404
    called = office.act(case_id, "call_in", assisting=["530199-police"], reason="需要警戒")
    assert called.status_code == 200, called.json
    assert police.get(f"/cases/{case_id}/timeline").status_code == 200
    inspector = build.official("19900000004")
    assert inspector.get(f"/cases/{case_id}/timeline").json["may_add"] is False
    assert inspector.post(f"/cases/{case_id}/timeline", {"text": "x"}).status_code == 403


def test_what_the_reporter_adds_meanwhile_stands_on_the_timeline_as_units_may_read_it(build: Build) -> None:
    """That words came in, not the words that tell who wrote them; and who will look back is nobody's of a unit."""
    build.report(build.resident("afraid"), category="illegal_discharge", privacy="confidential")
    office = build.office()
    case_id = office.get("/cases?limit=1").json["items"][0]["id"]
    form = {"unit": LEAD, "assisting": [WATER], "reason": "属地办理"}
    assert office.act(case_id, "assign", **form).status_code == 200
    assert office.act(case_id, "declare_emergency", reason="大量死鱼。").status_code == 200
    afraid = build.resident("afraid")
    mine = afraid.get("/reports").json["items"][0]["id"]
    told = {"text": "我是老周，打我电话13987654321。", "photos": [build.photo(afraid)]}
    assert afraid.post(f"/reports/{mine}/supplements", told).status_code == 201
    assert afraid.post(f"/reports/{mine}/withdrawal", {"reason": "厂里的人来过，我叫周铁柱。"}).status_code == 200
    for phone in (build.official(phone_of(LEAD)), build.official(phone_of(WATER))):
        line = phone.get(f"/cases/{case_id}/timeline")
        assert line.status_code == 200, line.json
        assert [one["title"] for one in line.json["items"]][-2:] == ["补充举报", "撤回举报"]
        assert line.json["items"][-1]["text"] == "（由县河长办审核后转告）"
        assert "13987654321" not in line.text
        assert "周铁柱" not in str(line.json)
    assert "周铁柱" in str(office.get(f"/cases/{case_id}/timeline").json)


def test_only_the_office_declares_and_stands_down(build: Build) -> None:
    case_id, township = build.case("accepted", category="illegal_discharge")
    chief, office = build.official(CHIEF), build.office()
    for phone in (township, chief):
        assert phone.act(case_id, "declare_emergency", reason="x").status_code == 403
    assert office.get(f"/cases/{case_id}/timeline").json["code"] == "no_emergency"
    assert office.post(f"/cases/{case_id}/timeline", {"text": "x"}).json["code"] == "no_emergency"
    assert office.act(case_id, "declare_emergency").json["field"] == "reason"
    assert office.act(case_id, "declare_emergency", reason="\u3000").status_code == 422
    assert office.act(case_id, "declare_emergency", reason="x", plan="nothing").json["code"] == "unknown_plan"
    assert office.act(case_id, "stand_down", reason="x").json["code"] == "no_emergency"
    assert office.act(case_id, "declare_emergency", reason="大量死鱼。").status_code == 200
    assert township.act(case_id, "stand_down", reason="x").status_code == 403
    assert office.act(case_id, "declare_emergency", reason="x").json["code"] == "emergency_runs"


def test_an_intake_is_protected_without_anybody_having_to_declare(build: Build, county: County) -> None:
    source = next(source for source in county.risk_sources if source.kind == "water_intake")
    lon, lat = source.geometry["coordinates"]
    resident = build.resident()
    report = build.report(resident, category="illegal_discharge", place={"lon": lon, "lat": lat, "coord_type": "wgs84"})
    office = build.office()
    case = office.get("/cases?limit=1").json["items"][0]
    shown = office.get(f"/cases/{case['id']}").json
    assert (shown["emergency"]["plan"], shown["emergency"]["by_title"]) == ("intake_pollution", "系统")
    words = [step["words"] for step in resident.get(f"/reports/{report['id']}").json["steps"]]
    assert "已启动应急联动，由多个部门共同处置。" in words
    first = min(one["due_at"] for one in shown["emergency"]["units"])
    assert first == min(one["due_at"] for one in shown["emergency"]["units"] if one["unit"] == WATER)
    assert build.clock.now + timedelta(minutes=10) == build.clock.now.fromisoformat(first)


def test_the_plans_are_read_by_officials(build: Build) -> None:
    township = build.official(phone_of(LEAD))
    names = {plan["code"] for plan in township.get("/emergency-plans").json["items"]}
    assert names == {"intake_pollution", "water_pollution", "sand_mining"}
    fitting = township.get("/emergency-plans?category=sand_mining").json["items"]
    assert [plan["code"] for plan in fitting] == ["sand_mining"]
    assert fitting[0]["tasks"][0]["unit_name"] == "水务局"
    assert build.resident().get("/emergency-plans").status_code == 403
