"""What an uploaded file must be to count as a photo, and the clean copies of it that others may see.

The file comes from anybody: its name and declared type prove nothing, its header is read before anything is decoded,
and every pixel is decoded before it is believed. What leaves here is re-encoded, so nothing of the file but its pixels
survives: no EXIF, no colour profile, no comment, nothing appended behind the picture.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import re
import struct
import warnings
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 50 * 1024 * 1024  # a "50-megapixel" phone writes up to 8192 × 6144
DISPLAY_SIDE = 1600
THUMBNAIL_SIDE = 320
CONTENT_TYPES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}

_SHANGHAI = ZoneInfo("Asia/Shanghai")

# Pillow warns between one and two times its limit and raises above: here both are errors, whoever opens the picture.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)
# It also warns of every oddity in EXIF, which anybody can write: nothing to fill the logs with.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")

# What Pillow and its plug-ins raise for bytes that are not what they should be.
_ODD = (
    OSError,
    SyntaxError,
    ValueError,  # UnicodeError among them
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    EOFError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
)

_OTHER_PICTURES = {b"GIF87a": "GIF", b"GIF89a": "GIF", b"BM": "BMP", b"II*\x00": "TIFF", b"MM\x00*": "TIFF"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1", b"heif"}
_AVIF_BRANDS = {b"avif", b"avis"}

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BadPicture(Exception):  # noqa: N818  # it is the picture that is at fault, not the program
    """The file cannot be used as a photo. `code` is stable, `title` is one Chinese sentence for the reporter.

    Codes: empty_file, not_an_image, wrong_type, too_large, too_many_pixels, truncated.
    """

    def __init__(self, code: str, title: str) -> None:
        super().__init__(f"{code}: {title}")
        self.code = code
        self.title = title


@dataclass(frozen=True)
class Examined:
    """A file that is a photo. Width and height are those of the whole picture, upright."""

    display: bytes
    thumbnail: bytes
    sha256: str
    width: int
    height: int
    format: str
    phash: int
    phash_mirrored: int
    fine: bytes
    fine_mirrored: bytes
    taken_at: datetime | None
    gps: tuple[float, float] | None


def examine(
    data: bytes, *, declared: str | None = None, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS
) -> Examined:
    """Judge the uploaded bytes and make the copies that others see. Raises BadPicture and nothing else.

    `declared` is the content type under which the file was uploaded; when given, the content must be that.
    """
    kind = _kind(data, max_bytes)
    _check_declared(kind, declared)
    if kind == "WEBP":
        _check_webp_header(data, max_pixels)
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as picture:
            _check_pixels(picture.size, max_pixels)
            size = picture.size
            if kind == "JPEG":
                picture.draft(None, (DISPLAY_SIDE, DISPLAY_SIDE))  # still reads the whole stream, in less memory
            picture.load()
            exif = _exif(picture)
            orientation = _orientation(exif)
            display = _turned(_shrunk(_flat_rgb(picture), DISPLAY_SIDE), orientation)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(max_pixels) from None
    except UnidentifiedImageError:
        raise _truncated() from None
    except _ODD:
        raise _truncated() from None
    if orientation >= 5:
        size = (size[1], size[0])
    mirrored = display.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return Examined(
        display=_jpeg(display, 85),
        thumbnail=_jpeg(_shrunk(display, THUMBNAIL_SIDE), 80),
        sha256=hashlib.sha256(data).hexdigest(),
        width=size[0],
        height=size[1],
        format=kind,
        phash=perceptual_hash(display),
        phash_mirrored=perceptual_hash(mirrored),
        fine=fine_hash(display),
        fine_mirrored=fine_hash(mirrored),
        taken_at=_taken_at(exif),
        gps=_gps(exif),
    )


def perceptual_hash(picture: Image.Image) -> int:
    """64 bits (unsigned) of the coarse shapes in an upright picture; copies differ in few bits, see bits_apart()."""
    return int.from_bytes(_coarse_shapes(picture, 32, 8))


def fine_hash(picture: Image.Image) -> bytes:
    """256 bits, as perceptual_hash() but four times as fine: it tells apart what looks alike from far away."""
    return _coarse_shapes(picture, 64, 16)


def _coarse_shapes(picture: Image.Image, side: int, waves: int) -> bytes:
    """Which of the slowest `waves` × `waves` terms of the picture's cosine transform are above their middle."""
    grey = np.asarray(picture.convert("L").resize((side, side), Image.Resampling.LANCZOS), dtype=float)
    cosines = np.cos(np.pi * np.arange(waves)[:, None] * (2 * np.arange(side) + 1) / (2 * side))
    # Rounded, so that an even picture gives zeros and not the noise of floating point.
    terms = np.round(cosines @ grey @ cosines.T, 3).ravel()
    return np.packbits(terms > np.median(terms)).tobytes()


