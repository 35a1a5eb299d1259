"""A patrol to be shown: its line in pieces, what was not seen of it, what was met on it, and its ends hidden from those
who need not know where somebody lives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from backend.domain.tracks.judgement import Gap, Judgement
from backend.domain.tracks.plane import between_m
from backend.domain.tracks.points import Bools

Vertex = tuple[float, float, int]
MarkKind = Literal["photo", "finding", "checkpoint"]
_PLACE_MS = 6000  # a vertex stands for the points of some seconds


@dataclass(frozen=True)
class Mark:
    """Something on the way, at a WGS-84 place (degrees) and a time (ms since 1970 UTC)."""

    kind: MarkKind
    lon: float
    lat: float
    at_ms: int | None = None
    title: str = ""


@dataclass(frozen=True)
class Playback:
    """`pieces` of the line, each without holes; `gaps` between them; `marks`; whether the ends were hidden."""

    pieces: tuple[tuple[Vertex, ...], ...]
    gaps: tuple[Gap, ...]
    marks: tuple[Mark, ...]
    ends_hidden: bool = False

    @property
    def vertices(self) -> tuple[Vertex, ...]:
        return tuple(vertex for piece in self.pieces for vertex in piece)


def playback(judgement: Judgement, marks: Sequence[Mark] = (), hidden_ends_m: float = 0.0) -> Playback:
    """What may be shown of a judged patrol.

    With `hidden_ends_m` everything nearer than so many metres to where it began and ended is left out: the line, gaps
    that begin or end there, and photos. Findings and checkpoints stay, being about public places.
    """
    pieces = _pieces(judgement)
    if not hidden_ends_m or not judgement.line:
        return Playback(tuple(pieces), judgement.gaps, tuple(marks))
    homes = (judgement.line[0], judgement.line[-1])
    shown = [part for piece in pieces for part in _public(piece, homes, hidden_ends_m)]
    seen_ms = [(piece[0][2], piece[-1][2]) for piece in shown]
    gaps = tuple(
        gap
        for gap in judgement.gaps
        if any(begin <= gap.begins_ms <= end + _PLACE_MS for begin, end in seen_ms)
        and any(begin - _PLACE_MS <= gap.ends_ms <= end for begin, end in seen_ms)
    )
    public = _away([mark.lon for mark in marks], [mark.lat for mark in marks], homes, hidden_ends_m)
    kept = tuple(mark for mark, far in zip(marks, public, strict=True) if far or mark.kind != "photo")
    return Playback(tuple(shown), gaps, kept, ends_hidden=True)


def _public(piece: tuple[Vertex, ...], homes: Sequence[Vertex], metres: float) -> Iterator[tuple[Vertex, ...]]:
    """The parts of a piece that are away from both homes: where the way passes home it is cut, not drawn across."""
    away = _away([vertex[0] for vertex in piece], [vertex[1] for vertex in piece], homes, metres)
    for run in np.split(np.arange(len(piece)), np.flatnonzero(np.diff(away)) + 1):
        if away[run[0]]:
            yield tuple(piece[index] for index in run)


def _pieces(judgement: Judgement) -> list[tuple[Vertex, ...]]:
    """The line, cut at what was not seen."""
    if not judgement.line:
        return []
    begins = sorted(gap.ends_ms for gap in judgement.gaps if not gap.bridged)
    times = [vertex[2] for vertex in judgement.line]
    cuts = sorted({cut for cut in np.searchsorted(times, begins).tolist() if 0 < cut < len(times)})
    edges = [0, *cuts, len(times)]
    return [judgement.line[begin:end] for begin, end in pairwise(edges)]


def _away(lon: Sequence[float], lat: Sequence[float], homes: Sequence[Vertex], metres: float) -> Bools:
    """Which places are farther than so many metres from all of these."""
    lons, lats = np.array(lon, dtype=np.float64), np.array(lat, dtype=np.float64)
    away = np.ones(len(lons), dtype=bool)
    for home_lon, home_lat, _ in homes:
        away &= between_m(lons, lats, np.full(len(lons), home_lon), np.full(len(lons), home_lat)) > metres
    return away
