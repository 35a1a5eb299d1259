"""Signs in a track: a doubt asks a human to look, what is shown is only told and speaks against nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone

import numpy as np

from backend.domain.tracks.cleaning import Cleaned
from backend.domain.tracks.gaps import Counted
from backend.domain.tracks.judgement import Flag, Gap
from backend.domain.tracks.jumps import Jump
from backend.domain.tracks.points import Bools
from backend.domain.tracks.regularity import regularity
from backend.domain.tracks.signature import Likeness, Signature, likeness
from backend.domain.tracks.speed import over
from backend.domain.tracks.way import Way
from backend.rules.track import Mode, TrackRules

_MODES: dict[Mode, str] = {"walk": "步行", "bike": "骑行", "boat": "乘船", "vehicle": "乘车"}
_SHANGHAI = timezone(timedelta(hours=8))
_MOST_LEAPS = 10  # listed one by one
_MOST_ALIKE = 3
_FEW = 10  # points
_TOO_FEW = 2.0


def find(
    cleaned: Cleaned,
    way: Way,
    gaps: Sequence[Gap],
    counted: Counted,
    rules: TrackRules,
    mode: Mode,
    earlier: Sequence[Signature],
) -> tuple[Flag, ...]:
    """All flags of a track, doubts first."""
    found = [
        *_too_fast(way, counted, rules, mode),
        *_too_regular(cleaned, rules),
        *_repeated(way, earlier, rules),
        *_two_places(cleaned.jumps, rules),
        *_jumped(cleaned.jumps),
        *_unseen(gaps, way, counted),
        *_stood(way, counted),
        *_left_out(cleaned),
    ]
    return tuple(sorted(found, key=lambda flag: flag.kind))


def too_fast(way: Way, counted: Counted, rules: TrackRules, mode: Mode) -> Bools:
    """The steps during which, for `too_fast_s` at least, the speed was more than the mode's; none where they are so
    few that a phone's errors can have made them.
    """
    if not len(way.step_s):
        return np.zeros(0, dtype=bool)
    seconds = np.where(way.broken, 1e-9, np.maximum(way.step_s, 0.05))
    time_s = np.concatenate([[0.0], np.cumsum(way.step_s)])
    most_mps = rules.max_mps(mode)
    fast = (over(time_s, counted.step_m, seconds, rules.too_fast_s) > most_mps) & (counted.step_m > 0)
    if counted.step_m[fast].sum() < _TOO_FEW * most_mps * rules.too_fast_s:
        fast[:] = False
    return fast


def _too_fast(way: Way, counted: Counted, rules: TrackRules, mode: Mode) -> Iterator[Flag]:
    fast = np.flatnonzero(too_fast(way, counted, rules, mode))
    if not len(fast):
        return
    metres = float(counted.step_m[fast].sum())
    share = metres / float(counted.step_m.sum())
    doubt = share >= rules.too_fast_share
    words = f"有{_metres(metres)}（占全程{share:.0%}）快于{_MODES[mode]}的速度，像是乘车经过"
    yield Flag(
        code="too_fast",
        kind="doubt" if doubt else "shown",
        words=words + ("，请核实。" if doubt else "。"),
        share=share,
        number=metres,
        from_ms=int(way.last_ms[fast[0]]),
        to_ms=int(way.first_ms[fast[-1] + 1]),
    )


def _too_regular(cleaned: Cleaned, rules: TrackRules) -> Iterator[Flag]:
    found = regularity(cleaned, rules)
    if found.signs:
        words = f"轨迹过于规整（{'、'.join(found.signs)}），像是模拟定位，请核实。"
        yield Flag("too_regular", "doubt", words, share=found.share)


def _repeated(way: Way, earlier: Sequence[Signature], rules: TrackRules) -> Iterator[Flag]:
    error_m = float(np.median(way.error_m)) if len(way.error_m) else 0.0
    likenesses = (likeness(way, error_m, old, rules) for old in earlier)
    alike = [like for like in likenesses if like is not None and like.share >= rules.repeat_share]
    for like in sorted(alike, key=lambda like: -like.share)[:_MOST_ALIKE]:
        yield Flag("repeated", "doubt", _repeated_words(like), share=like.share, patrol_id=like.patrol_id)


def _repeated_words(like: Likeness) -> str:
    day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=like.begin_ms)
    when = f"{day.astimezone(_SHANGHAI):%Y年%-m月%-d日}"
    if like.same_time:
        return f"与{when}另一次巡河是同一时间、同一条轨迹（{like.share:.0%}相同），像是一部手机用于两次巡河，请核实。"
    way_round = "，只是方向相反" if like.backwards else ""
    return f"与{when}的巡河轨迹雷同：{like.share:.0%}的位置和快慢都一样{way_round}，请核实是否重复使用。"


def _two_places(jumps: Sequence[Jump], rules: TrackRules) -> Iterator[Flag]:
    """Long stays at two places between which nobody can have gone: a phone's slip is shorter, or nearer."""
    far = [
        jump
        for jump in jumps
        if jump.metres >= rules.two_places_m and (jump.points == 0 or jump.lasted_s >= rules.two_places_s)
    ]
    if far:
        farthest = max(far, key=lambda jump: jump.metres)
        words = f"轨迹在相距{_metres(farthest.metres)}的两处之间跳换，每处都停留较久，不可能走到，请核实。"
        yield Flag("two_places", "doubt", words, number=farthest.metres, from_ms=farthest.from_ms, to_ms=farthest.to_ms)