def bits_apart(one: int, other: int) -> int:
    """In how many of 64 bits two perceptual hashes differ; 0 to about 8 mean the same picture."""
    return ((one ^ other) & 0xFFFF_FFFF_FFFF_FFFF).bit_count()


# The bytes before decoding


def _kind(data: bytes, max_bytes: int) -> str:
    """JPEG, PNG or WEBP by the first bytes. Raises BadPicture for everything else."""
    if not data:
        raise BadPicture("empty_file", "这个文件是空的，请重新选择照片。")
    if len(data) > max_bytes:
        raise BadPicture("too_large", f"照片文件太大，每张最大 {max_bytes / 1024 / 1024:g} MB，请压缩后再上传。")
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        brands = {data[8:12], *(data[at : at + 4] for at in range(16, min(_be32(data, 0), 256, len(data)), 4))}
        if brands & _AVIF_BRANDS:
            raise _wrong_type("AVIF")
        if brands & _HEIF_BRANDS:
            raise BadPicture(
                "wrong_type",
                "这是 HEIC 格式的照片，暂不支持；请在手机相机设置的“格式”里选择“JPEG/最兼容（兼容性最佳）”，"
                "或把照片另存为 JPEG 后再上传。",
            )
    for magic, name in _OTHER_PICTURES.items():
        if data.startswith(magic) and (name != "BMP" or _looks_like_bmp(data)):
            raise _wrong_type(name)
    raise BadPicture("not_an_image", "这个文件不是照片，请上传 JPEG、PNG 或 WEBP 格式的照片。")


def _looks_like_bmp(data: bytes) -> bool:
    return len(data) >= 26 and data[6:10] == b"\x00\x00\x00\x00"


def _be32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def _check_declared(kind: str, declared: str | None) -> None:
    if declared is None:
        return
    named = CONTENT_TYPES.get(declared.partition(";")[0].strip().lower())
    if named is None:
        raise BadPicture("wrong_type", "只接受 JPEG、PNG 或 WEBP 格式的照片。")
    if named != kind:
        raise BadPicture(
            "wrong_type", f"这个文件的内容是 {kind}，却标为 {named}，请不要修改文件后缀，直接上传原来的照片。"
        )


def _check_webp_header(data: bytes, max_pixels: int) -> None:
    """Pillow makes room for the whole canvas while it opens a WEBP, so its size is read here first."""
    if len(data) < 30 or int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise _truncated()
    chunk = data[12:16]
    if chunk == b"VP8X":
        size = (int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1)
    elif chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        size = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    elif chunk == b"VP8 ":
        size = (int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF)
    else:
        raise _truncated()
    _check_pixels(size, max_pixels)


def _check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    if size[0] * size[1] > max_pixels:
        raise _too_many_pixels(max_pixels)


def _wrong_type(name: str) -> BadPicture:
    return BadPicture("wrong_type", f"暂不支持 {name} 格式，请上传 JPEG、PNG 或 WEBP 格式的照片。")


def _truncated() -> BadPicture:
    return BadPicture("truncated", "照片不完整或已损坏，可能没有传完，请重新上传。")


def _too_many_pixels(max_pixels: int) -> BadPicture:
    limit = f"{max_pixels / 10_000:,.0f} 万" if max_pixels >= 10_000 else f"{max_pixels} "
    return BadPicture("too_many_pixels", f"照片的尺寸太大，最多 {limit}像素，请缩小后再上传。")


# Pixels


def pixels_alone(data: bytes) -> bytes:
    """A photo found sound, whole, upright and re-encoded as JPEG: nothing of the file but its pixels survives."""
    with Image.open(io.BytesIO(data), formats=list(CONTENT_TYPES.values())) as picture:
        picture.load()
        orientation = _orientation(_exif(picture))
        return _jpeg(_turned(_flat_rgb(picture, side=max(picture.size)), orientation), 90)


