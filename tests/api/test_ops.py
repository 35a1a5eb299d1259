"""For operators and for those who build on the interface: alive, ready, figures, description, errors of one shape."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from prometheus_client.parser import text_string_to_metric_families
from schemathesis.specs.openapi.definitions import OPENAPI_31
from sqlalchemy.exc import OperationalError

from backend.api.access import ACCESS
from backend.clients import redis_server
from backend.clients.storage import Storage
from backend.extensions import db
from backend.jobs import drain
from tests.build import Build
from tests.looking import is_a_plain_refusal

API = Path(__file__).parents[2] / "backend" / "api"


# ---- alive, ready, figures -------------------------------------------------------------------------------------------


def test_alive_and_ready(build: Build) -> None:
    client = build.app.test_client()
    assert (client.get("/healthz").status_code, client.get("/healthz").json) == (200, {"status": "ok"})
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json) == (
        200, {"status": "ok", "database": True, "redis": True, "storage": True},
    )  # fmt: skip


def test_with_redis_or_the_store_away_it_is_degraded_and_still_ready(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reports are taken in without either, so a balancer must not take the server out."""
    system = build.app.extensions["qinghe"]
    client = build.app.test_client()
    monkeypatch.setattr(system, "redis", redis_server.connect("redis://127.0.0.1:9"))
    away = system.settings.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"})
    monkeypatch.setattr(system, "storage", Storage(away))
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json) == (
        200, {"status": "degraded", "database": True, "redis": False, "storage": False},
    )  # fmt: skip
    assert client.get("/healthz").status_code == 200
    assert client.get("/metrics").status_code == 200


def test_without_the_database_it_is_not_ready_but_alive(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise OperationalError("select 1", {}, Exception("connection refused"))

    monkeypatch.setattr(db.session, "execute", gone)
    client = build.app.test_client()
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["database"], ready.json["redis"]) == (503, False, True)
    assert client.get("/healthz").status_code == 200
    is_a_plain_refusal(client.get("/metrics"), 503, "temporarily_unavailable")


