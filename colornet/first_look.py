"""What a look at a small copy of a pair says about it (D-37, D-38). NumPy only.

`colornet.inference` runs the network on the copy, and then on the pair with as many
candidates as it needs, and enlarged if its disparities are small.
"""

import dataclasses
import math

import numpy as np

from colornet.color import rgb_to_chroma
from colornet.config import ModelConfig
from colornet.tiling import GRID

# The copy's width at most, px, and the candidates for it: a quarter of the width.
_WIDTH, _CANDIDATES = 256, 64
# A pixel's disparity counts if the variance of its weights W is less, px^2.
_SURE = 4.0
# Percentiles of those disparities: what is taken for the largest, and, as a few pixels
# may be nearer, for what must be searched; that grows by a part and by some px.
_LARGEST, _NEAREST = 99.5, 99.9
_MORE, _MORE_PX = 1.1, 4.0
_MOST_CANDIDATES = 256  # that are chosen without being asked for
# How much pictures are enlarged: times, at most and at least, to how many pixels at
# most, and times the noise of their chroma in 8-bit levels, at most.
_MOST_ENLARGED, _LEAST_ENLARGED = 3.0, 1.2
_ENLARGED_PIXELS = 4e5
_MOST_NOISE = 4.0


@dataclasses.dataclass(frozen=True)
class Disparities:
    """The disparities of a picture, in px of it.

    Attributes:
        largest: of nearly all pixels.
        searched: what is to be searched, so that none is missed.
    """

    largest: float
    searched: float


@dataclasses.dataclass(frozen=True)
class Sight:
    """How the network sees a pair.

    Attributes:
        max_disparity: d of Eq. 1, px of the pictures that the network gets.
        enlargement: how many times they are enlarged.
    """

    max_disparity: int
    enlargement: float = 1.0


def copy(height: int, width: int, config: ModelConfig) -> tuple[int, int, int]:
    """The copy of a picture that is looked at first.

    Returns:
        Height, width, and the candidates for it. A picture that is not reduced may be
        a part of a larger one, whose disparities may be more than a quarter of its
        width: it gets those of the network, if they are more.
    """
    if width <= _WIDTH:
        return height, width, max(_CANDIDATES, config.max_disparity)
    return max(1, round(height * _WIDTH / width)), _WIDTH, _CANDIDATES


def disparities(weights: np.ndarray, factor: float) -> Disparities | None:
    """The disparities that W is sure of.

    Args:
        weights: (d, height, width), W of Eq. 1 for the copy.
        factor: how many times the picture is larger than the copy.

    Returns:
        None if W is sure of none.
    """
    k = np.arange(len(weights), dtype=np.float32)
    mean = np.tensordot(k, weights, 1)
    variance = np.tensordot(k**2, weights, 1) - mean**2
    sure = mean[variance < _SURE]
    if not sure.size:
        return None
    largest, nearest = factor * np.percentile(sure, (_LARGEST, _NEAREST))
    return Disparities(max(float(largest), 1.0), _MORE * float(nearest) + _MORE_PX)


def most_enlarged(reference: np.ndarray, config: ModelConfig) -> float:
    """How many times a picture may be enlarged, whatever its disparities; 1 if not.

    Args:
        reference: (height, width, 3) float RGB, in [0, 1].
        config: of the network.
    """
    height, width = reference.shape[:2]
    most = min(_MOST_ENLARGED, math.sqrt(_ENLARGED_PIXELS / (height * width)))
    if config.working_disparity == 0 or most < _LEAST_ENLARGED:
        return 1.0
    most = min(most, _MOST_NOISE / max(_chroma_noise(reference), 1.0))
    return most if most >= _LEAST_ENLARGED else 1.0


def enlargement(largest: float, most: float, config: ModelConfig) -> float:
    """How many times a picture is enlarged (D-37).

    Until its largest disparity is the `working_disparity`, or as much as it may be.

    Args:
        largest: disparity, px.
        most: what `most_enlarged` says of it.
        config: of the network.
    """
    factor = min(config.working_disparity / largest, most)
    return factor if factor >= _LEAST_ENLARGED else 1.0


def sight(found: Disparities, factor: float, config: ModelConfig) -> Sight:
    """How the network sees a picture that is enlarged `factor` times.

    With as many candidates as what is to be searched needs: at most 256, in px of the
    picture itself, or `max_disparity` if that is not to be found out (D-38).
    """
    if config.find_disparity:
        searched = min(found.searched, _MOST_CANDIDATES)
    elif factor == 1:
        return Sight(config.max_disparity)
    else:
        searched = min(found.searched, config.max_disparity)
    return Sight(GRID * math.ceil(searched * factor / GRID), factor)


def _chroma_noise(reference: np.ndarray) -> float:
    """Standard deviation of white noise in Cb and Cr, in 8-bit levels.

    By the median of what 2x2 pixels have that neither their rows nor their columns do,
    of which pictures have little.
    """
    height, width = (side // 2 * 2 for side in reference.shape[:2])
    chroma = 255 * np.asarray(rgb_to_chroma(reference[:height, :width]))
    rows = chroma[::2] - chroma[1::2]
    detail = (rows[:, ::2] - rows[:, 1::2]) / 2
    return float(np.median(np.abs(detail)) / 0.6745) if detail.size else 0.0
