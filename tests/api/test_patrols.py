"""Patrols over HTTP: uploaded in any order, late, twice, by a grant; what is refused and what is kept all the same."""

from __future__ import annotations

import gzip
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from backend.county import County
from backend.domain import patrols, people
from backend.extensions import db
from backend.jobs import drain
from backend.models import Patrol, PatrolEvent, TrackBatch, Verdict
from backend.work import unit_of_work
from tests.build import Build
from tests.walks import TOWNSHIP, Sender, chief


@pytest.fixture
def sender(build: Build, county: County) -> Sender:
    return Sender(build, county)


def patrol(walk_id: str) -> Patrol:
    db.session.rollback()
    return db.session.get_one(Patrol, uuid.UUID(walk_id), populate_existing=True)


def verdicts(walk_id: str) -> list[Verdict]:
    db.session.rollback()
    return list(
        db.session.scalars(select(Verdict).where(Verdict.patrol_id == uuid.UUID(walk_id)).order_by(Verdict.seq))
    )


def codes(verdict: Verdict, ok: Any = False) -> list[str]:
    return [reason["code"] for reason in verdict.decision["reasons"] if reason["ok"] is ok]


def test_a_walk_is_uploaded_judged_and_valid(sender: Sender) -> None:
    walk = sender.walk()
    answer = sender.send(walk)
    assert answer["phase"] == "finished"
    assert sorted(answer["held"]["batches"]) == sorted(walk.batch_ids)
    assert answer["held"]["started"]
    assert answer["held"]["finished"]
    drain()
    assert patrol(walk.id).valid is True
    [verdict] = verdicts(walk.id)
    assert codes(verdict) == []
    assert verdict.judgement["along_m"] == pytest.approx(1500, rel=0.06)
    assert sender.phone.get("/notices").json["items"][0]["title"] == "巡河有效"  # type: ignore[index]


def test_a_short_walk_is_kept_and_told_what_would_have_made_it_valid(sender: Sender) -> None:
    walk = sender.walk(metres=200)
    sender.send(walk)
    drain()
    [verdict] = verdicts(walk.id)
    assert codes(verdict) == ["minutes", "metres"]
    assert "巡河时长至少15分钟" in verdict.decision["remedies"][0]
    assert patrol(walk.id).valid is False
    assert sender.phone.get("/notices").json["items"][0]["title"] == "巡河未达到要求"  # type: ignore[index]


def test_each_answer_names_what_is_held(sender: Sender) -> None:
    walk = sender.walk(metres=600)
    messages = walk.messages(sender.build.clock())
    answer = sender.put(*messages[2]).json
    assert answer["held"]["batches"] == [walk.batch_ids[1]]
    assert answer["phase"] == "waiting"
    assert not answer["held"]["started"]
    answer = sender.put(*messages[0]).json
    assert answer["held"]["started"]
    assert answer["phase"] == "live"
    assert sender.phone.get(f"/patrols/{walk.id}/held").json["held"] == answer["held"]  # type: ignore[index]


def test_everything_at_once_reversed_and_twice_is_kept_once(sender: Sender) -> None:
    walk = sender.walk()
    messages = walk.messages(sender.build.clock())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda one: sender.put(*one), [*reversed(messages), *messages]))
    assert {answer.status_code for answer in answers} == {200}
    drain()
    found = patrol(walk.id)
    assert found.valid is True
    assert found.points == len(walk.places)
    assert db.session.scalar(select(func.count()).select_from(TrackBatch)) == len(walk.batch_ids)
    assert found.finished_by == "chief"


def test_pieces_that_come_days_later_remake_the_verdict_and_keep_the_old_one(sender: Sender) -> None:
    walk = sender.walk()
    messages = walk.messages(sender.build.clock())
    for one in (messages[0], messages[1], messages[-1]):
        sender.put(*one)
    sender.build.clock.move(minutes=2)
    drain()
    [early] = verdicts(walk.id)
    assert not early.valid
    assert "missing" in codes(early, None)
    sender.build.clock.move(days=40)  # over a month's end, and the sign-in is over too
    sender.sign_in()
    for n, one in enumerate(walk.batch_ids[1:], start=1):
        assert sender.put(f"/{walk.id}/batches/{one}", walk.batch(n, sender.build.clock())).status_code == 200
    sender.build.clock.move(minutes=2)
    drain()
    early_again, late = verdicts(walk.id)
    assert (early_again.valid, early_again.decision) == (False, early.decision)
    assert late.valid
    assert patrol(walk.id).valid is True
    assert patrol(walk.id).began_at == walk.began_at


