"""Points that both views of a pair show, found without the network. No TensorFlow."""

import dataclasses
import math
from typing import Self

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.feature import corner_shi_tomasi, match_template, peak_local_max

from colornet.color import rgb_to_luma
from colornet.io.pictures import resized

# Pairs are reduced to so many pixels, so that a search takes less than a second.
_PIXELS = 400_000
# Corners at most, half the side of the patch around one, and how far it may be off: px
# up and down, and a part of the width to both sides.
_CORNERS, _RADIUS, _MOST_DOWN, _MOST_ACROSS = 600, 7, 16, 0.3
# Fewer matches than this say nothing of a pair.
LEAST_MATCHES = 30
_SMOOTHING = 1.0  # standard deviation, px, against the noise
_LEAST_CORRELATION = 0.8


@dataclasses.dataclass(frozen=True)
class Matches:
    """Points of the mono picture, found in the reference; px of the reduced pair.

    Attributes:
        mono: (height, width) float32, the smoothed luma that was searched for.
        reference: (height, width, 3) float32, the smoothed RGB that was searched.
        scale: px of the reduced pair a px of the pair.
        points: (n, 2) int, row and column in `mono`.
        offsets: (n, 2) float, from there to the same point of the reference: px down,
            px to the right.
    """

    mono: np.ndarray
    reference: np.ndarray
    scale: float
    points: np.ndarray
    offsets: np.ndarray

    def only(self, kept: np.ndarray) -> Self:
        """The matches that a mask keeps."""
        return dataclasses.replace(
            self, points=self.points[kept], offsets=self.offsets[kept]
        )


def find_matches(luma: np.ndarray, rgb: np.ndarray) -> Matches:
    """Corners of the mono picture, and where the reference has the same patch.

    Patches are compared by their normalized cross-correlation, which sees neither
    brightness nor contrast.

    Args:
        luma: (height, width, 1) float, in [0, 1].
        rgb: (height, width, 3) float reference of the same size, in [0, 1].
    """
    height, width = luma.shape[:2]
    scale = min(1.0, math.sqrt(_PIXELS / (height * width)))
    if scale < 1:
        size = max(1, round(scale * height)), max(1, round(scale * width))
        luma, rgb = resized(luma, *size), resized(rgb, *size)
    smooth = (_SMOOTHING, _SMOOTHING, 0)
    mono = gaussian_filter(luma.astype(np.float32), smooth)[..., 0]
    reference = gaussian_filter(rgb.astype(np.float32), smooth)
    reference_luma = rgb_to_luma(reference)[..., 0]
    points = _corners(mono)
    found = [_match(mono, reference_luma, point) for point in points]
    known = [offset is not None for offset in found]
    return Matches(
        mono,
        reference,
        scale,
        points[known],
        np.array([o for o in found if o is not None]).reshape(-1, 2),
    )


def _corners(mono: np.ndarray) -> np.ndarray:
    """Rows and columns of corners, spread over the picture, the clearest ones first."""
    if min(mono.shape) <= 2 * _RADIUS + 2:
        return np.zeros((0, 2), int)
    return peak_local_max(
        corner_shi_tomasi(mono, sigma=2),
        min_distance=max(3, round(math.sqrt(mono.size / _CORNERS) / 2)),
        num_peaks=_CORNERS,
        exclude_border=_RADIUS + 1,
    )


def _match(
    mono: np.ndarray, reference: np.ndarray, point: np.ndarray
) -> tuple[float, float] | None:
    """Px down and to the right from a point to its match; None if none is clear."""
    height, width = mono.shape
    row, column = point
    across = _RADIUS + round(_MOST_ACROSS * width)
    down = _RADIUS + _MOST_DOWN
    top, left = max(0, row - down), max(0, column - across)
    patch = mono[
        row - _RADIUS : row + _RADIUS + 1, column - _RADIUS : column + _RADIUS + 1
    ]
    around = reference[top : row + down + 1, left : column + across + 1]
    correlation = match_template(around, patch)
    i, j = np.unravel_index(correlation.argmax(), correlation.shape)
    inside = 0 < i < correlation.shape[0] - 1 and 0 < j < correlation.shape[1] - 1
    if not inside or correlation[i, j] < _LEAST_CORRELATION:
        return None
    down = i + _vertex(*correlation[i - 1 : i + 2, j])
    across = j + _vertex(*correlation[i, j - 1 : j + 2])
    return top + _RADIUS + down - row, left + _RADIUS + across - column


def _vertex(before: float, at: float, after: float) -> float:
    """Where the parabola through values at -1, 0 and 1 is largest, in [-0.5, 0.5]."""
    bend = before - 2 * at + after
    return (
        0.0 if bend >= 0 else float(np.clip((before - after) / (2 * bend), -0.5, 0.5))
    )
