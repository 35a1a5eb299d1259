"""Notice boards 公示牌 at the desk: found by river and reach, chosen, printed a page each on A3 or A4."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, g
from pydantic import Field

from backend.api.boards import Kind, code_picture, print_boards, show_board
from backend.api.schemas import Code, Input, Short
from backend.clients.board_sheet import Paper
from backend.clients.wechat import WeChatRefused, WeChatUnavailable
from backend.desk import forms, pages, sheets
from backend.domain import boards
from backend.domain.faults import Fault
from backend.work import unit_of_work

bp = APIBlueprint("boards", __name__, enable_openapi=False)

AT_MOST = 30
_NO_CODE = ("微信现在没有给出小程序码（小程序还没有发布，或微信暂时不通）。可以先选“普通二维码”打印，"
            "微信扫了同样能打开。")  # fmt: skip


class BoardsQuery(Input):
    river: Short = ""
    township: Code | None = None


class PrintQuery(Input):
    board: list[Code] = Field(default_factory=list, max_length=200)
    paper: Paper = "a3"
    kind: Kind = "mini"


@bp.get("/setup/boards")
def listing() -> Any:
    asked = forms.query(BoardsQuery)
    with unit_of_work(g.actor) as work:
        county = work.county
        items = []
        for one in county.rules.patrol.boards:
            reach = county.reach_by_code[one.reach]
            if asked.river not in ("", reach.river) or asked.township not in (None, reach.left_bank, reach.right_bank):
                continue
            lead = county.unit_by_code[reach.lead].name
            names = [f"{chief.name}（{chief.title}）" for chief in boards.chiefs(work, one.reach)]
            items.append({**show_board(work, one), "river": reach.river, "lead": lead, "chiefs": names})
        return pages.render(
            "boards.html",
            items=items,
            asked=asked,
            rivers=list(dict.fromkeys(reach.river for reach in county.reaches)),
            townships=[(unit.code, unit.name) for unit in county.units if unit.kind == "township"],
            at_most=AT_MOST,
        )


@bp.get("/setup/boards/boards.pdf")
def printed() -> Any:
    """The chosen boards, a page each."""
    asked = forms.query(PrintQuery)
    if not asked.board:
        raise Fault("no_board", "请先勾选要打印的公示牌。", field="board")
    if len(asked.board) > AT_MOST:
        raise Fault("too_many_boards", f"一次最多打印 {AT_MOST} 块，请分几次。", field="board")
    with unit_of_work(g.actor) as work:
        chosen = [boards.named(work, code) for code in dict.fromkeys(asked.board)]
        try:
            made = print_boards(work, chosen, asked.kind, asked.paper)
        except (WeChatRefused, WeChatUnavailable) as error:
            raise Fault("no_mini_code", _NO_CODE) from error
    name = f"公示牌-{chosen[0].code}" + (f"等{len(chosen)}块" if len(chosen) > 1 else "")
    return Response(made, content_type="application/pdf", headers=sheets.saved_as(f"{name}.pdf", inline=True))


@bp.get("/setup/boards/<code>/code")
def picture(code: str) -> Any:
    """The plain QR code of a board, to look at."""
    with unit_of_work(g.actor) as work:
        found = code_picture(work, boards.named(work, code), "link")
    return Response(found, content_type="image/png")
