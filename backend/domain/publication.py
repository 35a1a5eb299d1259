"""What the public is shown 公开: problems that were found to be real, and what became of them. decisions/0036 says why.

A case is published by rule, or by a decision of the county office, whose last word counts. Nothing here tells who
reported: no report's words, no hour, no id from which an hour could be read, no photo that only its reporter could
have taken unless somebody of the office has looked at it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select, true
from sqlalchemy import case as either

from backend.clock import shanghai_day
from backend.domain.cases import get
from backend.domain.faults import Fault, Forbidden, NotFound
from backend.domain.masking import mask
from backend.domain.words import blank
from backend.models import Case, CaseEvent, Photo, Publication, Report, Supplement

if TYPE_CHECKING:
    from backend.work import Work

State = Literal["open", "closed"]
# Open ones once their measures have begun: until then it is somebody's word that there is a problem at all.
STATES: dict[str, tuple[str, ...]] = {"open": ("rectifying", "in_review"), "closed": ("closed", "archived")}
PINS_MAX = 500
WORDS_MAX = 500
# So many characters in a row as somebody wrote them are theirs, and could be known by their hand.
_VERBATIM = 12
_NUMBER = re.compile(r"QH-\d{4}-(\d{6,9})")
_SIGNS = re.compile(r"[\W_]+")
_STEPS = {
    "assign": "已交由{unit}办理",
    "reassign": "改由{unit}办理",
    "rule": "县河长办裁定由{unit}办理",
    "start": "{unit}开始整改",
    "settle_on_spot": "河长现场处理，等待确认",
    "request_closure": "整改完成，等待核查",
    "send_back": "核查未通过，继续整改",
    "close": "核查通过，已办结",
    "pass_follow_up": "回头看合格",
    "fail_follow_up": "回头看发现反弹，重新整改",
}
_BEFORE, _AFTER = (
    frozenset({"report", "before", "patrol"}),
    frozenset({"evidence", "after", "verification", "follow_up"}),
)


@dataclass(frozen=True)
class Wanted:
    """What of the published is asked for; None means all."""

    state: State | None = None
    category: str | None = None
    reach: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Step:
    """Something that happened, by the day: an hour could give a reporter away."""

    on: date
    words: str


@dataclass(frozen=True)
class Decision:
    """`words` None: the sentence made of the ledger's facts. `photos`: those to be shown, in this order."""

    withheld: bool
    reason: str = ""
    words: str | None = None
    photos: tuple[UUID, ...] = ()


def published(work: Work) -> ColumnElement[bool]:
    """Which cases the public sees, in SQL."""
    rules, ledger = work.county.rules.publication, STATES
    last = select(Publication.withheld).where(Publication.case_id == Case.id).order_by(Publication.id.desc())
    withheld = last.limit(1).scalar_subquery()
    accuses = exists().where(Report.case_id == Case.id, Report.extra["accuses_officials"].as_boolean())
    by_rule = [not_(accuses)]
    if not rules.open_cases:
        by_rule.append(Case.state.in_(ledger["closed"]))
    sensitive = [one.code for one in work.county.categories if one.sensitive]
    if sensitive and not rules.sensitive_open:
        # Once it was closed everybody knows of it: it is not hidden again when it comes back.
        known = or_(Case.state.in_(ledger["closed"]), Case.recurrences > 0)
        by_rule.append(or_(Case.category.not_in(sensitive), known))
    since = work.now - timedelta(days=rules.closed_days)
    return and_(
        or_(Case.state.in_(ledger["open"]), and_(Case.state.in_(ledger["closed"]), Case.closed_at >= since)),
        or_(withheld.is_(False), and_(withheld.is_(None), *by_rule)),
    )


def page(work: Work, wanted: Wanted, before: int | None, limit: int) -> list[Case]:
    """Published cases, the last found first, below the serial `before`."""
    query = select(Case).where(published(work), *_conditions(wanted))
    if before is not None:
        query = query.where(Case.serial < before)
    return list(work.session.scalars(query.order_by(Case.serial.desc()).limit(limit)))


