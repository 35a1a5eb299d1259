"""The five clocks of a case: start, stop, hand over, resume, set. Numbers come from the county's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, cast

from sqlalchemy import select

from backend.clock import (
    SHANGHAI,
    add_working_days,
    calendar_covers,
    end_of_day,
    is_working_day,
    shanghai_day,
    working_days_between,
)
from backend.domain.faults import Fault
from backend.models import Case, Clock

if TYPE_CHECKING:
    from backend.work import Work

Kind = Literal["triage", "refuse", "accept", "rectify", "review"]
KINDS: dict[str, str] = {"triage": "分办", "refuse": "退回", "accept": "签收", "rectify": "整改", "review": "核查"}


@dataclass(frozen=True)
class Reckoned:
    """A deadline and how it came about; see models.Clock for the words."""

    due_at: datetime
    in_hours: bool = False
    days: int | None = None
    since: datetime | None = None
    set_by: str | None = None


def after(work: Work, start: datetime, days: int) -> datetime:
    """The end of the `days`-th working day after `start`."""
    return add_working_days(work.county.calendar, start, days, work.county.limits.day_ends_at)


def in_days(work: Work, days: int) -> Reckoned:
    return Reckoned(after(work, work.now, days), days=days, since=work.now)


def limit(work: Work, case: Case, kind: Kind) -> tuple[int | None, int | None]:
    """What a clock of this kind allows this case: working days or hours, the other None."""
    limits = work.county.limits
    if kind in ("accept", "rectify"):
        days, hours = work.county.category_by_code[case.category].limit(kind, case.severity)
    else:
        days, hours = getattr(limits, f"{kind}_days"), getattr(limits, f"{kind}_urgent_hours")
    if hours is not None and (case.urgent or days is None):
        return None, hours
    if days is None:
        raise ValueError(f"category {case.category} has neither days nor hours for {kind}")
    return days, None


def due(work: Work, case: Case, kind: Kind) -> Reckoned:
    """When a clock of this kind that starts now runs out: working days, or hours for urgent cases."""
    days, hours = limit(work, case, kind)
    if days is None:
        return Reckoned(work.now + timedelta(hours=hours or 0), in_hours=True)
    return in_days(work, days)


def running(work: Work, case: Case, kind: Kind) -> Clock | None:
    return work.session.scalar(
        select(Clock).where(Clock.case_id == case.id, Clock.kind == kind, Clock.stopped_at.is_(None))
    )


def start(work: Work, case: Case, kind: Kind, holder: str, reckoned: Reckoned | None = None) -> Clock:
    clock = begun(work, case, kind, holder, reckoned)
    work.session.add(clock)
    work.session.flush()
    return clock


def begun(work: Work, case: Case, kind: Kind, holder: str, reckoned: Reckoned | None = None) -> Clock:
    """The clock that `start` would start, yet to be stored: for many cases at once."""
    clock = Clock(case_id=case.id, kind=kind, holder=holder, started_at=work.now)
    _set(work, clock, within_order(work, case, kind, reckoned or due(work, case, kind)))
    return clock


def within_order(work: Work, case: Case, kind: str, reckoned: Reckoned) -> Reckoned:
    """The earlier of what the rules give and what the source of the case ordered 来源要求期限: to sign, to rectify.

    An order that has passed already rules nothing any more: nobody is late for days that others used.
    """
    ordered = {"rectify": case.ordered_by, "accept": case.sign_by}.get(kind)
    if ordered is None or not work.now < ordered < reckoned.due_at:
        return reckoned
    return Reckoned(ordered, in_hours=reckoned.in_hours, set_by="source")


def _set(work: Work, clock: Clock, reckoned: Reckoned) -> None:
    clock.due_at, clock.in_hours, clock.set_by = reckoned.due_at, reckoned.in_hours, reckoned.set_by
    clock.days, clock.since = reckoned.days, reckoned.since
    since = reckoned.since
    clock.provisional = since is not None and not calendar_covers(work.county.calendar, since, reckoned.due_at)
    clock.next_push_at, clock.push_version = None, None  # the reminders of another deadline are planned anew


def stop(work: Work, case: Case, *kinds: Kind) -> None:
    for kind in kinds:
        clock = running(work, case, kind)
        if clock is not None:
            clock.stopped_at = work.now
    work.session.flush()


def stop_all(work: Work, case: Case) -> None:
    stop(work, case, "triage", "refuse", "accept", "rectify", "review")


def hand_over_rectify(work: Work, case: Case, holder: str) -> None:
    """The rectifying clock runs per case from its first assignment: a new holder takes it over as it stands.

    Neither a refusal nor a reassignment resets or stops it; while the office has to assign anew, the office holds it.
    After an end of the case (merged, not accepted) it goes on with what was left.
    """
    clock = running(work, case, "rectify")
    if clock is None and case.first_rectify_by is None:
        case.rule_rectify_by = due(work, case, "rectify").due_at
        case.first_rectify_by = start(work, case, "rectify", holder).due_at
    elif clock is None:
        resume_rectify(work, case, holder)
    elif clock.holder != holder:
        _pass_on(work, case, clock, holder)


def _pass_on(work: Work, case: Case, clock: Clock, holder: str) -> None:
    """A new stretch as the clock stands, charged to the new holder."""
    clock.stopped_at = work.now
    work.session.flush()
    as_it_stands = Reckoned(clock.due_at, clock.in_hours, clock.days, clock.since, clock.set_by)
    kind = cast(Kind, clock.kind)
    taken_over = start(work, case, kind, holder, as_it_stands)
    taken_over.own_by = _own_by(work, case, taken_over)


def _own_by(work: Work, case: Case, clock: Clock) -> datetime | None:
    """Until when the rules give the holder of a stretch, by its own time alone; None when that is not longer.

    The case is overdue by its deadline, whoever holds it. But nobody answers for the days that others used: who takes
    over is charged only after as many days as any unit is given, less those that it had the case itself.
    """
    kind = cast(Kind, clock.kind)
    stretches = list(work.session.scalars(select(Clock).where(Clock.case_id == case.id, Clock.kind == kind)))
    mine = [(one.started_at, one.stopped_at or work.now) for one in stretches if one.holder == clock.holder]
    if len(mine) == len(stretches):
        return None
    days, hours = limit(work, case, kind)
    if days is None:
        left = timedelta(hours=hours or 0) - sum((end - begun for begun, end in mine), timedelta())
        own_by = work.now + left
    else:
        left_days = days - sum(working_days_between(work.county.calendar, begun, end) for begun, end in mine)
        own_by = after(work, work.now, left_days) if left_days > 0 else work.now
    return own_by if own_by > max(work.now, clock.due_at) else None


def hand_over_all(work: Work, case: Case, old: str, new: str) -> None:
    """Every clock that the old unit holds goes on with the new one as it stands."""
    held = select(Clock).where(Clock.case_id == case.id, Clock.holder == old, Clock.stopped_at.is_(None))
    for clock in list(work.session.scalars(held.order_by(Clock.id))):
        _pass_on(work, case, clock, new)


def resume_rectify(work: Work, case: Case, holder: str) -> None:
    """Go on with the rectifying clock where it stopped: what was left of it is given again."""
    last = work.session.scalar(
        select(Clock)
        .where(Clock.case_id == case.id, Clock.kind == "rectify", Clock.stopped_at.is_not(None))
        .order_by(Clock.stopped_at.desc(), Clock.id.desc())
        .limit(1)
    )
    clock = start(work, case, "rectify", holder, None if last is None else _left(work, last))
    clock.own_by = _own_by(work, case, clock)


def _left(work: Work, last: Clock) -> Reckoned:
    """What was left of a stopped clock, from now on. A clock that had run out is as overdue as it was."""
    stopped_at = last.stopped_at or work.now
    left = last.due_at - stopped_at
    if left <= timedelta():
        return Reckoned(last.due_at, in_hours=last.in_hours, set_by=last.set_by)
    if last.in_hours:
        return Reckoned(work.now + left, in_hours=True, set_by=last.set_by)
    days = _days_left(work, last, stopped_at)
    if days < 1:  # it stopped on its last day: that day's end, or the end of the next working day
        today = shanghai_day(work.now)
        tonight = end_of_day(today, work.county.limits.day_ends_at)
        if is_working_day(work.county.calendar, today) and tonight > work.now:
            return Reckoned(tonight, set_by=last.set_by)
        days = 1
    return Reckoned(after(work, work.now, days), days=days, since=work.now, set_by=last.set_by)


def _days_left(work: Work, clock: Clock, at: datetime) -> int:
    """Working days of the limit that were left at a moment, by the calendar as it is known now."""
    if clock.days is not None and clock.since is not None:
        return clock.days - working_days_between(work.county.calendar, clock.since, at)
    return working_days_between(work.county.calendar, at, clock.due_at)


def moment(work: Work, wished: date | datetime) -> datetime:
    """A deadline as somebody writes it: a moment, or a day that ends at the county's hour."""
    if isinstance(wished, datetime):
        return wished
    return end_of_day(wished, work.county.limits.day_ends_at)


