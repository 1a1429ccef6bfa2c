"""The image cache: what is taken as an image, and files named by their content.

Four formats are let in (JPEG, PNG, GIF, WebP), each fully decoded once: a file that is
cut off or damaged is not kept. `data:` addresses are read here as well.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import urllib.parse
import warnings
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps

from tasks.files import keep_file
from tasks.hashing import perceptual_hash
from tasks.models import CheckedImage, Rejection

MAX_PIXELS = 40_000_000  # as `images.max_pixels`
THUMBNAIL_PIXELS = 320  # as `images.thumbnail_pixels`
THUMBNAIL_QUALITY = 80  # of WebP, 0 to 100: about 10 KB for 320 by 213 pixels
_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = frozenset({5, 6, 7, 8})  # orientations that swap width and height
# By Pillow's name; MPO is what it calls a JPEG with further pictures behind the first.
_KINDS = {
    "JPEG": ("image/jpeg", "jpg"),
    "MPO": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "GIF": ("image/gif", "gif"),
    "WEBP": ("image/webp", "webp"),
}
# What servers send in place of an image, and formats that are not let in.
_DISGUISES = (
    (re.compile(rb"<(?:svg|!doctypesvg)"), "SVG"),
    (re.compile(rb"<(?:!doctype|html|head|body)"), "HTML"),
    (re.compile(rb"<"), "XML"),
    (re.compile(rb"[\[{]"), "JSON"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "AVIF"),
    (re.compile(rb"....ftyp(?:hei|mif)", re.DOTALL), "HEIF"),
    (re.compile(rb"ii\*\x00|mm\x00\*"), "TIFF"),
    (re.compile(rb"\x00\x00\x01\x00"), "an icon"),
    (re.compile(rb"bm.{4}\x00{4}", re.DOTALL), "BMP"),
    (re.compile(rb"%pdf"), "PDF"),
)
_DOCUMENTS = frozenset({"HTML", "XML", "JSON", "PDF"})
_PROLOGUE = re.compile(rb"<!--.*?-->|<\?xml.*?\?>|[\s\xef\xbb\xbf]", re.DOTALL)


def check_image(
    content: bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    thumbnail_pixels: int = THUMBNAIL_PIXELS,
) -> CheckedImage | Rejection:
    """Decode *content* and measure it, or say why it is no image; never raises.

    *max_pixels* is width times height; *thumbnail_pixels* the longest side of the
    thumbnail. The rejection's subject is empty: only the caller knows the address.
    """
    try:
        # Pillow only warns of an image between its limit and twice that; ours is lower.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _checked(content, max_pixels, thumbnail_pixels)
    except Image.DecompressionBombError as error:
        pixels = int((re.findall(r"\d+", str(error)) or ["0"])[0])
        return _rejected(_too_many(pixels, max_pixels))
    except MemoryError:
        return _rejected("needs more memory than is allowed")
    except Exception as error:  # noqa: BLE001 - decoders raise seven kinds, and more to come
        return _rejected(
            _why_broken(content, error), f"{type(error).__name__}: {error}"
        )


def keep_image(folder: Path, content: bytes, image: CheckedImage) -> tuple[str, str]:
    """Keep *content* and its thumbnail below the data *folder*, named by its SHA-256.

    Returned are both paths, relative to *folder*. A file that is there with the right
    size is not written again; any other is replaced as a whole. Raises `OSError`.
    """
    name = f"{image.sha256[:2]}/{image.sha256}"
    path = f"images/{name}.{image.extension}"
    thumbnail_path = f"thumbnails/{name}.webp"
    keep_file(folder / path, content)
    keep_file(folder / thumbnail_path, image.thumbnail)
    return path, thumbnail_path


def decode_data_url(url: str) -> bytes:
    """Return the content of a `data:` address (RFC 2397).

    Raises `ValueError` with the reason. Base64 is read as browsers do: white space and
    missing padding are allowed.
    """
    header, comma, data = url.strip().partition(",")
    if header[:5].lower() != "data:" or not comma:
        msg = f"{url[:40]!r} is not a data: address with a comma"
        raise ValueError(msg)
    content = urllib.parse.unquote_to_bytes(data)
    if not header.lower().rstrip().endswith(";base64"):
        return content
    packed = b"".join(content.split()).rstrip(b"=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except binascii.Error as error:
        msg = f"the data: address is not base64: {error}"
        raise ValueError(msg) from error


def _checked(
    content: bytes, max_pixels: int, thumbnail_pixels: int
) -> CheckedImage | Rejection:
    with Image.open(BytesIO(content), formats=("JPEG", "PNG", "GIF", "WEBP")) as image:
        mime_type, extension = _KINDS[str(image.format)]
        width, height = image.size
        if width * height > max_pixels:
            return _rejected(_too_many(width * height, max_pixels))
        if width * height == 1:
            return _rejected("is a 1\u00d71 tracking pixel")
        if _orientation(image) in _SIDEWAYS:
            width, height = height, width
        small = _small(image, thumbnail_pixels)
    if extension == "png":
        _verify_png(content)
    if extension == "jpg" and not _has_end(content):
        return _rejected("is cut off", "no end marker")
    return CheckedImage(
        mime_type=mime_type,
        extension=extension,
        width=width,
        height=height,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        perceptual_hash=perceptual_hash(small),
        thumbnail=_as_webp(small),
    )


def _small(image: Image.Image, pixels: int) -> Image.Image:
    """Decode all of *image* and shrink it, upright, to RGB or RGBA.

    `draft` lets the JPEG decoder shrink while decoding, at half the price; unlike
    `verify`, it still reads every byte and so finds damage.
    """
    image.draft("RGB", (pixels, pixels))
    image.load()
    if image.mode.startswith(("I", "F")):
        image = _eight_bits(image)
    small = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small.thumbnail((pixels, pixels), reducing_gap=2.0)
    orientation = _orientation(image)
    if orientation != 1:
        small.getexif()[_EXIF_ORIENTATION] = orientation
        small = ImageOps.exif_transpose(small)
    return small


def _verify_png(content: bytes) -> None:
    """Check the checksum of every chunk, which decoding alone leaves out."""
    with Image.open(BytesIO(content), formats=("PNG",)) as image:
        image.verify()


def _has_end(content: bytes) -> bool:
    """Tell whether a JPEG has its end: libjpeg is content without the last marker.

    Only one behind the first scan counts (ITU T.81, B.2): what comes before may hold
    another JPEG, the preview of a camera.
    """
    at = 2
    while content[at : at + 1] == b"\xff" and content[at + 1 : at + 2] != b"\xda":
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return content.find(b"\xff\xd9", at) >= 0


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey down: Pillow's own conversion cuts everything above 255."""
    return image.convert("I").point(lambda value: value * (1 / 257), "L")


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; damaged EXIF data counts as upright."""
    try:
        value = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - the picture itself may be sound all the same
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _as_webp(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "WEBP", quality=THUMBNAIL_QUALITY)
    return buffer.getvalue()


def _too_many(pixels: int, most: int) -> str:
    return (
        f"has {_millions(pixels)} million pixels, at most {_millions(most)} are allowed"
    )


def _millions(pixels: int) -> str:
    return (
        f"{pixels / 1_000_000:.3g}"
        if pixels < 1_000_000_000
        else f"{pixels // 1_000_000}"
    )


def _why_broken(content: bytes, error: Exception) -> str:
    if not content:
        return "is empty"
    head = content[:2_000].lower()
    for pattern, name in _DISGUISES:
        if pattern.match(head) or pattern.match(_PROLOGUE.sub(b"", head)):
            kept = "an image" if name in _DOCUMENTS else "JPEG, PNG, GIF or WebP"
            return f"is {name}, not {kept}"
    text = str(error).lower()
    if any(word in text for word in ("truncated", "cut", "unexpected end", "eof")):
        return "is cut off"
    if "cannot identify" in text:
        return "is not an image"
    return "is damaged"


def _rejected(reason: str, detail: str = "") -> Rejection:
    return Rejection("image", "", reason, detail)
