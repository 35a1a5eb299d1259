"""What the office has prepared and not yet put in force: a roster, or a version of the county."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class Draft(Base):
    """A file or form of the office that was checked and waits for its confirmation. state: open → used | dropped.

    `content_sealed`: what was found in it (backend.domain.drafts), sealed because a roster holds phone numbers; empty
    as soon as the draft is used, dropped or a day old.
    """

    __tablename__ = "drafts"
    __table_args__ = (
        CheckConstraint("kind in ('roster','county')", name="kind"),
        CheckConstraint("state in ('open','used','dropped')", name="state"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    kind: Mapped[str]
    file_name: Mapped[str]
    content_sealed: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    made_at: Mapped[datetime]
