"""Any order, repetition and interleaving of a phone's messages leads to the same patrol and the same verdict."""

from __future__ import annotations

import os
import uuid
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from backend.county import County
from backend.domain import batches, checkpoints, findings, judging, patrols, people
from backend.domain.actors import Actor
from backend.domain.batches import BatchForm
from backend.domain.checkpoints import VisitForm
from backend.domain.findings import FindingForm
from backend.domain.patrol_track import skew
from backend.domain.patrols import FinishForm, StartForm
from backend.models import Deferred, Patrol, Person, RosterRole, TrackBatch, Verdict
from backend.work import Work
from tests.domain.ledger import MONDAY, account, photo, undone
from tests.walks import Walk, chief

ROUNDS = 200 if os.environ.get("TEST_SIZE") == "full" else 6


def walker(work: Work) -> Actor:
    """The chief of the walks, on the roster of this work."""
    who = chief()
    row = people.RosterRow(1, "张河生", who.phone, who.role, who.unit, who.reaches)
    people.import_roster(work, [row])
    role = work.session.scalars(select(RosterRole).join(Person).where(Person.name == "张河生")).one()
    known = account(work)
    return Actor(role=who.role, unit=who.unit, account_id=known.id, person_id=role.person_id, name="张河生")


def receive(work: Work, walk: Walk, path: str, body: dict[str, Any]) -> None:
    """One message as the HTTP interface hands it on."""
    times = ("sent_at", "started_at", "ended_at", "observed_at", "at")
    form = {name: datetime.fromisoformat(value) if name in times else value for name, value in body.items()}
    walk_id = uuid.UUID(walk.id)
    if "/findings/" in path:
        findings.take(work, walk_id, uuid.UUID(path.rpartition("/")[2]), FindingForm(**form))
    elif "/checkpoints/" in path:
        checkpoints.visit(work, walk_id, uuid.UUID(path.rpartition("/")[2]), VisitForm(**form))
    elif "/batches/" in path:
        batches.take(work, walk_id, uuid.UUID(path.rpartition("/")[2]), BatchForm(**form))
    elif path.endswith("/finish"):
        ids = tuple(uuid.UUID(one) for one in form.pop("batches"))
        patrols.finish(work, walk_id, FinishForm(batches=ids, **form))
    else:
        patrols.start(work, walk_id, StartForm(**form | {"reaches": tuple(form["reaches"])}))
    work.session.flush()


def extra(work: Work, walk: Walk) -> list[tuple[str, dict[str, Any]]]:
    """A finding and a visit to a checkpoint of the walk's reach."""
    point = checkpoints.of_reach(work.county, str(walk.reach))[0]
    seen = {"lon": point.lon, "lat": point.lat, "coord_type": "wgs84"}
    at, where = walk.by_phone(walk.began_at), f"/{walk.id}"
    finding = {"category": "garbage", "observed_at": at, "photos": (photo(work),), **seen}
    ids = Random(walk.id)
    kept = [uuid.UUID(int=ids.getrandbits(128)) for _ in range(2)]
    return [
        (f"{where}/findings/{kept[0]}", finding),
        (f"{where}/checkpoints/{kept[1]}", {"checkpoint": point.code, "at": at, **seen}),
    ]


def carry_out(work: Work, *walks: Walk) -> None:
    """What a worker would do for the verdicts that are asked for, as long as any is."""
    actor = work.actor
    while True:
        waiting = list(work.session.scalars(select(Deferred).where(Deferred.name == "judge_patrol")))
        if not waiting:
            break
        for row in waiting:
            work.session.delete(row)
            judging.make(work, uuid.UUID(row.args[0]))
            work.session.flush()
    work.actor = actor


def outcome(work: Work, walk: Walk) -> dict[str, Any]:
    patrol = work.session.get_one(Patrol, uuid.UUID(walk.id), populate_existing=True)
    last = work.session.get_one(Verdict, (patrol.id, patrol.verdict_seq))
    kept = work.session.execute(
        select(TrackBatch.id, TrackBatch.digest).where(TrackBatch.patrol_id == patrol.id).order_by(TrackBatch.id)
    )
    told = ("began_at", "ended_at", "skew_s", "points", "valid", "reaches", "own_reaches", "finished_by", "last_lon",
            "battery", "batches_made")  # fmt: skip
    return {
        **{name: getattr(patrol, name) for name in told},
        "facts": last.facts,
        "judgement": last.judgement,
        "decision": last.decision,
        "kept": [tuple(row) for row in kept],
        "held": {name: ids for name, ids in patrols.held(work, patrol).items() if name != "photos"},
        "cases": [(finding.id, case.state if case else None) for finding, case in findings.of_patrol(work, patrol)],
    }


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_any_order_repetition_and_interleaving_gives_the_same_patrols(
    app: APIFlask, county: County, round_: int
) -> None:
    chance = Random(round_)
    ahead = timedelta(minutes=chance.choice([0, 0, 47, -2880]))
    kept_ids = [str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(2)]

    def walks() -> list[Walk]:
        first = Walk(
            county, chief(), MONDAY - timedelta(hours=3), metres=1200, seed=1, phone_ahead=ahead, id=kept_ids[0]
        )
        # On another phone at nearly the same time: only one of the two can count.
        second = Walk(
            county, chief(), MONDAY - timedelta(hours=3, minutes=-2), metres=1200, seed=2, phone_ahead=ahead,
            id=kept_ids[1],
        )  # fmt: skip
        return [first, second]

    def run(order: str) -> list[dict[str, Any]]:
        with undone(app) as work:
            work.actor = walker(work)
            both = walks()
            messages = [(walk, *one) for walk in both for one in (*walk.messages(MONDAY), *extra(work, walk))]
            if order != "straight":
                messages += chance.choices(messages, k=len(messages))
                chance.shuffle(messages)
            for walk, path, body in messages:
                receive(work, walk, path, body)
                if order != "straight" and chance.random() < 0.2:
                    carry_out(work, *both)
            work.now += timedelta(hours=2)
            carry_out(work, *both)
            return [outcome(work, walk) for walk in both]

    straight = run("straight")
    assert [len(one["cases"]) for one in straight] == [1, 1]
    assert [one["valid"] for one in straight] == [True, False]
    assert run("shuffled") == straight


def test_the_skew_is_the_middle_of_what_the_messages_say() -> None:
    def contact(ahead_s: float, late_s: float = 0.5) -> tuple[Any, Any]:
        return MONDAY + timedelta(seconds=ahead_s), MONDAY + timedelta(seconds=late_s)

    assert skew([], 30) == 0
    assert skew([contact(10)], 30) == 0
    assert skew([contact(600), contact(601), contact(599, 7200)], 30) == pytest.approx(599.5)
    # The clock was set right while the last two were sent.
    assert skew([contact(86_400)] * 5 + [contact(0)] * 2, 30) == pytest.approx(86_399.5)


def test_two_phones_of_one_patrol_that_count_from_zero_are_put_in_the_order_of_time(
    app: APIFlask, county: County
) -> None:
    with undone(app) as work:
        work.actor = walker(work)
        walk = Walk(county, chief(), MONDAY - timedelta(hours=3), metres=1500)
        for n, (path, body) in enumerate(walk.messages(MONDAY)):
            if "seq" in body:
                body["seq"] = n % 2  # two phones, each counting from zero
            receive(work, walk, path, body)
        work.now += timedelta(hours=2)
        carry_out(work)
        found = outcome(work, walk)
        assert found["valid"] is True
        assert found["judgement"]["along_m"] == pytest.approx(1500, rel=0.06)
