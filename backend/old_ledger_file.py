"""The ledger that the county kept in Excel before 原台账, read row by row: what each would become, and every fault.

Headings are recognised by the words in imports.toml; real files have titles above them, dates as text, units without
their 镇, sheets by year. What cannot be meant is a fault with its row and column; what had to be guessed is a warning.
"""

from __future__ import annotations

from datetime import date

from backend import cells, table_file
from backend.clock import shanghai_day, working_days_before
from backend.domain.imports import FoundRow
from backend.domain.old_cases import OldCase
from backend.domain.unit_names import UnitNames
from backend.domain.words import source_number
from backend.file_row import FileRow, Numbers
from backend.rules.imports import OldState
from backend.table_file import Line, Table
from backend.work import Work

NEEDED = ("text",)
_DAYS = ("opened_on", "assigned_on", "accepted_on", "started_on", "asked_on", "closed_on")
_DEADLINES = ("due_on", "extended_on")
_TEXT_MAX = 2_000
_DASHES = ("/", "-", "—", "--", "——", "无", "暂无")
_OVER = ("closed", "archived", "rejected")


def read(data: bytes, work: Work) -> tuple[list[FoundRow], tuple[str, ...]]:
    """The rows of a file and what of it was left aside. Raises Fault for a file that is no ledger at all."""
    book = table_file.read(data, work.county.rules.imports.columns, NEEDED)
    reader = _Reader(work)
    rows = [reader.row(table, line) for table in book.tables for line in table.lines]
    return rows, book.notes


class _Reader:
    """Reads the rows of one file, and knows which numbers it has seen in it."""

    def __init__(self, work: Work) -> None:
        self.county = work.county
        self.today = shanghai_day(work.now)
        self.units = UnitNames(work.county)
        # What was closed before this day can be disputed no more.
        self.lately = working_days_before(work.county.calendar, self.today, work.county.limits.dispute_days)
        self.numbers = Numbers()

    def row(self, table: Table, line: Line) -> FoundRow:
        row = _Row(self, table, line)
        old = row.old_case()
        if old is not None:
            self.numbers.once(row, "编号", old)
        taken = old if not row.faults else None
        return FoundRow(table.sheet, line.number, row.number, taken, tuple(row.faults), tuple(row.warnings))