def _jumped(jumps: Sequence[Jump]) -> Iterator[Flag]:
    out = [jump for jump in jumps if jump.points]
    if out:
        points, farthest = sum(jump.points for jump in out), max(jump.metres for jump in out)
        words = f"有{points}个定位点跳到别处（最远{_metres(farthest)}），没有采用。"
        yield Flag("jump", "shown", words, None, farthest, min(j.from_ms for j in out), max(j.to_ms for j in out))
    for jump in sorted((jump for jump in jumps if not jump.points), key=lambda jump: -jump.metres)[:_MOST_LEAPS]:
        words = f"定位一下子移动了{_metres(jump.metres)}，不可能走到，这一段没有计入里程。"
        yield Flag("leap", "shown", words, None, jump.metres, jump.from_ms, jump.to_ms)


def _unseen(gaps: Sequence[Gap], way: Way, counted: Counted) -> Iterator[Flag]:
    long = np.flatnonzero(counted.unseen)
    if len(long):
        seconds = float(way.silent_s[long].sum())
        share = seconds / max(float(way.step_s.sum()), 1e-9)
        words = f"有{len(long)}段、共约{_minutes(seconds)}没有定位，不计里程。"
        begins, ends = int(way.last_ms[long[0]]), int(way.first_ms[long[-1] + 1])
        yield Flag("gap", "shown", words, share, seconds, begins, ends)
    short = [gap for gap in gaps if gap.bridged and gap.counted_m > 0]
    if short:
        metres = sum(gap.counted_m for gap in short)
        words = f"有{len(short)}处短时间没有定位，按前后位置补上{_metres(metres)}。"
        yield Flag("bridged", "shown", words, None, metres, short[0].begins_ms, short[-1].ends_ms)


def _stood(way: Way, counted: Counted) -> Iterator[Flag]:
    duration_s = float(way.step_s.sum())
    seconds = float(way.step_s[counted.still].sum())
    if seconds > duration_s / 2:
        words = f"全程约{_minutes(duration_s)}，其中约{_minutes(seconds)}停在原地。"
        yield Flag("standing", "shown", words, seconds / duration_s, seconds)


def _left_out(cleaned: Cleaned) -> Iterator[Flag]:
    if len(cleaned.points) < _FEW:
        yield Flag("few_points", "shown", f"有用的定位点只有{len(cleaned.points)}个。", number=len(cleaned.points))
    if cleaned.bursts:
        words = f"手机有{cleaned.bursts}次从后台恢复后补报了定位，时间是推算的。"
        yield Flag("burst", "shown", words, number=cleaned.bursts)
    for reason, words in (
        ("frozen", "有{}个定位点停在旧位置没有更新，没有采用。"),
        ("inaccurate", "有{}个定位点误差太大，没有采用。"),
        ("no_position", "有{}次没有取得定位。"),
        ("other_day", "有{}个定位点的时间与其他点相差一天以上，没有采用。"),
    ):
        count = cleaned.dropped.get(reason, 0)
        if count:
            yield Flag(reason, "shown", words.format(count), number=count)


def _metres(metres: float) -> str:
    return f"约{metres:.0f}米" if metres < 1000 else f"约{metres / 1000:.1f}公里"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f}秒" if seconds < 90 else f"{seconds / 60:.0f}分钟"
