"""What the tests of tracks share: a reach, a judgement of a simulated walk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backend.domain.tracks.coverage import ReachLine
from backend.domain.tracks.judge import judge
from backend.domain.tracks.judgement import Judgement
from backend.domain.tracks.points import Points, make_points
from backend.domain.tracks.signature import Signature
from backend.rules.track import Mode, TrackRules
from tests.simulated_walks import USUAL, Phone, Truth, seen, winding_line

RULES = TrackRules()
RIVER = winding_line(3000)
REACH = ReachLine("QSH-01", RIVER, 100.0)


def points_of(truth: Truth, phone: Phone = USUAL, seed: int = 0) -> Points:
    return make_points(**seen(truth, phone, seed))


def judged(
    what: Truth | Points | dict[str, Any],
    phone: Phone = USUAL,
    seed: int = 0,
    reach: ReachLine = REACH,
    earlier: Sequence[Signature] = (),
    mode: Mode = "walk",
    rules: TrackRules = RULES,
) -> Judgement:
    """The judgement of a walk as this phone saw it, of points, or of columns."""
    if isinstance(what, Truth):
        what = seen(what, phone, seed)
    points = what if isinstance(what, Points) else make_points(**what)
    return judge(points, [reach], rules, earlier, mode)


def codes(judgement: Judgement, kind: str) -> set[str]:
    return {flag.code for flag in judgement.flags if flag.kind == kind}
