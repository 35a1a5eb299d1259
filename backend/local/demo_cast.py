"""The cast of the demo: who plays, where, with which photos, and who tells it."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from PIL import ExifTags, Image

from backend.local.demo_phone import (
    DemoError,
    Official,
    Phone,
    Shot,
    api_url,
    county_dir,
    officials,
    points,
    stand_in_url,
)
from backend.local.pictures import make_jpeg

OFFICE = "530199-office"


class Cast:
    """The people and places of the demo county. `tell` takes each line of what happens."""

    def __init__(self, environ: Mapping[str, str], tell: Callable[[str], None]) -> None:
        self.tell = tell
        self._api, self._stand_in = api_url(environ), stand_in_url(environ)
        folder = county_dir(environ)
        self._officials, self._points = officials(folder), points(folder)
        self._seed = time.time_ns() // 1_000_000 % 1_000_000_000  # another day, other pictures

    def tell_routing(self, resident: Phone, submitted: dict[str, Any]) -> None:
        report = resident.wait_until_routed(submitted["id"])
        if not report.get("reason"):
            raise DemoError(f"举报 {submitted['number']} 已分办，却没有写明理由。")
        unit = report["unit_name"] or "县河长办处理"
        joined = ""
        if report["number"] != submitted["number"]:  # a repeat hangs on the case that it was joined to
            joined = f"与已有案件 {report['number']} 是同一问题，合并办理；该案件"
        self.tell(f"分办结果：{joined}{report['state_title']}，{unit}。理由：{report['reason']}")

    def assigned(self, number: str, unit: str) -> dict[str, Any]:
        """The case of a report that was routed, with a unit. An earlier day that broke off may have left an open case
        here, of which this one was then taken for a repeat: the office tells them apart."""
        office, _ = self.official("县河长办", OFFICE)
        case = office.case(number)
        if case["state"] == "merged":
            case = office.act(case, "split", "拆分案件", reason="演示：与先前的举报不是同一次，单独办理。")
        if case["state"] == "triage":
            case = office.act(case, "assign", "交办案件", unit=unit, reason="演示：核对后按位置交办。")
            self.tell(f"县河长办核对后，人工交办给{case['lead_unit_name']}。")
        return case

    def submit(
        self, resident: Phone, category: str, text: str, place: dict[str, Any], shots: list[Shot]
    ) -> dict[str, Any]:
        form = {
            "category": category,
            "text": text,
            "place": {
                "lon": place["lon"], "lat": place["lat"], "coord_type": "wgs84", "accuracy_m": 12,
                "address": place["about"],
            },
            "privacy": "named",
            "photos": [shot.ref for shot in shots],
            "observed_at": datetime.now(UTC).isoformat(),
            "contact_name": "演示居民",
            "contact_phone": "19900009999",
        }  # fmt: skip
        return resident.call("提交举报", "POST", "/reports", form, {"Idempotency-Key": str(uuid.uuid4())})

    def photo(self, width: int, height: int, text: str, place: dict[str, Any], orientation: int = 1) -> bytes:
        self._seed += 1
        jpeg = make_jpeg(
            width, height, text=text, gps=(place["lon"], place["lat"]), orientation=orientation,
            taken_at=datetime.now(UTC), seed=self._seed,
        )  # fmt: skip
        exif = Image.open(io.BytesIO(jpeg)).getexif()
        if not exif.get_ifd(ExifTags.IFD.GPSInfo):
            raise DemoError("演示照片里没有写进 GPS 位置。")
        return jpeg

    def place(self, name: str) -> dict[str, Any]:
        if name not in self._points:
            raise DemoError(f"演示地点里没有 {name}。")
        return self._points[name]

    def official(self, role: str, unit: str) -> tuple[Phone, Official]:
        """The first on the roster with this role in this unit, signed in and bound."""
        person = next((one for one in self._officials if (one.role, one.unit) == (role, unit)), None)
        if person is None:
            raise DemoError(f"演示名册里没有单位 {unit} 的{role}。")
        phone = self.phone(person.user)
        phone.sign_in()
        phone.bind(person.phone)
        return phone, person

    def phone(self, user: str) -> Phone:
        return Phone(user, self._api, self._stand_in)
