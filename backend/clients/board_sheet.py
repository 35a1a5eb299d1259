"""The notice board 公示牌 of a reach as a sheet to be printed: typst sets it, with the font that is packaged."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

import segno
import typst

_FONTS = files("pylopdf_fonts_zh_cn")
Paper = Literal["a3", "a4"]
_SCALE: dict[Paper, float] = {"a3": 1.0, "a4": 0.707}
# What is shown comes in as data, so that no name can be taken for an instruction.
_SHEET = """
#let told = json(bytes(sys.inputs.told))
#let k = told.scale
#set page(paper: told.paper, margin: 18mm * k, fill: rgb("#f4fafb"))
#set text(font: "Noto Sans SC", lang: "zh", size: 17pt * k, fill: rgb("#17262a"))
#for (n, board) in told.boards.enumerate() [
  #if n > 0 { pagebreak() }
  #rect(width: 100%, fill: rgb("#0b5a68"), inset: 14mm * k, radius: 4mm * k)[
    #set text(fill: white)
    #align(center)[#text(size: 46pt * k)[河长公示牌] \\ #v(2mm * k) #text(size: 26pt * k)[#board.name]]
  ]
  #v(4mm * k)
  #table(
    columns: (auto, auto, 1fr, auto), inset: 9pt * k, stroke: 0.6pt + rgb("#9bb8be"), align: left + horizon,
    ..("河长", "姓名和单位", "职责", "办公电话").map(head => text(size: 15pt * k, fill: rgb("#0b5a68"), head)),
    ..board.chiefs.map(one => (
      one.title, [#text(size: 20pt * k)[#one.name] \\ #text(size: 13pt * k)[#one.unit_name]],
      text(size: 14pt * k, one.duty), one.phone,
    )).flatten(),
  )
  #v(1fr)
  #grid(
    columns: (70mm * k, 1fr), gutter: 12mm * k, align: horizon,
    image("code" + str(n), width: 70mm * k),
    [
      #text(size: 24pt * k)[微信扫一扫：看河长、报问题、查结果]
      #v(3mm * k)
      排污、采砂、倒垃圾、侵占河道，都可以拍照举报，可以匿名。
      #v(3mm * k)
      #if told.hotline != "" [监督电话 #text(size: 30pt * k, fill: rgb("#b93c0a"))[#told.hotline]]
    ],
  )
  #v(1fr)
  #align(center)[#text(size: 14pt * k)[#told.county　#board.board（编号 #board.code）]]
]
"""


def qr(link: str) -> bytes:
    """A QR code of a link as PNG, readable with a scratch or two."""
    with tempfile.SpooledTemporaryFile() as file:
        segno.make(link, micro=False, error="q").save(file, kind="png", scale=16, border=2)
        file.seek(0)
        return file.read()


@dataclass(frozen=True)
class Printed:
    """One board as it is printed: `picture` of its code; `chiefs`: name, title, unit_name, duty, phone of each."""

    picture: bytes
    name: str
    board: str
    code: str
    chiefs: Sequence[dict[str, str]]


def sheets(boards: Sequence[Printed], *, county: str, hotline: str, paper: Paper = "a3") -> bytes:
    """The boards as one PDF, a page each; A4 is A3 made smaller."""
    told = {
        "county": county, "hotline": hotline, "paper": paper, "scale": _SCALE[paper],
        "boards": [
            {"name": one.name, "board": one.board, "code": one.code, "chiefs": list(one.chiefs)} for one in boards
        ],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, as_file(_FONTS) as fonts:
        place = Path(folder)
        for n, one in enumerate(boards):
            (place / f"code{n}").write_bytes(one.picture)
        (place / "board.typ").write_text(_SHEET, "utf-8")
        made = typst.compile(
            str(place / "board.typ"), root=folder, font_paths=[str(fonts)], ignore_system_fonts=True, format="pdf",
            sys_inputs={"told": json.dumps(told, ensure_ascii=False)},
        )  # fmt: skip
    assert isinstance(made, bytes)
    return made
