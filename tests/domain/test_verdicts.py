"""Verdicts by rule sets that counties have published, from facts and a judgement made by hand."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from backend.domain.tracks import signs
from backend.domain.tracks.judgement import Beside, Flag, Judgement, Kept
from backend.domain.verdicts import Decision, Facts, decide
from backend.rules.patrol import Doubt, Minimum, PatrolRules

BEGAN = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
NAMES = {"R1": "清水河一段", "R2": "清水河二段"}

# 阿合奇县 2022-06-14: at least 30 minutes for all; at least 2 km for township and village.
AHEQI = PatrolRules(
    minimums=(
        Minimum(roles=("township_chief", "village_chief"), min_minutes=30, min_metres=2000),
        Minimum(min_minutes=30),
    )
)
# 泗县丁湖镇: per reach, at least 5 minutes and 300 m.
DINGHU = PatrolRules(minimums=(Minimum(scope="reach", min_minutes=5, min_metres=300),))
# 广州 2021: at least 10 minutes and 1 km; handling on the spot counts as a patrol.
GUANGZHOU = PatrolRules(minimums=(Minimum(min_minutes=10, min_metres=1000, settled_counts=True),))


def facts(**changes: Any) -> Facts:
    usual = Facts(
        role="village_chief", role_in_force=True, practice=False, reaches={"R1": "own"}, began_at=BEGAN,
        ended_at=BEGAN + timedelta(minutes=40), finished_by="chief",
    )  # fmt: skip
    return replace(usual, **changes)


def walked(minutes: float = 40, metres: float = 2500, *flags: Flag, **beside: tuple[float, float]) -> Judgement:
    """`beside`: reach → (minutes, metres); without it all of it was beside R1."""
    parts = beside or {"R1": (minutes, metres)}
    return Judgement(
        version=1, mode="walk", distance_m=metres, along_m=metres, duration_s=minutes * 60, moving_s=minutes * 60,
        still_s=0, unseen_s=0, coverage={code: min(1.0, m / 5000) for code, (_, m) in parts.items()},
        beside={code: Beside(m, t * 60) for code, (t, m) in parts.items()}, covered_m=metres, gaps=(), flags=flags,
        kept=Kept(500, 500), line=(), first_ms=0, last_ms=1, accuracy_m=None, interval_s=None,
    )  # fmt: skip


def verdict(rules: PatrolRules, known: Facts | None = None, track: Judgement | None = None) -> Decision:
    return decide(rules, NAMES, known or facts(), track or walked())


def against(found: Decision) -> list[str]:
    return [reason.code for reason in found.reasons if reason.ok is False]


@pytest.mark.parametrize(
    ("rules", "role", "minutes", "metres", "wrong"),
    [
        (AHEQI, "village_chief", 30, 2000, []),
        (AHEQI, "village_chief", 29.9, 2000, ["minutes"]),
        (AHEQI, "township_chief", 31, 1999, ["metres"]),
        (AHEQI, "county_chief", 30, 100, []),
        (AHEQI, "county_chief", 29, 5000, ["minutes"]),
        (AHEQI, "patroller", 5, 5, ["minutes"]),
        (DINGHU, "village_chief", 5, 300, []),
        (DINGHU, "village_chief", 4, 299, ["minutes", "metres"]),
        (GUANGZHOU, "village_chief", 10, 1000, []),
        (GUANGZHOU, "village_chief", 9, 999, ["minutes", "metres"]),
    ],
)
def test_published_minimums(rules: PatrolRules, role: str, minutes: float, metres: float, wrong: list[str]) -> None:
    found = verdict(rules, facts(role=role), walked(minutes, metres))
    assert against(found) == wrong
    assert found.valid == (not wrong)
    assert bool(found.remedies) == bool(wrong)


def test_per_reach_each_reach_is_asked_by_itself() -> None:
    two = facts(reaches={"R1": "own", "R2": "own"})
    found = verdict(DINGHU, two, walked(12, 800, R1=(8, 700), R2=(4, 100)))
    assert found.valid
    assert [(one.reach, one.counts) for one in found.reaches] == [("R1", True), ("R2", False)]
    assert against(found) == []  # what R2 lacks does not speak against the patrol
    neither = verdict(DINGHU, two, walked(8, 500, R1=(4, 250), R2=(4, 250)))
    assert against(neither) == ["minutes", "metres", "minutes", "metres"]
    assert any("清水河二段" in words for words in neither.remedies)


def test_of_the_whole_patrol_minutes_and_metres_are_added_up_over_reaches() -> None:
    two = facts(reaches={"R1": "own", "R2": "own"})
    found = verdict(GUANGZHOU, two, walked(12, 1200, R1=(6, 600), R2=(6, 600)))
    assert [one.counts for one in found.reaches] == [True, True]
    short = verdict(GUANGZHOU, two, walked(4, 400, R1=(2, 200), R2=(2, 200)))
    assert against(short) == ["minutes", "metres"]  # said once, not once for each reach


def test_a_problem_settled_on_the_spot_counts_where_the_rules_say_so() -> None:
    short = walked(3, 100)
    assert verdict(GUANGZHOU, facts(settled=1), short).valid
    assert not verdict(AHEQI, facts(settled=1), short).valid


def test_the_remedy_says_how_much_is_lacking() -> None:
    found = verdict(GUANGZHOU, track=walked(7.5, 640.25))
    assert found.remedies == ("巡河时长至少10分钟，还差2.5分钟。", "沿河里程至少1000米，还差359.8米。")
    assert "不到规定的10分钟" in found.against[0]


def test_coverage_and_moving_time_and_hours() -> None:
    rules = PatrolRules(
        minimums=(Minimum(min_coverage=0.6, min_moving_minutes=20, from_hour="06:00", to_hour="20:00"),)
    )
    assert verdict(rules, track=walked(25, 3000)).valid
    assert against(verdict(rules, track=walked(15, 2500))) == ["moving_minutes", "coverage"]
    night = facts(began_at=BEGAN + timedelta(hours=11), ended_at=BEGAN + timedelta(hours=12))
    assert against(verdict(rules, night, walked(25, 3000))) == ["hours"]
    over_midnight = PatrolRules(minimums=(Minimum(from_hour="19:00", to_hour="02:00"),))
    assert verdict(over_midnight, night, walked(25, 3000)).valid


def test_a_walk_elsewhere_does_not_count_for_the_reach() -> None:
    found = verdict(PatrolRules(minimums=(Minimum(min_minutes=5),)), track=walked(40, 3000, R1=(0, 0)))
    assert against(found) == ["not_there"]


def test_flags_invalidate_where_the_rules_name_them_and_are_told_otherwise() -> None:
    fast = Flag("too_fast", "doubt", "像是坐车经过。", share=0.8)
    assert verdict(GUANGZHOU, track=walked(40, 2500, fast)).valid
    strict = GUANGZHOU.model_copy(update={"invalidating": ("too_fast",)})
    found = verdict(strict, track=walked(40, 2500, fast))
    assert against(found) == ["too_fast"]
    assert "申诉" in found.remedies[0]
    a_little = Flag("too_fast", "shown", "有一小段像是乘车。", share=0.1)
    assert verdict(strict, track=walked(40, 2500, a_little)).valid


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"role": None, "reaches": {}}, "no_start"),
        ({"role_in_force": False}, "role_ended"),
        ({"overlaps": "0" * 8}, "overlaps"),
        ({"reaches": {"R1": "others"}}, "no_own_reach"),
        ({"reaches": {"R1": "unknown"}}, "no_own_reach"),
    ],
)
def test_what_speaks_against_a_patrol_besides_its_track(changes: dict[str, Any], code: str) -> None:
    found = verdict(GUANGZHOU, facts(**changes))
    assert not found.valid
    assert against(found) == [code]


def test_no_points_at_all_are_no_patrol_even_without_minimums() -> None:
    nothing = replace(walked(0, 0), kept=Kept(0, 0), coverage={}, beside={})
    assert "no_track" in against(verdict(PatrolRules(minimums=()), track=nothing))


def test_what_is_only_told_does_not_speak_against_anybody() -> None:
    odd = facts(finished_by="timer", missing=2, skew_s=-7200, no_fix=3, in_future=1, practice=True)
    found = verdict(GUANGZHOU, odd)
    assert found.valid
    told = {reason.code: reason.words for reason in found.reasons if reason.ok is None}
    assert told.keys() == {"finished_by_timer", "missing", "skew", "no_fix", "in_future", "practice"}
    assert "慢了约2小时" in told["skew"]


def test_a_verdict_is_explained_again_from_what_json_kept() -> None:
    known, track = facts(skew_s=12.5, reaches={"R1": "own", "R2": "others"}), walked(7, 640)
    stored_facts = json.loads(json.dumps(known.to_json()))
    stored_track = json.loads(json.dumps(track.to_json()))
    again = decide(GUANGZHOU, NAMES, Facts.from_json(stored_facts), Judgement.from_json(stored_track))
    assert again.to_json() == json.loads(json.dumps(verdict(GUANGZHOU, known, track).to_json()))


def test_the_doubts_that_rules_can_name_are_those_of_the_judgement() -> None:
    source = inspect.getsource(signs)
    told = set(re.findall(r'Flag\(\s*(?:code=)?"(\w+)",\s*(?:kind=)?"doubt"', source))
    chosen = set(re.findall(r'code="(\w+)",\s*kind="doubt" if', source))
    assert told | chosen == set(get_args(Doubt))
