"""Monthly assessment: which months are frozen and published, and every score ever written down or corrected."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class Assessment(Base):
    """A month 考核 past its `cut_off`; `month` is its first day, `county_version` the rules that it follows.

    `frozen_at`: when the scores, as they were known at the cut-off, were written down.
    """

    __tablename__ = "assessments"

    month: Mapped[date] = mapped_column(primary_key=True)
    county_version: Mapped[int]
    cut_off: Mapped[datetime]
    frozen_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    published_by: Mapped[str | None]


class AssessmentScore(Base):
    """One score, append-only; the highest `seq` of a subject counts, those before it stay to be seen.

    `subject`: unit:<code>, or chief:<person>:<role>:<unit>. `parts`: {"parts": [...]} with the sources of every point.
    `rank` as it was when this was written down. `reason`: why it was corrected, None for what was frozen.
    """

    __tablename__ = "assessment_scores"
    __table_args__ = (
        UniqueConstraint("month", "subject", "seq"),
        Index("ix_assessment_scores_subject_month", "subject", "month"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    month: Mapped[date] = mapped_column(ForeignKey("assessments.month"))
    subject: Mapped[str]
    seq: Mapped[int]
    kind: Mapped[str]
    unit_code: Mapped[str] = mapped_column(ForeignKey("units.code"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    role: Mapped[str | None]
    name: Mapped[str]
    parts: Mapped[dict[str, Any]]
    total: Mapped[float]
    rank: Mapped[int]
    county_version: Mapped[int]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    reason: Mapped[str | None]
