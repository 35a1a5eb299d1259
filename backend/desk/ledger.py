"""The ledger 台账 as a dense table: filters in the address, columns and views of one's own, reminders, export."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request
from pydantic import Field

from backend.api.exports import ExportForm, show_export
from backend.api.idempotency import once
from backend.api.ledger import LedgerQuery, Typed, filter_of
from backend.api.reminders import RemindForm
from backend.api.schemas import Code, Input
from backend.desk import forms, pages
from backend.desk.rows import rows
from backend.domain import desk_views, exports, ledger, push, states
from backend.work import Work, unit_of_work

bp = APIBlueprint("ledger", __name__, enable_openapi=False)

PAGE = 50
# Column → title; the first four are always there.
ALWAYS = {"number": "编号", "state": "状态", "category": "类别", "due": "最近的期限"}
COLUMNS = {
    "unit": "主办单位", "reach": "河段", "severity": "严重程度", "source": "来源", "source_number": "来源编号",
    "opened": "收到", "updated": "最近变化", "closed": "销号",
}  # fmt: skip
USUAL = ("unit", "reach", "source", "opened", "updated")


class DeskQuery(LedgerQuery):
    limit: int = Field(default=PAGE, ge=1, le=100)
    column: list[Code] = Field(default_factory=list, max_length=20)


class ViewForm(Input):
    name: Typed
    query: str = Field(default="", max_length=2000)


@bp.get("/ledger")
def listing() -> Any:
    asked = forms.query(DeskQuery)
    with unit_of_work(g.actor) as work:
        return pages.render("ledger.html", **_page(work, asked))


def _page(work: Work, asked: DeskQuery) -> dict[str, Any]:
    wanted = filter_of(asked)
    found, more = ledger.page(work, wanted, asked.before, asked.limit)
    counts = ledger.counts(work, wanted)
    columns = asked.column or USUAL
    return {
        "asked": asked,
        "rows": rows(work, found),
        "more": more,
        "tabs": [(state, title, counts[state]) for state, title in states.STATES.items()],
        "chosen": set(asked.state.split(",")) if asked.state else set(),
        "columns": [name for name in COLUMNS if name in columns],
        "all_columns": COLUMNS,
        "choices": _choices(work),
        "views": desk_views.of_actor(work),
        "query": request.query_string.decode(),
        "reminds": may_remind(work),
        "narrowed": any(value for name, value in asked.model_dump(exclude_defaults=True).items() if name not in _FRAME),
        "filters": [(name, value) for name, value in request.args.items(multi=True) if name in ExportForm.model_fields],
    }


_FRAME = {"state", "sort", "order", "before", "limit", "column"}


def may_remind(work: Work) -> bool:
    """Whether the table of actions lets this role remind at all; of each case it decides by itself."""
    return any(work.actor.role in row.who for row in states.TABLE if row.action == "remind")


def _choices(work: Work) -> dict[str, list[tuple[str, str]]]:
    county = work.county
    return {
        "unit": [(unit.code, unit.name) for unit in county.units if unit.kind != "county_office"],
        "category": [(one.code, one.name) for one in county.categories],
        "river": [(river, river) for river in dict.fromkeys(reach.river for reach in county.reaches)],
        "reach": [(one.code, one.name) for one in county.reaches],
        "source": [(code, kind.name) for code, kind in county.rules.sources.kinds.items()],
        "clock": [("triage", "分办"), ("accept", "签收"), ("rectify", "整改"), ("review", "核查")],
        "sort": [("newest", "新录入的在前"), ("due", "快到期的在前"), ("updated", "刚变化的在前"),
                 ("opened", "按收到时间")],
    }  # fmt: skip


@bp.post("/ledger/remind")
def remind() -> Any:
    """Remind 催办 the holders of the chosen cases in the same words; what could not be done is told case by case."""
    form = forms.read(RemindForm)
    with (
        unit_of_work(g.actor) as work,
        once(work, "remind", forms.key(), form.model_dump_json()) as repeat,
    ):
        if repeat.outcome is None:
            repeat.outcome = {"items": push.remind_all(work, form.case_ids, form.reason)}
        told = repeat.outcome["items"]
        return pages.render("reminded.html", done=[one for one in told if one["reminded"]],
                            left=[one for one in told if not one["reminded"]])  # fmt: skip


@bp.post("/ledger/views")
def keep_view() -> Any:
    form = forms.read(ViewForm)
    with unit_of_work(g.actor) as work:
        desk_views.keep(work, form.name, form.query)
    return pages.go(f"/desk/ledger?{form.query}", f"视图“{form.name}”已保存。")


@bp.post("/ledger/views/<uuid:view_id>/drop")
def drop_view(view_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        desk_views.drop(work, view_id)
    return pages.go("/desk/ledger", "视图已删除。")


@bp.post("/ledger/export")
def export() -> Any:
    """Have a file made of what the filters show."""
    form = forms.read(ExportForm)
    with (
        unit_of_work(g.actor) as work,
        once(work, "export", forms.key(), form.model_dump_json()) as repeat,
    ):
        if repeat.outcome is None:
            repeat.outcome = {"id": str(exports.ask(work, form.format, filter_of(form)).id)}
    return pages.go("/desk/exports", "正在生成，生成好以后在这里下载。")


@bp.get("/exports")
def exported() -> Any:
    with unit_of_work(g.actor) as work:
        items = [show_export(work, one) for one in exports.listing(work, None, 30)]
        busy = any(item["state"] in ("waiting", "running") for item in items)
        template = "_exports.html" if request.headers.get("HX-Request") else "exports.html"
        return pages.render(template, items=items, busy=busy)


@bp.post("/exports/<uuid:export_id>/cancel")
def cancel_export(export_id: UUID) -> Any:
    with unit_of_work(g.actor) as work:
        exports.cancel(work, export_id)
    return pages.go("/desk/exports", "已取消。")
