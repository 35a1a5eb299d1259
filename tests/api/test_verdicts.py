"""Verdicts over HTTP: explained again, unmoved by later rules, appealed against and decided."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.counties import load
from backend.county import County
from backend.extensions import db
from backend.jobs import drain
from backend.rules.duty import DutyRules
from backend.rules.patrol import Minimum, PatrolRules
from backend.work import unit_of_work
from tests.build import Build, phone_of
from tests.walks import Sender, Walk, chief

RULE_SETS = Path(__file__).parent.parent / "rule_sets"


@pytest.fixture
def sender(build: Build, county: County) -> Sender:
    return Sender(build, county)


def short_walk(sender: Sender) -> Walk:
    """An invalid patrol, judged."""
    walk = sender.walk(metres=300)
    sender.send(walk)
    drain()
    assert shown(sender, walk)["valid"] is False
    return walk


def shown(sender: Sender, walk: Walk) -> dict[str, Any]:
    answer = sender.phone.get(f"/patrols/{walk.id}")
    assert answer.status_code == 200, answer.json
    return answer.json  # type: ignore[return-value]


@pytest.fixture
def stricter(build: Build, county: County) -> Any:
    """Loads a county with stricter minimums from a day on."""

    def put(**by: float) -> None:
        harsh = county.model_copy(
            update={
                "rules": county.rules.model_copy(update={"patrol": PatrolRules(minimums=(Minimum(min_minutes=90),))})
            }
        )
        day = (build.clock() + timedelta(**by)).date()
        load(db.session(), harsh, day, build.clock())
        db.session.commit()

    return put


@pytest.fixture
def by_reach(build: Build, county: County) -> None:
    """The duties of 丁湖镇 hold from today."""
    duty = DutyRules.model_validate(tomllib.loads((RULE_SETS / "dinghu/duty.toml").read_text("utf-8")))
    rules = county.rules.model_copy(update={"duty": duty})
    load(db.session(), county.model_copy(update={"rules": rules}), build.clock().date(), build.clock())
    db.session.commit()


def test_a_verdict_is_explained_again_from_stored_data_and_later_rules_change_nothing(
    build: Build, sender: Sender, stricter: Any
) -> None:
    walk = sender.walk()
    sender.send(walk)
    drain()
    stricter(days=1)
    build.clock.move(days=2)
    found = sender.phone.get(f"/patrols/{walk.id}/verdicts/1").json
    assert (found["same"], found["same_track"]) == (True, True)  # type: ignore[index]
    with unit_of_work() as work:
        work.defer("judge_patrol", walk.id)
    drain()
    now = shown(sender, walk)
    assert now["valid"] is True
    assert [one["seq"] for one in now["verdicts"]] == [1]
    later = sender.walk()
    sender.send(later)
    drain()
    assert shown(sender, later)["valid"] is False
    assert "90分钟" in shown(sender, later)["verdict"]["remedies"][0]


def test_late_points_of_an_old_patrol_are_judged_by_the_rules_of_its_day(
    build: Build, sender: Sender, stricter: Any
) -> None:
    walk = sender.walk()
    stricter(days=1)
    build.clock.move(days=3)
    sender.send(walk)
    drain()
    assert shown(sender, walk)["valid"] is True


def test_the_database_refuses_to_change_verdicts_points_and_record(sender: Sender) -> None:
    short_walk(sender)
    for table, column in (("verdicts", "valid"), ("track_batches", "seq"), ("patrol_events", "action")):
        for sql in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError):
                db.session.execute(text(sql))
            db.session.rollback()


def test_an_appeal_is_upheld_and_the_patrol_valid_by_decision(build: Build, sender: Sender) -> None:
    walk = short_walk(sender)
    assert shown(sender, walk)["allowed_actions"] == ["appeal"]
    photo = build.photo(sender.phone)
    made = sender.phone.post(f"/patrols/{walk.id}/appeal", {"text": "手机没电了，走完了全程。", "photos": [photo]})
    assert made.status_code == 201, made.json
    assert shown(sender, walk)["allowed_actions"] == []
    office = build.office()
    waiting = office.get("/patrols?appeal_open=true").json["items"]  # type: ignore[index]
    assert [one["id"] for one in waiting] == [walk.id]
    assert "巡河申诉" in [one["title"] for one in office.get("/notices").json["items"]]  # type: ignore[index]
    decided = office.post(f"/patrols/{walk.id}/appeal/decision", {"upheld": True, "reason": "照片属实。"})
    assert decided.status_code == 200, decided.json
    now = shown(sender, walk)
    assert now["valid"] is True
    assert [(one["made_by"], one["valid"]) for one in now["verdicts"]] == [("appeal", True), ("rules", False)]
    assert now["verdict"]["reasons"][0]["code"] == "appeal_upheld"
    assert now["verdict"]["reaches"][0]["counts"]
    assert [one["purpose"] for one in now["photos"]] == ["appeal"]
    assert [one["action"] for one in now["events"]] == ["start", "finish", "verdict", "appeal", "decide_appeal"]
    titles = [one["title"] for one in sender.phone.get("/notices").json["items"]]  # type: ignore[index]
    assert titles == ["申诉成立，巡河有效", "巡河未达到要求"]


def test_later_points_do_not_take_an_upheld_appeal_back(build: Build, sender: Sender) -> None:
    walk = sender.walk(metres=300)
    messages = walk.messages(build.clock())
    for one in (messages[0], messages[-1]):
        sender.put(*one)
    build.clock.move(minutes=2)
    drain()
    sender.phone.post(f"/patrols/{walk.id}/appeal", {"text": "走了。"})
    build.office().post(f"/patrols/{walk.id}/appeal/decision", {"upheld": True, "reason": "属实。"})
    sender.put(*messages[1])
    build.clock.move(minutes=2)
    drain()
    now = shown(sender, walk)
    assert now["valid"] is True
    assert [one["made_by"] for one in now["verdicts"]] == ["rules", "appeal", "rules"]


def test_an_upheld_appeal_counts_for_its_reach_after_later_points_as_well(
    build: Build, county: County, sender: Sender, by_reach: None
) -> None:
    """丁湖镇 counts by reach: a later verdict by the rules, which counts for none, does not leave the chief behind."""
    walk = sender.walk(metres=300)
    messages = walk.messages(build.clock())
    for one in (messages[0], messages[-1]):
        sender.put(*one)
    build.clock.move(minutes=2)
    drain()
    assert sender.phone.get("/duties/mine").json["items"][0]["done"] == 0  # type: ignore[index]
    sender.phone.post(f"/patrols/{walk.id}/appeal", {"text": "走了。"})
    build.office().post(f"/patrols/{walk.id}/appeal/decision", {"upheld": True, "reason": "属实。"})
    assert sender.phone.get("/duties/mine").json["items"][0]["done"] == 1  # type: ignore[index]
    sender.put(*messages[1])
    build.clock.move(minutes=2)
    drain()
    assert [one["counts"] for one in shown(sender, walk)["verdict"]["reaches"]] == [False]
    assert sender.phone.get("/duties/mine").json["items"][0]["done"] == 1  # type: ignore[index]


def test_an_appeal_not_upheld_leaves_the_verdict_and_ends_the_matter(build: Build, sender: Sender) -> None:
    walk = short_walk(sender)
    sender.phone.post(f"/patrols/{walk.id}/appeal", {"text": "走了很远。"})
    again = sender.phone.post(f"/patrols/{walk.id}/appeal", {"text": "走了很远。"})
    assert again.json["code"] == "appealed_already"  # type: ignore[index]
    office = build.office()
    assert (
        office.post(f"/patrols/{walk.id}/appeal/decision", {"upheld": False, "reason": "没有依据。"}).json["upheld"]
        is False
    )  # type: ignore[index]
    assert office.post(f"/patrols/{walk.id}/appeal/decision", {"upheld": True, "reason": "属实。"}).status_code == 409
    assert shown(sender, walk)["valid"] is False
    once_more = sender.phone.post(f"/patrols/{walk.id}/appeal", {"text": "再看看。"})
    assert once_more.json["code"] == "appealed_before"  # type: ignore[index]


def test_who_may_not_appeal_or_decide_and_when(build: Build, county: County, sender: Sender) -> None:
    walk = short_walk(sender)
    other = Sender(build, county, chief(nth=1))
    assert other.phone.post(f"/patrols/{walk.id}/appeal", {"text": "我来说。"}).status_code == 404
    assert sender.phone.post(f"/patrols/{walk.id}/appeal/decision", {"upheld": True, "reason": "好"}).status_code == 403
    assert (
        build.office().post(f"/patrols/{walk.id}/appeal/decision", {"upheld": True, "reason": "好"}).status_code == 409
    )
    build.clock.move(days=20)
    late = sender.phone.post(f"/patrols/{walk.id}/appeal", {"text": "走了。"})
    assert late.json["code"] == "too_late_to_appeal"  # type: ignore[index]
    assert shown(sender, walk)["allowed_actions"] == []
    valid = sender.walk()
    sender.send(valid)
    drain()
    assert sender.phone.post(f"/patrols/{valid.id}/appeal", {"text": "走了。"}).json["code"] == "not_invalid"  # type: ignore[index]


def test_an_appeal_sent_twice_is_one(sender: Sender) -> None:
    walk = short_walk(sender)
    first = sender.phone.post(f"/patrols/{walk.id}/appeal", {"text": "走了。"}, Idempotency_Key="same-key-1")
    second = sender.phone.post(f"/patrols/{walk.id}/appeal", {"text": "走了。"}, Idempotency_Key="same-key-1")
    assert first.json["id"] == second.json["id"]  # type: ignore[index]


def test_everybody_sees_the_patrols_that_are_theirs_to_see(build: Build, county: County, sender: Sender) -> None:
    mine = short_walk(sender)
    neighbour = Sender(build, county, chief(nth=20))
    assert neighbour.chief.unit != sender.chief.unit
    theirs = short_walk(neighbour)

    def seen(phone: Any, query: str = "") -> set[str]:
        return {one["id"] for one in phone.get(f"/patrols{query}").json["items"]}

    assert seen(sender.phone) == {mine.id}
    assert seen(neighbour.phone) == {theirs.id}
    assert sender.phone.get(f"/patrols/{theirs.id}").status_code == 404
    beside = county.reach_by_code[str(mine.reach)]
    across = next(unit for unit in (beside.left_bank, beside.right_bank) if unit != sender.chief.unit)
    assert mine.id in seen(build.official(phone_of(across)))  # on the other bank of the same reach
    handler = build.official(phone_of(sender.chief.unit))
    assert seen(handler) == {mine.id}
    assert seen(build.official(phone_of(sender.chief.unit, "乡级河长"))) == {mine.id}
    office = build.office()
    assert seen(office) == {mine.id, theirs.id}
    assert seen(office, f"?unit={sender.chief.unit}") == {mine.id}
    assert seen(office, f"?reach={theirs.reach}") == {theirs.id}
    assert seen(office, "?valid=true") == set()
    assert seen(office, "?since=2026-06-02") == set()
    assert seen(office, "?until=2026-06-01&phase=finished&role=village_chief") == {mine.id, theirs.id}
    assert build.resident().get("/patrols").status_code == 403


def test_a_list_is_paged_by_key(build: Build, sender: Sender) -> None:
    made = []
    for _ in range(5):
        walk = sender.walk(metres=20)
        sender.put(f"/{walk.id}", walk.start(build.clock()))
        build.clock.move(hours=1)
        made.append(walk.id)
    found: list[str] = []
    cursor = ""
    while True:
        page = sender.phone.get(f"/patrols?limit=2{cursor}").json
        assert page is not None
        found += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&before={page['next']}"
    assert found == made[::-1]
    assert sender.phone.get("/patrols?before=nonsense").json["code"] == "bad_cursor"  # type: ignore[index]


def test_who_is_out_now_is_seen_by_the_office_with_the_last_place(build: Build, sender: Sender) -> None:
    walk = sender.walk()
    messages = walk.messages(build.clock())
    for one in messages[:3]:
        sender.put(*one)
    [live] = build.office().get("/patrols/live").json["items"]  # type: ignore[index]
    assert live["id"] == walk.id
    assert (live["lon"], live["lat"]) == pytest.approx(walk.places[2 * walk.batch_points - 1], abs=1e-6)
    for one in messages[3:]:
        sender.put(*one)
    assert build.office().get("/patrols/live").json["items"] == []  # type: ignore[index]


def test_companions_are_named_told_and_may_say_they_were_not_there(
    build: Build, county: County, sender: Sender
) -> None:
    possible = sender.phone.get("/patrols/companions").json["items"]  # type: ignore[index]
    assert possible
    other = Sender(build, county, chief(nth=1))
    names = {one["name"]: one["person"] for one in possible}
    other_name = other.phone.get("/session").json["name"]  # type: ignore[index]
    walk = sender.walk()
    stranger = "0190a000-0000-7000-8000-000000000000"
    companions = [names[other_name], stranger]
    sender.put(f"/{walk.id}", walk.start(build.clock(), companions=companions))
    sender.send(walk)
    drain()
    [named] = shown(sender, walk)["companions"]
    assert [one["id"] for one in other.phone.get("/patrols?mine=true").json["items"]] == [walk.id]  # type: ignore[index]
    assert named["person"] == names[other_name]
    assert other.phone.get("/notices").json["items"][0]["title"] == "共同巡河"  # type: ignore[index]
    assert {one["id"] for one in other.phone.get("/patrols").json["items"]} == {walk.id}  # type: ignore[index]
    declined = other.phone.post(f"/patrols/{walk.id}/decline")
    assert declined.json["companions"][0]["declined"]  # type: ignore[index]
    assert sender.phone.post(f"/patrols/{walk.id}/decline").status_code == 403
