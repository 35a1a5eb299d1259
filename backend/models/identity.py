"""Looks at identities: who has seen who a reporter is, when and why."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Identity
from sqlalchemy.orm import Mapped, mapped_column

from backend.extensions import Base


class IdentityLook(Base):
    """One look 查看身份 at the sealed contact of a report. Append-only."""

    __tablename__ = "identity_looks"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    at: Mapped[datetime]
    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"), index=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    role: Mapped[str]
    unit_code: Mapped[str | None]
    reason: Mapped[str]
