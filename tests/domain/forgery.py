"""A ledger with signed roots in a database of its own, and a forger who owns that database.

What the forger does happens in a transaction that is verified from within and then undone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from apiflask import APIFlask
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session

from backend import create_app
from backend.clients.root_places import RootFolder
from backend.counties import load
from backend.county import County
from backend.domain import events, root_checks, roots, verification
from backend.domain.discrepancies import Discrepancy, Outcome
from backend.domain.root_checks import Kept
from backend.extensions import db
from backend.local.testing import Services
from backend.models import Case, CaseEvent
from backend.signing import keyring
from backend.work import Work, unit_of_work
from tests.domain.ledger import act, case_in, report_of, reporter_of

# (state, how many events it has by then); two roots are made between and after.
FIRST_CASES = ("assigned", "in_review", "closed", "triage")
LATER_CASES = ("rectifying", "rejected")


@dataclass
class Scene:
    """`numbers` names the cases of FIRST_CASES and LATER_CASES in that order; `folder` holds the roots outside."""

    app: APIFlask
    owner: Engine
    folder: Path
    numbers: list[str]

    @contextmanager
    def forger(self) -> Iterator[Forger]:
        with self.app.app_context(), self.owner.connect() as connection:
            with Session(bind=connection, expire_on_commit=False) as session, unit_of_work() as own:
                yield Forger(self, replace(own, session=session))
                session.rollback()
            connection.rollback()


@dataclass
class Forger:
    scene: Scene
    work: Work

    def case(self, number: str) -> Case:
        found = self.work.session.scalars(select(Case).execution_options(populate_existing=True))
        return next(case for case in found if case.number == number)

    def chain(self, number: str) -> list[CaseEvent]:
        query = select(CaseEvent).where(CaseEvent.case_id == self.case(number).id).order_by(CaseEvent.seq)
        return list(self.work.session.scalars(query.execution_options(populate_existing=True)))

    def sql(self, statement: str, **values: Any) -> None:
        """As the owner of the tables, with every trigger of ours switched off for the while."""
        self.work.session.flush()
        tables = (
            "case_events",
            "cases",
            "personal_texts",
            "ledger_roots",
            "ledger_heads",
            "clocks",
            "reports",
            "supplements",
        )
        for how in ("DISABLE", "ENABLE"):
            if how == "ENABLE":
                self.work.session.execute(text(statement), values)
                self.work.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            for table in tables:
                self.work.session.execute(text(f"ALTER TABLE {table} {how} TRIGGER USER"))
        self.work.session.expire_all()

    def change(self, event: CaseEvent, **columns: Any) -> None:
        """Set columns of one event as they are given; data as a JSON text."""
        as_given = {"data": "CAST(:data AS jsonb)"}
        sets = ", ".join(f"{name} = {as_given.get(name, f':{name}')}" for name in columns)
        self.sql(f"UPDATE case_events SET {sets} WHERE id = :event", event=event.id, **columns)

    def rehash(self, number: str, first: int, last: int | None = None) -> None:
        """Recompute the links from event `first` on, to `last` or the end, and then the head of the case too."""
        for place, _ in enumerate(self.chain(number)[first - 1 : last], first - 1):
            chain = self.chain(number)
            event = chain[place]
            before = chain[place - 1].hash if place else events.genesis(event.case_id)
            columns = {column.name: getattr(event, column.name) for column in CaseEvent.__table__.columns}
            link = events.link(SimpleNamespace(**{**columns, "prev_hash": before}))
            self.change(event, prev_hash=before, hash=link)
        if last is None:
            self.follow(number)

    def follow(self, number: str) -> None:
        """Make the case's own row fit its last event."""
        last = self.chain(number)[-1]
        self.sql(
            "UPDATE cases SET version = :v, head_hash = :h, state = :s WHERE id = :id",
            v=last.seq, h=last.hash, s=last.to_state, id=last.case_id,
        )  # fmt: skip

    def remove_case(self, number: str) -> None:
        """Everything there is of a case."""
        held = {"id": self.case(number).id}
        of_report = "report_id IN (SELECT id FROM reports WHERE case_id = :id)"
        photos = f"SELECT id FROM photos WHERE case_id = :id OR {of_report}"
        for statement in (
            f"DELETE FROM evidence_flags WHERE photo_id IN ({photos}) OR other_photo_id IN ({photos})",
            "DELETE FROM follow_ups WHERE case_id = :id",
            f"DELETE FROM photos WHERE case_id = :id OR {of_report}", f"DELETE FROM supplements WHERE {of_report}",
            *(f"DELETE FROM {table} WHERE case_id = :id" for table in
              ("reports", "assignments", "clocks", "case_words", "case_events", "personal_texts")),
            "DELETE FROM cases WHERE id = :id",
        ):  # fmt: skip
            self.sql(statement, **held)

    def verified(self, folder: Path | None = None, since: int | None = None, every_tree: bool = False) -> Outcome:
        """What the verification finds, with the roots that are kept outside."""
        place = RootFolder(folder or self.scene.folder)
        files, bad = roots.read_place(place)
        keys = keyring(self.scene.app.extensions["qinghe"].signer.public)
        checked = root_checks.check(self.work, [Kept("目录", files, bad)], keys, since, every_tree)
        outcome = verification.verify(self.work, checked.known, since)
        outcome.discrepancies += checked.discrepancies
        outcome.notes += checked.notes
        return outcome

    def first(self, **how: Any) -> Discrepancy:
        found = self.verified(**how).first
        assert found is not None, "nothing was found"
        return found


def make_scene(app: APIFlask, services: Services, county: County, folder: Path) -> Scene:
    """Six cases under two roots: the first four grew until the first root, all six until the second."""
    url, owner_url = services.new_database()
    system = app.extensions["qinghe"]
    settings = system.settings.model_copy(
        update={"database_url": url.replace("postgresql://", "postgresql+psycopg://")}
    )
    own = create_app(settings, clock=system.clock, root_places=[RootFolder(folder)])
    numbers: list[str] = []
    with own.app_context():
        load(db.session(), county, system.clock().date(), system.clock())
        db.session.commit()
        for states in (FIRST_CASES, LATER_CASES):
            made: list[UUID] = []
            with unit_of_work() as work:
                for state in states:
                    case = case_in(work, state, text=f"河边的事，{state}。")
                    made.append(case.id)
                    numbers.append(case.number)
                if states == FIRST_CASES:
                    first = work.session.get_one(Case, made[0])
                    act(work, first, reporter_of(report_of(work, first)), "supplement", text="又倒了一车。")
            with unit_of_work() as work:
                root = roots.make(work, system.signer, extra=bool(states == LATER_CASES))
                assert root is not None
                roots.publish(work, root.n, [RootFolder(folder)])
    owner = create_engine(owner_url.replace("postgresql://", "postgresql+psycopg://"))
    return Scene(own, owner, folder, numbers)
