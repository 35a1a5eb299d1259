"""One case from the report to the archive, by the hardest way, and every book of the county agreeing on it.

Refusal, ruling, extension, overdue, supervision, a closure with a photo that was used before, dispute, failed
look-back, second closure, archive: a township's bad June of 2026, all over HTTP, with the clock moved by the test.
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import openpyxl
import pytest
import requests
import structlog

from backend.clock import SHANGHAI
from backend.domain import verification
from backend.domain.actors import NOBODY
from backend.domain.verification import Known
from backend.jobs import defer_hourly_rounds, defer_pushing, drain
from backend.local.pictures import make_jpeg
from backend.work import reading
from tests.build import INSPECTOR, OFFICE, POINTS, Build, Phone, phone_of
from tests.ears import CallToTheOutside, listening, no_call_to_the_outside

UNIT = POINTS["inside_township"]["lead"]
OFFICE_UNIT = "530199-office"
ELSEWHERE = POINTS["exclave"]["lead"]
SPOT = {"lon": POINTS["inside_township"]["lon"], "lat": POINTS["inside_township"]["lat"], "coord_type": "wgs84"}
HEAD = "单位负责人"


class Story:
    """The people of the story and the calendar on their wall."""

    def __init__(self, build: Build) -> None:
        self.build = build

    # Signed in anew at each call, as over six weeks everybody is.
    @property
    def resident(self) -> Phone:
        return self.build.resident()

    @property
    def office(self) -> Phone:
        return self.build.office()

    @property
    def handler(self) -> Phone:
        return self.build.official(phone_of(UNIT))

    @property
    def head(self) -> Phone:
        return self.build.official(phone_of(UNIT, HEAD))

    @property
    def inspector(self) -> Phone:
        return self.build.official(INSPECTOR)

    def until(self, month: int, day: int, hour: int = 10) -> None:
        """Time passes to an hour of Shanghai; every working hour on the way the timers ring."""
        then = datetime(2026, month, day, hour, tzinfo=SHANGHAI)
        while self.build.clock() < then:
            now = self.build.clock().astimezone(SHANGHAI)
            following = (now + timedelta(days=1)).replace(hour=9, minute=0) if now.hour >= 17 else now.replace(minute=0)
            self.build.clock.now = min(then, max(following, now + timedelta(hours=4)))
            self.timers()

    def timers(self) -> None:
        defer_pushing()
        defer_hourly_rounds()
        drain()

    def act(self, who: Phone, case_id: str, action: str, **form: Any) -> dict[str, Any]:
        answer = who.act(case_id, action, **form)
        assert answer.status_code == 200, (action, answer.json)
        drain()
        shown: dict[str, Any] = answer.json
        return shown

    def photo(self, who: Phone, seed: int, gps: dict[str, Any] = SPOT) -> dict[str, str]:
        taken = make_jpeg(
            800, 600, text="bank", seed=seed, gps=(gps["lon"], gps["lat"]), taken_at=self.build.clock()
        )  # fmt: skip
        return self.build.photo(who, taken)

    def case_with_a_photo(self, seed: int) -> str:
        """Another township's case, closed with the photo of this seed. Returns its number."""
        case_id, other = self.build.case("rectifying", at="exclave", text="桥头堆了几袋垃圾。")
        photos = [self.photo(other, seed, POINTS["exclave"])]
        self.act(other, case_id, "request_closure", done="已清运。", photos=photos)
        return str(self.act(self.office, case_id, "close")["number"])