class _Row(FileRow):
    def __init__(self, reader: _Reader, table: Table, line: Line) -> None:
        super().__init__(reader.county, table, line)
        self.reader = reader

    def old_case(self) -> OldCase | None:
        """The row as it will enter the ledger; None when it has no number to be known by."""
        self.number = self._number()
        days = {field: self._day(field) for field in _DAYS}
        deadlines = {field: self._day(field, month_end=True) for field in _DEADLINES}
        lead, assisting = self._units()
        reach, township = self._place(lead)
        said = self.text("text", _TEXT_MAX)
        if not said:
            self.fault("text", "缺少问题描述")
        state = self._state(days["closed_on"], lead)
        opened_on = self._opened(days)
        category = self.category()
        point = self.point()
        if not self.number or opened_on is None or category is None or state is None:
            return None
        old = OldCase.model_validate(
            {
                "number": self.number,
                "text": said or "-",
                "category": category,
                "state": state,
                "severity": self._severity(),
                "source_words": self.text("source"),
                "state_words": self.text("state"),
                "address": self.text("address"),
                "reach": reach,
                "township": township,
                "lead_unit": lead,
                "assisting": assisting,
                "person": self.text("person"),
                **{field: self.text(field, _TEXT_MAX) for field in ("measure", "result", "note")},
                **point,
                **days,
                **deadlines,
                "opened_on": opened_on,
            }
        )
        self._check_order(old)
        return old

    # -- one column or a few

    def _number(self) -> str:
        number = source_number(self.text("number", 100))
        if number.upper().startswith("QH-"):
            self.fault("number", f"“{number}”是本系统的编号，不是原台账的编号")
        if number:
            return number
        serial = source_number(self.text("serial", 100))
        if not serial:
            self.fault("number", "缺少编号")
            return ""
        made = f"{self.table.sheet}-{serial}" if self.table.sheet else serial
        self.warn("serial", f"没有编号，用“{made}”作编号")
        return made

    def _day(self, field: str, month_end: bool = False) -> date | None:
        """A day; of a deadline a month alone is its last one. Dashes and some words say that there is none."""
        said = cells.text(self.table.cell(self.line, field))
        if said in _DASHES:
            return None
        if month_end and said in self.rules.no_deadline:
            self.warn(field, f"“{said}”不是日期，按没有期限导入")
            return None
        return self.read(field, lambda raw: cells.day(raw, month_end))

    def _opened(self, days: dict[str, date | None]) -> date | None:
        """When it was found; a file that does not say has at least some other date."""
        if days["opened_on"] is not None:
            return days["opened_on"]
        if any(remark.column == self.table.title("opened_on") for remark in self.faults):
            return None
        known = [day for day in days.values() if day is not None]
        if not known:
            self.fault("opened_on", "缺少发现日期，也没有其他日期可以代替")
            return None
        self.warn("opened_on", f"没有发现日期，用最早的日期 {min(known)} 代替")
        return min(known)

    def _severity(self) -> str | None:
        said = self.text("severity")
        if not said:
            return None
        by_name = {level.name: level.code for level in self.county.severities} | self.rules.severities
        if said not in by_name:
            self.warn("severity", f"严重程度“{said}”没有对应，按“{self.county.severities[0].name}”导入")
            return None
        return by_name[said]

    def _units(self) -> tuple[str | None, tuple[str, ...]]:
        """The lead unit and the assisting ones; of several in one cell the first leads."""
        leads, unknown = self.reader.units.several(self.text("lead_unit"))
        helpers, unknown_helpers = self.reader.units.several(self.text("assisting"))
        if unknown:
            self.fault("lead_unit", f"单位“{'、'.join(unknown)}”不认识，可在 imports.toml 的 units 里写明是哪个单位")
        if unknown_helpers:
            self.warn("assisting", f"协办单位“{'、'.join(unknown_helpers)}”不认识，没有采用")
        if len(leads) > 1:
            self.warn("lead_unit", f"写了 {len(leads)} 个单位，第一个作主办，其余作协办")
        lead = leads[0] if leads else None
        return lead, tuple(unit for unit in dict.fromkeys([*leads[1:], *helpers]) if unit != lead)

    def _place(self, lead: str | None) -> tuple[str | None, str | None]:
        """The reach and the township: as written, or the reach of that name on that river, or the lead's township."""
        townships = {area.unit for area in self.county.townships}
        said = self.text("township")
        named = self.reader.units.one(said) if said else None
        if said and named not in townships:
            self.warn("township", f"乡镇“{said}”不认识，没有采用")
        township = named if named in townships else lead if lead in townships else None
        return self.reach(), township

    def _state(self, closed_on: date | None, lead: str | None) -> OldState | None:
        """The state by its word, or by whether there is a date of closing; without a unit it waits to be assigned.

        What was closed so long ago that nobody can dispute it any more is archived.
        """
        said = self.text("state")
        word = next((state for state, words in self.rules.states.items() if said in words), None) if said else None
        if word is None:
            state: OldState = "closed" if closed_on is not None else "rectifying"
            if said:
                told = "已销号" if state == "closed" else "整改中"
                self.warn("state", f"“{said[:20]}”不是认识的状态，按有没有销号日期当作“{told}”")
        else:
            state = word
        if state == "closed" and (closed_on is None or closed_on < self.reader.lately):
            state = "archived"
        if state in _OVER:
            if closed_on is None:
                self.warn("closed_on", "已办结但没有销号日期，导入后销号日期是空的")
        elif closed_on is not None:
            self.fault("closed_on", f"状态是“{said}”却有销号日期，请核对")
            return None
        unit_is_unknown = any(remark.column == self.table.title("lead_unit") for remark in self.faults)
        if lead is None and not unit_is_unknown and state not in ("triage", *_OVER):
            self.warn("lead_unit", "没有责任单位，导入后由县河长办分办")
            return "triage"
        return state

    def _check_order(self, old: OldCase) -> None:
        """Days that cannot follow each other, and days that have not come."""
        for field in _DAYS:
            day = getattr(old, field)
            if day is not None and day > self.reader.today:
                self.fault(field, f"{day} 还没有到")
            elif day is not None and day < old.opened_on:
                self.fault(field, f"{day} 早于发现日期 {old.opened_on}")
        if old.closed_on and old.assigned_on and old.closed_on < old.assigned_on:
            self.fault("closed_on", f"{old.closed_on} 早于交办日期 {old.assigned_on}")
        if old.due_on is not None and old.due_on < old.opened_on:
            self.fault("due_on", f"{old.due_on} 早于发现日期 {old.opened_on}")
        if old.extended_on is not None and old.due_on is not None and old.extended_on < old.due_on:
            self.warn("extended_on", f"{old.extended_on} 早于原期限 {old.due_on}")
        if old.present_due_on is None and old.state in ("assigned", "accepted", "rectifying"):
            self.warn("due_on", "在办案件没有整改期限，从导入之日起按规则计算")
