"""What a look at a small copy of a pair says about it (D-37, D-38). NumPy only.

`colornet.inference` runs the network on the copy, and then on the pair with as many
candidates as it needs, at the scale where the network is at its best.
"""

import dataclasses
import math

import numpy as np

from colornet.color import rgb_to_chroma
from colornet.config import ModelConfig
from colornet.noise import estimate_noise
from colornet.tiling import GRID

# The copy's width at most, px, and the candidates for it: a quarter of the width.
_WIDTH, _CANDIDATES = 256, 64
# A pixel's disparity counts if the variance of its weights W is less, px^2. The last
# columns have so few candidates inside the reference that W cannot be unsure.
_SURE, _BORDER = 4.0, 8
# Percentiles of those disparities: what is taken for the largest, and, as a few pixels
# may be nearer, for what must be searched; that grows by a part and by some px.
_LARGEST, _NEAREST = 99.5, 99.9
_MORE, _MORE_PX = 1.1, 4.0
_MOST_CANDIDATES = 256  # that are chosen without being asked for
# The scale at which the network sees a picture: at most and at least; to how many
# pixels; enlarged, to how much noise of the reference's chroma, in 8-bit levels. A
# change of less than 1.2 times is none.
_LARGEST_SCALE, _SMALLEST_SCALE = 3.0, 0.5
_PIXELS = 3e5
_MOST_NOISE = 6.0
_LEAST_CHANGE = 1.2
COARSE_SHARE = 0.25  # of what is seen at half the scale, in the result


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
        scale: their sides over those of the pair.
        coarse: whether the network sees them at half the scale as well, and a quarter
            of the result is of that.
    """

    max_disparity: int
    scale: float = 1.0
    coarse: bool = False

    @property
    def halved(self) -> "Sight":
        """The same at half the scale."""
        return Sight(_candidates(self.max_disparity / 2), self.scale / 2)


def copy(height: int, width: int, config: ModelConfig) -> tuple[int, int, int]:
    """The copy of a picture that is looked at first.

    Returns:
        Height, width, and the candidates for it: a quarter of the width; as many as the
        network's `max_disparity` says, if these are more and somebody asked for them;
        and for a picture that is not reduced, as it may be a part of a larger one.
    """
    reduction = max(1.0, width / _WIDTH)
    candidates = _CANDIDATES
    if reduction == 1 or not config.find_disparity:
        own = min(config.max_disparity / reduction, _MOST_CANDIDATES)
        candidates = max(candidates, _candidates(own))
    return max(1, round(height / reduction)), min(width, _WIDTH), candidates


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
    sure = mean[:, :-_BORDER][variance[:, :-_BORDER] < _SURE]
    if not sure.size:
        return None
    largest, nearest = factor * np.percentile(sure, (_LARGEST, _NEAREST))
    return Disparities(max(float(largest), 1.0), _MORE * float(nearest) + _MORE_PX)


def scale(largest: float, reference: np.ndarray, config: ModelConfig) -> float:
    """The scale at which the network sees a picture (D-37).

    Small pictures are enlarged until their largest disparity is the
    `working_disparity`, unless that made them too large, or their noise too coarse.
    Large ones are reduced. 1 if there is no `working_disparity`.

    Args:
        largest: disparity, px.
        reference: (height, width, 3) float RGB, in [0, 1].
        config: of the network.
    """
    if config.working_disparity == 0:
        return 1.0
    height, width = reference.shape[:2]
    best = min(
        max(1.0, config.working_disparity / largest),
        math.sqrt(_PIXELS / (height * width)),
        _LARGEST_SCALE,
    )
    if best > 1:
        noise = 255 * estimate_noise(np.asarray(rgb_to_chroma(reference)))
        best = min(best, max(1.0, _MOST_NOISE / max(noise, 1.0)))
    best = max(best, _SMALLEST_SCALE)
    return 1.0 if 1 / _LEAST_CHANGE < best < _LEAST_CHANGE else best


def sight(found: Disparities, scale: float, config: ModelConfig) -> Sight:
    """How the network sees a picture at a scale.

    With as many candidates as what is to be searched needs, at most 256; if that is not
    to be found out, for the `max_disparity` of the picture itself, of which an enlarged
    one gets no more than it needs (D-38).
    """
    if config.find_disparity:
        candidates = min(found.searched * scale, _MOST_CANDIDATES)
    elif scale > 1:
        candidates = min(found.searched, config.max_disparity) * scale
    else:
        candidates = config.max_disparity * scale
    return Sight(_candidates(candidates), scale, config.working_disparity > 0)


def _candidates(searched: float) -> int:
    return GRID * math.ceil(searched / GRID)
