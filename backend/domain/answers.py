"""Answers to the 12345 centre 工单答复: what became of each order, told by file once its case is over.

An order is to be answered when its case, or the one that it was merged into, has an end that the centre was not told
of. A later end, after an appeal or a failed look-back, is told again, as a correction. What was told is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import aliased

from backend.clock import SHANGHAI, shanghai_day
from backend.domain import deadlines, ledger, units
from backend.domain.faults import Conflict, Fault, Forbidden, NotFound
from backend.domain.masking import mask
from backend.domain.sheets import Cell, FileForm, Heading, Sheet
from backend.domain.words import ERASED, blank
from backend.models import AnswerFile, Case, CaseEvent, HotlineOrder, OrderAnswer, PersonalText, Report

if TYPE_CHECKING:
    from backend.work import Work

Show = Literal["open", "waiting", "answered", "all"]
MOST_ROWS = 2_000  # of one file, which is made while somebody waits; the rest is for the next
RESULTS = {"close": "已办结", "reject": "不予受理", "transfer": "已移送"}
_OVER = ("closed", "archived", "rejected", "transferred")
_MOMENTS = ("called_at", "ended_at", "answer_by")
_WIDTHS = {"number": 22, "unit": 18, "answer": 60, "note": 24}
_MOMENT_WIDTH = 17


@dataclass(frozen=True)
class OrderLine:
    """An order, the case that answers for it (another one after a merge), its present end, its last answer."""

    order: HotlineOrder
    case: Case
    end: CaseEvent | None
    told: OrderAnswer | None

    @property
    def waiting(self) -> bool:
        """Whether the centre has to be told of an end that it does not know."""
        return self.end is not None and (self.told is None or self.told.event_id != self.end.id)


# ---- which orders ----------------------------------------------------------------------------------------------------


def _orders() -> tuple[Select[*tuple[Any, ...]], dict[Show, ColumnElement[bool]]]:
    """All orders with what became of them, and the conditions by which they are told apart."""
    ends = (
        select(func.max(CaseEvent.seq))
        .where(CaseEvent.case_id == Case.id, CaseEvent.action.in_(RESULTS))
        .scalar_subquery()
    )
    end = aliased(CaseEvent)
    later = select(func.max(OrderAnswer.seq)).where(OrderAnswer.case_id == HotlineOrder.case_id).scalar_subquery()
    told = aliased(OrderAnswer)
    over = Case.state.in_(_OVER)
    query = (
        select(HotlineOrder, Case, end, told)
        # The report goes where the case is merged to, and comes back when it is split off again.
        .join(Report, (Report.origin_case_id == HotlineOrder.case_id) & (Report.source == "hotline"))
        .join(Case, Case.id == Report.case_id)
        .outerjoin(end, over & (end.case_id == Case.id) & (end.seq == ends))
        .outerjoin(told, (told.case_id == HotlineOrder.case_id) & (told.seq == later))
    )
    waiting = end.id.is_not(None) & told.event_id.is_distinct_from(end.id)
    return query, {"open": ~over, "waiting": waiting, "answered": told.event_id == end.id}


def listing(work: Work, show: Show, number: str | None, after: UUID | None, limit: int) -> list[OrderLine]:
    """Orders in the order in which they came. `number`: the centre's number of one."""
    query, conditions = _orders()
    if show != "all":
        query = query.where(conditions[show])
    if number is not None:
        query = query.where(HotlineOrder.number == number)
    if after is not None:
        query = query.where(HotlineOrder.case_id > after)
    return [OrderLine(*row) for row in work.session.execute(query.order_by(HotlineOrder.case_id).limit(limit))]


def waiting(work: Work) -> int:
    """How many orders are to be answered."""
    query, conditions = _orders()
    some = query.where(conditions["waiting"]).with_only_columns(HotlineOrder.case_id).subquery()
    return work.session.scalar(select(func.count()).select_from(some)) or 0


# ---- the words -------------------------------------------------------------------------------------------------------


def proposed(work: Work, line: OrderLine) -> str:
    """What the centre would be told, of what the unit and the office wrote: masked, for it goes from hand to hand."""
    if line.end is None:
        return ""
    merged = f"该问题与{line.case.number}号合并办理。" if line.case.id != line.order.case_id else ""
    if line.end.action == "close":
        done = mask(_words(work, _before(work, line.end, "request_closure"))).strip().rstrip("。")
        ended_on = deadlines.day_words(shanghai_day(line.end.at))
        return (
            f"{merged}{done}。{ended_on}经县级核查通过，已办结。"
            if done
            else f"{merged}{ended_on}经县级核查通过，已办结。"
        )
    said = mask(_words(work, line.end))
    return (
        f"{merged}已移送{line.end.data['body']}：{said}"
        if line.end.action == "transfer"
        else f"{merged}不予受理：{said}"
    )


def _before(work: Work, end: CaseEvent, action: str) -> CaseEvent | None:
    """The last event of this kind before the end."""
    query = select(CaseEvent).where(
        CaseEvent.case_id == end.case_id, CaseEvent.seq < end.seq, CaseEvent.action == action
    )
    return work.session.scalars(query.order_by(CaseEvent.seq.desc()).limit(1)).first()


