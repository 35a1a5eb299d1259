"""Exports 台账导出: a short one answered at once, a long one made by a worker and fetched for a day.

What somebody exports is what they may see on the screen, in the role in which they asked, as long as they hold it.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import func, select
from uuid6 import uuid7

from backend.clock import SHANGHAI, shanghai_day
from backend.domain import export_rows, ledger, people, states
from backend.domain.actors import ROLE_NAMES, Actor
from backend.domain.faults import Conflict, Fault, Forbidden, NotFound, TooMany
from backend.domain.sheets import FileForm, Sheet
from backend.models import Case, Export, Person

if TYPE_CHECKING:
    from backend.work import Work

AT_ONCE_ROWS = 2_000  # seconds of work, within one request
MOST_ROWS = 1_000_000  # what one sheet of a spreadsheet holds
KEPT_FOR = timedelta(days=1)
LINK_FOR = timedelta(minutes=10)
MAX_WAITING = 3  # per person
MAX_ATTEMPTS = 4
# One long file at a time, so that a worker is always left for what people wait for.
BUSY_AGAIN = timedelta(seconds=5)
_NOT_HELD = "您已不再担任导出时的职务，文件没有生成。"
_IN_VAIN = "多次生成没有成功，请缩小范围重试，或联系管理员。"
_PREFIX = "exports/"
_FILTER = TypeAdapter(ledger.Filter)
_UNDER_WAY = ("waiting", "running")
STATES = {
    "waiting": "排队中", "running": "正在生成", "done": "可以下载", "failed": "没有成功", "cancelled": "已取消",
    "removed": "文件已删除",
}  # fmt: skip


class Shelf(Protocol):
    """What is needed of object storage (backend.clients.storage.Storage)."""

    def put_file(self, key: str, path: Path, content_type: str) -> None: ...
    def delete(self, key: str) -> None: ...


class Writer(Protocol):
    """backend.sheet_file.write"""

    def __call__(self, path: Path, form: FileForm, sheet: Sheet, tell: Callable[[int], None]) -> int: ...


@dataclass(frozen=True)
class Press:
    """What making a file needs of the outside.

    `reading(actor)` is a Work on one unchanging moment of the database; `aside()` a Work committed on leaving, whatever
    becomes of the one at hand: progress is told while the file is being made.
    """

    reading: Callable[[Actor], AbstractContextManager[Work]]
    aside: Callable[[], AbstractContextManager[Work]]
    write: Writer
    shelf: Shelf
    content_types: dict[FileForm, str]


class Cancelled(Exception):  # noqa: N818
    """The person who asked wants it no longer."""


def sheet(work: Work, wanted: ledger.Filter, n: int) -> Sheet:
    """The ledger in the form officials file it, with its heading; the rows are read as they are taken."""
    day = shanghai_day(work.now)
    unit = work.county.unit_by_code.get(work.actor.unit or "")
    by = f"{unit.name if unit else ''}（{ROLE_NAMES.get(work.actor.role, work.actor.role)}）"
    at = f"{_day_words(day)} {work.now.astimezone(SHANGHAI):%H:%M}"
    return Sheet(
        name=f"河湖问题台账{day:%Y%m%d}",
        title=f"{work.county.name}河湖问题台账（{_period(wanted, day)}）",
        note=f"导出单位：{by}　　导出时间：{at}　　筛选条件：{in_words(work, wanted)}　　共 {n} 件",
        headings=tuple(heading for heading, _ in export_rows.COLUMNS),
        rows=export_rows.rows(work, wanted),
    )


def _period(wanted: ledger.Filter, today: date) -> str:
    for first, last, said in (
        (wanted.opened_from, wanted.opened_to, ""),
        (wanted.closed_from, wanted.closed_to, "办结"),
    ):
        if first is not None and last is not None:
            return f"{_day_words(first)}至{_day_words(last)}{said}"
        if first is not None:
            return f"{_day_words(first)}起{said}"
        if last is not None:
            return f"截至{_day_words(last)}{said}"
    return f"截至{_day_words(today)}"


def _day_words(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def in_words(work: Work, wanted: ledger.Filter) -> str:
    """The filter as an official would say it."""
    county = work.county
    unit = county.unit_by_code.get(wanted.unit or "")
    reach = county.reach_by_code.get(wanted.reach or "")
    category = county.category_by_code.get(wanted.category or "")
    part = {"lead": "主办", "assist": "协办", "any": "主办或协办"}[wanted.part]
    said = [
        "状态：" + "、".join(states.STATES.get(state, state) for state in wanted.states) if wanted.states else "",
        f"{part}单位：{unit.name if unit else wanted.unit}" if wanted.unit else "",
        f"河流：{wanted.river}" if wanted.river else "",
        f"河段：{reach.name if reach else wanted.reach}" if wanted.reach else "",
        f"类别：{category.name if category else wanted.category}" if wanted.category else "",
        f"来源：{county.rules.sources.name(wanted.source)}" if wanted.source else "",
        "仅逾期" if wanted.overdue or wanted.clock else "",
        "" if wanted.urgent is None else "仅紧急" if wanted.urgent else "仅非紧急",
        f"编号：{wanted.number}" if wanted.number else "",
        f"文字：{wanted.text}" if wanted.text else "",
    ]
    return "；".join(filter(None, said)) or "全部"


def counted(work: Work, wanted: ledger.Filter, most: int) -> int:
    """How many cases are asked for, counted no further than one beyond `most`."""
    some = ledger.ordered(select(Case.id).where(*ledger.conditions(work, wanted)), wanted).limit(most + 1).subquery()
    return work.session.scalar(select(func.count()).select_from(some)) or 0


def at_once(work: Work, wanted: ledger.Filter) -> Sheet:
    """A short export. Raises Fault for a long one, which has to be asked for as a file to be made."""
    n = counted(work, wanted, AT_ONCE_ROWS)
    if n > AT_ONCE_ROWS:
        raise Fault("export_too_long", f"超过 {AT_ONCE_ROWS} 件，请改用后台导出，完成后下载。", at_once=AT_ONCE_ROWS)
    return sheet(work, wanted, n)


def note(work: Work, form: FileForm, wanted: ledger.Filter, rows: int, path: Path) -> None:
    """Write down who took what out, and the digest by which the very file is known again."""
    asked = _FILTER.dump_python(wanted, mode="json", exclude_defaults=True)
    ledger.note_use(work, "export", rows, {"form": form, "asked": asked, "sha256": _sha256(path)})


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ask(work: Work, form: FileForm, wanted: ledger.Filter) -> Export:
    """Have a file made. Raises Fault when it would hold nothing, or more than a sheet does."""
    if work.actor.person_id is None or work.actor.unit is None:
        raise Forbidden("officials_only", "只有工作人员可以导出台账。")
    # One at a time per person, so that two requests do not both find room.
    work.session.get(Person, work.actor.person_id, with_for_update=True)
    waiting = select(func.count()).where(Export.person_id == work.actor.person_id, Export.state.in_(_UNDER_WAY))
    if (work.session.scalar(waiting) or 0) >= MAX_WAITING:
        raise TooMany("exports_waiting", f"您已有 {MAX_WAITING} 个导出在进行，请等待完成或取消一个。")
    n = counted(work, wanted, MOST_ROWS)
    if n > MOST_ROWS:
        raise Fault("export_too_large", f"超过 {MOST_ROWS} 件，一张表放不下，请缩小范围分次导出。")
    export = Export(
        id=uuid7(),
        person_id=work.actor.person_id,
        role=work.actor.role,
        unit_code=work.actor.unit,
        file_form=form,
        asked=_FILTER.dump_python(wanted, mode="json"),
        rows_total=n,
        created_at=work.now,
    )
    work.session.add(export)
    work.session.flush()
    work.defer("make_export", export.id)
    return export


def own(work: Work, export_id: UUID) -> Export:
    """An export that the actor asked for; anybody else's does not exist for them."""
    export = work.session.get(Export, export_id, populate_existing=True)
    if export is None or export.person_id != work.actor.person_id:
        raise NotFound("找不到这个导出。")
    return export


