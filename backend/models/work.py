"""The outbox of deferred work, and the keys by which a repeated request is recognised."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.extensions import Base


class Deferred(Base):
    """Something that has to happen, written in the transaction of the fact that calls for it.

    `args` holds ids only. `tried_at` is when the last attempt began. `done_at` ends it; `gave_up_at` marks work whose
    attempts are used up, for people to see.
    """

    __tablename__ = "deferred"
    __table_args__ = (
        Index("ix_deferred_due", "run_at", "id", postgresql_where="done_at is null and gave_up_at is null"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    args: Mapped[list[str]]
    created_at: Mapped[datetime]
    run_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    tried_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    gave_up_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    request_id: Mapped[str | None]


class IdempotencyKey(Base):
    """A create that was carried out: the digest of its key (with who sent it) and what it made."""

    __tablename__ = "idempotency_keys"

    digest: Mapped[str] = mapped_column(primary_key=True)
    request_digest: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)
    outcome: Mapped[dict[str, Any]]
