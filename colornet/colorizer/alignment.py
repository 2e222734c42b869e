"""What is left of a rectification: found, and taken out (D-40). No TensorFlow."""

import dataclasses
import math

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.optimize import least_squares

from colornet.colorizer.matches import Matches

# Less than so many px off at every corner of the picture is left alone.
_LEAST_SHIFT = 0.3
# A model counts if so many matches, and such a share of them, lie within so many px.
_LEAST_INLIERS, _LEAST_SHARE, _TOLERANCE = 30, 0.4, 1.0
# A model with more parameters is worth them if its cost is such a part of the cost of a
# simpler one, at most.
_WORTH = 0.9


@dataclasses.dataclass(frozen=True)
class Alignment:
    """How far the reference is off, as a turn and a magnification around its middle.

    Attributes:
        down: px by which the reference shows the middle lower.
        rotation: px more down for every px to the right.
        magnification: px more down for every px down.
    """

    down: float
    rotation: float = 0.0
    magnification: float = 0.0

    def largest(self, height: int, width: int) -> float:
        """Px up or down at the worst corner of a picture of this size."""
        tilt = abs(self.rotation) * width / 2 + abs(self.magnification) * height / 2
        return abs(self.down) + tilt

    def undo(self, rgb: np.ndarray) -> np.ndarray:
        """The reference as a camera on the rows of the mono camera would show it.

        Args:
            rgb: (height, width, 3) float, in [0, 1].

        Returns:
            float32 of the same shape, by cubic interpolation; what lies outside of the
            picture is its nearest pixel.
        """
        height, width = rgb.shape[:2]
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        y, x = rows - (height - 1) / 2, columns - (width - 1) / 2
        rows += self.down + self.rotation * x + self.magnification * y
        columns += self.magnification * x - self.rotation * y
        channels = [
            map_coordinates(channel, [rows, columns], np.float32, mode="nearest")
            for channel in np.moveaxis(rgb, -1, 0)
        ]
        return np.clip(np.stack(channels, axis=-1), 0, 1)


def estimate_alignment(matches: Matches) -> tuple[Alignment | None, Matches]:
    """How far the reference is off its rows, px of the pair; None if unsure or little.

    Args:
        matches: of the pair.

    Returns:
        The alignment, and the matches that agree about it.
    """
    if len(matches.points) < _LEAST_INLIERS:
        return None, matches
    height, width = matches.mono.shape
    down, across = matches.offsets.T
    y = matches.points[:, 0] - (height - 1) / 2
    x = matches.points[:, 1] + across - (width - 1) / 2
    terms = np.stack([np.ones_like(x), x / width, y / height], axis=1)
    parameters = _robust_fit(terms, down)
    inliers = np.abs(terms @ parameters - down) < _TOLERANCE
    agreeing = matches.only(inliers)
    alignment = Alignment(
        parameters[0] / matches.scale, parameters[1] / width, parameters[2] / height
    )
    size = height / matches.scale, width / matches.scale
    enough = inliers.sum() >= max(_LEAST_INLIERS, _LEAST_SHARE * len(inliers))
    little = alignment.largest(*size) < _LEAST_SHIFT / matches.scale
    return alignment if enough and not little else None, agreeing


def _robust_fit(terms: np.ndarray, down: np.ndarray) -> np.ndarray:
    """The simplest model near which the matches lie as closely as near the others."""
    start = np.array([np.median(down), 0, 0])
    least, best = np.inf, start
    for kept in ([0], [0, 1], [0, 2], [0, 1, 2]):
        fit = least_squares(
            lambda p, kept=kept: terms[:, kept] @ p - down,
            start[kept],
            loss="cauchy",
            f_scale=0.3,
        )
        if fit.cost < _WORTH * least:
            least, best = fit.cost, np.zeros(3)
            best[kept] = fit.x
    return best
