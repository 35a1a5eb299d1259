"""Risk sources 风险源: the register as the office keeps it, inspections, and the cases that hang on a source.

`work.county.risk_sources` is the register as it counts now (backend.counties puts it together), so that routing and
everything else see one list, whoever wrote it; see docs/decisions/0018.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import func, select

from backend.clock import shanghai_day
from backend.county import RiskSource
from backend.domain import cases, states
from backend.domain.faults import Conflict, Fault, NotFound
from backend.domain.places import places_of
from backend.domain.words import blank
from backend.geo import check_point, to_wgs84
from backend.models import Case, Report, RiskSourceEvent, RiskSourceVersion

if TYPE_CHECKING:
    from backend.work import Work

KINDS = {"outfall": "排污口", "sand_pit": "砂坑", "water_intake": "取水口", "plant": "企业"}
_FIELDS = ("name", "kind", "status", "unit_code", "reach", "near_m", "lon", "lat")
STATUSES = {"watched": "监控中", "closed": "已关闭"}


@dataclass(frozen=True)
class SourceForm:
    """A risk source as the office writes it. `lon`, `lat` are of `coord_type`; `effective_on`: from which day on."""

    name: str
    kind: Literal["outfall", "sand_pit", "water_intake", "plant"]
    unit: str
    lon: float
    lat: float
    coord_type: str
    near_m: float
    reason: str
    reach: str | None = None
    status: Literal["watched", "closed"] = "watched"
    effective_on: date | None = None


# ---- the register ----------------------------------------------------------------------------------------------------


def get(work: Work, code: str) -> RiskSource:
    """The source as it counts now."""
    source = work.county.risk_source_by_code.get(code)
    if source is None:
        raise NotFound("找不到这个风险源。")
    return source


def register(work: Work, code: str, form: SourceForm) -> RiskSourceVersion:
    """Enter a new source. Raises Conflict when the code is taken, be it by one whose day has not come."""
    if _known(work, code):
        raise Conflict("code_taken", f"编号 {code} 已经登记过，请换一个编号，或修改原来的登记。", field="code")
    new = _write(work, code, form)
    note(work, code, "registered", {"version": new.id, "effective_on": new.effective_on, "reason": form.reason})
    return new


def change(work: Work, code: str, form: SourceForm, seen: int) -> RiskSourceVersion:
    """Change a source from a day on. `seen`: the newest version that the caller knows.

    Raises Conflict when somebody has changed it meanwhile, NotFound for a code that is not on the register.
    """
    known = _known(work, code)
    if not known:
        raise NotFound("找不到这个风险源。")
    before = known[-1]
    if before.id != seen:
        raise Conflict("stale_version", "这个风险源刚刚被别人修改过，请刷新后再操作。", version=before.id)
    new = _write(work, code, form)
    changed = {
        name: [getattr(before, name), getattr(new, name)]
        for name in _FIELDS
        if getattr(before, name) != getattr(new, name)
    }
    if not changed and new.effective_on == before.effective_on:
        raise Conflict("nothing_changed", "内容没有变化。")
    data = {"version": new.id, "effective_on": new.effective_on, "reason": form.reason, "changed": changed}
    note(work, code, "changed", data)
    return new


def _known(work: Work, code: str) -> list[RiskSourceVersion]:
    """The versions of a code, oldest first, with nobody else writing one now."""
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"risk source {code}"))))
    return versions(work, code)


def versions(work: Work, code: str) -> list[RiskSourceVersion]:
    """All that was ever written of a code, oldest first."""
    query = select(RiskSourceVersion).where(RiskSourceVersion.code == code)
    return list(work.session.scalars(query.order_by(RiskSourceVersion.id)))


def registered_at(work: Work) -> dict[str, datetime]:
    """Since when each source is on the register."""
    query = select(RiskSourceVersion.code, func.min(RiskSourceVersion.recorded_at)).group_by(RiskSourceVersion.code)
    return dict(work.session.execute(query).all())


def _write(work: Work, code: str, form: SourceForm) -> RiskSourceVersion:
    lon, lat = _checked(work, form)
    effective_on = form.effective_on or shanghai_day(work.now)
    if effective_on < shanghai_day(work.now):
        raise Fault("date_past", "生效日期不能早于今天。", field="effective_on")
    version = RiskSourceVersion(
        code=code, effective_on=effective_on, recorded_at=work.now, recorded_by=work.actor.label, origin="office",
        reason=form.reason, name=form.name, kind=form.kind, status=form.status, unit_code=form.unit, reach=form.reach,
        near_m=form.near_m, lon=lon, lat=lat,
    )  # fmt: skip
    work.session.add(version)
    work.session.flush()
    return version


def _checked(work: Work, form: SourceForm) -> tuple[float, float]:
    """The place in WGS-84. Raises Fault for what cannot be on this county's register."""
    for name, title in (("name", "名称"), ("reason", "登记或变更的原因")):
        if blank(getattr(form, name)):
            raise Fault("missing_field", f"请填写{title}。", field=name)
    unit = work.county.unit_by_code.get(form.unit)
    if unit is None:
        raise Fault("unknown_unit", "没有这个责任单位，请从列表中选择。", field="unit")
    if form.reach is not None and form.reach not in work.county.reach_by_code:
        raise Fault("unknown_reach", "没有这个河段，请从列表中选择。", field="reach")
    check_point(form.lon, form.lat)
    lon, lat = to_wgs84(form.lon, form.lat, form.coord_type)
    outside_m = places_of(work.county).outside_m(lon, lat)
    if outside_m > work.county.limits.nearest_m:
        raise Fault("outside_county", f"位置在{work.county.name}界外，请检查坐标。", field="place")
    return lon, lat


def note(work: Work, code: str, kind: str, data: dict[str, Any]) -> None:
    """Write down what happened to a source."""
    work.session.add(
        RiskSourceEvent(
            code=code, at=work.now, kind=kind, actor=work.actor.label, role=work.actor.role, unit_code=work.actor.unit,
            data=json.loads(json.dumps(data, default=str)),
        )
    )  # fmt: skip
    work.session.flush()


def history(work: Work, code: str) -> list[RiskSourceEvent]:
    """What happened to a source, oldest first."""
    query = select(RiskSourceEvent).where(RiskSourceEvent.code == code)
    return list(work.session.scalars(query.order_by(RiskSourceEvent.id)))


# ---- cases -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tally:
    """What hangs on a source, as far as the actor may see it. `recurrences`: how often one of its cases came back."""

    cases: int = 0
    open_cases: int = 0
    recurrences: int = 0
    reports: int = 0
    last_case_at: datetime | None = None


def tallies(work: Work) -> dict[str, Tally]:
    """What hangs on each source that has cases. Merged cases count with the one that they were merged into."""
    seen = (Case.risk_source.is_not(None), Case.state != "merged", cases.visible(work.actor))
    hanging = (
        select(
            Case.risk_source, func.count(), func.count().filter(Case.state.in_(states.OPEN)),
            func.sum(Case.recurrences), func.max(Case.opened_at),
        )
        .where(*seen)
        .group_by(Case.risk_source)
    )  # fmt: skip
    told = select(Case.risk_source, func.count()).join(Report, Report.case_id == Case.id).where(*seen)
    reported = dict(work.session.execute(told.group_by(Case.risk_source)).all())
    return {
        str(code): Tally(n, still, int(back), reported.get(code, 0), last)
        for code, n, still, back, last in work.session.execute(hanging)
    }
