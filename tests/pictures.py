"""Files that people upload: good photos from backend.local.pictures, and the bad ones."""

from __future__ import annotations

import functools
import io
import struct
import zlib

from PIL import Image, ImageCms, PngImagePlugin

from backend.local.pictures import draw, make_exif, make_jpeg

__all__ = [
    "animated_webp",
    "cmyk_jpeg",
    "draw",
    "encoded",
    "heic",
    "html",
    "jpeg_announcing",
    "make_exif",
    "make_jpeg",
    "odd_exif_jpegs",
    "png_bomb",
    "png_text_bomb",
    "png_with_text",
    "polyglot",
    "profiled_jpeg",
    "svg",
    "truncated",
    "webp_announcing",
]


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    output = io.BytesIO()
    picture.save(output, kind, **options)
    return output.getvalue()


def svg() -> bytes:
    return b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def html() -> bytes:
    return b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"


def heic(brand: bytes = b"heic") -> bytes:
    """The beginning of an iPhone's photo; nothing behind it is ever looked at."""
    return struct.pack(">I", 24) + b"ftyp" + brand + b"\x00\x00\x00\x00mif1" + brand + b"\x00" * 400


def truncated(data: bytes, keep: float = 0.5) -> bytes:
    return data[: int(len(data) * keep)]


def polyglot(data: bytes, tail: bytes = b"PK\x03\x04<script>alert(document.cookie)</script>") -> bytes:
    """A good picture with something else behind it."""
    return data + tail


def jpeg_announcing(width: int, height: int) -> bytes:
    """A small JPEG whose frame header claims another size."""
    data = bytearray(make_jpeg(64, 48, text=""))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@functools.cache
def png_bomb(side: int = 50_000) -> bytes:
    """A true PNG of side × side black pixels: a few hundred KB that unpack to hundreds of MB."""
    packer = zlib.compressobj(9)
    row = b"\x00" * (1 + (side + 7) // 8)
    body = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def png_text_bomb() -> bytes:
    """A small PNG with a comment that unpacks to 200 MB."""
    data = encoded(draw(40, 30, text=""), "PNG")
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(b"\x00" * 1_000_000) for _ in range(200)) + packer.flush()
    return data[:33] + _chunk(b"zTXt", b"Comment\x00\x00" + body) + data[33:]


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def webp_announcing(width: int, height: int) -> bytes:
    """An animated WEBP whose canvas claims another size."""
    data = bytearray(animated_webp())
    data[24:30] = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return bytes(data)


def animated_webp() -> bytes:
    """Red first, then blue."""
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue")]
    return encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=100)


def cmyk_jpeg() -> bytes:
    return encoded(Image.new("CMYK", (60, 40), (0, 255, 255, 0)), "JPEG")


def profiled_jpeg(profile: bytes | None = None) -> bytes:
    """Mid-grey Lab values would show a profile at work; here an sRGB one, or the bytes given."""
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return encoded(draw(80, 60, text=""), "JPEG", icc_profile=own if profile is None else profile)


def odd_exif_jpegs() -> dict[str, bytes]:
    """Good pixels with EXIF that no camera should write."""
    picture = draw(80, 60, text="")

    def with_exif(raw: bytes) -> bytes:
        return encoded(picture, "JPEG", exif=raw)

    def place(**tags: object) -> bytes:
        names = {"lat_ref": 1, "lat": 2, "lon_ref": 3, "lon": 4}
        exif = Image.Exif()
        exif[0x8825] = {names[name]: value for name, value in tags.items()}
        return with_exif(exif.tobytes())

    def shutter(text: str) -> bytes:
        exif = Image.Exif()
        exif[0x8769] = {36867: text}
        return with_exif(exif.tobytes())

    def turned(value: int) -> bytes:
        exif = Image.Exif()
        exif[274] = value
        return with_exif(exif.tobytes())

    good = make_exif(gps=(113.5, 27.2)).tobytes()
    return {
        "noise": with_exif(b"Exif\x00\x00" + bytes(range(256))),
        "empty": with_exif(b"Exif\x00\x00"),
        "header only": with_exif(b"Exif\x00\x00II*\x00\x08\x00\x00\x00"),
        "far offset": with_exif(b"Exif\x00\x00II*\x00\xff\xff\xff\x7f"),
        "many entries": with_exif(b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff" + b"\x01" * 60),
        "cut off": with_exif(good[: len(good) // 2]),
        "orientation 99": turned(99),
        "orientation 0": turned(0),
        "no time": shutter("    :  :     :  :  "),
        "zero time": shutter("0000:00:00 00:00:00"),
        "month 13": shutter("2025:13:45 26:61:61"),
        "words for time": shutter("昨天"),
        "nowhere": place(lat_ref="N", lat=(0.0, 0.0, 0.0), lon_ref="E", lon=(0.0, 0.0, 0.0)),
        "beyond the pole": place(lat_ref="N", lat=(99.0, 0.0, 0.0), lon_ref="E", lon=(113.0, 0.0, 0.0)),
        "no refs": place(lat=(27.0, 0.0, 0.0), lon=(113.0, 0.0, 0.0)),
        "wrong refs": place(lat_ref="E", lat=(27.0, 0.0, 0.0), lon_ref="N", lon=(113.0, 0.0, 0.0)),
        "words for place": with_exif(_patched(good, "HHL", (4, 5, 3), (4, 2, 3))),
        "divided by zero": with_exif(_patched(good, "LL", (113, 1), (113, 0))),
        "half a place": place(lat_ref="N", lat=(27.0, 0.0, 0.0)),
    }


def _patched(raw: bytes, layout: str, old: tuple[int, ...], new: tuple[int, ...]) -> bytes:
    """The EXIF with one of its records changed, in whichever byte order it was written."""
    order = ">" if raw[6:8] == b"MM" else "<"
    assert struct.pack(order + layout, *old) in raw
    return raw.replace(struct.pack(order + layout, *old), struct.pack(order + layout, *new))


def png_with_text(text: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", text)
    return encoded(draw(40, 30, text=""), "PNG", pnginfo=info)
