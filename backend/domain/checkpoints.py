"""The places to visit on a reach 打卡点: risk sources, water intakes, notice boards 公示牌; each visit is measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from backend.county import County
from backend.domain import patrols
from backend.domain.faults import NotFound
from backend.geo import check_point, distance_m, to_wgs84
from backend.models import CheckpointVisit, Patrol
from backend.vault import Vault

if TYPE_CHECKING:
    from backend.work import Work

KINDS = {"outfall": "排污口", "sand_pit": "砂坑", "water_intake": "取水口", "plant": "企业", "board": "公示牌"}
# A phone surer of itself than this gains nothing, one less sure is given no more.
ACCURACY_CAP_M = 100.0
_CODE_SIGNS = 20


@dataclass(frozen=True)
class Checkpoint:
    """A place to visit; `lon`, `lat` in WGS-84 degrees. `near_m`: how near one has to come."""

    code: str
    name: str
    kind: str
    reach: str
    lon: float
    lat: float
    near_m: float


@dataclass(frozen=True)
class VisitForm:
    """`at`: the phone's clock. `lon`, `lat` are None where the phone had no place; `token` is of a board's QR code.

    `checkpoint` is None when nothing but the code was there: a phone without signal can not tell whose code it is.
    """

    checkpoint: str | None
    at: datetime
    lon: float | None = None
    lat: float | None = None
    coord_type: str = "wgs84"
    accuracy_m: float | None = None
    token: str = ""


def all_of(county: County) -> list[Checkpoint]:
    """Every checkpoint of the county, by reach and code."""
    near_m = county.rules.patrol.checkpoint_near_m
    found = [
        Checkpoint(board.code, board.name, "board", board.reach, board.lon, board.lat, near_m)
        for board in county.rules.patrol.boards
    ]
    for source in county.risk_sources:
        if source.reach is not None:
            lon, lat = source.geometry["coordinates"][:2]
            found.append(Checkpoint(source.code, source.name, source.kind, source.reach, lon, lat, near_m))
    return sorted(found, key=lambda one: (one.reach, one.code))


def of_reach(county: County, reach: str) -> list[Checkpoint]:
    if reach not in county.reach_by_code:
        raise NotFound("没有这个河段。", "unknown_reach")
    return [one for one in all_of(county) if one.reach == reach]


def token_of(vault: Vault, code: str) -> str:
    """What the QR code of a notice board carries: derived, so that nobody makes one up."""
    return vault.digest("board", code)[:_CODE_SIGNS]


def visit(work: Work, patrol_id: UUID, visit_id: UUID, form: VisitForm) -> Patrol:
    """Keep a visit, near enough or not, measured by the county in force. One that is there already stays."""
    place = None
    if form.lon is not None and form.lat is not None:
        check_point(form.lon, form.lat)
        place = to_wgs84(form.lon, form.lat, form.coord_type)
    patrol = patrols.opened(work, patrol_id)
    if work.session.get(CheckpointVisit, (patrol_id, visit_id)) is not None:
        return patrol
    code = form.checkpoint if form.checkpoint is not None else _of_token(work, form.token)
    checkpoint = named(work.county, code)
    metres = None if checkpoint is None or place is None else distance_m(*place, checkpoint.lon, checkpoint.lat)
    by, why_not = _judged(work, form, checkpoint, metres)
    lon, lat = place or (None, None)
    work.session.add(
        CheckpointVisit(
            patrol_id=patrol_id, id=visit_id, checkpoint=code,
            reach=checkpoint.reach if checkpoint else None, at=form.at, received_at=work.now, lon=lon, lat=lat,
            accuracy_m=form.accuracy_m, distance_m=metres, reached=by is not None, by=by, why_not=why_not,
            county_version=work.county_version,
        )
    )  # fmt: skip
    work.session.flush()
    patrols.ask_for_verdict(work, patrol)
    return patrol


def named(county: County, code: str) -> Checkpoint | None:
    return next((one for one in all_of(county) if one.code == code), None)


def _of_token(work: Work, token: str) -> str:
    """The board whose code carries the token; empty when there is none."""
    boards = work.county.rules.patrol.boards
    return next((one.code for one in boards if token_of(work.vault, one.code) == token), "")


def _judged(
    work: Work, form: VisitForm, checkpoint: Checkpoint | None, metres: float | None
) -> tuple[str | None, str | None]:
    """By what a visit counts, or why it does not."""
    if checkpoint is None:
        if form.checkpoint is None:
            return None, "扫到的码不是公示牌上的，请对准公示牌上的二维码再扫。"
        return None, "没有这个打卡点，可能已被撤销。"
    if metres is not None:
        allowed = checkpoint.near_m + min(form.accuracy_m or 0.0, ACCURACY_CAP_M)
        if metres <= allowed:
            return "place", None
        return None, f"离{checkpoint.name}约{metres:.0f}米，要在{checkpoint.near_m:.0f}米以内。"
    if checkpoint.kind == "board" and form.token == token_of(work.vault, checkpoint.code):
        return "code", None
    return None, "没有定位，请打开定位后再打卡，或扫公示牌上的二维码。"


def visits_of(work: Work, patrol: Patrol) -> list[CheckpointVisit]:
    query = select(CheckpointVisit).where(CheckpointVisit.patrol_id == patrol.id)
    return list(work.session.scalars(query.order_by(CheckpointVisit.at, CheckpointVisit.id)))


def visited(work: Work, patrol: Patrol, county: County) -> dict[str, list[int]]:
    """Per reach the chief named: how many of its checkpoints were visited, and how many there are."""
    reached = {one.checkpoint for one in visits_of(work, patrol) if one.reached}
    found: dict[str, list[int]] = {}
    for one in all_of(county):
        if one.reach in patrol.reaches:
            count = found.setdefault(one.reach, [0, 0])
            count[0] += one.code in reached
            count[1] += 1
    return found
