"""Handovers: who took over from whom, and what."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class Handover(Base):
    """A handover 移交 of everything open: from a person to a successor, or from a unit to the one that replaces it.

    `moved`: ids of cases, and what else went along.
    """

    __tablename__ = "handovers"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    kind: Mapped[str]
    from_person: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    to_person: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    role: Mapped[str | None]
    from_unit: Mapped[str] = mapped_column(ForeignKey("units.code"), index=True)
    to_unit: Mapped[str] = mapped_column(ForeignKey("units.code"), index=True)
    reason: Mapped[str]
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    moved: Mapped[dict[str, Any]]
