"""Many cases at once, straight into the tables: for plans and exports, where going through HTTP takes too long."""

from __future__ import annotations

from sqlalchemy import text

from backend.work import Work

_WORDS = ["河边倒垃圾", "疑似偷排污水", "岸边搭建棚房", "水面漂浮物成片", "夜间采砂船作业"]

_CASES = """
    INSERT INTO cases (id, state, version, head_hash, source, category, urgent, lon, lat, opened_at, closed_at,
        lead_unit, ever_assigned, ruled, refusals, rounds, appealed, disputed, outside_county, reach, updated_at,
        source_number)
    SELECT gen_random_uuid(), state, 1, md5(i::text), CASE WHEN i % 50 = 0 THEN 'petition' ELSE 'resident' END,
        kinds[1 + i % array_length(kinds, 1)], i % 40 = 0, 100 + i * 1e-6, 25, opened,
        CASE WHEN state IN ('closed', 'archived') THEN opened + interval '5 days' END,
        units[1 + i % array_length(units, 1)], true, false, 0, 0, false, false, false,
        reaches[1 + i % array_length(reaches, 1)], opened + interval '1 day', CASE WHEN i % 50 = 0 THEN '信' || i END
    FROM (SELECT CAST(:units AS text[]) AS units, CAST(:kinds AS text[]) AS kinds, CAST(:reaches AS text[]) AS reaches,
                 CAST(:n AS int) AS n, CAST(:now AS timestamptz) AS now) AS given,
        generate_series(1, n) AS i,
        LATERAL (SELECT now - (n - i) * interval '30 minutes' AS opened,
            CASE WHEN i > n * 0.97 THEN 'rectifying' WHEN i % 100 = 0 THEN 'triage' WHEN i % 3 = 0 THEN 'closed'
                 ELSE 'archived' END AS state) AS made
"""
_REPORTS = """
    INSERT INTO reports (id, case_id, origin_case_id, source, category, text, forwarded_text, forward_released_at, lon,
        lat, coord_type, address, observed_at, submitted_at, privacy, receipt_hash, extra)
    SELECT gen_random_uuid(), id, id, source, category, words, words, opened_at, lon, lat, 'wgs84', '清水河边',
        opened_at, opened_at, 'named', id::text, '{}'
    FROM (SELECT *, (CAST(:words AS text[]))[1 + serial % 5] AS words FROM bare) AS named
"""
_ASSIGNMENTS = """
    INSERT INTO assignments (id, case_id, unit_code, part, ruled, reason, opened_at)
    SELECT gen_random_uuid(), id, lead_unit, 'lead', false, '属地办理', opened_at FROM bare
    UNION ALL
    SELECT gen_random_uuid(), id, :helper, 'assist', false, '协助', opened_at FROM bare WHERE serial % 10 = 0
"""
_CLOCKS = """
    INSERT INTO clocks (id, case_id, kind, holder, started_at, due_at, stopped_at)
    SELECT gen_random_uuid(), id, 'rectify', lead_unit, opened_at, opened_at + interval '4 days', closed_at FROM bare
"""
# Those made here: cases that came by HTTP have events.
_BARE = "WITH bare AS (SELECT * FROM cases WHERE NOT EXISTS (SELECT FROM case_events WHERE case_id = cases.id)) "


def fill(work: Work, n: int) -> None:
    """`n` cases of all kinds, the last one now and 30 minutes between them, with report, assignment and clock."""
    given = {
        "units": [unit.code for unit in work.county.units if unit.kind == "township"],
        "kinds": [category.code for category in work.county.categories],
        "reaches": [reach.code for reach in work.county.reaches],
        "now": work.now,
        "n": n,
        "words": _WORDS,
        "helper": f"{work.county.code}-water",
    }
    # Plans of triggers and foreign keys were made when the tables held a handful: by them each row reads all others.
    work.session.execute(text("DISCARD PLANS"))
    work.session.execute(text("SET LOCAL enable_seqscan = off"))
    for statement in (_CASES, _REPORTS, _ASSIGNMENTS, _CLOCKS):
        prepared = text(_BARE + statement)
        work.session.execute(prepared, {name: given[name] for name in prepared._bindparams})
        work.session.execute(text("ANALYZE cases, case_events"))
    work.session.execute(text("SET LOCAL enable_seqscan = on"))
    work.session.execute(text("DISCARD PLANS"))
    for table in ("cases", "case_words", "assignments", "clocks", "reports"):
        work.session.execute(text(f"ANALYZE {table}"))
