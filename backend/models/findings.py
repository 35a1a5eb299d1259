"""Problems found on a patrol, as the phone told them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, false
from sqlalchemy.orm import Mapped, mapped_column

from backend.extensions import Base


class Finding(Base):
    """A finding 发现问题 under the phone's own UUID. A report and a case are made of it, except in practice 练习.

    `observed_at`: the chief's, by the phone's clock. `claims_settled`: the chief says it was settled on the spot
    现场办结; `settled_at`: it went to review as such. `sampled`: to be verified on the ground before it is closed,
    `verified_at`: when it was. `photos_after` are ids. `lon`, `lat`: WGS-84.
    """

    __tablename__ = "findings"
    __table_args__ = (
        Index("ix_findings_case_id", "case_id"),
        Index("ix_findings_settled_at", "settled_at", "id", postgresql_where="settled_at is not null"),
    )

    patrol_id: Mapped[UUID] = mapped_column(ForeignKey("patrols.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    received_at: Mapped[datetime]
    observed_at: Mapped[datetime]
    category: Mapped[str]
    text: Mapped[str]
    lon: Mapped[float]
    lat: Mapped[float]
    coord_type: Mapped[str]
    accuracy_m: Mapped[float | None]
    practice: Mapped[bool] = mapped_column(default=False, server_default=false())
    report_id: Mapped[UUID | None] = mapped_column(ForeignKey("reports.id"))
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    role: Mapped[str]
    unit_code: Mapped[str | None]
    claims_settled: Mapped[bool] = mapped_column(default=False, server_default=false())
    photos_after: Mapped[list[str]] = mapped_column(default=list)
    done: Mapped[str] = mapped_column(default="", server_default="")
    settled_at: Mapped[datetime | None]
    not_settled_because: Mapped[str | None]
    sampled: Mapped[bool] = mapped_column(default=False, server_default=false())
    verified_at: Mapped[datetime | None]
    verified_by: Mapped[str | None]
