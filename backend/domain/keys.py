"""Rotation of the identity keys: whatever is sealed is sealed again under the first key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, func, select, update

from backend.models import Person
from backend.vault import Unopenable

if TYPE_CHECKING:
    from backend.work import Work


@dataclass
class Batch:
    """What came of one batch. `last` is where the next one goes on, None when there is nothing more."""

    seen: int = 0
    resealed: int = 0
    unopenable: int = 0
    last: UUID | None = None


def sealed_columns() -> Iterator[Column[Any]]:
    """Every column that holds something sealed: by the house's rule its name ends in `_sealed`."""
    for table in Person.metadata.sorted_tables:
        yield from (column for column in table.columns if column.name.endswith("_sealed"))


def count(work: Work, column: Column[Any]) -> int:
    return work.session.scalar(select(func.count()).select_from(column.table).where(_filled(column))) or 0


def _filled(column: Column[Any]) -> ColumnElement[bool]:
    return column.is_not(None) & (column != "")


def reseal(work: Work, column: Column[Any], after: UUID | None, limit: int) -> Batch:
    """Seal again the next rows of a table after `after`, by id. What is under the first key already is left alone, so
    that beginning anew after an interruption costs only the reading."""
    key = column.table.c.id
    query = select(key, column).where(_filled(column)).order_by(key).limit(limit).with_for_update()
    rows = list(work.session.execute(query if after is None else query.where(key > after)))
    batch = Batch(seen=len(rows), last=rows[-1][0] if len(rows) == limit else None)
    for row_id, sealed in rows:
        try:
            anew = work.vault.resealed(sealed)
        except Unopenable:
            batch.unopenable += 1
            continue
        if anew is not None:
            work.session.execute(update(column.table).where(key == row_id).values({column.name: anew}))
            batch.resealed += 1
    return batch
