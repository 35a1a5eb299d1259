"""`If-Match`: which version of a thing the caller has seen."""

from __future__ import annotations

from flask import request

from backend.domain.faults import Fault


def seen_version(what: str = "内容") -> int:
    """The version of the request. Raises Fault when it is missing or no number."""
    value = request.headers.get("If-Match", "").strip().strip('"')
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise Fault("version_missing", f"请求缺少{what}版本（If-Match），请刷新后再操作。")
    return int(value)
