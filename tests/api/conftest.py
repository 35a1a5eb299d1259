"""Fixtures of the tests over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.build import Build


@pytest.fixture
def stand_in_as_new(build: Build) -> Iterator[None]:
    """WeChat and the SMS gateway without memory, before and after."""
    build.control("reset")
    yield
    build.control("reset")
