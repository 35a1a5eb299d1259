"""The calendar of working days 工作日历 by which deadlines are reckoned: days off, and where they are from."""

from __future__ import annotations

import calendar as months
from datetime import date
from typing import Any

from apiflask import APIBlueprint
from flask import g
from pydantic import Field

from backend import calendar_check
from backend.api.schemas import Input
from backend.clock import is_working_day, shanghai_day
from backend.county import Calendar
from backend.desk import forms, pages
from backend.domain import county_changes
from backend.work import unit_of_work

bp = APIBlueprint("calendars", __name__, enable_openapi=False)


class YearQuery(Input):
    year: int | None = Field(default=None, ge=2000, le=2100)


@bp.get("/setup/calendar")
def show() -> Any:
    asked = forms.query(YearQuery)
    with unit_of_work(g.actor) as work:
        found, today = work.county.calendar, shanghai_day(work.now)
        year = asked.year or today.year
        days = [(date(year, 1, 1).fromordinal(n)) for n in _ordinals(year)]
        return pages.render(
            "calendar.html",
            year=year,
            years=sorted({*found.years, today.year, today.year + 1}),
            known=year in found.years,
            months=[_month(found, year, month, today) for month in range(1, 13)],
            off=_stretches(sorted(day for day in found.holidays if day.year == year)),
            worked=_stretches(sorted(day for day in found.workdays if day.year == year)),
            n_working=sum(is_working_day(found, day) for day in days),
            version=county_changes.version(work, work.county_version),
            warnings=calendar_check.warnings(found, today),
        )


def _ordinals(year: int) -> range:
    return range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())


def _stretches(days: list[date]) -> list[str]:
    """Days in words, those that follow each other as one: 5月1日至5月5日."""
    runs: list[list[date]] = []
    for day in days:
        if runs and (day - runs[-1][-1]).days == 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ["至".join(f"{day.month}月{day.day}日" for day in dict.fromkeys((run[0], run[-1]))) for run in runs]


def _month(found: Calendar, year: int, month: int, today: date) -> dict[str, Any]:
    """The weeks of a month, Monday first; a day is (number, what it is, whether it is today) or None."""

    def told(day: date) -> tuple[int, str, bool] | None:
        if day.month != month:
            return None
        return day.day, _kind(found, day), day == today

    weeks = months.Calendar().monthdatescalendar(year, month)
    return {"month": month, "weeks": [[told(day) for day in week] for week in weeks]}


def _kind(found: Calendar, day: date) -> str:
    if day.year in found.years and day in found.workdays:
        return "worked"
    if day.year in found.years and day in found.holidays:
        return "off"
    return "weekend" if day.weekday() > 4 else ""
