"""Verdicts on patrols, one after the other, and the appeals against them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class Verdict(Base):
    """A verdict 有效/无效, append-only. The last one by the rules holds, unless an appeal was upheld.

    `facts`, `judgement` and the rules of `county_version` are all that the decision was made from; `inputs` names the
    batches, the skew and the earlier patrols behind the judgement. `made_by`: "rules" or "appeal".
    """

    __tablename__ = "verdicts"

    patrol_id: Mapped[UUID] = mapped_column(ForeignKey("patrols.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    valid: Mapped[bool]
    county_version: Mapped[int]
    facts: Mapped[dict[str, Any]]
    judgement: Mapped[dict[str, Any]]
    decision: Mapped[dict[str, Any]]
    inputs: Mapped[dict[str, Any]]


class PatrolAppeal(Base):
    """An appeal 申诉 of a chief against an invalid verdict: words and photos, decided once by the office."""

    __tablename__ = "patrol_appeals"
    __table_args__ = (
        Index("uq_patrol_appeals_open", "patrol_id", unique=True, postgresql_where="decided_at is null"),
        Index("ix_patrol_appeals_patrol_id", "patrol_id"),
        Index("ix_patrol_appeals_undecided", "id", postgresql_where="decided_at is null"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    patrol_id: Mapped[UUID] = mapped_column(ForeignKey("patrols.id"))
    verdict_seq: Mapped[int]
    text: Mapped[str]
    made_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    upheld: Mapped[bool | None]
    reason: Mapped[str | None]
