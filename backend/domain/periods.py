"""Periods of days of Asia/Shanghai, as people ask for them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from backend.clock import SHANGHAI
from backend.domain.faults import Fault


def in_period(column: InstrumentedAttribute[Any], first: date | None, last: date | None) -> list[ColumnElement[bool]]:
    """What lies in these days, both included; None is open. Raises Fault for a period that ends before it begins."""
    if first is not None and last is not None and first > last:
        raise Fault("bad_period", "起始日期不能晚于截止日期。", field="period")
    asked: list[ColumnElement[bool]] = []
    if first is not None:
        asked.append(column >= midnight(first))
    if last is not None:
        asked.append(column < midnight(last + timedelta(days=1)))
    return asked


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=SHANGHAI)
