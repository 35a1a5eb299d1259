"""Orders of the 12345 hotline 热线工单: each opens a case like any report, with the deadlines that the centre set.

Who called is 保密: sealed, known to the office, and taken out of the words that units read.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, ConfigDict

from backend.clock import shanghai_day
from backend.domain import deadlines, entries
from backend.domain.entries import Entry, Point
from backend.domain.identity import contact_in
from backend.domain.masking import mask
from backend.domain.named_places import NamedPlace
from backend.geo import CoordType
from backend.models import Case, HotlineOrder

if TYPE_CHECKING:
    from backend.work import Work

SOURCE = "hotline"
HIDDEN_NAME = "[姓名已隐去]"
_TITLES = "先生|女士|小姐|同志|老师|师傅|某某|某"


class Order(BaseModel):
    """One checked row. `number` is the centre's; codes are the county's; the caller's name and phone are sealed."""

    model_config = ConfigDict(frozen=True)

    number: str
    text: str
    forwarded_text: str
    category: str
    called_at: AwareDatetime
    kind: str = ""
    urgent: bool = False
    address: str = ""
    reach: str | None = None
    township: str | None = None
    lon: float | None = None
    lat: float | None = None
    coord_type: CoordType | None = None
    # A moment, or a day that ends at the county's hour; moments first, or a day would be read from each.
    sign_by: AwareDatetime | date | None = None
    answer_by: AwareDatetime | date | None = None
    contact_sealed: str | None = None


def put_on_ledger(work: Work, order: Order) -> Case:
    """The case of an order, and its routing yet to be done."""
    contact = contact_in(work, order.contact_sealed)
    point = None
    if order.lon is not None and order.lat is not None and order.coord_type is not None:
        point = Point(order.lon, order.lat, order.coord_type)
    entry = Entry(
        source=SOURCE,
        category=order.category,
        text=order.text,
        number=order.number,
        issuer="12345",
        point=point,
        named=NamedPlace(order.reach, order.township),
        address=order.address,
        received_on=shanghai_day(work.now),
        observed_at=order.called_at,
        ordered_by=order.answer_by,
        sign_by=order.sign_by,
        privacy="confidential",
        contact_name=contact.name,
        contact_phone=contact.phone,
        urgent=order.urgent,
        forwarded_text=order.forwarded_text,
    )
    case = entries.put_on_ledger(work, entry, work.county.rules.sources.kinds[SOURCE])
    work.session.add(
        HotlineOrder(
            case_id=case.id,
            number=order.number,
            kind=order.kind,
            called_at=order.called_at,
            sign_by=_moment(work, order.sign_by),
            answer_by=_moment(work, order.answer_by),
        )
    )
    work.defer("route_case", case.id)
    return case


def _moment(work: Work, said: date | datetime | None) -> datetime | None:
    return deadlines.moment(work, said) if said is not None else None


def forwarded(text: str, caller: str, phone: str) -> str:
    """What units read of an order: the caller's own name and phone taken out wherever they stand, then all others."""
    shown = text
    digits = re.sub(r"\D", "", phone)
    if len(digits) >= 7:
        shown = re.sub(r"[\s\-]*".join(digits), "[电话已隐去]", shown)
    if len(caller) >= 2:
        shown = shown.replace(caller, HIDDEN_NAME)
    if caller:
        surname = caller[:2] if caller[:2] in _DOUBLE else caller[0]
        shown = re.sub(f"{re.escape(surname)}(?:{_TITLES})", HIDDEN_NAME, shown)
    return mask(shown)


# Surnames of two characters that are met at all often.
_DOUBLE = frozenset(
    {"欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "夏侯", "端木"}
)