@pytest.mark.parametrize("ahead", [timedelta(days=3), timedelta(hours=-5), -timedelta(days=20_500)])
def test_a_wrong_clock_is_noticed_recorded_and_put_right(sender: Sender, ahead: timedelta) -> None:
    walk = sender.walk(phone_ahead=ahead)
    sender.send(walk)
    drain()
    found = patrol(walk.id)
    assert found.skew_s == pytest.approx(ahead.total_seconds(), abs=1)
    assert abs(found.began_at - walk.began_at) < timedelta(seconds=1)
    assert found.valid is True
    [verdict] = verdicts(walk.id)
    assert "skew" in codes(verdict, None)
    stored = db.session.scalars(select(TrackBatch.first_ms).order_by(TrackBatch.seq)).first()
    assert stored == walk.batch(0, sender.build.clock())["time_ms"][0]  # raw, as the phone sent it


def test_messages_that_waited_long_in_the_phone_do_not_move_its_clock(sender: Sender) -> None:
    walk = sender.walk(phone_ahead=timedelta(minutes=10))
    made = sender.build.clock()
    messages = walk.messages(made)
    sender.build.clock.move(hours=2)
    late = walk.messages(sender.build.clock())
    for n, one in enumerate(late):
        sender.put(*(messages[n] if n < 2 else one))  # two were packed two hours ago, and sent as they were
    drain()
    assert patrol(walk.id).skew_s == pytest.approx(600, abs=1)


def test_points_in_gcj02_are_the_same_walk(sender: Sender) -> None:
    walk = sender.walk(coord_type="gcj02")
    sender.send(walk)
    drain()
    [verdict] = verdicts(walk.id)
    assert verdict.valid
    assert verdict.judgement["along_m"] == pytest.approx(1500, rel=0.06)


def test_coordinates_called_by_the_wrong_name_lie_hundreds_of_metres_off_and_do_not_count(sender: Sender) -> None:
    walk = sender.walk(coord_type="gcj02")
    for path, body in walk.messages(sender.build.clock()):
        sender.put(path, body | ({"coord_type": "wgs84"} if "coord_type" in body else {}))
    drain()
    [verdict] = verdicts(walk.id)
    assert not verdict.valid
    assert "metres" in codes(verdict)


def change(column: str, value: Any) -> Any:
    def made(body: dict[str, Any]) -> dict[str, Any]:
        return body | {column: [*body[column][:-1], value]}

    return made


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (change("time_ms", None), "points_without_time"),
        (change("time_ms", -5), "bad_time"),
        (change("time_ms", 10**15), "bad_time"),
        (change("lon", None), "not_a_number"),
        (change("lat", float("nan")), "not_a_number"),
        (change("lon", float("inf")), "not_a_number"),
        (lambda body: body | {"lon": body["lat"], "lat": body["lon"]}, "swapped_coordinates"),
        (change("lon", 500), "out_of_range"),
        (change("accuracy_m", 1e300), "bad_measure"),
        (lambda body: body | {"lon": body["lon"][1:]}, "unequal_columns"),
        (lambda body: body | {"resumed": [10_000]}, "bad_resume_mark"),
        (lambda body: body | {name: [] for name in ("time_ms", "lon", "lat", "accuracy_m", "speed_mps", "altitude_m")},
         "no_points"),
    ],
)  # fmt: skip
def test_a_bad_batch_is_refused_whole(sender: Sender, spoil: Any, code: str) -> None:
    walk = sender.walk(metres=300)
    sender.put(f"/{walk.id}", walk.start(sender.build.clock()))
    answer = sender.put(f"/{walk.id}/batches/{walk.batch_ids[0]}", spoil(walk.batch(0, sender.build.clock())))
    assert answer.status_code == 422, answer.json
    assert answer.json["code"] == code
    assert answer.json["title"].endswith("。")
    assert sender.phone.get(f"/patrols/{walk.id}/held").json["held"]["batches"] == []  # type: ignore[index]


@pytest.mark.parametrize("coord_type", [None, "bd09"])
def test_a_batch_must_name_coordinates_that_we_know(sender: Sender, coord_type: str | None) -> None:
    walk = sender.walk(metres=300)
    body = walk.batch(0, sender.build.clock()) | {"coord_type": coord_type}
    if coord_type is None:
        del body["coord_type"]
    assert sender.put(f"/{walk.id}/batches/{walk.batch_ids[0]}", body).status_code == 422


