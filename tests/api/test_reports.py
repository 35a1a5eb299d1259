"""Reports over HTTP: what cannot be taken in is refused whole and in plain words; three ways of privacy; receipts."""

from __future__ import annotations

import io
import json
import re
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image
from werkzeug.test import TestResponse

from backend.geo import wgs84_to_gcj02
from backend.jobs import drain
from backend.local.pictures import make_jpeg
from tests.build import POINTS, Build, Phone, phone_of
from tests.looking import everything, is_a_plain_refusal, rows, sql

HERE = POINTS["inside_township"]


def at(lon: float, lat: float, **more: Any) -> dict[str, Any]:
    return {"place": {"lon": lon, "lat": lat, **more}}


# what is changed in a good form → code
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown category": ({"category": "ghosts"}, "unknown_category"),
    "no category": ({"category": None}, "invalid_input"),
    "an unknown coord_type": (at(102.7, 25.2, coord_type="bd09"), "unknown_coord_type"),
    "longitude and latitude exchanged": (at(HERE["lat"], HERE["lon"]), "swapped_coordinates"),
    "NaN": (at(float("nan"), 25.2), "not_a_number"),
    "Infinity": (at(102.7, float("inf")), "not_a_number"),
    "minus Infinity": (at(float("-inf"), float("nan")), "not_a_number"),
    "an accuracy of NaN": (at(102.7, 25.2, accuracy_m=float("nan")), "invalid_input"),
    "a negative accuracy": (at(102.7, 25.2, accuracy_m=-1), "invalid_input"),
    "a point in the sea": (at(127.5, 29.0), "outside_china"),
    "a point on another continent": (at(2.35, 48.85), "outside_china"),
    "a phone without a fix": (at(0.0, 0.0), "null_island"),
    "off the globe": (at(999.0, 25.2), "out_of_range"),
    "words for a number": (at("东边", 25.2), "invalid_input"),  # type: ignore[arg-type]
    "no place": ({"place": None}, "invalid_input"),
    "no photo where one is wanted": ({"photos": []}, "too_few_photos"),
    "20 photos": (
        {"photos": [{"id": str(uuid.uuid4()), "claim": "x" * 43} for _ in range(20)]}, "too_many_photos",
    ),
    "5,000 characters": ({"text": "污" * 5000}, "text_too_long"),
    "emoji beyond the limit": ({"text": "🐟" * 2001}, "text_too_long"),
    "50,000 characters": ({"text": "污" * 50_000}, "invalid_input"),
    "spaces": ({"text": " \t\n　"}, "invalid_input"),
    "signs that nobody sees": ({"text": "\u200b\u200d\u2060"}, "empty_text"),
    "no text": ({"text": None}, "invalid_input"),
    "NUL": ({"text": "河边\0倒垃圾"}, "bad_text"),
    "NUL in the address": (at(HERE["lon"], HERE["lat"], address="桥\0头"), "bad_text"),
    "half a surrogate pair": ({"text": "河边\ud83d倒垃圾"}, "bad_text"),
    "half a surrogate pair for a key": ({"\udc00": 1}, "bad_text"),
    "a time in the future": ({"observed_at": "2026-06-01T09:11:00+08:00"}, "observed_in_future"),
    "the end of time": ({"observed_at": "9999-12-31T23:59:59-14:00"}, "observed_in_future"),
    "an ancient time": ({"observed_at": "1900-01-01T00:00:00+08:00"}, "observed_too_old"),
    "the beginning of time": ({"observed_at": "0001-01-01T00:00:00+14:00"}, "observed_too_old"),
    "a time without a zone": ({"observed_at": "2026-06-01T08:00:00"}, "invalid_input"),
    "a day that is none": ({"observed_at": "2026-02-30T08:00:00+08:00"}, "invalid_input"),
    "an unknown way of privacy": ({"privacy": "secret"}, "invalid_input"),
    "a phone number that is none": ({"contact_phone": "12345"}, "invalid_input"),
    "Arabic digits for a phone number": ({"contact_phone": "1٣812345678"}, "invalid_input"),
    "an unknown field": ({"state": "closed"}, "invalid_input"),
    "an unknown field of the place": (at(HERE["lon"], HERE["lat"], height=3), "invalid_input"),
    "photos that are no list": ({"photos": "p.jpg"}, "invalid_input"),
}  # fmt: skip


