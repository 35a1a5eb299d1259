"""The picture of one patrol on its reach, as SVG: river and corridor, the way, what was not seen, what was met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal, Protocol
from xml.sax.saxutils import escape

import numpy as np

from backend.clock import SHANGHAI
from backend.domain.tracks.coverage import ReachLine
from backend.domain.tracks.judgement import Judgement
from backend.domain.tracks.plane import Plane, plane_at
from backend.domain.tracks.points import Floats

MarkKind = Literal["photo", "finding", "checkpoint"]
Piece = Sequence[tuple[float, float, int]]  # longitude, latitude (WGS-84 degrees), milliseconds since 1970

_WIDTH, _LEAST_HEIGHT, _MOST_HEIGHT = 960, 420, 900
_HEAD, _FOOT, _EDGE = 84, 44, 28
_PAD_M = 120.0
_WHOLE_REACH = 3.0  # a reach up to so many times as long as the track is shown whole
_INK, _QUIET = "#26343d", "#66757f"
_PAPER, _CORRIDOR, _RIVER, _WAY, _UNSEEN = "#f6f5ef", "#dce9ef", "#6fa8c9", "#c2452d", "#8b8b8b"
_MARKS: dict[MarkKind, tuple[str, str, str]] = {
    "photo": ("照片", "#2f6db5", "M-5,-4h10v8h-10z"),
    "finding": ("发现问题", "#d08a00", "M0,-7L7,6H-7z"),
    "checkpoint": ("巡查点", "#3c8f5a", "M0,-7L7,0L0,7L-7,0z"),
}
_SCALES_M = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)


class Mark(Protocol):
    """Something that was met on the way, at a WGS-84 place; `name` stands beside it, unless it is a photo."""

    @property
    def kind(self) -> MarkKind: ...
    @property
    def name(self) -> str: ...
    @property
    def lon(self) -> float: ...
    @property
    def lat(self) -> float: ...


@dataclass(frozen=True)
class _View:
    """From degrees to pixels."""

    plane: Plane
    west_m: float
    north_m: float
    pixels_per_m: float
    left: float

    def at(self, lon: Floats, lat: Floats) -> Floats:
        x, y = self.plane.to_metres(lon, lat)
        return np.stack([self.left + (x - self.west_m) * self.pixels_per_m,
                         _HEAD + (self.north_m - y) * self.pixels_per_m], axis=-1)  # fmt: skip


def draw(
    judgement: Judgement,
    pieces: Sequence[Piece],
    reaches: Sequence[ReachLine],
    title: str,
    marks: Sequence[Mark] = (),
    ends_hidden: bool = False,
) -> str:
    """The picture as SVG text, with the fonts of whoever looks at it.

    `pieces`: the line of the judgement, cut where it was not seen, as `domain/playback.py` has it. `title` in Chinese.
    With `ends_hidden` the pieces do not begin and end where the patrol did, and no such places are drawn.
    """
    view, height = _view(pieces, reaches)
    bottom = height - _FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f"role=\"img\" font-family=\"'Noto Sans SC', 'PingFang SC', 'Microsoft YaHei', sans-serif\">",
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<clipPath id="map"><rect y="{_HEAD}" width="{_WIDTH}" height="{bottom - _HEAD}"/></clipPath>',
        '<g clip-path="url(#map)" fill="none" stroke-linecap="round" stroke-linejoin="round">',
        f'<rect y="{_HEAD}" width="{_WIDTH}" height="{bottom - _HEAD}" fill="{_PAPER}" stroke="none"/>',
        *_rivers(view, reaches),
        *_way(view, judgement, pieces, ends_hidden),
        "</g>",
        *_marks(view, marks),
        *_words(judgement, title, ends_hidden),
        *_foot(view, judgement, marks, ends_hidden, bottom),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _view(pieces: Sequence[Piece], reaches: Sequence[ReachLine]) -> tuple[_View, int]:
    track = np.array([vertex[:2] for piece in pieces for vertex in piece], dtype=np.float64).reshape(-1, 2)
    river = np.concatenate([np.asarray(reach.line, dtype=np.float64) for reach in reaches] or [np.zeros((0, 2))])
    everything = np.concatenate([track, river])
    if not len(everything):
        everything = np.zeros((1, 2))
    middle = everything.mean(axis=0)
    plane = plane_at(float(middle[0]), float(middle[1]))
    seen = np.stack(plane.to_metres(everything[:, 0], everything[:, 1]), axis=-1)
    if len(track) > 1 and len(river):
        walked = seen[: len(track)]
        if np.hypot(*np.ptp(seen, axis=0)) > _WHOLE_REACH * np.hypot(*np.ptp(walked, axis=0)):
            seen = walked
    low, high = seen.min(axis=0) - _PAD_M, seen.max(axis=0) + _PAD_M
    wide, tall = high - low
    per_m = min((_WIDTH - 2 * _EDGE) / wide, (_MOST_HEIGHT - _HEAD - _FOOT) / tall)
    height = max(_LEAST_HEIGHT, round(tall * per_m) + _HEAD + _FOOT)
    spare_m = ((height - _HEAD - _FOOT) / per_m - tall) / 2
    return _View(plane, low[0], high[1] + spare_m, per_m, (_WIDTH - wide * per_m) / 2), height


def _rivers(view: _View, reaches: Sequence[ReachLine]) -> list[str]:
    drawn = []
    for reach in reaches:
        line = np.asarray(reach.line, dtype=np.float64)
        path = _path(view.at(line[:, 0], line[:, 1]))
        wide = max(8.0, 2 * reach.corridor_m * view.pixels_per_m)
        drawn.append(f'<path d="{path}" stroke="{_CORRIDOR}" stroke-width="{wide:.1f}"/>')
    for reach in reaches:
        line = np.asarray(reach.line, dtype=np.float64)
        at = view.at(line[:, 0], line[:, 1])
        drawn.append(f'<path d="{_path(at)}" stroke="{_RIVER}" stroke-width="7"/>')
        drawn += [_arrow(at, share) for share in (0.25, 0.75)]
    return drawn


def _arrow(at: Floats, share: float) -> str:
    """Which way the water flows."""
    gone = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(at, axis=0).T))])
    x, y = (float(np.interp(share * gone[-1], gone, at[:, axis])) for axis in (0, 1))
    ahead = [float(np.interp(share * gone[-1] + 6, gone, at[:, axis])) for axis in (0, 1)]
    turn = np.degrees(np.arctan2(ahead[1] - y, ahead[0] - x))
    place = f"translate({x:.1f},{y:.1f}) rotate({turn:.0f})"
    return f'<path d="M-4,-4L3,0L-4,4" transform="{place}" stroke="#ffffff" stroke-width="2"/>'


def _way(view: _View, judgement: Judgement, pieces: Sequence[Piece], ends_hidden: bool) -> list[str]:
    at = [view.at(*np.array([vertex[:2] for vertex in piece], dtype=np.float64).T) for piece in pieces]
    unseen = [gap for gap in judgement.gaps if not gap.bridged]
    drawn = [
        f'<path d="{_path(np.stack([before[-1], after[0]]))}" stroke="{_UNSEEN}" stroke-width="2.5" '
        f'stroke-dasharray="2 7"/>'
        for (before, after), (here, there) in zip(pairwise(at), pairwise(pieces), strict=True)
        if any(here[-1][2] < gap.ends_ms <= there[0][2] for gap in unseen)
    ]
    drawn += [f'<path d="{_path(piece)}" stroke="#ffffff" stroke-width="6.5"/>' for piece in at]
    drawn += [f'<path d="{_path(piece)}" stroke="{_WAY}" stroke-width="3"/>' for piece in at]
    if at and not ends_hidden:
        (begin_x, begin_y), (end_x, end_y) = at[0][0], at[-1][-1]
        ring = f'r="6" fill="#ffffff" stroke="{_INK}" stroke-width="2.5"'
        drawn.append(f'<circle cx="{begin_x:.1f}" cy="{begin_y:.1f}" {ring}/>')
        drawn.append(
            f'<circle cx="{end_x:.1f}" cy="{end_y:.1f}" r="6" fill="{_INK}" stroke="#ffffff" stroke-width="2"/>'
        )
    return drawn


def _marks(view: _View, marks: Sequence[Mark]) -> list[str]:
    drawn = []
    for mark in marks:
        x, y = view.at(np.array(mark.lon), np.array(mark.lat))
        _, colour, shape = _MARKS[mark.kind]
        drawn.append(
            f'<g transform="translate({x:.1f},{y:.1f})"><path d="{shape}" fill="{colour}" stroke="#ffffff" '
            f'stroke-width="1.5"/>{"" if mark.kind == "photo" else _text(10, 5, mark.name, 13)}</g>'
        )
    return drawn


def _words(judgement: Judgement, title: str, ends_hidden: bool) -> list[str]:
    facts = [f"里程 {judgement.distance_m / 1000:.2f} 公里", f"时长 {judgement.duration_s / 60:.0f} 分钟"]
    if judgement.coverage:
        facts.append("河段覆盖 " + "、".join(f"{share:.0%}" for share in judgement.coverage.values()))
    unseen = sum(1 for gap in judgement.gaps if not gap.bridged)
    if unseen:
        facts.append(f"{unseen} 段没有定位")
    if ends_hidden:
        facts.append("起点和终点附近已隐去")
    if judgement.first_ms is not None:
        begun = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=judgement.first_ms)
        facts.insert(0, f"{begun.astimezone(SHANGHAI):%Y-%m-%d %H:%M}")
    return [
        _text(_EDGE, 36, title, 22, weight=600),
        _text(_EDGE, 64, "　".join(facts), 15, _QUIET),
    ]


def _foot(view: _View, judgement: Judgement, marks: Sequence[Mark], ends_hidden: bool, bottom: float) -> list[str]:
    metres = next((one for one in _SCALES_M if one * view.pixels_per_m >= 70), _SCALES_M[-1])
    wide = metres * view.pixels_per_m
    words = f"{metres} 米" if metres < 1000 else f"{metres // 1000} 公里"
    y = bottom + 26
    drawn = [
        f'<path d="M{_WIDTH - _EDGE - wide:.1f},{y - 6}v6h{wide:.1f}v-6" fill="none" stroke="{_INK}"/>',
        _text(_WIDTH - _EDGE - wide - 10, y, words, 13, _QUIET, anchor="end"),
        f'<g transform="translate({_WIDTH - _EDGE - 10},{_HEAD + 34})"><path d="M0,-16L7,6L0,1L-7,6z" fill="{_INK}"/>'
        f"{_text(0, 22, '北', 13, anchor='middle')}</g>",
    ]
    x = float(_EDGE)
    line = '<path d="M0,0h22" stroke="{}" stroke-width="{}" {}/>'
    legend = [("河段", line.format(_RIVER, 7, "")), ("巡河轨迹", line.format(_WAY, 3, ""))]
    if any(not gap.bridged for gap in judgement.gaps):
        legend.append(("没有定位", line.format(_UNSEEN, 2.5, 'stroke-dasharray="2 7" stroke-linecap="round"')))
    if not ends_hidden:
        legend.append(("起点", f'<circle cx="14" r="5" fill="#ffffff" stroke="{_INK}" stroke-width="2.5"/>'))
        legend.append(("终点", f'<circle cx="14" r="5" fill="{_INK}"/>'))
    for kind in dict.fromkeys(mark.kind for mark in marks):
        words, colour, shape = _MARKS[kind]
        legend.append((words, f'<path d="{shape}" transform="translate(14,0)" fill="{colour}"/>'))
    for words, sign in legend:
        drawn.append(f'<g transform="translate({x:.0f},{y - 5})">{sign}</g>')
        drawn.append(_text(x + 28, y, words, 13, _QUIET))
        x += 28 + 13 * len(words) + 22
    return drawn


def _text(
    x: float, y: float, words: str, size: int, colour: str = _INK, weight: int = 400, anchor: str = "start"
) -> str:  # fmt: skip
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}" paint-order="stroke" stroke="#ffffff" stroke-width="3">{escape(words)}</text>'
    )


def _path(at: Floats) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in at)
