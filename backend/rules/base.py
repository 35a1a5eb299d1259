"""The base of everything that a county's files describe."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Never changed once read; a key that it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