def test_bad_input_is_refused_in_plain_words_and_nothing_is_half_written(build: Build) -> None:
    resident = build.resident()
    good = build.form(resident)
    before = rows(build.app)
    for what, (changes, code) in BAD.items():
        form = good | changes
        if changes.get("place"):
            form["place"] = good["place"] | changes["place"]
        is_a_plain_refusal(resident.post("/reports", form), 422, code, what)
        assert rows(build.app) == before, what
    assert resident.post("/reports", good).status_code == 201


def test_a_place_must_name_its_coord_type(build: Build) -> None:
    resident = build.resident()
    form = build.form(resident)
    del form["place"]["coord_type"]
    before = rows(build.app)
    answer = resident.post("/reports", form)
    is_a_plain_refusal(answer, 422, "coord_type_missing")
    assert answer.json["field"] == "place.coord_type"
    assert rows(build.app) == before


def test_every_fault_of_a_form_is_named_with_its_field(build: Build) -> None:
    resident = build.resident()
    answer = resident.post("/reports", {"text": "", "place": {"lon": "x"}, "photos": [{"id": 1}], "colour": "red"})
    told = {wrong["field"]: wrong["reason"] for wrong in answer.json["errors"]}
    assert told == {
        "category": "没有填写“问题类别”。",
        "text": "没有填写“文字”。",
        "place.lon": "“经度”应是数字。",
        "place.lat": "没有填写“纬度”。",
        "place.coord_type": "请说明位置的坐标类型（wgs84 或 gcj02）。",
        "privacy": "没有填写“举报方式”。",
        "photos.0.id": "“id”的编号不正确，请刷新后重试。",
        "photos.0.claim": "没有填写“照片凭证”。",
        "colour": "不认识的内容“colour”，请升级小程序后重试。",
    }


