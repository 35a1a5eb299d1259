"""Deferred work when the clock itself was wrong for a while, and the request that a line of the log belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from backend.extensions import db
from backend.jobs import drain
from backend.models import Deferred
from tests.build import Build


@pytest.fixture(autouse=True)
def wechat_well_again(build: Build) -> Iterator[None]:
    yield
    build.control("reset")


def undone() -> list[Deferred]:
    db.session.rollback()
    return list(db.session.scalars(select(Deferred).where(Deferred.done_at.is_(None)).order_by(Deferred.id)))


def test_a_report_taken_in_by_a_clock_that_was_ahead_is_routed_once_the_clock_is_right(build: Build) -> None:
    resident = build.resident()
    build.clock.move(hours=3)
    assert resident.post("/reports", build.form(resident)).status_code == 201
    build.clock.move(hours=-3)
    drain()
    assert build.office().get("/cases").json["items"][0]["state"] == "assigned"  # type: ignore[index]
    assert undone() == []


def test_what_was_put_off_by_a_clock_that_was_ahead_is_tried_again_once_it_is_right(build: Build) -> None:
    resident = build.resident()
    build.control("mode", mode="error")
    build.report(resident)
    build.clock.move(hours=3)
    drain()
    waiting = undone()
    assert waiting
    assert all(row.run_at > build.clock() for row in waiting)
    build.clock.move(hours=-3)
    build.control("mode", mode="ok")
    drain()
    assert undone() == []


def test_a_machine_a_little_ahead_does_not_make_another_one_hurry(build: Build) -> None:
    resident = build.resident()
    build.control("mode", mode="error")
    build.report(resident)
    attempts = [row.attempts for row in undone()]
    build.clock.move(seconds=-0.5)
    drain()
    assert [row.attempts for row in undone()] == attempts


def test_a_reports_request_id_stands_on_every_line_of_the_workers(
    build: Build, capfd: pytest.CaptureFixture[str]
) -> None:
    resident = build.resident()
    build.control("mode", mode="error", path="/wxa/msg_sec_check")
    answer = resident.post("/reports", build.form(resident))
    request_id = answer.headers["X-Request-Id"]
    capfd.readouterr()
    drain()
    # Routing belongs to the request, and so does what routing left to do: the notices and their sending.
    of_request = {row.name for row in db.session.scalars(select(Deferred).where(Deferred.request_id == request_id))}
    assert {"route_case", "tell", "deliver", "check_words"} <= of_request
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    failed = [line for line in lines if line["event"] == "deferred_failed" and line["name"] == "check_words"]
    assert [line["request_id"] for line in failed] == [request_id]
