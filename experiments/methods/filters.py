"""Window filters that several methods share. Maps are (height, width)."""

import numpy as np
from scipy.ndimage import uniform_filter


def local_deviation(luma: np.ndarray, side: int) -> np.ndarray:
    """Standard deviation in the square around each pixel, (height, width).

    The picture is mirrored at its border.
    """
    mean = uniform_filter(luma, side)
    variance = uniform_filter(np.square(luma), side) - np.square(mean)
    return np.sqrt(np.maximum(variance, 0))


class GuidedFilter:
    """Edge-preserving smoothing under a grey guide (He, Sun, Tang, ECCV 2010).

    In every window the output is the linear function of the guide that is nearest to
    the input; a pixel takes the mean of all windows around it. Windows end at the
    border. What depends on the guide alone is computed once, for many inputs.

    Args:
        guide: (height, width) float.
        radius: of the square window, in pixels.
        epsilon: variance of the guide, in its unit squared, below which a window is
            smoothed rather than kept.
    """

    def __init__(self, guide: np.ndarray, radius: int, epsilon: float):
        self._guide = guide.astype(np.float32)
        self._side = 2 * radius + 1
        ones = np.ones_like(self._guide)
        self._area = uniform_filter(ones, self._side, mode="constant")
        self._mean = self._box(self._guide)
        # Of differences to the middle: raw squares would cancel in float32.
        centred = self._guide - self._guide.mean()
        variance = self._box(np.square(centred)) - np.square(self._box(centred))
        self._variance = np.maximum(variance, 0) + epsilon

    def _box(self, picture: np.ndarray) -> np.ndarray:
        return uniform_filter(picture, self._side, mode="constant") / self._area

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """The filtered picture; both are (height, width) float32."""
        mean = self._box(picture)
        slope = self._box(self._guide * picture) - self._mean * mean
        slope /= self._variance
        offset = mean - slope * self._mean
        return self._box(slope) * self._guide + self._box(offset)