BODIES: dict[str, tuple[bytes | Callable[[], bytes], str, int, str]] = {
    "nothing": (b"", "application/json", 400, "bad_request"),
    "half a document": (b'{"category": "garb', "application/json", 400, "bad_request"),
    "nested 100,000 deep": (b'{"text":' + b"[" * 100_000, "application/json", 400, "bad_request"),
    "nested 100,000 deep and closed": (b"[" * 100_000 + b"]" * 100_000, "application/json", 400, "bad_request"),
    "a number of 5,000 digits": (b'{"limit": ' + b"9" * 5000 + b"}", "application/json", 400, "bad_request"),
    "bytes that are no UTF-8": (b'{"text": "\xff\xfe"}', "application/json", 400, "bad_request"),
    "a list": (b"[]", "application/json", 422, "invalid_input"),
    "null": (b"null", "application/json", 422, "invalid_input"),
    "a word": (b'"report"', "application/json", 422, "invalid_input"),
    "XML": (b"<report/>", "application/xml", 415, "unsupported_media_type"),
    "JSON that calls itself text": (b"{}", "text/plain", 415, "unsupported_media_type"),
    "an HTML form": (b"text=x", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    "9 MB": (lambda: b'{"text": "' + b"x" * (9 << 20) + b'"}', "application/json", 413, "too_large"),
}  # fmt: skip


def test_a_body_that_is_no_form(build: Build) -> None:
    resident = build.resident()
    before = rows(build.app)
    for what, (body, kind, status, code) in BODIES.items():
        answer = resident.client.post(
            "/api/v1/reports",
            data=body() if callable(body) else body,
            content_type=kind,
            headers={"Authorization": f"Bearer {resident.token}", "Idempotency-Key": uuid.uuid4().hex},
        )
        is_a_plain_refusal(answer, status, code, what)
        assert rows(build.app) == before, what


def test_a_create_needs_an_idempotency_key(build: Build) -> None:
    resident = build.resident()
    form = build.form(resident)
    before = rows(build.app)
    for key in ("", "short", "k" * 129, "schlüssel-ä", "with\ttab-in-it"):
        refused = resident.post("/reports", form, Idempotency_Key=key)
        is_a_plain_refusal(refused, 422, "idempotency_key_missing", key)
    assert rows(build.app) == before


def test_a_forged_or_expired_token_is_refused_even_where_none_is_needed(build: Build) -> None:
    resident = build.resident()
    form = build.form(resident, privacy="anonymous")
    before = rows(build.app)
    forged = Phone(resident.client, "A" * 43)
    is_a_plain_refusal(forged.post("/reports", form), 401, "signed_out")
    build.clock.move(days=30)
    is_a_plain_refusal(resident.post("/reports", form), 401, "sign_in_expired")
    assert rows(build.app) == before


def test_signed_out_one_may_report_anonymously_only(build: Build) -> None:
    nobody = build.nobody()
    form = build.form(nobody, privacy="confidential")
    before = rows(build.app)
    is_a_plain_refusal(nobody.post("/reports", form), 401, "sign_in_to_report")
    assert rows(build.app) == before
    assert nobody.post("/reports", form | {"privacy": "anonymous"}).status_code == 201


def test_somebody_elses_photo_cannot_be_used(build: Build) -> None:
    theirs = build.photo(build.resident("owner"))
    thief = build.resident("thief")
    before = rows(build.app)
    for claim in ("x" * 43, build.photo(thief, wait=False)["claim"]):
        guessed = build.form(thief, photos=[{"id": theirs["id"], "claim": claim}])
        before = rows(build.app)
        is_a_plain_refusal(thief.post("/reports", guessed), 422, "unknown_photo")
        assert rows(build.app) == before
    unknown = build.form(thief, photos=[{"id": str(uuid.uuid4()), "claim": "x" * 43}])
    is_a_plain_refusal(thief.post("/reports", unknown), 422, "unknown_photo")  # looks like somebody else's
    assert rows(build.app) == before


def test_a_photo_serves_one_report_and_not_twice_in_one(build: Build) -> None:
    resident = build.resident()
    photo = build.photo(resident)
    before = rows(build.app)
    is_a_plain_refusal(resident.post("/reports", build.form(resident, photos=[photo, photo])), 422, "photo_used")
    assert rows(build.app) == before
    assert resident.post("/reports", build.form(resident, photos=[photo])).status_code == 201
    before = rows(build.app)
    is_a_plain_refusal(resident.post("/reports", build.form(resident, photos=[photo])), 422, "photo_used")
    assert rows(build.app) == before


def test_a_stale_version_is_refused_and_says_what_changed(build: Build) -> None:
    case_id, township = build.case("assigned")
    seen = township.get(f"/cases/{case_id}").json["version"]
    assert township.act(case_id, "accept", seen).status_code == 200
    drain()
    before = rows(build.app)
    for stale in (seen, seen - 1):
        answer = township.act(case_id, "start", stale, measure="清理", person="李四", date="2026-06-10")
        is_a_plain_refusal(answer, 409, "stale_version")
        assert [change["action"] for change in answer.json["changes"]][-1] == "accept"
    for no_version in ("", "abc", "-1", "9" * 30):
        answer = township.post(f"/cases/{case_id}/actions/start", {}, If_Match=no_version)
        is_a_plain_refusal(answer, 422, "version_missing")
    assert rows(build.app) == before


def test_what_people_write_is_kept_to_the_sign(build: Build) -> None:
    words = "🐟💀 死鱼👨‍👩‍👧‍👦 “引号” <b>粗</b> \\u0000 ' OR 1=1; -- 𠮷 ﷺ e\u0301\n第二行"
    resident = build.resident()
    shown = build.report(resident, text=words)
    assert shown["text"] == words
    assert resident.get(f"/reports/{shown['id']}").json["text"] == words
    assert build.report(resident, text="污" * 2000)["text"] == "污" * 2000


def test_map_and_gps_coordinates_of_one_place_are_one_place(build: Build) -> None:
    """Confused, they would lie some 500 m apart."""
    lon, lat = wgs84_to_gcj02(HERE["lon"], HERE["lat"])
    by_map = build.report(build.resident("a"), place={"lon": lon, "lat": lat, "coord_type": "gcj02"})
    by_gps = build.report(build.resident("b"), category="other")
    assert (by_map["coord_type"], by_gps["coord_type"]) == ("wgs84", "wgs84")
    assert (by_map["lon"], by_map["lat"]) == pytest.approx((by_gps["lon"], by_gps["lat"]), abs=1e-6)


# ---- the same again --------------------------------------------------------------------------------------------------


def test_a_repeated_post_is_answered_as_the_first_and_another_body_refused(build: Build) -> None:
    resident = build.resident()
    form, key = build.form(resident), uuid.uuid4().hex
    first = resident.post("/reports", form, Idempotency_Key=key).json
    before = rows(build.app)
    again = resident.post("/reports", form, Idempotency_Key=key)
    assert (again.status_code, again.json["id"], again.json["receipt_code"]) == (
        201, first["id"], first["receipt_code"],
    )  # fmt: skip
    is_a_plain_refusal(
        resident.post("/reports", form | {"text": "另一件事"}, Idempotency_Key=key), 409, "idempotency_key_reused"
    )
    assert rows(build.app) == before


def test_parallel_posts_of_one_key_make_one_report_signed_in_or_not(build: Build) -> None:
    for phone in (build.resident(), build.nobody()):
        form, key = build.form(phone, privacy="anonymous"), uuid.uuid4().hex
        before = rows(build.app)

        def post(_: int, phone: Phone = phone, form: dict[str, Any] = form, key: str = key) -> TestResponse:
            return Phone(build.app.test_client(), phone.token).post("/reports", form, Idempotency_Key=key)

        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(post, range(5)))
        assert [answer.status_code for answer in answers] == [201] * 5
        assert len({answer.json["receipt_code"] for answer in answers}) == 1
        after = rows(build.app)
        assert {name: after[name] - before[name] for name in ("reports", "cases", "idempotency_keys")} == {
            "reports": 1, "cases": 1, "idempotency_keys": 1,
        }  # fmt: skip


