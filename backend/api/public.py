"""What anybody may see without signing in: problems that were found, what became of them, and each reach's board."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import structlog
from apiflask import APIBlueprint
from flask import Response, g, url_for
from pydantic import BaseModel, Field
from redis.exceptions import RedisError

from backend.api.access import system
from backend.api.idempotency import once, required_key
from backend.api.openapi import a_file
from backend.api.photos import show_photo
from backend.api.schemas import Code, Input, PhotoOut, Short
from backend.clock import shanghai_day
from backend.domain import boards, cases, publication, states
from backend.domain.faults import NotFound
from backend.domain.publication import Decision, State, Wanted
from backend.models import Case, Photo, Publication
from backend.work import Work, unit_of_work

bp = APIBlueprint("public", __name__, tag="公开")
log = structlog.get_logger()
_PHOTO_BYTES = 8 * 1024 * 1024


class PublicQuery(Input):
    state: State | None = None
    category: Code | None = None
    reach: Code | None = None
    unit: Code | None = None

    def wanted(self) -> Wanted:
        return Wanted(self.state, self.category, self.reach, self.unit)


class PublicPageQuery(PublicQuery):
    before: int | None = Field(default=None, ge=1, le=2**31 - 1, description="`next` of the page before")
    limit: int = Field(default=20, ge=1, le=50)


class PublicRow(BaseModel):
    number: str
    category: str
    category_name: str
    open: bool
    state_title: str
    words: str
    where: str
    unit_name: str | None
    found_on: date
    closed_on: date | None
    lon: float
    lat: float
    coord_type: Literal["wgs84"] = "wgs84"
    exact: bool = Field(description="false: the point stands for a whole reach or township")
    picture: str | None = Field(description="path of the first published photo, small")


class PublicCasesOut(BaseModel):
    items: list[PublicRow]
    next: int | None


class PublicPhotoOut(BaseModel):
    after: bool = Field(description="shows what was done; false: what was found")
    path: str
    thumbnail_path: str


class PublicStepOut(BaseModel):
    on: date
    words: str


class PublicCaseOut(PublicRow):
    photos: list[PublicPhotoOut]
    steps: list[PublicStepOut]


class PinOut(BaseModel):
    number: str
    category: str
    category_name: str
    open: bool
    lon: float
    lat: float
    coord_type: Literal["wgs84"] = "wgs84"


class PinsOut(BaseModel):
    items: list[PinOut]
    more: bool = Field(description="there are older ones, which the list shows")


class TallyOut(BaseModel):
    category: str
    category_name: str
    open: int
    closed: int


class TalliesOut(BaseModel):
    open: int
    closed: int
    categories: list[TallyOut]


class ReachRow(BaseModel):
    code: str
    name: str
    river: str


class ReachesOut(BaseModel):
    items: list[ReachRow]


class ChiefOut(BaseModel):
    name: str
    title: str
    unit_name: str
    duty: str
    phone: str = Field(description="of the office, never of a person; may be empty")


class BoardOut(ReachRow):
    """A reach as its notice board 公示牌 shows it."""

    board: str | None = Field(description="name of the board whose code was scanned")
    checkpoint: str | None = Field(description="code of that board among the checkpoints of the reach")
    lon: float
    lat: float
    coord_type: Literal["wgs84"] = "wgs84"
    hotline: str
    chiefs: list[ChiefOut]
    open: int
    closed: int


@bp.get("/public/cases")
@bp.input(PublicPageQuery, location="query", arg_name="asked")
@bp.output(PublicCasesOut)
def listing(asked: PublicPageQuery) -> Any:
    with unit_of_work() as work:
        found = publication.page(work, asked.wanted(), asked.before, asked.limit)
        following = found[-1].serial if len(found) == asked.limit else None
        return _kept(work, {"items": [_row(work, case) for case in found], "next": following})


@bp.get("/public/cases/<number>")
@bp.output(PublicCaseOut)
def show(number: str) -> Any:
    with unit_of_work() as work:
        case = publication.by_number(work, number)
        shown = [
            {
                "after": publication.is_after(photo),
                "path": url_for("public.picture", number=number, n=n, size="display"),
                "thumbnail_path": url_for("public.picture", number=number, n=n, size="thumbnail"),
            }
            for n, photo in enumerate(publication.photos(work, case))
        ]
        told = [vars(step) for step in publication.steps(work, case)]
        return _kept(work, {**_row(work, case), "photos": shown, "steps": told})


@bp.get("/public/cases/<number>/photos/<int:n>/<any(display, thumbnail):size>")
@bp.doc(responses=a_file("image/jpeg"))
def picture(number: str, n: int, size: str) -> Any:
    """The picture itself: an address in the store would tell by the photo's id at which moment it was taken in."""
    with unit_of_work() as work:
        shown = publication.photos(work, publication.by_number(work, number))
        if n >= len(shown):
            raise NotFound("这张照片没有公开。")
        key = shown[n].thumbnail_key if size == "thumbnail" else shown[n].display_key
        keep = _keep(work)
    return Response(system().storage.get(key, _PHOTO_BYTES), mimetype="image/jpeg", headers=keep)


