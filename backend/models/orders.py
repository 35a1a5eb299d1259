"""Orders of the 12345 hotline: what the centre asks for."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

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
