"""What is taken as an image: five formats, each decoded once, and still drawings.

A file that is cut off, damaged or out of proportion is not kept. SVG is read, never
rendered.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from io import BytesIO

from PIL import (
    AvifImagePlugin,
    Image,
    ImageFile,
    ImageOps,
    ImagePalette,
    MpoImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    _imaging,
)

from tasks.hashing import dominant_color, perceptual_hash
from tasks.imageformats import MAX_FRAMES, Structure, lacks_rows, structure_of
from tasks.models import CheckedImage, Rejection
from tasks.svg import NotSvgError, UnsafeSvgError, svg_size

MAX_PIXELS = 40_000_000  # as `images.max_pixels`
THUMBNAIL_PIXELS = 256  # as `images.thumbnail_pixels`
THUMBNAIL_QUALITY = 75  # of WebP, 0 to 100, libwebp's usual: some 6 KB for 256 by 171
# Of 0 to 6: a thumbnail is 10 % larger than with libwebp's usual 4, in a third of the
# time, and as near to the picture.
THUMBNAIL_EFFORT = 0
# Pixels that a JPEG may draw, those of all its scans together: a second of work. Real
# progressive ones have some ten scans.
MAX_SCANNED = 500_000_000
# What the other formats can say at most. A PNG of 40 million rows of one pixel, 100 KB
# of zeros, took four seconds, and as one row 600 MB.
MAX_SIDE = 65_535
# libwebp and libavif hold several copies of the picture: 17 bytes a pixel were
# measured, where the others need some 5. A deep PNG is unpacked to 8, perhaps twice: 40
# million pixels took two seconds.
_HEAVY = frozenset({"WEBP", "AVIF"})
_ANIMATED = frozenset({"PNG", "WEBP", "AVIF"})
_HEAVY_WEIGHT = 1.6
# Eight bytes of ones, as they stand in a scan, where no code is of ones alone (ITU
# T.81, C.2): as many as libjpeg may read ahead, and it takes three codes from them.
_FILLING = b"\xff\0" * 8
_END = b"\xff\xd9"
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_BAND_PIXELS = 1_000_000  # of a picture that is converted and shrunk at once
_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = frozenset({5, 6, 7, 8})  # orientations that swap width and height
# By Pillow's name; MPO is what it calls a JPEG with further pictures behind the first.
_KINDS = {
    "JPEG": ("image/jpeg", "jpg"),
    "MPO": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "GIF": ("image/gif", "gif"),
    "WEBP": ("image/webp", "webp"),
    "AVIF": ("image/avif", "avif"),
}
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
_LET_IN = "JPEG, PNG, GIF, WebP, AVIF or SVG"
# What servers send in place of an image, and formats that are not let in.
_DISGUISES = (
    (re.compile(rb"<(?:!doctypehtml|html|head|body|script)"), "HTML"),
    (re.compile(rb"<"), "XML"),
    (re.compile(rb"[\[{]"), "JSON"),
    (re.compile(rb"....ftyp(?:hei|mif)", re.DOTALL), "HEIF"),
    (re.compile(rb"ii\*\x00|mm\x00\*"), "TIFF"),
    (re.compile(rb"\x00\x00\x01\x00"), "an icon"),
    (re.compile(rb"bm.{4}\x00{4}", re.DOTALL), "BMP"),
    (re.compile(rb"%pdf"), "PDF"),
)
_DOCUMENTS = frozenset({"HTML", "XML", "JSON", "PDF"})
_PROLOGUE = re.compile(rb"<!--.*?-->|<\?xml.*?\?>|[\s\xef\xbb\xbf]", re.DOTALL)
# How XML begins, in UTF-8 or UTF-16, with a byte order mark or without.
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<|\xff\xfe|\xfe\xff")
# Imported here, once for all children, with those that `preinit` imports; each child
# would import all forty that Pillow has, for its first WebP, in 70 ms.
_PLUGINS = (
    AvifImagePlugin,
    ImagePalette,
    MpoImagePlugin,
    TiffImagePlugin,  # reads EXIF data, too
    WebPImagePlugin,
)
Image.preinit()
# Each image has one of the child processes; libavif would start a thread for each core.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1


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
        if _MARKUP.match(content[:1_000]):
            return _drawing(content)
        # Pillow only warns of an image between its limit and twice that; ours is lower.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _checked(content, max_pixels, thumbnail_pixels)
    except Image.DecompressionBombError as error:
        pixels = int((re.findall(r"\d+", str(error)) or ["0"])[0])
        return _rejected(_too_many(pixels, max_pixels))
    except UnsafeSvgError as error:
        return _rejected(f"is SVG {error}")
    except MemoryError:
        return _rejected("needs more memory than is allowed")
    except Exception as error:  # noqa: BLE001 - decoders raise seven kinds, and more to come
        return _rejected(
            _why_broken(content, error), f"{type(error).__name__}: {error}"
        )


def _drawing(content: bytes) -> CheckedImage:
    """Take an SVG that is safe; raises as `svg_size` does."""
    width, height = svg_size(content) or (None, None)
    return CheckedImage(
        mime_type="image/svg+xml",
        extension="svg",
        width=width,
        height=height,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        perceptual_hash=None,
        thumbnail=b"",
    )


def _checked(
    content: bytes, max_pixels: int, thumbnail_pixels: int
) -> CheckedImage | Rejection:
    structure = structure_of(content)
    if structure.excess:
        return _rejected(structure.excess)
    # Not after decoding: Pillow looks for the next block of a GIF byte by byte.
    if not structure.is_sound:
        return _rejected("is damaged", "parts that belong nowhere")
    with Image.open(BytesIO(content), formats=_FORMATS) as image:
        mime_type, extension = _KINDS[str(image.format)]
        # Of GIFs Pillow would walk through all frames, as was just done.
        frames = structure.frames if extension == "gif" else _frames(image)
        if reason := _bomb(image, frames, structure, max_pixels):
            return _rejected(reason)
        width, height = image.size
        if width * height == 1:
            return _rejected("is a 1\u00d71 tracking pixel")
        small = _small(image, content, structure, thumbnail_pixels)
        ends_blank = extension == "png" and _ends_blank(image)
        # Not before: to find the EXIF data of a PNG, Pillow decodes it, and it tells of
        # damage only once.
        if _orientation(image) in _SIDEWAYS:
            width, height = height, width
    if extension == "png":
        _verify_png(content)
    if fault := _fault(content, structure, ends_blank=ends_blank):
        return fault
    return CheckedImage(
        mime_type=mime_type,
        extension=extension,
        width=width,
        height=height,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        perceptual_hash=perceptual_hash(small),
        thumbnail=_as_webp(small),
        is_animated=frames > 1,
        dominant_color=dominant_color(small),
    )


def _fault(
    content: bytes, structure: Structure, *, ends_blank: bool
) -> Rejection | None:
    """Say what decoding leaves out of a file that is not whole."""
    if ends_blank and lacks_rows(content):
        return _rejected("is cut off", "rows are missing")
    if not structure.has_end:
        return _rejected("is cut off", "no end marker")
    return None


def _frames(image: Image.Image) -> int:
    """Count the frames of PNG, WebP and AVIF; a JPEG's further pictures are none."""
    return int(getattr(image, "n_frames", 1)) if image.format in _ANIMATED else 1


