"""One transaction, then the doorbell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from flask import current_app
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from backend.counties import Counties, NoCounty, Version
from backend.county import County
from backend.domain.actors import NOBODY, Actor
from backend.extensions import db
from backend.models import Deferred
from backend.vault import Vault

log = structlog.get_logger()


@dataclass
class Work:
    """What the domain is given: the session, the time, the county in force, who acts, and the keys."""

    session: Session
    now: datetime
    county: County
    county_version: int
    vault: Vault
    counties: Counties
    actor: Actor = NOBODY
    request_id: str | None = None
    deferred: list[Deferred] = field(default_factory=list)

    def defer(self, name: str, *ids: object, after: timedelta | None = None) -> None:
        """Write down that `name` has to happen (backend.jobs.JOBS), in this very transaction."""
        row = Deferred(
            name=name,
            args=[str(i) for i in ids],
            created_at=self.now,
            run_at=self.now + (after or timedelta()),
            request_id=self.request_id,
        )
        self.session.add(row)
        self.deferred.append(row)

    def county_on(self, moment: datetime) -> Version:
        """The county as it was in force at another moment; before there was any, the one of now."""
        try:
            return self.counties.current(self.session, moment)
        except NoCounty:
            return Version(self.county_version, self.county)

    def county_of(self, version: int) -> Version:
        """The county of a version by which something was decided."""
        return self.counties.at(self.session, version)


@contextmanager
def unit_of_work(actor: Actor = NOBODY) -> Iterator[Work]:
    """A Work whose changes are committed together on leaving, or not at all; then the bell is rung.

    A bell that cannot be rung is logged and left to the sweep: the rows are the truth.
    """
    system = current_app.extensions["qinghe"]
    session = db.session()
    session.expire_all()  # a worker's session lives for days: nothing read before is believed now
    try:
        version = system.counties.current(session, system.clock())
        work = Work(
            session=session,
            now=system.clock(),
            county=version.county,
            county_version=version.id,
            vault=system.vault,
            counties=system.counties,
            actor=actor,
            request_id=structlog.contextvars.get_contextvars().get("request_id"),
        )
        yield work
        session.commit()
    except BaseException:
        session.rollback()
        raise
    if any(row.run_at <= work.now for row in work.deferred):
        ring(system.ring)


def ring(bell: Callable[[], None]) -> None:
    """Ring once; Redis being away is no reason to fail what is already committed."""
    try:
        bell()
    except (RedisError, OSError) as error:
        log.warning("doorbell_unreachable", error=type(error).__name__)


@contextmanager
def reading(actor: Actor) -> Iterator[Work]:
    """A Work that only reads, all of it as it was at one moment, on a connection of its own."""
    system = current_app.extensions["qinghe"]
    moment = db.engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with moment, Session(moment, expire_on_commit=False) as session:
        version = system.counties.current(session, system.clock())
        yield Work(
            session=session, now=system.clock(), county=version.county, county_version=version.id, vault=system.vault,
            counties=system.counties, actor=actor,
        )  # fmt: skip


@contextmanager
def aside() -> Iterator[Work]:
    """A unit of work beside the one at hand, committed on leaving, whatever becomes of the other."""
    with current_app.app_context(), unit_of_work() as work:
        yield work
