"""Supervision of patrols 巡河监督: who did what was owed, period by period; each patrol played back; reminders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, request, url_for
from pydantic import Field
from sqlalchemy import ColumnElement

from backend.api import duties as api_duties
from backend.api.duties import DutyPage, DutyRemindForm, show_completion, show_standing
from backend.api.idempotency import once
from backend.api.patrol_lists import PatrolQuery, show_patrol, show_row
from backend.api.schemas import Code, Input
from backend.clock import shanghai_day
from backend.desk import forms, pages
from backend.domain import duties, duty_reminders, patrol_lists, playback
from backend.domain.actors import ROLE_NAMES
from backend.domain.duties import Standing
from backend.domain.duty_count import Completion
from backend.domain.duty_periods import Period, period_of
from backend.domain.patrol_lists import Filter
from backend.models import RosterRole
from backend.rules.duty import LEVEL_NAMES, PER_NAMES, DutyRole
from backend.work import Work, unit_of_work

bp = APIBlueprint("patrols", __name__, enable_openapi=False)

PAGE = 100  # chiefs of one page, and patrols
_AT_ONCE = 500
_ROLES: tuple[DutyRole, ...] = ("county_chief", "township_chief", "village_chief", "patroller")
WARNINGS = {"any": "有预警", "red": "红色", "orange": "橙色", "yellow": "黄色"}


class MatrixQuery(Input):
    month: str | None = Field(default=None, pattern=r"^20\d\d-(0[1-9]|1[0-2])$")
    unit: Code | None = None
    role: DutyRole | None = None
    warning: Literal["any", "yellow", "orange", "red"] | None = None
    after: str | None = Field(default=None, pattern=r"^[a-z_]+~[0-9a-f-]{36}$", description="the last line before")


@dataclass(frozen=True)
class Line:
    """A chief's line of the matrix: what was owed and done by period; `standing` is None for who has left office."""

    role_id: UUID
    cells: dict[Period, Completion]
    standing: Standing | None

    @property
    def key(self) -> str:
        return f"{self.any.period.per}~{self.role_id}"

    @property
    def any(self) -> Completion:
        return next(iter(self.cells.values()))


@bp.get("/patrols")
def matrix() -> Any:
    asked = forms.query(MatrixQuery)
    with unit_of_work(g.actor) as work:
        month = _month(work, asked)
        found = _found(work, asked, month)
        today = shanghai_day(work.now)
        begun = [one for one in found if one.period.first <= today]
        warned = {one.now.term.role_id: one for one in _standings(work, _chosen(work, asked))}
        lines = [line for line in _lines(work, found, warned) if _wanted(asked, line)]
        shown, more = _page(lines, asked.after)
        ids = [line.role_id for line in shown]
        sent = duty_reminders.last_sent(work, ids)
        covered = duties.coverage(work, [one for line in shown for one in line.cells.values()])
        return pages.render(
            "patrols.html",
            asked=asked,
            month=month,
            earlier=f"{month.first - timedelta(days=1):%Y-%m}",
            later=f"{month.last + timedelta(days=1):%Y-%m}" if month.last < today else None,
            sections=[
                {"per": PER_NAMES[per], "periods": periods, "roles": "、".join(dict.fromkeys(
                    ROLE_NAMES[line.any.term.role] for line in rows)),
                 "rows": [_row(work, line, periods, today, covered, sent) for line in rows]}
                for per, periods, rows in _sections(shown)
            ],
            n=len(lines),
            more=more,
            sums=duties.summary(work, begun)["units"],
            owed=sum(one.needed for one in begun),
            done=sum(min(one.done, one.needed) for one in begun),
            levels=[(level, sum(one.level == level for one in warned.values())) for level in reversed(LEVEL_NAMES)],
            live=[show_row(work, row) for row in patrol_lists.live(work)],
            units=_units(work),
            roles=[(role, ROLE_NAMES[role]) for role in _ROLES],
            warnings=WARNINGS,
            level_names=LEVEL_NAMES,
            reminds=duty_reminders.may_remind(work),
            short=short,
        )  # fmt: skip


def _month(work: Work, asked: MatrixQuery) -> Period:
    day = date.fromisoformat(f"{asked.month}-01") if asked.month else shanghai_day(work.now)
    return period_of("month", day)


def _found(work: Work, asked: MatrixQuery, month: Period) -> list[Completion]:
    """The duties of the periods that touch the month; of quarters the one that the month is in."""
    quarter = period_of("quarter", month.first)
    found = duties.completions(work, month.first, quarter.last, _chosen(work, asked))
    return [one for one in found if one.period.per == "quarter" or one.period.first <= month.last]


