"""Views of the ledger that somebody at the desk keeps under a name: their own, found again on any computer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select

from backend.domain.faults import Fault, NotFound
from backend.models import DeskView

if TYPE_CHECKING:
    from backend.work import Work

MOST = 30


def of_actor(work: Work) -> list[DeskView]:
    mine = select(DeskView).where(DeskView.person_id == work.actor.person_id)
    return list(work.session.scalars(mine.order_by(DeskView.name)))


def keep(work: Work, name: str, query: str) -> DeskView:
    """Keep a view; one of the same name is replaced. Raises Fault when there are too many."""
    mine = select(DeskView).where(DeskView.person_id == work.actor.person_id)
    view = work.session.scalar(mine.where(DeskView.name == name))
    if view is None:
        if (work.session.scalar(select(func.count()).select_from(mine.subquery())) or 0) >= MOST:
            raise Fault("too_many_views", f"最多保存 {MOST} 个视图，请先删掉不用的。")
        view = DeskView(person_id=work.actor.person_id, name=name, created_at=work.now)
    view.query = query
    work.session.add(view)
    return view


def drop(work: Work, view_id: UUID) -> None:
    view = work.session.get(DeskView, view_id)
    if view is None or view.person_id != work.actor.person_id:
        raise NotFound("找不到这个视图。")
    work.session.delete(view)
