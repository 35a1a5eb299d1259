"""Alerts 预警: so many cases in so many days on one risk source."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select

from backend.county import RiskSource
from backend.domain import notices, risk_sources
from backend.domain.actors import TIMER, UNIT_ROLES
from backend.models import Case, RiskSourceAlert, RosterRole
from backend.rules.risk_sources import Alert

if TYPE_CHECKING:
    from backend.work import Work

_CHIEFS = frozenset({"county_chief", "township_chief"})


def watch(work: Work, case_id: UUID) -> None:
    """Look whether this case is one too many on its source. A case is told of in one alert of a rule at most, so that
    repeats say nothing again."""
    work.actor = TIMER
    case = work.session.get(Case, case_id)
    source = work.county.risk_source_by_code.get(case.risk_source or "") if case else None
    if source is None:
        return
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"risk source {source.code}"))))
    for rule in work.county.rules.risk_sources.alerts_for(source.kind):
        new = _not_told_of(work, source.code, rule)
        if len(new) >= rule.cases:
            _alert(work, source, rule, new)


def _not_told_of(work: Work, code: str, rule: Alert) -> list[Case]:
    earlier = select(RiskSourceAlert.cases).where(
        RiskSourceAlert.code == code, RiskSourceAlert.days == rule.days, RiskSourceAlert.at_least == rule.cases
    )
    told = {UUID(case_id) for cases in work.session.scalars(earlier) for case_id in cases}
    recent = select(Case).where(
        Case.risk_source == code, Case.opened_at >= work.now - timedelta(days=rule.days),
        Case.state.not_in(("merged", "rejected")),
    )  # fmt: skip
    return [case for case in work.session.scalars(recent.order_by(Case.opened_at)) if case.id not in told]


def _alert(work: Work, source: RiskSource, rule: Alert, cases: list[Case]) -> None:
    alert = RiskSourceAlert(
        code=source.code, at=work.now, days=rule.days, at_least=rule.cases, cases=[str(case.id) for case in cases],
        county_version=work.county_version,
    )  # fmt: skip
    work.session.add(alert)
    work.session.flush()
    risk_sources.note(work, source.code, "alert", {"alert": alert.id, "cases": len(cases), "days": rule.days})
    title, body = "风险源预警", f"{source.name}{rule.days}天内新增{len(cases)}件案件，请核查源头。"
    key = f"risk-alert/{alert.id}"
    notices.to_office(work, key, "risk_alert", title, body)
    for person in _concerned(work, source):
        notices.to_person(work, f"{key}/p{person}", person, "risk_alert", title, body)


def _concerned(work: Work, source: RiskSource) -> set[UUID]:
    """The people of the unit that answers for the source, and the chiefs of its reach."""
    query = select(RosterRole).where(RosterRole.ended_at.is_(None), RosterRole.role.in_(UNIT_ROLES | _CHIEFS))
    return {
        role.person_id
        for role in work.session.scalars(query)
        if (role.role in UNIT_ROLES and role.unit_code == source.unit)
        or (role.role in _CHIEFS and source.reach is not None and source.reach in role.reaches)
    }


def of_source(work: Work, code: str, limit: int = 50) -> list[RiskSourceAlert]:
    """The alerts of a source, newest first."""
    query = select(RiskSourceAlert).where(RiskSourceAlert.code == code)
    return list(work.session.scalars(query.order_by(RiskSourceAlert.id.desc()).limit(limit)))
