"""What the county office decided to show the public of a case."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.extensions import Base


class Publication(Base):
    """A decision of the office about one case: published 公开, or withheld 不公开. Append-only; the last counts.

    `words`: the office's own, None for the sentence made of the ledger's facts. `photos`: ids of those that a person
    has looked at and that are shown, and no others.
    """

    __tablename__ = "publications"
    __table_args__ = (Index("ix_publications_case_id_id", "case_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    at: Mapped[datetime]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    withheld: Mapped[bool]
    words: Mapped[str | None]
    photos: Mapped[list[str]]
    reason: Mapped[str]
