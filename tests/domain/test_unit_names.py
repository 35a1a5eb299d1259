"""Units by the names that people give them."""

from __future__ import annotations

import pytest

from backend.county import County
from backend.domain.unit_names import UnitNames


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("清源镇", "530199001"), ("清源", "530199001"), ("清源县清源镇人民政府", "530199001"),
        (" 清 源 镇 ", "530199001"),
        ("530199001", "530199001"), ("龙潭乡政府", "530199004"), ("县水务局", "530199-water"), ("水务", "530199-water"),
        ("水利局", "530199-water"), ("环保局", "530199-ecology"), ("公安", "530199-police"),
        ("清源县", None), ("县河长办", None), ("清源县河长制办公室", None), ("外县某镇", None),
        ("", None), ("镇", None),
    ],
)  # fmt: skip
def test_a_name_means_one_unit_or_none(county: County, said: str, code: str | None) -> None:
    assert UnitNames(county).one(said) == code


def test_several_units_in_one_cell_keep_their_order(county: County) -> None:
    names = UnitNames(county)
    both = ["530199002", "530199-water"]
    for said in (
        "石门镇、水务局",
        "石门镇,县水务局",
        "石门 水务局",
        "石门镇/水利局",
        "石门镇\n水务局",
        "石门镇、石门镇；水务局",
    ):
        assert names.several(said) == (both, [])
    assert names.several("石门镇、某公司") == (["530199002"], ["某公司"])


def test_a_name_that_two_units_share_means_neither(county: County) -> None:
    rules = county.rules.imports.model_copy(update={"units": {"530199001": ("城关",), "530199002": ("城关",)}})
    both = county.model_copy(update={"rules": county.rules.model_copy(update={"imports": rules})})
    assert UnitNames(both).one("城关") is None
