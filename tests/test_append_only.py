"""What the application's own role can do to the records: add to them, and nothing else. Tried as that role."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from apiflask import APIFlask
from psycopg import errors

from backend.local.postgres_server import APP, OWNER
from backend.work import unit_of_work
from tests.domain.ledger import act, case_in, report_of, reporter_of

# Table → its key and a column.
APPEND_ONLY = {
    "case_events": ("id", "role"),
    "ledger_uses": ("id", "role"),
    "ledger_roots": ("n", "kind"),
    "ledger_heads": ("case_id, root", "number"),
    "identity_looks": ("id", "reason"),
    "publications": ("id", "reason"),
    "order_answers": ("id", "seq"),
    "desk_entries": ("id", "outcome"),
    "targets": ("id", "name"),
    "target_values": ("id", "source"),
    "duty_reminders": ("id", "reason"),
}
NEVER_DELETED = ("cases", "reports", "supplements", "personal_texts")


@pytest.fixture
def kept(app: APIFlask, clean: None) -> None:
    """A case with words, and a row in each table that is only added to."""
    with unit_of_work() as work:
        case = case_in(work, "accepted", address="河边")
        report = report_of(work, case)
        act(work, case, reporter_of(report), "supplement", text="又倒了一车。")
        for statement in (
            "INSERT INTO ledger_roots VALUES (1, now(), 'extra', 's', 's', 'k')",
            f"INSERT INTO ledger_heads VALUES ('{case.id}', 1, 'QH-2026-000001', 1, 'h')",
            "INSERT INTO ledger_uses (at, kind, actor, role, rows, detail) VALUES (now(), 'x', 'a', 'office', 1, '{}')",
            "INSERT INTO desk_entries (at, how, outcome, browser, address) VALUES (now(), 'scan', 'ok', 'b', 'a')",
            "INSERT INTO duty_reminders SELECT gen_random_uuid(), id, 'week', now(), 1, 0, 'r', 'b', 'office', now() "
            "FROM roster_roles LIMIT 1",
            f"INSERT INTO identity_looks (at, report_id, role, reason) VALUES (now(), '{report.id}', 'office', 'r')",
            "INSERT INTO publications (case_id, at, withheld, photos, reason) "
            f"VALUES ('{case.id}', now(), true, '[]', 'r')",
            "INSERT INTO targets VALUES (gen_random_uuid(), gen_random_uuid(), 'n', 'm', 'higher', 95, now(), "
            "'530199001', false, now(), 'a')",
            "INSERT INTO target_values VALUES (gen_random_uuid(), gen_random_uuid(), now(), 1, 's', '', now(), 'a')",
            f"INSERT INTO hotline_orders (case_id, number, kind, called_at) VALUES ('{case.id}', '1', '', now())",
            "INSERT INTO answer_files SELECT gen_random_uuid(), id, now(), '[]', 1, 0 FROM persons LIMIT 1",
            "INSERT INTO order_answers (file_id, case_id, seq, event_id, content) "
            f"SELECT answer_files.id, '{case.id}', 1, case_events.id, '{{}}' FROM answer_files, case_events LIMIT 1",
        ):
            work.session.connection().exec_driver_sql(statement)


@pytest.fixture
def as_app(kept: None, settings_env: dict[str, str]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(settings_env["DATABASE_URL"]) as connection:
        assert connection.info.user == APP
        yield connection
        connection.rollback()


@pytest.fixture
def as_owner(kept: None, settings_env: dict[str, str]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(settings_env["MIGRATE_DATABASE_URL"]) as connection:
        assert connection.info.user == OWNER
        yield connection
        connection.rollback()


def forbidden(table: str) -> list[str]:
    """Every way that PostgreSQL has of changing rows of a table, or what guards them."""
    key, column = APPEND_ONLY[table]
    return [
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"TRUNCATE cases CASCADE /* {table} */",
        f"MERGE INTO {table} USING (SELECT 1) AS one ON true WHEN MATCHED THEN UPDATE SET {column} = {column}",
        f"MERGE INTO {table} USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
        f"INSERT INTO {table} SELECT * FROM {table} ON CONFLICT ({key}) DO UPDATE SET {column} = excluded.{column}",
        f"SELECT * FROM {table} FOR UPDATE",
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        f"ALTER TABLE {table} DISABLE TRIGGER USER",
        f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only",
        f"DROP TRIGGER {table}_append_only ON {table}",
        f"ALTER TRIGGER {table}_append_only ON {table} RENAME TO other",
        f"CREATE TRIGGER zz BEFORE INSERT ON {table} EXECUTE FUNCTION refuse_any_change()",
        f"CREATE RULE zz AS ON INSERT TO {table} DO INSTEAD NOTHING",
        f"ALTER TABLE {table} ADD COLUMN zz int",
        f"ALTER TABLE {table} OWNER TO {APP}",
        f"DROP TABLE {table}",
        f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
    ]


GENERAL = [
    "SET session_replication_role = replica",
    f"SET ROLE {OWNER}",
    f"SET SESSION AUTHORIZATION {OWNER}",
    f"ALTER ROLE {APP} SUPERUSER",
    f"GRANT {OWNER} TO {APP}",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    "ALTER FUNCTION refuse_any_change() RENAME TO zz",
    "DROP FUNCTION refuse_any_change() CASCADE",
    "CREATE TABLE public.zz (i int)",
    "CREATE SCHEMA zz",
    "ALTER SCHEMA public RENAME TO zz",
]


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_the_application_can_only_add(as_app: psycopg.Connection, table: str) -> None:
    for statement in forbidden(table):
        with pytest.raises(errors.InsufficientPrivilege), as_app.transaction():
            as_app.execute(statement.encode())


@pytest.mark.parametrize("statement", GENERAL)
def test_the_application_cannot_make_itself_more_than_it_is(as_app: psycopg.Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        as_app.execute(statement.encode())


def test_a_right_that_the_application_gives_itself_is_none(as_app: psycopg.Connection) -> None:
    as_app.execute(f"GRANT UPDATE, DELETE ON case_events TO {APP}".encode())  # PostgreSQL only warns
    with pytest.raises(errors.InsufficientPrivilege):
        as_app.execute("DELETE FROM case_events")


@pytest.mark.parametrize("table", NEVER_DELETED)
def test_nothing_that_was_reported_is_struck_off_by_the_application(as_app: psycopg.Connection, table: str) -> None:
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(errors.InsufficientPrivilege), as_app.transaction():
            as_app.execute(statement.encode())


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_even_the_owner_is_refused_while_the_triggers_stand(as_owner: psycopg.Connection, table: str) -> None:
    """The owner's is the migration's role: it could switch them off, and that shows in the verification."""
    column = APPEND_ONLY[table][1]
    for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(errors.RaiseException, match="append-only"), as_owner.transaction():
            as_owner.execute(statement.encode())


def test_words_of_people_can_be_erased_once_and_not_otherwise_changed(as_app: psycopg.Connection) -> None:
    refused = [
        "UPDATE personal_texts SET text = '别的话'",
        "UPDATE personal_texts SET text = NULL",
        "UPDATE personal_texts SET text = NULL, salt = NULL",
        "UPDATE personal_texts SET salt = NULL, erased_at = now()",
        "UPDATE personal_texts SET erased_at = now()",
        "UPDATE personal_texts SET text = NULL, salt = NULL, erased_at = now(), id = gen_random_uuid()",
    ]
    for statement in refused:
        with pytest.raises(errors.RaiseException, match="can only be erased"), as_app.transaction():
            as_app.execute(statement.encode())
    assert as_app.execute("UPDATE personal_texts SET text = NULL, salt = NULL, erased_at = now()").rowcount
    with pytest.raises(errors.RaiseException, match="can only be erased"):
        as_app.execute("UPDATE personal_texts SET text = '回来', salt = 's', erased_at = NULL")


@pytest.mark.parametrize("table", ["reports", "supplements"])
def test_what_somebody_has_reported_can_be_erased_and_not_put_differently(
    as_app: psycopg.Connection, table: str
) -> None:
    refused = ["text = '别的话'", "salt = NULL", "salt = 'x'", "erased_at = now()", "text = '', erased_at = now()"]
    if table == "reports":
        refused += ["address = '别处'", "observed_at = now()", "submitted_at = now()"]
    for change in refused:
        with pytest.raises(errors.RaiseException, match="can only be erased"), as_app.transaction():
            as_app.execute(f"UPDATE {table} SET {change}".encode())
    as_app.execute(f"UPDATE {table} SET forwarded_text = '转办'".encode())  # what units read, the office may mend
    assert as_app.execute(f"UPDATE {table} SET text = '', salt = NULL, erased_at = now()".encode()).rowcount
    with pytest.raises(errors.RaiseException, match="can only be erased"):
        as_app.execute(f"UPDATE {table} SET text = '回来', salt = 's', erased_at = NULL".encode())
