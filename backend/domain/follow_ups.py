"""Look-backs 回头看: planned at the closing by rule, after a dispute, by a draw or by hand; carried out on the spot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from sqlalchemy import Select, and_, exists, func, or_, select, tuple_

from backend.clock import shanghai_day
from backend.domain import deadlines, risk_links, standing
from backend.domain.actors import OUTSIDE_ROLES, Actor, HeldRole
from backend.domain.faults import Conflict, Fault, Forbidden
from backend.domain.words import blank
from backend.geo import check_point, distance_m, to_wgs84
from backend.models import Case, CaseEvent, FollowUp, Person, RosterRole
from backend.rules.closure import LookBack

if TYPE_CHECKING:
    from backend.work import Work

Data = dict[str, Any]
Origin = Literal["rule", "sample", "dispute", "office", "own"]
ORIGINS = {
    "rule": "按规则安排",
    "sample": "抽查",
    "dispute": "举报人有异议",
    "office": "县河长办安排",
    "own": "督查人员自行回访",
}


# ---- planning --------------------------------------------------------------------------------------------------------


def plan_by_rule(work: Work, case: Case) -> Data:
    """At the closing: the soonest look-back that any of the county's rules asks for. What the event says."""
    asking = [rule for rule in work.county.rules.closure.look_back if _fits(work, rule, case)]
    if not asking:
        return {}
    names = "、".join(rule.name for rule in asking)
    days = min(rule.after_days for rule in asking)
    due_at = deadlines.after(work, work.now, days + work.county.rules.closure.look_back_within_days)
    from_on = shanghai_day(deadlines.after(work, work.now, days))
    return _plan(work, case, "rule", f"按规则回头看：{names}。", due_at, from_on)


def _fits(work: Work, rule: LookBack, case: Case) -> bool:
    return (
        (not rule.categories or case.category in rule.categories)
        and (not rule.severities or case.severity in rule.severities)
        and rule.urgent in (None, case.urgent)
        and rule.recurrent in (None, risk_links.recurrent(work, case))
        and rule.near_intake in (None, _near_intake(work, case))
    )


def _near_intake(work: Work, case: Case) -> bool:
    source = work.county.risk_source_by_code.get(case.risk_source or "")
    by_hand = source is not None and source.kind == "water_intake"
    return by_hand or bool((case.routing or {}).get("near_intake"))


def plan_after_dispute(work: Work, case: Case) -> Data:
    """At once: it takes the place of a look-back that was planned for later."""
    due_at = deadlines.after(work, work.now, work.county.rules.closure.dispute_within_days)
    return _plan(work, case, "dispute", "举报人对办理结果有异议，立即回头看。", due_at)


def plan(work: Work, case: Case, form: Data) -> Data:
    """By hand of the office, or for a draw (`draw_id`); `date`: the last day, else the county's limit."""
    origin: Origin = "sample" if form.get("draw_id") else "office"
    due_at = deadlines.after(work, work.now, work.county.rules.closure.look_back_within_days)
    wished: date | None = form.get("date")
    if wished is not None:
        due_at = deadlines.moment(work, wished)
        if due_at <= work.now:
            raise Fault("date_past", "回头看的期限不能早于今天。", field="date")
    return _plan(work, case, origin, form["reason"], due_at, draw_id=form.get("draw_id"), wished=form.get("inspector"))


def _plan(
    work: Work, case: Case, origin: Origin, reason: str, due_at: datetime, from_on: date | None = None,
    draw_id: UUID | None = None, wished: UUID | None = None,
) -> Data:  # fmt: skip
    former = planned(work, case)
    if former is not None:
        _supersede(work, former)
    follow_up = FollowUp(
        case_id=case.id, origin=origin, reason=reason, planned_at=work.now, from_on=from_on or shanghai_day(work.now),
        due_at=due_at, county_version=work.county_version, draw_id=draw_id,
    )  # fmt: skip
    follow_up.inspector_id = _checked(work, case, wished) if wished else least_busy(work, case)
    work.session.add(follow_up)
    work.session.flush()
    return _said(follow_up)


def _supersede(work: Work, follow_up: FollowUp) -> None:
    follow_up.state, follow_up.ended_at = "superseded", work.now
    work.session.flush()


def _said(follow_up: FollowUp) -> Data:
    return {
        "follow_up": {
            "id": follow_up.id,
            "origin": follow_up.origin,
            "from_on": follow_up.from_on,
            "due_at": follow_up.due_at,
            "inspector": follow_up.inspector_id,
        }
    }


