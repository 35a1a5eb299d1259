"""The points of an assessment: pure. Every point that is missing stands in a deduction that names what it is for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from backend.rules.assessment import PART_NAMES, AssessmentRules, Summons


@dataclass(frozen=True)
class Fact:
    """Something that counts in one part. `owed` and `done` make a share; of what only costs, `done` is 0.

    `costs` is None for what counts by share. `ids`: what it is traced to, e.g. {"case": id}.
    """

    words: str
    ids: Mapping[str, Sequence[str]]
    owed: float = 1
    done: float = 0
    costs: float | None = None


@dataclass(frozen=True)
class Deduction:
    points: float
    words: str
    ids: dict[str, list[str]]


@dataclass(frozen=True)
class Part:
    """`value`: the share reached, or how many failings; None without data, which gives full marks.

    `counted`: the ids of everything that was looked at, what lost nothing included.
    """

    part: str
    title: str
    full: float
    value: float | None
    points: float
    words: str
    deductions: tuple[Deduction, ...]
    counted: dict[str, list[str]]

    def stored(self) -> dict[str, Any]:
        return {**vars(self), "deductions": [vars(one) for one in self.deductions]}


def score(part: str, full: float, facts: Sequence[Fact]) -> Part:
    """The points of one part. All arithmetic is in hundredths of a point, so that deductions add up exactly."""
    whole = round(full * 100)
    counted: dict[str, dict[str, None]] = {}
    for fact in facts:
        for name, ids in fact.ids.items():
            counted.setdefault(name, {}).update(dict.fromkeys(ids))
    behind = {name: list(ids) for name, ids in counted.items()}
    costly = [fact for fact in facts if fact.costs is not None]
    title = PART_NAMES[part]
    if costly:
        wanted = [round(100 * (fact.costs or 0)) for fact in costly]
        missing = spread(min(whole, sum(wanted)), wanted)
        value: float | None = len(costly)
        words = f"本月{len(costly)}次"
        failed = costly
    else:
        owed = sum(fact.owed for fact in facts)
        if not owed:
            return Part(part, title, full, None, full, "本月没有需要扣分或计算的事项，记满分。", (), behind)
        failed = [fact for fact in facts if fact.done < fact.owed]
        lacking = [fact.owed - min(fact.done, fact.owed) for fact in failed]
        missing = spread(round(whole * sum(lacking) / owed), lacking)
        value = round(1 - sum(lacking) / owed, 4)
        words = f"应计{owed:g}，完成{owed - sum(lacking):g}"
    lost = sum(missing)
    found = tuple(
        Deduction(cents / 100, fact.words, {name: list(ids) for name, ids in fact.ids.items()})
        for fact, cents in zip(failed, missing, strict=True)
        if cents
    )
    words = f"{words}，满分{full:g}分，扣{lost / 100:g}分，得{(whole - lost) / 100:g}分。"
    return Part(part, title, full, value, (whole - lost) / 100, words, found, behind)


def spread(cents: int, weights: Sequence[float]) -> list[int]:
    """Share out whole hundredths by weight, the rests to the largest remainders, so that nothing is lost."""
    total = sum(weights)
    if not total:
        return [0] * len(weights)
    exact = [cents * weight / total for weight in weights]
    shares = [int(one) for one in exact]
    by_rest = sorted(range(len(exact)), key=lambda n: (shares[n] - exact[n], n))
    for n in by_rest[: cents - sum(shares)]:
        shares[n] += 1
    return shares


def total(parts: Sequence[Mapping[str, Any]]) -> float:
    return float(sum(round(100 * part["points"]) for part in parts)) / 100


def ranks(totals: Mapping[str, float]) -> dict[str, int]:
    """Places from 1 on; equal totals share one."""
    places: dict[float, int] = {}
    for place, one in enumerate(sorted(totals.values(), reverse=True), 1):
        places.setdefault(one, place)
    return {subject: places[one] for subject, one in totals.items()}


def summoned(
    rules: AssessmentRules, kind: str, history: Mapping[str, Sequence[float]]
) -> dict[str, list[dict[str, str]]]:
    """Who is named or summoned, and why. `history`: totals month by month without gaps, the present one last."""
    now = sorted(totals[-1] for totals in history.values())
    found: dict[str, list[dict[str, str]]] = {}
    for rule in (one for one in rules.summons if one.kind == kind):
        for subject, totals in history.items():
            reason = _reason(rule, totals, now)
            if reason:
                title = "约谈" if rule.how == "summoned" else "通报"
                found.setdefault(subject, []).append({"how": rule.how, "title": title, "reason": reason})
    return found


def _reason(rule: Summons, totals: Sequence[float], everybody: Sequence[float]) -> str | None:
    """`everybody`: the totals of this month, the lowest first."""
    mine = totals[-1]
    if rule.below is not None and mine < rule.below:
        return f"本月{mine:g}分，低于{rule.below:g}分。"
    if rule.falling_months is not None:
        last = totals[-rule.falling_months - 1 :]
        falls = all(later < before for before, later in pairwise(last))
        if len(last) == rule.falling_months + 1 and falls:
            return f"连续{rule.falling_months}个月下降：{'、'.join(f'{one:g}' for one in last)}。"
    if rule.lowest is not None:
        worse = bisect_left(everybody, mine)
        if worse < rule.lowest and mine < everybody[-1]:
            place = f"倒数第{worse + 1}名"
            shared = bisect_right(everybody, mine) - worse
            shared_words = f"（{shared}个并列）" if shared > 1 else ""
            return f"本月{mine:g}分，在{len(everybody)}个中{place}{shared_words}，按规定最后{rule.lowest}名列入。"
    return None
