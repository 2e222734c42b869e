"""What is left of a rectification: found, and taken out (D-41). No TensorFlow."""

import dataclasses

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.optimize import least_squares

from colornet.colorizer.matches import LEAST_MATCHES, Matches

_TOLERANCE = 1.0  # Matches within so many px of the fit agree.
# A reference that is off by less than so many px in every corner is left alone.
_LEAST_SHIFT = 0.3
# A fit with more parameters is worth them if it has such a part of the cost, at most.
_WORTH = 0.9


@dataclasses.dataclass(frozen=True)
class Alignment:
    """How far the reference is off the rows of the mono picture.

    Attributes:
        down: px by which the reference shows the middle of the scene lower.
        rotation: px more for every px to the right.
        magnification: px more for every px down.
    """

    down: float
    rotation: float
    magnification: float

    def most(self, height: int, width: int) -> float:
        """Px up or down in the worst corner of a picture of this size."""
        tilt = abs(self.rotation) * width / 2 + abs(self.magnification) * height / 2
        return abs(self.down) + tilt

    def undo(self, rgb: np.ndarray) -> np.ndarray:
        """The reference on the rows of the mono picture, by cubic interpolation.

        It is turned and magnified about its middle, so its columns change, too.

        Args:
            rgb: (height, width, 3) float, in [0, 1].

        Returns:
            float32 of the same shape and range. What the reference does not show is the
            nearest pixel of its border.
        """
        height, width = rgb.shape[:2]
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        y, x = rows - (height - 1) / 2, columns - (width - 1) / 2
        there = (
            rows + self.down + self.rotation * x + self.magnification * y,
            columns + self.magnification * x - self.rotation * y,
        )
        channels = [
            map_coordinates(channel, there, np.float32, order=3, mode="nearest")
            for channel in np.moveaxis(rgb, -1, 0)
        ]
        return np.clip(np.stack(channels, axis=-1), 0, 1)


def estimate_alignment(matches: Matches) -> tuple[Alignment | None, Matches]:
    """How far the reference is off, in px of the pair, and the matches that agree.

    Args:
        matches: of the pair; some may be wrong.

    Returns:
        None for the first if too few matches agree, or if the reference is hardly off.
    """
    if len(matches.points) < LEAST_MATCHES:
        return None, matches.only(np.zeros(len(matches.points), bool))
    height, width = matches.mono.shape
    down, across = matches.offsets.T
    y = matches.points[:, 0] - (height - 1) / 2
    x = matches.points[:, 1] + across - (width - 1) / 2
    terms = np.stack([np.ones_like(x), x / width, y / height], axis=1)
    factors = _robust_fit(terms, down)
    agreeing = matches.only(np.abs(terms @ factors - down) < _TOLERANCE)
    found = Alignment(
        factors[0] / matches.scale, factors[1] / width, factors[2] / height
    )
    most = found.most(height / matches.scale, width / matches.scale) * matches.scale
    if len(agreeing.points) < LEAST_MATCHES or most < _LEAST_SHIFT:
        return None, agreeing
    return found, agreeing


def _robust_fit(terms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Factors of the terms, 0 for those that do not help; outliers hardly count."""
    least, best = np.inf, np.zeros(3)
    for used in ([0], [0, 1], [0, 2], [0, 1, 2]):
        fit = least_squares(
            lambda factors, used=used: terms[:, used] @ factors - values,
            np.array([np.median(values), 0, 0])[used],
            loss="cauchy",
            f_scale=0.3,
        )
        if fit.cost < _WORTH * least:
            least, best = fit.cost, np.zeros(3)
            best[used] = fit.x
    return best
