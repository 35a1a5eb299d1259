"""What WeChat demands of the fields of a subscription message; the stand-in refuses what WeChat would."""

from __future__ import annotations

import re

MAX_TEXT = 2500
_FIELD = re.compile(r"([a-z_]+?)([0-9]{1,2})")
_CLOCK = r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
_DATE = r"([0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日|[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2})"
_MOMENT = rf"({_DATE}( ?{_CLOCK})?|{_CLOCK})"
_RULES: dict[str, re.Pattern[str]] = {
    "thing": re.compile(r"[^\x00-\x1f\x7f]{1,20}"),
    "phrase": re.compile(r"[\u3400-\u9fff]{1,5}"),
    "character_string": re.compile(r"[\x21-\x7e]{1,32}"),
    "number": re.compile(r"(?=.{1,32}\Z)-?[0-9]+(\.[0-9]+)?"),
    "letter": re.compile(r"[A-Za-z]{1,32}"),
    "symbol": re.compile(r"[^\w\s\x00-\x1f]{1,5}"),
    "time": re.compile(rf"{_MOMENT}(~{_MOMENT})?"),
    "date": re.compile(rf"{_DATE}( ?{_CLOCK})?(~{_DATE}( ?{_CLOCK})?)?"),
    "amount": re.compile(r"[¥￥$]?[0-9]{1,10}(\.[0-9]{1,2})?元?"),
    "phone_number": re.compile(r"[0-9+\-*() ]{1,17}"),
    "car_number": re.compile(r"[\u4e00-\u9fff]?[A-Z0-9]{1,6}[\u4e00-\u9fffA-Z0-9]?"),
    "name": re.compile(r"(?=.*[\u4e00-\u9fff])[\u4e00-\u9fffA-Za-z·]{1,10}|[A-Za-z .]{1,20}"),
}


def wrong_field(data: object, fields: list[str] | None) -> str | None:
    """The first field that breaks a rule, as WeChat names it; None when all is well.

    `fields` are the template's own where they are known: one missing or one too many is refused as well.
    """
    if not isinstance(data, dict) or not data:
        return "data"
    for name in fields or ():
        if name not in data:
            return f"{name}.DATA"
    for name, held in data.items():
        kind = _FIELD.fullmatch(str(name))
        rule = _RULES.get(kind[1]) if kind else None
        value = held.get("value") if isinstance(held, dict) else None
        if rule is None or not isinstance(value, str) or not rule.fullmatch(value):
            return f"{name}.DATA"
        if fields is not None and name not in fields:
            return f"{name}.DATA"
    return None
