"""A county's calendars beside the published ones, as the package `chinese_calendar` knows them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import chinese_calendar

from backend.clock import is_working_day
from backend.county import Calendar

_DAYS = "一二三四五六日"


def warnings(calendar: Calendar, today: date) -> list[str]:
    """What an administrator should look at, in Chinese, a sentence each. None of it keeps a calendar from use:
    a county may have holidays of its own, and next year's notice comes out in the autumn.
    """
    return [*_missing(calendar, today), *_differences(calendar)]


def _missing(calendar: Calendar, today: date) -> Iterator[str]:
    for year in (today.year, today.year + 1):
        if year in calendar.years:
            continue
        known = "国务院已公布放假安排，请补上" if _published(year) else "国务院通常在上年 11 月前后公布，公布后请补上"
        yield (
            f"没有 calendar-{year}.toml：{known}。此前跨入 {year} 年的期限按周末休息暂算，"
            "标为“暂定”，导入新日历后自动重新核算。"
        )


def _differences(calendar: Calendar) -> Iterator[str]:
    for year in calendar.years:
        if not _published(year):
            yield f"{year} 年的日历没有可对照的公布版本，请对照国务院通知逐日核对。"
            continue
        day = date(year, 1, 1)
        while day.year == year:
            ours, published = is_working_day(calendar, day), chinese_calendar.is_workday(day)
            if ours != published:
                _, holiday = chinese_calendar.get_holiday_detail(day)
                why = f"（{_NAMES.get(holiday, holiday)}）" if holiday else ""
                yield f"{day}（周{_DAYS[day.weekday()]}）本县算{_word(ours)}，公布的是{_word(published)}{why}。"
            day += timedelta(days=1)


_NAMES = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "National Day": "国庆节",
    "Mid-autumn Festival": "中秋节",
}


def _word(working: bool) -> str:
    return "工作日" if working else "休息日"


def _published(year: int) -> bool:
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True