def listing(work: Work, before: UUID | None, limit: int) -> list[Export]:
    """The actor's exports, the latest first."""
    query = select(Export).where(Export.person_id == work.actor.person_id)
    if before is not None:
        query = query.where(Export.id < before)
    return list(work.session.scalars(query.order_by(Export.id.desc()).limit(limit)))


def cancel(work: Work, export_id: UUID) -> Export:
    """Give up an export: one under way stops soon, a finished file is removed."""
    export = own(work, export_id)
    work.session.refresh(export, with_for_update=True)
    if export.state in _UNDER_WAY:
        export.state, export.ended_at = "cancelled", work.now
    elif export.state == "done":
        export.expires_at = work.now
    else:
        raise Conflict("export_over", "这个导出已经结束。")
    work.defer("remove_export", export.id)
    return export


def downloadable(work: Work, export: Export) -> bool:
    return export.state == "done" and export.expires_at is not None and work.now < export.expires_at


def file_name(work: Work, export: Export) -> str:
    return f"{work.county.name}河湖问题台账{shanghai_day(export.created_at):%Y%m%d}.{export.file_form}"


def make(work: Work, export_id: UUID, press: Press) -> None:
    """Make the file, store it, and have it removed after its day. Repeats make it again, or do nothing when done."""
    if not work.session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtext("one long file")))):
        work.defer("make_export", export_id, after=BUSY_AGAIN)
        return
    with press.aside() as aside:
        begun = _begin(aside, export_id)
    if begun is None:
        return
    actor, form, wanted, key = begun
    with tempfile.TemporaryDirectory(prefix="qinghe-") as folder:
        path = Path(folder) / "export"
        try:
            with press.reading(actor) as reading:
                n = counted(reading, wanted, MOST_ROWS)
                rows = press.write(path, form, sheet(reading, wanted, n), _teller(work, export_id, press, n))
        except Cancelled:
            return
        press.shelf.put_file(key, path, press.content_types[form])
        export = work.session.get_one(Export, export_id, with_for_update=True, populate_existing=True)
        if export.state != "running":
            press.shelf.delete(key)
            return
        work.actor = actor
        note(work, form, wanted, rows, path)
        export.state, export.ended_at, export.expires_at = "done", work.now, work.now + KEPT_FOR
        export.size, export.rows_total, export.rows_done = path.stat().st_size, rows, rows
    work.defer("remove_export", export.id, after=KEPT_FOR)


