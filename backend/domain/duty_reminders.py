"""Reminders of patrol duties 巡河提醒 by hand: to whom, how often at the most, and on record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select

from backend.clock import SHANGHAI
from backend.domain import duties, notices
from backend.domain.actors import ROLE_NAMES, UNIT_ROLES
from backend.domain.duties import Standing
from backend.domain.faults import Conflict, Fault, Forbidden, NotFound
from backend.domain.words import blank
from backend.models import DutyReminder, RosterRole

if TYPE_CHECKING:
    from backend.work import Work

# An inspector looks on; a chief without a unit to lead reminds nobody.
REMINDING = UNIT_ROLES | {"office", "county_chief", "township_chief"}
MOST = 200


def may_remind(work: Work) -> bool:
    """Whether this role reminds at all: of chiefs whose duties it sees, and never of one's own."""
    return work.actor.role in REMINDING


def last_sent(work: Work, role_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """When each of these chiefs was last reminded by hand."""
    query = select(DutyReminder.role_id, func.max(DutyReminder.sent_at)).where(DutyReminder.role_id.in_(role_ids))
    return dict(work.session.execute(query.group_by(DutyReminder.role_id)).all())


def look(work: Work, role_ids: Iterable[UUID]) -> list[tuple[UUID, Standing | None, Fault | None]]:
    """What reminding these chiefs would do: of each how the duty stands now, and why they cannot be reminded."""
    wanted = sorted(set(role_ids))
    if not may_remind(work):
        raise Forbidden("not_yours_to_do", "只有县河长办、县级河长和河长所在的乡镇可以提醒巡河。")
    if len(wanted) > MOST:
        raise Fault("too_many", f"一次最多提醒 {MOST} 人，请分几次。", field="role_ids")
    chosen = duties.visible(work) & RosterRole.id.in_(wanted)
    standing = {one.now.term.role_id: one for one in duties.standings(work, chosen, MOST)}
    sent = last_sent(work, wanted)
    return [(one, standing.get(one), why_not(work, standing.get(one), sent.get(one))) for one in wanted]


def why_not(work: Work, one: Standing | None, sent_at: datetime | None) -> Fault | None:
    """Why this chief is not to be reminded now; None: may be."""
    hours = work.county.rules.duty.remind_again_after_hours
    if one is None:
        return NotFound("找不到这位河长，或不归您提醒。", "unknown_chief")
    if one.now.term.person_id == work.actor.person_id:
        return Conflict("own_duty", "这是您自己的巡河任务。")
    if one.now.fulfilled:
        return Conflict("nothing_owed", f"{one.now.words}不用提醒。")
    if sent_at is not None and work.now < sent_at + timedelta(hours=hours):
        at = sent_at.astimezone(SHANGHAI)
        return Conflict("reminded_lately", f"{at:%m-%d %H:%M}已经提醒过，{hours}小时内不重复提醒。")
    return None


def remind_all(work: Work, role_ids: Iterable[UUID], reason: str) -> list[dict[str, str | bool | None]]:
    """Remind many chiefs in the same words; says of each whether it was done, and why not. Cannot be undone.

    Two who press at once remind once: the offices are locked, in the order of their ids.
    """
    if blank(reason):
        raise Fault("missing_field", "提醒要写一句话。", field="reason")
    wanted = sorted(set(role_ids))
    locked = select(RosterRole.id).where(RosterRole.id.in_(wanted)).order_by(RosterRole.id)
    work.session.execute(locked.with_for_update(key_share=True)).all()
    return [_remind(work, role_id, one, fault, reason) for role_id, one, fault in look(work, wanted)]


def _remind(
    work: Work, role_id: UUID, one: Standing | None, fault: Fault | None, reason: str
) -> dict[str, str | bool | None]:
    name = one.now.term.name if one else None
    if one is None or fault is not None:
        return {"role_id": str(role_id), "name": name, "reminded": False,
                "code": fault.code if fault else None, "title": fault.title if fault else None}  # fmt: skip
    now = one.now
    made = DutyReminder(
        role_id=role_id, per=now.period.per, first=now.period.first, needed=now.needed, done=now.done, reason=reason,
        by=work.actor.label, by_role=work.actor.role, sent_at=work.now,
    )  # fmt: skip
    work.session.add(made)
    work.session.flush()
    words = f"{now.words}{ROLE_NAMES[work.actor.role]}提醒：{reason}"
    notices.to_person(work, f"duty-reminder/{made.id}", now.term.person_id, "duty_reminder", "巡河提醒", words)
    return {"role_id": str(role_id), "name": name, "reminded": True, "code": None, "title": None}