def counts(work: Work, reach: str | None = None) -> list[tuple[str, int, int]]:
    """Per category that has any: its code, how many published cases are open, and how many are closed."""
    is_open = either((Case.state.in_(STATES["open"]), 1), else_=0)
    query = (
        select(Case.category, func.sum(is_open), func.count())
        .where(published(work), *_conditions(Wanted(reach=reach)))
        .group_by(Case.category)
    )
    found = {code: (int(still), int(all_) - int(still)) for code, still, all_ in work.session.execute(query)}
    return [(one.code, *found[one.code]) for one in work.county.categories if one.code in found]


def _conditions(wanted: Wanted) -> Iterable[ColumnElement[bool]]:
    yield Case.state.in_(STATES[wanted.state]) if wanted.state else true()
    for column, value in ((Case.category, wanted.category), (Case.reach, wanted.reach), (Case.lead_unit, wanted.unit)):
        if value:
            yield column == value


def by_number(work: Work, number: str) -> Case:
    """A published case by the number people quote; any other does not exist for the public."""
    told = _NUMBER.fullmatch(number)
    query = select(Case).where(Case.serial == int(told[1]), published(work)) if told else None
    found = work.session.scalar(query) if query is not None else None
    if found is None or found.number != number:
        raise NotFound("没有公开这个问题，可能还在核实，或者编号有误。")
    return found


def changed(work: Work) -> tuple[int, int]:
    """Something that is another as soon as what is published may be."""
    newest = select(func.coalesce(func.max(Publication.id), 0))
    events = select(func.coalesce(func.max(CaseEvent.id), 0))
    return work.session.scalar(events) or 0, work.session.scalar(newest) or 0


def last_decision(work: Work, case: Case) -> Publication | None:
    query = select(Publication).where(Publication.case_id == case.id).order_by(Publication.id.desc()).limit(1)
    return work.session.scalar(query)


def words_of(work: Work, case: Case) -> str:
    """What is said of the case: the office's words, or the sentence of the ledger's facts."""
    decision = last_decision(work, case)
    return (decision.words if decision else None) or sentence(work, case)


def sentence(work: Work, case: Case) -> str:
    category = work.county.category_by_code.get(case.category)
    what = category.name if category else case.category
    outcome = "已办结" if case.state in STATES["closed"] else "正在整改"
    return f"{where(work, case)}发现“{what}”问题，{outcome}。"


def where(work: Work, case: Case) -> str:
    """The place in words: the reach, else the township, else the county."""
    reach = work.county.reach_by_code.get(case.reach or "")
    unit = work.county.unit_by_code.get(case.lead_unit or "")
    return reach.name if reach else unit.name if unit and unit.kind == "township" else work.county.name


def point(work: Work, case: Case) -> tuple[float, float]:
    """WGS-84 degrees, as exactly as the county publishes them."""
    places = work.county.rules.publication.place_decimals
    return round(case.lon, places), round(case.lat, places)


def steps(work: Work, case: Case) -> list[Step]:
    """What happened, by day, without anybody's words."""
    told = [Step(shanghai_day(case.opened_at), "发现问题")]
    query = select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.action.in_(_STEPS))
    unit = "办理单位"
    for event in work.session.scalars(query.order_by(CaseEvent.seq)):
        named = work.county.unit_by_code.get(event.data.get("unit", ""))
        unit = named.name if named else unit
        told.append(Step(shanghai_day(event.at), _STEPS[event.action].format(unit=unit)))
    return told


def photos(work: Work, case: Case) -> list[Photo]:
    """The photos that are shown: those that the office chose; before it decided, only what WeChat passed of 实名."""
    decision, sound = last_decision(work, case), candidates(work, case)
    if decision is not None:
        by_id = {str(photo.id): photo for photo in sound}
        return [by_id[chosen] for chosen in decision.photos if chosen in by_id]
    named = select(Report.id).where(Report.case_id == case.id, Report.privacy == "named", Report.source == "resident")
    theirs = set(work.session.scalars(named))
    return [photo for photo in sound if photo.report_id in theirs and photo.content_check == "pass"]


