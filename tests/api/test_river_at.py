"""Where a case lies at its river: the line of the reach, the bank, whose each bank is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.build import POINTS, Build


def river(build: Build, at: str) -> dict[str, Any] | None:
    build.report(at=at)
    office = build.office()
    case = office.get("/cases?limit=1").json["items"][0]
    found: dict[str, Any] | None = office.get(f"/cases/{case['id']}").json["river"]
    return found


@pytest.mark.parametrize(("at", "bank"), [("bank_left", "左岸"), ("bank_right", "右岸")])
def test_the_bank_is_said_and_whose_each_bank_is(build: Build, at: str, bank: str) -> None:
    units = {one["code"]: one["name"] for one in build.nobody().get("/county").json["units"]}
    found = river(build, at)
    assert found is not None
    assert found["words"].startswith(f"问题在{bank}，离河道中心线约")
    assert f"{bank}归{units[POINTS[at]['lead']]}" in found["words"]
    [line] = found["lines"]
    assert len(line) > 1
    assert all(abs(lon - POINTS[at]["lon"]) < 0.5 and abs(lat - POINTS[at]["lat"]) < 0.5 for lon, lat in line)


def test_a_case_away_from_every_river_has_no_line(build: Build) -> None:
    assert river(build, "inside_township") is None