def planned(work: Work, case: Case) -> FollowUp | None:
    """The look-back that is still to come."""
    return work.session.scalar(select(FollowUp).where(FollowUp.case_id == case.id, FollowUp.state == "planned"))


# ---- who ------------------------------------------------------------------------------------------------------------


def assign(work: Work, case: Case, form: Data) -> Data:
    """Give the planned look-back to `form["inspector"]`, a person on the roster."""
    follow_up = planned(work, case)
    assert follow_up is not None  # the guard
    follow_up.inspector_id = _checked(work, case, form["inspector"])
    return _said(follow_up)


def _checked(work: Work, case: Case, person_id: UUID) -> UUID:
    person = work.session.get(Person, person_id)
    held = _held(person) if person else []
    if person is None or not any(role.role in OUTSIDE_ROLES for role in held):
        raise Fault("not_an_inspector", "请选择督查员、县河长办人员或县级河长。", field="inspector")
    if standing.concerned(work, case, person.id, held):
        raise Fault("inspector_concerned", f"{person.name}与主办单位有关，不能回头看，请另选他人。", field="inspector")
    return person.id


def _held(person: Person) -> list[HeldRole]:
    return [HeldRole(role.role, role.unit_code) for role in person.roles if role.ended_at is None]


def least_busy(work: Work, case: Case) -> UUID | None:
    """The inspector with the fewest look-backs before them who stands outside the unit and has not closed the case.

    None when there is nobody: then it waits in the office's queue.
    """
    waiting = select(FollowUp.inspector_id, func.count().label("n")).where(FollowUp.state == "planned")
    load = waiting.group_by(FollowUp.inspector_id).subquery()
    free = (
        select(Person)
        .join(RosterRole, and_(RosterRole.person_id == Person.id, RosterRole.ended_at.is_(None)))
        .outerjoin(load, load.c.inspector_id == Person.id)
        .where(RosterRole.role == "inspector", Person.id.not_in(_closers(work, case)))
        .order_by(func.coalesce(load.c.n, 0), Person.id)
    )
    for person in work.session.scalars(free):
        if not standing.concerned(work, case, person.id, _held(person)):
            return person.id
    return None


def _closers(work: Work, case: Case) -> list[UUID]:
    """Whoever has closed the case before, the present actor included: another pair of eyes looks back."""
    closed = select(CaseEvent.actor).where(CaseEvent.case_id == case.id, CaseEvent.action == "close")
    labels = {*work.session.scalars(closed), work.actor.label}
    return [UUID(label.removeprefix("person:")) for label in labels if label.startswith("person:")]


# ---- carrying it out -------------------------------------------------------------------------------------------------


def carry_out(work: Work, case: Case, form: Data, result: Literal["passed", "failed"]) -> Data:
    """Take down what an inspector found on the spot. What the event says.

    Ends the planned look-back, unless its day has not come: whoever goes before goes on their own account, and only a
    relapse makes the planned one needless. `form["place"]`: lon, lat, coord_type of where the inspector stands.
    Raises Fault when that is far from the place and no reason is given.
    """
    follow_up = planned(work, case)
    if follow_up is None or follow_up.from_on > shanghai_day(work.now):
        if follow_up is not None and result == "failed":
            _supersede(work, follow_up)
        follow_up = FollowUp(
            case_id=case.id, origin="own", reason="督查人员自行回访。", planned_at=work.now,
            from_on=shanghai_day(work.now), due_at=work.now, county_version=work.county_version,
        )  # fmt: skip
        work.session.add(follow_up)
    follow_up.lon, follow_up.lat = _stood(form["place"])
    follow_up.distance_m = _distance(work, case, follow_up, form)
    follow_up.state, follow_up.ended_at, follow_up.ended_seq = result, work.now, case.version + 1
    follow_up.ended_by = work.actor.label
    work.session.flush()
    said: Data = {"id": follow_up.id, "origin": follow_up.origin}
    if follow_up.distance_m is not None:
        said["distance_m"] = round(follow_up.distance_m)
    return {"carried_out": said}


def _stood(place: Data) -> tuple[float, float]:
    check_point(place["lon"], place["lat"])
    return to_wgs84(place["lon"], place["lat"], place["coord_type"])


def _distance(work: Work, case: Case, follow_up: FollowUp, form: Data) -> float | None:
    """Metres between inspector and case; far away wants a reason, for a look-back is made on the spot."""
    if case.place_from != "given" or follow_up.lon is None or follow_up.lat is None:
        return None
    away = distance_m(follow_up.lon, follow_up.lat, case.lon, case.lat)
    sure = min(form["place"].get("accuracy_m") or 0, 200)
    limit = max(work.county.rules.closure.on_spot_m, work.county.rules.closure.away(case.category)) + sure
    if away > limit and blank(form.get("reason") or ""):
        far = f"{away:.0f} 米" if away < 1000 else f"{away / 1000:.1f} 公里"
        raise Fault(
            "far_from_place", f"您现在离问题地点约 {far}，请到现场再提交；到不了现场的，请写明原因。", field="reason"
        )
    return away


