"""The rules of the house, held by looking at the code itself: who imports whom, who assigns a case's state,
which endpoints stand in the table of access, whether the migrations are one chain that makes the models."""

from __future__ import annotations

import ast
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from apiflask import APIFlask
from werkzeug.routing import Rule

from backend.api.access import ACCESS
from backend.county import County
from backend.extensions import Base, db
from backend.jobs import JOBS
from tests.authorization.table import doors
from tests.build import POINTS, Build, phone_of

ROOT = Path(__file__).parent.parent
BACKEND = ROOT / "backend"
FILES = sorted(path for path in BACKEND.rglob("*.py") if "versions" not in path.parts)
LIBRARIES_OF_THE_OUTSIDE = {
    "apiflask", "flask", "flask_limiter", "flask_migrate", "flask_sqlalchemy", "gunicorn", "minio", "psycopg", "redis",
    "requests", "rq", "socket", "urllib", "wechatpy", "werkzeug",
}  # fmt: skip
UPPER_FLOORS = {
    "api",
    "cli",
    "clients",
    "desk",
    "extensions",
    "jobs",
    "local",
    "queue",
    "schedule",
    "settings",
    "worker",
}

# package of backend → what nothing in it may import (of backend by its own name, libraries by theirs).
FORBIDDEN: dict[str, set[str]] = {
    "domain": LIBRARIES_OF_THE_OUTSIDE | {f"backend.{name}" for name in UPPER_FLOORS},
    "models": (LIBRARIES_OF_THE_OUTSIDE | {f"backend.{name}" for name in UPPER_FLOORS | {"domain"}})
    - {"backend.extensions"},
    "clients": {
        "flask",
        "rq",
        *(f"backend.{name}" for name in ("api", "cli", "desk", "domain", "jobs", "local", "models")),
    },
    "api": {"rq", *(f"backend.{name}" for name in ("cli", "desk", "jobs", "local", "schedule", "worker"))},
    # The desk shows what the API tells, and never the other way round.
    "desk": {"rq", *(f"backend.{name}" for name in ("cli", "jobs", "local", "schedule", "worker"))},
    "jobs.py": {"backend.api", "backend.cli", "backend.desk", "backend.local"},
}
# Functions may import lazily what their module may not: only the demo's command, which is absent in production.
LAZY = {("backend/cli.py", "backend.local.demo_cli")}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports, at any depth, except for the type checker alone."""
    yield from _imports(ast.parse(path.read_text("utf-8")))


def _imports(node: ast.AST) -> Iterator[tuple[str, int]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            continue
        if isinstance(child, ast.Import):
            yield from ((alias.name, child.lineno) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            yield from ((f"{child.module}.{alias.name}", child.lineno) for alias in child.names)
        else:
            yield from _imports(child)


def within(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("part", FORBIDDEN)
def test_imports_point_downwards(part: str) -> None:
    place = BACKEND / part
    files = [place] if place.is_file() else sorted(place.rglob("*.py"))
    assert files
    wrong = [
        f"{name_of(path)}:{line} imports {module}"
        for path in files
        for module, line in imports(path)
        if within(module, FORBIDDEN[part])
    ]
    assert not wrong


def test_only_the_command_line_knows_of_the_local_system() -> None:
    wrong = [
        f"{name_of(path)}:{line} imports {module}"
        for path in FILES
        if path.parent != BACKEND / "local"
        for module, line in imports(path)
        if within(module, {"backend.local"}) and not any(
            name_of(path) == file and module.startswith(lazy) for file, lazy in LAZY
        )
    ]  # fmt: skip
    assert not wrong


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))


def test_the_domain_commits_nothing_and_reads_no_clock() -> None:
    forbidden = {"commit", "utcnow", "today", "monotonic"}
    wrong = []
    for path in sorted((BACKEND / "domain").rglob("*.py")):
        for call in calls(path):
            called = ast.unparse(call.func)
            clock = called in ("datetime.now", "datetime.datetime.now", "time.time", "time.sleep")
            if clock or (isinstance(call.func, ast.Attribute) and call.func.attr in forbidden):
                wrong.append(f"{name_of(path)}:{call.lineno} calls {called}")
    assert not wrong


def test_every_deferred_name_is_a_job() -> None:
    wrong, names = [], set()
    for path in FILES:
        for call in calls(path):
            if not (isinstance(call.func, ast.Attribute) and call.func.attr == "defer" and call.args):
                continue
            first = call.args[0]
            if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
                wrong.append(f"{name_of(path)}:{call.lineno} defers what is not named by a plain string")
            elif first.value not in JOBS:
                wrong.append(f"{name_of(path)}:{call.lineno} defers {first.value!r}, which is no job")
            else:
                names.add(first.value)
    assert not wrong
    assert not (JOBS.keys() - names), "jobs that nothing defers"


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


# Variables so called hold another model with a column `state`; anything else might be a case.
OTHERS_WITH_A_STATE = {
    snake(mapper.class_.__name__) for mapper in Base.registry.mappers if "state" in mapper.columns
} - {"case"}  # fmt: skip


def state_changes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Where a file may set a case's state: by attribute, setattr, a keyword of Case(…) or of an update of cases."""
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = [one for t in node.targets for one in (t.elts if isinstance(t, ast.Tuple) else [t])]
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Attribute) and target.attr == "state":
                held = ast.unparse(target.value).rpartition(".")[2]
                if held != "self" and held not in OTHERS_WITH_A_STATE:
                    yield target.lineno, ast.unparse(target)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            sets_state = any(keyword.arg == "state" for keyword in node.keywords)
            if sets_state and (called in ("Case", "models.Case") or re.search(r"\b(update|insert)\(Case\)", called)):
                yield node.lineno, called
            if called == "setattr" and len(node.args) > 1 and ast.unparse(node.args[1]) == "'state'":
                yield node.lineno, ast.unparse(node)


