"""Which cases exist for whom. Apart from cases.py, so that the nouns that the table of states needs can ask as well."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, true

from backend.domain.actors import Actor
from backend.domain.faults import Forbidden
from backend.models import Assignment, Case


def visible(actor: Actor) -> ColumnElement[bool]:
    """Which cases an official may see: the county all, a unit those it leads or assists with."""
    if actor.role in ("office", "inspector", "county_chief"):
        return true()
    if actor.official and actor.unit is not None:
        return exists().where(
            Assignment.case_id == Case.id, Assignment.unit_code == actor.unit, Assignment.ended_at.is_(None)
        )
    raise Forbidden("officials_only", "只有工作人员可以查看案件台账。")
