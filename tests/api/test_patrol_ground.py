"""What a chief's phone keeps to walk without signal."""

from __future__ import annotations

from backend.county import County
from tests.build import Build, phone_of
from tests.walks import TOWNSHIP, Sender, chief


def test_a_village_chief_is_given_the_reaches_their_places_and_what_is_asked_there(
    build: Build, county: County
) -> None:
    sender = Sender(build, county)
    ground = sender.phone.get("/patrols/ground").json
    assert ground is not None
    [role] = ground["roles"]
    assert (role["role"], role["unit"]) == (sender.chief.role, sender.chief.unit)
    assert [one["reach"] for one in role["reaches"]] == list(sender.chief.reaches)
    assert role["reaches"][0]["needed"]["min_minutes"] == 15
    assert role["reaches"][0]["needed"]["min_metres"] == 500
    reach = ground["reaches"][0]
    assert reach["code"] in sender.chief.reaches
    assert reach["line"][0] == county.reach_by_code[reach["code"]].geometry["coordinates"][0]
    assert reach["corridor_m"] > county.reach_by_code[reach["code"]].corridor_m
    assert ground["person"] == sender.phone.get("/duties/mine").json["items"][0]["person_id"]  # type: ignore[index]


def test_the_boards_and_risk_sources_of_a_reach_are_places_to_visit(build: Build, county: County) -> None:
    board = county.rules.patrol.boards[0]
    unit = county.reach_by_code[board.reach].lead
    phone = build.official(phone_of(unit, TOWNSHIP))
    reaches = {one["code"]: one for one in phone.get("/patrols/ground").json["reaches"]}  # type: ignore[index]
    places = {place["code"]: place for place in reaches[board.reach]["checkpoints"]}
    assert places[board.code]["kind_title"] == "公示牌"
    assert places[board.code]["near_m"] == county.rules.patrol.checkpoint_near_m


def test_who_has_no_patrol_to_walk_is_given_no_ground(build: Build) -> None:
    handler = build.official(phone_of(chief(TOWNSHIP).unit))
    ground = handler.get("/patrols/ground").json
    assert ground is not None
    assert (ground["roles"], ground["reaches"]) == ([], [])
    assert build.resident().get("/patrols/ground").status_code == 403
