"""What the files around the code promise."""

from __future__ import annotations

import runpy
import tomllib

import pytest

from backend.local.folder import CHECKOUT


def gunicorn() -> dict[str, object]:
    return runpy.run_path(str(CHECKOUT / "config" / "gunicorn.py"))


def test_gunicorn_listens_on_loopback_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "PORT", "DATABASE_POOL_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert gunicorn()["bind"] == "127.0.0.1:8000"
    monkeypatch.setenv("HOST", "0.0.0.0")
    monkeypatch.setenv("PORT", "8080")
    assert gunicorn()["bind"] == "0.0.0.0:8080"


def test_gunicorn_opens_one_connection_per_thread_and_logs_no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "5")
    configured = gunicorn()
    assert configured["threads"] == 5
    assert configured["raw_env"] == ["DATABASE_POOL_SIZE=5"]
    assert configured["accesslog"] is None


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-uv.lock"])
def test_locks_have_hashes_and_name_no_host(name: str) -> None:
    text = (CHECKOUT / name).read_text("utf-8")
    assert "://" not in text
    pinned = [line for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))]
    assert len(pinned) >= 1
    assert text.count("--hash=sha256:") >= len(pinned)


def test_the_lock_holds_every_dependency_of_the_project() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    locked = {line.split("==")[0] for line in (CHECKOUT / "requirements.lock").read_text("utf-8").splitlines()}
    for wanted in project["project"]["dependencies"]:
        name = wanted.partition("[")[0].partition(">")[0].partition("=")[0].partition("<")[0]
        assert name in locked, wanted
