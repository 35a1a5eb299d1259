"""Evidence 证据 examined: where and when a photo was taken, and whether it was seen before. It flags, never refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from sqlalchemy import func, select, update

from backend.domain import likeness
from backend.domain.actors import OUTSIDE_ROLES, Actor
from backend.domain.deadlines import words as moment_words
from backend.domain.faults import Forbidden
from backend.geo import distance_m
from backend.models import Assignment, Case, CaseEvent, EvidenceFlag, Photo, Report

if TYPE_CHECKING:
    from backend.work import Work

Stage = Literal["closure", "verification", "follow_up"]
Source = Literal["exif", "claimed"]

# Photos handed in at the same moment are examined one after the other, or neither would see the other.
_EXAMINING = 3_0017
SOURCES = {"exif": "照片自带信息", "claimed": "手机上报，未经核实"}
_OLDER = {
    "older_than_report": "早于问题上报",
    "older_than_assignment": "早于交办给本单位",
    "older_than_relapse": "早于回头看发现反弹",
    "older_than_request": "早于申请销号或现场办结",
    "older_than_closure": "早于案件销号",
    "older_than_sending_back": "早于上次驳回",
}
RED = frozenset(_OLDER) - {"older_than_sending_back"} | {"away", "same_as_before", "seen_before"}


@dataclass(frozen=True)
class Taken:
    """When and where a photo was taken as far as it is known, and who says so: EXIF first, else the app.

    lon, lat: WGS-84 degrees.
    """

    at: datetime | None
    at_from: Source | None
    lon: float | None
    lat: float | None
    place_from: Source | None


def taken(photo: Photo) -> Taken:
    at, at_from = (photo.taken_at, "exif") if photo.taken_at else (photo.claimed_at, "claimed")
    lon, lat, place_from = photo.lon, photo.lat, "exif"
    if lon is None or lat is None:
        lon, lat, place_from = photo.claimed_lon, photo.claimed_lat, "claimed"
    return Taken(
        at, at_from if at else None, lon, lat, place_from if lon is not None else None  # type: ignore[arg-type]
    )  # fmt: skip


def off_the_place_m(case: Case, photo: Photo) -> float | None:
    """Metres between the place of a photo and that of the case; None when either is not known as a point."""
    where = taken(photo)
    if where.lon is None or where.lat is None or case.place_from != "given":
        return None
    return distance_m(where.lon, where.lat, case.lon, case.lat)


@dataclass(frozen=True)
class _Found:
    photo: Photo
    kind: str
    detail: dict[str, Any]
    other: Photo | None = None


def examine(
    work: Work, case: Case, stage: Stage, photos: list[Photo], before: list[Photo] | None = None
) -> list[dict[str, Any]]:
    """Flag what is odd about `photos`, which the next event of the case hands in, and about the ones `before` the work.

    The caller holds the case's row lock. Returns what the event says of each flag.
    """
    work.session.flush()
    work.session.execute(select(func.pg_advisory_xact_lock(_EXAMINING)))
    bounds = _bounds(work, case, stage)
    found: list[_Found] = []
    for photo in photos:
        found += [*_time(work, photo, bounds), *_place(work, case, photo)]
        found += _seen(work, case, photo, [other.id for other in photos])
    for photo in before or []:
        found += [*_time(work, photo, []), *_place(work, case, photo)]
        found += _seen(work, case, photo, [other.id for other in [*photos, *(before or [])]])
    for one in found:
        work.session.add(
            EvidenceFlag(
                case_id=case.id, photo_id=one.photo.id, seq=case.version + 1, stage=stage, kind=one.kind,
                red=one.kind in RED, detail=one.detail, other_photo_id=one.other.id if one.other else None,
                made_at=work.now, county_version=work.county_version,
            )
        )  # fmt: skip
    work.session.flush()
    return [{"photo": one.photo.id, "kind": one.kind} for one in found]


def _bounds(work: Work, case: Case, stage: Stage) -> list[tuple[str, datetime]]:
    """What a photo of the work done must be newer than; the oldest, and so the gravest to be older than, first."""
    if stage == "follow_up":
        return [("older_than_closure", case.closed_at)] if case.closed_at else []
    if stage == "verification":
        asked = _last(work, case, "request_closure", "settle_on_spot")
        return [("older_than_request", asked)] if asked else []
    found: dict[str, datetime | None] = {"older_than_report": _reported_at(work, case)}
    found["older_than_assignment"] = work.session.scalar(
        select(Assignment.opened_at).where(
            Assignment.case_id == case.id, Assignment.part == "lead", Assignment.ended_at.is_(None)
        )
    )
    for kind, action in (("older_than_relapse", "fail_follow_up"), ("older_than_sending_back", "send_back")):
        found[kind] = _last(work, case, action)
    return sorted(((kind, at) for kind, at in found.items() if at is not None), key=lambda bound: bound[1])


def _last(work: Work, case: Case, *actions: str) -> datetime | None:
    """When one of these was done to the case last."""
    query = select(func.max(CaseEvent.at)).where(CaseEvent.case_id == case.id, CaseEvent.action.in_(actions))
    return work.session.scalar(query)


def _reported_at(work: Work, case: Case) -> datetime:
    """When the case was reported; what a chief found without signal arrives later than it was seen and settled."""
    if case.source != "patrol":
        return case.opened_at
    seen = select(func.min(Report.observed_at)).where(Report.case_id == case.id)
    return work.session.scalar(seen) or case.opened_at


def _time(work: Work, photo: Photo, bounds: list[tuple[str, datetime]]) -> Iterator[_Found]:
    when = taken(photo)
    slack = timedelta(minutes=work.county.rules.closure.clock_slack_min)
    if when.at is None:
        yield _Found(photo, "no_time", {})
        return
    detail = {"at": when.at.isoformat(), "from": when.at_from}
    if when.at > work.now + slack:
        yield _Found(photo, "in_future", detail)
    for kind, bound in bounds:
        if when.at < bound - slack:
            yield _Found(photo, kind, {**detail, "bound": bound.isoformat()})
            return


def _place(work: Work, case: Case, photo: Photo) -> Iterator[_Found]:
    where = taken(photo)
    if where.place_from is None:
        yield _Found(photo, "no_place", {})
        return
    off = off_the_place_m(case, photo)
    unsure = select(func.max(Report.accuracy_m)).where(Report.case_id == case.id)
    limit = work.county.rules.closure.away(case.category) + min(work.session.scalar(unsure) or 0, 200)
    if off is not None and off > limit:
        yield _Found(photo, "away", {"metres": round(off), "limit": round(limit), "from": where.place_from})


def _seen(work: Work, case: Case, photo: Photo, together: list[UUID]) -> Iterator[_Found]:
    """Whether the picture was there before: as a picture of the problem itself, or for whatever else."""
    rules = work.county.rules.closure
    for found in likeness.alike(work, photo, rules.same_bits, rules.same_fine_bits, together, rules.earlier_shown):
        other = found.photo
        on = case_of(work, other)
        if on is None and photo.patrol_id is not None and other.patrol_id == photo.patrol_id:
            continue  # another copy of a shot of the same patrol, shown for nothing else
        before = on is not None and on.id == case.id and other.purpose in ("report", "before")
        detail = {
            "bits": found.bits, "exact": other.sha256 == photo.sha256, "purpose": other.purpose,
            "number": on.number if on else None, "same_case": on is not None and on.id == case.id,
        }  # fmt: skip
        yield _Found(photo, "same_as_before" if before else "seen_before", detail, other)


def case_of(work: Work, photo: Photo) -> Case | None:
    """The case on which a photo hangs today, by itself or by its report."""
    if photo.case_id is not None:
        return work.session.get(Case, photo.case_id)
    report = work.session.get(Report, photo.report_id) if photo.report_id is not None else None
    return work.session.get(Case, report.case_id) if report is not None else None


def unsettled(work: Work, case: Case) -> list[EvidenceFlag]:
    """The red flags of this round that nobody has answered for."""
    query = select(EvidenceFlag).where(
        EvidenceFlag.case_id == case.id, EvidenceFlag.red, EvidenceFlag.stage == "closure",
        EvidenceFlag.settled_seq.is_(None),
    )  # fmt: skip
    return list(work.session.scalars(query.order_by(EvidenceFlag.id)))


def settle(work: Work, case: Case) -> dict[str, Any]:
    """The verifier decides in sight of the flags: they are settled by the case's next event. What that event says."""
    seen = unsettled(work, case)
    work.session.execute(
        update(EvidenceFlag)
        .where(EvidenceFlag.case_id == case.id, EvidenceFlag.settled_seq.is_(None), EvidenceFlag.stage == "closure")
        .values(settled_seq=case.version + 1)
    )
    return {"flags": [{"photo": flag.photo_id, "kind": flag.kind} for flag in seen]} if seen else {}


