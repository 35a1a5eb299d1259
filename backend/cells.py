"""What people type into cells, understood: dates in every dress, full-width digits, numbers that are text. Pure."""

from __future__ import annotations

import calendar
import re
import unicodedata
from datetime import date, datetime, time, timedelta

from backend.clock import SHANGHAI

Raw = str | int | float | bool | date | datetime | timedelta | None

_EPOCH = date(1899, 12, 30)
_SERIALS = (32_874, 73_050)  # 1990-01-01 to 2099-12-31 as Excel counts days
_YEARS = (1990, 2099)
_DAY = re.compile(
    r"(\d{4}|\d{2})\s*[年./\-\\、,]\s*(\d{1,2})\s*[月./\-\\、,]\s*(\d{1,2})\s*[日号]?(?:[\sT(（].*|\d{1,2}[:：时点].*)?"
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_MONTH = re.compile(r"(\d{4})\s*[年./\-]\s*(\d{1,2})\s*月?\s*(底|末|底前|末前|中旬|上旬|下旬|份|内)?")
_HOUR = re.compile(r"[\sT]*(\d{1,2})\s*[:：时点]\s*(?:(\d{1,2})\s*[:：分]?\s*(?:(\d{1,2})\s*(?:\.\d+)?秒?)?)?$")
_DMS = re.compile(r"(\d{1,3})\s*[°度]\s*(\d{1,2})\s*[′'分]\s*(?:(\d{1,2}(?:\.\d+)?)\s*[″\"秒]?)?\s*[EeNn东北]?")


# Full-width letters, digits and the dots and dashes of numbers; Chinese punctuation stays as it is.
_WIDE = [*range(ord("０"), ord("９") + 1), *range(ord("Ａ"), ord("ｚ") + 1), *map(ord, "．／－：＂＇")]
_NARROW = {sign: unicodedata.normalize("NFKC", chr(sign)) for sign in _WIDE}


class NotUnderstood(ValueError):  # noqa: N818
    """What stands in the cell cannot be meant; the text says why, in Chinese."""


def is_blank(value: Raw) -> bool:
    if not isinstance(value, str):
        return value is None
    return not value.strip() or (not value.isprintable() and not text(value))


def text(value: Raw) -> str:
    """The cell as text on one line of its own: full-width letters and digits narrow, spaces round it gone.

    A whole number that Excel keeps as 12.0 is 12; a date is written 2024-03-05.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}" if (value.hour, value.minute) != (0, 0) else f"{value:%Y-%m-%d}"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    said = str(value)
    if not said.isprintable():  # spaces of any kind, signs that have no width, control characters
        said = "".join(" " if unicodedata.category(sign)[0] in "ZC" and sign != "\n" else sign for sign in said)
    said = said.translate(_NARROW)
    return "\n".join(" ".join(part.split()) for part in said.split("\n")).strip()


def heading_words(cell: str) -> str:
    """A heading without what varies: spaces, brackets and what stands in them, stars and colons."""
    plain = unicodedata.normalize("NFKC", cell)
    plain = re.sub(r"\(.*?\)|\[.*?\]|【.*?】", "", plain, flags=re.DOTALL)
    return re.sub(r"[\s*:、,。.;/_\-]+", "", plain).lower()


def day(value: Raw, month_end: bool = False) -> date:
    """The day that a cell names. A month alone is its last day when `month_end`, as deadlines are meant.

    Raises NotUnderstood: no date, a day that does not exist, a year alone, a number that may be half a date.
    """
    if isinstance(value, datetime):
        return _in_range(value.date(), value)
    if isinstance(value, date):
        return _in_range(value, value)
    if isinstance(value, bool | timedelta):
        raise NotUnderstood(f"“{text(str(value))}”不是日期")
    if isinstance(value, int | float):
        return _numbered(value)
    said = text(value)
    if re.fullmatch(r"\d{5}(\.\d+)?", said):
        return _numbered(float(said))
    found = _DAY.fullmatch(said) or _COMPACT.fullmatch(said)
    if found is not None:
        return _made(said, found[1], found[2], found[3])
    month = _MONTH.fullmatch(said)
    if month is None:
        raise NotUnderstood(f"“{said[:30]}”不是日期，应写成 2024-03-05")
    if not month_end:
        raise NotUnderstood(f"“{said}”只有年月，请写明哪一天")
    first = _made(said, month[1], month[2], "1")
    return first.replace(day=calendar.monthrange(first.year, first.month)[1])


def moment(value: Raw) -> datetime | date:
    """The moment that a cell names, as a clock in Shanghai shows it; a day when it names no hour.

    Raises NotUnderstood like `day`, and for an hour that does not exist.
    """
    if isinstance(value, datetime):
        at = value.replace(tzinfo=SHANGHAI)
        day(value)
        return at if (value.hour, value.minute, value.second) != (0, 0, 0) else at.date()
    said = text(value) if isinstance(value, str) else ""
    if re.fullmatch(r"\d{5}\.\d+", said):
        value = float(said)
    if isinstance(value, float) and not value.is_integer() and _SERIALS[0] <= value <= _SERIALS[1]:
        seconds = round(value % 1 * 86_400)
        return datetime.combine(day(value), time(), SHANGHAI) + timedelta(seconds=seconds)
    stamp = re.fullmatch(r"(\d{8})(\d{2})(\d{2})(\d{2})?", said)
    if stamp is not None:
        return _at(said, day(stamp[1]), *stamp.groups()[1:])
    hour = _HOUR.search(said)
    if hour is None:
        return day(value)
    return _at(said, day(said[: hour.start()]), hour[1], hour[2], hour[3])


def _at(said: str, of: date, hour: str, minute: str | None, second: str | None) -> datetime:
    try:
        return datetime.combine(of, time(int(hour), int(minute or 0), int(second or 0)), SHANGHAI)
    except ValueError:
        raise NotUnderstood(f"“{said[:30]}”这个时间不存在") from None


def _numbered(value: int | float) -> date:
    if _SERIALS[0] <= value <= _SERIALS[1]:
        return _EPOCH + timedelta(days=int(value))
    if float(value).is_integer() and (found := _COMPACT.fullmatch(str(int(value)))):
        return _made(str(int(value)), found[1], found[2], found[3])
    if _YEARS[0] <= value <= _YEARS[1] + 1:
        raise NotUnderstood(f"“{value:g}”不是完整的日期，请写成 2024-03-05")
    raise NotUnderstood(f"“{value:g}”不是日期，应写成 2024-03-05")


def _made(said: str, year: str, month: str, of_month: str) -> date:
    number = int(year) + 2000 if len(year) == 2 else int(year)
    try:
        made = date(number, int(month), int(of_month))
    except ValueError:
        raise NotUnderstood(f"“{said}”这一天不存在") from None
    return _in_range(made, said)


def _in_range(made: date, said: Raw) -> date:
    if not _YEARS[0] <= made.year <= _YEARS[1]:
        raise NotUnderstood(f"“{said}”的年份不对")
    return made


def degrees(value: Raw) -> float:
    """A coordinate: 102.7193, "102.7193°E" or 102°43′9.5″. Raises NotUnderstood."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    said = text(value)
    parts = _DMS.fullmatch(said)
    if parts is not None:
        return int(parts[1]) + int(parts[2]) / 60 + float(parts[3] or 0) / 3600
    plain = re.fullmatch(r"[EeNn东经北纬]*\s*(\d{1,3}(?:\.\d+)?)\s*[°度]?\s*[EeNn]?", said)
    if plain is None:
        raise NotUnderstood(f"“{said[:30]}”不是经纬度")
    return float(plain[1])
