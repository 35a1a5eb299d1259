"""Pages of the ledger and its counts, at growing sizes, beside a page by primary key through the same stack.

BENCH_CASES chooses the sizes: `make bench-large` asks for a million.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from apiflask import APIFlask
from flask import g, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from backend.models import Case
from backend.work import unit_of_work
from tests.benchmarks.measure import Row, pairs, percentile, shown, tell
from tests.build import OFFICE, Build, Phone

SIZES = [int(n) for n in os.environ.get("BENCH_CASES", "10000,100000").split(",")]
LIMIT, DEEP, TIMES = 50, 1000, 21
PAGES = {
    "first page": "",
    "a unit": "&unit={unit}",
    "a state": "&state=rectifying",
    "archived ones": "&state=archived",
    "overdue, first due first": "&overdue=true&sort=due",
    "污水, in two cases of five": f"&text={quote('污水')}",
    "采砂 of a unit, overdue": f"&text={quote('采砂')}&unit={{unit}}&overdue=true",
    "led or assisted by a department": "&unit={helper}&part=any",
    "a month's closed ones": "&closed_from=2026-10-01&closed_to=2026-10-31",
}
COUNTS = {
    "counts of the whole": "",
    "counts of 污水": f"?text={quote('污水')}",
    "counts of the overdue": "?overdue=true",
}


def add_bare_page(own: APIFlask) -> None:
    """The floor: the newest cases by primary key, through the same server, session and check of the caller."""

    @own.get("/bench/page")
    def page() -> ResponseReturnValue:
        with unit_of_work(g.actor) as work:
            query = select(Case.__table__).order_by(Case.id.desc()).limit(LIMIT)
            return jsonify([dict(row._mapping) for row in work.session.execute(query)])


@pytest.mark.parametrize("n", SIZES)
def test_pages(n: int, ledger_of: Callable[[int], APIFlask]) -> None:
    own = ledger_of(n)
    if "page" not in own.view_functions:
        add_bare_page(own)
    build = Build(own, None, own.extensions["qinghe"].settings.wechat_base_url)
    office = build.official(OFFICE)
    county_unit, helper = _units(own)
    deep = _place(own, min(DEEP * LIMIT, n - LIMIT))

    def floor() -> None:
        answer = office.client.get("/bench/page", headers={"Authorization": f"Bearer {office.token}"})
        assert answer.status_code == 200

    asked = {name: f"/cases?limit={LIMIT}{query}" for name, query in PAGES.items()}
    asked["page 1,000" if n >= DEEP * LIMIT else f"page {n // LIMIT:,}, the last"] = (
        f"/cases?limit={LIMIT}&before={deep}"
    )
    asked |= {name: f"/cases/counts{query}" for name, query in COUNTS.items()}
    for name, path in asked.items():
        _measure(n, name, path.format(unit=county_unit, helper=helper), office, floor)


def _measure(n: int, name: str, path: str, office: Phone, floor: Callable[[], None]) -> None:
    def ask() -> None:
        answer = office.get(path)
        assert answer.status_code == 200, answer.json

    taken = pairs(floor, ask, TIMES)
    p95, floor_p95 = percentile(taken.subjects, 0.95), percentile(taken.floors, 0.95)
    tell(
        Row(
            "Ledger", f"{n:,} cases: {name}", f"median {shown(taken.subject)}, p95 {shown(p95)}",
            f"{shown(taken.floor)}, p95 {shown(floor_p95)}", f"{taken.ratio:.1f} ×, of the p95 {p95 / floor_p95:.1f} ×",
            "p95 ≤ 5 ×", p95 <= 5 * floor_p95,
        )
    )  # fmt: skip


def _units(own: APIFlask) -> tuple[str, str]:
    """A township that leads cases, and a department that assists with some."""
    with own.app_context(), unit_of_work() as work:
        return next(u.code for u in work.county.units if u.kind == "township"), f"{work.county.code}-water"


def _place(own: APIFlask, rows: int) -> Any:
    """The cursor behind so many cases."""
    with own.app_context(), unit_of_work() as work:
        return work.session.scalars(select(Case.id).order_by(Case.id.desc()).offset(rows - 1).limit(1)).one()
