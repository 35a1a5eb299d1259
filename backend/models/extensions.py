"""Extensions: more time asked for, and what was decided."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class Extension(Base):
    """An extension 延期 that a lead unit asked for: open → granted | refused | withdrawn | lapsed.

    `due_before` is the rectifying deadline when it was asked for, `wished_by` what the unit asks for, `granted_until`
    what the office gave. `asked_by` and `decided_by` are labels as events have them (Actor.label).
    """

    __tablename__ = "extensions"
    __table_args__ = (
        Index("uq_extensions_open", "case_id", unique=True, postgresql_where="state = 'open'"),
        Index("ix_extensions_state_id", "state", "id"),
        CheckConstraint("state in ('open','granted','refused','withdrawn','lapsed')", name="state"),
        CheckConstraint("(state = 'granted') = (granted_until is not null)", name="granted_until"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    unit_code: Mapped[str] = mapped_column(ForeignKey("units.code"))
    state: Mapped[str] = mapped_column(default="open")
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    reason: Mapped[str]
    due_before: Mapped[datetime]
    wished_by: Mapped[datetime]
    granted_until: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decision: Mapped[str | None]
    county_version: Mapped[int | None]
