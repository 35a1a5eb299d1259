"""The verdict 有效/无效 on a patrol, from facts, judgement and the county's minimums: pure, so that it can be explained
again years later from what was stored. `judging` gathers the facts and keeps the verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from backend.clock import SHANGHAI
from backend.domain.actors import ROLE_NAMES
from backend.domain.tracks.judgement import Judgement
from backend.rules.patrol import Minimum, PatrolRules


@dataclass(frozen=True)
class Facts:
    """What is known of a patrol besides its track. Times by the server's clock.

    `reaches`: what the chief named → "own", "others" or "unknown". `overlaps`: an earlier begun, valid patrol of the
    same chief at the same time. `settled`: problems settled on the spot. `checkpoints`: reach → visited, all of them.
    `missing`: batches that were made but have not arrived.
    """

    role: str | None
    role_in_force: bool
    practice: bool
    reaches: Mapping[str, str]
    began_at: datetime
    ended_at: datetime
    finished_by: str
    missing: int = 0
    no_fix: int = 0
    in_future: int = 0
    skew_s: float = 0.0
    settled: int = 0
    checkpoints: Mapping[str, Sequence[int]] = field(default_factory=dict)
    overlaps: str | None = None

    def to_json(self) -> dict[str, Any]:
        times = {"began_at": self.began_at.isoformat(), "ended_at": self.ended_at.isoformat()}
        counts = {reach: list(count) for reach, count in self.checkpoints.items()}
        return {**asdict(self), "reaches": dict(self.reaches), "checkpoints": counts, **times}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Facts:
        times = {name: datetime.fromisoformat(plain[name]) for name in ("began_at", "ended_at")}
        return cls(**{**plain, **times})


@dataclass(frozen=True)
class Reason:
    """One thing that was looked at. `ok` False speaks against the patrol, None is only told.

    `remedy`: what would have made it good, plain Chinese; empty where nothing would.
    """

    code: str
    ok: bool | None
    words: str
    needed: float | str | None = None
    found: float | str | None = None
    reach: str | None = None
    remedy: str = ""


@dataclass(frozen=True)
class OnReach:
    """One reach the chief named: whether the patrol counts for it 计入, and what was walked of it."""

    reach: str
    name: str
    counts: bool
    coverage: float
    metres: float
    minutes: float
    why: str = ""


@dataclass(frozen=True)
class Decision:
    valid: bool
    reasons: tuple[Reason, ...]
    reaches: tuple[OnReach, ...]

    @property
    def remedies(self) -> tuple[str, ...]:
        """What would have made the patrol valid; nothing for one that is."""
        if self.valid:
            return ()
        return tuple(dict.fromkeys(reason.remedy for reason in self.reasons if reason.ok is False and reason.remedy))

    @property
    def against(self) -> tuple[str, ...]:
        """Why it is not valid, in words."""
        return tuple(reason.words for reason in self.reasons if reason.ok is False)

    def to_json(self) -> dict[str, Any]:
        return {
            "valid": self.valid,
            "reasons": [asdict(reason) for reason in self.reasons],
            "reaches": [asdict(one) for one in self.reaches],
            "remedies": list(self.remedies),
        }


def decide(rules: PatrolRules, names: Mapping[str, str], facts: Facts, judgement: Judgement) -> Decision:
    """The verdict by the county's rules; `names`: how its reaches are called.

    Valid is a patrol against which nothing speaks and that counts for at least one of the chief's own reaches.
    """
    general = (*_standing(facts), *_track(rules, facts, judgement))
    on_reaches, asked = [], []
    for code, whose in facts.reaches.items():
        reasons, seen = _reach(rules, names.get(code, code), code, whose, facts, judgement)
        blocked = any(reason.ok is False for reason in (*general, *reasons))
        on_reaches.append(replace(seen, counts=not blocked and whose == "own"))
        asked += reasons
    if facts.reaches and "own" not in facts.reaches.values():
        asked.append(Reason("no_own_reach", False, "所选河段都不是您负责的。", remedy="开始巡河时选择您负责的河段。"))
    valid = any(one.counts for one in on_reaches)
    # What one reach lacks does not speak against a patrol that counts for another.
    shown = (replace(reason, ok=None) if valid and reason.ok is False else reason for reason in asked)
    return Decision(valid, (*general, *_once(shown), *_told(facts)), tuple(on_reaches))


def _once(reasons: Iterator[Reason]) -> tuple[Reason, ...]:
    """Without what is said of the whole patrol once more for each reach."""
    seen: dict[tuple[object, ...], Reason] = {}
    for reason in reasons:
        seen.setdefault((reason.code, reason.reach, reason.needed, reason.ok), reason)
    return tuple(seen.values())


def _standing(facts: Facts) -> Iterator[Reason]:
    if facts.role is None:
        yield Reason("no_start", False, "没有收到这次巡河的开始信息。", remedy="打开小程序，让手机把没传完的内容传完。")
    elif not facts.role_in_force:
        yield Reason("role_ended", False, f"开始巡河时您已不担任{ROLE_NAMES[facts.role]}。")
    if facts.overlaps is not None:
        yield Reason(
            "overlaps", False, "同一时间您还有另一次有效的巡河，只计一次。", found=facts.overlaps,
            remedy="同一时间只开一次巡河。",
        )  # fmt: skip


def _track(rules: PatrolRules, facts: Facts, judgement: Judgement) -> Iterator[Reason]:
    if judgement.kept.points == 0 and not facts.settled:
        yield Reason("no_track", False, "没有可用的定位点。", remedy="巡河时打开手机定位，允许小程序使用位置。")
    for flag in judgement.flags:
        against = flag.kind == "doubt" and flag.code in rules.invalidating
        remedy = "如与实际不符，请申诉并附照片。" if against else ""
        yield Reason(flag.code, False if against else None, flag.words, found=flag.share or flag.number, remedy=remedy)


def _reach(
    rules: PatrolRules, name: str, code: str, whose: str, facts: Facts, judgement: Judgement
) -> tuple[list[Reason], OnReach]:
    beside = judgement.beside.get(code)
    metres, seconds = (beside.metres, beside.seconds) if beside else (0.0, 0.0)
    seen = OnReach(code, name, False, judgement.coverage.get(code, 0.0), metres, seconds / 60)
    if whose != "own":
        why = "没有这个河段" if whose == "unknown" else "不是您负责的河段"
        return [Reason(f"reach_{whose}", None, f"{name}：{why}，轨迹保留，不计入。", reach=code)], replace(
            seen, why=why
        )
    minimum = rules.minimum(facts.role or "", code)
    if minimum is None:
        return [], seen
    reasons = list(_asked(minimum, name, seen, facts, judgement))
    return reasons, replace(seen, why="；".join(reason.words for reason in reasons if reason.ok is False))


def _asked(minimum: Minimum, name: str, seen: OnReach, facts: Facts, judgement: Judgement) -> Iterator[Reason]:
    """What the minimum asks for, one by one, met or not."""
    per_reach = minimum.scope == "reach"
    where, reach = (f"{name}：", seen.reach) if per_reach else ("", None)
    if not minimum.within_hours(facts.began_at.astimezone(SHANGHAI).time()):
        hours = f"{minimum.from_hour}至{minimum.to_hour}"
        began = f"{facts.began_at.astimezone(SHANGHAI):%H:%M}"
        remedy = f"请在{hours}之间开始巡河。"
        yield Reason("hours", False, f"开始时间{began}不在规定的{hours}之间。", hours, began, remedy=remedy)
    if minimum.settled_counts and facts.settled:
        yield Reason("settled", True, f"现场办结{facts.settled}个问题，按规定计为一次巡河。", found=facts.settled)
        return
    counted_s = judgement.moving_s + judgement.still_s
    minutes = seen.minutes if per_reach else counted_s / 60
    metres = seen.metres if per_reach else judgement.along_m
    moving = judgement.moving_s / 60
    if minimum.min_minutes:
        yield _least("minutes", f"{where}巡河时长", "分钟", minimum.min_minutes, minutes, reach)
    if minimum.min_moving_minutes:
        yield _least("moving_minutes", "行进时长", "分钟", minimum.min_moving_minutes, moving, None)
    if minimum.min_metres:
        yield _least("metres", f"{where}沿河里程", "米", minimum.min_metres, metres, reach)
    if minimum.min_coverage:
        needed, found = minimum.min_coverage * 100, seen.coverage * 100
        yield _least("coverage", f"{name}：走过的河段长度", "%", needed, found, seen.reach)
    visited, there = facts.checkpoints.get(seen.reach, (0, 0))
    if minimum.min_checkpoints and there:
        needed = math.ceil(minimum.min_checkpoints * there)
        yield _least("checkpoints", f"{name}：打卡点", "个", needed, visited, seen.reach)
    if seen.coverage == 0 and not minimum.min_coverage:
        words, remedy = f"{name}：轨迹没有走到这个河段。", f"沿{name}走，定位要落在河边。"
        yield Reason("not_there", False, words, reach=seen.reach, remedy=remedy)


def _least(code: str, what: str, unit: str, needed: float, found: float, reach: str | None) -> Reason:
    """Whether enough was found. What is short by less than anybody can measure is enough."""
    ok = found >= needed - 1e-6
    # Rounded down, so that nobody reads "30 of 30" as too few.
    shown, wanted = f"{int(found * 10) / 10:g}", f"{needed:g}"
    words = f"{what}{shown}{unit}，{'达到' if ok else '不到'}规定的{wanted}{unit}。"
    remedy = "" if ok else f"{what}至少{wanted}{unit}，还差{-(-(needed - found) * 10 // 1) / 10:g}{unit}。"
    return Reason(code, ok, words, round(needed, 3), round(found, 3), reach, remedy)


def _told(facts: Facts) -> Iterator[Reason]:
    """What speaks against nobody, but belongs to the picture."""
    if facts.practice:
        yield Reason("practice", None, "这是练习，不计入考核。")
    if facts.finished_by == "timer":
        yield Reason("finished_by_timer", None, "没有收到结束信息，到时限由系统自动结束；以后补传会重新判定。")
    if facts.missing:
        yield Reason("missing", None, f"还有{facts.missing}段轨迹没有传到，传到后重新判定。", found=facts.missing)
    if facts.skew_s:
        way = "快" if facts.skew_s > 0 else "慢"
        yield Reason(
            "skew", None, f"手机时间{way}了约{_span(abs(facts.skew_s))}，已按标准时间更正。", found=facts.skew_s
        )
    if facts.no_fix:
        yield Reason("no_fix", None, f"有{facts.no_fix}个点没有取得定位，没有计入。", found=facts.no_fix)
    if facts.in_future:
        yield Reason("in_future", None, f"有{facts.in_future}个点的时间在将来，没有计入。", found=facts.in_future)


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "天"), (3_600, "小时"), (60, "分钟")):
        if seconds >= size:
            return f"{seconds / size:.1f}".rstrip("0").rstrip(".") + unit
    return f"{seconds:.0f}秒"