def test_the_same_key_of_two_people_is_two_keys(build: Build) -> None:
    one, two, key = build.resident("one"), build.resident("two"), uuid.uuid4().hex
    first = one.post("/reports", build.form(one), Idempotency_Key=key).json
    second = two.post("/reports", build.form(two), Idempotency_Key=key).json
    assert first["id"] != second["id"]
    assert first["receipt_code"] != second["receipt_code"]


def test_five_parallel_supplements_of_one_key_are_one(build: Build) -> None:
    resident = build.resident()
    report, key = build.report(resident), uuid.uuid4().hex

    def add(_: int) -> TestResponse:
        phone = Phone(build.app.test_client(), resident.token)
        return phone.post(f"/reports/{report['id']}/supplements", {"text": "今晚又排了"}, Idempotency_Key=key)

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(add, range(5)))
    assert [answer.status_code for answer in answers] == [201] * 5
    assert [[one["text"] for one in answer.json["supplements"]] for answer in answers] == [["今晚又排了"]] * 5


# ---- three ways of privacy -------------------------------------------------------------------------------------------


def test_an_anonymous_report_of_a_signed_in_phone_keeps_no_trace_of_the_account(build: Build) -> None:
    resident = build.resident("shy")
    openid = build.control("login", user="shy")["openid"]
    vault = build.app.extensions["qinghe"].vault
    account = str(sql(build.app, "SELECT id FROM accounts")[0]["id"])
    report = build.report(
        resident, privacy="anonymous", contact_name="王五", contact_phone="13812345678", category="other"
    )
    resident.post("/receipt/supplements", {"text": "补充一句"}, Receipt_Code=report["receipt_code"])
    drain()
    kept = everything(build.app, {"accounts", "sign_ins"})
    for trace in (account, openid, vault.digest("openid", openid), "王五", "13812345678"):
        assert trace not in kept
    assert openid not in everything(build.app)  # sealed where an account needs it, plain nowhere
    redis = build.app.extensions["qinghe"].redis
    for key in redis.scan_iter():
        assert account.encode() not in key
        assert openid.encode() not in key
    assert resident.get("/reports").json["items"] == []
    assert resident.get(f"/reports/{report['id']}").status_code == 404


