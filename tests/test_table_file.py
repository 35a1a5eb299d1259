"""Files that people send: titles above the header, several sheets, and what somebody made to do harm."""

from __future__ import annotations

import io
import random
import zipfile
from typing import Any

import openpyxl
import pytest

from backend import table_file
from backend.domain.faults import Fault
from backend.table_file import Book

COLUMNS = {"number": ("编号", "号"), "text": ("问题", "问题描述"), "unit": ("单位",), "day": ("日期",)}
HEAD = ["编号", "问题描述", "单位", "日期"]


def xlsx(*sheets: list[list[Any]], names: tuple[str, ...] = ()) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(names[number] if names else f"{2020 + number}年")
        for row in rows:
            sheet.append(row)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def read(data: bytes) -> Book:
    return table_file.read(data, COLUMNS, ("text",))


def code_of(data: bytes) -> str:
    with pytest.raises(Fault) as caught:
        read(data)
    assert caught.value.title.endswith("。")
    return caught.value.code


def seen(book: Book) -> list[tuple[str, int, str, str]]:
    return [
        (table.sheet, line.number, str(table.cell(line, "number")), str(table.cell(line, "text")))
        for table in book.tables
        for line in table.lines
    ]


def test_titles_above_blank_lines_totals_and_repeated_headers_are_no_cases() -> None:
    rows = [
        ["清源县河湖问题台账"], [], ["填表单位：河长办", None, None, "2024年"], HEAD,
        ["1", "垃圾", "清源镇", "2024.3.5"], [],
        [None, "　", "", None], HEAD, ["2", "采砂", "石门镇", None], ["合计", None, 2, None], ["注：以上为全部问题"],
    ]  # fmt: skip
    book = read(xlsx(rows))
    assert seen(book) == [("2020年", 5, "1", "垃圾"), ("2020年", 9, "2", "采砂")]
    assert len(book.notes) == 2
    assert "第 10 行" in book.notes[0]


def test_a_merged_title_and_a_header_of_two_lines() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["清源县台账"])
    sheet.append(["编号", "问题情况", None, "日期"])
    sheet.append([None, "问题描述", "单位", None])
    sheet.append(["1", "垃圾", "清源镇", "2024.3.5"])
    for merged in ("A1:D1", "A2:A3", "B2:C2", "D2:D3"):
        sheet.merge_cells(merged)
    kept = io.BytesIO()
    book.save(kept)
    [table] = read(kept.getvalue()).tables
    assert table.fields == {"number": 0, "text": 1, "unit": 2, "day": 3}
    assert [line.number for line in table.lines] == [4]


def test_every_sheet_with_a_header_is_read_and_the_others_are_named() -> None:
    rows = [HEAD, ["1", "垃圾", "清源镇", "x"]]
    book = read(xlsx(rows, [["说明", "怎样填写", "本表"]], rows, [], names=("2023", "说明", "2024", "空")))
    assert [table.sheet for table in book.tables] == ["2023", "2024"]
    assert book.notes == ("工作表“说明”没有认出表头，没有导入。",)


def test_columns_in_any_order_with_others_between_and_one_twice() -> None:
    book = read(xlsx([["日期", "其他", "单位", "问题", "号", "问题描述"], ["2024", "x", "清源镇", "垃圾", 7, "别的"]]))
    [table] = book.tables
    assert table.cell(table.lines[0], "number") == 7
    assert table.cell(table.lines[0], "text") == "垃圾"
    assert table.title("text") == "问题"
    assert any("没有采用“问题描述”" in note for note in book.notes)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030"])
def test_text_files_are_read_in_both_encodings(encoding: str) -> None:
    data = '编号,问题,单位\r\n1,"垃圾,两\n行",清源镇\r\n'.encode(encoding)
    assert seen(read(data)) == [("", 2, "1", "垃圾,两\n行")]


