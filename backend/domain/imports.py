"""Files that bring cases in 导入: previewed row by row, then carried out whole or without the faulty rows, once.

What a file holds is checked before (backend.old_ledger_file, backend.hotline_file); here it is compared with the
ledger, kept as rows, and made into cases by a worker. The number under which the source knows a case is what makes the
import repeatable: what is on the ledger already is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import delete, func, insert, select, update
from uuid6 import uuid7

from backend.domain import ledger, old_cases, orders, people, states
from backend.domain.faults import Conflict, Fault, Forbidden, NotFound
from backend.domain.old_cases import OldCase
from backend.domain.orders import Order
from backend.models import Case, ImportBatch, ImportRow

if TYPE_CHECKING:
    from backend.work import Work

Kind = Literal["ledger", "hotline"]
KINDS: dict[Kind, str] = {"ledger": "原台账", "hotline": "12345 工单"}
Aside = Callable[[], AbstractContextManager["Work"]]

PREVIEW_FOR = timedelta(days=1)
BATCH = 500  # each table is written once for so many rows
_AT_ONCE = 5_000  # numbers looked up by one query
MAX_ATTEMPTS = 3
BUSY_AGAIN = timedelta(seconds=5)
STATES = {
    "previewed": "已预览，待导入", "waiting": "排队中", "running": "正在导入", "done": "已导入", "failed": "没有导入",
    "cancelled": "已取消", "expired": "预览已过期", "withdrawing": "正在撤销", "withdrawn": "已撤销",
}  # fmt: skip
OUTCOMES = {"new": "将新建", "known": "台账里已有", "faulty": "有错误", "made": "已建"}


@dataclass(frozen=True)
class Remark:
    """What is wrong, or worth a look, in one cell: `column` as the file calls it, `reason` in Chinese."""

    column: str
    reason: str


@dataclass(frozen=True)
class FoundRow:
    """One row of a file; `content` is None when it is faulty. `sheet` is empty for a .csv."""

    sheet: str
    line: int
    number: str
    content: BaseModel | None
    faults: tuple[Remark, ...] = ()
    warnings: tuple[Remark, ...] = ()


class Cancelled(Exception):  # noqa: N818
    """The office wants it no longer."""


def _make(work: Work, import_batch: ImportBatch, rows: list[ImportRow]) -> list[Case]:
    """The cases of these rows. Raises Fault that names the row."""
    if import_batch.kind == "hotline":
        return [_of_order(work, row) for row in rows]
    brought = []
    for row in rows:
        with _naming(row):
            old = OldCase.model_validate(row.content)
            brought.append(old_cases.brought(work, old, import_batch.id, row.sheet, row.line))
    states.import_cases(work, brought)
    return [one.case for one in brought]


def _of_order(work: Work, row: ImportRow) -> Case:
    with _naming(row):
        return orders.put_on_ledger(work, Order.model_validate(row.content))


@contextmanager
def _naming(row: ImportRow) -> Iterator[None]:
    """Faults say in which row they came up."""
    try:
        yield
    except Fault as fault:
        where = f"工作表“{row.sheet}”第 {row.line} 行" if row.sheet else f"第 {row.line} 行"
        raise Fault(fault.code, f"{where}：{fault.title}") from fault


_SOURCES: dict[str, str] = {"ledger": old_cases.SOURCE, "hotline": orders.SOURCE}


def preview(
    work: Work, kind: Kind, file_name: str, digest: str, rows: list[FoundRow], notes: tuple[str, ...]
) -> ImportBatch:
    """Keep what was found in a file and say what importing it would do; nothing enters the ledger yet."""
    if work.actor.person_id is None or work.actor.unit is None:
        raise Forbidden("office_only", "只有县河长办可以导入。")
    _forget_earlier(work, kind, digest)
    known = _known(work, kind, [row.number for row in rows if row.content is not None])
    outcomes = [_outcome(row, known) for row in rows]
    import_batch = ImportBatch(
        id=uuid7(),
        kind=kind,
        file_name=file_name[:200],
        digest=digest,
        person_id=work.actor.person_id,
        role=work.actor.role,
        unit_code=work.actor.unit,
        county_version=work.county_version,
        rows=len(rows),
        new=outcomes.count("new"),
        known=outcomes.count("known"),
        faulty=outcomes.count("faulty"),
        notes=list(notes[:200]),
        created_at=work.now,
    )
    work.session.add(import_batch)
    work.session.flush()
    kept = [
        {
            "import_id": import_batch.id,
            "place": place,
            "sheet": row.sheet,
            "line": row.line,
            "number": row.number,
            "outcome": outcome,
            "faults": [asdict(remark) for remark in row.faults],
            "warnings": [asdict(remark) for remark in (*row.warnings, *_of_known(row, known))],
            "content": row.content.model_dump(mode="json") if outcome == "new" and row.content else None,
        }
        for place, (row, outcome) in enumerate(zip(rows, outcomes, strict=True))
    ]
    if kept:
        work.session.execute(insert(ImportRow), kept)
    work.defer("expire_import", import_batch.id, after=PREVIEW_FOR)
    return import_batch


def _forget_earlier(work: Work, kind: Kind, digest: str) -> None:
    """An earlier preview of the same file that was not carried out gives way to this one."""
    earlier = select(ImportBatch).where(
        ImportBatch.digest == digest, ImportBatch.kind == kind, ImportBatch.state == "previewed"
    )
    for import_batch in work.session.scalars(earlier.with_for_update()):
        import_batch.state = "expired"
        work.session.execute(delete(ImportRow).where(ImportRow.import_id == import_batch.id))


def _known(work: Work, kind: Kind, numbers: list[str]) -> dict[str, Case]:
    found: dict[str, Case] = {}
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        query = select(Case).where(Case.source == _SOURCES[kind], Case.source_number.in_(some))
        found |= {str(case.source_number): case for case in work.session.scalars(query)}
    return found


def _outcome(row: FoundRow, known: dict[str, Case]) -> str:
    if row.content is None:
        return "faulty"
    return "known" if row.number in known else "new"


def _of_known(row: FoundRow, known: dict[str, Case]) -> list[Remark]:
    case = known.get(row.number)
    if case is None or row.content is None:
        return []
    said = f"台账里已有，编号 {case.number}，状态“{states.STATES[case.state]}”，不再导入"
    over = isinstance(row.content, OldCase) and row.content.state in ("closed", "archived", "rejected")
    if over and case.state in states.OPEN:
        said += "；文件里已办结而台账里没有，请在系统里办理"
    return [Remark("", said)]


def get(work: Work, import_id: UUID) -> ImportBatch:
    import_batch = work.session.get(ImportBatch, import_id, populate_existing=True)
    if import_batch is None:
        raise NotFound("找不到这次导入。")
    return import_batch


def listing(work: Work, before: UUID | None, limit: int) -> list[ImportBatch]:
    """All imports, the latest first: the office answers for them together."""
    query = select(ImportBatch).order_by(ImportBatch.id.desc()).limit(limit)
    return list(work.session.scalars(query if before is None else query.where(ImportBatch.id < before)))


def rows(work: Work, import_id: UUID, outcome: str | None, after: int | None, limit: int) -> list[ImportRow]:
    """What was found in the file, in its order, after the row at place `after`."""
    query = select(ImportRow).where(ImportRow.import_id == import_id).order_by(ImportRow.place).limit(limit)
    if outcome is not None:
        query = query.where(ImportRow.outcome == outcome)
    return list(work.session.scalars(query if after is None else query.where(ImportRow.place > after)))


def locked(work: Work, import_id: UUID) -> ImportBatch:
    import_batch = work.session.get(ImportBatch, import_id, with_for_update=True, populate_existing=True)
    if import_batch is None:
        raise NotFound("找不到这次导入。")
    return import_batch


# ---- carrying out ----------------------------------------------------------------------------------------------------


def carry_out(work: Work, import_id: UUID, digest: str, good_only: bool) -> ImportBatch:
    """Have the very file that was previewed imported: all of it, or with `good_only` without its faulty rows."""
    import_batch = locked(work, import_id)
    if import_batch.state != "previewed" or import_batch.created_at + PREVIEW_FOR <= work.now:
        raise Conflict(
            "import_over", f"这次导入{STATES[import_batch.state]}，请重新上传文件预览。", state=import_batch.state
        )
    if import_batch.digest != digest:
        raise Conflict("file_changed", "文件与预览的不是同一个，请重新预览。")
    if import_batch.county_version != work.county_version:
        raise Conflict("county_changed", "预览以后本县配置有变化，请重新预览。")
    if import_batch.faulty and not good_only:
        raise Fault("import_has_faults", f"有 {import_batch.faulty} 行错误，请改好文件，或选择只导入没有错误的行。")
    if not import_batch.new:
        raise Fault("nothing_new", "没有可以导入的新案件。")
    import_batch.state, import_batch.good_only, import_batch.done = "waiting", good_only, 0
    work.defer("carry_out_import", import_batch.id)
    return import_batch


def cancel(work: Work, import_id: UUID) -> ImportBatch:
    """Give up a preview, or an import that is not over: what it has made so far is undone."""
    import_batch = locked(work, import_id)
    if import_batch.state not in ("previewed", "waiting", "running"):
        raise Conflict("import_over", f"这次导入{STATES[import_batch.state]}，不能取消。", state=import_batch.state)
    import_batch.state = "cancelled"
    work.defer("expire_import", import_batch.id)
    return import_batch


def make(work: Work, import_id: UUID, aside: Aside) -> None:
    """Carry the import out, whole or not at all. Repeats do nothing."""
    if not one_at_a_time(work):
        work.defer("carry_out_import", import_id, after=BUSY_AGAIN)
        return
    if not _begin(aside, import_id):
        return
    import_batch = get(work, import_id)
    actor = people.holder(work, import_batch.person_id, import_batch.role, import_batch.unit_code)
    try:
        with work.session.begin_nested():
            if actor is None:
                raise Fault("role_ended", "导入人已不在县河长办，没有导入。")
            work.actor = actor
            made = _make_all(work, import_batch, teller(work, import_id, aside, "running"))
            import_batch = locked(work, import_id)
            if import_batch.state != "running":
                raise Cancelled
    except Fault as fault:
        fail(aside, import_id, "failed", fault.title)
        return
    except Cancelled:
        return
    import_batch.state, import_batch.done, import_batch.carried_out_at = "done", made, work.now
    detail = {
        "import": str(import_batch.id),
        "sha256": import_batch.digest,
        "file": import_batch.file_name,
        "left": import_batch.faulty,
    }
    ledger.note_use(work, f"import_{import_batch.kind}", made, detail)


def one_at_a_time(work: Work) -> bool:
    """One long piece of work at a time, so that a worker is always left for what people wait for."""
    return bool(work.session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtext("one long file")))))


def _begin(aside: Aside, import_id: UUID) -> bool:
    with aside() as work:
        import_batch = locked(work, import_id)
        if import_batch.state not in ("waiting", "running"):
            return False
        if import_batch.attempts >= MAX_ATTEMPTS:
            import_batch.state, import_batch.failure = "failed", "多次导入没有成功，请联系管理员。"
            return False
        import_batch.state, import_batch.done, import_batch.attempts = "running", 0, import_batch.attempts + 1
        return True


def fail(aside: Aside, import_id: UUID, state: str, why: str) -> None:
    with aside() as work:
        import_batch = locked(work, import_id)
        import_batch.state, import_batch.failure = state, why
        work.defer("expire_import", import_id)


def teller(work: Work, import_id: UUID, aside: Aside, while_in: str) -> Callable[[int], None]:
    """Tells how many rows are done, and hears whether the rest is still wanted."""

    def tell(done: int) -> None:
        # On this connection too, or the server would end a transaction that does nothing for so long.
        if work.session.scalar(select(ImportBatch.state).where(ImportBatch.id == import_id)) != while_in:
            raise Cancelled
        with aside() as beside:
            locked(beside, import_id).done = done

    return tell


def _make_all(work: Work, import_batch: ImportBatch, tell: Callable[[int], None]) -> int:
    made = 0
    for some in _new_rows(work, import_batch.id):
        fresh = _still_new(work, import_batch.kind, some)
        for row, case in zip(fresh, _make(work, import_batch, fresh), strict=True):
            row.case_id, row.content, row.outcome = case.id, None, "made"
        made += len(fresh)
        work.session.flush()
        tell(made)
    return made


def _still_new(work: Work, kind: str, rows: list[ImportRow]) -> list[ImportRow]:
    """Those that no other import brought since the preview; of the others it is said."""
    known = _known(work, "hotline" if kind == "hotline" else "ledger", [row.number for row in rows])
    for row in rows:
        if row.number in known:
            row.outcome, row.content = "known", None
            row.warnings = [*row.warnings, {"column": "", "reason": "台账里已有，不再导入"}]
    return [row for row in rows if row.outcome == "new"]


def _new_rows(work: Work, import_id: UUID) -> Iterator[list[ImportRow]]:
    """The rows to be made, some at a time."""
    after = -1
    while some := rows(work, import_id, "new", after, BATCH):
        after = some[-1].place
        yield some


def expire(work: Work, import_id: UUID) -> None:
    """Forget what a file said that was not carried out within its day, or was given up. Repeats do nothing."""
    import_batch = locked(work, import_id)
    if import_batch.state == "previewed":
        if import_batch.created_at + PREVIEW_FOR > work.now:
            return
        import_batch.state = "expired"
    if import_batch.state in ("expired", "cancelled", "failed"):
        gone = update(ImportRow).where(ImportRow.import_id == import_id, ImportRow.outcome.in_(("new", "faulty")))
        work.session.execute(gone.values(content=None))
