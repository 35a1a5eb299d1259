"""For operators: alive, ready, figures."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, jsonify
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from redis.exceptions import RedisError
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from backend.api.access import system
from backend.domain.roots import Statement
from backend.extensions import db
from backend.models import Case, Deferred, LedgerRoot

bp = APIBlueprint("ops", __name__, enable_openapi=False)


@bp.get("/healthz")
def healthz() -> Any:
    return jsonify(status="ok")


@bp.get("/readyz")
def readyz() -> Any:
    """Ready when the database answers. Redis or storage away is told, but reports are still taken in."""
    parts = {"database": _database(), "redis": _redis(), "storage": system().storage.ready()}
    return jsonify(status="ok" if all(parts.values()) else "degraded", **parts), 200 if parts["database"] else 503


def _database() -> bool:
    try:
        db.session.execute(text("select 1"))
    except SQLAlchemyError:
        return False
    finally:
        db.session.rollback()
    return True


def _redis() -> bool:
    try:
        return bool(system().redis.ping())
    except RedisError:
        return False


@bp.get("/metrics")
def metrics() -> Response:
    """Prometheus text, read from the database: figures that no process restart resets."""
    registry = CollectorRegistry()
    now = system().clock()
    waiting = (Deferred.done_at.is_(None), Deferred.gave_up_at.is_(None))
    open_rows, oldest = db.session.execute(
        select(func.count(), func.min(Deferred.run_at)).select_from(Deferred).where(*waiting, Deferred.run_at <= now)
    ).one()
    Gauge("qinghe_deferred_due", "Deferred work that is due", registry=registry).set(open_rows)
    age = (now - oldest).total_seconds() if oldest else 0
    Gauge("qinghe_deferred_oldest_seconds", "How long the oldest due work waits", registry=registry).set(age)
    gave_up = db.session.scalar(select(func.count()).select_from(Deferred).where(Deferred.gave_up_at.is_not(None)))
    Gauge("qinghe_deferred_gave_up", "Work whose attempts are used up", registry=registry).set(gave_up or 0)
    states = Gauge("qinghe_cases", "Cases by state", ["state"], registry=registry)
    for state, number in db.session.execute(select(Case.state, func.count()).group_by(Case.state)):
        states.labels(state).set(number)
    _root_figures(registry)
    db.session.rollback()
    return Response(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")


def _root_figures(registry: CollectorRegistry) -> None:
    """How old the latest root is, and how many cases did not continue what earlier roots had stated."""
    last = db.session.scalar(select(LedgerRoot).order_by(LedgerRoot.n.desc()).limit(1))
    if last is None:
        return
    age = (system().clock() - last.at).total_seconds()
    Gauge("qinghe_ledger_root_age_seconds", "Age of the ledger's latest root", registry=registry).set(age)
    broken = Gauge("qinghe_ledger_broken_cases", "Cases that do not continue an earlier root", registry=registry)
    broken.set(Statement.read(last.statement).broken)