@bp.get("/public/map")
@bp.input(PublicQuery, location="query", arg_name="asked")
@bp.output(PinsOut)
def pins(asked: PublicQuery) -> Any:
    with unit_of_work() as work:

        def make() -> dict[str, Any]:
            found = publication.page(work, asked.wanted(), None, publication.PINS_MAX + 1)
            items = [_pin(work, case) for case in found[: publication.PINS_MAX]]
            return {"items": items, "more": len(found) > publication.PINS_MAX}

        return _kept(work, _once_a_while(work, f"map {asked.model_dump_json()}", make))


@bp.get("/public/counts")
@bp.output(TalliesOut)
def counts() -> Any:
    with unit_of_work() as work:
        return _kept(work, _once_a_while(work, "counts", lambda: _tallies(work)))


@bp.get("/public/reaches")
@bp.output(ReachesOut)
def reaches() -> Any:
    """Every reach, for those who stand before no board."""
    with unit_of_work() as work:
        return _kept(work, {"items": [_reach(one) for one in work.county.reaches]})


@bp.get("/public/reaches/<code>")
@bp.output(BoardOut)
def reach(code: str) -> Any:
    with unit_of_work() as work:
        return _kept(work, _board(work, boards.of_reach(work, code)))


@bp.get("/public/boards/<token>")
@bp.output(BoardOut)
def board(token: str) -> Any:
    """By what the QR code of the board carries."""
    with unit_of_work() as work:
        return _kept(work, _board(work, boards.scanned(work, token)))


def _row(work: Work, case: Case) -> dict[str, Any]:
    unit = work.county.unit_by_code.get(case.lead_unit or "")
    over = case.state in publication.STATES["closed"]
    shown = publication.photos(work, case)
    return {
        **_pin(work, case),
        "state_title": states.STATES[case.state],
        "words": publication.words_of(work, case),
        "where": publication.where(work, case),
        "unit_name": unit.name if unit else None,
        "found_on": shanghai_day(case.opened_at),
        "closed_on": case.closed_at and shanghai_day(case.closed_at) if over else None,
        "exact": case.place_from == "given",
        "picture": url_for("public.picture", number=case.number, n=0, size="thumbnail") if shown else None,
    }


def _pin(work: Work, case: Case) -> dict[str, Any]:
    category = work.county.category_by_code.get(case.category)
    lon, lat = publication.point(work, case)
    return {
        "number": case.number,
        "category": case.category,
        "category_name": category.name if category else case.category,
        "open": case.state in publication.STATES["open"],
        "lon": lon,
        "lat": lat,
    }


def _tallies(work: Work, reach: str | None = None) -> dict[str, Any]:
    names, rows = work.county.category_by_code, publication.counts(work, reach)
    found = [
        {"category": code, "category_name": names[code].name, "open": still, "closed": over}
        for code, still, over in rows
    ]
    return {"open": sum(row[1] for row in rows), "closed": sum(row[2] for row in rows), "categories": found}


def _reach(one: Any) -> dict[str, Any]:
    return {"code": one.code, "name": one.name, "river": one.river}


