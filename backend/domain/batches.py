"""The pieces of a track as they arrive: each checked, then kept whole exactly as the phone sent it, or refused."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from backend.domain import patrol_track, patrols
from backend.domain.faults import Conflict, Fault
from backend.domain.patrol_track import fixes
from backend.domain.tracks.codec import pack
from backend.domain.tracks.points import MAX_POINTS, Points, make_points
from backend.geo import PlaceFault, to_wgs84_columns
from backend.models import Patrol, TrackBatch

if TYPE_CHECKING:
    from backend.work import Work

MAX_BATCH = 20_000
LATEST_MS = 7_258_118_400_000  # the year 2200; the earliest is 1970, where a phone without battery begins

Column = Sequence[float | None]


@dataclass(frozen=True)
class BatchForm:
    """Columns of one length, as `onLocationChange` gave them. `time_ms`: the phone's clock at the callback."""

    seq: int
    sent_at: datetime
    coord_type: str
    time_ms: Sequence[int | None]
    lon: Column
    lat: Column
    accuracy_m: Column | None = None
    speed_mps: Column | None = None
    altitude_m: Column | None = None
    resumed: Sequence[int] = ()
    battery: int | None = None


def take(work: Work, patrol_id: UUID, batch_id: UUID, form: BatchForm) -> Patrol:
    """Keep one batch, whole or not at all; one that is there already is left as it is.

    Raises Fault for what no repetition will mend (columns, times, places that are none) and Conflict for another
    batch under the same id.
    """
    points = checked(form)
    patrol = patrols.opened(work, patrol_id)
    data = pack(points)
    digest = hashlib.sha256(f"{form.seq} {form.coord_type} ".encode() + data).hexdigest()
    before = work.session.get(TrackBatch, (patrol_id, batch_id))
    if before is not None:
        if before.digest != digest:
            raise Conflict("batch_differs", "同一段轨迹编号的内容和以前上传的不一样，请升级小程序后重试。")
        return patrol
    total = work.session.scalar(select(func.sum(TrackBatch.points)).where(TrackBatch.patrol_id == patrol_id)) or 0
    if total + len(points) > MAX_POINTS:
        raise Fault("track_too_long", f"一次巡河最多 {MAX_POINTS} 个定位点，请结束后重新开始。")
    last = _last_place(points, form.coord_type)
    work.session.execute(
        insert(TrackBatch).values(
            patrol_id=patrol_id, id=batch_id, seq=form.seq, sent_at=form.sent_at, received_at=work.now,
            coord_type=form.coord_type, points=len(points), first_ms=int(points.time_ms.min()),
            last_ms=int(points.time_ms.max()), last_lon=last[0], last_lat=last[1], battery=form.battery,
            digest=digest, data=data,
        )
    )  # fmt: skip
    patrol_track.reckon_times(work, patrol)
    patrols.ask_for_verdict(work, patrol)
    return patrol


def checked(form: BatchForm) -> Points:
    """The points of a form, in the form's own times and coordinates. Raises Fault, naming the first bad point."""
    count = len(form.time_ms)
    if count == 0:
        raise Fault("no_points", "这一段轨迹里没有定位点。", field="time_ms")
    if count > MAX_BATCH:
        raise Fault("too_many_points", f"一段轨迹最多 {MAX_BATCH} 个定位点，请分段上传。", field="time_ms")
    for name in ("lon", "lat", "accuracy_m", "speed_mps", "altitude_m"):
        column = getattr(form, name)
        if column is not None and len(column) != count:
            raise Fault("unequal_columns", f"{name} 与 time_ms 的个数不同。", field=name)
    for index, at in enumerate(form.time_ms):
        if at is None:
            raise Fault("points_without_time", f"第 {index + 1} 个定位点没有时间。", field="time_ms", point=index)
        if not 0 <= at < LATEST_MS:
            raise Fault("bad_time", f"第 {index + 1} 个定位点的时间无法识别。", field="time_ms", point=index)
    for index, place in enumerate(zip(form.lon, form.lat, strict=True)):
        _check_place(index, *place)
    if any(not 0 <= index < count for index in form.resumed):
        raise Fault("bad_resume_mark", "恢复定位的标记不在这一段轨迹里。", field="resumed")
    resumed = np.zeros(count, dtype=bool)
    resumed[list(form.resumed)] = True
    accuracy, speed, altitude = (
        None if column is None else np.array(column, dtype=np.float64)
        for column in (form.accuracy_m, form.speed_mps, form.altitude_m)
    )
    lon, lat = np.array([form.lon, form.lat], dtype=np.float64)
    try:
        points = make_points(np.array(form.time_ms, dtype=np.int64), lon, lat, accuracy, speed, altitude, resumed)
        pack(points)
    except ValueError:
        raise Fault("bad_measure", "定位精度、速度或高度的数值无法识别。", field="accuracy_m") from None
    return points


def _check_place(index: int, lon: float | None, lat: float | None) -> None:
    """Refuse what is not on the earth. 0, 0 and far-off places are kept: the phone told them, the judgement decides."""
    if lon is None or lat is None or not (math.isfinite(lon) and math.isfinite(lat)):
        raise PlaceFault("not_a_number", f"第 {index + 1} 个定位点的经纬度不是数字。", point=index)
    if abs(lon) > 180 or abs(lat) > 90:
        swapped = abs(lat) <= 180 and abs(lon) <= 90
        code, why = ("swapped_coordinates", "经度和纬度写反了") if swapped else ("out_of_range", "经纬度超出范围")
        raise PlaceFault(code, f"第 {index + 1} 个定位点的{why}。", point=index)


def _last_place(points: Points, coord_type: str) -> tuple[float | None, float | None]:
    fixed = np.flatnonzero(fixes(points))
    if not len(fixed):
        return None, None
    last = fixed[np.argmax(points.time_ms[fixed])]
    lon, lat = to_wgs84_columns(points.lon[last : last + 1], points.lat[last : last + 1], coord_type)
    return float(lon[0]), float(lat[0])
