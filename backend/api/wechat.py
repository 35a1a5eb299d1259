"""WeChat's signed and encrypted callbacks."""

from __future__ import annotations

from typing import Any

import structlog
from apiflask import APIBlueprint
from flask import Response, request

from backend.api.access import system
from backend.clients.wechat import WeChatPushRefused
from backend.domain.faults import Forbidden

bp = APIBlueprint("wechat", __name__, enable_openapi=False)
log = structlog.get_logger()


@bp.get("/wechat/push")
def verify_push() -> Response:
    """WeChat's first call: answer its echo, decrypted where it was encrypted."""
    try:
        return Response(system().wechat.verify_push(request.args), content_type="text/plain")
    except WeChatPushRefused as error:
        raise Forbidden("bad_signature", "签名不正确。") from error


@bp.post("/wechat/push")
def receive_push() -> Any:
    try:
        push = system().wechat.decrypt_push(request.args, request.get_data())
    except WeChatPushRefused as error:
        raise Forbidden("bad_signature", "签名不正确。") from error
    log.info("wechat_push", push=str(push.get("Event", ""))[:64], kind=str(push.get("MsgType", ""))[:64])
    return Response("success", content_type="text/plain")
