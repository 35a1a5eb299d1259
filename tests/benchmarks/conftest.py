"""Fixtures of the benchmarks: databases of their own, filled once, and real processes that serve them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from apiflask import APIFlask

from backend import create_app
from backend.counties import load
from backend.county import County
from backend.domain import people
from backend.extensions import db
from backend.local.testing import Services
from backend.roster_file import read_roster
from backend.work import unit_of_work
from tests.benchmarks.kept import kept_ledger
from tests.benchmarks.rows import Filler
from tests.benchmarks.serving import Served
from tests.build import QINGYUAN
from tests.ledger_rows import fill

FILLED_ANEW = int(os.environ.get("BENCH_FILLED_ANEW", "100000"))  # a larger ledger is kept from run to run


@pytest.fixture(scope="session")
def new_app(app: APIFlask, services: Services, county: County) -> Iterator[Callable[..., APIFlask]]:
    """Makes the application anew on a database of its own with county and roster, by today's clock unless told."""
    made: list[APIFlask] = []

    def make(county: County = county, now: datetime | None = None) -> APIFlask:
        url, _ = services.new_database()
        settings = app.extensions["qinghe"].settings
        address = url.replace("postgresql://", "postgresql+psycopg://")
        free = {name: "1000000/minute" for name in type(settings).model_fields if name.startswith("limit_")}
        own = create_app(
            settings.model_copy(update={"database_url": address, **free}), clock=lambda: now or datetime.now(UTC)
        )
        made.append(own)
        with own.app_context():
            load(db.session(), county, datetime(2026, 1, 1, tzinfo=UTC).date(), datetime.now(UTC))
            db.session.commit()
            with unit_of_work() as work:
                people.import_roster(work, read_roster((QINGYUAN / "roster.csv").read_bytes(), work.county))
        return own

    yield make
    for own in made:
        with own.app_context():
            db.session.remove()
            db.engine.dispose()
        services.drop_database(database_of(own))


def database_of(own: APIFlask) -> str:
    """The address of an application's database, as psycopg wants it."""
    address: str = own.extensions["qinghe"].settings.database_url
    return address.replace("postgresql+psycopg://", "postgresql://")


@pytest.fixture(scope="session")
def fill_rows(services: Services, vacuum: Callable[[APIFlask], None]) -> Callable[..., None]:
    """Fills an application's database with chiefs, patrols and cases by the number, then tidies it."""

    def fill_them(own: APIFlask, county: County, **numbers: int) -> None:
        name = database_of(own).rpartition("/")[2]
        with psycopg.connect(services.postgres.url(name, "postgres")) as admin:
            filler = Filler(admin, county)
            for what, n in numbers.items():
                getattr(filler, what)(n)
        vacuum(own)

    return fill_them


@pytest.fixture(scope="session")
def vacuum(services: Services) -> Callable[[APIFlask], None]:
    """Tidies a database that was just filled, as autovacuum would in an hour."""

    def tidy(own: APIFlask) -> None:
        name = database_of(own).rpartition("/")[2]
        with psycopg.connect(services.postgres.url(name, "postgres"), autocommit=True) as admin:
            admin.execute("VACUUM ANALYZE")

    return tidy


@pytest.fixture(scope="session")
def ledger_of(
    new_app: Callable[[], APIFlask], vacuum: Callable[[APIFlask], None]
) -> Iterator[Callable[[int], APIFlask]]:
    """The application over a ledger of `n` cases, made once for all the files that measure it."""
    made: dict[int, APIFlask] = {}
    kept = contextlib.ExitStack()

    def of(n: int) -> APIFlask:
        if n not in made and n > FILLED_ANEW:
            made[n] = kept.enter_context(kept_ledger(n))
        elif n not in made:
            made[n] = own = new_app()
            with own.app_context(), unit_of_work() as work:
                fill(work, n)
            vacuum(own)
        return made[n]

    with kept:
        yield of


@pytest.fixture
def serve(services: Services, wechat_url: str) -> Iterator[Callable[..., Served]]:
    """Starts processes over an application's database; they end with the test."""
    with contextlib.ExitStack() as running:

        def start(own: APIFlask, *command: str, port: int | None = None) -> Served:
            settings = own.extensions["qinghe"].settings
            limits = {name.upper(): value for name, value in settings if name.startswith("limit_")}
            env = {**services.env, **limits, "DATABASE_URL": database_of(own), "WECHAT_BASE_URL": wechat_url,
                   "SMS_BASE_URL": wechat_url, "WECHAT_TEMPLATES": '{"default": "T-case"}'}  # fmt: skip
            return running.enter_context(Served(command, env, port))

        yield start
