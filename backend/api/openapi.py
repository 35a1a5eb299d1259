"""The description of the interface at /api/v1/openapi.json: what APIFlask gathers, made whole.

Added here, by rule and not by hand for each endpoint: who may call (from ACCESS), the headers it reads, every answer
that it can give, words from which a path chooses; and shapes that several answers share are named once.
"""

from __future__ import annotations

import dis
import inspect
import json
import re
from collections.abc import Callable
from typing import Any

from apiflask import APIFlask
from werkzeug.routing import AnyConverter, Rule, UUIDConverter

from backend.api.access import ACCESS, LIMITED
from backend.domain import states

Spec = dict[str, Any]

# Words that a part of the path is one of, where no converter says so.
WORDS: dict[tuple[str, str], tuple[str, ...]] = {("cases.act", "action"): states.ACTIONS}
# Answers that only these give.
ANSWERS: dict[str, tuple[int, ...]] = {
    "exports.ask": (429,),
    "handovers.of_person": (404,),
    "reports.submit": (429,),
    "session.sign_in": (502,),
    "session.bind_phone": (404, 502),
    "session.bind_code": (404,),
}

_HEADERS: dict[str, Spec] = {
    "Idempotency-Key": {
        "description": "made by the caller; the same create sent again with it is answered, not carried out again",
        "schema": {"type": "string", "minLength": 8, "maxLength": 128, "pattern": "^[!-~]+$"},
    },
    "If-Match": {
        "description": "the version of the case that the caller has seen",
        "schema": {"type": "string", "pattern": "^[0-9]{1,9}$"},
    },
    "Photo-Claim": {"description": "the claim handed out with the upload form", "schema": {"type": "string"}},
    "Receipt-Code": {"description": "the receipt code, as typed by hand", "schema": {"type": "string"}},
}
_MEANING = {
    400: "The body is not JSON.",
    401: "Not signed in, or the token is unknown, ended or expired.",
    403: "Signed in, but this is for others to do.",
    404: "It does not exist, or not for the caller.",
    409: "It changed meanwhile, is in another state, or the Idempotency-Key was used for something else.",
    413: "The body is too large.",
    415: "The body does not say that it is of the type described.",
    422: "The content is wrong; `field` and `errors` say where.",
    429: "Too often; Retry-After says when to come again.",
    502: "WeChat did not accept the request.",
    503: "A part of the system is away; Retry-After says when to come again.",
}
_PROBLEM: Spec = {
    "type": "object",
    "description": "RFC 9457. `code` is stable, `title` a Chinese sentence fit to show; some codes have more members.",
    "required": ["type", "status", "code", "title"],
    "properties": {
        "type": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "title": {"type": "string"},
        "field": {"type": "string"},
        "retry_after": {"type": "integer", "description": "seconds"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "reason"],
                "properties": {name: {"type": "string"} for name in ("field", "code", "reason")},
            },
        },
    },
}


def a_file(*content_types: str) -> dict[int | str, dict[str, str | dict[str, dict[str, Any]]]]:
    """For `@bp.doc(responses=…)`: the answer is a file of one of these types."""
    return {200: {"description": "the file", "content": {kind: {} for kind in content_types}}}


def install(app: APIFlask) -> None:
    """Have APIFlask's description completed whenever it is made."""
    app.description = "Reports, cases and patrols of one county. Times are RFC 3339 with zone, places WGS-84 degrees."
    app.config.update(AUTO_OPERATION_ID=True, AUTO_VALIDATION_ERROR_RESPONSE=False, AUTO_404_RESPONSE=False)

    @app.spec_processor
    def complete(spec: Any) -> Any:
        rules = {(_path(rule), method): rule for rule in app.url_map.iter_rules() for method in rule.methods or ()}
        for path, operations in spec["paths"].items():
            for method, operation in operations.items():
                rule = rules[path, method.upper()]
                _complete(operation, rule, method, _headers_read(app.view_functions[rule.endpoint]))
        components = spec.setdefault("components", {})
        components["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer"},
            "grant": {"type": "apiKey", "in": "header", "name": "Patrol-Grant"},
        }
        components["schemas"] = {**components.get("schemas", {}), "Problem": _PROBLEM}
        return _named_once(spec)


