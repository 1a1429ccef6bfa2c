"""An image is what decodes as a whole; everything else has its reason."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from tasks import images
from tasks.imagecache import keep_image
from tasks.images import check_image, decode_data_url
from tasks.models import CheckedImage, Rejection
from tasks.settings import ImageSettings

LET_IN = "JPEG, PNG, GIF, WebP, AVIF or SVG"
SHARED = Path(os.environ.get("SHARED_SETS", Path(__file__).parents[2] / "shared"))


def picture(mode: str = "RGB", size: tuple[int, int] = (400, 300)) -> Image.Image:
    """Draw a scene without symmetry, so that every turn of it looks different."""
    image = Image.new("RGB", size, "skyblue")
    width, height = size
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * 0.6, width, height), fill="darkgreen")
    draw.ellipse((width * 0.7, height * 0.1, width * 0.85, height * 0.3), fill="gold")
    draw.rectangle((width * 0.1, height * 0.4, width * 0.3, height * 0.8), fill="brown")
    return image.convert(mode)


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def checked(content: bytes, **limits: int) -> CheckedImage:
    result = check_image(content, **limits)
    assert isinstance(result, CheckedImage), result
    return result


def reason(content: bytes, **limits: int) -> str:
    result = check_image(content, **limits)
    assert isinstance(result, Rejection)
    assert result.stage == "image"
    return result.reason


def thumbnail(content: bytes) -> Image.Image:
    return Image.open(BytesIO(checked(content).thumbnail))


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures, 0 to 255."""
    size = (64, 48)
    both = (each.convert("RGB").resize(size) for each in (one, other))
    means: list[float] = ImageStat.Stat(ImageChops.difference(*both)).mean
    return sum(means) / len(means)


def distance(one: bytes, other: bytes) -> int:
    return (hash_of(one) ^ hash_of(other)).bit_count()


def hash_of(content: bytes) -> int:
    perceptual_hash = checked(content).perceptual_hash
    assert perceptual_hash is not None
    return perceptual_hash


@pytest.mark.parametrize(
    ("kind", "mode", "mime_type", "extension"),
    [
        ("JPEG", "RGB", "image/jpeg", "jpg"),
        ("JPEG", "L", "image/jpeg", "jpg"),
        ("JPEG", "CMYK", "image/jpeg", "jpg"),
        ("PNG", "RGB", "image/png", "png"),
        ("PNG", "RGBA", "image/png", "png"),
        ("PNG", "P", "image/png", "png"),
        ("PNG", "1", "image/png", "png"),
        ("GIF", "P", "image/gif", "gif"),
        ("WEBP", "RGB", "image/webp", "webp"),
    ],
)
def test_the_four_formats_are_measured_and_look_alike(
    kind: str, mode: str, mime_type: str, extension: str
) -> None:
    content = encoded(picture(mode), kind)

    image = checked(content)

    assert (image.mime_type, image.extension) == (mime_type, extension)
    assert (image.width, image.height) == (400, 300)
    assert image.size_bytes == len(content)
    assert image.sha256 == hashlib.sha256(content).hexdigest()
    assert difference(thumbnail(content), picture(mode)) < 8
    assert mode == "1" or distance(content, encoded(picture())) <= 4


def test_a_thumbnail_is_a_small_webp_of_the_same_shape() -> None:
    small = thumbnail(encoded(picture(size=(1000, 500))))

    assert small.format == "WEBP"
    assert small.size == (320, 160)


def test_a_small_image_is_not_enlarged() -> None:
    assert thumbnail(encoded(picture(size=(40, 30)))).size == (40, 30)


