"""`qinghe ledger` as an administrator and an inspector type it."""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from backend.cli import qinghe
from backend.clients.root_places import RootBucket, RootFolder
from backend.domain import roots
from backend.settings import load_settings
from backend.signing import PublicKey, Signer, new_private_key
from backend.work import unit_of_work
from tests.build import Build
from tests.domain.ledger import case_in


@pytest.fixture
def folder(build: Build, settings_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of an administrator, a ledger of two cases under one root, and where that is kept."""
    for name, value in settings_env.items():
        monkeypatch.setenv(name, value)
    # A bucket of its own: other tests' roots stay locked in that of the application.
    monkeypatch.setenv("S3_ROOTS_BUCKET", f"roots-{uuid.uuid4().hex[:10]}")
    RootBucket(load_settings()).ensure()
    kept = tmp_path / "roots"
    monkeypatch.setenv("LEDGER_ROOTS_DIR", str(kept))
    system = build.app.extensions["qinghe"]
    with unit_of_work() as work:
        case_in(work, "closed")
        case_in(work, "assigned")
        root = roots.make(work, system.signer)
        assert root is not None
        roots.publish(work, root.n, [RootFolder(kept)])
    return kept


def run(*arguments: str) -> Result:
    return CliRunner().invoke(qinghe, ["ledger", *arguments])


def test_a_whole_ledger_is_said_to_be_whole(folder: Path) -> None:
    done = run("verify", "--roots", str(folder))
    assert done.exit_code == 0, done.output
    assert "已核对 2 个案件、8 条事件、6 段文字、1 个台账根" in done.output
    assert done.stdout.endswith("台账完整，没有发现改动。\n")
    since = run("verify", "--roots", str(folder), "--since", "1", "--every-tree")
    assert since.exit_code == 0
    assert "2 条事件" in since.output


def as_owner(settings_env: dict[str, str], *statements: str) -> None:
    with psycopg.connect(settings_env["MIGRATE_DATABASE_URL"]) as owner:
        owner.execute("ALTER TABLE case_events DISABLE TRIGGER USER")
        for statement in statements:
            owner.execute(statement.encode())
        owner.execute("ALTER TABLE case_events ENABLE TRIGGER USER")


def test_the_first_bad_event_is_named_and_the_rest_counted(folder: Path, settings_env: dict[str, str]) -> None:
    as_owner(
        settings_env, "UPDATE case_events SET role = 'office' WHERE seq = 3",
        "UPDATE case_events SET at = at - interval '1 day' WHERE seq = 2",
    )  # fmt: skip
    done = run("verify", "--roots", str(folder))
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[-3] == "发现 3 处问题。第一处："
    assert lines[-2].startswith("  案件 QH-2026-")
    assert lines[-2].endswith(" 第 2 条（交办，2026-05-31 09:00:00）：内容被改动。重算的摘要与记录不符。")
    assert lines[-1] == "共计：内容被改动 3 处。加 --all 列出全部。"
    everything = run("verify", "--roots", str(folder), "--all")
    assert everything.stdout.count("：内容被改动。") == 3


def test_without_roots_from_outside_it_is_not_called_whole(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    done = run("verify", "--roots", str(empty))
    assert done.exit_code == 3
    assert "没有读到库外的台账根" in done.stdout


def test_a_ledger_that_never_had_a_root_is_not_called_whole(
    build: Build, settings_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings_env.items():
        monkeypatch.setenv(name, value)
    assert run("verify", "--roots", str(tmp_path)).exit_code == 3


def test_a_copy_that_an_inspector_brought_may_be_older(folder: Path, tmp_path: Path, build: Build) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "usb"))
    build.clock.move(hours=5)
    with unit_of_work() as work:
        case_in(work, "assigned")
        root = roots.make(work, build.app.extensions["qinghe"].signer)
        assert root is not None
        roots.publish(work, root.n, [RootFolder(folder)])
    assert run("verify", "--roots", str(copy)).exit_code == 0
    assert run("verify", "--roots", str(folder)).exit_code == 0
    (folder / "daily/2026/root-00000001.json").unlink()
    partly = run("verify", "--roots", str(folder))
    assert partly.exit_code == 0
    assert "只有一部分台账根" in partly.stderr


def test_the_places_of_the_settings_are_read_when_none_is_named(folder: Path) -> None:
    """The bucket of the tests is empty: that its roots are missing is said, by name."""
    done = run("verify", "--all")
    assert done.exit_code == 1
    assert "整个台账：台账根有问题。对象存储 " in done.stdout
    assert "没有第 1 号台账根" in done.stdout
    assert f"目录 {folder}" not in done.stdout


def test_a_store_that_is_away_is_told_apart_from_a_ledger_that_is_wrong(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3_ENDPOINT", "http://127.0.0.1:9")
    done = run("verify")
    assert done.exit_code == 3
    assert "读不到对象存储" in done.stderr
    assert "没有发现改动，但有的地方没有读到" in done.stdout


def test_an_inspector_brings_the_public_key_along(folder: Path, tmp_path: Path) -> None:
    exported = run("public-key")
    (tmp_path / "county.pem").write_text(exported.stdout)
    assert run("verify", "--roots", str(folder), "--public-key", str(tmp_path / "county.pem")).exit_code == 0
    stranger = Signer(new_private_key()).public
    (tmp_path / "other.pem").write_text(stranger.pem)
    other = run("verify", "--roots", str(folder), "--public-key", str(tmp_path / "other.pem"))
    assert other.exit_code == 1
    assert "没有第 1 号台账根的公钥" in other.stdout
    (tmp_path / "none.pem").write_text("no key")
    assert "不是 Ed25519 公钥" in run("verify", "--public-key", str(tmp_path / "none.pem")).output


def test_a_new_signing_key_and_the_old_public_one(
    folder: Path, settings_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run("new-key").stdout.strip()
    monkeypatch.setenv("LEDGER_SIGNING_KEY", made.removeprefix("LEDGER_SIGNING_KEY="))
    assert run("verify", "--roots", str(folder)).exit_code == 1
    earlier = Signer(settings_env["LEDGER_SIGNING_KEY"]).public
    monkeypatch.setenv("LEDGER_PUBLIC_KEYS", earlier.text)
    assert run("verify", "--roots", str(folder)).exit_code == 0


def test_a_proof_and_an_extra_root(folder: Path, settings_env: dict[str, str]) -> None:
    number = json.loads(next(folder.rglob("*.json")).read_text())["heads"][0][1]
    proof = json.loads(run("prove", number.lower()).stdout)
    assert proof["case"]["number"] == number
    assert PublicKey.read(run("public-key").stdout).signed(proof["statement"], proof["signature"])
    assert run("prove", "QH-2026-999999").exit_code == 1
    assert "没有案件" in run("prove", "QH-2026-999999").output


def test_an_extra_root_is_made_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_ENDPOINT", "http://127.0.0.1:9")
    done = run("root")
    assert done.exit_code == 0, done.output
    assert "已生成第 2 号台账根。" in done.stdout
    assert "后台会继续重试" in done.stderr
    assert len(RootFolder(folder).names()) == 2
