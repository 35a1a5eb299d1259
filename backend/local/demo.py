"""One scripted day against the running HTTP API, told in Chinese: `python -m backend.local.demo`."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from backend.local import demo_story
from backend.local.demo_cast import OFFICE, Cast
from backend.local.demo_phone import RESIDENT, DemoError, Official, Phone


class Day:
    """The script."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast

    def play(self) -> None:
        resident = self._cast.phone(RESIDENT)
        resident.sign_in()
        self._cast.tell("居民用微信登录。")
        report, case, lead = self._illegal_discharge(resident)
        after = self._handle(report["number"], case, lead)
        self._rate(resident, report["id"])
        self._others(resident)
        demo_story.play(self._cast, resident, after)

    def _illegal_discharge(self, resident: Phone) -> tuple[dict[str, Any], dict[str, Any], tuple[Phone, Official]]:
        place = self._cast.place("bank_left")
        shots = [
            resident.upload(self._cast.photo(900, 1200, "outfall", place, orientation=6)),
            resident.upload(self._cast.photo(1200, 900, "river", place, orientation=3)),
        ]
        self._cast.tell("居民拍了两张照片（带 GPS，手机横拿倒拿），直接传到对象存储。")
        report = self._cast.submit(
            resident, "illegal_discharge", "河边管道正往河里排黑水，气味刺鼻，早上七点左右开始的。", place, shots
        )
        self._cast.tell(f"居民实名举报“{report['category_name']}”（{place['about']}），编号 {report['number']}。")
        for shot in shots:
            photo = resident.wait_until_sound(shot)
            shown = resident.picture(photo["url"])
            if len(shown.getexif()):
                raise DemoError("公开的照片里还留着拍摄信息（EXIF）。")
            self._cast.tell(f"照片检查通过：已转正为 {shown.width}×{shown.height}，拍摄信息已去除。")
        self._cast.tell_routing(resident, report)
        case = self._cast.assigned(report["number"], str(place["lead"]))
        lead = self._cast.official("经办人", case["lead_unit"])
        return report, case, lead

    def _handle(self, number: str, case: dict[str, Any], lead: tuple[Phone, Official]) -> bytes:
        """The straight way to the closure. Returns the photo that proves it."""
        phone, person = lead
        unit = case["lead_unit_name"]
        case = phone.case(number)
        case = phone.act(case, "accept", "签收")
        self._cast.tell(f"{unit}{person.name}签收，案件状态：{case['state_title']}。")
        finish = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
        measure = "封堵排口，清理污水，责令排污方停产整改。"
        case = phone.act(case, "start", "开始整改", measure=measure, person=person.name, date=finish)
        self._cast.tell(f"{unit}开始整改，责任人{person.name}，承诺 {finish} 前完成。")
        taken = self._cast.photo(1200, 900, "after", {"lon": case["lon"], "lat": case["lat"]})
        after = phone.upload(taken)
        phone.wait_until_sound(after)
        self._cast.tell(f"{unit}上传整改后的照片，检查通过。")
        case = phone.act(
            case, "request_closure", "申请销号", photos=[after.ref], done="排口已封堵，污水已清理，水面恢复正常。"
        )
        self._cast.tell(f"{unit}申请销号，案件状态：{case['state_title']}。")
        office, officer = self._cast.official("县河长办", OFFICE)
        case = office.act(office.case(number), "close", "销号")
        self._cast.tell(f"县河长办{officer.name}核查通过，案件状态：{case['state_title']}。")
        return taken

    def _rate(self, resident: Phone, report_id: str) -> None:
        rating = {"stars": 5, "text": "处理得很快，河水清了。"}
        report = resident.call("评价", "PUT", f"/reports/{report_id}/rating", rating)
        self._cast.tell(f"居民评价：{report['rating']} 星。居民看到的经过：")
        for step in report["steps"]:
            self._cast.tell(f"    {step['words']}")

    def _others(self, resident: Phone) -> None:
        for name, category, text in (
            ("mid_river_border", "sand_mining", "河中间有船在抽砂，岸边堆着砂。"),
            ("outside_county", "garbage", "路边沟里倒了一车建筑垃圾。"),
            ("reservoir_outside_polygons", "garbage", "水库水面边上有人倒生活垃圾。"),
        ):
            place = self._cast.place(name)
            shots = [resident.upload(self._cast.photo(1200, 900, name, place))]
            report = self._cast.submit(resident, category, text, place, shots)
            self._cast.tell(f"居民举报“{report['category_name']}”（{place['about']}），编号 {report['number']}。")
            self._cast.tell_routing(resident, report)


def main() -> int:
    """Play the day. Returns the exit code; a failure has been said in one sentence."""
    try:
        Day(Cast(os.environ, lambda line: print(line, flush=True))).play()
    except DemoError as failed:
        print(f"演示中断：{failed}", file=sys.stderr, flush=True)
        return 1
    except (KeyError, TypeError) as error:
        print(f"演示中断：接口的回答里缺少或不认得 {error}。", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("演示中断：被人停下。", file=sys.stderr, flush=True)
        return 130
    print("演示完成。", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
