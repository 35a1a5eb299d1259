"""Rules of standing in: config/county/<name>/delegations.toml."""

from __future__ import annotations

from pydantic import Field

from backend.rules.base import Frozen


class DelegationRules(Frozen):
    """`max_days`: how many days a deputy B角 may stand in at a stretch, the first and the last included."""

    max_days: int = Field(default=90, ge=1)
