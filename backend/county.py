"""One county as its configuration describes it: units, kinds of report, rules, boundaries, reaches.

`config/county/<name>/` is read and validated whole by `backend.county_files`; what comes out is a frozen `County`,
which is stored as one dated document (`models.places.CountyVersion`) and handed to the domain by every `Work`.
All geometry is GeoJSON in WGS-84 (longitude, latitude in degrees; equal to CGCS2000 for our purpose).
"""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Any, Literal

from pydantic import Field

from backend.rules import Rules
from backend.rules.base import Frozen
from backend.rules.risk_sources import RiskKind

UnitKind = Literal["county_office", "township", "department"]


class Unit(Frozen):
    """A unit that can hold a case: the county river-chief office 县河长办, a township 乡镇 or a department 部门.

    `code` is GB/T 10114 (9 digits) for a township, GB/T 2260 (6 digits) plus a word for the others.
    """

    code: str = Field(pattern=r"^\d{6}(\d{3}|-[a-z]+)$")
    name: str = Field(min_length=1)
    kind: UnitKind
    phone: str = ""


class Severity(Frozen):
    """A level of severity 严重程度: ordinary 一般, serious 较重, grave 严重. A county lists them from mild to grave."""

    code: str = Field(pattern=r"^[a-z][a-z_]*$")
    name: str = Field(min_length=1)


class SeverityLimits(Frozen):
    """What a level of severity changes in the limits of a category; what it leaves out stays the category's."""

    accept_days: int | None = Field(default=None, ge=1)
    rectify_days: int | None = Field(default=None, ge=1)
    accept_hours: int | None = Field(default=None, ge=1)
    rectify_hours: int | None = Field(default=None, ge=1)


class Category(Frozen):
    """A kind of report 问题类别 with its limits. Days are working days, hours run day and night."""

    code: str = Field(pattern=r"^[a-z][a-z_]*$")
    name: str = Field(min_length=1)
    hint: str = ""
    icon: str = ""
    min_photos: int = Field(default=1, ge=0)
    max_photos: int = Field(default=9, ge=1)
    urgent: bool = False
    sensitive: bool = False
    accept_days: int | None = Field(default=None, ge=1)
    rectify_days: int | None = Field(default=None, ge=1)
    accept_hours: int | None = Field(default=None, ge=1)
    rectify_hours: int | None = Field(default=None, ge=1)
    severity: dict[str, SeverityLimits] = Field(default_factory=dict)
    lead_department: str | None = None
    departments: tuple[str, ...] = ()
    duplicate_m: float = Field(default=100, gt=0)
    duplicate_hours: float = Field(default=72, gt=0)
    duplicate_certain_m: float = Field(default=20, ge=0)
    duplicate_certain_hours: float = Field(default=24, ge=0)

    def limit(self, what: Literal["accept", "rectify"], severity: str) -> tuple[int | None, int | None]:
        """Working days and hours that this severity allows for accepting or rectifying; one of them is None."""
        special = self.severity.get(severity, SeverityLimits())
        days, hours = getattr(special, f"{what}_days"), getattr(special, f"{what}_hours")
        if days is None and hours is None:
            return getattr(self, f"{what}_days"), getattr(self, f"{what}_hours")
        return days, hours


class Limits(Frozen):
    """Numbers of the whole county. Days are working days."""

    triage_days: int = Field(default=1, ge=1)
    triage_urgent_hours: int = Field(default=2, ge=1)
    refuse_days: int = Field(default=2, ge=1)
    refuse_urgent_hours: int = Field(default=4, ge=1)
    review_days: int = Field(default=3, ge=1)
    review_urgent_hours: int = Field(default=24, ge=1)
    appeal_days: int = Field(default=5, ge=1)
    dispute_days: int = Field(default=10, ge=1)
    extensions_max: int = Field(default=2, ge=0)
    intake_severity: str | None = None
    day_ends_at: str = Field(default="23:59:59", pattern=r"^\d\d:\d\d:\d\d$")
    nearest_m: float = Field(default=500, ge=0)
    report_text_max: int = Field(default=2000, ge=1)
    observed_max_days: int = Field(default=90, ge=1)


class Township(Frozen):
    """The area of one township: Polygon or MultiPolygon, holes and exclaves allowed."""

    unit: str
    geometry: dict[str, Any]


class Reach(Frozen):
    """A reach 河段: a line drawn downstream, so that left and right bank are those of the river.

    `corridor_m` is how far from the line a problem still belongs to the river; `channel_m` is half the width of
    the water, within which a point is in mid-river and the lead township leads.
    """

    code: str = Field(min_length=1)
    name: str = Field(min_length=1)
    river: str = Field(min_length=1)
    left_bank: str
    right_bank: str
    lead: str
    corridor_m: float = Field(default=100, gt=0)
    channel_m: float = Field(default=10, ge=0)
    geometry: dict[str, Any]


class RiskSource(Frozen):
    """A registered source of risk 风险源: outfall 排污口, sand pit 砂坑, drinking-water intake 取水口, plant 企业.

    A closed one is still looked out for: that is where it begins again.
    """

    code: str = Field(min_length=1)
    name: str = Field(min_length=1)
    kind: RiskKind
    unit: str
    reach: str | None = None
    near_m: float = Field(default=100, gt=0)
    status: Literal["watched", "closed"] = "watched"
    geometry: dict[str, Any]


class Calendar(Frozen):
    """Days off that are not weekends, and weekend days that are worked, of the years named."""

    years: tuple[int, ...]
    holidays: frozenset[date]
    workdays: frozenset[date]


class County(Frozen):
    """Everything about one county that is a rule or a place. Validated: every code named in it exists."""

    code: str = Field(pattern=r"^\d{6}$")
    name: str = Field(min_length=1)
    office: str
    hotline: str = ""
    outline: dict[str, Any]
    units: tuple[Unit, ...]
    severities: tuple[Severity, ...] = (Severity(code="normal", name="一般"),)
    categories: tuple[Category, ...]
    limits: Limits
    calendar: Calendar
    townships: tuple[Township, ...]
    reaches: tuple[Reach, ...]
    risk_sources: tuple[RiskSource, ...] = ()
    rules: Rules = Rules()

    @cached_property
    def unit_by_code(self) -> dict[str, Unit]:
        return {unit.code: unit for unit in self.units}

    @cached_property
    def category_by_code(self) -> dict[str, Category]:
        return {category.code: category for category in self.categories}

    @cached_property
    def severity_by_code(self) -> dict[str, Severity]:
        return {severity.code: severity for severity in self.severities}

    @cached_property
    def reach_by_code(self) -> dict[str, Reach]:
        return {reach.code: reach for reach in self.reaches}

    @cached_property
    def risk_source_by_code(self) -> dict[str, RiskSource]:
        return {source.code: source for source in self.risk_sources}
