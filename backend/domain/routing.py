"""Who answers for a place 分办: from a point and a kind of report to a lead unit, with the reason a citizen can read.

The order is that of the design, section 5: the bank of a reach whose corridor holds the point, in mid-river the
reach's lead; then the township; then what is nearest within the county's limit; then the county office by hand.
A point outside the county is nobody's here, unless it lies in the corridor of one of the county's border rivers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backend.county import Category, Reach
from backend.domain.named_places import NamedPlace
from backend.domain.places import NearReach, NearRiskSource, Places

Outcome = Literal["assigned", "outside_county", "triage"]
Rule = Literal[
    "bank",  # the bank of a reach
    "mid_river",  # in the channel
    "unclear_bank",  # nearer to the line than the phone knows
    "reach_border",  # as near to one reach as to another
    "township",
    "nearest_reach",
    "nearest_township",
    "named",  # the paper names a reach or a township
    "outside_county",
    "none",
]

ACCURACY_CAP_M = 200.0  # a phone less sure than this says nothing about banks that its point does not
_SAME_M = 0.01


@dataclass(frozen=True)
class Decision:
    """Where a report goes. `lead` is None unless the outcome is "assigned".

    `assisting` are the other units that hold the place, `departments` those that the kind of report calls in; neither
    repeats the lead nor the other. All are unit codes; `reach` and `risk_source` are codes of the county's places.
    """

    outcome: Outcome
    lead: str | None
    assisting: tuple[str, ...]
    departments: tuple[str, ...]
    reach: str | None
    risk_source: str | None
    near_intake: bool
    rule: Rule
    reason: str


@dataclass(frozen=True)
class _Holders:
    """The units that hold a place, the leading one first, and how that is said."""

    rule: Rule
    units: tuple[str, ...]
    where: str
    reach: str | None = None


@dataclass(frozen=True)
class _Nowhere:
    """What is decided when nobody holds the place."""

    outcome: Outcome
    rule: Rule
    reason: str


def decide(places: Places, lon: float, lat: float, accuracy_m: float | None, category: Category) -> Decision:
    """Who leads and who assists for a report of this kind at this WGS-84 point (degrees).

    `accuracy_m` is what the phone said, in metres; None is a point chosen on the map. Never raises for a point that
    `backend.geo.check_point` lets pass, and gives the same answer to the same question.
    """
    around = places.around(lon, lat)
    accuracy = min(accuracy_m or 0.0, ACCURACY_CAP_M)
    outside_m = 0.0 if around.townships else places.outside_m(lon, lat)
    holders: _Holders | None = None
    if around.reaches and outside_m <= places.county.limits.nearest_m:
        holders = _of_reach(places, around.reaches, accuracy)
    elif around.townships:
        holders = _of_townships(places, around.townships)
    elif not outside_m:
        holders = _nearest(places, lon, lat, accuracy)
    found = holders or (_outside(places, outside_m, accuracy) if outside_m else _unheld(places))
    return _decision(places, category, found, around.risk_sources)


def decide_named(places: Places, named: NamedPlace, category: Category) -> Decision:
    """Who leads and who assists for a paper that names the place in words; the office, when it names none."""
    office = _names(places, (places.county.office,))
    nowhere = _Nowhere("triage", "none", f"来件没有写明在哪个河段或乡镇，由{office}人工分办。")
    return _decision(places, category, _named(places, named) or nowhere, [])


def _outside(places: Places, outside_m: float, accuracy: float) -> _Nowhere:
    office = _names(places, (places.county.office,))
    doubt = f"，但在定位误差{_metres(accuracy)}之内" if outside_m <= accuracy else ""
    reason = (
        f"位置在{places.county.name}界外{_metres(outside_m)}{doubt}，不在本县辖区，由{office}登记后按跨界问题移送。"
    )
    return _Nowhere("outside_county", "outside_county", reason)


def _unheld(places: Places) -> _Nowhere:
    office = _names(places, (places.county.office,))
    limit = _metres(places.county.limits.nearest_m)
    reason = f"位置在{places.county.name}界内，但{limit}范围内没有划定的乡镇或河段，由{office}人工分办。"
    return _Nowhere("triage", "none", reason)


def _decision(places: Places, category: Category, found: _Holders | _Nowhere, risks: list[NearRiskSource]) -> Decision:
    outcome: Outcome = "assigned"
    lead: str | None = None
    assisting: tuple[str, ...] = ()
    departments = tuple(dict.fromkeys(category.departments))
    if isinstance(found, _Holders):
        lead = category.lead_department or found.units[0]
        assisting = tuple(unit for unit in found.units if unit != lead)
        departments = tuple(unit for unit in departments if unit != lead and unit not in assisting)
        reason = f"{found.where}，{_who(places, category, lead, assisting, departments)}。"
    else:
        outcome, reason = found.outcome, found.reason
    return Decision(
        outcome=outcome,
        lead=lead,
        assisting=assisting,
        departments=departments,
        reach=found.reach if isinstance(found, _Holders) else None,
        risk_source=risks[0].source.code if risks else None,
        near_intake=any(risk.source.kind == "water_intake" and risk.source.status == "watched" for risk in risks),
        rule=found.rule,
        reason=reason,
    )


def _of_reach(places: Places, reaches: list[NearReach], accuracy: float) -> _Holders:
    """The units of the nearest of these reaches; where another is just as near, its leading unit assists."""
    equal = [near for near in reaches if near.distance_m <= reaches[0].distance_m + _SAME_M]
    if len(equal) == 1:
        return _of_line(places, equal[0], accuracy)
    equal.sort(key=lambda near: near.reach.code)
    each = [_of_line(places, near, accuracy) for near in equal]
    if len({holders.units for holders in each}) == 1:
        return each[0]
    units = [holders.units[0] for holders in each] + [unit for holders in each for unit in holders.units[1:]]
    names = "与".join(_reach_name(near) for near in equal)
    return _Holders(
        "reach_border",
        tuple(dict.fromkeys(units)),
        f"位置在{names}的交界处，离各河段中心线都是{_metres(equal[0].distance_m)}，按编号取{_reach_name(equal[0])}",
        equal[0].reach.code,
    )


def _of_line(places: Places, near: NearReach, accuracy: float, rule: Rule = "bank") -> _Holders:
    reach, name, far = near.reach, _reach_name(near), _metres(near.distance_m)
    if reach.left_bank == reach.right_bank:
        where = f"位置离{name}中心线{far}，两岸同属{_names(places, (reach.left_bank,))}"
        return _Holders(rule, (reach.left_bank,), where, reach.code)
    both = tuple(dict.fromkeys((reach.lead, reach.left_bank, reach.right_bank)))
    if near.distance_m <= reach.channel_m:
        where = f"位置在{name}河道中，离中心线{far}，河段牵头单位是{_names(places, (reach.lead,))}"
        return _Holders("mid_river", both, where, reach.code)
    if near.distance_m <= accuracy or near.side is None:
        why = f"在定位误差{_metres(accuracy)}之内" if near.distance_m <= accuracy else "正对河段端点"
        where = f"位置离{name}中心线{far}，{why}，分不清左右岸，河段牵头单位是{_names(places, (reach.lead,))}"
        return _Holders("unclear_bank", both, where, reach.code)
    bank, unit = ("左岸", reach.left_bank) if near.side == "left" else ("右岸", reach.right_bank)
    where = f"位置在{name}{bank}，离河道中心线{far}，{bank}属{_names(places, (unit,))}"
    return _Holders(rule, (unit,), where, reach.code)


def _of_townships(places: Places, townships: list[str]) -> _Holders:
    names = _names(places, townships)
    if len(townships) == 1:
        return _Holders("township", tuple(townships), f"位置在{names}辖区内")
    return _Holders(
        "township",
        tuple(townships),
        f"位置正好在{names}的交界线上，按单位代码取{_names(places, townships[:1])}",
    )


def _named(places: Places, named: NamedPlace) -> _Holders | None:
    """The named township; without one, the units of the named reach."""
    reach = places.county.reach_by_code.get(named.reach or "")
    if named.township is not None:
        where = f"来件写明在{_names(places, (named.township,))}"
        return _Holders("named", (named.township,), where, reach.code if reach else None)
    if reach is None:
        return None
    units = tuple(dict.fromkeys((reach.lead, reach.left_bank, reach.right_bank)))
    where = f"来件写明在{_full_name(reach)}，河段牵头单位是{_names(places, (reach.lead,))}"
    return _Holders("named", units, where, reach.code)


def _nearest(places: Places, lon: float, lat: float, accuracy: float) -> _Holders | None:
    """The nearest reach or township within the county's limit; the reach when both are as near."""
    limit = places.county.limits.nearest_m
    reaches = places.nearest_reaches(lon, lat, limit)
    townships = places.nearest_townships(lon, lat, limit)
    if reaches and (not townships or reaches[0].distance_m <= townships[0][1] + _SAME_M):
        equal = [near for near in reaches if near.distance_m <= reaches[0].distance_m + _SAME_M]
        found = _of_line(places, min(equal, key=lambda near: near.reach.code), accuracy, "nearest_reach")
        return _Holders(
            "nearest_reach", found.units, f"位置不在任何乡镇辖区内，按最近的河段分办：{found.where}", found.reach
        )
    if townships:
        equal_units = [unit for unit, distance in townships if distance <= townships[0][1] + _SAME_M]
        unit = min(equal_units)
        tie = "，另有乡镇同样近，按单位代码选取" if len(equal_units) > 1 else ""
        where = f"位置不在任何乡镇辖区内，最近的是{_names(places, (unit,))}，相距{_metres(townships[0][1])}{tie}"
        return _Holders("nearest_township", (unit,), where)
    return None


def _who(
    places: Places, category: Category, lead: str, assisting: tuple[str, ...], departments: tuple[str, ...]
) -> str:
    kind = f"“{category.name}”类问题" if lead == category.lead_department else ""
    said = f"{kind}由{_names(places, (lead,))}主办"
    if assisting:
        said += f"，{_names(places, assisting)}协办"
    if departments:
        said += f"，{_names(places, departments)}配合"
    return said


def _names(places: Places, units: tuple[str, ...] | list[str]) -> str:
    known = places.county.unit_by_code
    return "、".join(known[unit].name for unit in units)


def _reach_name(near: NearReach) -> str:
    return _full_name(near.reach)


def _full_name(reach: Reach) -> str:
    return reach.name if reach.river in reach.name else f"{reach.river}{reach.name}"


def _metres(distance: float) -> str:
    if distance < 1:
        return "不到1米"
    if distance < 999.5:
        return f"约{distance:.0f}米"
    # The plane of `places` is true near the point; far away it only says "far".
    return f"约{distance / 1000:.1f}公里" if distance < 50_000 else "50公里以上"
