"""When many reports on one township at once are shown to the office 举报激增."""

from __future__ import annotations

from pydantic import Field

from backend.rules.base import Frozen


class SurgeRules(Frozen):
    """So many reports of residents within so many hours on the same township are told of, and again after as many more.

    Nobody is refused for it: a spill is reported by many honest people at once, and a campaign against a township looks
    the same from outside. `shown_days`: how long the desk's first page shows it.
    """

    reports: int = Field(default=10, ge=2)
    hours: int = Field(default=6, ge=1)
    shown_days: int = Field(default=3, ge=1)
