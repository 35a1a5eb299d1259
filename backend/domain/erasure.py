"""Lawful erasure 依法删除: who reported, and their words, are gone for good; the case and its chain stay whole.

Events hold salted digests of words. Without the salt a digest says nothing, so erasing text and salt erases the words.
The erasure is an event itself, which lists what was erased; words that are gone without one are found by the
verification. The index of the ledger's search follows by its triggers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import and_, delete, or_, select, update

from backend.domain import events, photos, reports
from backend.domain.faults import Conflict, Fault, NotFound
from backend.domain.words import ERASED, blank
from backend.models import (
    Account,
    Assignment,
    Case,
    CaseEvent,
    Consent,
    Delivery,
    Extension,
    Finding,
    Notice,
    PersonalText,
    Photo,
    Report,
    SignIn,
    Supplement,
)

if TYPE_CHECKING:
    from backend.work import Work

# identity: contact and account · report: the words of this report too · reporter: of all reports of the same person
Scope = Literal["identity", "report", "reporter"]


@dataclass
class Erased:
    """What one erasure took away from one report, by id; `case` is the case it hung on."""

    report: Report
    case: Case
    identity: bool = False
    texts: list[UUID] = field(default_factory=list)
    reports: list[UUID] = field(default_factory=list)
    supplements: list[UUID] = field(default_factory=list)
    photos: list[UUID] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.identity or any((self.texts, self.reports, self.supplements, self.photos))

    @property
    def data(self) -> dict[str, Any]:
        return {
            "report": self.report.id,
            "identity": self.identity,
            "texts": self.texts,
            "reports": self.reports,
            "supplements": self.supplements,
            "photos": self.photos,
        }


def erase(
    work: Work, report_id: UUID, reason: str, scope: Scope, *, pictures: bool = False, seqs: Iterable[int] = ()
) -> list[Erased]:
    """Erase what `scope` says, with an event on every case concerned. Returns what was erased, report by report.

    `pictures`: the reports' photos as well. `seqs`: events of this report's case whose words are to go besides,
    whoever wrote them. Raises NotFound, Fault without a reason, Conflict when there is nothing left to erase.
    """
    if blank(reason):
        raise Fault("missing_field", "请写明依法删除的理由（例如申请编号）。", field="reason")
    report = work.session.get(Report, report_id)
    if report is None:
        raise NotFound("找不到这份举报。")
    account_id = report.account_id if scope == "reporter" else None
    ids = [report.id]
    if account_id is not None:
        ids = list(work.session.scalars(select(Report.id).where(Report.account_id == account_id).order_by(Report.id)))
    done = [_of_report(work, one, scope != "identity", pictures, seqs if one == report_id else ()) for one in ids]
    done = [one for one in done if one]
    if not done:
        raise Conflict("nothing_to_erase", "这些信息此前已经删除，没有剩下可以删除的内容。")
    for one in done:
        events.append(work, one.case, "erase", one.case.state, one.data, reason)
    if account_id is not None:
        _forget_account(work, account_id)
    return done


def forget_reporter(work: Work, account_id: UUID, reason: str) -> int:
    """At their own wish a reporter's account and contacts are erased; the reports and their words stay.

    The account keeps nothing but its row. Returns how many reports have lost their reporter.
    """
    ids = list(work.session.scalars(select(Report.id).where(Report.account_id == account_id).order_by(Report.id)))
    for one in ids:
        done = _of_report(work, one, words=False, pictures=False, seqs=())
        events.append(work, done.case, "erase", done.case.state, done.data, reason)
    _forget_account(work, account_id)
    return len(ids)


def _of_report(work: Work, report_id: UUID, words: bool, pictures: bool, seqs: Iterable[int]) -> Erased:
    report = work.session.get_one(Report, report_id)
    done = Erased(report, reports.locked_case(work, report))
    done.identity = report.contact_sealed is not None or report.account_id is not None
    report.contact_sealed = report.account_id = None
    if words and report.erased_at is None:
        report.text = report.forwarded_text = ERASED
        report.address, report.salt, report.rating_text, report.erased_at = "", None, None, work.now
        done.reports.append(report.id)
        work.session.execute(update(Finding).where(Finding.report_id == report.id).values(text=ERASED, done=""))
    if words:
        done.supplements = _supplements(work, report)
    done.texts = _texts(work, report, words, done.case, seqs)
    if pictures:
        done.photos = _pictures(work, report)
    work.session.flush()
    return done


def _supplements(work: Work, report: Report) -> list[UUID]:
    standing = select(Supplement).where(Supplement.report_id == report.id, Supplement.erased_at.is_(None))
    erased = []
    for added in work.session.scalars(standing):
        added.text = added.forwarded_text = ERASED
        added.salt, added.erased_at = None, work.now
        erased.append(added.id)
    return erased


def _texts(work: Work, report: Report, words: bool, case: Case, seqs: Iterable[int]) -> list[UUID]:
    """What the reporter wrote into events, and the words of the events that were chosen besides."""
    wanted = list(seqs)
    chosen = select(CaseEvent.text_id).where(CaseEvent.case_id == case.id, CaseEvent.seq.in_(wanted))
    ids = set(work.session.scalars(chosen))
    if len(ids - {None}) < len(set(wanted)):
        raise Fault("no_words", "所选的事件中有的没有文字，请核对后重选。", field="events")
    written = PersonalText.report_id == report.id
    which = or_(PersonalText.id.in_(ids), written) if words else PersonalText.id.in_(ids)
    erased = []
    for kept in work.session.scalars(select(PersonalText).where(which, PersonalText.erased_at.is_(None))):
        copies = update(Assignment).where(Assignment.case_id == kept.case_id, Assignment.reason == kept.text)
        work.session.execute(copies.values(reason=ERASED))
        for column in (Extension.reason, Extension.decision):
            asked = update(Extension).where(Extension.case_id == kept.case_id, column == kept.text)
            work.session.execute(asked.values({column: ERASED}))
        kept.text = kept.salt = None
        kept.erased_at = work.now
        erased.append(kept.id)
    return erased


def _pictures(work: Work, report: Report) -> list[UUID]:
    erased = []
    for photo in work.session.scalars(select(Photo).where(Photo.report_id == report.id, Photo.state != "erased")):
        photos.erase(work, photo)
        erased.append(photo.id)
    return erased


def _forget_account(work: Work, account_id: UUID) -> None:
    """Nothing is left of a resident's account but its row. An official's stays: it is theirs by another right."""
    account = work.session.get_one(Account, account_id)
    if account.person_id is not None:
        return
    account.openid_digest, account.openid_sealed = f"erased {uuid4()}", ""
    inbox = select(Notice.id).where(Notice.account_id == account_id)
    unsent = and_(Delivery.account_id == account_id, Delivery.state == "waiting")
    work.session.execute(delete(Delivery).where(or_(Delivery.notice_id.in_(inbox), unsent)))
    work.session.execute(delete(Notice).where(Notice.account_id == account_id))
    work.session.execute(delete(Consent).where(Consent.account_id == account_id))
    work.session.execute(
        update(SignIn).where(SignIn.account_id == account_id, SignIn.ended_at.is_(None)).values(ended_at=work.now)
    )
