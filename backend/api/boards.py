"""Notice boards 公示牌 for the office: their codes and sheets to print; and the page behind the printed link."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote

from apiflask import APIBlueprint
from flask import Blueprint, Response, g, render_template_string
from pydantic import BaseModel, Field

from backend.api.access import system
from backend.api.openapi import a_file
from backend.api.schemas import Input
from backend.clients import board_sheet
from backend.domain import boards, checkpoints
from backend.domain.faults import NotFound
from backend.rules.patrol import Board
from backend.work import Work, unit_of_work

bp = APIBlueprint("boards", __name__, tag="公示牌")
link_bp = Blueprint("board_link", __name__)

PAGE = "packages/public/board/board"
Kind = Literal["mini", "link"]


class BoardRow(BaseModel):
    code: str
    name: str
    reach: str
    reach_name: str
    lon: float
    lat: float
    coord_type: Literal["wgs84"] = "wgs84"
    token: str = Field(description="what its code carries")
    link: str = Field(description="opens the mini program in WeChat, a plain page anywhere else")


class BoardsOut(BaseModel):
    items: list[BoardRow]


class CodeQuery(Input):
    kind: Kind = Field(default="mini", description="mini: WeChat's mini-program code, once released · link: a QR code")


@bp.get("/boards")
@bp.output(BoardsOut)
def listing() -> Any:
    with unit_of_work(g.actor) as work:
        return {"items": [show_board(work, one) for one in work.county.rules.patrol.boards]}


@bp.get("/boards/<code>/code")
@bp.input(CodeQuery, location="query", arg_name="how")
@bp.doc(responses=a_file("image/png", "image/jpeg"))
def code(code: str, how: CodeQuery) -> Any:
    with unit_of_work(g.actor) as work:
        picture = code_picture(work, boards.named(work, code), how.kind)
    return Response(picture, mimetype="image/jpeg" if picture[:2] == b"\xff\xd8" else "image/png")


@bp.get("/boards/<code>/sheet.pdf")
@bp.input(CodeQuery, location="query", arg_name="how")
@bp.doc(responses=a_file("application/pdf"))
def sheet(code: str, how: CodeQuery) -> Any:
    """The whole board as one A3 page, with the chiefs of today."""
    with unit_of_work(g.actor) as work:
        board = boards.named(work, code)
        made = print_boards(work, [board], how.kind)
    saved = f"attachment; filename*=UTF-8''{quote(f'公示牌-{board.code}.pdf')}"
    return Response(made, mimetype="application/pdf", headers={"Content-Disposition": saved})


def print_boards(work: Work, chosen: list[Board], kind: Kind, paper: board_sheet.Paper = "a3") -> bytes:
    """These boards as a PDF, a page each, with the chiefs of today."""
    printed = [
        board_sheet.Printed(
            code_picture(work, board, kind), work.county.reach_by_code[board.reach].name, board.name, board.code,
            [vars(one) for one in boards.chiefs(work, board.reach)],
        )
        for board in chosen
    ]  # fmt: skip
    return board_sheet.sheets(printed, county=work.county.name, hotline=work.county.hotline, paper=paper)


def show_board(work: Work, board: Board) -> dict[str, Any]:
    token = checkpoints.token_of(work.vault, board.code)
    return {
        **board.model_dump(),
        "reach_name": work.county.reach_by_code[board.reach].name,
        "token": token,
        "link": _link(token),
    }


def _link(token: str) -> str:
    return f"{system().settings.public_url.rstrip('/')}/b/{token}"


def code_picture(work: Work, board: Board, kind: Kind) -> bytes:
    token = checkpoints.token_of(work.vault, board.code)
    return system().wechat.mini_code(token, PAGE) if kind == "mini" else board_sheet.qr(_link(token))


_PLAIN = """<!doctype html>
<html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ name }} 河长公示牌</title>
<style>body{font:18px/1.7 sans-serif;max-width:36em;margin:1em auto;padding:0 1em;color:#17262a}a{color:#0b6b78}</style>
<h1>{{ name }}</h1>
{% if board %}<p>请用微信“扫一扫”打开，可以举报问题、查看结果。</p>
{% for one in chiefs %}<p><b>{{ one.name }}</b>　{{ one.title }}，{{ one.unit_name }}<br>{{ one.duty }}
{% if one.phone %}<br>办公电话 <a href="tel:{{ one.phone }}">{{ one.phone }}</a>{% endif %}</p>{% endfor %}{% endif %}
{% if hotline %}<p>监督电话 <a href="tel:{{ hotline }}">{{ hotline }}</a></p>{% endif %}
</html>"""


@link_bp.get("/b/<token>")
def show(token: str) -> Any:
    """For whoever scans the printed link with something else than WeChat. Without scripts, for any browser."""
    with unit_of_work() as work:
        told: dict[str, Any] = {"hotline": work.county.hotline}
        try:
            found = boards.scanned(work, token)
        except NotFound as unknown:
            return render_template_string(_PLAIN, name=unknown.title, board=None, **told), 404
        return render_template_string(_PLAIN, name=found.reach.name, board=found.board, chiefs=found.chiefs, **told)
