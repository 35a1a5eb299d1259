"""Raw points of a track as bytes: every point kept, a two-hour walk at one point a second in well under 60 KB.

Columns are rounded to steps finer than anything a phone knows, each is written as the difference to the point before
it, folded to be positive, and cut into planes of bytes so that the quiet high bytes stand together; zlib does the
rest. Rounding: 1 ms, 1e-7 degrees (about 1 cm), 0.1 m of accuracy and altitude, 0.01 m/s.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from backend.domain.tracks.points import MAX_POINTS, Floats, Ints, Points

DEGREE_STEP = 1e-7
ACCURACY_STEP_M = 0.1
SPEED_STEP_MPS = 0.01
ALTITUDE_STEP_M = 0.1

_HEAD = struct.Struct("<3sBII")  # magic, version, points, CRC-32 of what follows unpacked
_MAGIC, _VERSION = b"QHT", 1
_LARGEST = 1e9  # of accuracy, speed and altitude, in their units: keeps the integers far from overflowing
_MEASURED = (("accuracy_m", ACCURACY_STEP_M), ("speed_mps", SPEED_STEP_MPS), ("altitude_m", ALTITUDE_STEP_M))


class CorruptTrack(ValueError):  # noqa: N818  # the domain word
    """Bytes that are not a stored track, or no longer. The message says in English what is wrong with them."""


def pack(points: Points) -> bytes:
    """The points as bytes, in their order. Raises ValueError for a value that no phone measures (over 1e9)."""
    body = [np.packbits(points.resumed).tobytes(), _column(points.time_ms)]
    body += [_column(_steps(degrees, DEGREE_STEP)) for degrees in (points.lon, points.lat)]
    for name, step in _MEASURED:
        values = getattr(points, name)
        known = np.isfinite(values)
        if (np.abs(values[known]) > _LARGEST).any():
            raise ValueError(f"{name} is beyond anything a phone measures")
        body += [np.packbits(known).tobytes(), _column(_steps(values[known], step))]
    raw = b"".join(body)
    return _HEAD.pack(_MAGIC, _VERSION, len(points), zlib.crc32(raw)) + zlib.compress(raw, 6)


def unpack(data: bytes) -> Points:
    """The points of `pack`, equal to half a step. Raises CorruptTrack."""
    if len(data) < _HEAD.size:
        raise CorruptTrack(f"{len(data)} bytes are too few for a track")
    magic, version, count, checksum = _HEAD.unpack_from(data)
    if magic != _MAGIC or version != _VERSION or count > MAX_POINTS:
        raise CorruptTrack("these bytes do not begin as a track does")
    # No more than this can be meant: all columns in full, their masks and plane counts.
    most = count * 6 * 8 + 4 * (count // 8 + 1) + 6
    inflate = zlib.decompressobj()
    try:
        raw = inflate.decompress(data[_HEAD.size :], most + 1)
    except zlib.error as error:
        raise CorruptTrack(f"the track does not unpack: {error}") from error
    if not inflate.eof or inflate.unused_data or zlib.crc32(raw) != checksum:
        raise CorruptTrack("the track is cut short or was changed")
    reader = _Reader(raw)
    resumed = reader.mask(count)
    time_ms = reader.column(count)
    lon, lat = reader.degrees(count), reader.degrees(count)
    accuracy, speed, altitude = (reader.measured(count, step) for _, step in _MEASURED)
    reader.finish()
    try:
        return Points(time_ms, lon, lat, accuracy, speed, altitude, resumed)
    except ValueError as error:
        raise CorruptTrack(str(error)) from error


def _steps(values: Floats, step: float) -> Ints:
    return np.rint(values / step).astype(np.int64)


def _column(values: Ints) -> bytes:
    """Differences, folded (0, -1, 1, -2 … → 0, 1, 2, 3 …), as planes of bytes from low to high; their number first.

    Integers wrap around, here and in `_Reader.column`, so even absurd times come back as they were.
    """
    differences = np.diff(values, prepend=np.int64(0))
    folded = ((differences << 1) ^ (differences >> 63)).view(np.uint64)
    planes = (int(folded.max()).bit_length() + 7) // 8 if len(folded) else 0
    cut = folded.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :planes]
    return bytes([planes]) + cut.T.tobytes()


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def mask(self, count: int) -> NDArray[np.bool_]:
        packed = np.frombuffer(self._take((count + 7) // 8), dtype=np.uint8)
        return np.unpackbits(packed, count=count).astype(bool)

    def column(self, count: int) -> Ints:
        planes = self._take(1)[0]
        if planes > 8:
            raise CorruptTrack("a column of the track is wider than a number")
        cut = np.zeros((count, 8), dtype=np.uint8)
        cut[:, :planes] = np.frombuffer(self._take(planes * count), dtype=np.uint8).reshape(planes, count).T
        folded = cut.reshape(-1).view("<u8").astype(np.uint64)
        differences = (folded >> np.uint64(1)).astype(np.int64) ^ -(folded & np.uint64(1)).astype(np.int64)
        return np.cumsum(differences)

    def degrees(self, count: int) -> Floats:
        return np.multiply(self.column(count), DEGREE_STEP, dtype=np.float64)

    def measured(self, count: int, step: float) -> Floats:
        known = self.mask(count)
        values = np.full(count, np.nan)
        values[known] = self.column(int(known.sum())) * step
        return values

    def finish(self) -> None:
        if self._at != len(self._raw):
            raise CorruptTrack("the track has bytes too many")

    def _take(self, size: int) -> bytes:
        taken = self._raw[self._at : self._at + size]
        if len(taken) < size:
            raise CorruptTrack("the track is cut short")
        self._at += size
        return taken
