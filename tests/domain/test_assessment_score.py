"""Points: no data is full marks, deductions add up to what is missing, nobody falls below zero."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backend.domain.assessment_score import Fact, ranks, score, summoned
from backend.rules.assessment import AssessmentRules, Marks, Summons


def test_no_data_gives_full_marks_and_says_so() -> None:
    part = score("rectify", 25, [])
    assert (part.points, part.value, part.deductions) == (25, None, ())
    assert "记满分" in part.words


@given(
    st.floats(0.5, 100), st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=20)
)  # fmt: skip
def test_deductions_add_up_to_what_is_missing(full: float, pairs: list[tuple[int, int]]) -> None:
    full = round(full, 2)
    part = score("patrol", full, [Fact("x", {"patrol": ["p"]}, owed=owed, done=done) for owed, done in pairs])
    lost = sum(round(100 * one.points) for one in part.deductions)
    assert lost == round(100 * full) - round(100 * part.points)
    assert 0 <= part.points <= full
    assert all(one.ids["patrol"] == ["p"] for one in part.deductions)


def test_what_costs_never_takes_more_than_the_part_has() -> None:
    part = score("recurrence", 10, [Fact("反弹", {"case": [str(n)]}, costs=5) for n in range(3)])
    assert (part.points, part.value) == (0, 3)
    assert sum(one.points for one in part.deductions) == 10
    assert [one.ids["case"] for one in part.deductions] == [["0"], ["1"], ["2"]]


def test_equal_totals_share_a_place() -> None:
    assert ranks({"a": 90, "b": 95, "c": 90}) == {"b": 1, "a": 2, "c": 2}


def test_who_is_summoned_and_why() -> None:
    rules = AssessmentRules(
        summons=(
            Summons(kind="unit", how="summoned", below=60),
            Summons(kind="unit", how="named", falling_months=2),
            Summons(kind="unit", how="named", lowest=1),
        )
    )
    found = summoned(rules, "unit", {"a": [50], "b": [90, 80, 70], "c": [80, 90, 85]})
    assert [one["title"] for one in found["a"]] == ["约谈", "通报"]
    assert found["b"][0]["reason"] == "连续2个月下降：90、80、70。"
    assert "c" not in found
    assert not summoned(rules, "unit", {"a": [100], "b": [100]})  # nobody is last where all are equal


def test_marks_that_do_not_add_up_are_faults() -> None:
    rules = AssessmentRules(units=Marks(patrol=50), summons=(Summons(kind="unit", how="named"),))
    assert [key for key, _ in rules.faults(None)] == ["units", "summons"]  # type: ignore[arg-type]
