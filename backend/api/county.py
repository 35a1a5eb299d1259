"""What every form needs to know of the county."""

from __future__ import annotations

from datetime import date
from typing import Any

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from backend.api.access import system
from backend.domain.places import places_of
from backend.work import unit_of_work

bp = APIBlueprint("county", __name__, tag="本县")


class CategoryOut(BaseModel):
    code: str
    name: str
    hint: str
    icon: str
    min_photos: int
    max_photos: int
    urgent: bool


class SourceOut(BaseModel):
    code: str
    name: str
    entered: bool = Field(description="the office enters its cases by hand")
    reporter: bool
    numbered: bool = Field(description="the source's own number is needed")
    deadline_days: int | None = Field(description="working days, when the paper names no deadline")


class UnitOut(BaseModel):
    code: str
    name: str
    kind: str


class CalendarOut(BaseModel):
    """Days that are off and no weekend, weekend days that are worked, in the years that are known."""

    years: list[int]
    holidays: list[date]
    workdays: list[date]


class CountyOut(BaseModel):
    code: str
    name: str
    hotline: str
    centre: tuple[float, float]
    text_max: int
    categories: list[CategoryOut]
    sources: list[SourceOut]
    units: list[UnitOut]
    calendar: CalendarOut
    templates: dict[str, str] = Field(description="kind of notice → subscription template to ask consent for")


@bp.get("/county")
@bp.output(CountyOut)
def show() -> Any:
    with unit_of_work() as work:
        county = work.county
        return {
            "code": county.code,
            "name": county.name,
            "hotline": county.hotline,
            "centre": places_of(county).centre,
            "text_max": county.limits.report_text_max,
            "categories": [category.model_dump() for category in county.categories],
            "sources": [{"code": code, **kind.model_dump()} for code, kind in county.rules.sources.kinds.items()],
            "units": [unit.model_dump() for unit in county.units],
            "calendar": {
                "years": county.calendar.years,
                "holidays": sorted(county.calendar.holidays),
                "workdays": sorted(county.calendar.workdays),
            },
            "templates": system().settings.wechat_templates,
        }
