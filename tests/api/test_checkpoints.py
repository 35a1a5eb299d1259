"""Checkpoints: the list of a reach, visits near and far, by place and by the board's code."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from backend.county import County
from backend.geo import wgs84_to_gcj02
from backend.jobs import drain
from tests.build import Build
from tests.walks import Sender, Walk

M = 1 / 111_000


@pytest.fixture
def sender(build: Build, county: County) -> Sender:
    return Sender(build, county)


def listed(sender: Sender, reach: str) -> dict[str, dict[str, Any]]:
    answer = sender.phone.get(f"/reaches/{reach}/checkpoints")
    assert answer.status_code == 200, answer.json
    return {one["kind"]: one for one in answer.json["items"]}  # type: ignore[index]


def visit(sender: Sender, walk: Walk, point: dict[str, Any], north_m: float = 0, **changes: Any) -> dict[str, Any]:
    body = {
        "checkpoint": point["code"], "at": walk.began_at.isoformat(), "lon": point["lon"],
        "lat": point["lat"] + north_m * M, "coord_type": "wgs84", "accuracy_m": 5, **changes,
    }  # fmt: skip
    answer = sender.put(f"/{walk.id}/checkpoints/{uuid.uuid4()}", body)
    assert answer.status_code == 200, answer.json
    return answer.json  # type: ignore[return-value]


def test_a_reach_has_its_risk_sources_intakes_and_boards_to_visit(build: Build, sender: Sender) -> None:
    found = listed(sender, sender.chief.reaches[0])
    assert {"water_intake", "board"} <= found.keys()
    assert found["board"]["token"] is None
    printed = build.office().get(f"/reaches/{sender.chief.reaches[0]}/checkpoints").json["items"]  # type: ignore[index]
    assert all(one["token"] for one in printed if one["kind"] == "board")
    assert sender.phone.get("/reaches/NO-99/checkpoints").status_code == 404


def test_near_enough_is_judged_with_the_phones_accuracy(sender: Sender) -> None:
    walk = sender.walk(metres=50)
    point = listed(sender, walk.reach)["water_intake"]  # type: ignore[arg-type]
    assert visit(sender, walk, point)["reached"]
    assert visit(sender, walk, point, north_m=50)["reached"]
    far = visit(sender, walk, point, north_m=100)
    assert not far["reached"]
    assert far["distance_m"] == pytest.approx(100, abs=2)
    assert "50米以内" in far["why_not"]
    assert visit(sender, walk, point, north_m=100, accuracy_m=60)["reached"]
    assert not visit(sender, walk, point, north_m=400, accuracy_m=5000)["reached"]  # a phone that knows nothing
    lon, lat = wgs84_to_gcj02(point["lon"], point["lat"])
    assert visit(sender, walk, point, lon=lon, lat=lat, coord_type="gcj02")["reached"]
    assert not visit(sender, walk, point, lon=lon, lat=lat)["reached"]
    assert len(sender.phone.get(f"/patrols/{walk.id}/held").json["held"]["checkpoints"]) == 7  # type: ignore[index]


def test_without_a_place_the_boards_code_counts_and_nothing_else(build: Build, sender: Sender) -> None:
    walk = sender.walk(metres=50)
    reach = str(walk.reach)
    printed = build.office().get(f"/reaches/{reach}/checkpoints").json["items"]  # type: ignore[index]
    board = next(one for one in printed if one["kind"] == "board")
    nowhere = {"lon": None, "lat": None}
    assert visit(sender, walk, board, token=board["token"], **nowhere)["reached"]
    assert not visit(sender, walk, board, token="made_up", **nowhere)["reached"]
    assert not visit(sender, walk, board, token=board["token"], north_m=3000)["reached"]  # a picture of the code
    intake = listed(sender, reach)["water_intake"]
    assert "没有定位" in visit(sender, walk, intake, **nowhere)["why_not"]


def test_a_scanned_code_tells_which_board_it_is(build: Build, sender: Sender) -> None:
    walk = sender.walk(metres=50)
    printed = build.office().get(f"/reaches/{walk.reach}/checkpoints").json["items"]  # type: ignore[index]
    board = next(one for one in printed if one["kind"] == "board")
    scanned = {"checkpoint": None, "lon": None, "lat": None}
    made = visit(sender, walk, board, token=board["token"], **scanned)
    assert (made["reached"], made["checkpoint"], made["name"]) == (True, board["code"], board["name"])
    held = sender.phone.get(f"/patrols/{walk.id}").json["checkpoints"]  # type: ignore[index]
    assert [one["code"] for one in held] == [board["code"]]

    other = visit(sender, walk, board, token="made_up_of_thin_air", **scanned)
    assert (other["reached"], other["checkpoint"], other["name"]) == (False, None, None)
    assert "不是公示牌上的" in other["why_not"]
    away = visit(sender, walk, board, token=board["token"], checkpoint=None, north_m=3000)  # a picture of the code
    assert (away["reached"], away["checkpoint"]) == (False, board["code"])


def test_an_unknown_checkpoint_is_kept_and_said(sender: Sender) -> None:
    walk = sender.walk(metres=50)
    made = visit(sender, walk, {"code": "GONE-1", "lon": 102.9, "lat": 25.3})
    assert (made["reached"], made["distance_m"]) == (False, None)
    assert made["why_not"].startswith("没有这个打卡点")


def test_visits_stand_on_the_verdict(sender: Sender) -> None:
    walk = sender.walk()
    for kind, point in listed(sender, str(walk.reach)).items():
        visit(sender, walk, point, north_m=0 if kind == "board" else 500)
    sender.send(walk)
    drain()
    shown = sender.phone.get(f"/patrols/{walk.id}").json
    assert shown is not None
    assert [(one["code"], one["reached"]) for one in sorted(shown["checkpoints"], key=lambda one: one["kind"])] == [
        ("GSP-QSH-10", True), ("FX-021", False),
    ]  # fmt: skip