def figures(build: Build) -> dict[str, float]:
    answer = build.app.test_client().get("/metrics")
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    return {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_figures_are_those_of_the_database(build: Build) -> None:
    assert figures(build)["qinghe_deferred_due"] == 0
    resident = build.resident()
    assert resident.post("/reports", build.form(resident)).status_code == 201
    build.clock.move(seconds=90)
    before = figures(build)
    assert before["qinghe_deferred_due"] >= 2  # to be routed, to be checked
    assert before["qinghe_deferred_oldest_seconds"] == 90
    assert before["qinghe_cases/submitted"] == 1
    drain()
    after = figures(build)
    assert (after["qinghe_deferred_due"], after["qinghe_deferred_oldest_seconds"]) == (0, 0)
    assert after["qinghe_cases/assigned"] == 1
    assert after["qinghe_deferred_gave_up"] == 0


# ---- the description -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def described(app: Any) -> dict[str, Any]:
    answer = app.test_client().get("/api/v1/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return dict(answer.json)


def operations(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_description_is_valid_openapi(described: dict[str, Any]) -> None:
    faults = [str(error)[:300] for error in jsonschema_rs.Draft202012Validator(OPENAPI_31).iter_errors(described)]
    assert not faults
    ids = [operation["operationId"] for _, operation in operations(described)]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere_and_every_shape_is_a_schema(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    text = str(described)
    referred = {piece.partition("'")[0] for piece in text.split("'#/components/schemas/")[1:]}
    assert referred <= schemas.keys()
    assert schemas.keys() - referred == set(), "shapes that nothing uses"
    for name, schema in schemas.items():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}), name


def test_every_endpoint_of_the_interface_is_described(app: Any, described: dict[str, Any]) -> None:
    pages = {endpoint for endpoint, access in ACCESS.items() if access.startswith("desk:")} | {"board_link.show"}
    undescribed = {"openapi.spec", *pages} | {name for name in ACCESS if name.startswith(("ops.", "wechat."))}
    named = {operation["operationId"].partition("_")[2] for _, operation in operations(described)}
    wanted = {rule.endpoint.replace(".", "_") for rule in app.url_map.iter_rules() if rule.endpoint not in undescribed}
    assert wanted == named


def test_every_operation_tells_its_answers(described: dict[str, Any]) -> None:
    for name, operation in operations(described):
        answers = operation["responses"]
        assert any(status.startswith("2") for status in answers), name
        assert {"401", "503"} <= answers.keys(), name
        assert ("403" in answers) == ({} not in operation["security"]), name
        assert ("415" in answers) == ("requestBody" in operation), name
        assert ("404" in answers) or "{" not in name, name
        for status, answer in answers.items():
            assert answer["description"], (name, status)
            if status >= "400":
                shape = answer["content"]["application/problem+json"]["schema"]
                assert shape == {"$ref": "#/components/schemas/Problem"}, (name, status)
            elif status != "204":
                assert answer["content"], (name, status)


def test_no_form_takes_fields_that_it_does_not_know(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    waiting = [
        (name, content["schema"])
        for name, operation in operations(described)
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]
    seen, open_to_all = set(), []
    while waiting:
        name, schema = waiting.pop()
        if isinstance(schema, list):
            waiting += [(name, one) for one in schema]
        elif isinstance(schema, dict):
            reference = schema.get("$ref", "").rpartition("/")[2]
            if reference and reference not in seen:
                seen.add(reference)
                waiting.append((f"{name} {reference}", schemas[reference]))
            if "properties" in schema and schema.get("additionalProperties") is not False:
                open_to_all.append(name)
            waiting += [(name, one) for one in schema.values()]
    assert not open_to_all


def callers_of(name: str) -> set[str]:
    """The views, as endpoints, that call the function of this name, directly or through others of the package."""
    calls: dict[str, set[str]] = {}
    views: dict[str, str] = {}
    for path in API.glob("*.py"):
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            called = {ast.unparse(n.func).rpartition(".")[2] for n in ast.walk(function) if isinstance(n, ast.Call)}
            routed = any(ast.unparse(decorator).startswith("bp.") for decorator in function.decorator_list)
            key = f"{path.stem}.{function.name}" if routed else function.name
            calls.setdefault(key, set()).update(called)
            if routed:
                views[key] = key
    found, before = {name}, set()
    while found != before:
        before = set(found)
        found |= {caller for caller, called in calls.items() if called & before}
    return {view for view in views if view in found}


def test_what_needs_an_idempotency_key_says_so(described: dict[str, Any]) -> None:
    need = callers_of("required_key")
    told = {
        operation["operationId"].partition("_")[2]
        for _, operation in operations(described)
        if any(parameter["name"] == "Idempotency-Key" for parameter in operation["parameters"])
    }
    assert told == {endpoint.replace(".", "_") for endpoint in need}
    assert len(told) > 4


# ---- errors ----------------------------------------------------------------------------------------------------------


def test_errors_of_the_framework_have_the_same_shape(build: Build) -> None:
    resident = build.resident()
    client, token = build.app.test_client(), {"Authorization": f"Bearer {resident.token}"}
    key = {**token, "Idempotency-Key": "k" * 20}
    large = b'{"text": "' + b"x" * (9 << 20) + b'"}'
    for what, answer, status, code in (
        ("no such page", client.get("/api/v1/ghosts"), 404, "not_found"),
        ("no such page at all", client.get("/favicon.ico"), 404, "not_found"),
        ("an id that is none", client.get("/api/v1/reports/x", headers=token), 404, "not_found"),
        ("a slash too many", client.get("/api/v1/county/"), 404, "not_found"),
        ("NUL in the path", client.get("/api/v1/reports/%00", headers=token), 404, "not_found"),
        ("another method", client.delete("/api/v1/county"), 405, "method_not_allowed"),
        ("an invented method", client.open("/api/v1/county", method="BREW"), 405, "method_not_allowed"),
        ("too large", client.post("/api/v1/reports", data=large, content_type="application/json", headers=key), 413,
         "too_large"),
        ("too large a form", client.post("/api/v1/session", data=large, content_type="application/json"), 413,
         "too_large"),
        ("XML", client.post("/api/v1/session", data=b"<a/>", content_type="text/xml"), 415, "unsupported_media_type"),
        ("no body", client.post("/api/v1/session"), 400, "bad_request"),
        ("a query that is none", client.get("/api/v1/reports?limit=x", headers=token), 422, "invalid_input"),
        ("another scheme", client.get("/api/v1/county", headers={"Authorization": "Basic x"}), 401, "bad_token"),
    ):  # fmt: skip
        is_a_plain_refusal(answer, status, code, what)
    allowed = client.delete("/api/v1/county").headers["Allow"]
    assert "GET" in allowed


def test_a_fault_of_our_own_is_told_without_its_inside(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("secret of the inside")

    monkeypatch.setitem(build.app.view_functions, "county.show", broken)
    monkeypatch.setitem(build.app.config, "PROPAGATE_EXCEPTIONS", False)
    answer = build.app.test_client().get("/api/v1/county")
    is_a_plain_refusal(answer, 500, "internal_error")
    assert "secret" not in answer.text


def test_answers_are_not_kept_by_anybody_in_between(build: Build) -> None:
    answer = build.resident().get("/session")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(answer.headers["X-Request-Id"]) == 32
