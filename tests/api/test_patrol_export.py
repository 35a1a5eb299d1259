"""The archive of patrols: read back as another platform would."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pytest

from backend.county import County
from backend.domain.patrol_export import COLUMNS
from backend.jobs import drain
from tests.build import Build
from tests.walks import Sender


@pytest.fixture
def sender(build: Build, county: County) -> Sender:
    return Sender(build, county)


def read(data: bytes) -> tuple[dict[str, object], list[dict[str, str]], list[dict[str, object]]]:
    archive = zipfile.ZipFile(io.BytesIO(data))
    rows = list(csv.DictReader(io.StringIO(archive.read("patrols.csv").decode("utf-8-sig"), newline="")))
    tracks = [json.loads(line) for line in archive.read("tracks.geojsons").decode().splitlines()]
    return json.loads(archive.read("about.json")), rows, tracks


def test_judged_patrols_come_with_their_line_and_practice_does_not(build: Build, sender: Sender) -> None:
    good, short = sender.walk(), sender.walk(metres=200)
    practice = sender.walk()
    sender.put(f"/{practice.id}", practice.start(build.clock(), practice=True))
    for walk in (good, short, practice):
        sender.send(walk)
    drain()
    answer = build.office().get("/patrols/export.zip?first=2026-06-01&last=2026-06-01")
    assert answer.status_code == 200, answer.json
    about, rows, tracks = read(answer.data)
    assert (about["format"], about["patrols"]) == ("qinghe-patrols 1", 2)
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["patrol_id"], row["valid"]) for row in rows] == [(good.id, "1"), (short.id, "0")]
    assert rows[0]["reaches"] == good.reach
    assert rows[0]["began_at"] == "2026-06-01T09:00:00+08:00"
    assert 1400 < float(rows[0]["along_m"]) < 1600
    by_id = {track["id"]: track for track in tracks}
    line = by_id[good.id]["geometry"]["coordinates"]  # type: ignore[index]
    assert len(line) == len(by_id[good.id]["properties"]["times_ms"]) > 1  # type: ignore[index]
    again = build.office().get("/patrols/export.zip?first=2026-06-02&last=2026-06-30")
    assert read(again.data)[1] == []


def test_only_the_office_takes_it_out_and_for_a_quarter_at_most(build: Build, sender: Sender) -> None:
    asked = "/patrols/export.zip?first=2026-06-01&last=2026-06-01"
    assert sender.phone.get(asked).status_code == 403
    assert build.office().get("/patrols/export.zip?first=2026-01-01&last=2026-06-01").json["code"] == "period_too_long"
    assert build.office().get("/patrols/export.zip?first=2026-06-02&last=2026-06-01").json["code"] == "bad_period"