def _begin(aside: Work, export_id: UUID) -> tuple[Actor, FileForm, ledger.Filter, str] | None:
    export = aside.session.get(Export, export_id, with_for_update=True, populate_existing=True)
    if export is None or export.state not in _UNDER_WAY:
        return None
    actor = people.holder(aside, export.person_id, export.role, export.unit_code)
    if actor is None or export.attempts >= MAX_ATTEMPTS:
        export.state, export.ended_at, export.failure = "failed", aside.now, _NOT_HELD if actor is None else _IN_VAIN
        aside.defer("remove_export", export.id)
        return None
    export.state, export.rows_done, export.attempts = "running", 0, export.attempts + 1
    form: FileForm = "csv" if export.file_form == "csv" else "xlsx"
    export.key = f"{_PREFIX}{export_id}.{form}"
    return actor, form, _FILTER.validate_python(export.asked), export.key


def _teller(work: Work, export_id: UUID, press: Press, n: int) -> Callable[[int], None]:
    """Tells how many rows are done, and hears whether the file is still wanted."""

    def tell(rows: int) -> None:
        # On this connection too, or the server would end a transaction that does nothing for so long.
        state = work.session.scalar(select(Export.state).where(Export.id == export_id))
        if state != "running":
            raise Cancelled
        with press.aside() as aside:
            export = aside.session.get_one(Export, export_id, with_for_update=True, populate_existing=True)
            export.rows_done, export.rows_total = rows, n

    return tell


def remove(work: Work, export_id: UUID, shelf: Shelf) -> None:
    """Remove the file of an export whose time is over. Repeats do nothing."""
    export = work.session.get(Export, export_id, with_for_update=True, populate_existing=True)
    if export is None or export.key is None or (export.expires_at is not None and export.expires_at > work.now):
        return
    shelf.delete(export.key)
    export.key = None
    if export.state == "done":
        export.state = "removed"
