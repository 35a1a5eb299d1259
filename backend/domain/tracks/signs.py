"""Signs in a track that ask a human to look, and what is only told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from backend.domain.tracks.cleaning import Cleaned
from backend.domain.tracks.judgement import Flag, Gap
from backend.domain.tracks.points import Floats
from backend.domain.tracks.signature import Signature
from backend.domain.tracks.way import Way
from backend.rules.track import Mode, TrackRules

_MODES: dict[Mode, str] = {"walk": "步行", "bike": "骑行", "boat": "乘船", "vehicle": "乘车"}


def of(
    cleaned: Cleaned,
    way: Way,
    gaps: Sequence[Gap],
    counted_m: Floats,
    rules: TrackRules,
    mode: Mode,
    earlier: Sequence[Signature],
) -> tuple[Flag, ...]:
    """All flags of a track, doubts first."""
    found = [*_jumps(cleaned), *_lost(gaps), *_too_fast(way, counted_m, rules, mode)]
    return tuple(sorted(found, key=lambda flag: flag.kind))


def _jumps(cleaned: Cleaned) -> Iterator[Flag]:
    for jump in cleaned.jumps[:20]:
        words = f"有{jump.points}个定位点跳到约{jump.metres:.0f}米之外，不可能走到，没有计入。"
        yield Flag("jump", "shown", words, number=jump.metres, from_ms=jump.from_ms, to_ms=jump.to_ms)


def _lost(gaps: Sequence[Gap]) -> Iterator[Flag]:
    for gap in gaps:
        if not gap.bridged:
            minutes = (gap.ends_ms - gap.begins_ms) / 60_000
            words = f"有约{minutes:.0f}分钟没有定位，这一段不计里程。"
            yield Flag("gap", "shown", words, number=minutes * 60, from_ms=gap.begins_ms, to_ms=gap.ends_ms)


def _too_fast(way: Way, counted_m: Floats, rules: TrackRules, mode: Mode) -> Iterator[Flag]:
    if not len(counted_m) or not counted_m.sum():
        return
    fast = counted_m > rules.max_mps(mode) * np.maximum(way.step_s, 0.1)
    share = float(counted_m[fast].sum() / counted_m.sum())
    if share >= rules.too_fast_share:
        which = np.flatnonzero(fast)
        words = f"有{share:.0%}的路程快于{_MODES[mode]}的速度，像是坐车经过，请核实。"
        begin, end = int(way.time_ms[which[0]]), int(way.time_ms[which[-1] + 1])
        yield Flag("too_fast", "doubt", words, share=share, from_ms=begin, to_ms=end)
