"""Roots of the ledger: signed statements about all chain heads at a moment. Append-only."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from backend.extensions import Base


class LedgerRoot(Base):
    """A root 台账根: `statement` (domain/roots.py says how it is written) with its signature by the key `key`.

    `n` counts from 1 without a gap. kind: hourly, daily (the first of a day of Asia/Shanghai) or extra (asked for).
    """

    __tablename__ = "ledger_roots"

    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    kind: Mapped[str]
    statement: Mapped[str]
    signature: Mapped[str]
    key: Mapped[str]


class LedgerHead(Base):
    """The head of a case's chain as a root first stated it; a root's heads are the latest of each case up to it."""

    __tablename__ = "ledger_heads"

    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    root: Mapped[int] = mapped_column(ForeignKey("ledger_roots.n"), primary_key=True, index=True)
    number: Mapped[str]
    version: Mapped[int]
    head: Mapped[str]
