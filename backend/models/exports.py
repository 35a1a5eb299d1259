"""Exports of the ledger that are too long for one answer: made by a worker, fetched for a day."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class Export(Base):
    """A file of the ledger 台账导出 for one person in one role, who sees in it what they may see on the screen.

    `asked` is the filter. `state`: waiting, running, done, failed, cancelled, removed (after its day, or at wish).
    `rows_done` of `rows_total` is told while it runs. `key` is the file in object storage.
    """

    __tablename__ = "exports"
    __table_args__ = (
        Index("ix_exports_person_id", "person_id", "id"),
        CheckConstraint("state in ('waiting','running','done','failed','cancelled','removed')", name="state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    role: Mapped[str]
    unit_code: Mapped[str] = mapped_column(ForeignKey("units.code"))
    file_form: Mapped[str]
    asked: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    rows_total: Mapped[int | None]
    rows_done: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    key: Mapped[str | None]
    size: Mapped[int | None]
    failure: Mapped[str | None]
