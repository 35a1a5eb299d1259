"""Measures 措施 of the plans 一源一策, as items with an owner and a day: added, changed, done on evidence, overdue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Select, select, tuple_

from backend.clock import shanghai_day
from backend.domain import notices, photos, risk_sources
from backend.domain.actors import OUTSIDE_ROLES, UNIT_ROLES
from backend.domain.faults import Conflict, Fault, Forbidden, NotFound
from backend.domain.photos import PhotoRef
from backend.domain.words import blank
from backend.models import Measure

if TYPE_CHECKING:
    from backend.work import Work

STATES = {"open": "进行中", "done": "已完成", "dropped": "已取消"}
_FIELDS = ("text", "unit_code", "person", "due_on")


@dataclass(frozen=True)
class MeasureForm:
    """What is to be done, by whom of which unit, until the end of which day of Asia/Shanghai."""

    text: str
    unit_code: str
    person: str
    due_on: date


def add(work: Work, code: str, form: MeasureForm) -> Measure:
    """Add a measure to an intake's plan."""
    if risk_sources.get(work, code).kind != "water_intake":
        raise Conflict("not_an_intake", "只有饮用水取水口需要“一源一策”方案。")
    _check(work, form)
    measure = Measure(code=code, made_at=work.now, **{name: getattr(form, name) for name in _FIELDS})
    work.session.add(measure)
    work.session.flush()
    risk_sources.note(work, code, "measure_added", {"measure": measure.id, **_said(measure)})
    return measure


def change(work: Work, measure_id: UUID, form: MeasureForm, reason: str, seen: int) -> Measure:
    """Change an open measure; what it was before is kept in the history with the reason."""
    measure = _mine_to_change(work, measure_id, seen, "open")
    _check(work, form)
    _needs(reason, "reason", "变更原因")
    before = _said(measure)
    for name in _FIELDS:
        setattr(measure, name, getattr(form, name))
    after = _said(measure)
    changed = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    if not changed:
        raise Conflict("nothing_changed", "内容没有变化。")
    if "due_on" in changed:
        measure.overdue_told_at = None
    return _noted(work, measure, "measure_changed", {"changed": changed, "reason": reason})


def finish(work: Work, measure_id: UUID, words: str, refs: list[PhotoRef], seen: int) -> Measure:
    """The owner, or the office, says that it is done, and shows it."""
    measure = _locked(work, measure_id)
    owner = work.actor.role in UNIT_ROLES and work.actor.unit == measure.unit_code
    if not owner and work.actor.role != "office":
        raise Forbidden("not_yours_to_do", "只有责任单位或县河长办可以填报完成情况。")
    _in_state(measure, "open", seen)
    _needs(words, "words", "完成情况")
    if not refs:
        raise Fault("missing_field", "请至少上传一张完成后的照片。", field="photos")
    for ref in refs:
        photos.attach_to_measure(work, ref, measure)
    measure.state, measure.done_at, measure.done_by, measure.done_words = "done", work.now, work.actor.label, words
    late = shanghai_day(work.now) > measure.due_on
    return _noted(work, measure, "measure_done", {"late": late, "photos": [ref.id for ref in refs]})


def reopen(work: Work, measure_id: UUID, reason: str, seen: int) -> Measure:
    """The office is not satisfied with what was shown: the measure is open again, due as it was."""
    measure = _mine_to_change(work, measure_id, seen, "done")
    _needs(reason, "reason", "退回原因")
    measure.state, measure.done_at, measure.done_by, measure.done_words = "open", None, None, None
    return _noted(work, measure, "measure_reopened", {"reason": reason})


def drop(work: Work, measure_id: UUID, reason: str, seen: int) -> Measure:
    """The office gives a measure up, with the reason on record."""
    measure = _mine_to_change(work, measure_id, seen, "open")
    _needs(reason, "reason", "取消原因")
    measure.state = "dropped"
    return _noted(work, measure, "measure_dropped", {"reason": reason})


def _mine_to_change(work: Work, measure_id: UUID, seen: int, state: str) -> Measure:
    measure = _locked(work, measure_id)
    if work.actor.role != "office":
        raise Forbidden("not_yours_to_do", "只有县河长办可以变更措施。")
    _in_state(measure, state, seen)
    return measure


def _locked(work: Work, measure_id: UUID) -> Measure:
    measure = work.session.get(Measure, measure_id, with_for_update=True, populate_existing=True)
    if measure is None:
        raise NotFound("找不到这条措施。")
    return measure


