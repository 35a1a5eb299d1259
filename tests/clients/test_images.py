"""What counts as a photo, what is made of it, and what is said about the rest."""

from __future__ import annotations

import hashlib
import io
import random
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from backend.clients.images import MAX_PIXELS, BadPicture, Examined, bits_apart, examine
from tests import pictures

NOON = datetime(2025, 6, 1, 4, 0, tzinfo=UTC)
GOOD = pictures.make_jpeg(320, 240, text="outfall", gps=(113.512345, 27.254321), taken_at=NOON, seed=5)


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def refused(data: bytes, **limits: Any) -> BadPicture:
    with pytest.raises(BadPicture) as caught:
        examine(data, **limits)
    assert re.search(r"[\u4e00-\u9fff]", caught.value.title)
    assert caught.value.title.endswith("。")
    return caught.value


def close(one: tuple[int, ...], other: tuple[int, ...], by: int = 12) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


# Good photos


def test_what_a_phone_wrote_is_read() -> None:
    found = examine(GOOD)
    assert (found.width, found.height, found.format) == (320, 240, "JPEG")
    assert found.sha256 == hashlib.sha256(GOOD).hexdigest()
    assert found.gps == pytest.approx((113.512345, 27.254321), abs=1e-6)
    assert found.taken_at is not None
    assert found.taken_at.isoformat() == "2025-06-01T12:00:00+08:00"


def test_what_others_see_is_small_and_says_nothing() -> None:
    found = examine(pictures.make_jpeg(4000, 3000, text="", gps=(113.5, 27.2), taken_at=NOON))
    assert (found.width, found.height) == (4000, 3000)
    assert opened(found.display).size == (1600, 1200)
    assert opened(found.thumbnail).size == (320, 240)
    for copy in (found.display, found.thumbnail):
        picture = opened(copy)
        assert picture.format == "JPEG"
        assert picture.mode == "RGB"
        assert not picture.getexif()
        assert not {"exif", "icc_profile", "comment", "xmp"} & set(picture.info)
        assert b"Exif" not in copy
        assert b"Qinghe" not in copy


def test_comments_do_not_survive() -> None:
    picture = pictures.draw(100, 80, text="")
    for data in (
        pictures.encoded(picture, "JPEG", comment=b"my telephone 13800000000"),
        pictures.encoded(picture, "JPEG", xmp=b"<x:xmpmeta>13800000000</x:xmpmeta>"),
        pictures.png_with_text("13800000000"),
        pictures.encoded(picture, "WEBP", xmp=b"13800000000", exif=pictures.make_exif(gps=(113, 27)).tobytes()),
    ):
        assert b"13800000000" in data
        found = examine(data)
        assert b"13800000000" not in found.display + found.thumbnail


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(orientation: int) -> None:
    upright = examine(pictures.make_jpeg(400, 300, text="UP", seed=9))
    found = examine(pictures.make_jpeg(400, 300, text="UP", seed=9, orientation=orientation))
    assert (found.width, found.height) == (400, 300)
    assert opened(found.display).size == (400, 300)
    assert opened(found.thumbnail).size == (320, 240)
    assert bits_apart(found.phash, upright.phash) <= 4
    small = [opened(each.display).resize((16, 12), Image.Resampling.BOX) for each in (found, upright)]
    assert max(abs(a - b) for a, b in zip(small[0].tobytes(), small[1].tobytes(), strict=True)) < 16


def test_an_orientation_is_true_in_the_corner() -> None:
    """Written without the maker's own table: EXIF 6 means that the top row is stored as the right-hand column."""
    stored = Image.new("RGB", (80, 40), "black")
    stored.paste((255, 0, 0), (0, 0, 40, 20))  # top left as stored; upright it is top right
    exif = Image.Exif()
    exif[274] = 6
    seen = opened(examine(pictures.encoded(stored, "JPEG", exif=exif, quality=95)).display)
    assert seen.size == (40, 80)
    assert close(seen.getpixel((30, 10)), (255, 0, 0), 30)  # type: ignore[arg-type]
    assert close(seen.getpixel((10, 10)), (0, 0, 0), 30)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_kinds_are_accepted(kind: str) -> None:
    found = examine(pictures.encoded(pictures.draw(300, 200, text=""), kind, exif=pictures.make_exif(gps=(113.5, 27))))
    assert (found.width, found.height, found.format) == (300, 200, kind)
    assert found.gps == pytest.approx((113.5, 27))
    assert opened(found.display).format == "JPEG"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_pixels(mode: str) -> None:
    picture = Image.new("L", (64, 48), 200).convert(mode if mode != "I;16" else "L")
    if mode == "I;16":
        picture = Image.new("I;16", (64, 48), 200 * 256)
    seen = opened(examine(pictures.encoded(picture, "PNG")).display).resize((1, 1), Image.Resampling.BOX)
    assert close(seen.getpixel((0, 0)), (200, 200, 200), 14)  # type: ignore[arg-type]