def _chosen(work: Work, asked: MatrixQuery) -> ColumnElement[bool]:
    return api_duties.chosen(work, DutyPage(unit=asked.unit, role=asked.role))


def _standings(work: Work, chosen: ColumnElement[bool]) -> Iterator[Standing]:
    after: UUID | None = None
    while True:
        found = duties.standings(work, chosen, _AT_ONCE, after)
        yield from found
        if len(found) < _AT_ONCE:
            return
        after = found[-1].now.term.role_id


def _lines(work: Work, found: list[Completion], warned: dict[UUID, Standing]) -> list[Line]:
    """One line for each term of office and kind of period, in the order of units, roles and names."""
    lines: dict[tuple[UUID, str], Line] = {}
    for one in found:
        role_id = one.term.role_id
        line = lines.setdefault((role_id, one.period.per), Line(role_id, {}, warned.get(role_id)))
        line.cells[one.period] = one
    place = {unit.code: n for n, unit in enumerate(work.county.units)}
    kinds = list(PER_NAMES)

    def order(line: Line) -> tuple[int, int, int, str, UUID]:
        term, per = line.any.term, line.any.period.per
        return kinds.index(per), place.get(term.unit, len(place)), _ROLES.index(term.role), term.name, line.role_id

    return sorted(lines.values(), key=order)


def _wanted(asked: MatrixQuery, line: Line) -> bool:
    level = line.standing.level if line.standing else None
    return asked.warning is None or (level is not None if asked.warning == "any" else level == asked.warning)


def _page(lines: list[Line], after: str | None) -> tuple[list[Line], str | None]:
    """One page of lines, and the cursor of the next."""
    begin = next((n + 1 for n, line in enumerate(lines) if line.key == after), 0)
    shown = lines[begin : begin + PAGE]
    return shown, shown[-1].key if len(lines) > begin + PAGE else None


def _sections(shown: list[Line]) -> Iterator[tuple[str, list[Period], list[Line]]]:
    for per in PER_NAMES:
        rows = [line for line in shown if line.any.period.per == per]
        if rows:
            yield per, sorted({period for line in rows for period in line.cells}, key=lambda one: one.first), rows


def _row(
    work: Work, line: Line, periods: list[Period], today: date, covered: dict[UUID, float], sent: dict[UUID, datetime]
) -> dict[str, Any]:
    shown = show_completion(work, line.any)
    reminded_at = sent.get(line.role_id)
    why_not = duty_reminders.why_not(work, line.standing, reminded_at)
    return {
        **shown,
        "cells": [_cell(line.cells.get(period), today) for period in periods],
        "level": line.standing.level if line.standing else None,
        "left": line.standing is None,
        "covered": covered.get(line.role_id),
        "reminded_at": reminded_at,
        "can_remind": why_not is None,
    }


def _cell(one: Completion | None, today: date) -> dict[str, Any] | None:
    if one is None:
        return None
    tone, title = "now", "还没有完成，周期没有结束"
    if one.fulfilled:
        tone, title = "done", "已完成"
    elif one.period.last < today:
        tone, title = "late", "没有完成"
    elif one.period.first > today:
        tone, title = "ahead", "还没有开始"
    return {"needed": one.needed, "done": one.done, "tone": tone, "title": title, "words": one.words,
            "walked": bool(one.patrols), "first": one.period.first, "last": one.period.last}  # fmt: skip


def short(period: Period) -> str:
    """A period as the head of a narrow column."""
    if period.per == "week":
        return f"{period.first.month}.{period.first.day}–{period.last.month}.{period.last.day}"
    if period.per == "working_day":
        return f"{period.first.month}.{period.first.day}"
    return period.name.partition("年")[2] or period.name


def _units(work: Work) -> list[tuple[str, str]]:
    return [(unit.code, unit.name) for unit in work.county.units if unit.kind in ("township", "county_office")]


@bp.get("/patrols/duties.xlsx")
def sheet() -> Any:
    """The duties that the matrix shows, as a spreadsheet."""
    asked = forms.query(MatrixQuery)
    with unit_of_work(g.actor) as work:
        month = _month(work, asked)
        return api_duties.book(work, _found(work, asked, month), month.first, month.last)


# ---- reminders -------------------------------------------------------------------------------------------------------


