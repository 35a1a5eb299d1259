"""Photos for the demo and the tests: real JPEGs of a drawn river, with the EXIF that a phone would write."""

from __future__ import annotations

import io
import random
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from PIL import ExifTags, Image, ImageDraw, ImageFont
from PIL.TiffImagePlugin import IFDRational

# How a phone held that way stores what was upright.
_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def make_jpeg(
    width: int,
    height: int,
    *,
    text: str,
    gps: tuple[float, float] | None = None,
    orientation: int = 1,
    taken_at: datetime | None = None,
    seed: int = 0,
) -> bytes:
    """A photo that is `width` × `height` when upright; the same arguments give the same bytes.

    `text` is drawn in Pillow's own font, which has Latin letters only. `gps` is (longitude, latitude) in WGS-84;
    a `taken_at` with a zone is written as Chinese local time, as a phone in China does.
    """
    picture = draw(width, height, text=text, seed=seed)
    if orientation in _STORED:
        picture = picture.transpose(_STORED[orientation])
    output = io.BytesIO()
    picture.save(output, "JPEG", quality=88, exif=make_exif(gps=gps, orientation=orientation, taken_at=taken_at))
    return output.getvalue()


def draw(width: int, height: int, *, text: str, seed: int = 0) -> Image.Image:
    """The river of this seed: sky, two banks, water with grain, and a stain where something runs into it."""
    dice = random.Random(seed)
    picture = Image.new("RGB", (width, height), (150 + dice.randrange(60), 190, 220))
    pen = ImageDraw.Draw(picture)

    def at(x: float, y: float) -> tuple[int, int]:
        return round(x * width), round(y * height)

    horizon = dice.uniform(0.25, 0.45)
    hills = [(x / 8, horizon - dice.uniform(0, 0.18)) for x in range(9)]
    pen.polygon([at(0, 1), *(at(x, y) for x, y in hills), at(1, 1)], fill=(70 + dice.randrange(50), 110, 70))
    left, right = dice.uniform(0, 0.35), dice.uniform(0.65, 1)
    middle = dice.uniform(0.3, 0.7)
    pen.polygon(
        [at(middle - 0.05, horizon), at(middle + 0.05, horizon), at(right, 1), at(left, 1)],
        fill=(60, 110 + dice.randrange(40), 130 + dice.randrange(40)),
    )
    for _ in range(6):
        x, y, size = dice.uniform(0.1, 0.9), dice.uniform(horizon, 0.95), dice.uniform(0.03, 0.12)
        colour = tuple(dice.randrange(30, 160) for _ in range(3))
        pen.ellipse([at(x - size, y - size / 2), at(x + size, y + size / 2)], fill=colour)
    coarse = (max(1, width // 4), max(1, height // 4))
    grain = Image.frombytes("L", coarse, dice.randbytes(coarse[0] * coarse[1])).resize((width, height))
    picture = Image.blend(picture, Image.merge("RGB", (grain, grain, grain)), 0.08)
    if text:
        size = max(10, min(width, height) // 16)
        ImageDraw.Draw(picture).text(
            (size, height - 2 * size),
            text,
            fill="white",
            font=ImageFont.load_default(size),
            stroke_width=1,
            stroke_fill="black",
        )
    return picture


def make_exif(
    *, gps: tuple[float, float] | None = None, orientation: int = 1, taken_at: datetime | None = None
) -> Image.Exif:
    """What a phone writes into a photo."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Qinghe"
    exif[ExifTags.Base.Model] = "Demo phone"
    exif[ExifTags.Base.Orientation] = orientation
    if taken_at is not None:
        local = taken_at if taken_at.tzinfo is None else taken_at.astimezone(ZoneInfo("Asia/Shanghai"))
        written = local.strftime("%Y:%m:%d %H:%M:%S")
        exif[ExifTags.Base.DateTime] = written
        shutter: dict[int, Any] = {ExifTags.Base.DateTimeOriginal: written, ExifTags.Base.DateTimeDigitized: written}
        exif[ExifTags.IFD.Exif] = shutter
    if gps is not None:
        longitude, latitude = gps
        place: dict[int, Any] = {
            ExifTags.GPS.GPSLatitudeRef: "N" if latitude >= 0 else "S",
            ExifTags.GPS.GPSLatitude: _sexagesimal(latitude),
            ExifTags.GPS.GPSLongitudeRef: "E" if longitude >= 0 else "W",
            ExifTags.GPS.GPSLongitude: _sexagesimal(longitude),
        }
        exif[ExifTags.IFD.GPSInfo] = place
    return exif


def _sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    ticks = round(abs(degrees) * 3600 * 10_000)
    minutes, ticks = divmod(ticks, 60 * 10_000)
    return IFDRational(minutes // 60), IFDRational(minutes % 60), IFDRational(ticks, 10_000)