@pytest.fixture
def overheard(
    build: Build,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """All the while nothing calls where no setting leads, and no log tells a secret, a phone number or an openid."""
    with listening(build, caplog, capfd, monkeypatch) as ears:
        with no_call_to_the_outside(build):
            yield
        told, secrets = ears.heard(), ears.secrets()
    assert len(secrets) > 100
    assert not {what for value, what in secrets.items() if value in told}


def test_the_guard_stops_a_call_to_the_outside_and_the_ears_hear(
    build: Build,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with no_call_to_the_outside(build):
        for address in ("http://192.0.2.1/", "http://example.com/", "http://127.0.0.1:9/"):
            with pytest.raises(CallToTheOutside):
                requests.get(address, timeout=1)
    with listening(build, caplog, capfd, monkeypatch) as ears:
        token = build.office().token
        structlog.get_logger().warning("one careless line", phone=OFFICE)
        logging.getLogger("a.library").debug("and another: %s", token)
        told, secrets = ears.heard(), ears.secrets()
    assert {what for value, what in secrets.items() if value in told} == {
        "a phone number of the roster", "a token or a receipt code",
    }  # fmt: skip


@pytest.mark.usefixtures("overheard")
def test_a_case_goes_the_hardest_way_and_all_books_agree(build: Build) -> None:
    story = Story(build)
    elsewhere = story.case_with_a_photo(seed=7)
    report = build.report(story.resident, text="河边倒了几车建筑垃圾。")
    case = next(one for one in story.office.get("/cases").json["items"] if one["lead_unit"] == UNIT)
    case_id = case["id"]

    # Refused within two hours, ruled back the next day: it was theirs all along.
    story.until(6, 1, 11)
    story.act(story.handler, case_id, "return", reason="河段属邻镇。")
    story.until(6, 2)
    story.act(story.office, case_id, "rule", unit=UNIT, reason="界桩在本镇一侧。")
    assert story.handler.act(case_id, "return", reason="还是不属。").json["code"] == "ruled"
    story.until(6, 3)
    story.act(story.handler, case_id, "accept")
    story.act(story.handler, case_id, "start", measure="清运", person="李四", date="2026-06-08")

    # More time is asked for before the deadline and granted; both dates stay.
    story.until(6, 5)
    story.act(story.handler, case_id, "ask_extension", reason="连日下雨。", rectify_by="2026-06-15")
    shown = story.act(story.office, case_id, "grant_extension", reason="天气属实。", rectify_by="2026-06-11")
    assert day(shown["first_rectify_by"]) == "06-08"
    assert [day(clock["due_at"]) for clock in shown["clocks"] if clock["kind"] == "rectify"] == ["06-11"]

    # Overdue, reminded of up the line, and on the fifth working day after it under supervision.
    story.until(6, 18, 18)
    shown = story.office.get(f"/cases/{case_id}").json
    assert {one["to_role"] for one in shown["reminders"]} == {"handler", "head", "office", "county_chief"}
    (letter,) = shown["supervisions"]
    assert (letter["why"], letter["stage"], letter["overdue"]) == ("overdue", "awaiting_reply", False)
    assert [one["number"] for one in story.office.get("/cases?overdue=true").json["items"]] == [case["number"]]
    story.until(6, 22)
    replied = story.head.post(f"/supervisions/{letter['id']}/replies", {"text": "清运车已到位，今日清完。"})
    assert replied.status_code == 201, replied.json
    drain()
    reply = replied.json["replies"][0]["id"]
    assert story.office.post(f"/supervisions/{letter['id']}/replies/{reply}/accept").status_code == 200

    # The photo that "proves" it is another township's. The office closes all the same, with its reasons on record.
    reused = [story.photo(story.handler, seed=7)]
    story.act(story.handler, case_id, "request_closure", done="已清运。", photos=reused)
    evidence = story.office.get(f"/cases/{case_id}/evidence").json
    flag = next(f for f in evidence["items"][-1]["flags"] if f["kind"] == "seen_before")
    assert flag["earlier"]["number"] == elsewhere
    assert story.office.act(case_id, "close").json["code"] == "missing_field"
    story.act(story.office, case_id, "close", reason="电话核实，经办人称误传照片。")

    # The one who reported it sees the heap every day.
    story.until(6, 23)
    path = f"/reports/{report['id']}"
    assert story.resident.call("PUT", f"{path}/rating", {"stars": 2, "text": "没清"}).status_code == 200
    assert story.resident.post(f"{path}/dispute", {"reason": "垃圾还在。"}).status_code == 200
    drain()
    story.until(6, 24)
    seen = [story.photo(story.inspector, seed=21)]
    shown = story.act(story.inspector, case_id, "fail_follow_up", photos=seen, place=SPOT, reason="一车未清。")
    assert (shown["state"], shown["recurrences"]) == ("rectifying", 1)
    letters = story.office.get(f"/cases/{case_id}").json["supervisions"]
    second = next(one for one in letters if one["why"] == "failed_follow_up")
    story.until(6, 25)
    replied = story.head.post(f"/supervisions/{second['id']}/replies", {"text": "已清完，责任人已批评。"})
    assert replied.status_code == 201, replied.json

    # Closed a second time, looked back on because it came back once, archived when nobody can dispute it any more.
    cleared = [story.photo(story.handler, seed=30)]
    story.act(story.handler, case_id, "request_closure", done="全部清完。", photos=cleared)
    story.until(6, 26)
    story.act(story.office, case_id, "close")
    story.until(7, 6)
    looked = [story.photo(story.inspector, seed=40)]
    story.act(story.inspector, case_id, "pass_follow_up", photos=looked, place=SPOT)
    assert story.office.get(f"/cases/{case_id}").json["state"] == "closed"
    story.until(7, 15)
    assert story.office.get(f"/cases/{case_id}").json["state"] == "archived"

    the_reporter_reads_it(story, path)
    the_ledger_tells_it_whole(story, case_id)
    the_books_agree(story, case_id)


def day(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(SHANGHAI):%m-%d}"


def the_reporter_reads_it(story: Story, path: str) -> None:
    assert [step["words"] for step in story.resident.get(path).json["steps"]] == [
        "举报已收到。",
        "已交由翠屏乡办理。",
        "县河长办正在重新确定办理单位。",
        "县河长办裁定由翠屏乡办理。",
        "翠屏乡已签收。",
        "翠屏乡已开始整改，计划2026年6月8日完成。",
        "翠屏乡申请延长整改时间，等县河长办决定。",
        "县河长办同意整改时间延长到2026年6月11日 23:59：天气属实。",
        "整改完成，等待县里核查。",
        "核查通过，已办结。",
        "您作了评价。",
        "您对办理结果提出了异议，县里将回头看。",
        "回头看发现问题反弹，重新整改。",
        "整改完成，等待县里核查。",
        "核查通过，已办结。",
        "回头看合格。",
        "已归档。",
    ]


def the_ledger_tells_it_whole(story: Story, case_id: str) -> None:
    """Every step is an event of the case, and its chain is whole."""
    actions = [event["action"] for event in story.office.get(f"/cases/{case_id}/events").json["items"]]
    assert [action for action in actions if action != "remind_due"] == [
        "submit", "assign", "return", "rule", "accept", "start", "ask_extension", "grant_extension", "supervise",
        "reply_supervision", "accept_reply", "request_closure", "close", "end_supervision", "rate", "dispute",
        "fail_follow_up", "supervise", "reply_supervision", "request_closure", "close", "end_supervision",
        "pass_follow_up", "archive",
    ]  # fmt: skip
    with reading(NOBODY) as work:
        assert verification.verify(work, Known()).discrepancies == []


def the_books_agree(story: Story, case_id: str) -> None:
    """Counted by hand on a calendar of June 2026, on which the 19th is the Dragon Boat Festival."""
    office = story.office
    case = office.get(f"/cases/{case_id}").json
    held = {(one["holder"], one["kind"]): (one["used_days"], one["overdue_days"]) for one in case["holders"]}
    assert held == {
        (UNIT, "accept"): (1, 0),  # the 2nd to the 3rd
        (UNIT, "refuse"): (0, 0),
        (UNIT, "rectify"): (14, 6),  # the 3rd to the 22nd and the 25th; late on the 12th, 15th to 18th, and 22nd
        (OFFICE_UNIT, "triage"): (1, 0),  # the 1st to the 2nd
        (OFFICE_UNIT, "rectify"): (1, 0),  # meanwhile the whole clock ran
        (OFFICE_UNIT, "review"): (1, 0),  # the 25th to the 26th
    }

    counts = {one["state"]: one["n"] for one in office.get("/cases/counts").json["items"] if one["n"]}
    assert counts == {"archived": 2}
    [text_row] = [row for row in exported(office) if row["编号"] == case["number"]]
    [row] = [row for row in spreadsheet(office) if row["编号"] == case["number"]]
    for column, expected in {
        "状态": "已归档",
        "主办单位": "翠屏乡",
        "首次交办": "2026-06-01 09:00",
        "最近交办": "2026-06-02 10:00",
        "签收": "2026-06-03 10:00",
        "申请销号": "2026-06-25 10:00",
        "销号": "2026-06-26 10:00",
        "异议": "2026-06-23 10:00",
        "最近回头看": "2026-07-06 10:00",
        "整改期限（首次）": "2026-06-08 23:59",
        "整改期限（逾期过）": "是",
        "主办单位整改天数": 14,
        "逾期天数合计": 6,
        "退回次数": 1,
        "延期次数": 1,
        "回头看次数": 2,
        "反弹次数": 1,
        "催办次数": len({(one["clock"], one["step"], one["due_at"]) for one in case["reminders"]}),
        "督办次数": len(case["supervisions"]),
        "评价（星）": 2.0,
    }.items():
        assert text_row[column] == str(expected), column
        shown = row[column]
        assert (f"{shown:%Y-%m-%d %H:%M}" if isinstance(shown, datetime) else shown) == expected, column
    assert row["各单位用时（工作日）"] == "；".join(
        f"{one['holder_name']}{one['kind_title']}{one['used_days']}天"
        + (f"，逾期{one['overdue_days']}天" if one["overdue"] else "")
        for one in case["holders"]
    )

    month = office.post("/assessments/2026-06/publish")
    assert month.status_code == 200, month.json
    unit = next(one for one in month.json["units"] if one["unit"] == UNIT)
    parts = {one["part"]: one for one in unit["parts"]}
    lost = {name: round(one["full"] - one["points"], 2) for name, one in parts.items() if name != "patrol"}
    assert lost == {
        "accept": 0,
        "rectify": 25,  # its only case of the month, late
        "recurrence": 5,  # once
        "satisfaction": 6,  # two of five stars
        "supervision": 3,  # the letter for being late; that for the relapse costs nothing a second time
        "refusal": 2.5,  # refused, and ruled to be its own
    }
    for name in lost:
        named = {found for one in parts[name]["deductions"] for found in one["ids"]["case"]}
        assert named == ({case_id} if lost[name] else set()), name
    neighbour = next(one for one in month.json["units"] if one["unit"] == ELSEWHERE)
    assert all(one["points"] == one["full"] for one in neighbour["parts"] if one["part"] != "patrol")


def exported(office: Phone) -> list[dict[str, Any]]:
    answer = office.get("/cases/export?format=csv")
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def spreadsheet(office: Phone) -> list[dict[str, Any]]:
    book = openpyxl.load_workbook(io.BytesIO(office.get("/cases/export").data))
    _, _, header, *rows = book.active.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]
