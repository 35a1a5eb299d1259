"""Schemathesis over the whole interface, as everybody: nothing breaks it, and every answer is as described.

New endpoints are picked up by themselves. What a failure means and how to mend it:
- a 5xx: the input reached something that cannot take it; refuse it with a Fault, or narrow the form's field.
- an undocumented status or content type: say it, by `@bp.output`, for a file by `@bp.doc(responses=a_file(…))`,
  or ANSWERS in backend/api/openapi.py for an error that only this endpoint gives.
- an answer that breaks its schema: the output model promises what the view does not keep.
"""

from __future__ import annotations

import os
import random
import uuid
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from apiflask import APIFlask
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import select, text

from backend.api.access import ACCESS
from backend.domain import people
from backend.extensions import db
from backend.jobs import drain
from backend.models import Account, Case, Person, RosterRole
from backend.work import unit_of_work
from tests.build import POINTS, Build, Phone

# How many requests in all, spread over what each one may call; a closed door is knocked at once.
REQUESTS = 20_000 if os.environ.get("TEST_SIZE") == "full" else 700
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# role on the roster, or None for a resident; signed out has no token
ACTORS = {"signed out": None, "resident": None, "handler": "handler", "office": "office", "chief": "village_chief"}
OPEN_TO = {
    "public": set(ACTORS), "receipt": set(ACTORS), "signed_in": set(ACTORS) - {"signed out"},
    "official": {"handler", "office", "chief"}, "grant": {"handler", "office", "chief"}, "office": {"office"},
}  # fmt: skip


@pytest.fixture
def county_day(build: Build, monkeypatch: pytest.MonkeyPatch) -> Build:
    """A ledger with something on it, and no limits."""

    class Unlimited:
        def spend(self, name: str, key: str) -> None:
            return

    monkeypatch.setattr(build.app.extensions["qinghe"], "limiter", Unlimited())
    build.report(Phone(build.app.test_client(), new_token(build.app, None)))
    build.case("in_review", at="exclave")
    return build


def new_token(app: APIFlask, role: str | None) -> str:
    """A fresh sign-in of a resident, or of somebody with this role, in a unit that has a case where there is one."""
    with app.app_context(), unit_of_work() as work:
        openid = f"fuzz-{role}"
        row, token = people.sign_in(work, openid)
        if role is not None:
            found = select(Person).join(RosterRole).where(RosterRole.role == role, RosterRole.ended_at.is_(None))
            has_a_case = RosterRole.unit_code.in_(select(Case.lead_unit))
            person = work.session.scalars(found.order_by(has_a_case.desc(), Person.id).limit(1)).one()
            account = work.session.get_one(Account, row.account_id)
            account.person_id = person.id
            row.role_id = next(held.id for held in person.roles if held.role == role)
        return token


class Pool:
    """Values that exist, by the name under which forms, queries, headers and paths ask for them."""

    def __init__(self, build: Build) -> None:
        self._app = app = build.app
        nobody, point = build.nobody(), POINTS["inside_township"]
        photo = build.photo(nobody)
        receipts = [build.report(nobody, at=at, privacy="anonymous")["receipt_code"] for at in ("hole", "bank_left")]
        self._kept: dict[str, list[Any]] = {
            "If-Match": ["1", "2", "3", "4"], "Receipt-Code": receipts, "lon": [point["lon"]], "lat": [point["lat"]],
            "id": [photo["id"]], "photo_id": [photo["id"]], "claim": [photo["claim"]], "Photo-Claim": [photo["claim"]],
            "photos": [[]], "observed_at": [build.clock().isoformat()],
        }  # fmt: skip
        with app.app_context(), unit_of_work() as work:
            county = work.county
            self._kept |= {
                "category": ["fishing", "garbage"],
                "severity": [severity.code for severity in county.severities],
                "reach": [reach.code for reach in county.reaches[:5]],
                "unit": [unit.code for unit in county.units],
            }
        self._kept["target"] = self._ids("cases")

    def of(self, name: str) -> list[Any]:
        """For `case_id` the ids of cases, whatever the noun; for other names what is known by them."""
        if name not in self._kept:
            table = name.removesuffix("_id") + "s"
            self._kept[name] = self._ids(table) if name.endswith("_id") and table in db.metadata.tables else []
        return self._kept[name]

    def _ids(self, table: str) -> list[str]:
        with self._app.app_context():
            found = [str(row) for row in db.session.scalars(text(f"SELECT id FROM {table} LIMIT 5"))]
            db.session.rollback()
            return found

    def put_into(self, value: Any, dice: random.Random) -> Any:
        """The value with some of its members exchanged for ones that exist."""
        if isinstance(value, list):
            return [self.put_into(one, dice) for one in value]
        if not isinstance(value, dict):
            return value
        return {
            key: dice.choice(self.of(key)) if self.of(key) and dice.random() < 0.7 else self.put_into(held, dice)
            for key, held in value.items()
        }


