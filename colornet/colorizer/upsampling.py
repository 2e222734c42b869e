"""Joint upsampling of chroma that was seen reduced (D-39). No TensorFlow."""

import numpy as np
from scipy.ndimage import uniform_filter

from colornet.io.pictures import resized

# Side of the windows in which chroma is taken for linear in luma, px of the reduced
# picture; and the variance of luma, of white 1, below which there is no slope to see.
_SIDE = 3
_EPSILON = 1e-3


def _means(values: np.ndarray) -> np.ndarray:
    return uniform_filter(values, (_SIDE, _SIDE, 1), mode="nearest")


def with_luma_detail(chroma: np.ndarray, luma: np.ndarray) -> np.ndarray:
    """Chroma of a reduced picture at full size, as sharp as the luma is there.

    The slope of the guided filter (He, Sun, Tang, ECCV 2010, Eq. 5), on luma reduced to
    the size of chroma, says how chroma changes with luma. What luma loses when it is
    reduced is added, times this slope, to what cubic interpolation gives.

    Args:
        chroma: (h, w, channels) float.
        luma: (height, width, 1) float, in [0, 1], of the picture; not smaller.

    Returns:
        (height, width, channels) float32.
    """
    luma = np.asarray(luma, np.float32)
    height, width = luma.shape[:2]
    reduced = resized(luma, *chroma.shape[:2])
    mean = _means(reduced)
    covariance = _means(reduced * chroma) - mean * _means(chroma)
    variance = _means(reduced**2) - mean**2
    slope = resized(_means(covariance / (variance + _EPSILON)), height, width)
    detail = luma - resized(reduced, height, width)
    return resized(chroma, height, width) + slope * detail
