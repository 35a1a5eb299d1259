"""Cases of other sources, entered by the office."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import g
from pydantic import Field

from backend.api.cases import show_case
from backend.api.idempotency import once, required_key
from backend.api.schemas import CaseOut, Code, Day, Input, Moment, PhotoRefForm, PlaceForm, Short, Words
from backend.domain import cases, entries
from backend.domain.entries import Direct, Entry, Point
from backend.domain.faults import Fault
from backend.domain.named_places import NamedPlace
from backend.domain.photos import PhotoRef
from backend.work import unit_of_work

bp = APIBlueprint("entries", __name__, tag="录入")


class EntryForm(Input):
    """What the paper says. The place is a point, or a named reach or township, or left open for the triage."""

    source: Code = Field(description="one of the county's sources with `entered`")
    category: Code
    text: Words = Field(description="the words of the source, never changed afterwards")
    number: Short = Field(default="", description="the source's own number")
    issuer: Short = Field(default="", description="who sent it")
    place: PlaceForm | None = None
    reach: Code | None = None
    township: Code | None = None
    address: Short = ""
    received_on: Day | None = Field(default=None, description="day of Asia/Shanghai; today when left out")
    ordered_by: Moment | Day | None = Field(default=None, description="a moment, or a day that ends with it")
    privacy: Literal["named", "confidential", "anonymous"] = "confidential"
    contact_name: Short = ""
    contact_phone: Short = ""
    severity: Code | None = None
    urgent: bool = False
    accuses_officials: bool = False
    forwarded_text: Words | None = Field(default=None, description="what units read; left out: masked automatically")
    photos: list[PhotoRefForm] = Field(default_factory=list, max_length=20)
    unit: Code | None = Field(default=None, description="assign at once to this unit; left out: the case is routed")
    assisting: list[Code] = Field(default_factory=list, max_length=20)
    reason: Words | None = Field(default=None, description="why this unit; needed with `unit`")


def entry_of(form: EntryForm) -> Entry:
    place = form.place
    point = Point(place.lon, place.lat, place.coord_type, place.accuracy_m) if place else None
    same = ("source", "category", "text", "number", "issuer", "received_on", "ordered_by", "privacy", "contact_name",
            "contact_phone", "severity", "urgent", "accuses_officials", "forwarded_text")  # fmt: skip
    return Entry(
        **{name: getattr(form, name) for name in same},
        point=point,
        named=NamedPlace(form.reach, form.township),
        address=form.address or (place.address if place else ""),
        photos=tuple(PhotoRef(photo.id, photo.claim) for photo in form.photos),
    )


@bp.post("/cases")
@bp.input(EntryForm, arg_name="form")
@bp.output(CaseOut, status_code=201)
def enter(form: EntryForm) -> Any:
    """Enter a case of another source: it is routed like any other, or assigned at once to the unit that is named."""
    if form.unit is not None and form.reason is None:
        raise Fault("missing_field", "直接交办需要填写：理由。", field="reason")
    direct = None
    if form.unit is not None and form.reason is not None:
        direct = Direct(form.unit, form.reason, tuple(form.assisting))
    with (
        unit_of_work(g.actor) as work,
        once(work, "enter case", required_key(), form.model_dump_json()) as repeat,
    ):
        if repeat.outcome is None:
            repeat.outcome = {"id": str(entries.enter(work, entry_of(form), direct).id)}
        return show_case(work, cases.get(work, UUID(repeat.outcome["id"])))
