"""A county written back as files says the same; a file laid over it is checked with all the others."""

from __future__ import annotations

import io
import zipfile

import pytest

from backend import county_folder
from backend.county import County
from backend.county_files import CountyFaults


def test_a_county_written_as_a_folder_reads_the_same(county: County) -> None:
    document = county.model_dump(mode="json")
    assert county_folder.read_over(document, {}) == county
    assert sorted(county_folder.files_of(document)) == sorted(county_folder.names_of(county))
    again = dict(county_folder.unpacked("全县.zip", county_folder.packed(document)))
    assert county_folder.read_over(document, again) == county


def test_one_file_replaces_its_like_and_is_checked_beside_the_rest(county: County) -> None:
    document = county.model_dump(mode="json")
    reaches = county_folder.files_of(document)["reaches.geojson"]
    foreign = reaches.replace(county.reaches[0].left_bank.encode(), b"530199999")
    with pytest.raises(CountyFaults) as bad:
        county_folder.read_over(document, county_folder.unpacked("新的/reaches.geojson", foreign))
    assert all("530199999" in str(fault) for fault in bad.value.faults if "没有代码" in fault.reason)
    calendar = b"holidays = [2027-01-01]\nworkdays = []\n"
    later = county_folder.read_over(document, county_folder.unpacked("calendar-2027.toml", calendar))
    assert 2027 in later.calendar.years


def test_what_is_no_file_of_a_county_is_told(county: County) -> None:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as made:
        made.writestr("说明.txt", "无")
    for name, data, words in (("边界.shp", b"x", "不认识这个文件名"), ("配置.zip", kept.getvalue(), "没有配置文件")):
        with pytest.raises(CountyFaults, match=words):
            county_folder.unpacked(name, data)