def _path(rule: Rule) -> str:
    """The rule as OpenAPI writes it."""
    return re.sub(r"<(?:[^:<>]*:)?([^<>]+)>", r"{\1}", rule.rule)


def _headers_read(view: Callable[..., Any], seen: frozenset[Any] = frozenset()) -> set[str]:
    """The headers of _HEADERS that a view names, itself or in what it calls of this package: so nobody tells twice."""
    function = inspect.unwrap(view)
    code = function.__code__
    found = {name for name in code.co_consts if isinstance(name, str) and name in _HEADERS}
    for name in {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}:
        called = function.__globals__.get(name)
        ours = inspect.isfunction(called) and called.__module__.startswith("backend.api.")
        if ours and called not in seen:
            found |= _headers_read(called, seen | {called})
    return found


def _complete(operation: Spec, rule: Rule, method: str, headers: set[str]) -> None:
    endpoint = rule.endpoint
    access = ACCESS[endpoint]
    parameters: list[Spec] = operation.setdefault("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "path":
            parameter["schema"] = _in_path(endpoint, rule, parameter["name"]) or parameter["schema"]
    parameters += [{"name": name, "in": "header", "required": True, **_HEADERS[name]} for name in sorted(headers)]
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    # An unknown token is refused everywhere; none at all is enough where anybody may call.
    beside: dict[str, list[Spec]] = {"public": [{}], "receipt": [{}], "grant": [{"grant": []}]}
    operation["security"] = [{"token": []}, *beside.get(access, ())]
    for status in sorted(_answers(endpoint, method, operation)):
        operation["responses"].setdefault(
            str(status),
            {
                "description": _MEANING[status],
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        )


def _in_path(endpoint: str, rule: Rule, name: str) -> Spec | None:
    converter = rule._converters[name]
    words = WORDS.get((endpoint, name)) or (sorted(converter.items) if isinstance(converter, AnyConverter) else ())
    if words:
        return {"type": "string", "enum": list(words)}
    return {"type": "string", "format": "uuid"} if isinstance(converter, UUIDConverter) else None


def _answers(endpoint: str, method: str, operation: Spec) -> set[int]:
    access = ACCESS[endpoint]
    found = {401, 503, *ANSWERS.get(endpoint, ())}
    if access not in ("public", "receipt"):
        found.add(403)
    if access == "receipt" or any(parameter["in"] == "path" for parameter in operation["parameters"]):
        found.add(404)
    if operation["parameters"] or "requestBody" in operation:
        found.add(422)
    if "requestBody" in operation:
        found |= {400, 413, 415}
    if method != "get":
        found.add(409)
    if endpoint in LIMITED:
        found.add(429)
    return found


def _named_once(spec: Spec) -> Spec:
    """`CaseOut.PhotoOut` and `ReportOut.PhotoOut` are both PhotoOut, when they are the same."""
    schemas: dict[str, Spec] = spec["components"]["schemas"]
    while True:
        short = {name: name.rpartition(".")[2] for name in schemas if "." in name}
        shapes: dict[str, set[str]] = {}
        for name, schema in schemas.items():
            shapes.setdefault(short.get(name, name), set()).add(_without_owners(schema))
        renamed = {name: base for name, base in short.items() if len(shapes[base]) == 1}
        if not renamed:
            return spec
        text = json.dumps(spec)
        for name, base in renamed.items():
            text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{base}"')
        spec = json.loads(text)
        merged = {renamed.get(name, name): schema for name, schema in spec["components"]["schemas"].items()}
        spec["components"]["schemas"] = schemas = merged


def _without_owners(schema: Spec) -> str:
    """The schema as text in which a reference names the shape alone, not whose it is."""
    text = json.dumps(schema, sort_keys=True)
    pieces = text.split('"#/components/schemas/')
    return pieces[0] + "".join(piece[piece[: piece.index('"')].rfind(".") + 1 :] for piece in pieces[1:])