def test_a_very_thin_image_keeps_a_pixel() -> None:
    assert thumbnail(encoded(Image.new("RGB", (3000, 1), "red"))).size == (320, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sizes_and_thumbnails_are_upright(orientation: int) -> None:
    turned = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = picture(size=(800, 600))
    if orientation > 1:
        stored = stored.transpose(turned[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(stored, exif=exif)

    image = checked(content)

    assert (image.width, image.height) == (800, 600)
    assert difference(thumbnail(content), picture(size=(800, 600))) < 8
    assert not thumbnail(content).getexif()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_stays(mode: str) -> None:
    image = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((0, 0, 49, 99), fill=(255, 255, 255, 255))

    small = thumbnail(encoded(image.convert(mode), "PNG"))

    assert small.mode == "RGBA"
    assert small.getpixel((25, 50))[3] == 255  # type: ignore[index]
    assert small.getpixel((75, 50))[3] == 0  # type: ignore[index]


def test_one_transparent_colour_of_a_palette_stays() -> None:
    image = picture().quantize(8, dither=Image.Dither.NONE)
    content = encoded(image, "PNG", transparency=image.getpixel((200, 10)))

    assert thumbnail(content).convert("RGBA").getpixel((160, 8))[3] == 0  # type: ignore[index]


def test_grey_of_sixteen_bits_is_not_burnt_out() -> None:
    ramp = Image.linear_gradient("L").convert("I").point(lambda value: value * 257)

    small = thumbnail(encoded(ramp.convert("I;16"), "PNG"))

    assert difference(small, Image.linear_gradient("L")) < 4


def test_hashes_are_near_for_copies_and_far_for_others() -> None:
    original = encoded(picture())
    smaller = encoded(picture().resize((200, 150)), quality=30)
    mirrored = encoded(picture().transpose(Image.Transpose.FLIP_LEFT_RIGHT))

    assert distance(original, smaller) <= 6
    assert distance(original, mirrored) >= 20
    assert 0 <= hash_of(original) < 2**64


def noise() -> bytes:
    """Encode a picture whose every line matters, in about 20 KB."""
    pixels = random.Random(7).randbytes(150 * 100)  # noqa: S311 - repeatable, no secret
    return encoded(Image.frombytes("L", (150, 100), pixels))


@pytest.mark.parametrize("part", [0.02, 0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_file_that_is_cut_is_not_an_image(kind: str, part: float) -> None:
    content = encoded(Image.open(BytesIO(noise())), kind)

    assert reason(content[: int(len(content) * part)]) in {
        "is cut off",
        "is damaged",
        "is not an image",
    }


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
@pytest.mark.parametrize("missing", [1, 2, 3, 50])
def test_a_jpeg_without_its_last_bytes_is_cut_off(
    missing: int, options: dict[str, Any]
) -> None:
    thumb = Image.Exif()
    thumb[0x010E] = "an end \xff\xd9 of something else"
    content = encoded(Image.open(BytesIO(noise())), exif=thumb, **options)

    assert checked(content)
    assert checked(content + b"appended")
    assert reason(content[:-missing]) == "is cut off"


def test_a_png_with_a_flipped_byte_is_damaged() -> None:
    content = bytearray(encoded(picture(), "PNG"))
    content[len(content) // 2] ^= 0xFF

    assert reason(bytes(content)) in {"is damaged", "is cut off"}


def test_damage_anywhere_never_raises() -> None:
    chance = random.Random(11)  # noqa: S311 - repeatable, no secret
    for kind in ("JPEG", "PNG", "GIF", "WEBP"):
        content = encoded(picture(size=(64, 48)), kind)
        for _ in range(60):
            damaged = bytearray(content)
            for _ in range(chance.choice((1, 3, 20))):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            assert check_image(bytes(damaged))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"hello", "is not an image"),
        (b"<!DOCTYPE html><title>404</title>", "is HTML, not an image"),
        (b"\xef\xbb\xbf <!-- x --><HTML>", "is HTML, not an image"),
        (b"<!--" * 400, "is XML, not an image"),
        (b"<!---->" * 300, "is XML, not an image"),
        (b'{"error": 404}', "is JSON, not an image"),
        (b"%PDF-1.7", "is PDF, not an image"),
        (b'<?xml version="1.0"?><svg/>', "is XML, not an image"),
        (b"\0\0\0\x20ftypavif....", "is not an image"),
        (b"\0\0\0\x20ftypheic....", f"is HEIF, not {LET_IN}"),
        (b"\0\0\1\0\1\0", f"is an icon, not {LET_IN}"),
    ],
)
def test_what_is_no_image_is_named(content: bytes, expected: str) -> None:
    assert reason(content) == expected


@pytest.mark.parametrize("kind", ["TIFF", "BMP"])
def test_other_formats_are_not_let_in(kind: str) -> None:
    content = encoded(picture(), kind)

    assert reason(content) == f"is {kind}, not {LET_IN}"


def test_a_tracking_pixel_is_not_kept() -> None:
    assert reason(encoded(Image.new("RGB", (1, 1)), "GIF")) == (
        "is a 1\u00d71 tracking pixel"
    )


def png_of(width: int, height: int) -> bytes:
    """Build a PNG that claims its size; nothing need be decoded to see it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data)


@pytest.mark.parametrize(
    ("width", "height", "megapixels"),
    [(9_000, 9_000, "81"), (10_000, 15_000, "150"), (50_000, 50_000, "2500")],
)
def test_a_bomb_is_refused_before_it_is_decoded(
    width: int, height: int, megapixels: str
) -> None:
    assert reason(png_of(width, height)) == (
        f"has {megapixels} million pixels, at most 40 are allowed"
    )


def test_the_limit_of_pixels_can_be_set() -> None:
    assert checked(encoded(picture()), max_pixels=120_000)
    assert "0.12 million pixels" in reason(encoded(picture()), max_pixels=119_999)


def test_a_png_with_a_huge_text_is_refused() -> None:
    content = encoded(picture(), "PNG")
    data = b"Comment\0\0" + zlib.compress(bytes(100_000_000))
    text = struct.pack(">I", len(data)) + b"zTXt" + data
    text += struct.pack(">I", zlib.crc32(b"zTXt" + data))

    assert reason(content[:33] + text + content[33:]) == (
        "has texts that unpack to more than is allowed"
    )


def test_the_defaults_are_those_of_the_settings() -> None:
    settings = ImageSettings()

    assert settings.max_pixels == images.MAX_PIXELS
    assert settings.thumbnail_pixels == images.THUMBNAIL_PIXELS


# --- files ----------------------------------------------------------------------


def test_an_image_is_kept_under_its_hash(tmp_path: Path) -> None:
    content = encoded(picture())
    image = checked(content)

    path, thumbnail_path = keep_image(tmp_path, content, image)

    name = f"{image.sha256[:2]}/{image.sha256}"
    assert (path, thumbnail_path) == (f"images/{name}.jpg", f"thumbnails/{name}.webp")
    assert (tmp_path / path).read_bytes() == content
    assert (tmp_path / thumbnail_path).read_bytes() == image.thumbnail
    assert sum(1 for file in tmp_path.rglob("*") if file.is_file()) == 2


def test_what_is_there_is_not_written_again_unless_it_is_torn(tmp_path: Path) -> None:
    content = encoded(picture())
    image = checked(content)
    path = tmp_path / keep_image(tmp_path, content, image)[0]
    inode = path.stat().st_ino

    keep_image(tmp_path, content, image)
    assert path.stat().st_ino == inode

    path.write_bytes(content[:10])
    keep_image(tmp_path, content, image)
    assert path.read_bytes() == content


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    content = encoded(picture())
    image = checked(content)
    target = tmp_path / f"images/{image.sha256[:2]}/{image.sha256}.jpg"
    target.mkdir(parents=True)

    with pytest.raises(OSError, match="irectory"):
        keep_image(tmp_path, content, image)

    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


# --- data: addresses ------------------------------------------------------------

GIF = encoded(Image.new("RGB", (2, 2)), "GIF")
PACKED = base64.b64encode(GIF).decode()


@pytest.mark.parametrize(
    ("url", "content"),
    [
        (f"data:image/gif;base64,{PACKED}", GIF),
        (f"DATA:image/gif;BASE64,{PACKED.rstrip('=')}", GIF),
        (f" data:;base64,{PACKED[:9]} \n{PACKED[9:]}", GIF),
        ("data:;base64," + PACKED.replace("=", "%3D").replace("/", "%2F"), GIF),
        ("data:,a%20b", b"a b"),
        ("data:text/plain;charset=utf-8,a,b", b"a,b"),
        ("data:,", b""),
    ],
)
def test_a_data_address_holds_its_content(url: str, content: bytes) -> None:
    assert decode_data_url(url) == content


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://news.example/a,b", "is not a data: address"),
        ("data:image/gif;base64", "with a comma"),
        ("data:;base64,a\u00e9b!", "is not base64"),
        ("data:;base64,abcde", "is not base64"),
        ("", "is not a data: address"),
    ],
)
def test_a_bad_data_address_has_its_reason(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        decode_data_url(url)


def test_no_hostile_sample_raises() -> None:
    folder = SHARED / "sets/images/pillow"
    if not folder.is_dir():
        pytest.skip("the set of hostile images is not on this machine")
    for path in sorted(folder.iterdir()):
        assert check_image(path.read_bytes())
