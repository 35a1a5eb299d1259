"""One whole system of real processes for the fault tests; whatever a test broke is mended before the next."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.local.folder import Folder
from backend.local.system import System
from tests.faults.field import Field


@pytest.fixture(scope="module")
def whole() -> Iterator[System]:
    """PostgreSQL, Redis, S3, web, two workers and the scheduler, which come back when they crash, as in `make run`."""
    with tempfile.TemporaryDirectory(prefix="qinghe-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o711)
        with System.start(Path(place) / "data", workers=2, restart_crashed=True) as system:
            yield system
        Folder(Path(place) / "data").remove()


@pytest.fixture
def field(whole: System) -> Iterator[Field]:
    """The system and its database; afterwards everything runs again and nothing is due."""
    with Field(whole) as made:
        yield made
        made.mend()
