"""What is found about a track: numbers, gaps and flags, with which a verdict is reached and can be explained again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

VERSION = 1  # of the algorithm: raised whenever the same points may be judged otherwise

FlagKind = Literal["doubt", "shown"]


@dataclass(frozen=True)
class Gap:
    """A time without positions, or a leap that nobody can have made. `counted_m` is what it adds to the distance;
    nothing where it is not bridged.

    `straight_m` between its two ends; `along` the reach by whose line it was bridged, or None.
    """

    begins_ms: int
    ends_ms: int
    straight_m: float
    bridged: bool
    counted_m: float
    along: str | None


@dataclass(frozen=True)
class Flag:
    """Something to be known about a track. A "doubt" asks a human; what is "shown" is only told and speaks against
    nobody. `share` (0 to 1) or `number` measure it; `words` are plain Chinese.
    """

    code: str
    kind: FlagKind
    words: str
    share: float | None = None
    number: float | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    patrol_id: str | None = None  # the earlier patrol that this one is like


@dataclass(frozen=True)
class Kept:
    """How many of the points count, and why each of the others does not (by reason)."""

    points: int
    of: int
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Beside:
    """What of a way was walked within the corridor of one reach: metres counted, and seconds in which it was seen."""

    metres: float
    seconds: float


@dataclass(frozen=True)
class Quantiles:
    p10: float
    p50: float
    p90: float


@dataclass(frozen=True)
class Judgement:
    """A track judged. Distances are geodesic metres of the filtered way: `along_m` the part of `distance_m` within some
    corridor, `fast_m` the part faster than the mode. `moving_s` + `still_s` + `unseen_s` = `duration_s`. `coverage`:
    the share of each reach's length that was walked within its corridor; `covered_m` the sum of these lengths.
    `line`: (longitude, latitude in WGS-84 degrees, time), simplified; between the ends of a gap that is not bridged
    nothing is to be drawn. Judgements are stored: a field that is added later has a default.
    """

    version: int
    mode: str
    distance_m: float
    along_m: float
    duration_s: float
    moving_s: float
    still_s: float
    unseen_s: float
    coverage: Mapping[str, float]
    beside: Mapping[str, Beside]
    covered_m: float
    gaps: tuple[Gap, ...]
    flags: tuple[Flag, ...]
    kept: Kept
    line: tuple[tuple[float, float, int], ...]
    first_ms: int | None
    last_ms: int | None
    accuracy_m: Quantiles | None
    interval_s: Quantiles | None
    fast_m: float = 0.0

    @property
    def doubts(self) -> tuple[Flag, ...]:
        """The flags that ask a human to look."""
        return tuple(flag for flag in self.flags if flag.kind == "doubt")

    def to_json(self) -> dict[str, Any]:
        """Plain values that JSON stores without loss; `from_json` is the way back."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        plain["coverage"] = dict(self.coverage)
        plain["beside"] = {code: vars(part) for code, part in self.beside.items()}
        plain["gaps"] = [vars(gap) for gap in self.gaps]
        plain["flags"] = [vars(flag) for flag in self.flags]
        plain["kept"] = {"points": self.kept.points, "of": self.kept.of, "dropped": dict(self.kept.dropped)}
        plain["line"] = [list(vertex) for vertex in self.line]
        for name in ("accuracy_m", "interval_s"):
            if plain[name] is not None:
                plain[name] = vars(plain[name])
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Judgement:
        """The judgement that `to_json` stored."""
        values = dict(plain)
        values["beside"] = {code: Beside(**part) for code, part in plain["beside"].items()}
        values["gaps"] = tuple(Gap(**gap) for gap in plain["gaps"])
        values["flags"] = tuple(Flag(**flag) for flag in plain["flags"])
        values["kept"] = Kept(**plain["kept"])
        values["line"] = tuple((float(lon), float(lat), int(at)) for lon, lat, at in plain["line"])
        for name in ("accuracy_m", "interval_s"):
            if plain[name] is not None:
                values[name] = Quantiles(**plain[name])
        return cls(**values)
