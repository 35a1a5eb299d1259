"""Rows of a large county straight into the tables: townships, chiefs, their patrols, a month's cases. For figures only.

Everything is inserted by the superuser with triggers off, from a series of numbers.
"""

from __future__ import annotations

from typing import LiteralString

import psycopg

from backend.county import County

MONTH = "2026-11-01T00:00:00+08:00"

CHIEFS: LiteralString = """
WITH made AS (
    INSERT INTO persons (id, name, phone_digest, phone_sealed, created_at)
    SELECT gen_random_uuid(), '河长' || i, 'bench-' || i, '', timestamptz '2025-12-01'
    FROM generate_series(1, %(n)s) AS i
    RETURNING id, substr(phone_digest, 7)::int AS i
)
INSERT INTO roster_roles (id, person_id, role, unit_code, reaches, since)
SELECT gen_random_uuid(), id, CASE WHEN i %% 20 = 0 THEN 'township_chief' ELSE 'village_chief' END,
    (%(units)s::text[])[1 + i %% %(size)s], to_jsonb(ARRAY[(%(reaches)s::text[])[1 + i %% %(rivers)s]]),
    timestamptz '2025-12-01' FROM made
"""
PATROLS: LiteralString = """
WITH chiefs AS (
    SELECT person_id, role, unit_code, reaches, row_number() OVER (ORDER BY person_id) AS i FROM roster_roles
    JOIN persons ON persons.id = person_id WHERE phone_digest LIKE 'bench-%%'
), many AS (SELECT count(*) AS n FROM chiefs), made AS (
    INSERT INTO patrols (id, person_id, first_contact_at, last_contact_at, role, unit_code, role_in_force, reaches,
        own_reaches, started_at, finish_received_at, finished_at, finished_by, batches_made, began_at, ended_at, points,
        verdict_seq, valid)
    SELECT gen_random_uuid(), person_id, at, at, role, unit_code, true, reaches, reaches, at,
        at + interval '40 minutes', at + interval '40 minutes', 'chief', '[]', at, at + interval '40 minutes',
        1200, 1, p %% 20 <> 0
    FROM generate_series(1, %(n)s) AS p, many, LATERAL (
        SELECT timestamptz %(month)s + (p * 30.0 / %(n)s) * interval '1 day' + interval '1 minute' AS at) AS moment,
        LATERAL (SELECT * FROM chiefs WHERE i = 1 + p %% many.n) AS chief
    RETURNING id, valid, reaches, began_at
)
INSERT INTO verdicts (patrol_id, seq, made_at, made_by, valid, county_version, facts, judgement, decision, inputs)
SELECT id, 1, began_at + interval '1 hour', 'rules', valid, 1, '{}', '{}', jsonb_build_object('reaches',
    jsonb_build_array(jsonb_build_object('reach', reaches->>0, 'counts', valid, 'coverage', 0.8))), '{}' FROM made
"""
CASES: LiteralString = """
INSERT INTO cases (id, state, version, head_hash, source, category, urgent, lon, lat, opened_at, updated_at, lead_unit,
    ever_assigned, ruled, refusals, rounds, appealed, disputed, outside_county)
SELECT gen_random_uuid(), CASE WHEN i %% 50 = 0 THEN 'rejected' ELSE 'in_review' END, 4, md5(i::text), 'resident',
    'garbage', false, 102.7, 25.2, at, at + interval '3 days', (%(units)s::text[])[1 + i / 7 %% %(size)s],
    true, false, 0, 0, false, false, false
FROM generate_series(1, %(n)s) AS i,
    LATERAL (SELECT timestamptz %(month)s + (i * 25.0 / %(n)s) * interval '1 day' AS at) AS moment
"""
# A tenth was accepted too late, a fifth rectified too late; one case in ten failed its look-back.
AROUND_CASES: tuple[LiteralString, ...] = (
    "INSERT INTO assignments (id, case_id, unit_code, part, ruled, reason, opened_at, accepted_at)"
    " SELECT gen_random_uuid(), id, lead_unit, 'lead', false, '', opened_at, opened_at + interval '1 day' FROM cases",
    "INSERT INTO clocks (id, case_id, kind, holder, started_at, due_at, stopped_at)"
    " SELECT gen_random_uuid(), id, 'accept', lead_unit, opened_at,"
    " opened_at + CASE WHEN serial % 10 = 0 THEN interval '12 hours' ELSE interval '2 days' END,"
    " opened_at + interval '1 day' FROM cases",
    "INSERT INTO clocks (id, case_id, kind, holder, started_at, due_at, stopped_at)"
    " SELECT gen_random_uuid(), id, 'rectify', lead_unit, opened_at,"
    " opened_at + CASE WHEN serial % 5 = 0 THEN interval '2 days' ELSE interval '5 days' END,"
    " opened_at + interval '3 days' FROM cases",
    "INSERT INTO case_events (case_id, seq, action, from_state, to_state, at, actor, role, unit_code, data,"
    " county_version, prev_hash, hash)"
    " SELECT id, seq, action, before, after, opened_at + late, 'bench', 'handler', lead_unit, '{}', 1, '',"
    " id::text || seq FROM cases, (VALUES (1, 'submit', NULL, 'submitted', interval '0'),"
    " (2, 'assign', 'submitted', 'assigned', interval '0'), (3, 'accept', 'assigned', 'accepted', interval '1 day'),"
    " (4, 'request_closure', 'rectifying', 'in_review', interval '3 days')) AS e (seq, action, before, after, late)",
    "INSERT INTO case_events (case_id, seq, action, from_state, to_state, at, actor, role, unit_code, data,"
    " county_version, prev_hash, hash)"
    " SELECT id, 5, 'fail_follow_up', 'closed', 'rectifying', opened_at + interval '3 days', 'bench', 'office', NULL,"
    " '{}', 1, '', id::text || 5 FROM cases WHERE serial % 10 = 0",
    "INSERT INTO reports (id, case_id, origin_case_id, source, category, text, forwarded_text, forward_released_at,"
    " lon, lat, coord_type, address, observed_at, submitted_at, privacy, receipt_hash, extra, rating, rated_at)"
    " SELECT gen_random_uuid(), id, id, source, category, '河边倒垃圾', '河边倒垃圾', opened_at, lon, lat, 'wgs84', '',"
    " opened_at, opened_at, 'named', id::text, '{}', CASE WHEN serial % 4 = 0 THEN 1 + serial % 5 END,"
    " CASE WHEN serial % 4 = 0 THEN opened_at + interval '3 days' END FROM cases",
)


