"""What a chief owes 应巡 in a period, and what of it was done: pure, from terms of office and patrols walked.

A period follows the rules that are in force on its first day, so that nobody's month changes while it runs; rules that
are the county's first hold from their own first day. Who is in office, in season, or under the first rules for only a
part of a period owes that part, rounded half up.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import attrgetter
from uuid import UUID

from backend.clock import shanghai_day
from backend.domain.duty_periods import Period, period_of
from backend.rules.duty import PER_NAMES, Alert, Duty

_DAY = timedelta(days=1)
_ORDER = ("yellow", "orange", "red")
_BY_START = attrgetter("began_at", "patrol_id")
Office = tuple[UUID, str, str]  # person, role and unit


@dataclass(frozen=True)
class Term:
    """Somebody in an office for a time; `reaches` are those they answer for. `until` None: still."""

    role_id: UUID
    person_id: UUID
    name: str
    role: str
    unit: str
    reaches: tuple[str, ...]
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class Walked:
    """A valid patrol of one person in one office. `reaches`: those of their own that it counts for.

    `led`: they began it themselves; a companion's patrol counts as well, but gaps are measured from one's own.
    `late`: it reached the server after its month's cut-off.
    """

    patrol_id: UUID
    began_at: datetime
    reaches: tuple[str, ...]
    led: bool = True
    late: bool = False


@dataclass(frozen=True)
class Completion:
    """How a duty stands in one period. `needed` 0: nothing is owed. `patrols`: those that count, as walked.

    `lacking`: reaches not yet walked often enough, with how often still; `too_soon`: valid patrols that do not count
    because the gap was too short; `next_from`: before this moment the next one would not count.
    """

    term: Term
    duty: Duty
    period: Period
    needed: int
    done: int
    patrols: tuple[UUID, ...]
    late: int
    too_soon: int
    lacking: tuple[tuple[str, int], ...]
    next_from: datetime | None
    prorated: bool

    @property
    def fulfilled(self) -> bool:
        return self.done >= self.needed

    @property
    def words(self) -> str:
        """The duty in one sentence that a chief understands at once."""
        if not self.needed:
            return f"{self.period.name}没有巡河任务。"
        every = "每个河段" if self.duty.scope == "reach" else ""
        part = f"（按在任和应巡的天数折算，全{PER_NAMES[self.duty.per]}为{self._whole}次）" if self.prorated else ""
        if self.fulfilled:
            return f"{self.period.name}{every}应巡{self.needed}次{part}，已完成。"
        return (
            f"{self.period.name}{every}应巡{self.needed}次{part}，已巡{self.done}次，还差{self.needed - self.done}次。"
        )

    @property
    def _whole(self) -> int:
        return self.duty.times * (len(self.term.reaches) if self.duty.scope == "reach" else 1)


def share_owed(duty: Duty, period: Period, term: Term, rules_from: date) -> float:
    """The part of the period in which the duty holds for this term: in season, in office, under rules.

    A day of Asia/Shanghai of which any part was in office counts as whole.
    """
    first = max(period.first, rules_from, shanghai_day(term.since))
    last = period.last if term.until is None else min(period.last, shanghai_day(term.until))
    days = 0
    while first <= last:  # month by month: day by day took a third of the time of a large county's table
        ends = min(last, period_of("month", first).last)
        days += ((ends - first).days + 1) * duty.in_season(first.month)
        first = ends + _DAY
    return days / period.days


def complete(duty: Duty, period: Period, term: Term, walked: Sequence[Walked], rules_from: date) -> Completion:
    """How the duty of this term stands in this period. `walked`: also those before it, for the gap; in any order."""
    share = share_owed(duty, period, term, rules_from)
    each = math.floor(duty.times * share + 0.5)
    ordered = sorted(walked, key=_BY_START)
    if duty.scope == "reach":
        lines = {reach: [one for one in ordered if reach in one.reaches] for reach in term.reaches}
    else:
        lines = {"": ordered}
    counted: dict[str, list[Walked]] = {}
    too_soon: set[UUID] = set()
    next_from: list[datetime] = []
    for reach, line in lines.items():
        counted[reach], soon, after = _with_gaps(duty, period, line)
        too_soon |= soon
        next_from += [after] if after is not None else []
    done = sum(min(len(line), each) if duty.scope == "reach" else len(line) for line in counted.values())
    patrols = {one.patrol_id: one for line in counted.values() for one in line}
    lacking = tuple((reach, each - len(line)) for reach, line in counted.items() if reach and len(line) < each)
    return Completion(
        term=term,
        duty=duty,
        period=period,
        needed=each * len(lines),
        done=done,
        patrols=tuple(patrols),
        late=sum(one.late for one in patrols.values()),
        too_soon=len(too_soon - patrols.keys()),
        lacking=lacking,
        next_from=min(next_from, default=None),
        prorated=0 < share < 1,
    )


def _with_gaps(duty: Duty, period: Period, line: Sequence[Walked]) -> tuple[list[Walked], set[UUID], datetime | None]:
    """Those of the period that count, those too soon after the one before, and from when the next one counts."""
    gap = timedelta(hours=duty.min_gap_hours)
    counted: list[Walked] = []
    too_soon: set[UUID] = set()
    last: datetime | None = None
    for one in line:
        if one.began_at >= period.ends_at:
            break
        soon = one.led and gap and last is not None and one.began_at - last <= gap
        if one.began_at >= period.begins_at:
            if soon:
                too_soon.add(one.patrol_id)
            else:
                counted.append(one)
        if one.led and not soon:
            last = one.began_at
    return counted, too_soon, last + gap if gap and last is not None else None


def level(alerts: Sequence[Alert], now: Completion, missed: int, today: date) -> str | None:
    """The highest warning that holds: periods missed in a row before this one, or few days left of this one."""
    left = (now.period.last - today).days
    holding = {
        alert.level
        for alert in alerts
        if (alert.missed_periods is not None and missed >= alert.missed_periods)
        or (alert.days_left is not None and not now.fulfilled and 0 <= left <= alert.days_left)
    }
    return max(holding, key=_ORDER.index, default=None)


def office_of(term: Term) -> Office:
    """Which patrols are this term's: who is chief of two villages owes both, and walks in one of them at a time."""
    return term.person_id, term.role, term.unit


def by_office(found: Sequence[tuple[Office, Walked]]) -> dict[Office, list[Walked]]:
    """Patrols by the office in which they were walked."""
    groups: dict[Office, list[Walked]] = defaultdict(list)
    for office, walked in found:
        groups[office].append(walked)
    return groups
