"""The stamp 水印 on the display copy of a patrol photo: drawn by the server, so that no phone can put another on it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import as_file, files

from PIL import Image, ImageDraw, ImageFont

_FONT = files("pylopdf_fonts_zh_cn") / "NotoSansSC-Regular.otf"
_LARGEST, _SMALLEST = 64, 12
_INK, _GROUND = (255, 255, 255, 255), (0, 0, 0, 130)


def stamp(display: bytes, lines: Sequence[str]) -> bytes:
    """The picture (JPEG) with these lines at its lower edge, on a dark band so that they are read on any ground.

    The signs are as large as the width allows, and a line too long even for the smallest is cut with "…".
    """
    with Image.open(io.BytesIO(display), formats=["JPEG"]) as opened:
        picture = opened.convert("RGB")
    size = _size(picture, lines)
    font = _font(size)
    room = picture.width - 2 * size
    shown = [_cut(line, font, room) for line in lines]
    step = round(size * 1.4)
    height = min(picture.height, step * len(shown) + size)
    band = Image.new("RGBA", (picture.width, height), _GROUND)
    pen = ImageDraw.Draw(band)
    for number, line in enumerate(shown):
        pen.text((size, size // 2 + number * step), line, font=font, fill=_INK)
    place = (0, picture.height - height)
    picture.paste(
        Image.alpha_composite(picture.crop((*place, *picture.size)).convert("RGBA"), band).convert("RGB"), place
    )
    output = io.BytesIO()
    picture.save(output, "JPEG", quality=85, optimize=True, progressive=True)
    return output.getvalue()


def _size(picture: Image.Image, lines: Sequence[str]) -> int:
    """How large to write: by the picture's shorter side, smaller when the longest line would not fit."""
    size = max(_SMALLEST, min(_LARGEST, min(picture.size) // 28))
    longest = max((_font(size).getlength(line) for line in lines), default=0.0)
    room = picture.width - 2 * size
    return size if longest <= room else max(_SMALLEST, int(size * room / longest))


def _cut(line: str, font: ImageFont.FreeTypeFont, room: int) -> str:
    if font.getlength(line) <= room:
        return line
    while line and font.getlength(f"{line}…") > room:
        line = line[:-1]
    return f"{line}…"


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    with as_file(_FONT) as path:
        return ImageFont.truetype(str(path), size)
