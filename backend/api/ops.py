"""For operators: alive, ready, figures."""

from __future__ import annotations

from datetime import datetime, timedelta
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
from backend.queue import oldest_bell_s

QUANTILES = (0.5, 0.95)

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
    _routing_figures(registry, now)
    _outside_figures(registry, now)
    _root_figures(registry)
    db.session.rollback()
    return Response(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")


def _routing_figures(registry: CollectorRegistry, now: datetime) -> None:
    """How long reports of the last hour waited to be routed, and the one that still waits."""
    oldest = db.session.scalar(select(func.min(Case.opened_at)).where(Case.state == "submitted"))
    waiting = Gauge("qinghe_unrouted_oldest_seconds", "How long the oldest report waits for routing", registry=registry)
    waiting.set((now - oldest).total_seconds() if oldest else 0)
    took = func.extract("epoch", Deferred.done_at - Deferred.created_at)
    of_last_hour = (Deferred.name == "route_case", Deferred.done_at >= now - timedelta(hours=1))
    quantiles = [func.percentile_cont(q).within_group(took) for q in QUANTILES]
    row = db.session.execute(select(*quantiles).where(*of_last_hour)).one()
    routing = Gauge("qinghe_routing_seconds", "From report to routing, last hour", ["quantile"], registry=registry)
    for quantile, value in zip(QUANTILES, row, strict=True):
        routing.labels(str(quantile)).set(value or 0)


def _outside_figures(registry: CollectorRegistry, now: datetime) -> None:
    """What waits in Redis and for WeChat."""
    failing = db.session.scalar(
        select(func.count()).select_from(Deferred).where(
            Deferred.done_at.is_(None), Deferred.gave_up_at.is_(None), Deferred.last_error.startswith("WeChat")
        )
    )  # fmt: skip
    Gauge("qinghe_wechat_failing", "Work that WeChat failed and that is tried again", registry=registry).set(
        failing or 0
    )
    is_up = Gauge("qinghe_redis_up", "Whether Redis answers", registry=registry)
    try:
        age = oldest_bell_s(system().redis, now)
    except RedisError:
        is_up.set(0)
        return
    is_up.set(1)
    Gauge("qinghe_queue_oldest_seconds", "How long the next bell waits for a worker", registry=registry).set(age)


def _root_figures(registry: CollectorRegistry) -> None:
    """How old the latest root is, and how many cases did not continue what earlier roots had stated."""
    last = db.session.scalar(select(LedgerRoot).order_by(LedgerRoot.n.desc()).limit(1))
    if last is None:
        return
    age = (system().clock() - last.at).total_seconds()
    Gauge("qinghe_ledger_root_age_seconds", "Age of the ledger's latest root", registry=registry).set(age)
    broken = Gauge("qinghe_ledger_broken_cases", "Cases that do not continue an earlier root", registry=registry)
    broken.set(Statement.read(last.statement).broken)
