"""Draws for look-backs: held once a month and township, and the same for whoever draws again."""

from __future__ import annotations

import hashlib
import math
import random
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from apiflask import APIFlask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from backend.domain import archive, follow_up_draws, follow_ups
from backend.domain.faults import Forbidden
from backend.models import CaseEvent, FollowUp
from backend.work import Work
from tests.domain.ledger import HANDLER, HERE, LEAD, MONDAY, NEXT, OFFICE, act, case_in, official, photo, undone

NUMBERS = st.lists(st.integers(1, 10**6).map(lambda n: f"QH-2026-{n:06d}"), unique=True, max_size=60)
SEEDS = st.text("0123456789abcdef", min_size=32, max_size=32)
SHARES = st.integers(0, 100).map(lambda percent: percent / 100)
JULY = datetime(2026, 6, 30, 16, 0, tzinfo=UTC)  # midnight of 1 July in Shanghai


@given(SEEDS, NUMBERS, SHARES, st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_same_seed_and_numbers_give_the_same_draw_in_whatever_order_they_come(
    seed: str, numbers: list[str], share: float, at_least: int, dice: random.Random
) -> None:
    picked = follow_up_draws.pick(seed, numbers, share, at_least)
    shuffled = numbers[:]
    dice.shuffle(shuffled)
    assert follow_up_draws.pick(seed, shuffled, share, at_least) == picked
    wanted = max(at_least, math.ceil(Fraction(round(share * 100), 100) * len(numbers)))
    assert len(picked) == len(set(picked)) == min(len(numbers), wanted)
    assert set(picked) <= set(numbers)


@given(SEEDS, NUMBERS, SHARES)
def test_who_is_not_picked_has_a_later_ticket_than_whoever_is(seed: str, numbers: list[str], share: float) -> None:
    """Worked out by hand from the published method."""
    tickets = {n: hashlib.sha256(f"{seed}:{n}".encode()).hexdigest() for n in numbers}
    picked = follow_up_draws.pick(seed, numbers, share, 1)
    rest = set(numbers) - set(picked)
    if rest and picked:
        assert max(tickets[n] for n in picked) < min(tickets[n] for n in rest)


def test_a_ticket_is_what_the_command_line_says() -> None:
    said = subprocess.run(["sha256sum"], input=b"abc:QH-2026-000001", capture_output=True, check=True)
    assert follow_up_draws.ticket("abc", "QH-2026-000001") == said.stdout.decode().split()[0]


def test_a_share_of_ten_percent_of_thirty_is_three() -> None:
    numbers = [f"QH-2026-{n:06d}" for n in range(30)]
    assert len(follow_up_draws.pick("seed", numbers, 0.1, 1)) == 3
    assert len(follow_up_draws.pick("seed", [*numbers, "QH-2026-000031"], 0.1, 1)) == 4


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        yield found


def test_each_township_has_one_draw_when_the_month_is_over(work: Work) -> None:
    cases = [case_in(work, "closed") for _ in range(12)]
    other = case_in(work, "rectifying")
    act(work, other, OFFICE, "reassign", unit=NEXT, reason="属邻镇")
    handler = official("handler", NEXT)
    act(work, other, handler, "accept")
    act(work, other, handler, "start", measure="清运", person="李四", date="2026-09-01")
    act(work, other, handler, "request_closure", photos=[photo(work)], done="已清理")
    act(work, other, OFFICE, "close")
    work.now = JULY - timedelta(seconds=1)
    assert follow_up_draws.draw_due(work) == []  # nothing was closed in May
    work.now = JULY
    held = follow_up_draws.draw_due(work)
    assert [(draw.unit_code, len(draw.numbers), len(draw.picked)) for draw in held] == [(LEAD, 12, 2), (NEXT, 1, 1)]
    assert held[0].numbers == [case.number for case in cases]
    assert {draw.month for draw in held} == {date(2026, 6, 1)}
    assert held[0].seed != held[1].seed
    assert follow_up_draws.draw_due(work) == []

    work.actor = OFFICE
    draw = follow_up_draws.get(work, held[0].id)
    assert follow_up_draws.pick(draw.seed, draw.numbers, draw.share, draw.at_least) == draw.picked
    assert follow_up_draws.of_month(work, date(2026, 6, 17)) == held
    picked = [case for case in cases if case.number in draw.picked]
    for case in picked:
        planned = follow_ups.planned(work, case)
        assert planned is not None
        assert (planned.origin, planned.draw_id) == ("sample", draw.id)
        event = work.session.scalars(
            select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.seq == case.version)
        ).one()
        assert (event.action, event.actor) == ("plan_follow_up", "timer")
    assert len(work.session.scalars(select(FollowUp)).all()) == 3


def test_what_is_archived_is_drawn_too_and_what_was_looked_at_is_not(work: Work) -> None:
    looked_at, archived, back = (case_in(work, "closed") for _ in range(3))
    act(work, looked_at, OFFICE, "pass_follow_up", photos=[photo(work)], place=HERE)
    act(work, back, OFFICE, "fail_follow_up", photos=[photo(work)], place=HERE, reason="又倒了")
    work.now = JULY - timedelta(hours=1)
    archive.archive_due(work)
    assert archived.state == "archived"
    work.now = JULY
    (held,) = follow_up_draws.draw_due(work)
    assert held.numbers == held.picked == [archived.number]
    act(work, archived, OFFICE, "pass_follow_up", photos=[photo(work)], place=HERE)
    assert archived.state == "archived"


def test_a_case_closed_at_midnight_belongs_to_the_month_of_shanghai(work: Work) -> None:
    work.now = datetime(2026, 6, 30, 15, 59, tzinfo=UTC)
    june = case_in(work, "closed")
    work.now = JULY
    case_in(work, "closed")
    (held,) = follow_up_draws.draw_due(work)
    assert held.numbers == [june.number]


def test_units_do_not_read_the_draws(work: Work) -> None:
    case_in(work, "closed")
    work.now = MONDAY + timedelta(days=40)
    (held,) = follow_up_draws.draw_due(work)
    work.actor = HANDLER
    with pytest.raises(Forbidden):
        follow_up_draws.get(work, held.id)
    with pytest.raises(Forbidden):
        follow_up_draws.of_month(work, date(2026, 6, 1))
