"""What the office has prepared 草稿 and not yet put in force: kept sealed for a day, then forgotten."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from backend.domain.faults import Conflict, Forbidden, NotFound
from backend.models import Draft

if TYPE_CHECKING:
    from backend.work import Work

Kind = Literal["roster", "county"]
KEPT_FOR = timedelta(days=1)
_OVER = {"used": "已经生效", "dropped": "已放弃或已过期"}


def keep(work: Work, kind: Kind, file_name: str, content: dict[str, Any]) -> Draft:
    """Keep what was found, for a day."""
    if work.actor.person_id is None:
        raise Forbidden("office_only", "只有县河长办可以这样做。")
    sealed = work.vault.seal(json.dumps(content, ensure_ascii=False))
    draft = Draft(
        kind=kind, file_name=file_name[:200], content_sealed=sealed, person_id=work.actor.person_id, made_at=work.now
    )
    work.session.add(draft)
    work.session.flush()
    work.defer("drop_draft", draft.id, after=KEPT_FOR)
    return draft


def opened(work: Work, kind: Kind, draft_id: UUID) -> tuple[Draft, dict[str, Any]]:
    """An open draft and its content. Raises NotFound, or Conflict when it is over."""
    draft = work.session.get(Draft, draft_id, with_for_update=True, populate_existing=True)
    if draft is None or draft.kind != kind:
        raise NotFound("找不到这份草稿。")
    if draft.state != "open" or draft.made_at + KEPT_FOR <= work.now:
        raise Conflict("draft_over", f"这份草稿{_OVER.get(draft.state, '已过期')}，请重新上传或填写。")
    content: dict[str, Any] = json.loads(work.vault.open(draft.content_sealed))
    return draft, content


def end(draft: Draft, state: Literal["used", "dropped"]) -> None:
    """The draft is done with, and what it held is forgotten."""
    draft.state, draft.content_sealed = state, ""


def drop(work: Work, draft_id: UUID) -> None:
    """Forget a draft that nobody has confirmed. Repeats do nothing."""
    draft = work.session.get(Draft, draft_id, with_for_update=True, populate_existing=True)
    if draft is not None and draft.state == "open":
        end(draft, "dropped")
