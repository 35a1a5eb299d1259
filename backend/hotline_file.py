"""Orders as the 12345 centre sends them 热线工单, read row by row: what each would become, and every fault.

Headings are recognised by the words in imports.toml. An order is placed only where that is certain: a point, a reach
or township that its own column names, or the one that its address names; all others are for the office to place.
"""

from __future__ import annotations

from datetime import date, datetime

from backend import cells, table_file
from backend.clock import SHANGHAI, shanghai_day
from backend.domain import deadlines
from backend.domain.imports import FoundRow
from backend.domain.orders import Order, forwarded
from backend.domain.reports import sealed_contact
from backend.domain.unit_names import UnitNames
from backend.domain.words import source_number
from backend.file_row import FileRow, Numbers
from backend.table_file import Line, Table
from backend.work import Work

NEEDED = ("number", "text")
_NAME_MAX = 50
_NONE = ("", "/", "-", "—", "--", "——", "无", "暂无", "匿名", "不详", "未知", "保密")


def read(data: bytes, work: Work) -> tuple[list[FoundRow], tuple[str, ...]]:
    """The rows of a file and what of it was left aside. Raises Fault for a file that holds no orders at all."""
    book = table_file.read(data, work.county.rules.imports.order_columns, NEEDED)
    reader = _Reader(work)
    rows = [reader.row(table, line) for table in book.tables for line in table.lines]
    return rows, book.notes


class _Reader:
    """Reads the rows of one file, and knows which numbers it has seen in it."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.county = work.county
        self.units = UnitNames(work.county)
        self.townships = {area.unit for area in work.county.townships}
        self.numbers = Numbers()

    def row(self, table: Table, line: Line) -> FoundRow:
        row = _Row(self, table, line)
        order = row.order()
        if row.number:
            self.numbers.once(row, "工单", row.said)
        taken = order if not row.faults else None
        return FoundRow(table.sheet, line.number, row.number, taken, tuple(row.faults), tuple(row.warnings))


class _Row(FileRow):
    def __init__(self, reader: _Reader, table: Table, line: Line) -> None:
        super().__init__(reader.county, table, line)
        self.reader, self.work = reader, reader.work
        self.said = ""

    def order(self) -> Order | None:
        """The row as the order that will open a case; None where there is nothing that could open one."""
        self.number = source_number(self.text("number", 100))
        if not self.number:
            self.fault("number", "缺少工单编号")
        elif self.number.upper().startswith("QH-"):
            self.fault("number", f"“{self.number}”是本系统的编号，不是 12345 的工单编号")
        self.said = self._words()
        called_at = self._called()
        answer_by, sign_by = self._deadline("answer_by", "答复"), self._deadline("sign_by", "签收")
        self._check_deadlines(called_at, sign_by, answer_by)
        caller, phone = self._caller()
        category = self.category(within=self.said)
        address = self.text("address")
        reach, township = self._place(address)
        point = self.point()
        if not point and reach is None and township is None:
            self.warn("address", "没有说清在哪个乡镇或河段，导入后由县河长办分办")
        if not self.number or not self.said or called_at is None or category is None:
            return None
        return Order.model_validate(
            {
                "number": self.number,
                "text": self.said,
                "forwarded_text": forwarded(self.said, caller, phone),
                "category": category,
                "called_at": called_at,
                "kind": self.text("kind", 100),
                "urgent": self.text("urgency", 100) in self.rules.urgent_words,
                "address": forwarded(address, caller, phone),
                "reach": reach,
                "township": township,
                "sign_by": sign_by,
                "answer_by": answer_by,
                "contact_sealed": sealed_contact(self.work, "confidential", caller, phone),
                **point,
            }
        )

    # -- one column or a few

    def _words(self) -> str:
        """What was called in, as the centre took it down; its title and remark belong to it."""
        said = self.text("text", self.county.limits.report_text_max)
        if not said:
            self.fault("text", "缺少诉求内容")
            return ""
        title, note = self.text("title"), self.text("note")
        parts = [title if title not in said else "", said, f"备注：{note}" if note and note not in _NONE else ""]
        whole = "\n".join(part for part in parts if part)
        return whole if len(whole) <= self.county.limits.report_text_max else said

    def _called(self) -> datetime | None:
        """When the call came; without an hour, at noon; without a column, the order counts from now."""
        if cells.is_blank(self.table.cell(self.line, "called_at")):
            self.warn("called_at", "没有来电时间，按导入的时间登记")
            return self.work.now
        said = self.read("called_at", cells.moment)
        if said is None:
            return None
        at = said if isinstance(said, datetime) else datetime(said.year, said.month, said.day, 12, tzinfo=SHANGHAI)
        if shanghai_day(at) > shanghai_day(self.work.now):
            self.fault("called_at", f"来电时间 {at:%Y-%m-%d %H:%M} 还没有到")
            return None
        return min(at, self.work.now)

    def _deadline(self, field: str, what: str) -> datetime | date | None:
        """A deadline that has passed is kept, and rules nothing."""
        said = cells.text(self.table.cell(self.line, field))
        if said in _NONE or said in self.rules.no_deadline:
            return None
        by = self.read(field, cells.moment)
        if by is not None and deadlines.moment(self.work, by) <= self.work.now:
            self.warn(field, f"{what}时限已过，保留时限，整改期限按规则计算")
        return by

    def _check_deadlines(
        self, called_at: datetime | None, sign_by: datetime | date | None, answer_by: datetime | date | None
    ) -> None:
        ends = {
            field: deadlines.moment(self.work, by)
            for field, by in (("sign_by", sign_by), ("answer_by", answer_by))
            if by is not None
        }
        for field, end in ends.items():
            if called_at is not None and end < called_at:
                self.fault(field, "时限早于来电时间")
        if len(ends) == 2 and ends["sign_by"] > ends["answer_by"]:
            self.fault("sign_by", "签收时限晚于答复时限")
        if "answer_by" not in ends and not any(one.column == self.table.title("answer_by") for one in self.faults):
            days = self.county.rules.sources.kinds["hotline"].deadline_days
            self.warn(
                "answer_by", f"没有答复时限，从导入之日起 {days} 个工作日" if days else "没有答复时限，按规则计算"
            )

    def _caller(self) -> tuple[str, str]:
        """The name and the phone, which leave this row only sealed."""
        name, phone = self.text("caller", _NAME_MAX), self.text("phone", _NAME_MAX)
        return ("" if name in _NONE else name), ("" if phone in _NONE else phone)

    def _place(self, address: str) -> tuple[str | None, str | None]:
        """The reach and the township where they are certain, else None: by their columns, or by the address alone."""
        said = self.text("township")
        township = self.reader.units.one(said) if said else None
        if said and township not in self.reader.townships:
            self.warn("township", f"乡镇“{said}”不认识，没有采用")
        if township not in self.reader.townships:
            township = self._only({unit.name: unit.code for unit in self.county.units}, address)
            township = township if township in self.reader.townships else None
        reach = self.reach() or self._only({one.river + one.name: one.code for one in self.county.reaches}, address)
        along = self.county.reach_by_code[reach] if reach else None
        if along is not None and township is not None and township not in (
            along.lead, along.left_bank, along.right_bank,
        ):  # fmt: skip
            self.warn("reach", f"{along.river}{along.name}不经过写明的乡镇，没有采用河段和乡镇")
            return None, None
        return reach, township

    @staticmethod
    def _only(names: dict[str, str], within: str) -> str | None:
        """The code of the one name that stands in these words; None where none does, or several."""
        found = {code for name, code in names.items() if name in within}
        return found.pop() if len(found) == 1 else None