def test_where_the_phone_was_is_not_kept_for_an_anonymous_report(build: Build) -> None:
    """Neither what the app claimed with its photo nor what the photo's EXIF says; the problem's place is."""
    phone, storage = build.nobody(), build.app.extensions["qinghe"].storage
    position = {"claimed_lon": 102.5, "claimed_lat": 25.5, "coord_type": "wgs84"}
    seen: dict[str, Any] = {}
    for privacy, order in (("anonymous", "before"), ("anonymous", "after"), ("named", "before")):
        phone = build.resident() if privacy == "named" else phone
        located = make_jpeg(320, 240, text="", gps=(113.5, 27.2), seed=len(seen))
        photo = build.photo(phone, located, wait=order == "before", **position)
        answer = phone.post("/reports", build.form(phone, photos=[photo], privacy=privacy, category="other"))
        assert answer.status_code == 201, answer.json
        drain()
        columns = "state, lon, lat, claimed_lon, claimed_lat"
        row = sql(build.app, f"SELECT {columns} FROM photos WHERE id = :id", id=photo["id"])[0]
        assert row.pop("state") == "sound"
        seen[privacy, order] = tuple(row.values())
        original = storage.get(f"original/{photo['id']}", 1 << 24)
        assert (b"Exif" in original) == (privacy == "named")
        assert Image.open(io.BytesIO(original)).size == (320, 240)  # upright and whole
    assert seen["anonymous", "before"] == (None,) * 4
    assert seen["anonymous", "after"] == (None,) * 4
    assert seen["named", "before"] == pytest.approx((113.5, 27.2, 102.5, 25.5), abs=1e-4)


def test_units_read_no_trace_of_a_confidential_or_anonymous_reporter(build: Build) -> None:
    words = "我叫张三，手机１３８ １２３４ ５６７８，身份证530102199001011234，微信号zhang_san88，夜里偷倒。"
    told: dict[str, Any] = {}
    for privacy in ("named", "confidential", "anonymous"):
        phone = build.nobody() if privacy == "anonymous" else build.resident(privacy)
        contact = {"contact_name": "张三", "contact_phone": "13812345678"}
        report = build.report(phone, text=words, privacy=privacy, **contact)
        phone.post("/receipt/supplements", {"text": "打我电话13812345678"}, Receipt_Code=report["receipt_code"])
        build.clock.move(days=4)  # too late to be the same thing
    lead = build.official(phone_of(HERE["lead"]))
    for case in lead.get("/cases").json["items"]:
        shown = lead.get(f"/cases/{case['id']}").json["reports"]
        told[shown[0]["privacy"]] = shown
    assert told.keys() == {"named", "confidential", "anonymous"}
    for privacy, shown in told.items():
        words_shown = json.dumps({**shown[0], "contact": None}, ensure_ascii=False)
        for trace in ("张三", "13812345678", "1234 5678", "１３８", "530102199001011234", "zhang_san88"):
            assert trace not in words_shown, (privacy, trace)
        assert "夜里偷倒" in words_shown
    assert told["named"][0]["contact"] == {"name": "张三", "phone": "13812345678"}
    assert told["confidential"][0]["contact"] is None
    assert told["anonymous"][0]["contact"] is None
    sealed = everything(build.app)
    assert '"contact_sealed": "gAAAA' in sealed
    assert '"phone": "13812345678"' not in sealed


# ---- receipts --------------------------------------------------------------------------------------------------------


def test_a_receipt_code_is_told_once_and_only_its_digest_is_kept(build: Build) -> None:
    resident = build.resident()
    report = build.report(resident)
    code = report["receipt_code"]
    assert re.fullmatch(r"[2-9A-HJKMNP-Z]{4}(-[2-9A-HJKMNP-Z]{4}){3}", code)
    kept = everything(build.app)
    assert code not in kept
    assert code.replace("-", "") not in kept
    assert resident.get(f"/reports/{report['id']}").json["receipt_code"] is None
    assert build.nobody().get("/receipt", Receipt_Code=code).json["receipt_code"] is None


def test_receipt_codes_do_not_resemble_one_another(build: Build) -> None:
    resident = build.resident()
    form = build.form(resident, photos=[], category="fishing")
    codes = {resident.post("/reports", form).json["receipt_code"] for _ in range(5)}
    assert len(codes) == 5
    assert len({code[:4] for code in codes}) == 5


