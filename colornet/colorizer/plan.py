"""How the Colorizer sees a pair: search range and scale (D-37, D-38, D-43)."""

import dataclasses
import math

import numpy as np

from colornet.color import rgb_to_chroma
from colornet.config import (
    GRID,
    Config,
    ModelConfig,
    check_above_0,
    check_at_least,
    check_fraction,
)
from colornet.noise import estimate_noise
from colornet.tiling import Tiling, fits_in_memory, padded_size

# The thumbnail's width at most, px, and its candidates: a quarter of the width.
_THUMBNAIL_WIDTH, _THUMBNAIL_CANDIDATES = 256, 64
# A pixel's disparity counts if the variance of its weights W is less, px^2. The last
# columns have so few candidates inside the reference that W cannot be unsure.
_MOST_VARIANCE, _BORDER = 4.0, 8
# Percentiles of those disparities: the largest one, and, as a few pixels may be nearer,
# the one to be searched for, which grows by a part and by some px.
_LARGEST, _NEAREST = 99.5, 99.9
_MORE, _MORE_PX = 1.1, 4.0
_MOST_CANDIDATES = 256  # of an estimate
_LEAST_CHANGE = 1.2  # of the scale
# Candidates times pixels of semi-global matching, which takes 8 bytes for each.
_MOST_COSTS = 150_000_000


@dataclasses.dataclass(frozen=True)
class Policy(Config):
    """How the Colorizer uses a network. The paper has none of it.

    Attributes:
        auto_disparity: whether the candidates that a pair needs are estimated on a
            thumbnail (D-38); the network's own `max_disparity` if not.
        target_disparity: px; pairs are enlarged until this is their largest disparity
            (D-37). The network's `max_disparity` if None.
        largest_scale: how much larger the network may see a pair, times; 1 never
            enlarges.
        smallest_scale: how much smaller, times; down to its square where disparities
            to search would be above the target; 1 never reduces.
        working_pixels: pairs are enlarged up to so many pixels; larger ones are
            reduced.
        most_noise: pairs are enlarged until the noise of the reference's chroma times
            the scale is this, in 8-bit levels.
        semi_global_weight: weight of the colours that semi-global matching finds, in
            [0, 1); 0 leaves them out (D-43).
        luma_detail: whether chroma that was seen reduced gets the detail of the luma
            (D-39).
        align: whether the reference is moved to the rows of the mono camera (D-41).
        match_cameras: whether exposure, tone, response and shading of the cameras are
            brought together (D-42).
    """

    auto_disparity: bool = True
    target_disparity: int | None = None
    largest_scale: float = 3.0
    smallest_scale: float = 0.5
    working_pixels: int = 300_000
    most_noise: float = 6.0
    semi_global_weight: float = 0.35
    luma_detail: bool = True
    align: bool = True
    match_cameras: bool = True

    def __post_init__(self):
        super().__post_init__()
        if self.target_disparity is not None:
            check_at_least("target_disparity", self.target_disparity, 1)
        check_at_least("largest_scale", self.largest_scale, 1)
        check_above_0("smallest_scale", self.smallest_scale)
        check_at_least("working_pixels", self.working_pixels, 1)
        check_above_0("most_noise", self.most_noise)
        check_fraction("semi_global_weight", self.semi_global_weight)


@dataclasses.dataclass(frozen=True)
class DisparityEstimate:
    """The disparities of a pair, in px of it.

    Attributes:
        largest: of nearly all pixels.
        searched: how far to search so that none is missed.
    """

    largest: float
    searched: float


@dataclasses.dataclass(frozen=True)
class View:
    """How one method sees a pair.

    Attributes:
        max_disparity: d of Eq. 1, px of the pictures that the method gets.
        scale: their sides over those of the pair.
    """

    max_disparity: int
    scale: float = 1.0

    def __str__(self) -> str:
        return f"d = {self.max_disparity} at {self.scale:.2g} of the size"


@dataclasses.dataclass(frozen=True)
class ViewPlan:
    """How the Colorizer sees a pair.

    Attributes:
        network: the view of the network.
        semi_global: the view of semi-global matching; None if it is left out.
    """

    network: View
    semi_global: View | None = None

    def __str__(self) -> str:
        if not self.semi_global:
            return f"{self.network}"
        return f"{self.network}; by semi-global matching with {self.semi_global}"


