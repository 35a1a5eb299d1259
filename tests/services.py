"""Fixtures: the real PostgreSQL, Redis and S3 of the test session. Loaded as a plugin by tests/conftest.py."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.local import testing
from backend.local.folder import Folder
from backend.local.system import System
from backend.local.testing import Services


@pytest.fixture(scope="session")
def services(request: pytest.FixtureRequest) -> Iterator[Services]:
    """The session's servers with this xdist worker's own migrated database, Redis database and bucket."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    key = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)[:12]
    with testing.session(key, worker) as joined:
        yield joined


@pytest.fixture(scope="session")
def settings_env(services: Services) -> dict[str, str]:
    """The environment by which backend.settings finds the session's servers; a copy, change it as you like."""
    return dict(services.env)


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """An empty place for a data folder that other accounts can enter, as PostgreSQL under root needs it."""
    with tempfile.TemporaryDirectory(prefix="qinghe-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o711)
        yield Path(place) / "data"
        shutil.rmtree(Folder(Path(place) / "data").outside(), ignore_errors=True)


@pytest.fixture
def start_system(data_folder: Path) -> Iterator[Callable[..., System]]:
    """A function that starts whole systems of their own, with the arguments of System.start(); all are stopped."""
    started: list[System] = []

    def start(folder: Path = data_folder, **choices: Any) -> System:
        system = System.start(folder, **choices)
        started.append(system)
        return system

    yield start
    for system in started:
        system.stop()
