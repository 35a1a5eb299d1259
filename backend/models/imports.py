"""Files that bring cases in: what was found in them row by row, and what became of each row."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base

IMPORT_STATES = (
    "previewed", "waiting", "running", "done", "failed", "cancelled", "expired", "withdrawing", "withdrawn",
)  # fmt: skip


class ImportBatch(Base):
    """A file of the old ledger or of 12345 orders, previewed and then carried out, or not. `digest`: its SHA-256.

    state: previewed → waiting → running → done → withdrawing → withdrawn; or failed, cancelled, expired (a preview
    that nobody carried out within its day). `good_only`: faulty rows were left aside when it was carried out.
    """

    __tablename__ = "imports"
    __table_args__ = (
        Index("ix_imports_digest", "digest"),
        CheckConstraint("kind in ('ledger','hotline')", name="kind"),
        CheckConstraint(f"state in ({', '.join(map(repr, IMPORT_STATES))})", name="state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    kind: Mapped[str]
    file_name: Mapped[str]
    digest: Mapped[str]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    role: Mapped[str]
    unit_code: Mapped[str] = mapped_column(ForeignKey("units.code"))
    county_version: Mapped[int]
    state: Mapped[str] = mapped_column(default="previewed")
    good_only: Mapped[bool] = mapped_column(default=False)
    rows: Mapped[int]
    new: Mapped[int]
    known: Mapped[int]
    faulty: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    notes: Mapped[list[str]]
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    carried_out_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    failure: Mapped[str | None]


class ImportRow(Base):
    """One row of a file: outcome new (to be made), known (on the ledger already), faulty, or made.

    `faults` and `warnings`: objects with column and reason, in Chinese. `content`: the checked row, forgotten as soon
    as the file was carried out or given up.
    """

    __tablename__ = "import_rows"
    __table_args__ = (
        Index("ix_import_rows_outcome", "import_id", "outcome", "place"),
        CheckConstraint("outcome in ('new','known','faulty','made')", name="outcome"),
    )

    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    sheet: Mapped[str]
    line: Mapped[int]
    number: Mapped[str]
    outcome: Mapped[str]
    faults: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    warnings: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    content: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"), index=True)
