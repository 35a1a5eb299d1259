"""Notices: the inbox, the consents that a subscription message uses up, and each delivery tried."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class Notice(Base):
    """An inbox row 站内消息 of one person or one resident's account. `key` keeps it from being written twice."""

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("key"),
        Index("ix_notices_person_id_id", "person_id", "id"),
        Index("ix_notices_account_id_id", "account_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    key: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    patrol_id: Mapped[UUID | None] = mapped_column(ForeignKey("patrols.id"))
    kind: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]
    urgent: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class Consent(Base):
    """How many subscription messages of a template an account still allows."""

    __tablename__ = "consents"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    template_id: Mapped[str] = mapped_column(primary_key=True)
    remaining: Mapped[int] = mapped_column(default=0)


class Delivery(Base):
    """One channel of one notice: waiting → sent | refused (for ever, with the reason) | skipped."""

    __tablename__ = "deliveries"
    __table_args__ = (UniqueConstraint("notice_id", "channel", "account_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    notice_id: Mapped[UUID] = mapped_column(ForeignKey("notices.id"), index=True)
    channel: Mapped[str]
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    state: Mapped[str] = mapped_column(default="waiting")
    reason: Mapped[str | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
