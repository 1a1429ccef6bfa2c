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
from collections.abc import Iterable
from functools import cache
from operator import add, mul, sub
from struct import Struct

from PIL import Image

_SIDE = 32
_KEPT = 8
# Cosines are whole numbers of this many: so what cancels out does so to nothing. With
# floats, half of the bits of a plain area would be those of rounding errors.
_ONE = 2**20
# Of numbers that lie side by side in a long one: after the first pass they have a pixel
# of 8 bits, a cosine of 20, sums of 5 and a sign, after the second 25 bits more.
_SLOT_BITS = 64
_SPREAD = Struct(f"<{_SIDE * _SIDE}Q")
_LINE = Struct(f"<{_SIDE}Q")
_SLOTS = Struct(f"<{_KEPT}Q")
# Added to each slot of the first pass: a negative one would borrow from the next.
_LIFT = 2**34
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
    values = _lowest(grey.tobytes())
    middle = sum(sorted(values)[31:33])  # twice the median
    return int("".join("01"[2 * value > middle] for value in values), 2)


def dominant_color(image: Image.Image) -> str | None:
    """Return the mean of the largest group of similar colors, `#rrggbb`.

    Groups are those of the median cut (P. Heckbert, *Color Image Quantization for Frame
    Buffer Display*, 1982). None where no pixel is more than half opaque.
    """
    tiny = image.resize((_COLORED_SIDE, _COLORED_SIDE), Image.Resampling.BOX)
    plain = tiny if tiny.mode == "RGB" else tiny.convert("RGB")
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


def _lowest(pixels: bytes) -> list[int]:
    """Return the 8 by 8 lowest coefficients of the DCT-II of 32 by 32 pixels.

    They are not normalised, and all too great by the same. Each multiplication of long
    integers is many at once: of a whole row of pixels by a cosine, then of all cosines
    of a column by what the column came to. Rows as far from the middle have the same
    cosines, or the opposite ones.
    """
    waves, packed, lift, bias = _waves()
    spread = _SPREAD.pack(*pixels)
    rows = [
        int.from_bytes(spread[at : at + _LINE.size], "little")
        for at in range(0, _SPREAD.size, _LINE.size)
    ]
    above, below = rows[: _SIDE // 2], rows[: _SIDE // 2 - 1 : -1]
    folded = list(map(add, above, below)), list(map(sub, above, below))
    values: list[int] = []
    for frequency, wave in enumerate(waves):
        line = sum(map(mul, wave, folded[frequency % 2])) + lift
        columns = _LINE.unpack(line.to_bytes(_LINE.size, "little"))
        row = sum(map(mul, packed, columns)) + bias
        values += _SLOTS.unpack(row.to_bytes(_SLOTS.size, "little"))
    return values


def _packed(numbers: Iterable[int]) -> int:
    return sum(number << _SLOT_BITS * at for at, number in enumerate(numbers))


@cache
def _waves() -> tuple[list[list[int]], list[int], int, int]:
    """Return half of each wave's cosines, those of each column packed, and what lifts.

    The last two make the slots of the first and of the second pass positive; what the
    first adds comes out again in the mean alone, and the second takes it off there.
    """
    step = math.pi / (2 * _SIDE)
    waves = [
        [round(_ONE * math.cos(step * row * (2 * at + 1))) for at in range(_SIDE)]
        for row in range(_KEPT)
    ]
    packed = [_packed(factors) for factors in zip(*waves, strict=True)]
    middle = 2 ** (_SLOT_BITS - 1)
    bias = _packed(middle - _LIFT * sum(wave) for wave in waves)
    halves = [wave[: _SIDE // 2] for wave in waves]
    return halves, packed, _packed([_LIFT] * _SIDE), bias
