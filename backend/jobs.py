"""Deferred work by name, and the drain that carries it out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from apiflask import APIFlask
from flask import current_app
from redis.exceptions import RedisError
from sqlalchemy import exists, func, select

from backend import sheet_file
from backend.clients import images, stamping
from backend.clients.sms import SmsRefused
from backend.clients.storage import ObjectMissing, ObjectTooLarge
from backend.clients.wechat import WeChatRefused
from backend.domain import (
    archive,
    assessments,
    cases,
    content,
    drafts,
    duties,
    emergency,
    exports,
    findings,
    follow_up_draws,
    follow_up_watch,
    imports,
    judging,
    ledger,
    measures,
    notices,
    patrols,
    photos,
    push,
    report_surges,
    retention,
    risk_alerts,
    roots,
    stamps,
    supervision,
    withdrawals,
)
from backend.domain.exports import Press
from backend.extensions import db
from backend.logs import in_short
from backend.models import Deferred
from backend.queue import answered
from backend.work import Work, aside, reading, ring, unit_of_work

if TYPE_CHECKING:
    from backend import System

log = structlog.get_logger()

# After these many seconds an attempt follows the one that failed; when they are used up, people must look.
BACKOFF_S = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600)
CHECK_LIFE = timedelta(days=1)  # how long WeChat may take to fetch a picture that it is to check
_SKEW = timedelta(minutes=1)  # by which the clocks of two machines may differ
# One bell is answered for this long at most, then rung again: RQ ends a job that takes much longer.
_ANSWER_S = 60.0
# Rows are taken so many at a time: taking each by itself took a third of a short row's time.
_AT_ONCE = 8


def route_case(work: Work, system: System, case_id: str) -> None:
    cases.route(work, UUID(case_id))
    report_surges.watch(work, UUID(case_id))


def tell(work: Work, system: System, case_id: str, seq: str) -> None:
    notices.tell(work, UUID(case_id), int(seq))


def verify_photo(work: Work, system: System, photo_id: str) -> None:
    refusals = (images.BadPicture, ObjectMissing, ObjectTooLarge)
    photos.verify(work, UUID(photo_id), system.storage, images.examine, refusals)


def clean_original(work: Work, system: System, photo_id: str) -> None:
    photos.clean_original(work, UUID(photo_id), system.storage, images.pixels_alone)


def check_words(work: Work, system: System, report_id: str) -> None:
    content.check_words(work, UUID(report_id), system.wechat, WeChatRefused)


def check_picture(work: Work, system: System, photo_id: str) -> None:
    address = system.storage.signed_url(f"display/{photo_id}.jpg", CHECK_LIFE)
    content.check_picture(work, UUID(photo_id), address, system.wechat, WeChatRefused)


class Channels:
    """What delivering a notice needs of the outside."""

    refusals = (WeChatRefused, SmsRefused)

    def __init__(self, system: System) -> None:
        self.wechat, self.sms = system.wechat, system.sms


def deliver(work: Work, system: System, delivery_id: str) -> None:
    notices.deliver(work, UUID(delivery_id), Channels(system), system.settings.wechat_templates)


def remove_pictures(work: Work, system: System, photo_id: str) -> None:
    photos.remove_pictures(work, UUID(photo_id), system.storage)


def remove_orphans(work: Work, system: System) -> None:
    photos.remove_orphans(work, system.storage)


def fold_tallies(work: Work, system: System) -> None:
    ledger.fold_tallies(work)


def judge_patrol(work: Work, system: System, patrol_id: str) -> None:
    judging.make(work, UUID(patrol_id))


def settle_finding(work: Work, system: System, patrol_id: str, finding_id: str) -> None:
    findings.settle(work, UUID(patrol_id), UUID(finding_id))


def stamp_photo(work: Work, system: System, photo_id: str) -> None:
    stamps.draw(work, UUID(photo_id), system.storage, stamping.stamp)


def finish_silent_patrols(work: Work, system: System) -> None:
    patrols.finish_silent(work)


def push_due(work: Work, system: System) -> None:
    push.push_due(work)


def push_clock(work: Work, system: System, clock_id: str) -> None:
    push.push_clock(work, UUID(clock_id))


def supervise(work: Work, system: System, case_id: str, reason: str) -> None:
    push.supervise(work, UUID(case_id), reason)


def chase_letter(work: Work, system: System, letter_id: str) -> None:
    supervision.chase(work, UUID(letter_id))


def declare_emergency(work: Work, system: System, case_id: str) -> None:
    push.declare_emergency(work, UUID(case_id))


def chase_dispatch(work: Work, system: System, dispatch_id: str) -> None:
    emergency.chase(work, UUID(dispatch_id))


def follow_case(work: Work, system: System, case_id: str) -> None:
    push.follow_case(work, UUID(case_id))


def make_export(work: Work, system: System, export_id: str) -> None:
    press = Press(reading, aside, sheet_file.write, system.storage, sheet_file.CONTENT_TYPES)
    exports.make(work, UUID(export_id), press)


def remove_export(work: Work, system: System, export_id: str) -> None:
    exports.remove(work, UUID(export_id), system.storage)


def warn_of_duties(work: Work, system: System) -> None:
    duties.warn(work)


def make_root(work: Work, system: System) -> None:
    roots.make(work, system.signer)


def publish_root(work: Work, system: System, n: str) -> None:
    roots.publish(work, int(n), system.root_places)


def draw_follow_ups(work: Work, system: System) -> None:
    follow_up_draws.draw_due(work)


def watch_follow_ups(work: Work, system: System) -> None:
    follow_up_watch.watch(work)


def watch_risk_source(work: Work, system: System, case_id: str) -> None:
    risk_alerts.watch(work, UUID(case_id))


def watch_measures(work: Work, system: System) -> None:
    measures.tell_overdue(work)


def freeze_assessments(work: Work, system: System) -> None:
    for month in assessments.due(work):
        work.defer("freeze_assessment", month)


def freeze_assessment(work: Work, system: System, month: str) -> None:
    assessments.freeze(work, date.fromisoformat(month))


def archive_cases(work: Work, system: System) -> None:
    archive.archive_due(work)


def keep_no_longer(work: Work, system: System) -> None:
    retention.carry_out(work)


def carry_out_import(work: Work, system: System, import_id: str) -> None:
    imports.make(work, UUID(import_id), aside)


def withdraw_import(work: Work, system: System, import_id: str, by: str) -> None:
    withdrawals.unmake(work, UUID(import_id), UUID(by), aside)


def expire_import(work: Work, system: System, import_id: str) -> None:
    imports.expire(work, UUID(import_id))


def drop_draft(work: Work, system: System, draft_id: str) -> None:
    drafts.drop(work, UUID(draft_id))


JOBS: dict[str, Callable[..., None]] = {
    "route_case": route_case,
    "tell": tell,
    "verify_photo": verify_photo,
    "clean_original": clean_original,
    "check_words": check_words,
    "check_picture": check_picture,
    "deliver": deliver,
    "remove_pictures": remove_pictures,
    "remove_orphans": remove_orphans,
    "fold_tallies": fold_tallies,
    "judge_patrol": judge_patrol,
    "settle_finding": settle_finding,
    "stamp_photo": stamp_photo,
    "finish_silent_patrols": finish_silent_patrols,
    "push_due": push_due,
    "push_clock": push_clock,
    "supervise": supervise,
    "chase_letter": chase_letter,
    "declare_emergency": declare_emergency,
    "chase_dispatch": chase_dispatch,
    "follow_case": follow_case,
    "carry_out_import": carry_out_import,
    "withdraw_import": withdraw_import,
    "expire_import": expire_import,
    "drop_draft": drop_draft,
    "make_export": make_export,
    "remove_export": remove_export,
    "warn_of_duties": warn_of_duties,
    "make_root": make_root,
    "publish_root": publish_root,
    "draw_follow_ups": draw_follow_ups,
    "watch_follow_ups": watch_follow_ups,
    "watch_risk_source": watch_risk_source,
    "watch_measures": watch_measures,
    "freeze_assessments": freeze_assessments,
    "freeze_assessment": freeze_assessment,
    "archive_cases": archive_cases,
    "keep_no_longer": keep_no_longer,
}


@cache
def worker_app() -> APIFlask:
    """The application of a worker process, made once."""
    from backend import create_app

    return create_app()


@contextmanager
def _running_app() -> Iterator[None]:
    """Inside the application that runs, or else that of this worker process."""
    if current_app:
        yield
    else:
        with worker_app().app_context():
            yield


def drain(limit: int = 500) -> int:
    """Carry out what is due, row by row, each in a transaction of its own. Returns how many rows were tried."""
    if not current_app:
        with worker_app().app_context():
            return drain(limit)
    system = current_app.extensions["qinghe"]
    try:
        answered(system.redis)
    except RedisError as error:
        log.warning("doorbell_unreachable", error=type(error).__name__)
    tried, until = 0, time.monotonic() + _ANSWER_S
    while taken := _take(system, min(_AT_ONCE, limit - tried)):
        for row_id, attempt in taken:
            if attempt is not None:
                _attempt(row_id, attempt)
        tried += len(taken)
        if tried >= limit or time.monotonic() > until:
            ring(system.ring)
            break
    return tried


def sweep() -> int:
    """Ring when something is due that no bell announces any more. Returns how many rows are due."""
    if not current_app:
        with worker_app().app_context():
            return sweep()
    system = current_app.extensions["qinghe"]
    due = db.session.scalar(select(func.count()).select_from(Deferred).where(*_due(system))) or 0
    db.session.rollback()
    if due:
        ring(system.ring)
    return due


def defer_orphan_removal() -> None:
    with _running_app(), unit_of_work() as work:
        work.defer("remove_orphans")


def defer_tally_folding() -> None:
    with _running_app(), unit_of_work() as work:
        work.defer("fold_tallies")


def defer_finishing_patrols() -> None:
    with _running_app(), unit_of_work() as work:
        work.defer("finish_silent_patrols")


def defer_duty_warnings() -> None:
    with _running_app(), unit_of_work() as work:
        work.defer("warn_of_duties")


def defer_pushing() -> None:
    """Nothing is written down while nothing is due, or while the last round waits to be carried out."""
    with _running_app(), unit_of_work() as work:
        if push.waiting(work) and not _in_line(work, "push_due"):
            work.defer("push_due")


def _in_line(work: Work, name: str) -> bool:
    """Whether a row of this name is still to be carried out."""
    row = exists().where(Deferred.name == name, Deferred.done_at.is_(None), Deferred.gave_up_at.is_(None))
    return bool(work.session.scalar(select(row)))


def defer_root_making() -> None:
    with _running_app(), unit_of_work() as work:
        work.defer("make_root")


def defer_retention() -> None:
    with _running_app(), unit_of_work() as work:
        if not _in_line(work, "keep_no_longer"):
            work.defer("keep_no_longer")


def defer_hourly_rounds() -> None:
    with _running_app(), unit_of_work() as work:
        work.defer("watch_measures")
        work.defer("draw_follow_ups")
        work.defer("watch_follow_ups")
        work.defer("archive_cases")
        work.defer("freeze_assessments")


def _due(system: System) -> tuple:
    """Due by the clock; or put down by a clock that was ahead and has been put right since: what was to be done at
    once, or tried again, must not wait until that hour comes."""
    now = system.clock()
    at_once = Deferred.tried_at.is_(None) & (Deferred.run_at == Deferred.created_at) & (Deferred.created_at > now)
    due = (Deferred.run_at <= now) | at_once | (Deferred.tried_at > now + _SKEW)
    return Deferred.done_at.is_(None), Deferred.gave_up_at.is_(None), due


def _take(system: System, most: int) -> list[tuple[int, int | None]]:
    """Take the rows that are due next, at most so many, and count their attempts; None for a row now given up.

    A row that was tried before comes alone: if it ends its worker each time, no other row is counted with it.
    """
    structlog.contextvars.clear_contextvars()
    with unit_of_work() as work:
        rows = work.session.scalars(
            select(Deferred).where(*_due(system)).order_by(Deferred.run_at, Deferred.id).limit(most)
            .with_for_update(skip_locked=True)
        ).all()  # fmt: skip
        fresh = list(takewhile(lambda row: not row.attempts, rows))
        return [(row.id, _count_attempt(work, row)) for row in fresh or rows[:1]]


def _count_attempt(work: Work, row: Deferred) -> int | None:
    """Count the attempt before it begins, so that a row that kills its worker each time waits longer each time and
    gives up at last, instead of standing for ever at the head of the queue. Returns its number, None when given up."""
    if row.attempts > len(BACKOFF_S):
        _give_up(work, row, row.last_error or "every worker that tried this ended in the middle of it")
        return None
    row.run_at = work.now + timedelta(seconds=BACKOFF_S[min(row.attempts, len(BACKOFF_S) - 1)])
    row.attempts, row.tried_at = row.attempts + 1, work.now
    return row.attempts


def _attempt(row_id: int, attempt: int) -> None:
    """Carry out the row, which is done in the same transaction as its effects; what fails is put on record."""
    with unit_of_work() as work:
        row = work.session.scalar(
            select(Deferred).where(Deferred.id == row_id, Deferred.attempts == attempt, Deferred.done_at.is_(None))
            .with_for_update(skip_locked=True)
        )  # fmt: skip
        if row is None:
            return  # this worker was so slow that another has taken the row up again
        structlog.contextvars.bind_contextvars(request_id=row.request_id)
        work.request_id = row.request_id
        effects = work.session.begin_nested()
        try:
            JOBS[row.name](work, current_app.extensions["qinghe"], *row.args)
            effects.commit()
            row.done_at = work.now
        except Exception as error:  # noqa: BLE001  # whatever it was: recorded on the row, tried again, shown in /metrics
            effects.rollback()
            work.deferred.clear()
            _put_off(work, row, error)


def _put_off(work: Work, row: Deferred, error: Exception) -> None:
    row.last_error = in_short(error)[:2000]
    if row.attempts > len(BACKOFF_S):
        _give_up(work, row, row.last_error)
        return
    # Whoever says when to come back is heeded: a day's limit of WeChat ends at midnight, not in a second.
    wait = max(BACKOFF_S[row.attempts - 1], getattr(error, "retry_after", None) or 0)
    row.run_at = work.now + timedelta(seconds=wait)
    log.warning("deferred_failed", name=row.name, row=row.id, attempt=row.attempts, error=row.last_error)


def _give_up(work: Work, row: Deferred, why: str) -> None:
    row.gave_up_at, row.last_error = work.now, why
    log.error("deferred_gave_up", name=row.name, row=row.id, error=why)
