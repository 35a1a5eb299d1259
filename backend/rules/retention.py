"""How long what is kept 保存期限. What the ledger is made of has no period: cases, events, signed roots, who looked."""

from __future__ import annotations

from pydantic import Field

from backend.rules.base import Frozen


class RetentionRules(Frozen):
    """Calendar days. `identity_days` after a case is over, who reported is erased; `photo_days` after it, the photos of
    reporters (0: never, both). The chain stays whole, and each erasure is an event of its case.

    `notice_days` of a notice's age. `sign_in_days` after a sign-in ended, at phone and desk. `request_days`: for how
    long a create that is sent again is known (no phone keeps one longer). `work_days` of what was carried out.
    """

    identity_days: int = Field(default=1095, ge=0)
    photo_days: int = Field(default=0, ge=0)
    notice_days: int = Field(default=365, ge=30)
    sign_in_days: int = Field(default=180, ge=30)
    request_days: int = Field(default=90, ge=90)
    work_days: int = Field(default=30, ge=7)
