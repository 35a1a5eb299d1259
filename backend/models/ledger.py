"""What the ledger keeps beside the cases so that it is found, counted and answered for quickly."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from backend.extensions import Base


class CaseWords(Base):
    """What a case is found by: pairs of neighbouring characters, and the text in which a find is checked.

    Written by triggers alone, from reports, supplements and the case. `unit_*` holds what the units may read (released
    forwarded text), `office_*` the original words as well.
    """

    __tablename__ = "case_words"
    __table_args__ = (
        Index("ix_case_words_unit_pairs", "unit_pairs", postgresql_using="gin"),
        Index("ix_case_words_office_pairs", "office_pairs", postgresql_using="gin"),
    )

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    unit_text: Mapped[str]
    unit_pairs: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    office_text: Mapped[str]
    office_pairs: Mapped[list[str]] = mapped_column(ARRAY(Text()))


class ReachName(Base):
    """The names of a reach 河段 and its river as the latest county calls them, for the search's triggers."""

    __tablename__ = "reach_names"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    river: Mapped[str]


class CaseTally(Base):
    """A change in how many cases a lead unit has in a state. The sum of `n` is the number of cases.

    A trigger adds rows, so that no two transactions wait for one counter; `ledger.fold_tallies` sums them up.
    """

    __tablename__ = "case_tallies"
    __table_args__ = (Index("ix_case_tallies_unit_state", "lead_unit", "state", postgresql_include=["n"]),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    lead_unit: Mapped[str | None]
    state: Mapped[str]
    n: Mapped[int]


class LedgerUse(Base):
    """Who took the ledger out or brought one in: an export, an import, a file of answers. Append-only."""

    __tablename__ = "ledger_uses"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    kind: Mapped[str]
    actor: Mapped[str]
    role: Mapped[str]
    unit_code: Mapped[str | None]
    rows: Mapped[int]
    detail: Mapped[dict[str, Any]]
