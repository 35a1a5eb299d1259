"""What the public 社会公众 is shown: which cases, for how long, how exactly; and what boards say of a chief's duty."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from backend.rules.base import Frozen

ChiefRole = Literal["county_chief", "township_chief", "village_chief"]
_DUTIES: dict[ChiefRole, str] = {
    "county_chief": "组织领导本县河段的管理保护，牵头解决重大问题，督促有关单位履职。",
    "township_chief": "按时巡河，组织整治本乡镇河段的问题，落实交办事项。",
    "village_chief": "日常巡河护河，劝阻违法行为，发现问题及时上报。",
}


class PublicationRules(Frozen):
    """Which cases are published 公开 without anybody's word, and how; the office can publish or withhold each one.

    `open_cases`: those whose measures have begun are shown before they are closed. `sensitive_open`: those of sensitive
    kinds too, which would warn the culprit. `closed_days`: calendar days for which a closed one is shown.
    `place_decimals` of the published place: four are about ten metres. `cache_s`: how long an answer may be kept.
    `duties`: what a notice board says that a chief of a level has to do.
    """

    open_cases: bool = True
    sensitive_open: bool = False
    closed_days: int = Field(default=365, ge=1)
    place_decimals: int = Field(default=4, ge=2, le=5)
    cache_s: int = Field(default=60, ge=0, le=600)
    duties: dict[ChiefRole, str] = Field(default_factory=lambda: dict(_DUTIES))