def _board(work: Work, found: boards.Shown) -> dict[str, Any]:
    totals = _once_a_while(work, f"counts {found.reach.code}", lambda: _tallies(work, found.reach.code))
    return {
        **_reach(found.reach),
        "board": found.board.name if found.board else None,
        "checkpoint": found.board.code if found.board else None,
        "lon": found.lon,
        "lat": found.lat,
        "hotline": work.county.hotline,
        "chiefs": [vars(chief) for chief in found.chiefs],
        "open": totals["open"],
        "closed": totals["closed"],
    }


def _keep(work: Work) -> dict[str, str]:
    """Anybody's cache may keep the answer for as long as the county allows what was withdrawn to be seen."""
    return {"Cache-Control": f"public, max-age={work.county.rules.publication.cache_s}"}


def _kept(work: Work, answer: dict[str, Any]) -> Any:
    return answer, 200, _keep(work)


def _once_a_while(work: Work, what: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What is costly is made once until something changes, kept in Redis; without Redis it is made each time."""
    seconds, redis = work.county.rules.publication.cache_s, system().redis
    changed = publication.changed(work)
    key = f"qinghe:public:{work.county_version}:{changed[0]}:{changed[1]}:{what}"
    try:
        found = redis.get(key)
        if isinstance(found, bytes):
            known: dict[str, Any] = json.loads(found)
            return known
        made = make()
        if seconds:
            redis.set(key, json.dumps(made), ex=seconds)
        return made
    except RedisError as error:
        log.warning("public_cache_away", error=type(error).__name__)
        return make()


# ---- what the office decides -----------------------------------------------------------------------------------------


class PublicationForm(Input):
    withheld: bool = False
    words: str | None = Field(default=None, max_length=2000, description="None: the sentence that the ledger gives")
    photos: list[UUID] = Field(default_factory=list, max_length=20, description="the ones that were looked at")
    reason: Short = ""


class CandidateOut(BaseModel):
    photo: PhotoOut
    after: bool
    content_check: str
    chosen: bool


class DecisionOut(BaseModel):
    at: datetime
    withheld: bool
    words: str | None
    reason: str


class PublicationOut(BaseModel):
    number: str
    published: bool
    why_not: str | None
    words: str = Field(description="as the public reads it, or would")
    photos: list[CandidateOut]
    last: DecisionOut | None


@bp.get("/cases/<uuid:case_id>/publication")
@bp.output(PublicationOut)
def decision(case_id: UUID) -> Any:
    """What the public sees of a case, and what could be shown."""
    with unit_of_work(g.actor) as work:
        return _decision(work, cases.get(work, case_id))


@bp.post("/cases/<uuid:case_id>/publication")
@bp.input(PublicationForm, arg_name="form")
@bp.output(PublicationOut, status_code=201)
def decide(case_id: UUID, form: PublicationForm) -> Any:
    """Publish in the office's words and photos, or withhold with a reason. The last decision counts, all are kept."""
    with (
        unit_of_work(g.actor) as work,
        once(work, f"publish {case_id}", required_key(), form.model_dump_json()) as repeat,
    ):
        if repeat.outcome is None:
            told = Decision(form.withheld, form.reason, form.words, tuple(form.photos))
            repeat.outcome = {"publication": publication.decide(work, case_id, told).id}
        return _decision(work, cases.get(work, case_id))


def _decision(work: Work, case: Case) -> dict[str, Any]:
    shown = {photo.id for photo in publication.photos(work, case)}
    last = publication.last_decision(work, case)
    why_not = publication.why_not(work, case)
    return {
        "number": case.number,
        "published": why_not is None,
        "why_not": why_not,
        "words": publication.words_of(work, case),
        "photos": [_candidate(photo, photo.id in shown) for photo in publication.candidates(work, case)],
        "last": _last(last) if last else None,
    }


def _candidate(photo: Photo, chosen: bool) -> dict[str, Any]:
    return {
        "photo": show_photo(photo),
        "after": publication.is_after(photo),
        "content_check": photo.content_check,
        "chosen": chosen,
    }


def _last(made: Publication) -> dict[str, Any]:
    return {"at": made.at, "withheld": made.withheld, "words": made.words, "reason": made.reason}