def _in_state(measure: Measure, state: str, seen: int) -> None:
    """After the question of who asks: whoever may not do it does not learn how often it was changed."""
    if measure.version != seen:
        raise Conflict("stale_version", "这条措施刚刚被别人修改过，请刷新后再操作。", version=measure.version)
    if measure.state != state:
        raise Conflict("wrong_state", f"这条措施当前为“{STATES[measure.state]}”，不能做此操作。", state=measure.state)


def _check(work: Work, form: MeasureForm) -> None:
    _needs(form.text, "text", "措施内容")
    _needs(form.person, "person", "责任人")
    if form.unit_code not in work.county.unit_by_code:
        raise Fault("unknown_unit", "没有这个责任单位，请从列表中选择。", field="unit")
    if form.due_on < shanghai_day(work.now):
        raise Fault("date_past", "完成期限不能早于今天。", field="due_on")


def _needs(value: str, name: str, title: str) -> None:
    if blank(value):
        raise Fault("missing_field", f"请填写{title}。", field=name)


def _said(measure: Measure) -> dict[str, Any]:
    return {name: getattr(measure, name) for name in _FIELDS}


def _noted(work: Work, measure: Measure, kind: str, data: dict[str, Any]) -> Measure:
    measure.version += 1
    risk_sources.note(work, measure.code, kind, {"measure": measure.id, **data})
    return measure


# ---- looking at them -------------------------------------------------------------------------------------------------


def overdue(measure: Measure, today: date) -> bool:
    return measure.state == "open" and measure.due_on < today


def get(work: Work, measure_id: UUID) -> Measure:
    """A measure that the actor may see: the county's people all, a unit its own."""
    measure = work.session.scalar(_visible(work).where(Measure.id == measure_id))
    if measure is None:
        raise NotFound("找不到这条措施。")
    return measure


def of_source(work: Work, code: str) -> list[Measure]:
    query = select(Measure).where(Measure.code == code)
    return list(work.session.scalars(query.order_by(Measure.due_on, Measure.id)))


def page(
    work: Work, state: str | None, unit: str | None, late: bool, before: str | None, limit: int
) -> tuple[list[Measure], str | None]:
    """Measures by the day they are due, and the cursor behind the page. `late`: only those that are overdue."""
    query = _visible(work)
    if state:
        query = query.where(Measure.state == state)
    if unit:
        query = query.where(Measure.unit_code == unit)
    if late:
        query = query.where(Measure.state == "open", Measure.due_on < shanghai_day(work.now))
    if before is not None:
        query = query.where(tuple_(Measure.due_on, Measure.id) > tuple_(*_read_cursor(before)))
    found = list(work.session.scalars(query.order_by(Measure.due_on, Measure.id).limit(limit)))
    last = found[-1] if len(found) == limit else None
    return found, f"{last.due_on}~{last.id}" if last else None


def _visible(work: Work) -> Select[Measure]:
    query = select(Measure)
    if work.actor.role in OUTSIDE_ROLES:
        return query
    return query.where(Measure.unit_code == work.actor.unit)


def _read_cursor(before: str) -> tuple[date, UUID]:
    try:
        day, _, id_ = before.rpartition("~")
        return date.fromisoformat(day), UUID(id_)
    except ValueError:
        raise Fault("bad_cursor", "翻页信息无效，请从第一页重新查看。", field="before") from None


def tell_overdue(work: Work) -> None:
    """Tell the owners and the office of each measure that became overdue, once."""
    due = select(Measure).where(
        Measure.state == "open", Measure.due_on < shanghai_day(work.now), Measure.overdue_told_at.is_(None)
    )
    for measure in work.session.scalars(due.with_for_update(skip_locked=True)):
        measure.overdue_told_at = work.now
        source = work.county.risk_source_by_code.get(measure.code)
        name = source.name if source else measure.code
        day = f"{measure.due_on.month}月{measure.due_on.day}日"
        title, body = "一源一策措施逾期", f"{name}的一项措施应在{day}前完成，至今没有完成。"
        key = f"measure/{measure.id}/{measure.due_on}"
        notices.to_office(work, key, "measure_overdue", title, body)
        for person in notices.holders(work, measure.unit_code, UNIT_ROLES):
            notices.to_person(work, f"{key}/p{person}", person, "measure_overdue", title, body)