def thumbnail_size(
    height: int, width: int, config: ModelConfig
) -> tuple[int, int, int]:
    """The thumbnail of a picture on which its disparities are estimated.

    Returns:
        Height, width, and the candidates for it: a quarter of the largest width; as
        many as `config.max_disparity`, if these are more, for a picture that is not
        reduced, as it may be a part of a larger one.
    """
    reduction = max(1.0, width / _THUMBNAIL_WIDTH)
    candidates = _THUMBNAIL_CANDIDATES
    if reduction == 1:
        own = min(config.max_disparity, _MOST_CANDIDATES)
        candidates = max(candidates, _on_grid(own))
    return max(1, round(height / reduction)), min(width, _THUMBNAIL_WIDTH), candidates


def estimate_disparity(weights: np.ndarray, factor: float) -> DisparityEstimate | None:
    """The disparities of a pair, from those pixels of its thumbnail where W is sure.

    Args:
        weights: (d, height, width), W of Eq. 1 for the thumbnail.
        factor: how many times the pair is larger than the thumbnail.

    Returns:
        None if W is sure nowhere.
    """
    k = np.arange(len(weights), dtype=np.float32)
    mean = np.tensordot(k, weights, 1)
    variance = np.tensordot(k**2, weights, 1) - mean**2
    sure = mean[:, :-_BORDER][variance[:, :-_BORDER] < _MOST_VARIANCE]
    if not sure.size:
        return None
    largest, nearest = factor * np.percentile(sure, (_LARGEST, _NEAREST))
    return DisparityEstimate(
        max(float(largest), 1.0), _MORE * float(nearest) + _MORE_PX
    )


def plan_view(
    policy: Policy,
    config: ModelConfig,
    reference: np.ndarray,
    estimate: DisparityEstimate | None,
    tiling: Tiling,
) -> ViewPlan:
    """Decides how the network sees a pair.

    Args:
        policy: of the Colorizer.
        config: of the network; its `max_disparity`, px of the pair, counts without an
            estimate.
        reference: (height, width, 3) float RGB of the pair, in [0, 1].
        estimate: of the pair's disparities.
        tiling: a pair for which it has no memory when enlarged is not enlarged.
    """
    height, width = reference.shape[:2]
    found = estimate or DisparityEstimate(config.max_disparity, config.max_disparity)
    scale = _scale(policy, config, reference, found)

    def candidates(scale: float) -> int:
        searched = found.searched * scale
        return _on_grid(min(searched, _MOST_CANDIDATES) if estimate else searched)

    larger = config.replace(max_disparity=candidates(scale))
    enlarged = padded_size(round(height * scale), round(width * scale))
    if scale > 1 and not fits_in_memory(*enlarged, larger, tiling):
        scale = 1.0
    semi_global = None
    if policy.semi_global_weight:
        semi_global = _semi_global_view(height, width, found.searched, scale)
    return ViewPlan(View(candidates(scale), scale), semi_global)


def _semi_global_view(
    height: int, width: int, searched: float, network_scale: float
) -> View | None:
    """The pair itself, or as reduced as the network sees it; None if too large."""
    for scale in (1.0, min(1.0, network_scale)):
        candidates = math.ceil(searched * scale)
        if candidates * height * width * scale**2 <= _MOST_COSTS:
            return View(candidates, scale)
    return None


def _scale(
    policy: Policy,
    config: ModelConfig,
    reference: np.ndarray,
    found: DisparityEstimate,
) -> float:
    """The scale at which the network sees a pair with these disparities."""
    height, width = reference.shape[:2]
    target = policy.target_disparity or config.max_disparity
    scale = min(
        max(1.0, target / found.largest),
        math.sqrt(policy.working_pixels / (height * width)),
        policy.largest_scale,
    )
    if scale > 1:
        noise = 255 * estimate_noise(np.asarray(rgb_to_chroma(reference)))
        scale = min(scale, max(1.0, policy.most_noise / max(noise, 1.0)))
    smallest = policy.smallest_scale
    scale = max(scale, min(smallest, max(smallest**2, target / found.searched)))
    return 1.0 if 1 / _LEAST_CHANGE < scale < _LEAST_CHANGE else scale


def _on_grid(candidates: float) -> int:
    # Rounded: target / searched * searched may be a little above the target.
    return GRID * math.ceil(round(candidates / GRID, 6))