def knock(operation: APIOperation, token: str | None, pool: Pool, requests: int, report: Callable[[str], None]) -> None:
    """Send generated requests to one operation as one caller, and report what is wrong with the answers."""
    positive, negative = (operation.as_strategy(mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    let_in: set[bool] = set()

    @seed(zlib.crc32(f"{operation.label} {token is None}".encode()))
    @settings(
        max_examples=requests, phases=[Phase.generate], deadline=None, database=None,
        suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    @given(case=positive if requests < 2 else st.one_of(positive, negative), throw=st.integers(0, 9999))
    def send(case: schemathesis.Case, throw: int) -> None:
        dice = random.Random(throw)
        case.path_parameters = pool.put_into(case.path_parameters, dice)
        case.query = pool.put_into(case.query, dice)
        case.body = pool.put_into(case.body, dice)
        case.headers.update({**pool.put_into(dict(case.headers), dice), **headers})
        answer = case.call()
        let_in.add(answer.status_code not in (401, 403))
        try:
            case.validate_response(answer, checks=CHECKS)
        except (FailureGroup, Failure) as failure:
            wrong = failure.exceptions if isinstance(failure, FailureGroup) else [failure]
            said = "; ".join(f"{one.title}: {str(one.message)[:300]}" for one in wrong)
            report(f"{answer.status_code} {said}\n    {case.as_curl_command()[:600]}")

    send()
    if requests > 1 and True not in let_in:
        report("this door is open to them, and no request got through: the test's own tokens are wrong")


@pytest.mark.timeout(7200 if REQUESTS > 1000 else 900)  # shared machines are slow
def test_nothing_breaks_it_and_every_answer_is_as_described(county_day: Build) -> None:
    app = county_day.app
    schema = described(app)
    endpoints = {rule.endpoint.replace(".", "_"): rule.endpoint for rule in app.url_map.iter_rules()}
    found = [result.ok() for result in schema.get_all_operations()]
    doors = [
        (
            operation,
            actor,
            actor in OPEN_TO[ACCESS[endpoints[operation.definition.raw["operationId"].partition("_")[2]]]],
        )
        for operation in found
        for actor in ACTORS
    ]
    each = max(3, REQUESTS // max(1, sum(is_open for *_, is_open in doors)))
    pool, wrong = Pool(county_day), []
    for operation, actor, is_open in doors:
        token = None if actor == "signed out" else new_token(app, ACTORS[actor])

        def report(said: str, what: str = f"{operation.label} as {actor}") -> None:
            wrong.append(f"{what}: {said}")

        knock(operation, token, pool, each if is_open else 1, report)
    assert len(doors) > 100
    told = sorted({line.split("\n", maxsplit=1)[0]: line for line in wrong}.values())
    assert not told, f"{len(wrong)} wrong answers, for instance:\n" + "\n".join(told[:20]) + f"\n{__doc__}"
    drain()  # what was taken in can be worked on
    with app.app_context():
        stuck = db.session.execute(
            text("SELECT name, args, last_error FROM deferred WHERE last_error IS NOT NULL")
        ).all()
    assert not stuck


def described(app: APIFlask) -> schemathesis.BaseSchema:
    config = schemathesis.Config()
    config.projects.default.generation.with_security_parameters = False  # the test has tokens of its own
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app, config=config)


def members(operation: APIOperation) -> Iterator[str]:
    for content in operation.definition.raw.get("requestBody", {}).get("content", {}):
        if content == "application/json":
            yield content


def test_unknown_fields_are_refused_by_name(county_day: Build) -> None:
    """Every JSON form, sent by whoever may, with one field more than it knows."""
    app, wrong, tried = county_day.app, [], 0
    schema = described(app)
    endpoints = {rule.endpoint.replace(".", "_"): rule.endpoint for rule in app.url_map.iter_rules()}
    for result in schema.get_all_operations():
        operation = result.ok()
        if not list(members(operation)):
            continue
        access = ACCESS[endpoints[operation.definition.raw["operationId"].partition("_")[2]]]
        role = {"official": "handler", "office": "office", "grant": "village_chief"}.get(access)
        token = new_token(app, role) if access != "public" else None
        path = operation.path.replace("{action}", "finish" if "measures" in operation.path else "dispute")
        path = "/".join(str(uuid.uuid4()) if part.startswith("{") else part for part in path.split("/"))
        headers = {"Idempotency-Key": uuid.uuid4().hex, "If-Match": "1"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        answer = app.test_client().open(path, method=operation.method, json={"zz_unknown": 1}, headers=headers)
        named = {error["field"] for error in answer.json.get("errors", ())}
        tried += 1
        if answer.status_code != 422 or "zz_unknown" not in named:
            wrong.append(f"{operation.label}: {answer.status_code} {answer.json}")
    assert tried > 10
    assert not wrong
