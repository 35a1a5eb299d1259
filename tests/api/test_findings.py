"""Problems found on a patrol: cases at once, settled on the spot, sampled, confirmed; practice leaves no trace."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from backend.county import County
from backend.extensions import db
from backend.jobs import drain
from backend.local.pictures import make_jpeg
from backend.models import Case, Finding, Report
from tests.build import Build, Phone, phone_of
from tests.walks import Sender, Walk


@pytest.fixture
def sender(build: Build, county: County) -> Sender:
    return Sender(build, county)


def form(sender: Sender, walk: Walk, **changes: Any) -> dict[str, Any]:
    lon, lat = walk.places[len(walk.places) // 2]
    usual = {
        "category": "garbage", "lon": lon, "lat": lat, "coord_type": "wgs84", "accuracy_m": 10,
        "observed_at": walk.began_at.isoformat(),
    }  # fmt: skip
    if "photos" not in changes:
        usual["photos"] = [sender.build.photo(sender.phone)]
    return {**usual, **changes}


def send(sender: Sender, walk: Walk, finding: str = "", **changes: Any) -> dict[str, Any]:
    finding = finding or str(uuid.uuid4())
    answer = sender.put(f"/{walk.id}/findings/{finding}", form(sender, walk, **changes))
    assert answer.status_code == 200, answer.json
    return answer.json | {"finding": finding}  # type: ignore[operator]


def settled(sender: Sender, walk: Walk, **changes: Any) -> dict[str, Any]:
    after = {"photos": [sender.build.photo(sender.phone)], "done": "已清走。"}
    made = send(sender, walk, settled=after, **changes)
    drain()
    return made


def case_of(finding: dict[str, Any]) -> Case:
    db.session.rollback()
    query = select(Case).join(Finding, Finding.case_id == Case.id).where(Finding.id == uuid.UUID(finding["finding"]))
    return db.session.scalars(query).one()


def ledger(phone: Phone) -> list[dict[str, Any]]:
    return phone.get("/cases").json["items"]  # type: ignore[index]


def test_kind_photo_send_opens_a_case_before_the_patrol_is_even_known(build: Build, sender: Sender) -> None:
    walk = sender.walk()
    build.clock.move(days=2)
    made = send(sender, walk)
    assert made["held"]["findings"] == [made["finding"]]
    assert made["phase"] == "waiting"
    drain()
    [case] = ledger(build.office())
    assert (case["number"], case["source"], case["reach"]) == (made["number"], "patrol", walk.reach)
    assert case["state"] == "assigned"
    shown = build.office().get(f"/cases/{case['id']}").json
    report = shown["reports"][0]  # type: ignore[index]
    assert report["text"].startswith("巡河发现：")
    assert datetime.fromisoformat(report["observed_at"]) == walk.began_at
    assert datetime.fromisoformat(report["submitted_at"]) == build.clock()  # the clocks start now
    assert len(report["photos"]) == 1
    mine = sender.phone.get("/reports").json["items"]  # type: ignore[index]
    assert [(one["number"], one["state"]) for one in mine] == [(made["number"], "assigned")]
    assert mine[0]["steps"][-1]["action"] == "assign"


def test_a_finding_sent_twice_reversed_and_late_is_one_case(build: Build, sender: Sender) -> None:
    walk, finding = sender.walk(), str(uuid.uuid4())
    body = form(sender, walk)
    answers = [sender.put(f"/{walk.id}/findings/{finding}", body) for _ in range(3)]
    assert len({answer.json["number"] for answer in answers}) == 1
    sender.send(walk)
    answers.append(sender.put(f"/{walk.id}/findings/{finding}", body))
    assert {answer.status_code for answer in answers} == {200}
    drain()
    assert len(ledger(build.office())) == 1


def test_a_finding_by_grant_after_the_chief_has_left(build: Build, sender: Sender) -> None:
    walk = sender.walk()
    grant = sender.put(f"/{walk.id}", walk.start(build.clock())).json["grant"]
    body = form(sender, walk)
    sender.phone.call("DELETE", "/session")
    answer = sender.put(f"/{walk.id}/findings/{uuid.uuid4()}", body, Patrol_Grant=grant)
    assert answer.status_code == 200
    sender.sign_in()
    assert len(sender.phone.get("/reports").json["items"]) == 1  # type: ignore[index]


def test_the_handling_unit_may_call_the_chief(build: Build, sender: Sender) -> None:
    walk = sender.walk()
    send(sender, walk)
    drain()
    case = ledger(build.office())[0]
    handler = build.official(phone_of(case["lead_unit"]))
    contact = handler.get(f"/cases/{case['id']}").json["reports"][0]["contact"]  # type: ignore[index]
    assert contact["phone"] == sender.chief.phone


def test_a_finding_in_the_future_is_seen_now_at_the_latest(build: Build, sender: Sender) -> None:
    walk = sender.walk(phone_ahead=timedelta(days=3))
    send(sender, walk, observed_at=walk.by_phone(build.clock()))
    assert db.session.scalars(select(Report.observed_at)).one() == build.clock()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"category": "nonsense"}, "unknown_category"),
        ({"photos": []}, "too_few_photos"),
        ({"lon": 0.0, "lat": 0.0}, "null_island"),
        ({"lon": 25.2, "lat": 102.7}, "swapped_coordinates"),
        ({"text": "长" * 2001}, "text_too_long"),
        ({"settled": {"photos": []}}, "photos_after_missing"),
        ({"photos": [{"id": str(uuid.uuid4()), "claim": "made-up"}]}, "unknown_photo"),
    ],
)
def test_a_bad_finding_is_refused_with_a_sentence(sender: Sender, changes: dict[str, Any], code: str) -> None:
    walk = sender.walk(metres=50)
    answer = sender.put(f"/{walk.id}/findings/{uuid.uuid4()}", form(sender, walk, **changes))
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert db.session.scalars(select(Case)).all() == []


def test_practice_touches_neither_ledger_nor_reports(build: Build, sender: Sender) -> None:
    walk = sender.walk()
    made = settled(sender, walk, practice=True)
    sender.put(f"/{walk.id}", walk.start(build.clock(), practice=True))
    again = send(sender, walk)  # the patrol's practice holds, whatever the finding says
    assert made["number"] is None
    assert again["number"] is None
    drain()
    assert ledger(build.office()) == []
    assert sender.phone.get("/reports").json["items"] == []  # type: ignore[index]
    assert build.office().get("/findings").json["items"] == []  # type: ignore[index]


def test_settled_on_the_spot_goes_straight_to_review(build: Build, sender: Sender) -> None:
    walk = sender.walk()
    made = settled(sender, walk)
    case = case_of(made)
    assert (case.state, case.reach) == ("in_review", walk.reach)
    office = build.office()
    [waiting] = office.get("/findings").json["items"]  # type: ignore[index]
    assert (waiting["number"], waiting["done"]) == (made["number"], "已清走。")
    assert len(waiting["before"]) == len(waiting["after"]) == 1
    events = office.get(f"/cases/{case.id}/events").json["items"]  # type: ignore[index]
    assert [one["action"] for one in events] == ["submit", "settle_on_spot"]
    assert events[1]["role"] == "village_chief"
    assert "现场办结待确认" in [one["title"] for one in office.get("/notices").json["items"]]  # type: ignore[index]
    step = sender.phone.get(f"/reports/{made['report']}").json["steps"][-1]  # type: ignore[index]
    assert step["words"] == "现场已处理，等待县里确认。"


def test_settled_on_the_spot_counts_as_a_patrol_where_the_rules_say_so(sender: Sender) -> None:
    walk = sender.walk(metres=50)
    sender.send(walk)
    drain()
    assert sender.phone.get(f"/patrols/{walk.id}").json["valid"] is False  # type: ignore[index]
    settled(sender, walk)
    drain()
    assert sender.phone.get(f"/patrols/{walk.id}").json["valid"] is True  # type: ignore[index]


def test_an_unusable_photo_sends_it_the_usual_way(build: Build, sender: Sender) -> None:
    walk = sender.walk()
    good = build.photo(sender.phone)
    broken = build.photo(sender.phone, b"no picture", wait=False)
    made = send(sender, walk, photos=[good], settled={"photos": [broken]})
    drain()
    assert case_of(made).state == "assigned"
    assert "无法使用" in db.session.scalars(select(Finding.not_settled_because)).one()


def drawn(case: Case, percent: float) -> bool:
    """The rule of the sample, written down a second time: the first four bytes of a digest of the case's id."""
    return int(hashlib.sha256(case.id.bytes).hexdigest()[:8], 16) / 2**32 < percent / 100