def check_reader(actor: Actor) -> None:
    """Flags are shown to those who verify. Raises Forbidden for everybody else."""
    if actor.role not in OUTSIDE_ROLES:
        raise Forbidden("verifiers_only", "只有负责核查的人员可以查看照片核验情况。")


def flags_of(work: Work, case: Case) -> dict[UUID, list[EvidenceFlag]]:
    """All flags of a case by photo, red ones first."""
    query = select(EvidenceFlag).where(EvidenceFlag.case_id == case.id)
    found: dict[UUID, list[EvidenceFlag]] = {}
    for flag in work.session.scalars(query.order_by(EvidenceFlag.red.desc(), EvidenceFlag.id)):
        found.setdefault(flag.photo_id, []).append(flag)
    return found


def words(flag: EvidenceFlag) -> str:
    """A flag in one Chinese sentence, which says on whose word it rests."""
    detail = flag.detail
    source = SOURCES.get(detail.get("from", ""), "")
    if flag.kind == "no_time":
        return "照片没有拍摄时间，手机也没有上报。"
    if flag.kind == "no_place":
        return "照片没有拍摄位置，手机也没有上报。"
    if flag.kind == "away":
        return f"拍摄位置（{source}）离问题地点约{_far(detail['metres'])}，超过{_far(detail['limit'])}。"
    if flag.kind in ("same_as_before", "seen_before"):
        return _seen_words(flag)
    at = moment_words(datetime.fromisoformat(detail["at"]))
    if flag.kind == "in_future":
        return f"拍摄时间（{source}）是{at}，在提交时间之后，手机时钟可能不准。"
    bound = moment_words(datetime.fromisoformat(detail["bound"]))
    return f"拍摄时间（{source}）是{at}，{_OLDER[flag.kind]}（{bound}）。"


def _seen_words(flag: EvidenceFlag) -> str:
    detail = flag.detail
    how = "文件完全相同" if detail["exact"] else f"画面相同（指纹相差{detail['bits']}位）"
    if flag.kind == "same_as_before":
        return f"与处理前的照片{how}，不能说明问题已经解决。"
    if detail["same_case"]:
        return f"与本案件以前提交过的照片{how}。"
    where = f"案件 {detail['number']} 中" if detail["number"] else "以前"
    return f"与{where}用过的照片{how}。"


def _far(metres: float) -> str:
    return f"{metres}米" if metres < 1000 else f"{metres / 1000:.1f}公里"
