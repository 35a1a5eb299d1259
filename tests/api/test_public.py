"""What anybody sees without signing in: real problems and what became of them, and nothing of who told of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backend.extensions import db
from backend.jobs import drain
from tests.build import Build, Phone, phone_of
from tests.looking import is_a_plain_refusal

WORDS = "村口老王家的猪圈又把粪水放进河里了。"


def listed(build: Build, query: str = "") -> list[dict[str, Any]]:
    answer = build.nobody().get(f"/public/cases{query}")
    assert answer.status_code == 200, answer.json
    found: list[dict[str, Any]] = answer.json["items"]  # type: ignore[index]
    return found


def publish(phone: Phone, case_id: str, **form: Any) -> Any:
    return phone.post(f"/cases/{case_id}/publication", form)


def waiting_for_wechat(build: Build) -> None:
    """WeChat has been asked about every picture, and has said that all are fit to be seen."""
    with build.app.app_context():
        db.session.execute(db.text("UPDATE photos SET content_check = 'pass' WHERE content_check = 'waiting'"))
        db.session.commit()


def test_a_problem_is_public_once_its_measures_have_begun_and_when_it_is_over(build: Build) -> None:
    case_id, handler = build.case("accepted")
    assert listed(build) == []
    started = handler.act(case_id, "start", measure="清运", person="李四", date="2026-06-10")
    assert started.status_code == 200, started.json
    one = listed(build)[0]
    assert one["open"]
    assert one["words"].endswith("发现“垃圾倾倒”问题，正在整改。")
    assert one["found_on"] == "2026-06-01"
    assert one["closed_on"] is None
    asked = handler.act(case_id, "request_closure", done="已清运", photos=[build.photo(handler)])
    assert asked.status_code == 200, asked.json
    assert build.office().act(case_id, "close").status_code == 200
    assert not listed(build)[0]["open"]
    shown = build.nobody().get(f"/public/cases/{one['number']}").json
    assert [step["words"] for step in shown["steps"]][-1] == "核查通过，已办结"  # type: ignore[index]
    assert listed(build, "?state=open") == []
    counts = build.nobody().get("/public/counts").json
    assert (counts["open"], counts["closed"]) == (0, 1)  # type: ignore[index]
    pins = build.nobody().get("/public/map?state=closed").json
    assert [pin["number"] for pin in pins["items"]] == [one["number"]]  # type: ignore[index]


def test_nothing_public_tells_who_reported_or_at_which_hour(build: Build) -> None:
    resident = build.resident()
    form = {"text": WORDS, "contact_name": "王五", "contact_phone": "13800138000"}
    case_id, _ = build.case("closed", **form)
    number = listed(build)[0]["number"]
    seen = json.dumps([listed(build), build.nobody().get(f"/public/cases/{number}").json], ensure_ascii=False)
    report = build.office().get(f"/cases/{case_id}").json["reports"][0]  # type: ignore[index]
    for secret in (
        "老王",
        "猪圈",
        "王五",
        "13800138000",
        case_id,
        report["id"],
        report["photos"][0]["id"],
        "T0",
        ":00",
    ):
        assert secret not in seen, secret
    assert resident.token
    assert resident.token not in seen


def test_sensitive_kinds_are_public_only_when_they_are_over(build: Build) -> None:
    report = build.report(category="sand_mining", photos=[build.photo(build.nobody()) for _ in range(2)])
    office = build.office()
    case = office.get("/cases").json["items"][0]  # type: ignore[index]
    lead = office.get(f"/cases/{case['id']}").json["lead_unit"]  # type: ignore[index]
    handler = build.official(phone_of(lead))
    assert handler.act(case["id"], "accept").status_code == 200
    assert handler.act(case["id"], "start", measure="取缔", person="李四", date="2026-06-10").status_code == 200
    assert listed(build) == []
    told = office.get(f"/cases/{case['id']}/publication").json
    assert not told["published"]
    assert "敏感" in told["why_not"]
    handler.act(case["id"], "request_closure", done="已取缔", photos=[build.photo(handler)])
    assert office.act(case["id"], "close").status_code == 200
    assert [one["number"] for one in listed(build)] == [report["number"]]


def test_a_case_against_officials_is_public_only_by_the_offices_word(build: Build) -> None:
    build.report(accuses_officials=True)
    office = build.office()
    case = office.get("/cases").json["items"][0]  # type: ignore[index]
    assert office.act(case["id"], "assign", unit="530199-water", reason="回避属地").status_code == 200
    handler = build.official(phone_of("530199-water"))
    assert handler.act(case["id"], "accept").status_code == 200
    assert handler.act(case["id"], "start", measure="清运", person="李四", date="2026-06-10").status_code == 200
    assert listed(build) == []
    answer = publish(office, case["id"], words="河边堆放的垃圾正在清运。")
    assert answer.status_code == 201, answer.json
    assert [one["words"] for one in listed(build)] == ["河边堆放的垃圾正在清运。"]


def test_the_office_withholds_with_a_reason_and_puts_back(build: Build) -> None:
    case_id, handler = build.case("closed")
    office = build.office()
    is_a_plain_refusal(publish(office, case_id, withheld=True), 422, "missing_field")
    assert publish(office, case_id, withheld=True, reason="当事人申请").status_code == 201
    assert listed(build) == []
    assert build.nobody().get("/public/counts").json["closed"] == 0  # type: ignore[index]
    assert "当事人申请" in office.get(f"/cases/{case_id}/publication").json["why_not"]  # type: ignore[index]
    assert publish(office, case_id).status_code == 201
    assert len(listed(build)) == 1
    is_a_plain_refusal(publish(handler, case_id, withheld=True, reason="难看"), 403, "role_required")


@pytest.mark.parametrize("privacy", ["anonymous", "confidential"])
def test_the_words_of_who_must_not_be_known_are_never_published_as_they_are(build: Build, privacy: str) -> None:
    case_id, _ = build.case("closed", privacy=privacy, text=WORDS)
    office = build.office()
    for words in (WORDS, "群众反映：村口老王家的猪圈 又把粪水放进河里", "村口——老王家的猪圈又把粪水放进"):
        is_a_plain_refusal(publish(office, case_id, words=words), 422, "reporters_words")
    is_a_plain_refusal(publish(office, case_id, words="请拨打13800138000。"), 422, "personal_words")
    assert publish(office, case_id, words="一户养殖户向河道排放粪水，已建沼气池。").status_code == 201


def test_only_photos_that_were_looked_at_are_shown(build: Build) -> None:
    case_id, _ = build.case("closed")
    waiting_for_wechat(build)
    number = listed(build)[0]["number"]
    public = build.nobody()
    assert [one["after"] for one in public.get(f"/public/cases/{number}").json["photos"]] == [False]  # type: ignore[index]
    office = build.office()
    offered = office.get(f"/cases/{case_id}/publication").json["photos"]  # type: ignore[index]
    assert [(one["after"], one["chosen"]) for one in offered] == [(False, True), (True, False)]
    both = [one["photo"]["id"] for one in offered]
    assert publish(office, case_id, photos=both).status_code == 201
    shown = public.get(f"/public/cases/{number}").json["photos"]  # type: ignore[index]
    assert [one["after"] for one in shown] == [False, True]
    picture = public.client.get(shown[1]["thumbnail_path"])
    assert picture.mimetype == "image/jpeg"
    assert picture.data[:2] == b"\xff\xd8"
    assert picture.headers["Cache-Control"] == "public, max-age=60"
    assert public.client.get(shown[1]["path"].replace("/1/", "/2/")).status_code == 404
    other, _ = build.case("closed", at="exclave")
    foreign = office.get(f"/cases/{other}/publication").json["photos"][0]["photo"]["id"]  # type: ignore[index]
    is_a_plain_refusal(publish(office, case_id, photos=[foreign]), 422, "unknown_photo")


@pytest.mark.parametrize("said", ["missing", "waiting", "review", "risky"])
def test_a_photo_that_wechat_has_not_passed_waits_for_a_person(build: Build, said: str) -> None:
    build.case("closed")
    db.session.execute(db.text("UPDATE photos SET content_check = :said"), {"said": said})
    db.session.commit()
    assert listed(build)[0]["picture"] is None


@pytest.mark.parametrize("privacy", ["anonymous", "confidential"])
def test_photos_of_who_must_not_be_known_are_shown_only_after_a_look(build: Build, privacy: str) -> None:
    build.case("closed", privacy=privacy)
    waiting_for_wechat(build)
    assert build.nobody().get(f"/public/cases/{listed(build)[0]['number']}").json["photos"] == []  # type: ignore[index]
    assert listed(build)[0]["picture"] is None


def test_what_was_erased_by_law_is_shown_no_more(build: Build) -> None:
    case_id, _ = build.case("closed")
    waiting_for_wechat(build)
    office = build.office()
    report = office.get(f"/cases/{case_id}").json["reports"][0]["id"]  # type: ignore[index]
    number = listed(build)[0]["number"]
    erased = office.post(f"/reports/{report}/erasure", {"reason": "申请", "scope": "report", "photos": True})
    assert erased.status_code == 201, erased.json
    assert build.nobody().get(f"/public/cases/{number}").json["photos"] == []  # type: ignore[index]


def test_after_its_time_a_closed_case_is_no_longer_shown(build: Build) -> None:
    build.case("closed")
    build.clock.move(days=364)
    assert len(listed(build)) == 1
    build.clock.move(days=2)
    assert listed(build) == []


def test_pages_follow_each_other_and_filters_narrow(build: Build) -> None:
    for at in ("inside_township", "exclave"):
        build.case("closed", at=at)
    first = build.nobody().get("/public/cases?limit=1").json
    assert first
    assert first["next"]
    second = build.nobody().get(f"/public/cases?limit=1&before={first['next']}").json
    assert second
    assert second["items"][0]["number"] < first["items"][0]["number"]
    unit = build.office().get("/cases").json["items"][0]["lead_unit"]  # type: ignore[index]
    assert len(listed(build, f"?unit={unit}&category=garbage")) == 1
    assert listed(build, "?category=fishing") == []


def test_what_does_not_exist_or_is_not_public_looks_the_same(build: Build) -> None:
    number = build.report()["number"]
    for asked in (number, "QH-2026-999999", "QH-1999-000001", "x"):
        is_a_plain_refusal(build.nobody().get(f"/public/cases/{asked}"), 404, "not_found")


def test_a_board_tells_whose_reach_it_is_and_names_no_private_phone(build: Build) -> None:
    office, public = build.office(), build.nobody()
    reach = "QSH-10"
    board = next(one for one in office.get(f"/reaches/{reach}/checkpoints").json["items"] if one["token"])  # type: ignore[index]
    shown = public.get(f"/public/boards/{board['token']}").json
    assert shown
    assert shown["code"] == reach
    assert shown["checkpoint"] == board["code"]
    titles = [chief["title"] for chief in shown["chiefs"]]
    assert list(dict.fromkeys(titles)) == ["县级河长", "乡级河长", "村级河长"]
    assert all(chief["duty"] and chief["unit_name"] for chief in shown["chiefs"])
    assert shown["hotline"]
    assert "199000000" not in json.dumps(shown)
    assert (shown["lon"], shown["lat"]) == (board["lon"], board["lat"])
    is_a_plain_refusal(public.get("/public/boards/0123456789abcdef0123"), 404, "unknown_board")


def test_every_reach_is_found_without_a_board(build: Build) -> None:
    public = build.nobody()
    reaches = public.get("/public/reaches").json["items"]  # type: ignore[index]
    assert len(reaches) > 30
    shown = public.get(f"/public/reaches/{reaches[0]['code']}").json
    assert shown
    assert shown["board"] is None
    assert shown["name"] == reaches[0]["name"]
    is_a_plain_refusal(public.get("/public/reaches/nowhere"), 404, "unknown_reach")


def test_a_board_counts_the_problems_of_its_own_reach(build: Build) -> None:
    build.case("closed", at="bank_left")
    drain()
    one = listed(build)[0]
    case = build.office().get("/cases").json["items"][0]  # type: ignore[index]
    assert case["reach"]
    shown = build.nobody().get(f"/public/reaches/{case['reach']}").json
    assert shown
    assert (shown["open"], shown["closed"]) == (0, 1)
    assert listed(build, f"?reach={case['reach']}")[0]["number"] == one["number"]
