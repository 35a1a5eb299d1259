"""Every error leaves as RFC 9457 problem+json with a stable code and a Chinese title."""

from __future__ import annotations

import uuid
from typing import Any

import structlog
from apiflask import APIFlask, HTTPError
from flask import Response, g, json
from pydantic import ValidationError
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from backend.api.intake import IntakeRequest, what_is_wrong
from backend.clients.storage import StorageUnavailable
from backend.clients.wechat import WeChatCodeInvalid, WeChatRefused, WeChatUnavailable
from backend.domain.faults import Fault
from backend.geo import PlaceFault
from backend.logs import in_short, where

log = structlog.get_logger()

_TITLES = {
    400: "请求的格式不正确，请刷新或升级小程序后重试。",
    401: "请先登录。",
    403: "您没有权限做此操作。",
    404: "找不到您要的内容。",
    405: "不支持这种请求方式，请升级小程序后重试。",
    413: "内容太大，请减少后重试。",
    415: "请求的内容要用 JSON 格式发送，请升级小程序后重试。",
    422: "填写的内容有误，请检查后重试。",
    429: "操作太频繁，请稍后再试。",
}
_CODES = {400: "bad_request", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
          413: "too_large", 415: "unsupported_media_type", 422: "invalid_input", 429: "too_many_requests"}  # fmt: skip


def problem(status: int, code: str, title: str, **extra: Any) -> Response:
    body = {"type": "about:blank", "status": status, "code": code, "title": title, **extra}
    response = Response(json.dumps(body), status=status, content_type="application/problem+json")
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def install(app: APIFlask) -> None:
    """The one error handler of the application, and the request id that every answer and log line carries."""
    app.request_class = IntakeRequest

    @app.before_request
    def name_request() -> None:
        g.request_id = uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def tell_request_id(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    @app.error_processor
    def apiflask_error(error: HTTPError) -> Any:
        if isinstance(error.__cause__, ValidationError):
            return problem(error.status_code, **what_is_wrong(error.__cause__))
        title = _TITLES.get(error.status_code, "请求未能完成，请稍后重试。")
        return problem(error.status_code, _CODES.get(error.status_code, "error"), title)

    app.register_error_handler(Fault, _fault)
    app.register_error_handler(PlaceFault, lambda fault: problem(422, fault.code, fault.title, field="place"))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(
        WeChatCodeInvalid, lambda e: problem(422, "wechat_code_invalid", "微信登录凭证无效或已使用，请重新登录。")
    )
    app.register_error_handler(
        WeChatRefused, lambda e: problem(502, "wechat_refused", "微信没有接受这次请求，请稍后再试。")
    )
    for unavailable in (WeChatUnavailable, StorageUnavailable, RedisError, OperationalError, PoolTimeout):
        app.register_error_handler(unavailable, _unavailable)
    app.register_error_handler(DBAPIError, _database)


def _fault(fault: Fault) -> Response:
    response = problem(fault.status, fault.code, fault.title, **fault.extra)
    if "retry_after" in fault.extra:
        response.headers["Retry-After"] = str(fault.extra["retry_after"])
    return response


def _http(error: HTTPException) -> Any:
    if error.code is None or error.code < 400:
        return error
    title = _TITLES.get(error.code, "系统出错了，我们会尽快处理。")
    response = problem(error.code, _CODES.get(error.code, "internal_error"), title)
    response.headers.extend((name, value) for name, value in error.get_headers() if name != "Content-Type")  # Allow
    return response


def _unavailable(error: Exception) -> Response:
    log.error("service_unavailable", error=type(error).__name__)
    response = problem(503, "temporarily_unavailable", "系统正忙或正在维护，您填写的内容没有丢失，请稍后重试。")
    response.headers["Retry-After"] = "5"
    return response


def _database(error: DBAPIError) -> Response:
    if error.connection_invalidated:
        return _unavailable(error)
    log.error("database_error", error=in_short(error), where=where(error))
    return problem(500, "internal_error", "系统出错了，我们会尽快处理。")
