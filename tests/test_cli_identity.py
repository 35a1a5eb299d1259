"""`qinghe keys` and `qinghe erase` as an administrator types them."""

from __future__ import annotations

import uuid

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from sqlalchemy import select, text

from backend.cli import qinghe
from backend.domain import keys as domain
from backend.extensions import db
from backend.models import Account, CaseEvent, Person, Report
from backend.vault import Vault
from backend.work import unit_of_work
from tests.build import Build
from tests.domain.ledger import case_in, report_of


@pytest.fixture(autouse=True)
def environment(settings_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings_env.items():
        monkeypatch.setenv(name, value)


def run(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(qinghe, arguments, input=answer)


def sealed() -> dict[str, list[str]]:
    """Everything sealed, by column."""
    found = {}
    for column in domain.sealed_columns():
        found[str(column)] = list(db.session.scalars(select(column).where(column.is_not(None), column != "")))
    db.session.rollback()
    return found


def opened_by(key: str, values: list[str]) -> int:
    vault = Vault([key], "d" * 32, "s" * 32)
    return sum(vault.resealed(value) is None for value in values if _opens(vault, value))


def _opens(vault: Vault, value: str) -> bool:
    from backend.vault import Unopenable

    try:
        vault.resealed(value)
    except Unopenable:
        return False
    return True


@pytest.fixture
def identities(build: Build) -> None:
    """The roster, some accounts, a report with contact."""
    for user in ("a", "b"):
        build.resident(user)
    build.report(build.resident("c"), contact_name="王小明", contact_phone="13812345678")


def test_everything_is_sealed_again_under_the_first_key(
    identities: None, settings_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = settings_env["IDENTITY_KEYS"], run("keys", "new").stdout.strip()
    assert {"accounts.openid_sealed", "persons.phone_sealed", "reports.contact_sealed"} <= set(sealed())
    monkeypatch.setenv("IDENTITY_KEYS", f"{new},{old}")
    before = sealed()
    opened = {person.id: person.phone_digest for person in db.session.scalars(select(Person))}
    done = run("keys", "rotate", "--batch", "7")
    assert done.exit_code == 0, done.output
    after = sealed()
    for column, values in after.items():
        assert len(values) == len(before[column])
        assert opened_by(new, values) == len(values), f"{column}: the old key is needed no more"
    assert f"persons.phone_sealed：{len(before['persons.phone_sealed'])} 条，重新加密 " in done.stdout
    vault = Vault([new], settings_env["DIGEST_KEY"], settings_env["SECRET_KEY"])
    for person in db.session.scalars(select(Person).execution_options(populate_existing=True)):
        assert vault.digest("phone", vault.open(person.phone_sealed)) == opened[person.id]
    db.session.rollback()
    again = run("keys", "rotate")
    assert all(line.endswith("重新加密 0 条") for line in again.stdout.splitlines()[:-1])


def test_a_rotation_that_was_interrupted_goes_on(
    identities: None, settings_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = settings_env["IDENTITY_KEYS"], Fernet.generate_key().decode()
    vault = Vault([new, old], settings_env["DIGEST_KEY"], settings_env["SECRET_KEY"])
    column = next(one for one in domain.sealed_columns() if str(one) == "persons.phone_sealed")
    with unit_of_work() as work:
        work.vault = vault
        first = domain.reseal(work, column, None, 10)
    assert (first.seen, first.resealed) == (10, 10)
    values = sealed()["persons.phone_sealed"]
    assert opened_by(new, values) == 10
    monkeypatch.setenv("IDENTITY_KEYS", f"{new},{old}")
    done = run("keys", "rotate")
    assert f"persons.phone_sealed：{len(values)} 条，重新加密 {len(values) - 10} 条" in done.stdout


def test_what_no_key_opens_is_counted_and_left_alone(identities: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sealed()
    monkeypatch.setenv("IDENTITY_KEYS", Fernet.generate_key().decode())
    done = run("keys", "rotate")
    assert done.exit_code == 1
    assert "用现有密钥打不开" in done.output
    assert sealed() == before


def test_an_erased_account_is_passed_over(identities: None) -> None:
    with unit_of_work() as work:
        work.session.execute(text("UPDATE accounts SET openid_sealed = ''"))
    assert run("keys", "rotate").exit_code == 0
    with unit_of_work() as work:
        assert set(work.session.scalars(select(Account.openid_sealed))) == {""}


def test_every_sealed_thing_is_called_so() -> None:
    """The rotation finds columns by name: whatever a model calls sealed must be a column of that name."""
    assert {str(column) for column in domain.sealed_columns()} >= {
        "accounts.openid_sealed", "persons.phone_sealed", "reports.contact_sealed",
    }  # fmt: skip
    assert all("id" in column.table.c for column in domain.sealed_columns())


# ---- erasing ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def report(build: Build) -> Report:
    with unit_of_work() as work:
        return report_of(work, case_in(work, "assigned", contact_name="王小明", contact_phone="13812345678"))


def test_an_administrator_erases_after_being_asked(report: Report) -> None:
    refused = run("erase", str(report.id), "--scope", "report", "--reason", "申请", answer="n\n")
    assert refused.exit_code == 1
    done = run("erase", str(report.id), "--scope", "report", "--reason", "申请", answer="y\n")
    assert done.exit_code == 0, done.output
    assert "身份、举报 1 份、补充 0 条、事件文字 0 段、照片 0 张，已删除。" in done.stdout
    with unit_of_work() as work:
        event = work.session.scalars(select(CaseEvent).where(CaseEvent.action == "erase")).one()
        assert (event.actor, event.role) == ("administrator", "administrator")
        assert work.session.get_one(Report, report.id, populate_existing=True).contact_sealed is None
    assert run("erase", str(report.id), "--scope", "report", "--reason", "申请", "--yes").exit_code == 1


def test_an_erasure_of_nothing_is_said(report: Report) -> None:
    done = run("erase", str(uuid.uuid4()), "--scope", "report", "--reason", "申请", "--yes")
    assert done.exit_code == 1
    assert "找不到这份举报" in done.output
