"""What people type into cells: dates in every dress, full-width digits, numbers that are text."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.cells import NotUnderstood, Raw, day, degrees, heading_words, is_blank, text

MARCH_5 = date(2024, 3, 5)
naive = datetime.fromisoformat  # a workbook knows no zones


@pytest.mark.parametrize(
    "said",
    [
        MARCH_5, naive("2024-03-05T10:20"), "2024-03-05", "2024.3.5", "2024/3/5", "2024年3月5日", "2024年03月05号",
        "２０２４年３月５日", " 2024 年 3 月 5 日 ", "2024.3.5 10:20", "2024-03-05T10:20:00", "20240305", 20240305,
        20240305.0, 45356, 45356.0, 45356.43, "45356", "24.3.5", "2024-3-5（周二）",
        "2024、3、5", "2024．3．5", "2024\\3\\5",
    ],
)  # fmt: skip
def test_a_day_is_understood_however_it_is_written(said: Raw) -> None:
    assert day(said) == MARCH_5


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("2024.2.30", "不存在"), ("2024年13月1日", "不存在"), ("昨天", "不是日期"), ("3月5日", "不是日期"),
        (2024, "不是完整"), (2024.3, "不是完整"), (12, "不是日期"), (True, "不是日期"),
        (timedelta(hours=3), "不是日期"),
        ("1899-01-01", "年份"), (naive("1900-01-01"), "年份"), ("2024年3月", "只有年月"),
        (float("nan"), "不是日期"), (float("inf"), "不是日期"),
        (-5, "不是日期"), (10**30, "不是日期"), ("#REF!", "不是日期"), ("=TODAY()", "不是日期"),
    ],
)  # fmt: skip
def test_what_is_no_day_is_refused_in_words(said: Raw, why: str) -> None:
    with pytest.raises(NotUnderstood, match=why):
        day(said)


@pytest.mark.parametrize("said", ["2024年2月", "2024.2", "2024年2月底", "2024年2月底前", "2024年2月份", "2024-02"])
def test_a_deadline_in_a_month_is_its_last_day(said: str) -> None:
    assert day(said, month_end=True) == date(2024, 2, 29)


@given(st.dates(date(1990, 1, 1), date(2099, 12, 31)))
def test_every_day_is_read_back_from_every_way_of_writing_it(wanted: date) -> None:
    year, month, of_month = wanted.year, wanted.month, wanted.day
    serial = (wanted - date(1899, 12, 30)).days
    for said in (
        f"{year}.{month}.{of_month}",
        f"{year}年{month}月{of_month}日",
        f"{wanted:%Y%m%d}",
        str(wanted),
        serial,
    ):
        assert day(said) == wanted


@given(st.one_of(st.text(max_size=30), st.floats(), st.integers(), st.booleans(), st.none()))
def test_nothing_that_can_stand_in_a_cell_breaks_the_reading(said: Raw) -> None:
    text(said)
    is_blank(said)
    for understand in (day, degrees):
        try:
            understand(said)
        except NotUnderstood:
            continue


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (None, ""), (12.0, "12"), (12.5, "12.5"), (True, "是"), ("　清源镇　", "清源镇"), ("１２号", "12号"),
        ("a\u200bb", "a b"),
        ("两\n行 ", "两\n行"), (naive("2024-03-05"), "2024-03-05"), ("（三）号", "（三）号"), ("Ａ－１", "A-1"),
        (1e20, "1e+20"),
    ],
)  # fmt: skip
def test_text_is_what_one_sees(said: Raw, read: str) -> None:
    assert text(said) == read


def test_headings_are_the_same_with_and_without_their_ornaments() -> None:
    alike = [
        "整改期限",
        "整改 期限",
        "整改期限（年月日）",
        "*整改期限：",
        "整改\n期限",
        "【必填】整改期限",
        "整改期限(天)",
    ]
    assert {heading_words(said) for said in alike} == {"整改期限"}


@pytest.mark.parametrize(
    "said", [102.5, "102.5", "102°30′", "102°30'0\"", "102度30分", "东经102.5°", "102.5E", " １０２.5 "]
)
def test_coordinates_are_understood(said: Raw) -> None:
    assert degrees(said) == pytest.approx(102.5)