def _words(work: Work, event: CaseEvent | None) -> str:
    if event is None or event.text_id is None:
        return ""
    text = work.session.get(PersonalText, event.text_id)
    return text.text if text is not None and text.text is not None else ERASED


def _content(work: Work, line: OrderLine, end: CaseEvent, words: str) -> dict[str, str]:
    """The cells of one answer; moments in RFC 3339."""
    order, unit = line.order, line.case.lead_unit or work.county.office
    in_time = "" if order.answer_by is None else "是" if end.at <= order.answer_by else "否"
    note = f"第 {line.told.seq + 1} 次答复，更正此前的答复" if line.told is not None else ""
    return {
        "number": order.number,
        "called_at": order.called_at.isoformat(),
        "kind": order.kind,
        "case_number": line.case.number,
        "unit": units.name(work, unit),
        "result": RESULTS[end.action],
        "ended_at": end.at.isoformat(),
        "answer_by": order.answer_by.isoformat() if order.answer_by is not None else "",
        "in_time": in_time,
        "answer": words,
        "note": note,
    }


# ---- the file --------------------------------------------------------------------------------------------------------


def answer(work: Work, written: Mapping[UUID, str | None]) -> AnswerFile:
    """Make the file that answers these orders, by their cases, each in the words given or else as proposed.

    Without any: all that are to be answered, the longest waiting first. Raises Conflict for an order that has no end
    the centre does not know already, Fault when nothing is to be answered.
    """
    if work.actor.person_id is None:
        raise Forbidden("office_only", "只有县河长办可以答复 12345 工单。")
    # One at a time, so that no order is answered twice for one end.
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtext("answers of the hotline"))))
    lines = _wanted(work, written) if written else listing(work, "waiting", None, None, MOST_ROWS)
    if not lines:
        raise Fault("nothing_to_answer", "现在没有需要答复的工单。")
    columns = [column.model_dump() for column in work.county.rules.imports.answer_columns]
    corrections = sum(line.told is not None for line in lines)
    file = AnswerFile(
        person_id=work.actor.person_id, made_at=work.now, columns=columns, rows=len(lines), corrections=corrections
    )
    work.session.add(file)
    work.session.flush()
    for line in lines:
        if line.end is not None:
            words = written.get(line.order.case_id) or proposed(work, line)
            work.session.add(
                OrderAnswer(
                    file_id=file.id,
                    case_id=line.order.case_id,
                    seq=line.told.seq + 1 if line.told is not None else 1,
                    event_id=line.end.id,
                    content=_content(work, line, line.end, words),
                )
            )
    ledger.note_use(work, "answer_hotline", len(lines), {"file": str(file.id), "corrections": corrections})
    return file


def _wanted(work: Work, written: Mapping[UUID, str | None]) -> list[OrderLine]:
    query, _ = _orders()
    found = work.session.execute(query.where(HotlineOrder.case_id.in_(written)).order_by(HotlineOrder.case_id))
    lines = [OrderLine(*row) for row in found]
    if len(lines) < len(written):
        raise NotFound("有的案件不是 12345 工单，请刷新后重选。")
    for line in lines:
        words = written[line.order.case_id]
        if words is not None and blank(words):
            raise Fault("words_missing", f"工单 {line.order.number} 的答复内容是空的。", field="answers")
        if not line.waiting:
            why = "已经答复过" if line.end is not None else "还没有办结"
            raise Conflict("not_to_answer", f"工单 {line.order.number} {why}，不用答复。", number=line.order.number)
    return lines


def files(work: Work, before: UUID | None, limit: int) -> list[AnswerFile]:
    """All files of answers, the latest first."""
    query = select(AnswerFile).order_by(AnswerFile.id.desc()).limit(limit)
    return list(work.session.scalars(query if before is None else query.where(AnswerFile.id < before)))


def get(work: Work, file_id: UUID) -> AnswerFile:
    file = work.session.get(AnswerFile, file_id)
    if file is None:
        raise NotFound("找不到这份答复。")
    return file


def sheet(work: Work, file: AnswerFile) -> Sheet:
    """The file as the centre takes it in: the header in the first line, one row for each order."""
    told = work.session.scalars(select(OrderAnswer).where(OrderAnswer.file_id == file.id).order_by(OrderAnswer.id))
    return Sheet(
        name=f"12345工单答复{file.made_at.astimezone(SHANGHAI):%Y%m%d%H%M}",
        title="",
        note="",
        headings=tuple(Heading(column["heading"], _width(column["field"])) for column in file.columns),
        rows=([_cell(one.content, column["field"]) for column in file.columns] for one in told),
        held=1,
    )


def _width(field: str) -> float:
    return _MOMENT_WIDTH if field in _MOMENTS else _WIDTHS.get(field, 12)


def _cell(content: dict[str, str], field: str) -> Cell:
    said = content[field]
    return datetime.fromisoformat(said) if field in _MOMENTS and said else said


def note_fetched(work: Work, file: AnswerFile, form: FileForm) -> None:
    """Write down who took the file out."""
    ledger.note_use(work, "fetch_answers", file.rows, {"file": str(file.id), "form": form})