# ---- looking at them -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filter:
    """Which look-backs are asked for; empty means: all that the actor may see. `unit`: the case's lead unit."""

    state: str | None = None
    origin: str | None = None
    unit: str | None = None
    mine: bool = False
    unassigned: bool = False
    overdue: bool = False


def page(work: Work, wanted: Filter, before: str | None, limit: int) -> tuple[list[FollowUp], str | None]:
    """Look-backs by due date, and the cursor behind the page. The office and county chiefs see all, inspectors theirs.

    Raises Forbidden for units: nobody is told that an inspector is coming.
    """
    if work.actor.role not in OUTSIDE_ROLES:
        raise Forbidden("inspectors_only", "只有县河长办、县级河长和督查员可以查看回头看安排。")
    query = _matching(work, wanted).order_by(FollowUp.due_at, FollowUp.id)
    if before is not None:
        query = query.where(tuple_(FollowUp.due_at, FollowUp.id) > tuple_(*_read_cursor(before)))
    found = list(work.session.scalars(query.limit(limit)))
    last = found[-1] if len(found) == limit else None
    return found, f"{last.due_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z~{last.id}" if last else None


def _matching(work: Work, wanted: Filter) -> Select[FollowUp]:
    query = select(FollowUp)
    if wanted.mine or work.actor.role == "inspector":
        mine = or_(FollowUp.inspector_id == work.actor.person_id, FollowUp.ended_by == work.actor.label)
        query = query.where(mine)
    if wanted.state:
        query = query.where(FollowUp.state == wanted.state)
    if wanted.origin:
        query = query.where(FollowUp.origin == wanted.origin)
    if wanted.unit:
        query = query.where(exists().where(Case.id == FollowUp.case_id, Case.lead_unit == wanted.unit))
    if wanted.unassigned:
        query = query.where(FollowUp.state == "planned", _given_to_nobody())
    if wanted.overdue:
        query = query.where(FollowUp.due_at < func.coalesce(FollowUp.ended_at, work.now))
    return query


def left_behind() -> Select[FollowUp]:
    """Those that are still to come and that nobody serving is to carry out."""
    return select(FollowUp).where(FollowUp.state == "planned", _given_to_nobody()).order_by(FollowUp.due_at)


def _given_to_nobody() -> Any:
    """Not assigned, or to somebody who holds no such office any more."""
    serving = exists().where(
        RosterRole.person_id == FollowUp.inspector_id,
        RosterRole.role.in_(OUTSIDE_ROLES),
        RosterRole.ended_at.is_(None),
    )
    return or_(FollowUp.inspector_id.is_(None), ~serving)


def _read_cursor(before: str) -> tuple[datetime, UUID]:
    try:
        at, _, id_ = before.rpartition("~")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("a moment needs its zone")
        return moment, UUID(id_)
    except ValueError:
        raise Fault("bad_cursor", "翻页信息无效，请从第一页重新查看。", field="before") from None


def of_case(work: Work, case: Case) -> list[FollowUp]:
    """The look-backs of a case, oldest first; a unit sees only what was carried out."""
    query = select(FollowUp).where(FollowUp.case_id == case.id)
    if work.actor.role not in OUTSIDE_ROLES:
        query = query.where(FollowUp.state.in_(("passed", "failed")))
    return list(work.session.scalars(query.order_by(FollowUp.planned_at, FollowUp.id)))


def hidden(actor: Actor, action: str) -> bool:
    """Whether an event is kept from this official: a unit is not told that somebody comes to look."""
    return action in ("plan_follow_up", "assign_follow_up") and actor.role not in OUTSIDE_ROLES


# ---- guards ----------------------------------------------------------------------------------------------------------


def none_planned(work: Work, case: Case, *_: Any) -> Fault | None:
    if planned(work, case) is None:
        return None
    return Conflict("follow_up_planned", "这个案件已经安排了回头看。")


def one_planned(work: Work, case: Case, *_: Any) -> Fault | None:
    return None if planned(work, case) else Conflict("no_follow_up", "这个案件还没有安排回头看。")


def none_pending(work: Work, case: Case, *_: Any) -> Fault | None:
    if planned(work, case) is None:
        return None
    return Conflict("follow_up_pending", "回头看还没有完成，暂不能归档。")