def test_a_sample_is_seen_on_the_ground_and_the_rest_confirmed_in_a_list(build: Build, sender: Sender) -> None:
    walk = sender.walk()
    made: list[dict[str, Any]] = []
    while len({drawn(case_of(one), 20) for one in made}) < 2:
        made.append(settled(sender, walk))
    office = build.office()

    def listed(query: str = "") -> dict[str, dict[str, Any]]:
        return {one["case"]: one for one in office.get(f"/findings{query}").json["items"]}  # type: ignore[index]

    sampled, rest = listed("?sampled=true"), listed("?sampled=false")
    assert set(listed()) == {*sampled, *rest}
    assert set(sampled) == {str(case_of(one).id) for one in made if drawn(case_of(one), 20)}
    wanted = [{"case": one["case"], "version": one["version"]} for one in listed().values()]
    wanted += [{"case": str(uuid.uuid4()), "version": 1}]
    done = office.post("/findings/confirm", {"cases": wanted}).json["items"]  # type: ignore[index]
    outcome = {one["case"]: (one["closed"], one["code"]) for one in done}
    assert all(outcome[case] == (True, None) for case in rest)
    assert all(outcome[case] == (False, "verify_first") for case in sampled)
    assert outcome[wanted[-1]["case"]] == (False, "not_found")
    case_id = next(iter(sampled))
    assert office.act(case_id, "close").json["code"] == "verify_first"  # type: ignore[index]
    assert "close" not in {one["action"] for one in office.get(f"/cases/{case_id}").json["allowed_actions"]}  # type: ignore[index]
    seen = office.act(case_id, "verify", photos=[build.photo(office)])
    assert seen.json["state"] == "in_review"  # type: ignore[index]
    assert office.act(case_id, "close").json["state"] == "closed"  # type: ignore[index]
    assert case_id not in listed()