def candidates(work: Work, case: Case) -> list[Photo]:
    """Every sound photo of the case that could be shown, the ones before the measures first."""
    of_reports = Photo.report_id.in_(select(Report.id).where(Report.case_id == case.id))
    query = select(Photo).where(
        or_(of_reports, Photo.case_id == case.id), Photo.state == "sound", Photo.purpose.in_(_BEFORE | _AFTER)
    )
    return sorted(work.session.scalars(query), key=lambda photo: (photo.purpose in _AFTER, photo.id))


def is_after(photo: Photo) -> bool:
    """Whether it shows what was done, and not what was found."""
    return photo.purpose in _AFTER


def decide(work: Work, case_id: UUID, decision: Decision) -> Publication:
    """The office publishes a case in its own words and photos, or withholds it. Each decision is kept."""
    if work.actor.role != "office" or work.actor.person_id is None:
        raise Forbidden("office_only", "只有县河长办可以决定公开什么。")
    case = get(work, case_id)
    if decision.withheld:
        if blank(decision.reason):
            raise Fault("missing_field", "请写明为什么不公开。", field="reason")
    else:
        _check_words(work, case, decision.words)
        known = {photo.id for photo in candidates(work, case)}
        if not set(decision.photos) <= known:
            raise Fault("unknown_photo", "所选的照片里有的不属于这个案件，或者已经删除，请重新选择。", field="photos")
    made = Publication(
        case_id=case.id, at=work.now, person_id=work.actor.person_id, withheld=decision.withheld,
        words=None if decision.withheld else decision.words,
        photos=[] if decision.withheld else [str(one) for one in dict.fromkeys(decision.photos)],
        reason=decision.reason,
    )  # fmt: skip
    work.session.add(made)
    work.session.flush()
    return made


def why_not(work: Work, case: Case) -> str | None:
    """Why the public does not see the case, in words for the office; None when it does."""
    if work.session.scalar(select(Case.id).where(Case.id == case.id, published(work))) is not None:
        return None
    decision = last_decision(work, case)
    if decision is not None and decision.withheld:
        return f"县河长办决定不公开：{decision.reason}"
    if case.state not in STATES["open"] + STATES["closed"]:
        return "还没有开始整改，或者未予受理、已并案、已移送。"
    if case.closed_at and case.closed_at < work.now - timedelta(days=work.county.rules.publication.closed_days):
        return "公开的期限已过。"
    return "属于敏感类别，或者举报的是乡镇、干部、河长，要县河长办决定后才公开。"


def _check_words(work: Work, case: Case, words: str | None) -> None:
    if words is None:
        return
    if blank(words) or len(words) > WORDS_MAX:
        raise Fault("bad_words", f"公开的说明请写 1 到 {WORDS_MAX} 字。", field="words")
    if mask(words) != unicodedata.normalize("NFKC", words):
        raise Fault("personal_words", "公开的说明里有电话、证件号或姓名，请删去。", field="words")
    hidden = Report.privacy != "named"
    said = list(work.session.scalars(select(Report.text).where(Report.case_id == case.id, hidden)))
    added = select(Supplement.text).join(Report, Report.id == Supplement.report_id)
    said += work.session.scalars(added.where(Report.case_id == case.id, hidden))
    if any(_repeats(words, one) for one in said):
        raise Fault("reporters_words", "保密、匿名举报人的原话不能公开，会被认出来。请换一种说法。", field="words")


def _repeats(words: str, said: str) -> bool:
    """Whether the words hold a run of what somebody said, signs and spaces aside; of a short text the whole of it."""
    shown, plain = (_SIGNS.sub("", unicodedata.normalize("NFKC", one)) for one in (words, said))
    length = min(_VERBATIM, len(plain))
    return length > 3 and any(plain[n : n + length] in shown for n in range(len(plain) - length + 1))