def test_what_is_transparent_becomes_white() -> None:
    found = examine(pictures.encoded(Image.new("RGBA", (64, 48), (0, 0, 0, 0)), "PNG"))
    assert close(opened(found.display).getpixel((5, 5)), (255, 255, 255))  # type: ignore[arg-type]


def test_cmyk_is_shown_in_its_colours() -> None:
    red, green, blue = opened(examine(pictures.cmyk_jpeg()).display).getpixel((5, 5))  # type: ignore[misc]
    assert red > 200
    assert max(green, blue) < 80


def test_a_colour_profile_is_applied_and_dropped() -> None:
    swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (None, b"not a profile", swapped):
        found = examine(pictures.profiled_jpeg(profile))
        assert "icc_profile" not in opened(found.display).info
    plain = opened(examine(pictures.encoded(pictures.draw(80, 60, text=""), "JPEG")).display)
    same = opened(examine(pictures.profiled_jpeg()).display)
    assert close(plain.getpixel((40, 30)), same.getpixel((40, 30)))  # type: ignore[arg-type]


def test_of_an_animation_the_first_frame_counts() -> None:
    found = examine(pictures.animated_webp())
    assert close(opened(found.display).getpixel((5, 5)), (255, 0, 0), 20)  # type: ignore[arg-type]
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    found = examine(pictures.encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]))
    assert close(opened(found.display).getpixel((5, 5)), (255, 0, 0), 20)  # type: ignore[arg-type]


def test_a_phone_with_several_pictures_in_one_file_is_a_jpeg() -> None:
    frames = [pictures.draw(80, 60, text="", seed=seed) for seed in (1, 2)]
    found = examine(pictures.encoded(frames[0], "MPO", save_all=True, append_images=frames[1:]))
    assert found.format == "JPEG"


def test_what_hangs_behind_the_picture_is_dropped() -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        data = pictures.polyglot(pictures.encoded(pictures.draw(80, 60, text=""), kind))
        found = examine(data)
        assert found.sha256 == hashlib.sha256(data).hexdigest()
        assert b"script" not in found.display + found.thumbnail


def test_one_pixel_and_a_long_line_are_pictures() -> None:
    assert examine(pictures.encoded(Image.new("RGB", (1, 1)), "PNG")).width == 1
    found = examine(pictures.encoded(Image.new("RGB", (20_000, 1)), "PNG"))
    assert opened(found.display).size == (1600, 1)
    assert opened(found.thumbnail).size == (320, 1)


def test_the_largest_phone_photo_is_accepted() -> None:
    found = examine(pictures.encoded(Image.new("RGB", (8192, 6144), "teal"), "JPEG"))
    assert (found.width, found.height) == (8192, 6144)
    assert found.width * found.height <= MAX_PIXELS


def test_the_hash_knows_a_copy_from_another_picture() -> None:
    first = pictures.draw(1200, 900, text="", seed=1)
    original = examine(pictures.encoded(first, "JPEG", quality=90)).phash
    copy = examine(pictures.encoded(first.resize((500, 375)), "JPEG", quality=50)).phash
    assert 0 <= original < 2**64
    assert bits_apart(original, copy) <= 6
    for seed in range(2, 12):
        other = examine(pictures.make_jpeg(1200, 900, text="", seed=seed)).phash
        assert bits_apart(original, other) > 10
    assert bits_apart(0, 2**64 - 1) == 64
    assert bits_apart(-1, 2**64 - 1) == 0  # as a signed column gives it back


# EXIF


@pytest.mark.parametrize(("name", "data"), pictures.odd_exif_jpegs().items(), ids=pictures.odd_exif_jpegs().keys())
def test_odd_exif_is_no_reason_to_refuse(name: str, data: bytes) -> None:
    found = examine(data)
    assert (found.gps, found.taken_at) == (None, None)
    assert (found.width, found.height) == (80, 60)


def test_south_and_west_are_negative_and_an_offset_is_heeded() -> None:
    exif = pictures.make_exif(gps=(-43.2, -22.9), taken_at=datetime(2025, 6, 1, 12, 0))  # noqa: DTZ001
    exif[0x8769] = {36867: "2025:06:01 12:00:00", 36881: "+00:00"}
    found = examine(pictures.encoded(pictures.draw(80, 60, text=""), "JPEG", exif=exif))
    assert found.gps == pytest.approx((-43.2, -22.9))
    assert found.taken_at is not None
    assert found.taken_at.isoformat() == "2025-06-01T20:00:00+08:00"


