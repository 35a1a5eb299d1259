"""The application of the tests: real PostgreSQL, Redis and S3; the clock and WeChat are doubles."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from apiflask import APIFlask
from werkzeug.serving import make_server

from backend import create_app
from backend.counties import load
from backend.county import County
from backend.county_files import read_county
from backend.domain import people
from backend.extensions import db
from backend.local.testing import Services
from backend.local.wechat import Account, create_stand_in
from backend.roster_file import read_roster
from backend.settings import Settings
from backend.work import unit_of_work
from tests.build import Build

pytest_plugins = ["tests.browser", "tests.services"]

QINGYUAN = Path(__file__).parent.parent / "config" / "county" / "qingyuan"


# Minutes in a few tests: begun first, so that at the end no worker is left alone with one of them. Before them what
# looks at plans of the database: a thousand tests leave marks on its statistics and on its connections' plans.
LONG_FIRST = ("api/test_ledger.py", "api/test_fuzz.py", "simulation", "faults", "e2e", "test_story.py", "local", "desk")


def _place(item: pytest.Item) -> int:
    path = item.path.relative_to(Path(__file__).parent).as_posix()
    return next((place for place, name in enumerate(LONG_FIRST) if path.startswith(name)), len(LONG_FIRST))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first. What is marked `large` runs in `make test-full` only."""
    items.sort(key=_place)
    if os.environ.get("TEST_SIZE") != "full":
        for item in items:
            if item.get_closest_marker("large"):
                item.add_marker(pytest.mark.skip(reason="large: make test-full"))


class MovableClock:
    """Starts on a working Monday morning, and moves when told."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.now = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@pytest.fixture(scope="session")
def county() -> County:
    return read_county(QINGYUAN)


@pytest.fixture(scope="session")
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="session")
def wechat_url(settings_env: dict[str, str]) -> Iterator[str]:
    """The WeChat and SMS stand-in, served on a free port."""
    stand_in = create_stand_in(
        Account(
            app_id=settings_env["WECHAT_APP_ID"],
            app_secret=settings_env["WECHAT_APP_SECRET"],
            push_token=settings_env["WECHAT_PUSH_TOKEN"],
            push_aes_key=settings_env["WECHAT_PUSH_AES_KEY"],
            sms_key=settings_env["SMS_KEY"],
        )
    )
    server = make_server("127.0.0.1", 0, stand_in, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="session")
def app(settings_env: dict[str, str], county: County, clock: MovableClock, wechat_url: str) -> APIFlask:
    env = {
        **settings_env,
        "WECHAT_BASE_URL": wechat_url,
        "SMS_BASE_URL": wechat_url,
        "WECHAT_TEMPLATES": {"default": "T-case"},
    }
    settings = Settings(**{k.lower(): v for k, v in env.items() if k.lower() in Settings.model_fields})
    app = create_app(settings, clock=clock)
    with app.app_context():
        app.extensions["qinghe"].storage.ensure_bucket()
        load(db.session(), county, clock().date(), clock())
        db.session.commit()
    return app


@pytest.fixture(scope="session")
def sweeper(app: APIFlask, services: Services) -> Iterator[Sweeper]:
    with psycopg.connect(services.admin_database_url, autocommit=True) as admin, app.app_context():
        yield Sweeper(admin)


@pytest.fixture
def clean(app: APIFlask, clock: MovableClock, sweeper: Sweeper) -> Iterator[None]:
    """Nothing on the ledger, the demo roster, Monday morning."""
    clock.reset()
    app.extensions["qinghe"].redis.flushdb()
    with app.app_context():
        sweeper.sweep()
        yield


class Sweeper:
    """Makes the database what it is before a test, in a few statements: importing the roster takes hundreds.

    As the superuser with triggers off: for everybody else events are append-only.
    """

    REGISTER = ("risk_source_versions", "risk_source_events")  # begun when the county was loaded
    FIRST = ("persons", "roster_roles", *REGISTER)
    KEPT = frozenset({"county_versions", "units", "reach_names"})

    def __init__(self, admin: psycopg.Connection) -> None:
        self.admin = admin
        admin.execute("SET session_replication_role = replica")
        self.tables = [name for name in db.metadata.tables if name not in self.KEPT]
        self._empty([name for name in self.tables if name not in self.REGISTER])
        with unit_of_work() as work:
            people.import_roster(work, read_roster((QINGYUAN / "roster.csv").read_bytes(), work.county))
        for name in self.FIRST:
            admin.execute(f"CREATE TEMP TABLE first_{name} AS TABLE {name}".encode())
        self.versions = admin.execute("SELECT max(id) FROM county_versions").fetchone()

    def sweep(self) -> None:
        filled = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in self.tables)
        self._empty([name for (name,) in self.admin.execute(filled.encode())])
        for name in self.FIRST:
            self.admin.execute(f"INSERT INTO {name} SELECT * FROM first_{name}".encode())
        self.admin.execute("DELETE FROM county_versions WHERE id > %s", self.versions)

    def _empty(self, tables: list[str]) -> None:
        for name in tables:
            self.admin.execute(f"DELETE FROM {name}".encode())


@pytest.fixture
def build(app: APIFlask, clean: None, clock: MovableClock, wechat_url: str) -> Build:
    return Build(app, clock, wechat_url)
