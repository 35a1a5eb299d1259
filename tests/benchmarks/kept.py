"""A ledger too large to be filled at every run: in servers of its own, whose data stay in .local/bench-large."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
from apiflask import APIFlask
from sqlalchemy import func, select

from backend import create_app
from backend.domain import people
from backend.local.folder import CHECKOUT
from backend.local.postgres_server import Postgres
from backend.local.system import System
from backend.models import Case
from backend.roster_file import read_roster
from backend.settings import Settings
from backend.work import unit_of_work
from tests.build import QINGYUAN
from tests.ledger_rows import fill


@contextlib.contextmanager
def kept_ledger(n: int) -> Iterator[APIFlask]:
    """The application over `n` cases, filled in at the first time; delete the folder to have it filled anew."""
    folder = CHECKOUT / ".local" / f"bench-large-{n}"
    folder.parent.mkdir(exist_ok=True)
    with System.start(folder, web=False, workers=0, scheduler=False) as system:
        known = {name.lower(): value for name, value in system.settings_env.items() if name != "WECHAT_TEMPLATES"}
        own = create_app(Settings(**{name: known[name] for name in Settings.model_fields if name in known}))
        with own.app_context(), unit_of_work() as work:
            filled = work.session.scalar(select(func.count()).select_from(Case)) == n
            if not filled:
                people.import_roster(work, read_roster((QINGYUAN / "roster.csv").read_bytes(), work.county))
                fill(work, n)
        if not filled:
            server = Postgres(port=system.folder.remembered("ports")["postgres"], secrets=system.folder.secrets())
            name = own.extensions["qinghe"].settings.database_url.rpartition("/")[2]
            with psycopg.connect(server.url(name, "postgres"), autocommit=True) as admin:
                admin.execute("VACUUM ANALYZE")
        yield own