def test_only_the_table_of_transitions_assigns_a_cases_state() -> None:
    """A variable that holds another model with a state is named after that model: `delivery.state`, `photo.state`."""
    wrong = [
        f"{name_of(path)}:{line} {what}"
        for path in FILES
        if path != BACKEND / "domain" / "states.py" and path.parent != BACKEND / "local"
        for line, what in state_changes(ast.parse(path.read_text("utf-8")))
    ]
    assert not wrong


@pytest.mark.parametrize(
    "code",
    [
        "case.state = 'closed'", "found.state, x = 'closed', 1", "work.case.state = 'closed'", "row.state += 'x'",
        "Case(id=1, state='closed')", "update(Case).where(Case.id == 1).values(state='closed')",
        "setattr(case, 'state', 'closed')",
    ],
)  # fmt: skip
def test_the_search_for_assignments_of_state_finds_them(code: str) -> None:
    assert list(state_changes(ast.parse(code)))


# ---- the table of access ---------------------------------------------------------------------------------------------


def test_the_table_of_access_names_every_endpoint_and_no_dead_one(app: APIFlask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == ACCESS.keys()


def address(rule: Rule) -> str:
    """The rule with something in each of its blanks."""
    filled = re.sub(r"<uuid:\w+>", str(uuid.uuid4()), rule.rule)
    filled = re.sub(r"<int:\w+>", "1", filled)
    filled = re.sub(r"<any\((\w+)[^)]*\):\w+>", r"\1", filled)
    return re.sub(r"<(?:\w+:)?\w+>", "x", filled)


def closed_doors(app: APIFlask, open_to: set[str], desk: bool = False) -> list[tuple[str, str, str]]:
    """The API's endpoints that are not open to these, or with `desk` the desk's."""
    return [
        (method, address(rule), rule.endpoint)
        for rule in app.url_map.iter_rules()
        if ACCESS[rule.endpoint] not in open_to and ACCESS[rule.endpoint].startswith("desk:") == desk
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_every_endpoint_has_its_row_in_the_table_of_the_tests(app: APIFlask) -> None:
    """tests/authorization/table.py, written by hand: who gets in is said twice, and tried by everybody."""
    adapter = app.url_map.bind("localhost")
    plain = {"source": "FX-001", "scan": "11111111", "month": "2026-05", "unit": "530199001", "none": "7"}
    some = plain | dict.fromkeys(("board", "reach", "public_number", "board_code", "asset"), "x")
    met = set()
    for method, place, _, _ in doors():
        path = re.sub(r"\{(\w+)\}", lambda blank: some.get(blank[1], str(uuid.UUID(int=7))), place)
        met.add((method, adapter.match(path, method=method)[0]))
    open_to = {
        (method, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert open_to - met == set(), "add a row"
    assert met - open_to == set()


def test_without_a_token_every_closed_endpoint_answers_401(build: Build) -> None:
    phone, wrong = build.nobody(), []
    doors = closed_doors(build.app, {"public", "receipt"})
    assert len(doors) > 15
    for method, path, endpoint in doors:
        answer = phone.client.open(path, method=method, headers={"Idempotency-Key": uuid.uuid4().hex})
        if answer.status_code != 401 or answer.mimetype != "application/problem+json" or not answer.json["code"]:
            wrong.append(f"{method} {path} ({endpoint}): {answer.status_code} {answer.mimetype}")
    assert not wrong


def test_without_a_receipt_code_nothing_is_shown(build: Build) -> None:
    phone = build.nobody()
    doors = [door for door in closed_doors(build.app, set()) if ACCESS[door[2]] == "receipt"]
    assert doors
    for method, path, _ in doors:
        answer = phone.client.open(path, method=method, headers={"Idempotency-Key": uuid.uuid4().hex})
        assert answer.status_code in (400, 401, 404, 422), (method, path, answer.status_code)
        assert answer.mimetype == "application/problem+json"


def test_a_resident_is_refused_at_every_door_of_officials(build: Build) -> None:
    resident, wrong = build.resident(), []
    doors = closed_doors(build.app, {"public", "receipt", "signed_in"})
    assert len(doors) >= 8
    for method, path, endpoint in doors:
        headers = {"Authorization": f"Bearer {resident.token}", "Idempotency-Key": uuid.uuid4().hex, "If-Match": "1"}
        answer = resident.client.open(path, method=method, headers=headers)
        if answer.status_code != 403 or answer.mimetype != "application/problem+json":
            wrong.append(f"{method} {path} ({endpoint}): {answer.status_code} {answer.mimetype}")
    assert not wrong


def test_a_made_up_token_opens_nothing_not_even_public_doors(build: Build) -> None:
    phone = build.nobody()
    for header in ("Bearer made-up", "Bearer", "Basic YTpi", "Bearer " + "x" * 5000):
        answer = phone.client.get("/api/v1/county", headers={"Authorization": header})
        assert answer.status_code == 401, header
        assert answer.mimetype == "application/problem+json"


def test_the_desk_sends_whoever_is_not_signed_in_to_its_sign_in_page(build: Build) -> None:
    client, wrong = build.app.test_client(), []
    doors = closed_doors(build.app, {"desk:public"}, desk=True)
    assert doors
    for method, path, endpoint in doors:
        answer = client.open(path, method=method)
        if answer.status_code != 303 or not answer.location.startswith("/desk/sign-in"):
            wrong.append(f"{method} {path} ({endpoint}): {answer.status_code}")
    assert not wrong


def test_the_desk_takes_no_form_without_the_token_of_its_session(build: Build) -> None:
    client, wrong = build.at_the_desk("19900000001"), []
    doors = [door for door in closed_doors(build.app, set(), desk=True) if door[0] != "GET"]
    assert doors
    for method, path, endpoint in doors:
        for sent in ({}, {"form_token": "made-up"}):
            answer = client.open(path, method=method, data=sent)
            if answer.status_code != 403 or "页面已过期" not in answer.text:
                wrong.append(f"{method} {path} ({endpoint}): {answer.status_code}")
    assert not wrong


def test_a_township_is_refused_at_every_page_of_the_office(build: Build) -> None:
    handler, wrong = build.at_the_desk(phone_of(POINTS["inside_township"]["lead"])), []
    doors = closed_doors(build.app, {"desk:public", "desk:official"}, desk=True)
    assert doors
    for method, path, endpoint in doors:
        answer = handler.open(path, method=method, data={"form_token": handler.form_token()})
        if answer.status_code != 403 or "只有县河长办" not in answer.text:
            wrong.append(f"{method} {path} ({endpoint}): {answer.status_code}")
    assert not wrong


# ---- data ------------------------------------------------------------------------------------------------------------


def test_the_demo_countys_configuration_loads(county: County) -> None:
    assert county.name == "清源县"
    assert len(county.townships) == 12
    assert len({reach.river for reach in county.reaches}) == 5
    assert 30 <= len(county.reaches) <= 60


def migrations() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(BACKEND / "migrations"))
    return ScriptDirectory.from_config(config)


def test_the_migrations_are_one_chain_named_by_number() -> None:
    chain = list(migrations().walk_revisions())[::-1]
    assert len(migrations().get_heads()) == 1
    assert len(migrations().get_bases()) == 1
    for script in chain:
        assert re.fullmatch(r"\d{4}", script.revision)
        assert Path(script.path).name.startswith(f"{script.revision}_")
    files = [path for path in (BACKEND / "migrations" / "versions").glob("*.py") if path.stem != "__init__"]
    assert len(files) == len(chain)


def test_the_migrations_make_what_the_models_say(app: APIFlask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []


# Put together here, so that this file does not name what it forbids.
PATHS = re.compile(r"(?<![\w.:<{$-])/(?:" + "|".join(["work", "home", "root", "Users", "mnt"]) + r")/[\w.-]+")
HOSTS = re.compile(
    r"(?i)\b(?:py"
    + r"pi\.org|python"
    + r"hosted\.org|npm"
    + r"js\.(?:org|com)|npm"
    + r"mirror\.com|proxy\."
    + r"golang\.org|mirrors\.[\w-]+\.(?:com|edu|cn)|tuna\."
    + r"tsinghua|arti"
    + r"factory)"
)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=False, capture_output=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_tracked_files_name_no_place_on_this_machine_and_no_registry() -> None:
    wrong = []
    for path in tracked():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # pictures and archives
        for number, line in enumerate(text.splitlines(), start=1):
            wrong += [f"{name_of(path)}:{number}: {m.group()}" for m in (PATHS.search(line), HOSTS.search(line)) if m]
    assert not wrong


def test_the_search_for_paths_and_hosts_finds_them() -> None:
    assert PATHS.search("see " + "/ho" + "me/li/qinghe")
    assert PATHS.search('"' + "/wo" + 'rk/main"')
    assert not PATHS.search("pages/home/home")
    assert HOSTS.search("https://py" + "pi.org/simple")
