"""A verifier looks at the evidence: real photos, one of them used before, and who gets to see the earlier one."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

from PIL import Image, ImageEnhance

from backend.local.pictures import make_jpeg
from tests.build import INSPECTOR, POINTS, Build, Phone

PLACE = (POINTS["inside_township"]["lon"], POINTS["inside_township"]["lat"])


def shot(build: Build, seed: int, gps: tuple[float, float] = PLACE, **ago: float) -> bytes:
    """A photo as a phone takes it, now or some time ago."""
    return make_jpeg(800, 600, text="river", seed=seed, gps=gps, taken_at=build.clock() - timedelta(**ago))


def again(data: bytes) -> bytes:
    """The same picture after a messenger had it: smaller, brighter, without EXIF."""
    picture = ImageEnhance.Brightness(Image.open(io.BytesIO(data))).enhance(1.15).resize((480, 360))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=60)
    return out.getvalue()


def asked(build: Build, data: bytes, **report: Any) -> tuple[str, Phone]:
    """A case whose unit asks for its closing with this photo."""
    case_id, handler = build.case("rectifying", **report)
    done = handler.act(case_id, "request_closure", done="已清理", photos=[build.photo(handler, data)])
    assert done.status_code == 200, done.json
    return case_id, handler


def needs(phone: Phone, case_id: str, action: str) -> list[str]:
    rows = phone.get(f"/cases/{case_id}").json["allowed_actions"]
    return next(row["needs"] for row in rows if row["action"] == action)


def test_a_photo_used_before_is_shown_beside_the_earlier_one_and_the_closing_wants_words(build: Build) -> None:
    picture = shot(build, 1)
    first, _ = asked(build, picture)
    case_id, _ = asked(build, again(picture), at="exclave")
    office = build.office()
    found = office.get(f"/cases/{case_id}/evidence").json
    assert found["unsettled"] == 1
    flags = {flag["kind"]: flag for flag in found["items"][0]["flags"]}
    assert set(flags) == {"seen_before", "no_time", "no_place"}
    earlier = flags["seen_before"]["earlier"]
    assert earlier["case_id"] == first
    assert earlier["number"] == office.get(f"/cases/{first}").json["number"]
    assert earlier["photo"]["thumbnail_url"].startswith("http")
    assert earlier["number"] in flags["seen_before"]["words"]

    assert needs(office, case_id, "close") == ["reason"]
    assert needs(office, first, "close") == []
    refused = office.act(case_id, "close")
    assert (refused.status_code, refused.json["code"], refused.json["field"]) == (422, "missing_field", "reason")
    closed = office.act(case_id, "close", reason="两处同一批垃圾，已到现场核实。")
    assert closed.json["state"] == "closed"
    event = office.get(f"/cases/{case_id}/events").json["items"][-1]
    assert event["text"] == "两处同一批垃圾，已到现场核实。"
    assert [flag["kind"] for flag in event["data"]["flags"]] == ["seen_before"]
    assert office.get(f"/cases/{case_id}/evidence").json["unsettled"] == 0


def test_an_honest_photo_has_its_place_and_time_and_no_flag(build: Build) -> None:
    case_id, _ = asked(build, shot(build, 2))
    shown = build.office().get(f"/cases/{case_id}/evidence").json
    photo = shown["items"][0]
    assert (photo["time_from"], photo["place_from"], photo["distance_m"]) == ("exif", "exif", 0)
    assert (photo["flags"], shown["unsettled"]) == ([], 0)


def test_a_picture_turned_left_to_right_is_found_out(build: Build) -> None:
    picture = shot(build, 3)
    asked(build, picture)
    out = io.BytesIO()
    Image.open(io.BytesIO(picture)).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(out, "JPEG", quality=85)
    case_id, _ = asked(build, out.getvalue(), at="exclave")
    flags = build.office().get(f"/cases/{case_id}/evidence").json["items"][0]["flags"]
    assert "seen_before" in {flag["kind"] for flag in flags}


def test_the_place_and_time_that_the_app_claims_are_told_as_claims(build: Build) -> None:
    case_id, handler = build.case("rectifying")
    office, far = build.office(), {"claimed_lon": PLACE[0], "claimed_lat": PLACE[1] + 0.02, "coord_type": "wgs84"}
    claimed = {**far, "claimed_at": (build.clock() - timedelta(days=9)).isoformat()}
    ref = build.photo(handler, make_jpeg(640, 480, text="after", seed=4), **claimed)
    handler.act(case_id, "request_closure", done="已清理", photos=[ref])
    photo = office.get(f"/cases/{case_id}/evidence").json["items"][0]
    assert (photo["time_from"], photo["place_from"]) == ("claimed", "claimed")
    words = {flag["kind"]: flag["words"] for flag in photo["flags"]}
    assert set(words) == {"away", "older_than_report"}
    assert all("手机上报，未经核实" in said for said in words.values())


def test_units_do_not_see_what_gave_them_away(build: Build) -> None:
    case_id, handler = asked(build, shot(build, 5, days=30))
    assert handler.get(f"/cases/{case_id}/evidence").json["code"] == "verifiers_only"
    assert build.official("19900000003").get(f"/cases/{case_id}/evidence").status_code == 200  # the county chief
    assert "flags" not in str(handler.get(f"/cases/{case_id}").json)
    seen = handler.get(f"/cases/{case_id}/events").json["items"][-1]["data"]
    assert set(seen) == {"photos"}
    assert "flags" in build.office().get(f"/cases/{case_id}/events").json["items"][-1]["data"]


def test_a_confidential_reporters_photo_is_not_shown_to_whoever_may_not_read_the_report(build: Build) -> None:
    """It was not released to anybody below the office: the inspector learns the number of the case only."""
    resident, picture = build.resident(), shot(build, 6)
    form = {"category": "illegal_discharge", "privacy": "confidential", "photos": [build.photo(resident, picture)]}
    build.report(resident, at="bank_left", **form)
    secret = build.office().get("/cases?limit=1").json["items"][0]
    assert secret["state"] == "triage"
    case_id, _ = asked(build, picture)
    for phone, sees in ((build.office(), True), (build.official(INSPECTOR), False)):
        flags = phone.get(f"/cases/{case_id}/evidence").json["items"][0]["flags"]
        earlier = next(flag["earlier"] for flag in flags if flag["kind"] == "seen_before")
        assert earlier["number"] == secret["number"]
        assert (earlier["photo"] is not None) is sees
