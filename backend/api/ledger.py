"""The ledger as a whole: what may be asked for, counts per state."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field, StringConstraints

from backend.api.schemas import Code, Day, Input
from backend.domain import ledger
from backend.domain.states import STATES
from backend.work import unit_of_work

bp = APIBlueprint("ledger", __name__, tag="台账")

Codes = Annotated[str, StringConstraints(pattern=r"^[\w\-]+(,[\w\-]+)*$", max_length=400)]
Typed = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00]*$")]


class LedgerFilter(Input):
    state: Codes | None = Field(default=None, description="one or several, separated by commas")
    unit: Code | None = None
    part: Literal["lead", "assist", "any"] = Field(default="lead", description="whether `unit` leads or assists")
    river: Typed | None = None
    reach: Code | None = None
    category: Code | None = None
    source: Code | None = None
    risk_source: Code | None = None
    overdue: bool = False
    clock: Literal["triage", "refuse", "accept", "rectify", "review"] | None = Field(
        default=None, description="only cases whose clock of this kind is overdue"
    )
    urgent: bool | None = None
    outside: bool | None = Field(default=None, description="outside the county: the queue of 跨界移送")
    awaiting: Literal["extension", "rejection", "acknowledgement", "handler"] | None = Field(
        default=None, description="what the office, an assisting unit or the own unit still has to answer"
    )
    mine: bool = Field(default=False, description="handled by me, or by somebody for whom I stand in")
    opened_from: Day | None = Field(default=None, description="day of Asia/Shanghai, included")
    opened_to: Day | None = None
    closed_from: Day | None = None
    closed_to: Day | None = None
    number: Typed | None = Field(default=None, description="QH-2026-000123, 123, or the source's own number")
    text: Typed | None = Field(default=None, description="words of two characters or more, all of which must occur")


class LedgerOrder(LedgerFilter):
    sort: Literal["newest", "opened", "due", "updated"] = "newest"
    order: Literal["asc", "desc"] | None = None


class LedgerQuery(LedgerOrder):
    before: Annotated[str, StringConstraints(max_length=80, pattern=r"^[\w\-:.~]+$")] | None = Field(
        default=None, description="`next` of the page before, unchanged"
    )
    limit: int = Field(default=20, ge=1, le=100)


class CountOut(BaseModel):
    state: str
    state_title: str
    n: int
    more: bool = Field(description="there are more than n")
    shown: str = Field(description='"123", or "10000+"')


class CountsOut(BaseModel):
    items: list[CountOut]


def filter_of(form: LedgerFilter) -> ledger.Filter:
    """The domain's filter for a query string."""
    asked = form.model_dump(include={field.name for field in fields(ledger.Filter)})
    states = tuple(form.state.split(",")) if form.state else ()
    order = form.order if isinstance(form, LedgerOrder) else None
    return ledger.Filter(**asked, states=states, ascending=None if order is None else order == "asc")


@bp.get("/cases/counts")
@bp.input(LedgerFilter, location="query", arg_name="asked")
@bp.output(CountsOut)
def counts(asked: LedgerFilter) -> Any:
    """Cases per state under the same filters as the list; `state` itself is left aside."""
    with unit_of_work(g.actor) as work:
        found = ledger.counts(work, filter_of(asked))
        return {
            "items": [
                {
                    "state": state,
                    "state_title": STATES[state],
                    "n": count.n,
                    "more": count.more,
                    "shown": f"{count.n}+" if count.more else str(count.n),
                }
                for state, count in found.items()
            ]
        }
