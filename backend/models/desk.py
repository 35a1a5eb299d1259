"""The desk 电脑端: sessions in a browser, codes that a phone confirms, passwords, and the log of sign-ins."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship
from uuid6 import uuid7

from backend.extensions import Base
from backend.models.people import Person


class DeskSession(Base):
    """A browser at which a person on the roster is signed in. Only the hash of its token is kept."""

    __tablename__ = "desk_sessions"
    __table_args__ = (
        Index("ix_desk_sessions_person_id", "person_id", "id"),
        CheckConstraint("how in ('scan','password')", name="how"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    role_id: Mapped[UUID | None] = mapped_column(ForeignKey("roster_roles.id"))
    token_hash: Mapped[str] = mapped_column(unique=True)
    how: Mapped[str]
    browser: Mapped[str]
    address: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(lazy="joined")


class DeskScan(Base):
    """A code on a sign-in page that waits for a phone. The browser that shows it holds the secret; both only as hashes.

    `check_digits` stand on both screens, so that nobody confirms somebody else's page.
    """

    __tablename__ = "desk_scans"
    __table_args__ = (Index("ix_desk_scans_expires_at", "expires_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    code_digest: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[str] = mapped_column(unique=True)
    check_digits: Mapped[str]
    browser: Mapped[str]
    address: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    role_id: Mapped[UUID | None] = mapped_column(ForeignKey("roster_roles.id"))
    confirmed_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class DeskPassword(Base):
    """A person's password and one-time-code secret for the desk. `last_step`: no code is taken twice."""

    __tablename__ = "desk_passwords"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), unique=True)
    password_hash: Mapped[str]
    totp_sealed: Mapped[str]
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    set_at: Mapped[datetime]


class DeskEntry(Base):
    """What happened at the desk's door: signed in, refused, signed out, enrolled. Append-only."""

    __tablename__ = "desk_entries"
    __table_args__ = (Index("ix_desk_entries_person_id", "person_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    session_id: Mapped[UUID | None]
    how: Mapped[str]
    outcome: Mapped[str]
    browser: Mapped[str]
    address: Mapped[str]


class DeskView(Base):
    """A view of the ledger that somebody keeps: its filters and columns as the address holds them, under a name."""

    __tablename__ = "desk_views"
    __table_args__ = (UniqueConstraint("person_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    name: Mapped[str]
    query: Mapped[str]
    created_at: Mapped[datetime]
