"""The county as loaded, version by version, and the units that hold cases."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Identity
from sqlalchemy.orm import Mapped, mapped_column

from backend.extensions import Base


class CountyVersion(Base):
    """One dated document of the whole county (backend.county.County). Never changed; the latest in force counts.

    `made_by` and `reason`: who of the office put it in force and why; None when it was loaded on the server.
    """

    __tablename__ = "county_versions"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    effective_on: Mapped[date] = mapped_column(index=True)
    loaded_at: Mapped[datetime]
    digest: Mapped[str]
    document: Mapped[dict[str, Any]]
    made_by: Mapped[str | None]
    reason: Mapped[str | None]


class Unit(Base):
    """A unit 单位 that was ever named by a county version; kept when it is dissolved, for the history."""

    __tablename__ = "units"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
