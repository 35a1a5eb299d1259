"""What comes in: JSON that can be kept, and what is wrong with a form in words that its writer understands."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from flask import Request
from pydantic import ValidationError
from werkzeug.exceptions import BadRequest

from backend.domain.faults import Fault

# Escapes by which JSON writes what UTF-8 and PostgreSQL cannot hold: NUL, and one half of a surrogate pair.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")

# (last part of the field's name, pydantic's kind of error) → a code of its own and its sentence.
_SPECIAL = {
    ("file", "value_error"): ("file_missing", "请选择要上传的文件。"),
    ("coord_type", "missing"): ("coord_type_missing", "请说明位置的坐标类型（wgs84 或 gcj02）。"),
    ("coord_type", "literal_error"): ("unknown_coord_type", "坐标类型只能是 wgs84 或 gcj02。"),
}
_NAMES = {
    "accuracy_m": "定位误差", "address": "地址", "answers": "订阅结果", "body": "接收单位", "category": "问题类别",
    "claim": "照片凭证", "claimed_at": "拍摄时间", "claimed_lat": "拍摄纬度", "claimed_lon": "拍摄经度", "code": "凭证",
    "contact_name": "联系人", "contact_phone": "联系电话", "content_type": "文件类型", "coord_type": "坐标类型",
    "date": "完成日期", "done": "整改情况", "lat": "纬度", "limit": "每页条数", "lon": "经度", "measure": "整改措施",
    "observed_at": "发现时间", "person": "责任人", "photos": "照片", "place": "位置", "privacy": "举报方式",
    "reason": "理由", "rectify_by": "整改期限", "severity": "严重程度", "stars": "评分", "text": "文字", "unit": "单位",
}  # fmt: skip
_REASONS = {
    "missing": "没有填写{name}。",
    "extra_forbidden": "不认识的内容{name}，请升级小程序后重试。",
    "string_too_long": "{name}最多 {max_length} 个字，请删减。",
    "too_long": "{name}最多 {max_length} 项，请删掉一些。",
    "too_short": "{name}至少 {min_length} 项。",
    "greater_than_equal": "{name}不能小于 {ge}。",
    "greater_than": "{name}要大于 {gt}。",
    "less_than_equal": "{name}不能大于 {le}。",
    "less_than": "{name}要小于 {lt}。",
    "finite_number": "{name}必须是数字。",
    "literal_error": "{name}不在可选范围内，请重新选择。",
    "timezone_aware": "{name}要写明时区。",
    "string_type": "{name}应是文字。",
}
_REASONS_BY_BEGINNING = (
    ("date", "{name}不是有效的日期或时间，请重新填写。"),
    ("time", "{name}不是有效的日期或时间，请重新填写。"),
    ("int", "{name}应是整数。"),
    ("float", "{name}应是数字。"),
    ("bool", "{name}只能是“是”或“否”。"),
    ("uuid", "{name}的编号不正确，请刷新后重试。"),
)


class IntakeRequest(Request):
    """A request whose JSON is refused, not believed, when it is nested without end or holds signs that no table can."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """As Flask's, but a body that does not call itself JSON is refused with 415, whoever wants to `force` it."""
        if not self.is_json and not self.mimetype:
            raise BadRequest("no body")
        try:
            data = super().get_json(force=False, silent=silent, cache=cache)
        except RecursionError:
            raise BadRequest("nested too deeply") from None
        if _SUSPECT.search(self.get_data()) and not _can_be_kept(data):
            raise Fault("bad_text", "内容中有无法识别的字符，请删除后重试。")
        return data


def _can_be_kept(data: Any) -> bool:
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
                return False
        elif isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
    return True


def what_is_wrong(error: ValidationError) -> dict[str, Any]:
    """The members of a problem for a form that breaks its model: code, title, and each field with its reason."""
    errors = []
    for wrong in error.errors(include_url=False, include_input=False):
        named = [str(part) for part in wrong["loc"]]
        last = next((part for part in reversed(named) if not part.isdigit()), "")
        code, reason = _SPECIAL.get((last, wrong["type"])) or ("invalid_input", _reason(last, wrong))
        errors.append({"field": ".".join(named), "code": code, "reason": reason})
    return {"code": errors[0]["code"], "title": errors[0]["reason"], "field": errors[0]["field"], "errors": errors[:50]}


def _reason(field: str, wrong: Any) -> str:
    name = f"“{_NAMES.get(field, field)}”" if field else "内容"
    kind, context = wrong["type"], wrong.get("ctx") or {}
    if kind == "string_too_short":
        template = "没有填写{name}。" if context.get("min_length") == 1 else "{name}至少 {min_length} 个字。"
    else:
        found = (reason for beginning, reason in _REASONS_BY_BEGINNING if kind.startswith(beginning))
        template = _REASONS.get(kind) or next(found, "{name}的格式不正确，请检查后重试。")
    if isinstance(context.get("ge", context.get("le")), date):
        template = "{name}不在合理的时间范围内，请重新填写。"
    return template.format(name=name, **{key: value for key, value in context.items() if key != "name"})
