"""A bomb of reports on one township is seen 举报激增: the office is told, nobody is refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import distinct, func, select

from backend.domain import notices
from backend.models import Case, Report, ReportSurge

if TYPE_CHECKING:
    from backend.work import Work


def watch(work: Work, case_id: UUID) -> None:
    """Look whether the case's report is one of too many on its township. Repeats say nothing again."""
    case = work.session.get(Case, case_id)
    unit = _township(case) if case is not None else None
    township = work.county.unit_by_code.get(unit or "")
    if township is None or township.kind != "township":
        return
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"report surge {township.code}"))))
    rules = work.county.rules.report_surges
    begun, told = work.now - timedelta(hours=rules.hours), _told_until(work, township.code)
    since = max(begun, told) if told else begun
    reports, anonymous, accounts = _count(work, township.code, since)
    if reports < rules.reports:
        return
    surge = ReportSurge(
        unit_code=township.code, at=work.now, hours=rules.hours, at_least=rules.reports, reports=reports,
        anonymous=anonymous, accounts=accounts, county_version=work.county_version,
    )  # fmt: skip
    work.session.add(surge)
    work.session.flush()
    body = f"{township.name}：{words(surge)}请核查是突发情况还是恶意举报。"
    notices.to_office(work, f"report-surge/{surge.id}", "report_surge", "举报激增", body)


def _township(case: Case) -> str | None:
    """Where the case is, or would be if the office did not have to look first."""
    return case.lead_unit or (case.routing or {}).get("lead")


def _told_until(work: Work, unit: str) -> datetime | None:
    return work.session.scalar(select(func.max(ReportSurge.at)).where(ReportSurge.unit_code == unit))


def _count(work: Work, unit: str, since: datetime) -> tuple[int, int, int]:
    """Reports of residents on the township since then, the anonymous ones of them, and the accounts of the others.

    A report counts where it is now: one that was joined to another counts with the case that it was joined to.
    """
    of_anonymous = func.count().filter(Report.account_id.is_(None))
    query = select(func.count(), of_anonymous, func.count(distinct(Report.account_id))).select_from(Report)
    place = func.coalesce(Case.lead_unit, Case.routing["lead"].astext)
    found = query.join(Case, Case.id == Report.case_id).where(
        Report.submitted_at > since, Report.source == "resident", place == unit
    )
    reports, anonymous, accounts = work.session.execute(found).one()
    return reports, anonymous, accounts


def words(surge: ReportSurge) -> str:
    """“6小时内收到12件群众举报，其中匿名9件，其余来自2个账号。”"""
    others = f"，其余来自{surge.accounts}个账号" if surge.accounts and surge.anonymous else ""
    whose = f"其中匿名{surge.anonymous}件{others}" if surge.anonymous else f"来自{surge.accounts}个账号"
    return f"{surge.hours}小时内收到{surge.reports}件群众举报，{whose}。"


def recent(work: Work, limit: int = 20) -> list[ReportSurge]:
    """What the office has to look at, the latest first; nothing for anybody else."""
    if work.actor.role != "office":
        return []
    since = work.now - timedelta(days=work.county.rules.report_surges.shown_days)
    query = select(ReportSurge).where(ReportSurge.at >= since).order_by(ReportSurge.at.desc(), ReportSurge.id.desc())
    return list(work.session.scalars(query.limit(limit)))
