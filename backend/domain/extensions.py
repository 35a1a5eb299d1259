"""Extensions 延期: asked for by the lead unit before its deadline, decided by the office, both dates kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select, update

from backend.domain import deadlines
from backend.domain.actors import Actor
from backend.domain.faults import Conflict, Fault
from backend.domain.visibility import visible
from backend.models import Case, Clock, Extension

if TYPE_CHECKING:
    from backend.work import Work

Form = dict[str, Any]
Data = dict[str, Any]

STATES = {"open": "待决定", "granted": "已同意", "refused": "未同意", "withdrawn": "已撤回", "lapsed": "已失效"}


def waiting(work: Work, case: Case) -> Extension | None:
    """The request that is not decided yet; a case has one at most."""
    return work.session.scalar(select(Extension).where(Extension.case_id == case.id, Extension.state == "open"))


def granted(work: Work, case: Case) -> int:
    """How many extensions the case has been given in its whole life."""
    count = select(func.count()).where(Extension.case_id == case.id, Extension.state == "granted")
    return work.session.scalar(count) or 0


# ---- guards and effects of the table in states.py --------------------------------------------------------------------


def before_the_deadline(work: Work, case: Case, actor: Actor) -> Fault | None:
    clock = deadlines.running(work, case, "rectify")
    if clock is None or work.now > clock.due_at:
        return Conflict(
            "too_late_to_extend", "整改期限已过，不能再申请延期。请尽快完成整改并申请销号；确有困难请联系县河长办。"
        )
    return None


def some_left(work: Work, case: Case, actor: Actor) -> Fault | None:
    limit = work.county.limits.extensions_max
    if granted(work, case) < limit:
        return None
    return Conflict("no_extension_left", f"每个案件最多延期 {limit} 次，已经用完，请按现在的期限完成整改。")


def none_waiting(work: Work, case: Case, actor: Actor) -> Fault | None:
    if waiting(work, case) is None:
        return None
    return Conflict("extension_waiting", "已经有一份延期申请在等县河长办决定，请等结果，或先撤回再重新申请。")


def one_waiting(work: Work, case: Case, actor: Actor) -> Fault | None:
    return None if waiting(work, case) else Conflict("no_extension_waiting", "没有等待决定的延期申请。")


def ask(work: Work, case: Case, form: Form) -> Data:
    clock = _rectifying(work, case)
    wished = deadlines.moment(work, form["rectify_by"])
    if wished <= clock.due_at:
        now_due = deadlines.words(clock.due_at)
        raise Fault("deadline_earlier", f"希望的期限应晚于现在的期限（{now_due}）。", field="rectify_by")
    extension = Extension(
        case_id=case.id, unit_code=clock.holder, asked_by=work.actor.label, asked_at=work.now, reason=form["reason"],
        due_before=clock.due_at, wished_by=wished,
    )  # fmt: skip
    work.session.add(extension)
    work.session.flush()
    return {"extension": extension.id, "rectify_by": wished, "rectify_by_before": clock.due_at}


def withdraw(work: Work, case: Case, form: Form) -> Data:
    return {"extension": _end(work, case, "withdrawn").id}


def grant(work: Work, case: Case, form: Form) -> Data:
    """Set the clock to the wished date, or to the one that the office names instead.

    Decided after the deadline, it holds from the old deadline on: what was overdue meanwhile is charged to nobody, not
    to a unit either that handed the case over while the request was waiting.
    """
    clock, extension = _rectifying(work, case), _waiting(work, case)
    until = deadlines.moment(work, form.get("rectify_by") or extension.wished_by)
    if until == clock.due_at:
        raise Fault(
            "deadline_earlier", "新的期限就是现在的期限，请选择更晚的日期，或者不同意延期。", field="rectify_by"
        )
    before = deadlines.postpone(work, clock, until, "extension")
    meanwhile = (Clock.case_id == case.id, Clock.kind == "rectify", Clock.stopped_at > extension.asked_at)
    work.session.execute(update(Clock).where(*meanwhile, Clock.due_at < until).values(due_at=until, set_by="extension"))
    _end(work, case, "granted").granted_until = until
    _decided(work, extension, form)
    return {"extension": extension.id, "rectify_by": until, "rectify_by_before": before}


def refuse(work: Work, case: Case, form: Form) -> Data:
    extension = _end(work, case, "refused")
    _decided(work, extension, form)
    return {"extension": extension.id, "rectify_by": _rectifying(work, case).due_at}


def lapse(work: Work, case: Case) -> Data:
    """The case has left the rectifying: a request that nobody decided ends with it. Returns what the event says."""
    extension = waiting(work, case)
    if extension is None:
        return {}
    extension.state = "lapsed"
    return {"extension_lapsed": extension.id}


def _rectifying(work: Work, case: Case) -> Clock:
    clock = deadlines.running(work, case, "rectify")
    if clock is None:
        raise Conflict("no_deadline", "这个案件现在没有整改期限，不能延期。")
    return clock


def _waiting(work: Work, case: Case) -> Extension:
    extension = waiting(work, case)
    if extension is None:
        raise Conflict("no_extension_waiting", "没有等待决定的延期申请。")
    return extension


def _end(work: Work, case: Case, how: str) -> Extension:
    extension = _waiting(work, case)
    extension.state = how
    return extension


def _decided(work: Work, extension: Extension, form: Form) -> None:
    extension.decided_at, extension.decided_by = work.now, work.actor.label
    extension.decision, extension.county_version = form["reason"], work.county_version


# ---- what is read ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filter:
    """What of the extensions is asked for; empty means: all that the actor may see."""

    state: str | None = None
    unit: str | None = None
    case_id: UUID | None = None


def page(work: Work, wanted: Filter, before: UUID | None, limit: int) -> list[tuple[Extension, Case]]:
    """Extensions of the cases that the actor may see, the latest first, after the cursor `before`."""
    query = select(Extension, Case).join(Case, Case.id == Extension.case_id).where(visible(work.actor))
    for column, value in (
        (Extension.state, wanted.state),
        (Extension.unit_code, wanted.unit),
        (Extension.case_id, wanted.case_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if before is not None:
        query = query.where(Extension.id < before)
    return [(row[0], row[1]) for row in work.session.execute(query.order_by(Extension.id.desc()).limit(limit))]
