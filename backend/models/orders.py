"""Orders of the 12345 hotline: what the centre asks for, and what it was answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

from backend.extensions import Base


class HotlineOrder(Base):
    """An order 工单 of the 12345 centre and the case that it opened. `number` is the centre's, `kind` its own word.

    `sign_by`, `answer_by`: as the centre wrote them; a deadline that is left out is None.
    """

    __tablename__ = "hotline_orders"

    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    called_at: Mapped[datetime]
    sign_by: Mapped[datetime | None]
    answer_by: Mapped[datetime | None]


class AnswerFile(Base):
    """A file of answers 办理结果反馈 for the centre: made once, fetched as often as wanted, always the same.

    `columns`: its headings in order, each an object with `field` and `heading`, as the county had them that day.
    """

    __tablename__ = "answer_files"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    made_at: Mapped[datetime]
    columns: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    rows: Mapped[int]
    corrections: Mapped[int]


class OrderAnswer(Base):
    """What the centre was told of an order, append-only. `seq` counts the answers of one order: 2 corrects 1.

    `event_id`: the end of the case that it tells of. `content`: the cells by name (rules/imports.py ANSWER_FIELDS).
    """

    __tablename__ = "order_answers"
    __table_args__ = (UniqueConstraint("case_id", "seq"), Index("ix_order_answers_file_id_id", "file_id", "id"))

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    file_id: Mapped[UUID] = mapped_column(ForeignKey("answer_files.id"))
    case_id: Mapped[UUID] = mapped_column(ForeignKey("hotline_orders.case_id"))
    seq: Mapped[int]
    event_id: Mapped[int] = mapped_column(ForeignKey("case_events.id"))
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
