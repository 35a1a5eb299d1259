"""What a verification of the ledger finds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

# What can be wrong, in the words of the report.
KINDS = {
    "edited": "内容被改动",
    "removed": "缺少事件",
    "moved": "次序被改动",
    "inserted": "多出事件",
    "cut": "末尾被截去",
    "rewritten": "与台账根不符，整段被重写",
    "case_removed": "整个案件被删去",
    "orphan": "案件被删去，事件还在",
    "head": "案件记录与事件不符",
    "number": "案件编号被改动",
    "text": "当事人文字被改动",
    "text_lost": "当事人文字不见了，也没有依法删除的记录",
    "report": "举报内容被改动",
    "report_lost": "举报内容不见了，也没有依法删除的记录",
    "unbound": "举报没有在案件的事件中登记",
    "root": "台账根有问题",
    "guard": "数据库的防改写措施有问题",
}


class Discrepancy(NamedTuple):
    """One thing that is wrong. `number` is the case's, empty where none is concerned; `seq` that of the event."""

    kind: str
    number: str = ""
    seq: int = 0
    what: str = ""
    action: str = ""
    at: datetime | None = None


@dataclass
class Outcome:
    """What was looked at, and what was found. `first` is the first bad event by case number and place in its chain."""

    cases: int = 0
    events: int = 0
    texts: int = 0
    roots: int = 0
    discrepancies: list[Discrepancy] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def first(self) -> Discrepancy | None:
        """Cases come before what concerns the ledger as a whole."""
        return min(self.discrepancies, key=lambda one: (one.number == "", one.number, one.seq), default=None)

    @property
    def counts(self) -> Counter[str]:
        return Counter(one.kind for one in self.discrepancies)
