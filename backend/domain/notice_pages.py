"""Where a notice leads: the page of the mini program that its reader opens by a tap, in the inbox or in WeChat."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from backend.models import Handover, Notice, Report

if TYPE_CHECKING:
    from backend.work import Work

HOME = "pages/home/home"
CASE = "packages/official/case/case"
INBOX = "packages/official/inbox/inbox"
DEPUTIES = "packages/official/deputies/deputies"
REPORT = "packages/resident/detail/detail"
REPORTS = "packages/resident/mine/mine"
PATROL = "packages/chief/patrol/patrol"
DUTIES = "packages/chief/duties/duties"
# Every page named here; the mini program has them all (tests/test_miniprogram.py).
PAGES = (HOME, CASE, INBOX, DEPUTIES, REPORT, REPORTS, PATROL, DUTIES)


def page_of(work: Work, notice: Notice) -> str | None:
    """The page with its query; None where there is nothing more to see on a phone."""
    if notice.patrol_id is not None:
        return f"{PATROL}?id={notice.patrol_id}"
    if notice.case_id is not None:
        return _of_reporter(work, notice) if notice.account_id is not None else f"{CASE}?id={notice.case_id}"
    if notice.kind.startswith("delegation_"):
        return DEPUTIES
    if notice.kind == "duty_alert" and notice.key.endswith("/chief"):  # a head hears of it too, and owes no patrol
        return DUTIES
    if notice.kind == "handover":
        _, handover, _ = notice.key.split("/")
        return DUTIES if work.session.get_one(Handover, UUID(handover)).moved.get("reaches") else INBOX
    return None


def _of_reporter(work: Work, notice: Notice) -> str:
    """Their report in this case; after a merge it hangs on another case, and is found in the list of theirs."""
    theirs = Report.account_id == notice.account_id, Report.case_id == notice.case_id
    report = work.session.scalar(select(Report.id).where(*theirs).order_by(Report.id.desc()).limit(1))
    return f"{REPORT}?id={report}" if report else REPORTS
