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

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.colorizer.classic import matching
from experiments.methods.filters import local_deviation

_WINDOW = 5
_LUMINANCE_WEIGHT = 0.5


def _remapped(luma: np.ndarray, model: np.ndarray) -> np.ndarray:
    """The luma with the mean and standard deviation of another picture's."""
    deviation = luma.std()
    gain = model.std() / deviation if deviation > 0 else 1
    return gain * (luma - luma.mean()) + model.mean()


def welsh(mono: np.ndarray, reference: np.ndarray, max_disparity: int) -> np.ndarray:
    """The colour of the nearest candidate."""
    mono = np.asarray(mono, np.float64)
    luma = _remapped(rgb_to_luma(np.asarray(reference, np.float64))[..., 0], mono)
    deviations = [local_deviation(view, _WINDOW) for view in (mono, luma)]
    least = np.full(mono.shape, np.inf)
    nearest = np.zeros(mono.shape, np.intp)
    for k, here, there in matching.candidates(max_disparity, mono.shape[1]):
        luminance = np.square(mono[:, here] - luma[:, there])
        texture = np.square(deviations[0][:, here] - deviations[1][:, there])
        distance = _LUMINANCE_WEIGHT * luminance + (1 - _LUMINANCE_WEIGHT) * texture
        nearer = distance < least[:, here]
        least[:, here][nearer] = distance[nearer]
        nearest[:, here][nearer] = k
    columns = np.arange(mono.shape[1]) + nearest
    chroma = np.asarray(rgb_to_chroma(reference), np.float32)
    return np.take_along_axis(chroma, columns[..., None], axis=1)