def postpone(work: Work, clock: Clock, wished: date | datetime, set_by: str) -> datetime:
    """Set a running clock to a date that somebody decided. Returns the date that held before.

    Raises Fault when the new one is not in the future, earlier than the present one, or later than what the source of
    the case ordered: that is not the county's to give away, unless the source moves it (the action `order`).
    """
    due_at = moment(work, wished)
    ordered_by = work.session.scalar(select(Case.ordered_by).where(Case.id == clock.case_id))
    if ordered_by is not None and clock.due_at <= ordered_by < due_at:
        raise Fault(
            "beyond_order",
            f"来源要求在{words(ordered_by)}前办结。来源同意延期的，请先变更来源期限。",
            field="rectify_by",
        )
    if due_at <= work.now:
        raise Fault("deadline_past", "新的期限已经过去，请选择今后的日期。", field="rectify_by")
    if due_at < clock.due_at:
        raise Fault("deadline_earlier", f"新的期限不能早于现在的期限（{words(clock.due_at)}）。", field="rectify_by")
    before = clock.due_at
    _set(work, clock, Reckoned(due_at, in_hours=clock.in_hours, set_by=set_by))
    return before


def words(at: datetime) -> str:
    """A deadline in words: 2026年6月8日 23:59."""
    local = at.astimezone(SHANGHAI)
    return f"{day_words(local.date())} {local:%H:%M}"


