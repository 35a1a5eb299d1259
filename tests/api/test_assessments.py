"""Assessment over HTTP: preview, cut-off, publishing, a late patrol as a proposed correction, who sees what."""

from __future__ import annotations

import io
from typing import Any

from openpyxl import load_workbook

from backend.county import County
from backend.jobs import drain
from tests.build import POINTS, Build, phone_of
from tests.walks import Sender

LEAD = POINTS["inside_township"]["lead"]
JUNE = "/assessments/2026-06"


def one_of(items: list[dict[str, Any]], subject: str) -> dict[str, Any]:
    return next(one for one in items if one["subject"] == subject)


def part(shown: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in shown["parts"] if one["part"] == name)


def test_ledger_duties_and_assessment_agree_on_every_number(build: Build, county: County) -> None:
    sender = Sender(build, county)
    sender.send(sender.walk())
    drain()
    kept, _ = build.case("closed")
    build.report(at="inside_township", text="桥下又有一堆垃圾。")
    office = build.office()
    broken = next(c for c in office.get("/cases").json["items"] if c["id"] != kept)
    unit = broken["lead_unit"]
    build.clock.move(days=45)
    drain()
    office = build.office()
    units = office.get(JUNE).json["units"]
    shown = one_of(units, f"unit:{unit}")
    holders = {h["kind"]: h for h in office.get(f"/cases/{broken['id']}").json["holders"] if h["holder"] == unit}
    for kind in ("accept", "rectify"):
        named = {i for one in part(shown, kind)["deductions"] for i in one["ids"]["case"]}
        assert (broken["id"] in named) is holders[kind]["overdue"] is True
        assert kept not in named
    sums = office.get("/duties/summary?first=2026-06-01&last=2026-06-30").json["units"]
    for row in sums:
        if row["key"] != office.get("/session").json["unit"]:
            patrol = part(one_of(units, f"unit:{row['key']}"), "patrol")
            assert round(100 * patrol["value"], 1) == row["percent"]
    for unit_shown in units:
        for one in unit_shown["parts"]:
            assert round(sum(d["points"] for d in one["deductions"]), 2) == round(one["full"] - one["points"], 2)
            assert all(d["ids"] for d in one["deductions"])


def test_a_month_is_published_after_its_cut_off_and_a_late_patrol_becomes_a_correction(
    build: Build, county: County
) -> None:
    sender = Sender(build, county)
    late = sender.walk()
    build.clock.move(days=20)
    early = build.office().post(f"{JUNE}/publish")
    assert (early.status_code, early.json["code"]) == (409, "before_cut_off")
    build.clock.move(days=16)
    office = build.office()
    published = office.post(f"{JUNE}/publish")
    assert published.status_code == 200, published.json
    assert (published.json["proposed"], len(published.json["units"])) == ([], 12)
    assert office.post(f"{JUNE}/publish").json["code"] == "already_published"
    before = one_of(published.json["units"], f"unit:{sender.chief.unit}")

    sender.phone = build.official(sender.chief.phone)
    sender.send(late)
    drain()
    shown = office.get(JUNE).json
    assert one_of(shown["units"], before["subject"])["total"] == before["total"]
    assert {one["kind"] for one in shown["proposed"]} == {"unit", "chief"}
    new = one_of(shown["proposed"], before["subject"])
    assert new["total"] > before["total"]
    form = {"subject": before["subject"], "reason": "无信号，巡河记录补传。"}
    assert office.post(f"{JUNE}/corrections", {**form, "reason": "  "}).status_code == 422
    corrected = office.post(f"{JUNE}/corrections", form)
    assert corrected.status_code == 201, corrected.json
    held = one_of(corrected.json["units"], before["subject"])
    assert (held["total"], held["reason"]) == (new["total"], form["reason"])
    assert [old["total"] for old in held["earlier"]] == [before["total"]]
    assert office.post(f"{JUNE}/corrections", form).json["code"] == "nothing_to_correct"
    trend = office.get(f"/assessments/trend?subject={before['subject']}").json["items"]
    assert [(one["month"], one["total"]) for one in trend] == [("2026-06", new["total"])]
    rows = office.get(f"{JUNE}/summons").json["items"]
    assert rows
    assert all(row["reasons"] for row in rows)
    book = load_workbook(io.BytesIO(office.get(f"{JUNE}/scores.xlsx").data))
    assert book.sheetnames == ["乡镇", "河长", "扣分明细"]
    assert book["乡镇"].max_row == 13


def test_townships_see_their_own_and_once_published_the_totals_of_all(build: Build, county: County) -> None:
    sender = Sender(build, county)
    township = build.official(phone_of(LEAD))
    preview = township.get(JUNE).json
    assert [one["unit"] for one in preview["units"]] == [LEAD]
    assert {one["person_id"] for one in sender.phone.get(JUNE).json["chiefs"]} == {
        sender.phone.get("/duties/mine").json["items"][0]["person_id"]
    }
    build.clock.move(days=36)
    assert build.official(phone_of(LEAD)).post(f"{JUNE}/publish").status_code == 403
    assert build.office().post(f"{JUNE}/publish").status_code == 200
    shown = build.official(phone_of(LEAD)).get(JUNE).json
    assert len(shown["units"]) == 12
    assert {one["unit"] for one in shown["units"] if one["parts"] is not None} == {LEAD}
    assert build.official(sender.chief.phone).get(JUNE).json["units"] == []
    assert build.office().get("/assessments/2026-13").status_code == 404
    assert build.office().get("/assessments/2026-12").json["code"] == "month_ahead"
