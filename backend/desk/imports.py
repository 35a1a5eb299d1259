"""Files that bring cases in, at the desk: chosen, looked through with every fault, carried out, watched, withdrawn."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g, request
from pydantic import Field

from backend.api.imports import READERS, CarryOutForm, preview_file, show_import, show_row
from backend.api.schemas import Input, PageQuery
from backend.desk import forms, pages, sheets
from backend.domain import imports, withdrawals
from backend.domain.faults import Fault
from backend.domain.sheets import Cell, Heading, Sheet
from backend.work import Work, unit_of_work

bp = APIBlueprint("imports", __name__, enable_openapi=False)

PAGE = 50
# Kind → where the county's rules say what its columns are called.
_COLUMNS: dict[imports.Kind, str] = {"ledger": "columns", "hotline": "order_columns"}
_BUSY = ("waiting", "running", "withdrawing")
_MAX_FAULTS = 50_000


class FileForm(Input):
    kind: imports.Kind


class RowsQuery(Input):
    outcome: Literal["new", "known", "faulty", "made"] | None = None
    after: int | None = Field(default=None, ge=0)


def kinds() -> list[tuple[imports.Kind, str]]:
    """The kinds of file that can be read, with their titles."""
    return [(kind, title) for kind, title in imports.KINDS.items() if kind in READERS]


@bp.get("/setup/imports")
def listing() -> Any:
    asked = forms.query(PageQuery)
    with unit_of_work(g.actor) as work:
        found = imports.listing(work, asked.before, asked.limit)
        items = [{**show_import(work, one), "kind_title": imports.KINDS[one.kind]} for one in found]  # type: ignore[index]
        more = found[-1].id if len(found) == asked.limit else None
        return pages.render("imports.html", items=items, more=more, kinds=kinds())


@bp.post("/setup/imports")
def upload() -> Any:
    form = forms.read(FileForm)
    name, data = chosen_file()
    if form.kind not in READERS:
        raise Fault("unknown_kind", "不能导入这一类文件。", field="kind")
    with unit_of_work(g.actor) as work:
        where = f"/desk/setup/imports/{preview_file(work, form.kind, name, data, forms.key()).id}"
    return pages.go(where, "文件已检查，还没有导入。请看下面的结果。")


def chosen_file() -> tuple[str, bytes]:
    """Name and content of the file in the form. Raises Fault when none was chosen."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Fault("file_missing", "请先选择文件，再点上传。", field="file")
    return file.filename, file.read()


@bp.get("/setup/imports/template/<kind>.xlsx")
def template(kind: str) -> Any:
    """A table with the headings that are read; those of the county's own words are read as well."""
    with unit_of_work(g.actor) as work:
        columns = getattr(work.county.rules.imports, _COLUMNS.get(kind, ""), None)  # type: ignore[call-overload]
        if columns is None or kind not in READERS:
            raise Fault("unknown_kind", "没有这一类文件的样表。")
        title = imports.KINDS[kind]  # type: ignore[index]
        headings = tuple(Heading(words[0], 16) for words in columns.values())
        other: list[list[Cell]] = [["、".join(words[:1]), "、".join(words[1:])] for words in columns.values()]
        table = Sheet(title, "", "", headings, [])
        words = Sheet("还认得的叫法", "", "", (Heading("列", 20), Heading("也可以叫", 90)), other)
        return sheets.download([table, words], f"{title}样表")


@bp.get("/setup/imports/<uuid:import_id>")
def show(import_id: UUID) -> Any:
    asked = forms.query(RowsQuery)
    with unit_of_work(g.actor) as work:
        batch = imports.get(work, import_id)
        item = show_import(work, batch)
        made = item["state"] in ("done", "withdrawn", "withdrawing")
        tabs = [("faulty", "有错误", item["faulty"]), ("new", "将新建", 0 if made else item["new"]),
                ("made", "已建", item["done"] if made else 0), ("known", "台账里已有", item["known"])]  # fmt: skip
        outcome: str = asked.outcome or next((code for code, _, n in tabs if n), "new")
        found = imports.rows(work, import_id, outcome, asked.after, PAGE)
        return pages.render(
            "import.html",
            item=item,
            kind_title=imports.KINDS[batch.kind],  # type: ignore[index]
            tabs=[tab for tab in tabs if tab[2]],
            outcome=outcome,
            rows=[show_row(work, row) for row in found],
            more=found[-1].place if len(found) == PAGE else None,
            busy=item["state"] in _BUSY,
            withdraw_hours=work.county.rules.imports.withdraw_hours,
        )


@bp.get("/setup/imports/<uuid:import_id>/faults.xlsx")
def faults(import_id: UUID) -> Any:
    """Every fault and remark, a line each, to be mended beside the file."""
    with unit_of_work(g.actor) as work:
        batch = imports.get(work, import_id)
        listed = [
            [row.sheet or "—", row.line, row.number, imports.OUTCOMES[row.outcome], remark["column"], remark["reason"]]
            for row in _all_rows(work, import_id)
            for remark in (*row.faults, *row.warnings)
        ][:_MAX_FAULTS]
        titles = (("工作表", 16), ("行", 8), ("编号", 20), ("结果", 12), ("列", 16), ("问题和怎么改", 70))
        headings = tuple(Heading(title, width) for title, width in titles)
        note = f"{batch.file_name}，第几行按 Excel 左边的行号"
        return sheets.download([Sheet("错误清单", "导入文件的错误清单", note, headings, listed)], "错误清单")


def _all_rows(work: Work, import_id: UUID) -> Any:
    after = None
    while found := imports.rows(work, import_id, None, after, imports.BATCH):
        yield from found
        after = found[-1].place


@bp.post("/setup/imports/<uuid:import_id>/<any(carry_out, cancel, withdraw):how>")
def decide(import_id: UUID, how: str) -> Any:
    """Have the previewed file imported, give it up, or take back what it brought."""
    said = {"carry_out": "开始导入，下面会显示进度。", "cancel": "已取消，没有导入。", "withdraw": "正在撤销。"}[how]
    with unit_of_work(g.actor) as work:
        if how == "carry_out":
            form = forms.read(CarryOutForm)
            imports.carry_out(work, import_id, form.digest, form.rows == "good")
        elif how == "cancel":
            imports.cancel(work, import_id)
        else:
            withdrawals.withdraw(work, import_id)
    return pages.go(f"/desk/setup/imports/{import_id}", said)
