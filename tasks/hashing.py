"""How an image looks, in a number and a color. Pure.

The number is alike for copies, sizes and qualities.

The 64-bit DCT hash ("pHash") of C. Zauner, *Implementation and Benchmarking of
Perceptual Image Hash Functions* (2010), 3.2.1, in the form of the ImageHash library's
`phash`: grey, 32 by 32 pixels, DCT-II, the 8 by 8 lowest frequencies, one bit for each
that is above their median, the first one highest. Two images look alike when few bits
differ (up to about 10 of 64): `bit_count(xor(a, b))`.
"""

from __future__ import annotations

import math
from functools import cache
from operator import mul
from statistics import median

from PIL import Image

_SIDE = 32
_KEPT = 8
_HALF = 127
_REDUCING_GAP = 3.0  # Pillow's word for a cheaper resize that differs by a rounding
_COLORS = 6  # groups of similar colors that a picture is taken to have
_COLORED_SIDE = 16  # pixels, each way, of the picture whose colors are grouped


def perceptual_hash(image: Image.Image) -> int:
    """Return the 64 bits as a number below 2**64; transparent parts count as white."""
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    grey = image.convert("L").resize(
        (_SIDE, _SIDE), Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP
    )
    pixels = grey.tobytes()
    lines = [pixels[at : at + _SIDE] for at in range(0, _SIDE * _SIDE, _SIDE)]
    by_line = [_lowest(line) for line in lines]
    columns = [_lowest(column) for column in zip(*by_line, strict=True)]
    values = [value for row in zip(*columns, strict=True) for value in row]
    middle = median(values)
    return int("".join("01"[value > middle] for value in values), 2)


def dominant_color(image: Image.Image) -> str | None:
    """Return the mean of the largest group of similar colors, `#rrggbb`.

    Groups are those of the median cut (P. Heckbert, *Color Image Quantization for Frame
    Buffer Display*, 1982). None where no pixel is more than half opaque.
    """
    tiny = image.resize((_COLORED_SIDE, _COLORED_SIDE), Image.Resampling.BOX)
    plain = tiny.convert("RGB")
    if tiny.mode == "RGBA":
        opaque = tiny.getchannel("A").tobytes()
        triples = plain.tobytes()
        seen = [
            triples[3 * at : 3 * at + 3] for at, a in enumerate(opaque) if a > _HALF
        ]
        if not seen:
            return None
        plain = Image.frombytes("RGB", (len(seen), 1), b"".join(seen))
    grouped = plain.quantize(_COLORS, Image.Quantize.MEDIANCUT)
    counts = grouped.histogram()
    largest = counts.index(max(counts))
    palette = grouped.getpalette() or []
    return "#" + bytes(palette[3 * largest : 3 * largest + 3]).hex()


def _lowest(signal: bytes | tuple[float, ...]) -> list[float]:
    """Return the 8 lowest coefficients of the DCT-II of 32 values, not normalised."""
    return [sum(map(mul, wave, signal)) for wave in _waves()]


@cache
def _waves() -> tuple[tuple[float, ...], ...]:
    return tuple(
        tuple(
            math.cos(math.pi * frequency * (2 * at + 1) / (2 * _SIDE))
            for at in range(_SIDE)
        )
        for frequency in range(_KEPT)
    )
