"""The assessment of a month: 200 townships, 20,000 cases, 100,000 patrols, beside one aggregate over the same rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from apiflask import APIFlask
from sqlalchemy import text

from backend.county import County
from backend.domain import assessments
from backend.work import unit_of_work
from tests.benchmarks.measure import Row, pairs, shown, tell
from tests.benchmarks.rows import with_townships

TOWNSHIPS, CASES, PATROLS, CHIEFS = 200, 20_000, 100_000, 25_000
AFTER = datetime(2026, 12, 1, 2, tzinfo=UTC)  # the month is over, its cut-off has not come
AGGREGATE = text("""
    SELECT unit_code, 'patrols', count(*), count(*) FILTER (WHERE valid), count(DISTINCT person_id) FROM patrols
    WHERE began_at >= '2026-11-01 00:00+08' AND began_at < '2026-12-01 00:00+08' GROUP BY unit_code
    UNION ALL
    SELECT holder, kind, count(*), count(*) FILTER (WHERE coalesce(stopped_at, now()) <= due_at),
        count(DISTINCT case_id)
    FROM clocks JOIN cases ON cases.id = case_id WHERE state <> 'rejected' GROUP BY holder, kind
    UNION ALL
    SELECT lead_unit, 'rating', count(*), sum(rating), count(DISTINCT case_id)
    FROM reports JOIN cases ON cases.id = case_id WHERE rating IS NOT NULL GROUP BY lead_unit
""")


def test_a_month(new_app: Callable[..., APIFlask], fill_rows: Callable[..., None], county: County) -> None:
    large = with_townships(county, TOWNSHIPS)
    own = new_app(large, AFTER)
    fill_rows(own, large, chiefs=CHIEFS, patrols=PATROLS, cases=CASES)
    period = assessments.month_of("2026-11")

    def aggregate() -> None:
        with unit_of_work() as work:
            assert len(work.session.execute(AGGREGATE).all()) == TOWNSHIPS * 4

    def assess() -> None:
        with unit_of_work() as work:
            month = assessments.show(work, period)
            assert sum(one.kind == "unit" for one in month.scores) == TOWNSHIPS

    with own.app_context():
        taken = pairs(aggregate, assess, 3)
    tell(
        Row(
            "Assessment", f"{TOWNSHIPS} townships, {CASES:,} cases, {PATROLS:,} patrols of {CHIEFS:,} chiefs",
            shown(taken.subject), f"{shown(taken.floor)} one aggregate", f"{taken.ratio:.1f} ×", "≤ 5 ×",
            taken.ratio <= 5,
        )
    )  # fmt: skip