def with_townships(county: County, n: int) -> County:
    """The county with so many townships in all, the added ones drawn where others are."""
    units, townships = list(county.units), list(county.townships)
    while len(townships) < n:
        code = f"{county.code}{500 + len(townships)}"
        units.append(units[-1].model_copy(update={"code": code, "name": f"第{len(townships)}乡", "kind": "township"}))
        townships.append(county.townships[0].model_copy(update={"unit": code}))
    return county.model_copy(update={"units": tuple(units), "townships": tuple(townships)})


class Filler:
    """Fills one database. `units` take turns."""

    def __init__(self, admin: psycopg.Connection, county: County) -> None:
        self.admin = admin
        admin.execute("SET session_replication_role = replica")
        units = [unit.code for unit in county.units if unit.kind == "township"]
        reaches = [reach.code for reach in county.reaches]
        self.given = {"units": units, "size": len(units), "reaches": reaches, "rivers": len(reaches)}

    def chiefs(self, n: int) -> None:
        self.admin.execute(CHIEFS, {**self.given, "n": n})

    def patrols(self, n: int) -> None:
        """Of the month, by all chiefs in turn, each with its verdict."""
        self.admin.execute(PATROLS.replace("%(month)s", f"'{MONTH}'"), {"n": n})

    def cases(self, n: int) -> None:
        self.admin.execute(CASES.replace("%(month)s", f"'{MONTH}'"), {**self.given, "n": n})
        for statement in AROUND_CASES:
            self.admin.execute(statement)