def _flat_rgb(picture: Image.Image, side: int = DISPLAY_SIDE) -> Image.Image:
    """The first frame in sRGB without transparency, already small where that saves memory."""
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I"):  # 16 bits of grey; Pillow's own conversion would cut off, not scale
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if picture.has_transparency_data:
        small = _shrunk(picture.convert("RGBA"), side)
        ground = Image.new("RGB", small.size, "white")
        ground.paste(_srgb(small.convert("RGB"), profile), mask=small.getchannel("A"))
        return ground
    if picture.mode not in {"L", "RGB", "CMYK"}:
        picture = picture.convert("RGB")
    return _srgb(_shrunk(picture, side), profile)


def _srgb(picture: Image.Image, profile: Any) -> Image.Image:
    if isinstance(profile, bytes) and profile:
        # A profile that cannot be read, or is not of this kind of picture, is as good as none.
        with contextlib.suppress(ImageCms.PyCMSError, *_ODD):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
    return picture.convert("RGB")


def _shrunk(picture: Image.Image, side: int) -> Image.Image:
    longest = max(picture.size)
    if longest <= side:
        return picture
    size = (max(1, round(picture.width * side / longest)), max(1, round(picture.height * side / longest)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _turned(picture: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    clean = picture.copy()
    clean.info = {}  # Pillow would carry over the comment
    output = io.BytesIO()
    clean.save(output, "JPEG", quality=quality, optimize=True, progressive=True)
    return output.getvalue()


# EXIF: a claim, never a reason to refuse


def _exif(picture: Image.Image) -> Image.Exif:
    try:
        return picture.getexif()
    except _ODD:
        return Image.Exif()


def _ifd(exif: Image.Exif, tag: int) -> dict[int, Any]:
    try:
        return dict(exif.get_ifd(tag))
    except _ODD:
        return {}


def _orientation(exif: Image.Exif) -> int:
    try:
        value = exif.get(ExifTags.Base.Orientation)
    except _ODD:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _taken_at(exif: Image.Exif) -> datetime | None:
    """The shutter time; local time without an offset is taken as that of China."""
    ifd = _ifd(exif, ExifTags.IFD.Exif)
    for tag, offset_tag in (
        (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
        (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
    ):
        with contextlib.suppress(*_ODD):
            naive = datetime.strptime(_text(ifd[tag])[:19], "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007  # the zone follows
            return naive.replace(tzinfo=_offset(ifd.get(offset_tag)) or _SHANGHAI).astimezone(_SHANGHAI)
    return None


def _offset(value: Any) -> timezone | None:
    match = re.fullmatch(r"([+-])([01][0-9]):([0-5][0-9])", _text(value)) if value is not None else None
    if match is None:
        return None
    length = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-length if match[1] == "-" else length)


def _text(value: Any) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return text.replace("\x00", "").strip()


def _gps(exif: Image.Exif) -> tuple[float, float] | None:
    """(longitude, latitude) in WGS-84 degrees; None when absent, senseless, or the 0, 0 of a phone without a fix."""
    ifd = _ifd(exif, ExifTags.IFD.GPSInfo)
    try:
        latitude = _degrees(ifd[ExifTags.GPS.GPSLatitude], _text(ifd[ExifTags.GPS.GPSLatitudeRef]), "NS", 90)
        longitude = _degrees(ifd[ExifTags.GPS.GPSLongitude], _text(ifd[ExifTags.GPS.GPSLongitudeRef]), "EW", 180)
    except _ODD:
        return None
    return None if latitude == 0 and longitude == 0 else (longitude, latitude)


def _degrees(parts: Any, side: str, sides: str, limit: float) -> float:
    """Degrees, minutes and seconds as signed degrees. Raises ValueError, TypeError or ArithmeticError for nonsense."""
    numbers = [float(part) for part in (parts if isinstance(parts, tuple) else (parts,))]
    side = side.upper()
    if side not in set(sides) or not 1 <= len(numbers) <= 3:
        raise ValueError("not a side of the globe, or not degrees, minutes and seconds")
    value = sum(number / 60**power for power, number in enumerate(numbers))
    if not all(math.isfinite(number) and number >= 0 for number in numbers) or value > limit:
        raise ValueError("not on the globe")
    return -value if side == sides[1] else value
