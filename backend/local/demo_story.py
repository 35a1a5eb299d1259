"""A case that goes the hard way: refused, ruled, extended, supervised, closed on a photo used before, disputed, back.

A shorter version of the story that the tests tell: time does not pass in a demo, so nothing becomes overdue in it.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from backend.local.demo_cast import OFFICE, Cast
from backend.local.demo_phone import DemoError, Phone

_MORE_DAYS = 7


def play(cast: Cast, resident: Phone, used: bytes) -> None:
    """`used`: the photo with which another case was closed."""
    place = cast.place("inside_township")
    shots = [resident.upload(cast.photo(1200, 900, "heap", place))]
    report = cast.submit(resident, "garbage", "路边沟里堆着几车建筑垃圾，一下雨就往河里冲。", place, shots)
    cast.tell(f"居民举报“{report['category_name']}”（{place['about']}），编号 {report['number']}。")
    cast.tell_routing(resident, report)
    case = cast.assigned(report["number"], str(place["lead"]))
    case = _refused_and_ruled(cast, case)
    case = _extended_and_supervised(cast, case)
    case = _closed_on_a_used_photo(cast, case, used)
    _disputed(cast, resident, report["id"])
    _back_and_closed_again(cast, case["number"])
    steps = resident.call("查看举报", "GET", f"/reports/{report['id']}")["steps"]
    cast.tell("居民看到的经过：")
    for step in steps:
        cast.tell(f"    {step['words']}")


def _refused_and_ruled(cast: Cast, case: dict[str, Any]) -> dict[str, Any]:
    unit, name = case["lead_unit"], case["lead_unit_name"]
    handler, _ = cast.official("经办人", unit)
    office, officer = cast.official("县河长办", OFFICE)
    handler.act(handler.case(case["number"]), "return", "退回案件", reason="堆放点在邻镇一侧。")
    cast.tell(f"{name}在期限内退回，理由：堆放点在邻镇一侧。")
    office.act(office.case(case["number"]), "rule", "裁定", unit=unit, reason="现场核对，界桩在该乡一侧。")
    cast.tell(f"县河长办{officer.name}裁定仍由{name}办理，不能再退回；退回期间的天数不算在{name}头上。")
    ruled = handler.act(handler.case(case["number"]), "accept", "签收")
    finish = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    return handler.act(ruled, "start", "开始整改", measure="清运建筑垃圾，恢复沟渠。", person="李四", date=finish)


def _extended_and_supervised(cast: Cast, case: dict[str, Any]) -> dict[str, Any]:
    handler, _ = cast.official("经办人", case["lead_unit"])
    head, person = cast.official("单位负责人", case["lead_unit"])
    office, _ = cast.official("县河长办", OFFICE)
    due = next(datetime.fromisoformat(clock["due_at"]) for clock in case["clocks"] if clock["kind"] == "rectify")
    wished = (due + timedelta(days=_MORE_DAYS)).date().isoformat()
    handler.act(case, "ask_extension", "申请延期", reason="连日下雨，车辆进不去。", rectify_by=wished)
    office.act(office.case(case["number"]), "grant_extension", "同意延期", reason="天气情况属实。", rectify_by=wished)
    cast.tell(f"{case['lead_unit_name']}到期前申请延期，县河长办同意延到 {wished}；原来的期限仍留在台账上。")
    demands = "请三日内书面说明进度和完成时间。"
    shown = office.act(office.case(case["number"]), "supervise", "督办", demands=demands)
    letter = shown["supervisions"][0]
    key = {"Idempotency-Key": str(uuid.uuid4())}
    text = {"text": "清运车已到位，一周内完成。"}
    replied = head.call("回复督办", "POST", f"/supervisions/{letter['id']}/replies", text, key)
    path = f"/supervisions/{letter['id']}/replies/{replied['replies'][-1]['id']}/accept"
    office.call("认可督办回复", "POST", path, {}, {"Idempotency-Key": str(uuid.uuid4())})
    cast.tell(f"县河长办发出督办函{letter['number']}，{person.name}书面回复，回复被认可。")
    return handler.case(case["number"])


def _closed_on_a_used_photo(cast: Cast, case: dict[str, Any], used: bytes) -> dict[str, Any]:
    handler, _ = cast.official("经办人", case["lead_unit"])
    office, officer = cast.official("县河长办", OFFICE)
    shot = handler.upload(used)
    handler.wait_until_sound(shot)
    handler.act(case, "request_closure", "申请销号", photos=[shot.ref], done="垃圾已清运。")
    case = office.case(case["number"])
    evidence = office.call("查看证据", "GET", f"/cases/{case['id']}/evidence")
    flags = [flag for photo in evidence["items"] for flag in photo["flags"] if flag["kind"] == "seen_before"]
    if not flags:
        raise DemoError("重复使用的照片没有被认出来。")
    cast.tell(f"{case['lead_unit_name']}申请销号，照片被认出：{flags[0]['words']}")
    case = office.act(case, "close", "销号", reason="电话核实，经办人称误传照片，垃圾已清。")
    cast.tell(f"县河长办{officer.name}写明核实情况后销号。")
    return case


def _disputed(cast: Cast, resident: Phone, report_id: str) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    resident.call("提出异议", "POST", f"/reports/{report_id}/dispute", {"reason": "垃圾还在原地。"}, key)
    cast.tell("居民提出异议：垃圾还在原地。县里安排回头看。")


def _back_and_closed_again(cast: Cast, number: str) -> None:
    inspector, person = cast.official("督查员", OFFICE)
    case = inspector.case(number)
    spot = {"lon": case["lon"], "lat": case["lat"]}
    seen = inspector.upload(cast.photo(1200, 900, "heap", spot))
    inspector.wait_until_sound(seen)
    stands = {**spot, "coord_type": "wgs84"}
    case = inspector.act(case, "fail_follow_up", "回头看", photos=[seen.ref], place=stands, reason="现场一车未清。")
    cast.tell(f"督查员{person.name}到现场回头看：一车未清，案件重新整改，反弹第 {case['recurrences']} 次，自动督办。")
    handler, _ = cast.official("经办人", case["lead_unit"])
    cleared = handler.upload(cast.photo(1200, 900, "cleared", spot))
    handler.wait_until_sound(cleared)
    handler.act(handler.case(number), "request_closure", "申请销号", photos=[cleared.ref], done="全部清完。")
    office, officer = cast.official("县河长办", OFFICE)
    case = office.act(office.case(number), "close", "销号")
    cast.tell(f"第二次申请销号，县河长办{officer.name}核查通过；反弹过的案件过几天还要再看一次，异议期满后归档。")