def _bomb(
    image: Image.Image, frames: int, structure: Structure, max_pixels: int
) -> str | None:
    """Say what of an image is out of proportion, before any of it is decoded."""
    pixels = max(image.width * image.height, structure.pixels)
    is_heavy = image.format in _HEAVY or structure.is_deep
    most = int(max_pixels / _HEAVY_WEIGHT) if is_heavy else max_pixels
    if pixels > most:
        return _too_many(pixels, most)
    if max(image.size) > MAX_SIDE:
        side = f"{max(image.size):,} pixels"
        return f"has a side of {side}, at most {MAX_SIDE:,} are allowed"
    if frames > MAX_FRAMES:
        return f"has more than {MAX_FRAMES:,} frames"
    if structure.scans * pixels > MAX_SCANNED and structure.scans > 1:
        megapixels = _millions(pixels)
        return f"draws its {megapixels} million pixels {structure.scans:,} times"
    return None


def _small(
    image: ImageFile.ImageFile, content: bytes, structure: Structure, pixels: int
) -> Image.Image:
    """Decode all of *image* and shrink it, upright, to RGB or RGBA.

    `draft` lets the JPEG decoder shrink while decoding, at half the price, to no less
    than what is asked for; unlike `verify`, it still reads every byte and so finds
    damage.
    """
    image.draft("RGB", _contained(image.size, pixels))
    if structure.data_end:
        _load_whole(image, content[: structure.data_end])
    image.load()
    small = _reduced(image, max(1, max(image.size) // (2 * pixels)))
    if max(small.size) > pixels:
        # Made for shrinking: nearly as sharp as bicubic, the usual, in 0.6 of its time.
        size = _contained(small.size, pixels)
        small = small.resize(size, Image.Resampling.HAMMING)
    orientation = _orientation(image)
    if orientation != 1:
        small.getexif()[_EXIF_ORIENTATION] = orientation
        small = ImageOps.exif_transpose(small)
    return small


def _load_whole(image: ImageFile.ImageFile, data: bytes) -> None:
    """Decode a JPEG as `load` does; raises `OSError` if it has not enough *data*.

    At the end marker, libjpeg draws grey in place of what is missing, and Pillow keeps
    the warning to itself. Without the marker, it waits for more. So it does after each
    of several scans, too, but there it passes over whatever does not begin the next,
    while within a scan it wants half a dozen bytes at once, or a restart.
    """
    image.load_prepare()
    ((_, extents, _, color),) = image.tile
    color = color if isinstance(color, tuple) else ()
    decoder = _imaging.jpeg_decoder(image.mode, *color, *image.decoderconfig)
    try:
        decoder.setimage(image.im, extents)
        filled = data + _FILLING
        taken, status = decoder.decode(filled)
        if taken >= 0:
            pieces = (b"\0", _next_restart(data) + b"\0")
            if taken < len(filled) or any(
                decoder.decode(piece)[0] < len(piece) for piece in pieces
            ):
                msg = "data are truncated, whatever end is behind them"
                raise OSError(msg)
            _, status = decoder.decode(_END)
    finally:
        decoder.cleanup()
    if status < 0:
        msg = f"{_imaging.getcodecstatus(status)} when reading image file"
        raise OSError(msg)
    image.tile = []


def _next_restart(data: bytes) -> bytes:
    """Return the marker that the last scan has next, if it goes on with one."""
    passed = len(_RESTART.findall(data, data.rindex(b"\xff\xda")))
    return bytes((0xFF, 0xD0 + passed % 8))


def _contained(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """Return *size* shrunk so that its longer side has *pixels*."""
    share = pixels / max(size)
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    """Return *image* in RGB or RGBA, *factor* times smaller.

    Band by band: a large picture is not in memory twice, nor a third time in the mode
    in which transparent parts do not bleed.
    """
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode == mode and factor == 1:
        return image
    if image.width * image.height <= _BAND_PIXELS:
        plain = _plain(image, mode)
        return plain.reduce(factor) if factor > 1 else plain
    rows = max(1, _BAND_PIXELS // image.width // factor) * factor
    size = (-(-image.width // factor), -(-image.height // factor))
    small = Image.new(mode, size)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        band = image.crop((0, top, image.width, bottom))
        small.paste(_plain(band, mode).reduce(factor), (0, top // factor))
    return small


def _plain(image: Image.Image, mode: str) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        image = _eight_bits(image)
    return image.convert(mode)


def _verify_png(content: bytes) -> None:
    """Check the checksum of every chunk, which decoding alone leaves out."""
    with Image.open(BytesIO(content), formats=("PNG",)) as image:
        image.verify()


def _ends_blank(image: Image.Image) -> bool:
    """Tell whether one of the last two rows is nothing but zeros, as unread rows are.

    Two, since the last pass of an interlaced PNG has every other row; of a single row
    it has none, and those before leave gaps.
    """
    if image.height == 1:
        return True
    ends = range(max(0, image.height - 2), image.height)
    rows = (image.crop((0, row, image.width, row + 1)).tobytes() for row in ends)
    return any(row.count(0) == len(row) for row in rows)


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
    image.save(buffer, "WEBP", quality=THUMBNAIL_QUALITY, method=THUMBNAIL_EFFORT)
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
            kept = "an image" if name in _DOCUMENTS else _LET_IN
            return f"is {name}, not {kept}"
    text = str(error).lower()
    if "text" in text and ("too large" in text or "too much" in text):
        return "has texts that unpack to more than is allowed"
    if any(word in text for word in ("truncated", "cut", "unexpected end", "eof")):
        return "is cut off"
    if "cannot identify" in text or isinstance(error, NotSvgError):
        return "is not an image"
    return "is damaged"


def _rejected(reason: str, detail: str = "") -> Rejection:
    return Rejection("image", "", reason, detail)
