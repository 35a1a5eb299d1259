"""Patrols: what the phone told, piece by piece and in any order, and what is known from it so far."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from backend.extensions import Base


class Patrol(Base):
    """A patrol 巡河, known by the phone's own UUID from its first message on, whichever that is.

    `device_*_at` and `*_sent_at` are times of the phone's clock, as told. `began_at`, `ended_at` are the same by the
    server's clock, corrected by `skew_s` (by how much the phone's clock is ahead); until the start has arrived
    `began_at` is the time of the first message. `reaches` are those the chief named, `own_reaches` those that were
    theirs then. `valid`: the verdict in force, None until judged. `doubts`: how many signs in the track ask a human to
    look. `judge_at`: when a verdict is to be made.
    """

    __tablename__ = "patrols"
    __table_args__ = (
        Index("ix_patrols_began_at_id", "began_at", "id"),
        Index("ix_patrols_unit_code_began_at", "unit_code", "began_at", "id"),
        Index("ix_patrols_person_id_began_at", "person_id", "began_at", "id"),
        Index("ix_patrols_unfinished", "last_contact_at", postgresql_where="finished_at is null"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    first_contact_at: Mapped[datetime]
    last_contact_at: Mapped[datetime]

    role: Mapped[str | None]
    unit_code: Mapped[str | None] = mapped_column(ForeignKey("units.code"))
    role_in_force: Mapped[bool] = mapped_column(default=False, server_default=false())
    reaches: Mapped[list[str]] = mapped_column(default=list)
    own_reaches: Mapped[list[str]] = mapped_column(default=list)
    practice: Mapped[bool] = mapped_column(default=False, server_default=false())
    mode: Mapped[str] = mapped_column(default="walk", server_default="walk")
    device_started_at: Mapped[datetime | None]
    start_sent_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]

    device_ended_at: Mapped[datetime | None]
    finish_sent_at: Mapped[datetime | None]
    finish_received_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    finished_by: Mapped[str | None]
    batches_made: Mapped[list[str]] = mapped_column(default=list)

    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    skew_s: Mapped[float] = mapped_column(default=0.0, server_default="0")
    points: Mapped[int] = mapped_column(default=0, server_default="0")
    last_point_at: Mapped[datetime | None]
    last_lon: Mapped[float | None]
    last_lat: Mapped[float | None]
    battery: Mapped[int | None]

    # What is remembered of the track, to recognise it when it comes again.
    signature: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    judge_at: Mapped[datetime | None]
    verdict_seq: Mapped[int] = mapped_column(default=0, server_default="0")
    valid: Mapped[bool | None]
    doubts: Mapped[int] = mapped_column(default=0, server_default="0")

    @property
    def phase(self) -> str:
        """waiting (the start has not arrived), live or finished."""
        if self.finished_at is not None:
            return "finished"
        return "live" if self.started_at is not None else "waiting"


class PatrolGrant(Base):
    """A token that uploads to one patrol alone, whatever becomes of the chief's sign-in or office. Its hash only."""

    __tablename__ = "patrol_grants"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    patrol_id: Mapped[UUID] = mapped_column(ForeignKey("patrols.id"), index=True)
    issued_at: Mapped[datetime]


class TrackBatch(Base):
    """A piece of the track: points exactly as the phone sent them (its clock, its coordinates), packed. Append-only.

    `first_ms`, `last_ms`: the phone's clock. `last_lon`, `last_lat`: its last place, WGS-84, None without a fix.
    """

    __tablename__ = "track_batches"

    patrol_id: Mapped[UUID] = mapped_column(ForeignKey("patrols.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int]
    sent_at: Mapped[datetime]
    received_at: Mapped[datetime]
    coord_type: Mapped[str]
    points: Mapped[int]
    first_ms: Mapped[int] = mapped_column(BigInteger)
    last_ms: Mapped[int] = mapped_column(BigInteger)
    last_lon: Mapped[float | None]
    last_lat: Mapped[float | None]
    battery: Mapped[int | None]
    digest: Mapped[str]
    data: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class PatrolCompanion(Base):
    """Another chief who, as the one with the phone says, walks along 共同巡河; who was not there declines."""

    __tablename__ = "patrol_companions"

    patrol_id: Mapped[UUID] = mapped_column(ForeignKey("patrols.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True, index=True)
    role: Mapped[str]
    unit_code: Mapped[str] = mapped_column(ForeignKey("units.code"))
    own_reaches: Mapped[list[str]] = mapped_column(default=list)
    declined_at: Mapped[datetime | None]


class PatrolEvent(Base):
    """What happened to a patrol, append-only: started, finished, judged, appealed, decided. `text`: people's words."""

    __tablename__ = "patrol_events"
    __table_args__ = (UniqueConstraint("patrol_id", "seq"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    patrol_id: Mapped[UUID] = mapped_column(ForeignKey("patrols.id"))
    seq: Mapped[int]
    at: Mapped[datetime]
    action: Mapped[str]
    actor: Mapped[str]
    role: Mapped[str]
    data: Mapped[dict[str, Any]]
    text: Mapped[str | None]
