"""What is remembered of a track to recognise it when it comes again."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from backend.domain.tracks.cleaning import clean
from backend.domain.tracks.points import Points
from backend.domain.tracks.way import way_of
from backend.rules.track import TrackRules

_HEAD = struct.Struct("<3sBqI")  # magic, version, begin in ms, places
_MAGIC, _VERSION = b"QHS", 1
_STEP_S = 10.0
_USUAL = TrackRules()


@dataclass(frozen=True)
class Signature:
    """The places of an earlier patrol, one every ten seconds, as bytes."""

    patrol_id: str
    data: bytes


def signature(points: Points, patrol_id: str = "", rules: TrackRules = _USUAL) -> Signature:
    """What to keep of a track for the judgement of later ones; store `data` with the patrol's id."""
    cleaned = clean(points, rules)
    way = way_of(cleaned, rules)
    if len(way.x) < 2:
        return Signature(patrol_id, _HEAD.pack(_MAGIC, _VERSION, cleaned.begin_ms, 0))
    at = np.arange(cleaned.time_s[0], cleaned.time_s[-1], _STEP_S)
    places = [np.rint(np.interp(at, cleaned.time_s, degrees) * 1e6).astype("<i4") for degrees in (way.lon, way.lat)]
    raw = b"".join(np.diff(column, prepend=0).astype("<i4").tobytes() for column in places)
    return Signature(patrol_id, _HEAD.pack(_MAGIC, _VERSION, cleaned.begin_ms, len(at)) + zlib.compress(raw, 6))
