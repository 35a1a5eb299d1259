"""The reporter's side of a case: supplement, dispute, appeal, rating, withdrawal. Each report has its own of them.

Several people may have reported one thing. What one of them said or did takes nothing from another, and after a split
goes with their own report.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from backend.domain import content, photos
from backend.domain.actors import Actor
from backend.domain.events import text_digest
from backend.domain.faults import Conflict, Fault
from backend.domain.masking import mask, needs_release
from backend.domain.standing import reports_of
from backend.domain.words import blank
from backend.models import Case, Report, Supplement

if TYPE_CHECKING:
    from backend.work import Work

Form = dict[str, Any]
Data = dict[str, Any]


def acting(work: Work, case: Case, actor: Actor) -> list[Report]:
    """The reports for which the reporter acts: the one that was opened, or all of theirs; withdrawn ones are past."""
    mine = reports_of(work, case, actor)
    if actor.report_id is not None:
        mine = [report for report in mine if report.id == actor.report_id]
    return [report for report in mine if report.withdrawn_at is None]


# ---- guards of the table in states.py --------------------------------------------------------------------------------


def not_withdrawn(work: Work, case: Case, actor: Actor) -> Fault | None:
    if acting(work, case, actor):
        return None
    return Conflict("withdrawn", "您已经撤回了这份举报。情况有变化的，请重新举报。")


def not_appealed(work: Work, case: Case, actor: Actor) -> Fault | None:
    if any(report.appealed_at is not None for report in reports_of(work, case, actor)):
        return Conflict("appealed_before", "您已经对这个案件申诉过一次。")
    return None


def not_disputed(work: Work, case: Case, actor: Actor) -> Fault | None:
    """Once in each window: a case that came back and was closed again can be disputed again."""
    closed_at = case.closed_at
    for report in reports_of(work, case, actor):
        if closed_at is not None and report.disputed_at is not None and report.disputed_at >= closed_at:
            return Conflict("disputed_before", "您已经对这次办结提出过异议，请等回头看的结果。")
    return None


def some_unreleased(work: Work, case: Case, actor: Actor) -> Fault | None:
    return None if unreleased(work, case) else Conflict("nothing_to_forward", "没有等待转办的补充内容。")


# ---- effects ---------------------------------------------------------------------------------------------------------


def _named(reports: list[Report]) -> Data:
    """The event says for which reports: their reporters read it as their own."""
    return {"reports": [report.id for report in reports]}


def dispute(work: Work, case: Case) -> Data:
    mine = acting(work, case, work.actor)
    for report in mine:
        report.disputed_at = work.now
    return _named(mine)


def appeal(work: Work, case: Case) -> Data:
    mine = acting(work, case, work.actor)
    for report in mine:
        report.appealed_at = work.now
    return _named(mine)


def withdraw(work: Work, case: Case, form: Form) -> Data:
    """The report is marked; the case goes on, for the river is no less dirty."""
    mine = acting(work, case, work.actor)
    for report in mine:
        report.withdrawn_at = work.now
    return _named(mine)


def rate(work: Work, case: Case, form: Form) -> Data:
    """1 to 5 stars for a closed case; the last one counts."""
    if form["stars"] not in range(1, 6):
        raise Fault("bad_stars", "请选择一到五颗星。", field="stars")
    mine = acting(work, case, work.actor)
    for report in mine:
        report.rating, report.rating_text, report.rated_at = form["stars"], form.get("note") or "", work.now
    return {**_named(mine), "stars": form["stars"]}


def supplement(work: Work, case: Case, form: Form) -> Data:
    """Words and photos added to one report; to the latest of theirs, when the reporter named none."""
    report = acting(work, case, work.actor)[-1]
    category = work.county.category_by_code.get(report.category)
    text, limit = form["text"], work.county.limits.report_text_max
    if len(text) > limit:
        raise Fault("text_too_long", f"补充内容最多 {limit} 字，现在有 {len(text)} 字，请删减。", field="text")
    if "\0" in text:
        raise Fault("bad_text", "文字中有无法识别的字符，请删除后重试。", field="text")
    refs = form.get("photos") or []
    if category is not None and len(refs) > category.max_photos:
        raise Fault("too_many_photos", f"一次最多补充 {category.max_photos} 张照片，请删掉几张。", field="photos")
    waits = needs_release(report.privacy, category is not None and category.sensitive)
    added = Supplement(
        report_id=report.id, text=text, forwarded_text=mask(text), created_at=work.now,
        released_at=None if waits else work.now, salt=secrets.token_hex(16),
    )  # fmt: skip
    work.session.add(added)
    work.session.flush()
    photos.attach_to_report(work, refs, report, added.id)
    content.ask_of_report(work, report)
    work.session.flush()
    work.session.expire(report, ["supplements", "photos"])
    digest = text_digest(added.salt or "", text)
    bound = {"report": report.id, "supplement": added.id, "digest": digest}
    return {**_named([report]), **bound, "photos": len(refs), "released": not waits}


def unreleased(work: Work, case: Case) -> list[Supplement]:
    """What reporters added and units do not read yet."""
    waiting = select(Supplement).join(Report, Report.id == Supplement.report_id)
    return list(
        work.session.scalars(
            waiting.where(Report.case_id == case.id, Supplement.released_at.is_(None)).order_by(Supplement.id)
        )
    )


def forward(work: Work, case: Case, form: Form) -> Data:
    """The office lets the units read a supplement, perhaps after mending it."""
    wanted = form["supplement"]
    added = next((one for one in unreleased(work, case) if one.id == wanted), None)
    if added is None:
        raise Conflict("forwarded_before", "这条补充内容已经转办，或不属于这个案件。")
    words = form.get("forwarded_text")
    if words is not None and not blank(words):
        added.forwarded_text = words
    added.released_at = work.now
    return {"supplement": added.id}
