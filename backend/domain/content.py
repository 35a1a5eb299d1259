"""The content check 内容安全检查: what WeChat says of words and pictures, before anything of them may be published.

It never refuses a report. What WeChat finds doubtful, and whatever it was not asked about or did not answer, is for a
person to look at before publication. It needs an openid active within two hours, so 匿名 is never asked about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from sqlalchemy import func, select

from backend.domain.faults import NotFound
from backend.models import Account, Photo, Report, Supplement

if TYPE_CHECKING:
    from backend.work import Work


class Checker(Protocol):
    """What checking needs of WeChat (backend.clients.wechat.WeChat)."""

    def check_text(self, openid: str, text: str) -> Any: ...
    def check_media(self, openid: str, url: str) -> str: ...


def ask_of_report(work: Work, report: Report) -> None:
    """Have the words of a report looked at, all of them again when some were added. 匿名 has nobody to ask about."""
    if report.account_id is not None:
        report.content_check = "waiting"
        work.defer("check_words", report.id)


def ask_of_photo(work: Work, photo: Photo) -> None:
    photo.content_check = "waiting"
    work.defer("check_picture", photo.id)


def check_words(work: Work, report_id: UUID, checker: Checker, refusal: type[Exception]) -> None:
    """Ask about the words and keep the answer. A lasting refusal leaves them unchecked; other failures are raised."""
    report = work.session.get_one(Report, report_id)
    added = select(Supplement.text).where(Supplement.report_id == report_id).order_by(Supplement.id)
    words = [report.text, report.address, *work.session.scalars(added)]
    found, label = "missing", None
    openid = _openid(work, report)
    try:
        if openid is not None:
            verdict = checker.check_text(openid, "\n".join(filter(None, words)))
            found, label = str(verdict.suggestion), verdict.label
    except refusal as refused:
        _raise_unless_lasting(refused)
    work.session.refresh(report, with_for_update=True)
    count = select(func.count()).select_from(Supplement).where(Supplement.report_id == report_id)
    if work.session.scalar(count) == len(words) - 2:  # more came meanwhile: their own check is due
        report.content_check, report.content_label = found, label


def check_picture(work: Work, photo_id: UUID, address: str, checker: Checker, refusal: type[Exception]) -> None:
    """Ask about a picture, which WeChat fetches at `address`. The answer comes later, by push: `judged`."""
    photo = work.session.get(Photo, photo_id, with_for_update=True)
    if photo is None or photo.report_id is None or photo.content_check != "waiting" or photo.content_trace_id:
        return
    openid = _openid(work, work.session.get_one(Report, photo.report_id))
    try:
        if openid is None or photo.state != "sound":
            photo.content_check = "missing"
        else:
            photo.content_trace_id = checker.check_media(openid, address)
    except refusal as refused:
        _raise_unless_lasting(refused)
        photo.content_check = "missing"


def judged(work: Work, trace_id: str, suggestion: str | None, label: int | None) -> None:
    """Keep what WeChat says of a picture; None is that it could not look. The same again changes nothing.

    Raises NotFound for a trace that nobody waits for: perhaps not yet, so that WeChat should come again.
    """
    photo = work.session.scalar(select(Photo).where(Photo.content_trace_id == trace_id).with_for_update())
    if photo is None:
        raise NotFound("没有等待这个检查结果的照片。")
    if photo.content_check == "waiting":
        photo.content_check, photo.content_label = suggestion or "missing", label


def why_look(report: Report) -> list[str]:
    """Why a person must look before anything of this report is published; nothing when WeChat found it clean."""
    reasons = [_WORDS[report.content_check]] if report.content_check in _WORDS else []
    found = [photo.content_check for photo in report.photos]
    return reasons + [f"{found.count(state)} {said}" for state, said in _PICTURES.items() if state in found]


_WORDS = {
    "missing": "文字未经微信内容检查。",
    "waiting": "文字的内容检查还没有结果。",
    "review": "微信提示文字需要人工复核。",
    "risky": "微信提示文字有违规风险。",
}
_PICTURES = {
    "missing": "张照片未经微信内容检查。",
    "waiting": "张照片的内容检查还没有结果。",
    "review": "张照片被微信提示需要人工复核。",
    "risky": "张照片被微信提示有违规风险。",
}


def _raise_unless_lasting(refused: Exception) -> None:
    """A refusal that may end is an error, so that the job is tried again."""
    if not getattr(refused, "permanent", False):
        raise refused


def _openid(work: Work, report: Report) -> str | None:
    """None when the reporter's identity was erased meanwhile."""
    account = work.session.get(Account, report.account_id) if report.account_id else None
    return work.vault.open(account.openid_sealed) if account and account.openid_sealed else None
