"""Transferring color to greyscale images (Welsh, Ashikhmin, Mueller, SIGGRAPH 2002).

The paper's automatic form, without swatches. A mono pixel gets the colour of the
reference pixel that is nearest in luminance and in the standard deviation of the
luminance in its 5 x 5 neighbourhood, 50 % each, after the reference's luminance has
been remapped to the mean and standard deviation of the mono picture.

Departures: candidates are those of Eq. 1 instead of about 200 samples of a jittered
grid over the whole reference; colours are Cb and Cr instead of alpha and beta of
l-alpha-beta, since the mono camera gives the luma of YCbCr. Of equally near candidates
the one of the smallest disparity is taken.
"""

import numpy as np
from scipy.ndimage import uniform_filter

from colornet.color import rgb_to_chroma, rgb_to_luma

_WINDOW = 5
_LUMINANCE_WEIGHT = 0.5


def _remapped(luma: np.ndarray, model: np.ndarray) -> np.ndarray:
    """The luma with the mean and standard deviation of another picture's."""
    deviation = luma.std()
    gain = model.std() / deviation if deviation > 0 else 1
    return gain * (luma - luma.mean()) + model.mean()


def _deviation(luma: np.ndarray) -> np.ndarray:
    """Standard deviation around each pixel; the picture is mirrored at its border."""
    mean = uniform_filter(luma, _WINDOW)
    variance = uniform_filter(np.square(luma), _WINDOW) - np.square(mean)
    return np.sqrt(np.maximum(variance, 0))


def welsh(mono: np.ndarray, reference: np.ndarray, max_disparity: int) -> np.ndarray:
    """The colour of the nearest candidate.

    Args:
        mono: (height, width) float luma, in [0, 1].
        reference: (height, width, 3) float RGB, in [0, 1].
        max_disparity: number of candidates of Eq. 1.

    Returns:
        (height, width, 2) float32 Cb, Cr, in [-0.5, 0.5].
    """
    mono = np.asarray(mono, np.float64)
    luma = _remapped(rgb_to_luma(np.asarray(reference, np.float64))[..., 0], mono)
    mono_deviation, deviation = _deviation(mono), _deviation(luma)
    width = mono.shape[1]
    least = np.full(mono.shape, np.inf)
    nearest = np.zeros(mono.shape, np.intp)
    for k in range(min(max_disparity, width)):
        inside = np.s_[:, : width - k]
        distance = _LUMINANCE_WEIGHT * np.square(mono[inside] - luma[:, k:]) + (
            1 - _LUMINANCE_WEIGHT
        ) * np.square(mono_deviation[inside] - deviation[:, k:])
        nearer = distance < least[inside]
        least[inside][nearer] = distance[nearer]
        nearest[inside][nearer] = k
    columns = np.arange(width) + nearest
    chroma = np.asarray(rgb_to_chroma(reference), np.float32)
    return np.take_along_axis(chroma, columns[..., None], axis=1)