def test_a_time_without_a_zone_is_chinese() -> None:
    found = examine(pictures.make_jpeg(80, 60, text="", taken_at=datetime(2025, 6, 1, 8, 30)))  # noqa: DTZ001
    assert found.taken_at is not None
    assert found.taken_at.isoformat() == "2025-06-01T08:30:00+08:00"


# Bad files


def test_an_empty_file() -> None:
    assert refused(b"").code == "empty_file"


@pytest.mark.parametrize(
    "data",
    [pictures.svg(), pictures.html(), "只有字".encode(), b"\x00", b"\xff\xd8", b"%PDF-1.7", b"PK\x03\x04", b"MZ" * 50],
)
def test_what_is_no_image(data: bytes) -> None:
    assert refused(data).code == "not_an_image"


def test_heic_is_refused_with_what_to_choose() -> None:
    for brand in (b"heic", b"heix", b"mif1"):
        fault = refused(pictures.heic(brand))
        assert fault.code == "wrong_type"
        assert "JPEG" in fault.title
        assert "最兼容" in fault.title


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "AVIF"])
def test_pictures_of_another_kind_are_named(kind: str) -> None:
    fault = refused(pictures.encoded(pictures.draw(40, 30, text=""), kind))
    assert fault.code == "wrong_type"
    assert kind in fault.title


def test_a_png_renamed_to_jpeg() -> None:
    png = pictures.encoded(pictures.draw(40, 30, text=""), "PNG")
    assert examine(png, declared="image/png").format == "PNG"
    with pytest.raises(BadPicture) as caught:
        examine(png, declared="image/jpeg")
    assert caught.value.code == "wrong_type"
    assert "PNG" in caught.value.title
    with pytest.raises(BadPicture, match="wrong_type"):
        examine(GOOD, declared="image/svg+xml")


def test_the_magic_of_one_kind_before_the_body_of_another() -> None:
    png = pictures.encoded(pictures.draw(40, 30, text=""), "PNG")
    assert refused(b"\xff\xd8\xff\xe0" + png).code == "truncated"
    assert refused(b"\x89PNG\r\n\x1a\n" + GOOD).code == "truncated"


def test_too_many_bytes() -> None:
    fault = refused(GOOD, max_bytes=len(GOOD) - 1)
    assert fault.code == "too_large"
    assert examine(GOOD, max_bytes=len(GOOD))
    assert "20 MB" in refused(b"\xff\xd8\xff" + bytes(20 * 1024 * 1024)).title


def test_bombs_are_refused_by_their_header() -> None:
    for data in (
        pictures.png_bomb(),
        pictures.png_bomb(8000),  # between one and two times the limit, where Pillow only warns
        pictures.jpeg_announcing(50_000, 50_000),
        pictures.webp_announcing(16_000, 16_000),
        pictures.webp_announcing(1 << 24, 1 << 24),
    ):
        assert refused(data).code == "too_many_pixels"
    assert refused(GOOD, max_pixels=320 * 240 - 1).code == "too_many_pixels"
    assert examine(GOOD, max_pixels=320 * 240)


def test_a_bomb_in_the_comment() -> None:
    assert refused(pictures.png_text_bomb()).code == "truncated"


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "progressive"])
@pytest.mark.parametrize("width", [300, 3300])  # the larger one is decoded at half its size
def test_a_file_that_was_cut_off(kind: str, keep: float, width: int) -> None:
    picture = pictures.draw(width, width * 3 // 4, text="")
    data = (
        pictures.encoded(picture, "JPEG", progressive=True)
        if kind == "progressive"
        else pictures.encoded(picture, kind)
    )
    assert examine(data)
    assert refused(pictures.truncated(data, keep)).code == "truncated"


def test_a_jpeg_without_its_last_byte() -> None:
    assert refused(GOOD[:-1]).code == "truncated"


def _outcome(data: bytes) -> Examined | BadPicture:
    try:
        return examine(data)
    except BadPicture as fault:
        return fault


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x00\x00\x00\x00WEBP"])
)
def test_any_bytes_give_a_verdict(data: bytes, magic: bytes) -> None:
    assert isinstance(_outcome(magic + data), Examined | BadPicture)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["JPEG", "PNG", "WEBP"]), st.booleans())
def test_a_damaged_photo_gives_a_verdict(seed: int, kind: str, in_header: bool) -> None:
    dice = random.Random(seed)
    exif = pictures.make_exif(gps=(113.5, 27.2), orientation=6, taken_at=NOON)
    data = bytearray(pictures.encoded(pictures.draw(64, 48, text="", seed=1), kind, exif=exif))
    for _ in range(dice.randint(1, 12)):
        data[dice.randrange(12, min(len(data), 500) if in_header else len(data))] = dice.randrange(256)
    assert isinstance(_outcome(bytes(data)), Examined | BadPicture)
