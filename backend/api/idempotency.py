"""`Idempotency-Key`: the same create sent again is answered, not carried out again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import request
from sqlalchemy.dialects.postgresql import insert

from backend.domain.faults import Conflict, Fault
from backend.models import IdempotencyKey
from backend.work import Work


@dataclass
class Repeat:
    """`outcome` is what the first request left, or None for the first one, which sets it."""

    outcome: dict[str, Any] | None = None


def required_key() -> str:
    """The request's key. Raises Fault when it is missing or of no use."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if not 8 <= len(key) <= 128 or not key.isascii() or not key.isprintable():
        raise Fault(
            "idempotency_key_missing", "请求缺少有效的 Idempotency-Key（8 到 128 个字符），请升级小程序后重试。"
        )
    return key


@contextmanager
def once(work: Work, what: str, key: str, request_text: str) -> Iterator[Repeat]:
    """Carry out `what` once per key and sender, in this transaction: parallel repeats wait for the first one.

    The key is kept as a keyed digest only. The same key with another request is refused with 422.
    """
    sender = str(work.actor.account_id or work.actor.person_id or work.actor.report_id or "anonymous")
    digest = work.vault.digest("idempotency", f"{what}\0{sender}\0{key}")
    asked = hashlib.sha256(request_text.encode()).hexdigest()
    claim = insert(IdempotencyKey).values(digest=digest, request_digest=asked, created_at=work.now, outcome={})
    claimed = work.session.execute(claim.on_conflict_do_nothing().returning(IdempotencyKey.digest)).scalar()
    row = work.session.get_one(IdempotencyKey, digest)
    if claimed is None:
        if row.request_digest != asked:
            raise Conflict("idempotency_key_reused", "同一个 Idempotency-Key 不能用于不同的内容。")
        yield Repeat(outcome=row.outcome)
        return
    first = Repeat()
    yield first
    row.outcome = first.outcome or {}
