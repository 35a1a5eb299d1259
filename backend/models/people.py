"""People: WeChat accounts, the roster of officials and chiefs, sign-ins."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship
from uuid6 import uuid7

from backend.extensions import Base


class Person(Base):
    """Somebody on the roster 名册. The phone is sealed; its digest finds it."""

    __tablename__ = "persons"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str]
    phone_digest: Mapped[str] = mapped_column(unique=True)
    phone_sealed: Mapped[str]
    created_at: Mapped[datetime]

    roles: Mapped[list[RosterRole]] = relationship(back_populates="person", lazy="selectin")


class RosterRole(Base):
    """One role of one person in one unit, from a day until it ends. Ending it takes effect at the next request.

    Who takes an office up again gets another row: what somebody was, and when, is never lost.
    """

    __tablename__ = "roster_roles"
    __table_args__ = (
        Index(
            "uq_roster_roles_in_force",
            "person_id",
            "role",
            "unit_code",
            unique=True,
            postgresql_where="ended_at is null",
        ),
        Index("ix_roster_roles_unit_code_role", "unit_code", "role", postgresql_where="ended_at is null"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    role: Mapped[str]
    unit_code: Mapped[str] = mapped_column(ForeignKey("units.code"))
    reaches: Mapped[list[str]] = mapped_column(default=list)
    since: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(back_populates="roles")


class Account(Base):
    """A WeChat account. The openid is sealed and found by its digest; bound to a person once proven."""

    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    openid_digest: Mapped[str] = mapped_column(unique=True)
    openid_sealed: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"), index=True)
    created_at: Mapped[datetime]

    person: Mapped[Person | None] = relationship(lazy="joined")


class SignIn(Base):
    """One signed-in phone. Only the token's hash is kept."""

    __tablename__ = "sign_ins"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    role_id: Mapped[UUID | None] = mapped_column(ForeignKey("roster_roles.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship(lazy="joined")


class BindingCode(Base):
    """A one-time code 绑定码 from the office by which a person without a matching WeChat phone binds."""

    __tablename__ = "binding_codes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    code_digest: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    made_by: Mapped[str | None]
