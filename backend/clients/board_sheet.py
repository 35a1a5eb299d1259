"""The notice board 公示牌 of a reach as a sheet to be printed: typst sets it, with the font that is packaged."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

import segno
import typst

_FONTS = files("pylopdf_fonts_zh_cn")
# What is shown comes in as data, so that no name can be taken for an instruction.
_SHEET = """
#let told = json(bytes(sys.inputs.told))
#set page(paper: "a3", margin: 18mm, fill: rgb("#f4fafb"))
#set text(font: "Noto Sans SC", lang: "zh", size: 17pt, fill: rgb("#17262a"))
#rect(width: 100%, fill: rgb("#0b5a68"), inset: 14mm, radius: 4mm)[
  #set text(fill: white)
  #align(center)[#text(size: 46pt)[河长公示牌] \\ #v(2mm) #text(size: 26pt)[#told.name]]
]
#v(4mm)
#table(
  columns: (auto, auto, 1fr, auto), inset: 9pt, stroke: 0.6pt + rgb("#9bb8be"), align: left + horizon,
  ..("河长", "姓名和单位", "职责", "办公电话").map(head => text(size: 15pt, fill: rgb("#0b5a68"), head)),
  ..told.chiefs.map(one => (
    one.title, [#text(size: 20pt)[#one.name] \\ #text(size: 13pt)[#one.unit_name]],
    text(size: 14pt, one.duty), one.phone,
  )).flatten(),
)
#v(1fr)
#grid(
  columns: (70mm, 1fr), gutter: 12mm, align: horizon,
  image("code", width: 70mm),
  [
    #text(size: 24pt)[微信扫一扫：看河长、报问题、查结果]
    #v(3mm)
    排污、采砂、倒垃圾、侵占河道，都可以拍照举报，可以匿名。
    #v(3mm)
    #if told.hotline != "" [监督电话 #text(size: 30pt, fill: rgb("#b93c0a"))[#told.hotline]]
  ],
)
#v(1fr)
#align(center)[#text(size: 14pt)[#told.county　#told.board（编号 #told.code）]]
"""


def qr(link: str) -> bytes:
    """A QR code of a link as PNG, readable with a scratch or two."""
    with tempfile.SpooledTemporaryFile() as file:
        segno.make(link, micro=False, error="q").save(file, kind="png", scale=16, border=2)
        file.seek(0)
        return file.read()


def sheet(
    code_picture: bytes,
    *,
    county: str,
    name: str,
    board: str,
    code: str,
    hotline: str,
    chiefs: Sequence[dict[str, str]],
) -> bytes:
    """The board as a PDF of one A3 page. `chiefs`: name, title, unit_name, duty, phone of each."""
    told = {"county": county, "name": name, "board": board, "code": code, "hotline": hotline, "chiefs": list(chiefs)}
    with tempfile.TemporaryDirectory() as folder, as_file(_FONTS) as fonts:
        place = Path(folder)
        (place / "code").write_bytes(code_picture)
        (place / "board.typ").write_text(_SHEET, "utf-8")
        made = typst.compile(
            str(place / "board.typ"), root=folder, font_paths=[str(fonts)], ignore_system_fonts=True, format="pdf",
            sys_inputs={"told": json.dumps(told, ensure_ascii=False)},
        )  # fmt: skip
    assert isinstance(made, bytes)
    return made
