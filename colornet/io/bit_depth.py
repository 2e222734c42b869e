"""How much of a container's range a picture uses, judged by its values.

Cameras store 12 or 10 bits in the low bits of 16, and float or signed files say nothing
of what is white. A range is taken as clear if the largest value lies in its upper
quarter: nearly every photograph has a highlight, and a picture of all 16 bits ends
there only if it is darker by just so many stops.
"""

import numpy as np

from colornet.color import rgb_to_luma

# Of a container of 16 bits. 14 bits are not among them: a picture of 16 bits that is
# two stops too dark, which is common, would look the same.
NARROW_BITS = (8, 10, 12)
_SIGNED_BITS = (*NARROW_BITS, 15)
_FLOAT_WHITES = (255, 1023, 4095, 65535)
_UPPER_QUARTER = 0.75
# Resampling leaves the range of a float picture a little.
_OVERSHOOT = 0.01
_WHITE = 65535


def significant_bits(picture: np.ndarray, other: np.ndarray | None = None) -> int:
    """How many of the 16 bits of a picture are in use: 8, 10, 12 or 16.

    A narrow range is clear

    - if the largest value lies in its upper quarter, of this picture or, where both
      views are as narrow, of one of them;
    - if the other view uses its whole range, by the brightness of both: the number of
      bits is that which brings the mean of this picture next to the other view's.

    It is never clear in a picture whose values are 256 or more apart: these are 8 bits
    spread over 16, so the picture is dark.

    Args:
        picture: (H, W) or (H, W, 3) uint16.
        other: the other view of a pair, uint8 or uint16, if there is one.
    """
    largest = int(picture.max())
    narrow = [bits for bits in NARROW_BITS if largest < 2**bits]
    if not narrow or np.gcd.reduce(np.unique(picture)) >= 256:
        return 16
    if other is not None and not _is_narrow(other):
        if not other.any() or not largest:
            return 16
        stops = np.log2(_mean(picture) / _mean(other))
        return min((16, *narrow), key=lambda bits: abs(stops + 16 - bits))
    if other is not None:
        largest = max(largest, int(other.max()))
        narrow = [bits for bits in NARROW_BITS if largest < 2**bits]
    bits = narrow[0]
    return bits if largest >= _UPPER_QUARTER * 2**bits else 16


def _is_narrow(picture: np.ndarray) -> bool:
    return picture.dtype == np.uint16 and picture.max() < 2 ** NARROW_BITS[-1]


def _mean(picture: np.ndarray) -> float:
    """Mean luma; white is 1."""
    mean = picture.mean(axis=(0, 1), dtype=np.float64) / np.iinfo(picture.dtype).max
    return float(mean if mean.ndim == 0 else rgb_to_luma(mean)[0])


def widened(picture: np.ndarray, bits: int) -> np.ndarray:
    """A uint16 picture of so many bits as one of all 16: white becomes 65535."""
    return np.rint(picture * (_WHITE / (2**bits - 1))).astype(np.uint16)


def from_signed(pixels: np.ndarray) -> tuple[np.ndarray, str]:
    """Signed pixels of 16 bit as uint16 of the whole range.

    Returns:
        The picture, and what it was taken for, in words.

    Raises:
        ValueError: negative values, or a range that is not clear.
    """
    lowest, largest = int(pixels.min()), int(pixels.max())
    bits = next(bits for bits in _SIGNED_BITS if largest < 2**bits)
    if lowest < 0 or largest < _UPPER_QUARTER * 2**bits:
        raise ValueError(f"signed pixels from {lowest} to {largest}: which is white?")
    return widened(pixels, bits), f"signed pixels of {bits} bits"


def from_floats(pixels: np.ndarray) -> tuple[np.ndarray, str]:
    """Float pixels as uint16 of the whole range.

    Returns:
        The picture, and what it was taken for, in words.

    Raises:
        ValueError: values that are negative or not finite, or a range that is not
            clear: white is 1, 255, 1023, 4095 or 65535.
    """
    lowest, largest = float(pixels.min()), float(pixels.max())
    whites = [1] if 0 < largest <= 1 + _OVERSHOOT else []
    whites += [
        white
        for white in _FLOAT_WHITES
        if _UPPER_QUARTER * white <= largest <= white * (1 + _OVERSHOOT)
    ]
    # NaN fails every comparison.
    if not whites or not lowest >= -_OVERSHOOT * whites[0]:
        raise ValueError(
            f"float pixels from {lowest:g} to {largest:g}: which is white?"
        )
    white = whites[0]
    values = np.clip(pixels.astype(np.float64) / white, 0, 1) * _WHITE
    return np.rint(values).astype(np.uint16), f"float pixels, white at {white}"
