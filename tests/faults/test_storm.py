"""The storm of `make faults`: a short one always, the long one in `make test-full`."""

from __future__ import annotations

import pytest

from tests.faults.storm import FULL, SHORT, Size, storm, table


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("size", "disk_mb"), [(SHORT, None), pytest.param(FULL, 3000, marks=[pytest.mark.large, pytest.mark.timeout(7200)])]
)
def test_what_was_acknowledged_is_there_once_after_everything_was_killed(size: Size, disk_mb: int | None) -> None:
    found = storm(size, seed=20261124, tell=print, disk_mb=disk_mb)
    assert not found.faults(), table(found)