def bomb(part: str, size: int) -> bytes:
    """A small archive that unpacks to `size` bytes in one part of a workbook."""
    kept = io.BytesIO(xlsx([HEAD]))
    with zipfile.ZipFile(kept, "a", zipfile.ZIP_DEFLATED) as archive, archive.open(part, "w", force_zip64=True) as out:
        for _ in range(size // 1_000_000):
            out.write(b" " * 1_000_000)
    return kept.getvalue()


def lying_bomb() -> bytes:
    """An archive whose directory says that its sheet is small."""
    data = bytearray(bomb("xl/extra.xml", 120_000_000))
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")
    return bytes(data)


BILLION = (
    '<?xml version="1.0"?><!DOCTYPE z [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><worksheet><sheetData><row><c t='str'><v>&j;</v></c></row></sheetData></worksheet>"
)


def with_sheet(xml: str) -> bytes:
    source, kept = zipfile.ZipFile(io.BytesIO(xlsx([HEAD]))), io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in source.infolist():
            data = xml.encode() if item.filename == "xl/worksheets/sheet1.xml" else source.read(item)
            archive.writestr(item, data)
    return kept.getvalue()


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
HOSTILE = {
    "nothing": (b"", "empty_file"),
    "too large": (b"1" * (table_file.MAX_BYTES + 1), "file_too_large"),
    "old excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old_excel"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "unknown_encoding"),
    "binary": (bytes(range(256)) * 10, "unknown_encoding"),
    "half an archive": (xlsx([HEAD])[:400], "broken_file"),
    "an archive of something else": (b"PK\x05\x06" + b"\0" * 18, "broken_file"),
    "words": ("只是一段话。".encode(), "no_header"),
    "no header": (xlsx([["甲", "乙", "丙"], [1, 2, 3]]), "no_header"),
    "empty workbook": (xlsx([]), "no_header"),
    "zip bomb": (bomb("xl/worksheets/sheet9.xml", 150_000_000), "file_too_large"),
    "bomb of strings": (bomb("xl/sharedStrings.xml", 60_000_000), "file_too_large"),
    "many sheets": (xlsx(*([[HEAD]] * (table_file.MAX_SHEETS + 1))), "too_many_sheets"),
    "no xml": (with_sheet("rubbish <"), "broken_file"),
    "broken cell": (with_sheet(SHEET.format('<row r="1"><c r="A1" t="s"><v>9999</v></c></row>')), "broken_file"),
    "a row called x": (with_sheet(SHEET.format('<row r="x"><c r="A1"><v>1</v></c></row>')), "broken_file"),
    "unclosed quote": (b'a,"b\n' + b"x" * 200_000, "broken_file"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_table_is_refused_in_words(name: str) -> None:
    data, code = HOSTILE[name]
    assert code_of(data) == code


def test_an_archive_of_thousands_of_parts_is_refused() -> None:
    kept = io.BytesIO(xlsx([HEAD]))
    with zipfile.ZipFile(kept, "a") as archive:
        for number in range(table_file.MAX_PARTS):
            archive.writestr(f"xl/x{number}", "")
    assert code_of(kept.getvalue()) == "file_too_large"


def test_an_archive_that_lies_about_its_sizes_gains_nothing() -> None:
    read(lying_bomb())  # what is said to be ten bytes is never read further


def test_entities_that_grow_are_not_expanded() -> None:
    assert code_of(with_sheet(BILLION)) in ("broken_file", "no_header")


def test_a_cell_at_the_end_of_the_world_takes_no_memory() -> None:
    far = SHEET.format(
        "".join(
            f'<row r="{r}"><c r="A{r}" t="str"><v>编号</v></c><c r="XFD{r}"><v>1</v></c></row>' for r in (1, 1048576)
        )
    )
    assert code_of(with_sheet(far)) == "no_header"


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file, "MAX_ROWS", 50)
    rows = [HEAD, *(["1", "垃圾", "清源镇", "x"] for _ in range(60))]
    with pytest.raises(Fault, match="too_many_rows"):
        list(table_file._said(iter(rows), 50))


def test_damaged_workbooks_never_do_worse_than_a_fault() -> None:
    good = xlsx([HEAD, *([str(n), "垃圾", "清源镇", "2024.3.5"] for n in range(50))])
    sheet = zipfile.ZipFile(io.BytesIO(good)).read("xl/worksheets/sheet1.xml").decode()
    dice = random.Random(7)
    signs = "<>&\"'/= rcvt1A0\x01"
    for _ in range(200):
        cut = dice.randrange(len(sheet))
        try:
            read(with_sheet(sheet[:cut] + dice.choice(signs) + sheet[cut + dice.randrange(4) :]))
        except Fault:
            continue
    for _ in range(150):
        data = bytearray(good)
        for _ in range(dice.randint(1, 20)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            read(bytes(data[: dice.randint(10, len(data))] if dice.random() < 0.3 else data))
        except Fault:
            continue
