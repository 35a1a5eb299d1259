"""The public list of roots, the jobs that make and publish them, and the figures for the operator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.clients.root_places import RootFolder
from backend.domain.roots import RootFile
from backend.jobs import drain
from backend.signing import PublicKey
from backend.work import unit_of_work
from tests.build import Build


@pytest.fixture
def place(build: Build, tmp_path: Path) -> Iterator[RootFolder]:
    """One place outside, empty as the ledger is."""
    system = build.app.extensions["qinghe"]
    before, system.root_places = system.root_places, [RootFolder(tmp_path)]
    yield system.root_places[0]
    system.root_places = before


def an_hour_passes(build: Build) -> None:
    build.clock.move(hours=1)
    with unit_of_work() as work:
        work.defer("make_root")
    drain()


def test_roots_are_made_published_and_open_to_everybody(build: Build, place: RootFolder) -> None:
    nobody = build.nobody()
    assert nobody.get("/ledger/roots").json["items"] == []
    build.report()
    for _ in range(3):
        an_hour_passes(build)
    shown = nobody.get("/ledger/roots?limit=2").json
    assert [(root["n"], root["kind"], root["cases"]) for root in shown["items"]] == [(3, "hourly", 1), (2, "hourly", 1)]
    older = nobody.get(f"/ledger/roots?before={shown['next']}").json
    assert [(root["n"], root["kind"]) for root in older["items"]] == [(1, "daily")]
    (key,) = shown["public_keys"]
    for root in shown["items"]:
        assert PublicKey.read(key["pem"]).signed(root["statement"], root["signature"])
        assert root["key"] == key["key"]
    assert f"previous {shown['items'][1]['hash']}\n" in shown["items"][0]["statement"]
    kept = [RootFile.read(place.get(name)).statement.root for name in place.names()]
    assert sorted(kept) == [1, 2, 3]


def test_a_place_that_cannot_be_written_is_tried_again(build: Build, place: RootFolder, tmp_path: Path) -> None:
    (tmp_path / "daily").write_text("in the way")
    an_hour_passes(build)
    assert place.names() == []
    (tmp_path / "daily").unlink()
    build.clock.move(hours=1)
    drain()
    assert place.names() == ["daily/2026/root-00000001.json"]


def test_what_is_published_names_nobody(build: Build, place: RootFolder) -> None:
    build.report(text="我叫王小明，电话13812345678", contact_name="王小明", contact_phone="13812345678")
    an_hour_passes(build)
    everything = json.dumps(build.nobody().get("/ledger/roots").json, ensure_ascii=False)
    everything += "".join(place.get(name).decode() for name in place.names())
    for secret in ("王小明", "13812345678", "私钥", "PRIVATE"):
        assert secret not in everything


def test_the_operator_sees_how_old_the_last_root_is(build: Build, place: RootFolder) -> None:
    client = build.nobody().client
    assert "qinghe_ledger_root" not in client.get("/metrics").text
    an_hour_passes(build)
    build.clock.move(minutes=90)
    figures = client.get("/metrics").text
    assert "qinghe_ledger_root_age_seconds 5400.0" in figures
    assert "qinghe_ledger_broken_cases 0.0" in figures