def test_a_million_points_are_refused_by_size_or_number(sender: Sender) -> None:
    walk = sender.walk(metres=100)
    path = f"/api/v1/patrols/{walk.id}/batches/{walk.batch_ids[0]}"
    headers = {"Authorization": f"Bearer {sender.phone.token}", "Content-Encoding": "gzip"}
    for n, expected in ((25_000, 422), (1_000_000, 413)):
        body = walk.batch(0, sender.build.clock())
        for name in ("time_ms", "lon", "lat", "accuracy_m", "speed_mps", "altitude_m"):
            body[name] = [body[name][0]] * n
        packed = gzip.compress(json.dumps(body).encode())
        answer = sender.phone.client.put(path, data=packed, headers=headers, content_type="application/json")
        assert answer.status_code == expected, answer.json
        assert answer.json["code"] in ("too_many_points", "too_large", "invalid_input")


def test_a_packed_body_is_taken_and_a_broken_or_strange_one_is_not(sender: Sender) -> None:
    walk = sender.walk(metres=300)
    body = json.dumps(walk.batch(0, sender.build.clock())).encode()
    path = f"/api/v1/patrols/{walk.id}/batches/{walk.batch_ids[0]}"

    def put(data: bytes, coding: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {sender.phone.token}", "Content-Encoding": coding}
        answer = sender.phone.client.put(path, data=data, headers=headers, content_type="application/json")
        return answer.status_code, (answer.json or {}).get("code", "")

    packed = gzip.compress(body)
    assert put(packed[:-9], "gzip") == (422, "bad_gzip")
    assert put(b"not packed", "gzip") == (422, "bad_gzip")
    assert put(gzip.compress(b" " * 9_000_000), "gzip") == (413, "too_large")
    assert put(packed, "br") == (415, "unknown_coding")
    assert put(packed, "gzip")[0] == 200


def test_points_without_a_fix_and_points_of_tomorrow_are_kept_and_not_counted(sender: Sender) -> None:
    walk = sender.walk()
    for path, body in walk.messages(sender.build.clock()):
        if body.get("seq") == 1:
            body["lon"][3] = body["lat"][3] = 0.0
            body["time_ms"][-1] += 86_400_000
        assert sender.put(path, body).status_code == 200
    drain()
    [verdict] = verdicts(walk.id)
    assert verdict.valid
    assert {"no_fix", "in_future"} <= set(codes(verdict, None))
    assert patrol(walk.id).points == len(walk.places)


def test_nobody_uploads_into_anothers_patrol(build: Build, county: County, sender: Sender) -> None:
    walk = sender.walk(metres=300)
    messages = walk.messages(build.clock())
    sender.put(*messages[0])
    other = Sender(build, county, chief(nth=1))
    for one in messages:
        answer = other.put(*one)
        assert (answer.status_code, answer.json["code"]) == (403, "not_your_patrol")
    assert other.phone.get(f"/patrols/{walk.id}/held").status_code == 404
    assert build.resident().call("PUT", f"/patrols{messages[0][0]}", messages[0][1]).status_code == 403


def test_a_reach_that_is_not_theirs_is_kept_not_counted_and_said(sender: Sender) -> None:
    walk = sender.walk()
    sender.put(f"/{walk.id}", walk.start(sender.build.clock(), reaches=[walk.reach, "QSH-01", "NO-99"]))
    sender.send(walk)
    drain()
    [verdict] = verdicts(walk.id)
    assert verdict.valid
    assert {one["reach"]: one["counts"] for one in verdict.decision["reaches"]} == {
        walk.reach: True, "QSH-01": False, "NO-99": False,
    }  # fmt: skip
    assert {"reach_others", "reach_unknown"} <= set(codes(verdict, None))


def test_only_strange_reaches_make_no_valid_patrol(sender: Sender) -> None:
    walk = sender.walk(reach="QSH-01")
    assert "QSH-01" not in sender.chief.reaches
    sender.send(walk)
    drain()
    [verdict] = verdicts(walk.id)
    assert not verdict.valid
    assert "no_own_reach" in codes(verdict)


def test_one_patrol_started_on_two_phones_is_one_patrol(build: Build, county: County, sender: Sender) -> None:
    other_phone = Sender(build, county, sender.chief)
    walk = sender.walk()
    first = sender.put(f"/{walk.id}", walk.start(build.clock()))
    form = walk.start(build.clock(), started_at=walk.by_phone(walk.began_at + timedelta(minutes=1)))
    second = other_phone.put(f"/{walk.id}", form)
    again = other_phone.put(f"/{walk.id}", form)
    assert first.status_code == second.status_code == again.status_code == 200
    assert patrol(walk.id).device_started_at == walk.began_at
    actions = list(db.session.scalars(select(PatrolEvent.action).order_by(PatrolEvent.seq)))
    assert actions == ["start", "start_again"]
    messages = walk.messages(build.clock())
    for n, one in enumerate(messages[1:]):
        (sender if n % 2 else other_phone).put(*one)
    drain()
    assert patrol(walk.id).valid is True


def test_two_patrols_at_the_same_time_count_once_whichever_arrives_first(build: Build, county: County) -> None:
    sender = Sender(build, county)
    first = sender.walk()
    second = sender.walk(began_at=first.began_at + timedelta(minutes=1))
    sender.send(second)
    drain()
    assert patrol(second.id).valid is True
    sender.send(first)
    drain()
    assert patrol(first.id).valid is True
    assert patrol(second.id).valid is False
    assert codes(verdicts(second.id)[-1]) == ["overlaps"]


@pytest.mark.parametrize("original_first", [True, False])
def test_a_copied_track_is_found_out_even_when_the_original_arrives_later(sender: Sender, original_first: bool) -> None:
    original = sender.walk(seed=7)
    sender.build.clock.move(days=1)
    copy, honest = sender.walk(seed=7), sender.walk()
    for walk in (original, copy) if original_first else (copy, original):
        sender.send(walk)
        drain()
    sender.send(honest)
    drain()
    assert [patrol(walk.id).valid for walk in (original, copy, honest)] == [True, False, True]
    assert codes(verdicts(copy.id)[-1]) == ["repeated"]
    assert "雷同" in verdicts(copy.id)[-1].decision["reasons"][0]["words"]
    doubtful = sender.phone.get("/patrols?doubtful=true").json["items"]  # type: ignore[index]
    assert [one["id"] for one in doubtful] == [copy.id]


def test_the_last_batch_missing_for_ever_does_not_stop_the_patrol(build: Build, sender: Sender) -> None:
    walk = sender.walk()
    for one in walk.messages(build.clock())[:-2]:
        sender.put(*one)
    build.clock.move(hours=25)
    with unit_of_work() as work:
        work.defer("finish_silent_patrols")
    drain()
    found = patrol(walk.id)
    assert (found.phase, found.finished_by) == ("finished", "timer")
    assert found.valid is True
    assert "finished_by_timer" in codes(verdicts(walk.id)[-1], None)
    sender.put(*walk.messages(build.clock())[-1])
    build.clock.move(minutes=2)
    drain()
    assert patrol(walk.id).finished_by == "chief"
    assert "missing" in codes(verdicts(walk.id)[-1], None)


def test_after_a_long_outage_every_silent_patrol_ends_in_one_round(
    build: Build, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one job ends at once: no chief's week waits for the scheduler's next round."""
    monkeypatch.setattr(patrols, "_AT_ONCE", 20)
    first = sender.walk()
    sender.put(f"/{first.id}", first.start(build.clock()))
    with unit_of_work() as work:
        known = work.session.get_one(Patrol, uuid.UUID(first.id))
        heard = {
            "person_id": known.person_id, "account_id": known.account_id,
            "first_contact_at": build.clock(), "last_contact_at": build.clock(), "began_at": build.clock(),
        }  # fmt: skip
        work.session.add_all(Patrol(id=uuid.uuid4(), **heard) for _ in range(45))
    build.clock.move(hours=25)
    with unit_of_work() as work:
        work.defer("finish_silent_patrols")
    drain()
    with unit_of_work() as work:
        by_timer = work.session.scalar(select(func.count()).where(Patrol.finished_by == "timer"))
    assert by_timer == 46


def test_the_grant_outlives_sign_out_expiry_and_the_roster_for_this_patrol_alone(
    build: Build, county: County, sender: Sender
) -> None:
    walk, other = sender.walk(), sender.walk(metres=300)
    messages = walk.messages(build.clock())
    grant = sender.put(*messages[0]).json["grant"]
    assert len(grant) > 40
    sender.put(f"/{other.id}", other.start(build.clock()))
    sender.phone.call("DELETE", "/session")
    assert sender.put(*messages[1]).status_code == 401
    with unit_of_work() as work:
        people.import_roster(work, [])
    build.clock.move(days=200)
    messages = walk.messages(build.clock())
    for one in messages[1:]:
        answer = sender.put(*one, Patrol_Grant=grant)  # beside the dead token
        assert answer.status_code == 200, answer.json
    drain()
    assert patrol(walk.id).valid is True
    assert sender.put(f"/{other.id}", other.start(build.clock()), Patrol_Grant=grant).status_code == 401
    phone = build.nobody()
    for path in ("/notices", "/cases", f"/patrols/{other.id}/held"):
        assert phone.get(path, Patrol_Grant=grant).status_code == 401
    assert sender.put(*messages[1], Patrol_Grant="made-up").json["code"] == "bad_grant"
    assert sender.put(*messages[0], Patrol_Grant=grant).json["grant"] is None


def test_a_chief_removed_before_the_phone_found_signal_still_uploads(build: Build, sender: Sender) -> None:
    walk = sender.walk()
    with unit_of_work() as work:
        people.import_roster(work, [])
    build.clock.move(days=3)
    assert sender.send(walk)["phase"] == "finished"
    drain()
    assert patrol(walk.id).valid is True
    late = sender.walk(began_at=build.clock())
    sender.send(late)
    drain()
    assert codes(verdicts(late.id)[-1]) == ["role_ended"]


def test_a_role_never_held_cannot_be_taken(sender: Sender) -> None:
    walk = sender.walk(metres=300)
    for changes in ({"role": "county_chief"}, {"unit": "530199012"}, {"role": "office"}):
        answer = sender.put(f"/{walk.id}", walk.start(sender.build.clock(), **changes))
        assert (answer.status_code, answer.json["code"]) == (403, "not_your_role")


def test_practice_is_judged_and_nobody_is_told(sender: Sender) -> None:
    walk = sender.walk()
    sender.put(f"/{walk.id}", walk.start(sender.build.clock(), practice=True))
    sender.send(walk)
    drain()
    assert "practice" in codes(verdicts(walk.id)[-1], None)
    assert sender.phone.get("/notices").json["items"] == []  # type: ignore[index]


def test_another_batch_under_the_same_id_is_refused_and_the_first_stays(sender: Sender) -> None:
    walk = sender.walk()
    path = f"/{walk.id}/batches/{walk.batch_ids[0]}"
    assert sender.put(path, walk.batch(0, sender.build.clock())).status_code == 200
    assert sender.put(path, walk.batch(0, sender.build.clock()) | {"battery": 3}).status_code == 200
    answer = sender.put(path, walk.batch(1, sender.build.clock()))
    assert (answer.status_code, answer.json["code"]) == (409, "batch_differs")


def test_a_photo_of_a_patrol_is_kept_once_and_not_cleared_away(build: Build, sender: Sender) -> None:
    walk = sender.walk(metres=300)
    shot, photo = str(uuid.uuid4()), build.photo(sender.phone)
    for _ in range(2):
        answer = sender.put(f"/{walk.id}/photos/{shot}", {"photo": photo})
        assert answer.json["held"]["photos"] == [shot]
    assert sender.put(f"/{walk.id}/photos/{uuid.uuid4()}", {"photo": photo}).json["code"] == "photo_used"
    build.clock.move(days=2)
    with unit_of_work() as work:
        work.defer("remove_orphans")
    drain()
    shown = build.nobody().get(f"/photos/{photo['id']}", Photo_Claim=photo["claim"]).json
    assert shown["purpose"] == "patrol"  # type: ignore[index]


def test_a_township_chief_walks_several_reaches_in_one_patrol(build: Build, county: County) -> None:
    sender = Sender(build, county, chief(TOWNSHIP))
    walk = sender.walk(metres=2500)
    sender.put(f"/{walk.id}", walk.start(build.clock(), reaches=list(sender.chief.reaches)))
    sender.send(walk)
    drain()
    [verdict] = verdicts(walk.id)
    assert verdict.valid
    counted = {one["reach"] for one in verdict.decision["reaches"] if one["counts"]}
    assert walk.reach in counted
    assert counted < set(sender.chief.reaches)