def test_a_code_that_is_none_shows_nothing(build: Build) -> None:
    build.report()
    nobody = build.nobody()
    for code in ("", "    ", "AAAA-AAAA-AAAA-AAAA", "%00", "ä" * 20, "A" * 4000, "' OR '1'='1"):
        is_a_plain_refusal(nobody.get("/receipt", Receipt_Code=code), 404, "unknown_receipt", code)
        added = nobody.post("/receipt/supplements", {"text": "补充"}, Receipt_Code=code)
        is_a_plain_refusal(added, 404, "unknown_receipt", code)


def test_with_its_receipt_alone_a_report_is_followed_supplemented_rated_and_disputed(build: Build) -> None:
    nobody = build.nobody()
    code = build.report(nobody, privacy="anonymous")["receipt_code"]
    office = build.office()
    case = office.get("/cases").json["items"][0]
    township = build.official(phone_of(case["lead_unit"]))
    typed = f" {code.lower().replace('-', ' ')} "
    added = nobody.post("/receipt/supplements", {"text": "夜里更多"}, Receipt_Code=typed)
    assert (added.status_code, [one["text"] for one in added.json["supplements"]]) == (201, ["夜里更多"])
    is_a_plain_refusal(
        nobody.post("/receipt/supplements", {"text": "\u200b \u2060"}, Receipt_Code=code), 422, "missing_field"
    )
    early = nobody.call("PUT", "/receipt/rating", {"stars": 5}, Receipt_Code=code)
    is_a_plain_refusal(early, 409, "wrong_state")
    township.act(case["id"], "accept")
    township.act(case["id"], "start", measure="清运", person="李四", date="2026-06-05")
    township.act(case["id"], "request_closure", done="已清运", photos=[build.photo(township)])
    assert office.act(case["id"], "close").status_code == 200
    shown = nobody.get("/receipt", Receipt_Code=code).json
    assert shown["state"] == "closed"
    assert shown["allowed_actions"] == ["dispute", "supplement", "rate"]
    assert shown["steps"][-1]["words"] == "核查通过，已办结。"
    rated = nobody.call("PUT", "/receipt/rating", {"stars": 2, "text": "还有味道"}, Receipt_Code=code)
    assert rated.json["rating"] == 2
    for stars in (0, 6, "五", 1.5):
        answer = nobody.call("PUT", "/receipt/rating", {"stars": stars}, Receipt_Code=code)
        is_a_plain_refusal(answer, 422, "invalid_input")
    assert nobody.post("/receipt/dispute", {"reason": "又堆上了"}, Receipt_Code=code).status_code == 200
    again = nobody.post("/receipt/dispute", {"reason": "又堆上了"}, Receipt_Code=code)
    is_a_plain_refusal(again, 409, "disputed_before")


def test_others_reports_do_not_exist(build: Build) -> None:
    report = build.report(build.resident("owner"))
    other = build.resident("other")
    path = f"/reports/{report['id']}"
    for answer in (
        other.get(path),
        other.post(f"{path}/supplements", {"text": "补充"}),
        other.call("PUT", f"{path}/rating", {"stars": 1}),
        other.post(f"{path}/dispute", {"reason": "不满意"}),
        build.office().get(path),  # even the office reads it as a case, not as its reporter
        other.get(f"/reports/{uuid.uuid4()}"),
    ):
        is_a_plain_refusal(answer, 404, "not_found")


def test_my_reports_come_in_pages_newest_first(build: Build) -> None:
    resident = build.resident()
    form = build.form(resident, photos=[], category="fishing")
    sent = [resident.post("/reports", form).json["id"] for _ in range(5)]
    first = resident.get("/reports?limit=2").json
    second = resident.get(f"/reports?limit=2&before={first['next']}").json
    third = resident.get(f"/reports?limit=2&before={second['next']}").json
    pages = [[item["id"] for item in page["items"]] for page in (first, second, third)]
    assert pages == [sent[:2:-1], sent[2:0:-1], sent[:1]]
    assert third["next"] is None
    for query in ("limit=0", "limit=101", "limit=x", "before=x", "colour=red"):
        is_a_plain_refusal(resident.get(f"/reports?{query}"), 422, "invalid_input")