@bp.post("/patrols/reminders/look")
def ask_to_remind() -> Any:
    """Who would be reminded, and of what, to be looked at once more: a reminder cannot be taken back."""
    if not request.form.getlist("role_ids"):
        return pages.go(url_for("desk.patrols.matrix"), "请先勾选要提醒的河长。")
    form = forms.read(DutyRemindForm, reason=request.form.get("reason", "").strip() or "请按时巡河。")
    with unit_of_work(g.actor) as work:
        found = duty_reminders.look(work, form.role_ids)
        return pages.render(
            "duty_reminders.html",
            reason=form.reason,
            ready=[show_standing(work, one) for _, one, fault in found if one is not None and fault is None],
            left=[{"name": one.now.term.name if one else "", "title": fault.title} for _, one, fault in found if fault],
            done=None,
        )


@bp.post("/patrols/reminders")
def remind() -> Any:
    form = forms.read(DutyRemindForm)
    with (
        unit_of_work(g.actor) as work,
        once(work, "remind of duties", forms.key(), form.model_dump_json()) as repeat,
    ):
        if repeat.outcome is None:
            repeat.outcome = {"items": duty_reminders.remind_all(work, form.role_ids, form.reason)}
        told = repeat.outcome["items"]
        done, left = ([one for one in told if one["reminded"] is how] for how in (True, False))
        if left:
            return pages.render("duty_reminders.html", done=done, left=left, ready=[], reason=form.reason)
    return pages.go(url_for("desk.patrols.matrix"), f"已提醒 {len(done)} 人，消息已发到他们的小程序。")


# ---- patrols, one by one ---------------------------------------------------------------------------------------------


@bp.get("/patrols/walked")
def walked() -> Any:
    """Patrols as a list; of one chief with what they owe now."""
    asked = forms.query(PatrolQuery)
    with unit_of_work(g.actor) as work:
        wanted = Filter(**asked.model_dump(exclude={"before", "limit"}))
        found, more = patrol_lists.page(work, wanted, asked.before, 50)
        owed, sent = [], {}
        if asked.person:
            owed = duties.standings(work, duties.visible(work) & (RosterRole.person_id == asked.person), 20)
            sent = duty_reminders.last_sent(work, [one.now.term.role_id for one in owed])
        return pages.render(
            "walked.html",
            asked=asked,
            rows=[show_row(work, row) for row in found],
            more=more,
            chief=owed[0].now.term.name if owed else found[0].name if asked.person and found else None,
            owed=[
                {**show_standing(work, one), "reminded_at": sent.get(one.now.term.role_id),
                 "why_not": duty_reminders.why_not(work, one, sent.get(one.now.term.role_id))}
                for one in owed
            ],
            units=_units(work),
            roles=[(role, ROLE_NAMES[role]) for role in _ROLES],
            reminds=duty_reminders.may_remind(work),
        )  # fmt: skip


@bp.get("/patrols/<uuid:patrol_id>")
def show(patrol_id: UUID) -> Any:
    """One patrol: its line played back, its photos, and why it counts or does not."""
    with unit_of_work(g.actor) as work:
        patrol = patrol_lists.get(work, patrol_id)
        shown = show_patrol(work, patrol)
        gaps = shown["verdict"]["gaps"] if shown["verdict"] else []
        return pages.render(
            "patrol.html",
            one={**shown, "person": patrol.person_id},
            gaps=[{**gap, "from_at": moment_of(gap["begins_ms"]), "to_at": moment_of(gap["ends_ms"])} for gap in gaps],
            photos=[photo for photo in shown["photos"] if photo["state"] == "sound"],
            hidden_m=0 if patrol_lists.seen_whole(work, patrol) else work.county.rules.track.hidden_ends_m,
        )


def moment_of(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


@bp.get("/patrols/<uuid:patrol_id>/track.geojson")
def track(patrol_id: UUID) -> Any:
    """The line and what lies on it, for the map: the desk's cookie does not open the API's address of it."""
    with unit_of_work(g.actor) as work:
        seen = playback.of(work, patrol_lists.get(work, patrol_id))
        return playback.geojson(seen), 200, {"Content-Type": "application/geo+json", "Cache-Control": "no-store"}


@bp.get("/patrols/<uuid:patrol_id>/track.gpx")
def track_file(patrol_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        seen = playback.of(work, patrol_lists.get(work, patrol_id))
        named = {"Content-Disposition": f'attachment; filename="patrol-{seen.patrol.began_at:%Y%m%d-%H%M}.gpx"'}
        return Response(playback.gpx(seen), content_type="application/gpx+xml", headers=named)
