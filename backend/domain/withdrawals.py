"""Taking an import of the old ledger back 撤销导入: as a whole, while it is fresh and no person has acted on its cases.

The cases stay, withdrawn, with the event that says so; their old numbers are free for the mended file.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import exists, select

from backend.domain import effects, imports, ledger, people, states
from backend.domain.faults import Conflict
from backend.domain.imports import Aside
from backend.models import Case, CaseEvent, ImportBatch, ImportRow

if TYPE_CHECKING:
    from backend.work import Work

_BY_MACHINE = ("timer", "routing")


def withdrawable(work: Work, import_batch: ImportBatch) -> bool:
    """Whether the import of an old ledger is fresh enough to be taken back."""
    hours = work.county.rules.imports.withdraw_hours
    fresh = import_batch.carried_out_at is not None and work.now <= import_batch.carried_out_at + timedelta(hours=hours)
    return import_batch.kind == "ledger" and import_batch.state == "done" and fresh


def withdraw(work: Work, import_id: UUID) -> ImportBatch:
    """Have an import taken back. Raises Conflict when it is too late, or somebody has acted."""
    import_batch = imports.locked(work, import_id)
    if import_batch.kind != "ledger":
        raise Conflict(
            "not_withdrawable",
            "12345 工单导入后已经分办给单位，不能整批撤销。录错的请逐件办理：并案、移送或不予受理。",
            state=import_batch.state,
        )
    if not withdrawable(work, import_batch):
        hours = work.county.rules.imports.withdraw_hours
        raise Conflict("too_late_to_withdraw", f"只有导入后 {hours} 小时内的原台账可以撤销。", state=import_batch.state)
    _refuse_touched(work, import_batch)
    import_batch.state, import_batch.done = "withdrawing", 0
    work.defer("withdraw_import", import_batch.id, work.actor.person_id)
    return import_batch


def _refuse_touched(work: Work, import_batch: ImportBatch) -> None:
    acted = exists().where(
        CaseEvent.case_id == Case.id, CaseEvent.action != "import", CaseEvent.role.not_in(_BY_MACHINE)
    )
    mine = select(ImportRow.case_id).where(ImportRow.import_id == import_batch.id, ImportRow.outcome == "made")
    touched = list(work.session.scalars(select(Case).where(Case.id.in_(mine), acted).order_by(Case.id).limit(20)))
    if touched:
        numbers = [case.number for case in touched]
        raise Conflict("acted_on", f"已有案件有人办理（{numbers[0]} 等），不能整批撤销。", numbers=numbers)


def unmake(work: Work, import_id: UUID, by: UUID, aside: Aside) -> None:
    """Withdraw the cases of an import, all or none. Repeats do nothing."""
    if not imports.one_at_a_time(work):
        work.defer("withdraw_import", import_id, by, after=imports.BUSY_AGAIN)
        return
    import_batch = imports.get(work, import_id)
    if import_batch.state != "withdrawing":
        return
    actor = people.holder(work, by, "office", work.county.office)
    try:
        with work.session.begin_nested():
            if actor is None:
                raise Conflict("role_ended", "撤销人已不在县河长办，没有撤销。")
            work.actor = actor
            done = _unmake_all(work, import_batch, imports.teller(work, import_id, aside, "withdrawing"))
    except Conflict as conflict:
        imports.fail(aside, import_id, "done", conflict.title)
        return
    import_batch = imports.locked(work, import_id)
    import_batch.state, import_batch.withdrawn_at, import_batch.failure = "withdrawn", work.now, None
    ledger.note_use(work, "withdraw_import", done, {"import": str(import_batch.id), "sha256": import_batch.digest})


def _unmake_all(work: Work, import_batch: ImportBatch, tell: Callable[[int], None]) -> int:
    done, after = 0, -1
    while some := imports.rows(work, import_batch.id, "made", after, imports.BATCH):
        after = some[-1].place
        ids = [row.case_id for row in some]
        cases = list(work.session.scalars(select(Case).where(Case.id.in_(ids)).with_for_update()))
        _refuse_touched(work, import_batch)  # now that these are locked
        for case in cases:
            had_unit = case.lead_unit is not None
            number, case.source_number = case.source_number, None
            effects.end(work, case, {})
            case.closed_at = None
            states.withdraw_import(work, case, {"import": import_batch.id, "number": number})
            if had_unit and case.version > 2:  # something of the timer's may hang on it
                work.defer("follow_case", case.id)
            done += 1
        work.session.flush()
        tell(done)
    return done
