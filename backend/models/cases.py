"""Cases on the ledger: their state, who holds them, their clocks, and the chain of events."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, false, func
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class Case(Base):
    """A case 案件. `state` is assigned by domain/states.py alone; `version` is the number of its events."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_lead_unit_state", "lead_unit", "state", "id"),
        Index("ix_cases_state", "state", "id"),
        Index("ix_cases_category_opened_at", "category", "opened_at"),
        Index("ix_cases_category_id", "category", "id"),
        Index("ix_cases_reach_id", "reach", "id"),
        Index("ix_cases_source_id", "source", "id"),
        Index("ix_cases_risk_source_id", "risk_source", "id", postgresql_where="risk_source is not null"),
        Index("ix_cases_urgent_id", "id", postgresql_where="urgent"),
        Index("ix_cases_opened_at_id", "opened_at", "id"),
        Index("ix_cases_closed_at_id", "closed_at", "id", postgresql_where="closed_at is not null"),
        Index("ix_cases_updated_at_id", "updated_at", "id"),
        Index("ix_cases_next_due_at_id", "next_due_at", "id", postgresql_where="next_due_at is not null"),
        Index("uq_cases_source_source_number", "source", "source_number", unique=True),
        Index("ix_cases_source_number", "source_number", postgresql_where="source_number is not null"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    serial: Mapped[int] = mapped_column(Identity(), unique=True)
    state: Mapped[str] = mapped_column(default="submitted")
    version: Mapped[int] = mapped_column(default=0)
    head_hash: Mapped[str] = mapped_column(default="")
    source: Mapped[str] = mapped_column(default="resident")
    category: Mapped[str]
    urgent: Mapped[bool] = mapped_column(default=False)
    severity: Mapped[str] = mapped_column(default="normal", server_default="normal")
    lon: Mapped[float]
    lat: Mapped[float]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    lead_unit: Mapped[str | None] = mapped_column(ForeignKey("units.code"))
    ever_assigned: Mapped[bool] = mapped_column(default=False)
    ruled: Mapped[bool] = mapped_column(default=False)
    refusals: Mapped[int] = mapped_column(default=0)
    rounds: Mapped[int] = mapped_column(default=0)
    # How often a look-back found that it had come back 反弹.
    recurrences: Mapped[int] = mapped_column(default=0, server_default="0")
    appealed: Mapped[bool] = mapped_column(default=False)
    disputed: Mapped[bool] = mapped_column(default=False)
    outside_county: Mapped[bool] = mapped_column(default=False)
    reach: Mapped[str | None]
    risk_source: Mapped[str | None]
    routing_reason: Mapped[str | None]
    routing: Mapped[dict[str, Any] | None]
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    # The first deadline that held, and what the rules alone gave then: earlier by what the source ordered, or the same.
    first_rectify_by: Mapped[datetime | None]
    rule_rectify_by: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    # Kept by a trigger on clocks: when the first of the running clocks runs out.
    next_due_at: Mapped[datetime | None]
    # The number under which the source itself knows the case, and the deadline that it named.
    source_number: Mapped[str | None]
    ordered_by: Mapped[datetime | None]
    # Until when the source wants the case signed for 签收.
    sign_by: Mapped[datetime | None]
    # "given": somebody named the point; "reach", "township" or "county": it stands for the whole of one.
    place_from: Mapped[str] = mapped_column(server_default="given", default="given")

    @property
    def number(self) -> str:
        """The number people quote: QH-2026-000123."""
        return number_of(self.opened_at, self.serial)


def number_of(opened_at: datetime, serial: int) -> str:
    return f"QH-{opened_at:%Y}-{serial:06d}"


class Assignment(Base):
    """An assignment 交办: a unit holds (`part` lead), or assists 协办 with (assist), a case for a time.

    A lead unit accepts 签收, an assisting one acknowledges 协办确认. `handler_id`: the 经办人 of the unit, once claimed
    or allocated.
    """

    __tablename__ = "assignments"
    __table_args__ = (
        Index(
            "uq_assignments_open_lead", "case_id", unique=True, postgresql_where="ended_at is null and part = 'lead'"
        ),
        Index("uq_assignments_open_unit", "case_id", "unit_code", unique=True, postgresql_where="ended_at is null"),
        Index("ix_assignments_unit_code_case_id", "unit_code", "case_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    unit_code: Mapped[str] = mapped_column(ForeignKey("units.code"))
    part: Mapped[str] = mapped_column(default="lead")
    ruled: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str]
    opened_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    handler_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"), index=True)
    acknowledged_at: Mapped[datetime | None]
    rejection_proposed_at: Mapped[datetime | None]
    rejection_declined_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]


class Clock(Base):
    """One stretch of a running deadline: triage, refuse, accept, rectify or review, charged to its holder.

    `days` working days counted from `since` gave `due_at`; both are None for a limit in hours (`in_hours`) and for
    a date somebody set (`set_by`: ruling, extension, source). `provisional`: some year on the way has no calendar yet.
    `next_push_at`: when the next reminder is due under the county version `push_version`; domain/push.py keeps both.
    """

    __tablename__ = "clocks"
    __table_args__ = (
        Index("uq_clocks_running", "case_id", "kind", unique=True, postgresql_where="stopped_at is null"),
        Index("ix_clocks_due_at", "due_at", postgresql_where="stopped_at is null"),
        Index("ix_clocks_kind_due_at", "kind", "due_at", "case_id", postgresql_where="stopped_at is null"),
        Index("ix_clocks_next_push_at", "next_push_at", postgresql_where="stopped_at is null"),
        Index("ix_clocks_push_version", "push_version", postgresql_where="stopped_at is null"),
        CheckConstraint("kind in ('triage','refuse','accept','rectify','review')", name="kind"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    kind: Mapped[str]
    holder: Mapped[str] = mapped_column(ForeignKey("units.code"))
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]
    in_hours: Mapped[bool] = mapped_column(default=False, server_default=false())
    days: Mapped[int | None]
    since: Mapped[datetime | None]
    set_by: Mapped[str | None]
    provisional: Mapped[bool] = mapped_column(default=False, server_default=false())
    # For who took the case over from another: until when the rules would give them, by their own time alone.
    own_by: Mapped[datetime | None]
    next_push_at: Mapped[datetime | None]
    push_version: Mapped[int | None]

    def overdue(self, now: datetime) -> bool:
        """Whether this stretch ran, or runs, past its deadline. A lapsed right to refuse is nobody's delay."""
        return self.kind != "refuse" and self.due_at < (self.stopped_at or now)

    def charged(self, now: datetime) -> bool:
        """Whether its own holder is to blame that this stretch is overdue: it used more than the rules give it."""
        return self.overdue(now) and (self.own_by is None or self.own_by < (self.stopped_at or now))


class PersonalText(Base):
    """Words of or about a person. Events hold their salted digest; erasing text and salt leaves the chain whole.

    `report_id`: by whose report the writer acted, when it was a reporter.
    """

    __tablename__ = "personal_texts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    report_id: Mapped[UUID | None] = mapped_column(ForeignKey("reports.id"), index=True)
    salt: Mapped[str | None]
    text: Mapped[str | None]
    erased_at: Mapped[datetime | None]


class CaseEvent(Base):
    """One change of a case, append-only (a trigger refuses UPDATE and DELETE) and chained by hash per case."""

    __tablename__ = "case_events"
    __table_args__ = (
        UniqueConstraint("case_id", "seq"),
        Index(
            "ix_case_events_scored_at", "action", "at",
            postgresql_where="action in ('rule','fail_follow_up','escalate_supervision')",
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    seq: Mapped[int]
    action: Mapped[str]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    role: Mapped[str]
    unit_code: Mapped[str | None]
    data: Mapped[dict[str, Any]]
    text_id: Mapped[UUID | None] = mapped_column(ForeignKey("personal_texts.id"))
    text_digest: Mapped[str | None]
    county_version: Mapped[int]
    prev_hash: Mapped[str]
    hash: Mapped[str]


class DuplicateProposal(Base):
    """A likely duplicate 疑似重复 put before the office."""

    __tablename__ = "duplicate_proposals"

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    other_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    distance_m: Mapped[float]
    created_at: Mapped[datetime]
