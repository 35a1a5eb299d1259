"""WeChat's signed and encrypted callbacks."""

from __future__ import annotations

from typing import Any

import structlog
from apiflask import APIBlueprint
from flask import Response, request
from redis.exceptions import RedisError

from backend.api.access import system
from backend.clients.wechat import PUSH_AGE_S, WeChatPushRefused, media_result
from backend.domain import content
from backend.domain.faults import Forbidden
from backend.work import unit_of_work

bp = APIBlueprint("wechat", __name__, enable_openapi=False)
log = structlog.get_logger()


@bp.get("/wechat/push")
def verify_push() -> Response:
    """WeChat's first call: answer its echo, decrypted where it was encrypted."""
    try:
        return Response(system().wechat.verify_push(request.args), content_type="text/plain")
    except WeChatPushRefused as error:
        raise Forbidden("bad_signature", "签名不正确或已过期。") from error


@bp.post("/wechat/push")
def receive_push() -> Any:
    """One push. WeChat sends it again until it is answered with "success"; what we refused or failed on is not."""
    try:
        push = system().wechat.decrypt_push(request.args, request.get_data())
    except WeChatPushRefused as error:
        raise Forbidden("bad_signature", "签名不正确或已过期。") from error
    seen = f"qinghe:push:{request.args['msg_signature']}"
    if _remembered(seen):
        raise Forbidden("push_repeated", "这条推送已经处理过。")
    result = media_result(push)
    if result is not None:
        verdict = result.verdict
        with unit_of_work() as work:
            content.judged(
                work, result.trace_id, str(verdict.suggestion) if verdict else None, verdict.label if verdict else None
            )
    log.info("wechat_push", push=str(push.get("Event", ""))[:64], kind=str(push.get("MsgType", ""))[:64])
    _remember(seen)
    return Response("success", content_type="text/plain")


def _remembered(key: str) -> bool:
    """Whether this very push was answered before. With Redis away nobody knows; what a push does is harmless twice."""
    try:
        return bool(system().redis.exists(key))
    except RedisError as error:
        log.warning("push_memory_unreachable", error=type(error).__name__)
        return False


def _remember(key: str) -> None:
    try:
        system().redis.set(key, 1, ex=2 * PUSH_AGE_S)
    except RedisError as error:
        log.warning("push_memory_unreachable", error=type(error).__name__)
