"""Photos over HTTP: form, upload to the real store, examination by the worker, and what others may see of them."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests
from PIL import Image
from werkzeug.test import TestResponse

from backend.jobs import drain
from tests import pictures
from tests.build import Build, Phone, phone_of
from tests.looking import is_a_plain_refusal, rows, sql
from tests.pictures import make_jpeg


@pytest.fixture
def resident(build: Build) -> Phone:
    return build.resident()


def asked(phone: Phone, kind: str = "image/jpeg") -> dict[str, Any]:
    answer = phone.post("/photos", {"content_type": kind})
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def told(phone: Phone, form: dict[str, Any]) -> TestResponse:
    return phone.post(f"/photos/{form['id']}/uploaded", {"claim": form["claim"]})


def shown(phone: Phone, ref: dict[str, Any]) -> dict[str, Any]:
    answer = phone.get(f"/photos/{ref['id']}", Photo_Claim=ref["claim"])
    assert answer.status_code == 200, answer.json
    return dict(answer.json)


def keys_of(build: Build, photo_id: str) -> set[str]:
    """Which objects of a photo the store holds."""
    storage = build.app.extensions["qinghe"].storage
    keys = {"original": f"original/{photo_id}"} | {kind: f"{kind}/{photo_id}.jpg" for kind in ("display", "thumbnail")}
    return {kind for kind, key in keys.items() if storage.exists(key)}


# ---- from the phone to the worker ------------------------------------------------------------------------------------


def test_a_photo_goes_straight_to_the_store_and_comes_back_upright_without_exif(build: Build, resident: Phone) -> None:
    form = asked(resident)
    assert form["url"].startswith("http")
    assert shown(resident, form)["state"] == "requested"
    data = make_jpeg(400, 300, text="river", gps=(102.7, 25.2), orientation=6)
    assert build.upload(form, data).status_code in (200, 201, 204)
    answer = told(resident, form)
    assert (answer.status_code, answer.json["state"]) == (202, "uploaded")
    assert told(resident, form).json["state"] == "uploaded"  # told twice is told
    drain()
    photo = shown(resident, form)
    assert (photo["state"], photo["refusal"], photo["taken_at"]) == ("sound", None, None)
    for url, size in ((photo["url"], (400, 300)), (photo["thumbnail_url"], (320, 240))):
        got = requests.get(url, timeout=10)
        assert (got.status_code, got.headers["Content-Type"]) == (200, "image/jpeg")
        picture = Image.open(io.BytesIO(got.content))
        assert picture.size == size
        assert not picture.getexif()
        assert b"Exif" not in got.content
    kept = sql(build.app, "SELECT sha256, width, height, lon, lat FROM photos")[0]
    assert (kept["width"], kept["height"]) == (400, 300)
    assert kept["lon"] == pytest.approx(102.7, abs=1e-4)
    assert len(kept["sha256"]) == 64


def test_addresses_are_never_the_originals_and_expire(build: Build, resident: Phone) -> None:
    ref = build.photo(resident)
    photo = shown(resident, ref)
    for url in (photo["url"], photo["thumbnail_url"]):
        assert "original" not in url
        assert "X-Amz-Expires=900" in url
        longer = requests.get(url.replace("X-Amz-Expires=900", "X-Amz-Expires=9000"), timeout=10)
        other = requests.get(url.replace("display", "original").replace("thumbnail", "original"), timeout=10)
        unsigned = requests.get(url.partition("?")[0], timeout=10)
        assert {longer.status_code, other.status_code, unsigned.status_code} <= {403, 404}
    storage = build.app.extensions["qinghe"].storage
    gone = storage.signed_url(f"display/{ref['id']}.jpg", timedelta(seconds=1))
    old = gone.replace(gone[gone.index("X-Amz-Date=") :][:27], "X-Amz-Date=20200101T000000Z")
    assert requests.get(old, timeout=10).status_code == 403


CHANGED_UPLOADS: dict[str, tuple[bytes, dict[str, str]]] = {
    "an empty file": (b"", {}),
    "16 MB": (b"\xff\xd8\xff" + b"x" * (16 << 20), {}),
    "another type": (pictures.svg(), {"Content-Type": "image/svg+xml"}),
    "another key": (b"\xff\xd8\xff", {"key": "display/somebody.jpg"}),
    "another policy": (b"\xff\xd8\xff", {"policy": "e30="}),
}


def test_the_store_itself_refuses_what_the_form_does_not_allow(build: Build, resident: Phone) -> None:
    for what, (data, fields) in CHANGED_UPLOADS.items():
        form = asked(resident)
        refused = build.upload(form, data, **fields)
        assert 400 <= refused.status_code < 500, (what, refused.status_code)
        assert keys_of(build, form["id"]) == set(), what


BAD_FILES: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "a PNG renamed to JPEG": (lambda: pictures.encoded(pictures.draw(40, 30, text=""), "PNG"), "jpeg", "wrong_type"),
    "a JPEG declared as WEBP": (lambda: make_jpeg(40, 30, text=""), "webp", "wrong_type"),
    "50,000 × 50,000 pixels": (pictures.png_bomb, "png", "too_many_pixels"),
    "a JPEG that announces 50,000 × 50,000": (
        lambda: pictures.jpeg_announcing(50_000, 50_000), "jpeg", "too_many_pixels",
    ),
    "an SVG": (pictures.svg, "jpeg", "not_an_image"),
    "a web page": (pictures.html, "jpeg", "not_an_image"),
    "an iPhone's HEIC": (pictures.heic, "jpeg", "wrong_type"),
    "half a JPEG": (lambda: pictures.truncated(make_jpeg(400, 300, text="")), "jpeg", "truncated"),
    "one byte": (lambda: b"x", "jpeg", "not_an_image"),
}  # fmt: skip


def test_a_bad_file_is_refused_with_a_reason_that_its_reporter_reads(build: Build, resident: Phone) -> None:
    forms = {}
    for what, (data, kind, _) in BAD_FILES.items():
        forms[what] = asked(resident, f"image/{kind}")
        assert build.upload(forms[what], data()).status_code in (200, 201, 204), what
        assert told(resident, forms[what]).status_code == 202
    drain()
    for what, (_, _, code) in BAD_FILES.items():
        photo = shown(resident, forms[what])
        assert (photo["state"], photo["refusal"]) == ("refused", code), what
        assert photo["title"].endswith("。"), what
        assert photo["url"] is None
        assert keys_of(build, forms[what]["id"]) == set(), what  # nothing of it is kept
        ref = {"id": forms[what]["id"], "claim": forms[what]["claim"]}
        answer = resident.post("/reports", build.form(resident, photos=[ref]))
        is_a_plain_refusal(answer, 422, "photo_refused", what)
        assert answer.json["title"] == photo["title"]
    assert rows(build.app)["reports"] == 0


def test_an_upload_that_never_arrived_is_told_as_such(build: Build, resident: Phone) -> None:
    form = asked(resident)
    assert told(resident, form).status_code == 202
    drain()
    photo = shown(resident, form)
    assert (photo["state"], photo["refusal"]) == ("refused", "not_uploaded")


def test_a_photo_must_be_uploaded_before_it_is_used(build: Build, resident: Phone) -> None:
    form = asked(resident)
    ref = {"id": form["id"], "claim": form["claim"]}
    answer = resident.post("/reports", build.form(resident, photos=[ref]))
    is_a_plain_refusal(answer, 422, "photo_not_uploaded")
    build.upload(form)
    told(resident, form)
    assert resident.post("/reports", build.form(resident, photos=[ref])).status_code == 201  # examined later


def test_evidence_must_have_been_examined(build: Build) -> None:
    case_id, township = build.case("rectifying")
    photo = build.photo(township, wait=False)
    answer = township.act(case_id, "request_closure", done="已清理", photos=[photo])
    is_a_plain_refusal(answer, 422, "photo_not_ready")
    drain()
    assert township.act(case_id, "request_closure", done="已清理", photos=[photo]).status_code == 200


def test_two_reports_at_once_never_share_a_photo(build: Build, resident: Phone) -> None:
    photos = [build.photo(resident, wait=False) for _ in range(2)]
    drain()

    def post(n: int) -> int:
        phone = Phone(build.app.test_client(), resident.token)
        order = photos if n % 2 else photos[::-1]
        return phone.post("/reports", build.form(phone, photos=order, text=f"第 {n} 份")).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(post, range(4)))
    assert sorted(answers) == [201, 422, 422, 422]
    assert len({row["report_id"] for row in sql(build.app, "SELECT report_id FROM photos")}) == 1


# ---- whose it is -----------------------------------------------------------------------------------------------------


def test_a_photo_is_shown_to_nobody_without_its_claim(build: Build, resident: Phone) -> None:
    mine, theirs = build.photo(resident), build.photo(build.resident("other"))
    for phone in (resident, build.office(), build.nobody()):
        for claim in ("", "x", theirs["claim"], "ä" * 40):
            answer = phone.get(f"/photos/{mine['id']}", Photo_Claim=claim)
            is_a_plain_refusal(answer, 422, "unknown_photo", claim)
        is_a_plain_refusal(phone.get(f"/photos/{uuid.uuid4()}", Photo_Claim=mine["claim"]), 422, "unknown_photo")
    told_by_another = resident.post(f"/photos/{mine['id']}/uploaded", {"claim": theirs["claim"]})
    is_a_plain_refusal(told_by_another, 422, "unknown_photo")
    assert mine["claim"] not in str(sql(build.app, "SELECT to_jsonb(p)::text AS t FROM photos p"))


BAD_FORMS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown type": ({"content_type": "image/svg+xml"}, "invalid_input"),
    "a position without coord_type": ({"claimed_lon": 102.7, "claimed_lat": 25.2}, "coord_type_missing"),
    "a position turned round": (
        {"claimed_lon": 25.2, "claimed_lat": 102.7, "coord_type": "wgs84"}, "swapped_coordinates",
    ),
    "NaN": ({"claimed_lon": float("nan"), "claimed_lat": 25.2, "coord_type": "wgs84"}, "not_a_number"),
    "a time without a zone": ({"claimed_at": "2026-06-01T08:00:00"}, "invalid_input"),
    "the end of time": ({"claimed_at": "9999-12-31T23:59:59-14:00"}, "invalid_input"),
    "an unknown field": ({"state": "sound"}, "invalid_input"),
}  # fmt: skip


def test_an_upload_form_is_not_given_for_nonsense(build: Build, resident: Phone) -> None:
    before = rows(build.app)
    for what, (form, code) in BAD_FORMS.items():
        is_a_plain_refusal(resident.post("/photos", form), 422, code, what)
    assert rows(build.app) == before


# ---- refused later ---------------------------------------------------------------------------------------------------


def test_a_photo_refused_after_the_report_is_shown_as_such_to_reporter_and_officials(
    build: Build, resident: Phone
) -> None:
    bad = build.photo(resident, pictures.truncated(make_jpeg(400, 300, text="")), wait=False)
    good = build.photo(resident, wait=False)
    report = build.report(resident, photos=[bad, good])
    lead = build.official(phone_of("530199012"))
    case = lead.get(f"/cases/{lead.get('/cases').json['items'][0]['id']}").json
    for photos in (resident.get(f"/reports/{report['id']}").json["photos"], case["reports"][0]["photos"]):
        by_id = {photo["id"]: photo for photo in photos}
        assert by_id[bad["id"]]["state"] == "refused"
        assert "不完整" in by_id[bad["id"]]["title"]
        assert by_id[bad["id"]]["url"] is None
        assert by_id[good["id"]]["state"] == "sound"
        assert requests.get(by_id[good["id"]]["url"], timeout=10).status_code == 200


# ---- orphans ---------------------------------------------------------------------------------------------------------


def sweep_orphans(build: Build) -> None:
    """What the scheduler asks for every hour."""
    from backend.work import unit_of_work

    with unit_of_work() as work:
        work.defer("remove_orphans")
    drain()


def test_orphans_are_removed_after_a_day_and_not_before_and_nothing_attached_ever(build: Build) -> None:
    case_id, township = build.case("rectifying")
    evidence = build.photo(township)
    assert township.act(case_id, "request_closure", done="已清理", photos=[evidence]).status_code == 200
    of_report = sql(build.app, "SELECT id FROM photos WHERE report_id IS NOT NULL")[0]["id"]
    nobody = build.nobody()
    orphan, requested = build.photo(nobody), asked(nobody)
    build.clock.move(days=1)
    fresh = build.photo(nobody)
    sweep_orphans(build)
    assert keys_of(build, orphan["id"]) == {"original", "display", "thumbnail"}
    build.clock.move(seconds=1)
    sweep_orphans(build)
    left = {str(row["id"]) for row in sql(build.app, "SELECT id FROM photos")}
    assert left == {evidence["id"], str(of_report), fresh["id"]}
    assert keys_of(build, orphan["id"]) == set()
    is_a_plain_refusal(nobody.get(f"/photos/{requested['id']}", Photo_Claim=requested["claim"]), 422, "unknown_photo")
    build.clock.move(days=400)
    sweep_orphans(build)
    assert len(sql(build.app, "SELECT id FROM photos")) == 2
    assert keys_of(build, evidence["id"]) == {"original", "display", "thumbnail"}