def day_words(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def used(work: Work, case: Case, kind: Kind) -> tuple[int, timedelta]:
    """Working days and time that all stretches of this clock have taken up to now."""
    stretches = list(work.session.scalars(select(Clock).where(Clock.case_id == case.id, Clock.kind == kind)))
    ends = [(clock.started_at, clock.stopped_at or work.now) for clock in stretches]
    days = sum(working_days_between(work.county.calendar, begun, ended) for begun, ended in ends)
    return days, sum((ended - begun for begun, ended in ends), timedelta())


def regrade(work: Work, case: Case) -> Clock | None:
    """Give the running rectifying clock what the case's severity allows, less what has been used of it.

    A date set by a ruling or an extension stays, and so does a clock that has run out; what the source ordered is
    never passed. When the graver limit is
    already used up, one working day (or one hour) is left, but never more than there was. Returns the changed clock.
    """
    clock = running(work, case, "rectify")
    if clock is None or clock.set_by not in (None, "source") or clock.due_at <= work.now:
        return None
    days, hours = limit(work, case, "rectify")
    used_days, used_time = used(work, case, "rectify")
    if days is None:
        left = timedelta(hours=hours or 0) - used_time
        due_at = work.now + left if left > timedelta() else min(clock.due_at, work.now + timedelta(hours=1))
        reckoned = Reckoned(due_at, in_hours=True)
    else:
        reckoned = in_days(work, max(1, days - used_days))
        if days <= used_days and reckoned.due_at > clock.due_at and clock.set_by is None:
            return None
    _set(work, clock, within_order(work, case, "rectify", reckoned))
    clock.own_by = _own_by(work, case, clock)
    return clock


def order(work: Work, case: Case, wished: date | datetime) -> Clock | None:
    """Set what the source orders 来源要求期限; the rectifying clock follows it. Returns the clock when it changed."""
    case.ordered_by = moment(work, wished)
    if case.ordered_by <= work.now:
        raise Fault("deadline_past", "来源要求的期限已经过去，请核对日期。", field="ordered_by")
    clock = running(work, case, "rectify")
    if clock is None:
        return None
    if clock.set_by == "source":
        return regrade(work, case)
    if clock.due_at <= case.ordered_by or clock.due_at <= work.now:
        return None
    _set(work, clock, Reckoned(case.ordered_by, in_hours=clock.in_hours, set_by="source"))
    return clock


def reckon_again(work: Work, case: Case) -> list[dict[str, Any]]:
    """Reckon the running clocks anew that counted on a year without a calendar, now that it has one.

    Returns what the event says of each. A calendar that comes too late to take a day away leaves the deadline.
    """
    waiting = select(Clock).where(Clock.case_id == case.id, Clock.stopped_at.is_(None), Clock.provisional)
    done = []
    for clock in list(work.session.scalars(waiting)):
        if clock.since is None or clock.days is None:
            continue
        before, due_at = clock.due_at, after(work, clock.since, clock.days)
        if not calendar_covers(work.county.calendar, clock.since, due_at):
            continue
        if due_at <= work.now < before:
            due_at = before
        reckoned = Reckoned(due_at, days=clock.days, since=clock.since, set_by=clock.set_by)
        _set(work, clock, within_order(work, case, clock.kind, reckoned))
        clock.own_by = _own_by(work, case, clock)
        clock.provisional = False
        done.append({"clock": clock.kind, "holder": clock.holder, "before": before, "after": clock.due_at})
    return done
