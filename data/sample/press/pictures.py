"""The pictures of the press site, painted at start-up, the same bytes every time."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageDraw, ImageOps

Format = Literal["JPEG", "PNG", "WEBP", "GIF"]
HUGE_SIDE = 9000  # pixels; squared it is twice what the image cache accepts


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture at an address; *sent_as* overrides the type that it is sent under."""

    address: str
    format: Format
    width: int
    height: int
    sent_as: str = ""

    @property
    def content_type(self) -> str:
        """What the server says it is."""
        return self.sent_as or f"image/{self.format.lower()}"


COURIER = "http://media.lanterncourier.example/2024"
SKERRY = "http://skerryscience.example/images"
LOGOS = "http://www.harbourwire.example/assets/images/organizations"

ORGANIZATIONS = (
    "beaconworld.example",
    "inselbote.example",
    "lanterncourier.example",
    "minatotou.example",
    "oldferry.example",
    "portamerytimes.example",
    "skerryscience.example",
    "tidetube.example-harbour-cam",
    "tidetube.example-science-cafe",
    "windlegazette.example",
)

# Signed addresses are answered as they stand, and no other spelling of them is.
DOUBLE_ENCODED = (
    "http://img.portamerytimes.example/2024%252F03%252F22%252Fa7%252Fbridge-over-the-"
    "narrows.b1c2d.jpg%252F1200x630.jpg?signature=q3VZk0Jw5uXo2sR8dYb1nLhT9M4="
)
SIGNED = (
    "http://cdn.inselbote.example/faehre.jpg?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=SAMPLE%2F20240414%2Fisles-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20240414T040000Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature="
    "5d1c0f7e9a2b4c6d8e0f1a3b5c7d9e1f2a4b6c8d0e2f4a6b8c0d2e4f6a8b0c1d"
)

PICTURES = (
    Picture(f"{COURIER}/03/electric-ferry.jpg", "JPEG", 1200, 630),
    Picture(f"{COURIER}/03/night-sky.jpg", "JPEG", 1000, 600),
    Picture(f"{COURIER}/05/tarn-holm.jpg", "JPEG", 1100, 620),
    Picture("http://cdn.lanterncourier.example/seals-1200.jpg", "JPEG", 1200, 675),
    Picture(f"{SKERRY}/turbine.png", "PNG", 800, 450),
    Picture(f"{SKERRY}/puffin.webp", "WEBP", 640, 480),
    Picture(f"{SKERRY}/glider.png", "PNG", 700, 420),
    Picture("http://windlegazette.example/pics/library.gif", "GIF", 320, 240),
    Picture("http://windlegazette.example/pics/cheese.jpg", "JPEG", 640, 360),
    Picture(DOUBLE_ENCODED, "JPEG", 1200, 630),
    Picture("http://img.portamerytimes.example/2024/clock.jpg", "JPEG", 800, 533),
    Picture(SIGNED, "JPEG", 960, 540),
    Picture("http://cdn.inselbote.example/norderhoeft.jpg", "JPEG", 640, 400),
    Picture("http://minatotou.example/img/tako.jpg", "JPEG", 640, 480),
    Picture("http://ko.beaconworld.example/media/haenyeo.png", "PNG", 600, 400),
    Picture("http://zh.beaconworld.example/media/tea.jpg", "JPEG", 720, 480),
    Picture(
        "http://el.beaconworld.example/media/bench.jpg", "PNG", 500, 320, "image/jpeg"
    ),
    Picture("http://i.tidetube.example/vi/hc-2041/maxres.jpg", "JPEG", 1280, 720),
    Picture("http://i.tidetube.example/vi/hc-2077/maxres.jpg", "JPEG", 1280, 720),
    Picture("http://i.tidetube.example/vi/sc-0007/maxres.jpg", "JPEG", 1280, 720),
    Picture("http://www.farshore.example/uploads/tunnel.jpg?w=800", "JPEG", 800, 450),
    Picture("http://slowcartographer.example/plates/seven.gif", "GIF", 300, 300),
    *(
        Picture(f"{LOGOS}/{name}-{side}x{side}.png", "PNG", side, side)
        for name in ORGANIZATIONS
        for side in (50, 400)
    ),
)


def paint(picture: Picture) -> bytes:
    """Paint a harbour view whose colours and lighthouse follow from the address."""
    seed = hashlib.blake2b(picture.address.encode()).digest()
    width, height = picture.width, picture.height
    gradient = Image.linear_gradient("L").resize((width, height))
    view = ImageOps.colorize(gradient, _dark(seed[0:3]), _light(seed[3:6]))
    draw = ImageDraw.Draw(view)
    horizon = height * (50 + seed[6] % 30) // 100
    draw.rectangle((0, horizon, width, height), fill=_dark(seed[7:10]))
    x, radius = width * (10 + seed[10] % 80) // 100, height // (6 + seed[11] % 6)
    sun = (x - radius, horizon - 3 * radius, x + radius, horizon - radius)
    draw.ellipse(sun, fill=_light(seed[12:15]))
    foot = width * (15 + seed[15] % 70) // 100
    top = horizon - height * (20 + seed[16] % 20) // 100
    tower = [(foot - height // 14, horizon), (foot + height // 14, horizon)]
    tower += [(foot + height // 30, top), (foot - height // 30, top)]
    draw.polygon(tower, fill=_light(seed[17:20]))
    return _saved(view, picture.format)


def cut_short(content: bytes) -> bytes:
    """Keep the first half of a file, as a broken upload leaves it."""
    return content[: len(content) // 2]


def huge_png() -> bytes:
    """Make a PNG of one colour: 81 megapixels in about twenty kilobytes."""
    header = struct.pack(">IIBBBBB", HUGE_SIDE, HUGE_SIDE, 1, 0, 0, 0, 0)
    row = b"\0" + b"\xff" * ((HUGE_SIDE + 7) // 8)
    chunks = (
        (b"IHDR", header),
        (b"IDAT", zlib.compress(row * HUGE_SIDE, level=9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def _saved(view: Image.Image, kind: Format) -> bytes:
    file = io.BytesIO()
    view.save(file, kind)
    return file.getvalue()


def _dark(seed: bytes) -> tuple[int, int, int]:
    red, green, blue = (value // 3 for value in seed)
    return red, green, blue + 40


def _light(seed: bytes) -> tuple[int, int, int]:
    red, green, blue = (255 - value // 4 for value in seed)
    return red, green, blue
