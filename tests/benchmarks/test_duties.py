"""The duty table of a month for 10,000 and 100,000 chiefs, beside one aggregate over the same patrols."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from apiflask import APIFlask
from sqlalchemy import text

from backend.county import County
from backend.domain import duties
from backend.models import RosterRole
from backend.work import unit_of_work
from tests.benchmarks.measure import Pairs, Row, pairs, shown, tell
from tests.benchmarks.test_assessment import AFTER

SIZES, EACH = (10_000, 100_000), 3
AGGREGATE = text("""
    SELECT person_id, role, date_trunc('week', began_at, 'Asia/Shanghai'), count(*) FROM patrols
    WHERE valid AND NOT practice AND began_at >= '2026-11-01 00:00+08' AND began_at < '2026-12-01 00:00+08'
    GROUP BY 1, 2, 3
""")
_found: dict[int, Pairs] = {}


@pytest.mark.parametrize("n", SIZES)
def test_a_month(n: int, new_app: Callable[..., APIFlask], fill_rows: Callable[..., None], county: County) -> None:
    own = new_app(county, AFTER)
    fill_rows(own, county, chiefs=n, patrols=EACH * n)

    def aggregate() -> None:
        with unit_of_work() as work:
            work.session.execute(AGGREGATE).all()

    def table() -> None:
        with unit_of_work() as work:
            found = duties.completions(work, date(2026, 11, 1), date(2026, 11, 30), RosterRole.id.is_not(None))
            assert len(found) > n
            duties.summary(work, found)

    with own.app_context():
        _found[n] = taken = pairs(aggregate, table, 3 if n == min(SIZES) else 1, warm=n == min(SIZES))
    before = _found.get(n // 10)
    grown = f"; {taken.subject / before.subject:.1f} × that of {n // 10:,}" if before else ""
    tell(
        Row(
            "Duties", f"{n:,} chiefs, {EACH * n:,} patrols", f"{shown(taken.subject)}{grown}",
            f"{shown(taken.floor)} one aggregate", f"{taken.ratio:.1f} ×", "≤ 5 ×, growth linear", taken.ratio <= 5,
        )
    )  # fmt: skip