def test_what_was_not_settled_after_all_is_sent_back_to_the_unit_of_the_place(build: Build, sender: Sender) -> None:
    walk = sender.walk()
    case = case_of(settled(sender, walk))
    office = build.office()
    back = office.act(str(case.id), "send_back", reason="垃圾还在。")
    assert back.json["state"] == "rectifying"  # type: ignore[index]
    assert back.json["lead_unit"] is not None  # type: ignore[index]


def test_a_confirmed_list_sent_twice_closes_once(build: Build, sender: Sender) -> None:
    walk = sender.walk()
    while drawn(case_of(made := settled(sender, walk)), 20):
        pass
    case, office = case_of(made), build.office()
    body = {"cases": [{"case": str(case.id), "version": case.version}]}
    first = office.post("/findings/confirm", body, Idempotency_Key="confirm-1")
    second = office.post("/findings/confirm", body, Idempotency_Key="confirm-1")
    assert first.json == second.json
    assert first.json["items"][0]["closed"]  # type: ignore[index]
    stale = office.post("/findings/confirm", body)
    assert stale.json["items"][0]["code"] == "stale_version"  # type: ignore[index]


def test_chiefs_and_townships_confirm_nothing(build: Build, sender: Sender) -> None:
    walk = sender.walk()
    case = case_of(settled(sender, walk))
    body = {"cases": [{"case": str(case.id), "version": case.version}]}
    done = sender.phone.post("/findings/confirm", body).json["items"][0]  # type: ignore[index]
    assert (done["closed"], done["code"]) == (False, "not_found")  # no case of theirs
    assert sender.phone.get("/findings").json["items"] == []  # type: ignore[index]


def test_a_photo_that_shows_the_same_before_and_after_is_not_confirmed_in_a_list(build: Build, sender: Sender) -> None:
    walk, picture = sender.walk(), make_jpeg(640, 480, text="river", seed=1)
    same = [build.photo(sender.phone, picture)]
    after = {"photos": [build.photo(sender.phone, picture)], "done": "已清走。"}
    made = send(sender, walk, photos=same, settled=after)
    drain()
    case, office = case_of(made), build.office()
    body = {"cases": [{"case": str(case.id), "version": case.version}]}
    (outcome,) = office.post("/findings/confirm", body).json["items"]  # type: ignore[index]
    assert (outcome["closed"], outcome["code"]) in ((False, "photos_in_doubt"), (False, "verify_first"))
    kinds = [f["kind"] for p in office.get(f"/cases/{case.id}/evidence").json["items"] for f in p["flags"]]  # type: ignore[index]
    assert "same_as_before" in kinds
