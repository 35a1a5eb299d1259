"""The ledger as a list: filters, words, pages, counts."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, text

from backend.domain import ledger
from backend.domain.actors import Actor, HeldRole
from backend.domain.ledger import Filter
from backend.models import Case
from backend.work import unit_of_work
from tests.build import POINTS, Build, Phone, phone_of
from tests.conftest import Sweeper
from tests.ledger_rows import fill

TOWNSHIP = POINTS["inside_township"]["lead"]
OFFICE_ACTOR = Actor(role="office", unit="530199-office")


def numbers(phone: Phone, query: str) -> list[str]:
    answer = phone.get(f"/cases?{query}")
    assert answer.status_code == 200, answer.json
    return [case["number"] for case in answer.json["items"]]


def test_each_filter_finds_its_cases_and_no_others(build: Build) -> None:
    here = build.report(at="inside_township")["number"]
    build.clock.move(hours=30)
    river = build.report(at="bank_left", category="sand_mining")["number"]
    office = build.office()
    rows = {case["number"]: case for case in office.get("/cases").json["items"]}
    other = rows[river]
    assert numbers(office, f"unit={TOWNSHIP}&category=garbage") == [here]
    assert numbers(office, "category=sand_mining") == [river]
    assert numbers(office, "urgent=true") == [river]
    assert numbers(office, "urgent=false") == [here]
    assert numbers(office, f"state={rows[here]['state']},{other['state']}") == [river, here]
    assert numbers(office, "state=closed") == []
    assert numbers(office, "opened_to=2026-06-01") == [here]
    assert numbers(office, "opened_from=2026-06-02&opened_to=2026-06-02") == [river]
    assert numbers(office, f"number={here}") == [here]
    assert numbers(office, f"number={int(here.split('-')[2])}") == [here]
    assert numbers(office, "number=没有的号") == []
    assert numbers(office, "source=resident") == [river, here]
    assert numbers(office, "source=petition") == []
    if other["reach"]:
        name = office.get(f"/cases/{other['id']}").json["reach_name"]
        assert river in numbers(office, f"reach={other['reach']}")
        assert river in numbers(office, f"text={name[:2]}")
    build.clock.move(days=3)  # acceptance in one working day has passed, rectifying has not
    assert numbers(office, "overdue=true&category=garbage") == [here]
    assert numbers(office, "clock=accept&category=garbage") == [here]
    assert numbers(office, "clock=rectify&category=garbage") == []
    assert numbers(office, "sort=due&category=garbage") == [here]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("state=nowhere", "unknown_state"),
        ("text=污", "text_too_short"),
        ("before=rubbish", "bad_cursor"),
        ("sort=due&before=019e0000-0000-7000-8000-000000000000", "bad_cursor"),
        ("opened_from=2026-06-02&opened_to=2026-06-01", "bad_period"),
        ("opened_from=yesterday", "invalid_input"),
        ("number=QH-9999-000001", None),
        ("number=QH-0000-000001", None),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(build: Build, query: str, code: str | None) -> None:
    answer = build.office().get(f"/cases?{query}")
    assert answer.json.get("code") == code
    assert answer.status_code == (422 if code else 200)


def test_units_find_only_by_words_that_they_may_read(build: Build) -> None:
    secret = "排污口在家门前，我叫王小明，电话13812345678"
    build.report(category="illegal_discharge", privacy="confidential", text=secret)
    office = build.office()
    case = office.get("/cases").json["items"][0]
    assert case["state"] == "triage"
    assert numbers(office, "text=排污") == [case["number"]]
    chief = build.official("19900000003")  # a county chief sees every case, but not the words before their release
    assert numbers(chief, "") == [case["number"]]
    assert numbers(chief, "text=排污") == []
    released = office.act(case["id"], "assign", unit=TOWNSHIP, reason="属地办理")
    assert released.status_code == 200, released.json
    township = build.official(phone_of(TOWNSHIP))
    for phone in (township, chief):
        assert numbers(phone, "text=排污") == [case["number"]]
        assert numbers(phone, "text=排污 门前") == [case["number"]]
        assert numbers(phone, "text=门前排污") == []
        assert numbers(phone, "text=王小明") == []
        assert numbers(phone, "text=13812345678") == []
    assert numbers(office, "text=王小明") == [case["number"]]
    assert numbers(office, "text=%25_") == []
    elsewhere = next(unit for unit in ("530199011", "530199012") if unit != TOWNSHIP)
    assert numbers(build.official(phone_of(elsewhere)), "text=排污") == []


def test_words_added_and_cases_merged_are_found(build: Build) -> None:
    resident = build.resident("a")
    report = build.report(resident)
    resident.post(f"/reports/{report['id']}/supplements", {"text": "又倒了淤泥"})
    office = build.office()
    assert numbers(office, "text=淤泥") == [report["number"]]
    second = build.report(build.resident("b"), text="桥下有轮胎")
    assert numbers(office, "text=轮胎") == [report["number"]], "the merged report's words follow it to the target"
    merged = office.get(f"/cases?number={second['number']}").json["items"][0]
    office.act(merged["id"], "split", reason="不是同一处")
    assert numbers(office, "text=轮胎") == [merged["number"]]


def walk(phone: Phone, query: str, added: Any = None) -> list[str]:
    seen, before = [], ""
    while True:
        answer = phone.get(f"/cases?limit=7&{query}{before}").json
        seen += [case["id"] for case in answer["items"]]
        if answer["next"] is None:
            return seen
        before = f"&before={answer['next']}"
        if added is not None:
            added()
            added = None


@pytest.mark.parametrize("query", ["", "sort=opened", "sort=opened&order=asc", "sort=due", "sort=updated"])
def test_pages_hold_every_case_once_whatever_is_added_meanwhile(build: Build, query: str) -> None:
    with unit_of_work() as work:
        fill(work, 200)
        query += ("&" if query else "") + "state=rectifying,triage"
        whole = {
            str(row) for row in work.session.scalars(select(Case.id).where(Case.state.in_(["rectifying", "triage"])))
        }
    office = build.office()

    def add() -> None:
        with unit_of_work() as work:
            work.session.execute(
                text("""
                INSERT INTO cases OVERRIDING SYSTEM VALUE
                SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(),
                    'opened_at', now(), 'updated_at', now(), 'head_hash', 'x', 'source_number', null,
                    'serial', 1000000 + c.serial))).* FROM cases c WHERE state = 'triage' LIMIT 1
                """)
            )

    seen = walk(office, query, add)
    assert len(seen) == len(set(seen))
    assert whole <= set(seen)


def test_counts_are_kept_for_the_whole_ledger_and_capped_for_the_rest(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "COUNTED_TO", 20)
    build.case("closed")
    with unit_of_work() as work:
        fill(work, 300)
    office = build.office()
    with unit_of_work(OFFICE_ACTOR) as work:
        exact = Counter(work.session.scalars(select(Case.state)))
        lead = Counter(work.session.scalars(select(Case.state).where(Case.lead_unit == TOWNSHIP)))

    def counted(query: str = "") -> dict[str, tuple[int, str]]:
        items = office.get(f"/cases/counts{query}").json["items"]
        return {row["state"]: (row["n"], row["shown"]) for row in items if row["n"]}

    whole = {state: (n, str(n)) for state, n in exact.items()}
    assert counted() == whole
    assert counted(f"?unit={TOWNSHIP}") == {state: (n, str(n)) for state, n in lead.items()}
    with unit_of_work() as work:
        ledger.fold_tallies(work)
    assert counted() == whole
    capped = {state: (min(n, 20), "20+" if n > 20 else str(n)) for state, n in exact.items()}
    assert counted("?opened_from=2000-01-01") == capped
    township = build.official(phone_of(TOWNSHIP))
    own = {row["state"]: row["n"] for row in township.get("/cases/counts").json["items"] if row["n"]}
    assert own == {state: min(n, 20) for state, n in lead.items()}


FILTERS = {
    "nothing": Filter(),
    "state": Filter(states=("triage",)),
    "states": Filter(states=("triage", "rectifying")),
    "lead": Filter(unit=TOWNSHIP),
    "assist": Filter(unit="530199-water", part="assist"),
    "river": Filter(river="清水河"),
    "reach": Filter(reach="QSH-01"),
    "category": Filter(category="garbage"),
    "source": Filter(source="petition"),
    "overdue": Filter(overdue=True),
    "clock": Filter(clock="rectify"),
    "urgent": Filter(urgent=True),
    "opened": Filter(opened_from=None, opened_to=date(2026, 5, 30)),
    "closed": Filter(closed_from=date(2026, 5, 30)),
    "number": Filter(number="QH-2026-000123"),
    "source number": Filter(number="信50"),
    "text": Filter(text="偷排"),
    "text of all": Filter(text="清水"),
    "by opening": Filter(sort="opened"),
    "by due date": Filter(sort="due"),
    "by change": Filter(sort="updated"),
}


def test_no_filter_reads_the_whole_table(build: Build, sweeper: Sweeper) -> None:
    """Plans over 20,000 cases, for the office and for a unit."""
    sweeper.admin.execute("VACUUM (FULL, ANALYZE)")  # what earlier tests left behind is read at every row otherwise
    with unit_of_work() as work:
        fill(work, 20_000)
    sweeper.admin.execute("VACUUM (FULL, ANALYZE) cases, case_words, assignments, clocks, reports")
    handler = Actor(role="handler", unit=TOWNSHIP, held=frozenset({HeldRole("handler", TOWNSHIP)}))
    wrong = []
    for actor in (OFFICE_ACTOR, handler):
        with unit_of_work(actor) as work:
            work.session.execute(text("SET LOCAL random_page_cost = 1.1"))  # disks do not turn any more
            for name, wanted in FILTERS.items():
                query = ledger.ordered(select(Case).where(*ledger.conditions(work, wanted)), wanted).limit(50)
                sql = query.compile(work.session.get_bind(), compile_kwargs={"literal_binds": True})
                plan = "\n".join(work.session.scalars(text(f"EXPLAIN {sql}".replace(":", "\\:"))))
                if "Seq Scan on cases" in plan or "Seq Scan on case_words" in plan:
                    wrong.append(f"{actor.role} {name}:\n{plan}")
    assert not wrong, "\n\n".join(wrong)
