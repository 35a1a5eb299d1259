"""Errors of the desk as pages: what happened, in plain words, and the way on."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Blueprint, Response, request
from pydantic import ValidationError
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from backend.api.intake import what_is_wrong
from backend.clients.storage import StorageUnavailable
from backend.desk import door, pages
from backend.domain.faults import Fault, Unauthenticated

log = structlog.get_logger()

_TITLES = {400: "请求没有看懂", 403: "不能这样做", 404: "找不到这一页", 405: "不能这样做", 409: "内容已经变了",
           413: "文件太大", 422: "填写的内容有误", 429: "操作太频繁", 503: "系统正忙"}  # fmt: skip
_WORDS = {
    400: "请返回上一页，刷新后重试。",
    404: "地址可能不对，或者这项内容不归您看。",
    405: "请从页面上的按钮操作。",
    413: "请选小一些的文件再上传。",
    500: "系统出错了，已经记录下来，我们会尽快处理。",
    503: "系统正忙或正在维护，请稍后刷新。",
}


def install(desk: Blueprint) -> None:
    desk.register_error_handler(Unauthenticated, door.sent_to_sign_in)
    desk.register_error_handler(Fault, _fault)
    desk.register_error_handler(ValidationError, lambda error: _fault(fault_of(error)))
    desk.register_error_handler(HTTPException, _http)
    for unavailable in (StorageUnavailable, RedisError, OperationalError, PoolTimeout):
        desk.register_error_handler(unavailable, _unavailable)

    @desk.get("/<path:rest>")
    def missing(rest: str) -> Any:
        return page(404, _WORDS[404])


def fault_of(error: ValidationError) -> Fault:
    """A form that breaks its model, as a fault with the field that is wrong."""
    wrong = what_is_wrong(error)
    return Fault(wrong.pop("code"), wrong.pop("title"), **wrong)


def page(status: int, words: str, title: str | None = None, **extra: Any) -> Response:
    """The error page, or for htmx only the words, which it shows above the page."""
    title = title or _TITLES.get(status, "没有完成")
    if request.headers.get("HX-Request"):
        body = pages.fragment("_fault.html", fault_title=title, words=words)
        return Response(body, status, headers={"HX-Retarget": "#messages", "HX-Reswap": "innerHTML"})
    return Response(pages.render("fault.html", status=status, title=title, words=words, **extra), status)


def _fault(fault: Fault) -> Response:
    response = page(fault.status, fault.title, changes=fault.extra.get("changes"))
    if "retry_after" in fault.extra:
        response.headers["Retry-After"] = str(fault.extra["retry_after"])
    return response


def _http(error: HTTPException) -> Any:
    if error.code is None or error.code < 400:
        return error
    return page(error.code, _WORDS.get(error.code, _WORDS[500]))


def _unavailable(error: Exception) -> Response:
    log.error("service_unavailable", error=type(error).__name__)
    response = page(503, _WORDS[503])
    response.headers["Retry-After"] = "5"
    return response
