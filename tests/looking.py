"""What tests look at from outside: whether a refusal is plain, and everything the database holds."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from apiflask import APIFlask
from sqlalchemy import func, select, text
from werkzeug.test import TestResponse

from backend.extensions import db


def is_a_plain_refusal(answer: TestResponse, status: int, code: str, what: str = "") -> None:
    """A problem of RFC 9457 whose title a villager can read. `what` was tried, for the failure's message."""
    assert (answer.status_code, answer.json["code"]) == (status, code), (what, answer.json)
    assert answer.mimetype == "application/problem+json"
    assert answer.json["status"] == status
    assert re.search(r"[\u4e00-\u9fff]{2}.*。$", answer.json["title"]), (what, answer.json["title"])
    assert answer.headers["X-Request-Id"]


def rows(app: APIFlask) -> dict[str, int]:
    """How many rows each table has."""
    with app.app_context():
        counted = {
            name: db.session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in db.metadata.tables.items()
        }
        db.session.rollback()
        return counted


def sql(app: APIFlask, statement: str, **values: Any) -> list[dict[str, Any]]:
    """The rows of a query, as the application's role sees them."""
    with app.app_context():
        found = [dict(row) for row in db.session.execute(text(statement), values).mappings()]
        db.session.rollback()
        return found


def everything(app: APIFlask, but: Collection[str] = ()) -> str:
    """All rows of all tables as text, except the tables named."""
    names = [table.name for table in db.metadata.sorted_tables if table.name not in but]
    return "\n".join(row["t"] for name in names for row in sql(app, f"SELECT to_jsonb(t)::text AS t FROM {name} t"))
