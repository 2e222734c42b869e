"""Jeon, Lee, Im, Ha, Kweon, CVPR 2016, with an added denoising of the reference.

*Stereo Matching with Color and Monochrome Cameras in Low-light Conditions*. The colour
picture is decolorized. The cost of a match is its difference of brightness beside its
difference of informative edges; costs are aggregated under the picture's edges, the
best candidate wins, and only matches that both views agree on are kept. They tell the
local gain between the pictures, with which the search is repeated, which finds more of
them. Their colours are copied and propagated over the picture (Levin et al. 2004).

These steps are the paper's; formulas and constants that its outline leaves open are
ours, chosen on Middlebury 2014. Departures:
- Decolorized is by luma alone. The paper searches the weights of R, G and B, because
  its monochrome camera has a spectral response of its own, and pools the matches of all
  candidates. In this benchmark the monochrome picture is luma by construction.
- Informative edges are the measure r of Xu and Jia (ECCV 2010), as we read the name.
- The colour picture is denoised first (`matching.denoise`). This step is added here,
  since copied colours would keep the noise of the colour camera.
- Costs are aggregated by the guided filter (Rhemann et al., CVPR 2011).
"""

import numpy as np
from scipy.ndimage import uniform_filter

from colornet.colorizer.classic import matching
from experiments.methods.filters import GuidedFilter

# Share of brightness in the cost, and where both differences are cut off.
_BRIGHTNESS_SHARE = 0.5
_MAX_BRIGHTNESS_DIFFERENCE = 0.1
_MAX_EDGE_DIFFERENCE = 0.5
# Windows of informative edges, and the gradient per pixel that is still noise.
_EDGE_RADIUS = 1
_EDGE_FLOOR = 0.01
_AGGREGATION_RADIUS = 7
_AGGREGATION_EPSILON = 1e-3


def informative_edges(luma: np.ndarray) -> np.ndarray:
    """How far the gradients around a pixel agree, whatever the contrast.

    The norm of the mean gradient over the mean norm of the gradients in a window (Xu
    and Jia, ECCV 2010): 1 on a straight edge, near 0 in noise and flat regions.

    Args:
        luma: (height, width) float, in [0, 1].

    Returns:
        (height, width) float32, in [0, 1).
    """
    side = 2 * _EDGE_RADIUS + 1
    down, right = matching.gradients(luma.astype(np.float32))
    norm = np.hypot(uniform_filter(down, side), uniform_filter(right, side))
    return norm / (uniform_filter(np.hypot(down, right), side) + _EDGE_FLOOR)


def best_candidates(
    mono: np.ndarray,
    luma: np.ndarray,
    edges: tuple[np.ndarray, np.ndarray],
    filters: tuple[GuidedFilter, GuidedFilter],
    max_disparity: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The candidates of least cost, of both views.

    Args:
        mono, luma: (height, width) float, in [0, 1], of mono and reference.
        edges: their `informative_edges`.
        filters: that aggregate costs under their edges.
        max_disparity: d of Eq. 1.

    Returns:
        Two (height, width) int maps of disparities in pixels: of mono and reference.
    """
    # Slice by slice: a volume of costs is never held.
    lowest = [np.full(mono.shape, np.inf, np.float32) for _ in filters]
    winner = [np.zeros(mono.shape, int) for _ in filters]
    for k, here, there in matching.candidates(max_disparity, mono.shape[1]):
        brightness = np.abs(mono[:, here] - luma[:, there]) / _MAX_BRIGHTNESS_DIFFERENCE
        edge = np.abs(edges[0][:, here] - edges[1][:, there]) / _MAX_EDGE_DIFFERENCE
        costs = _BRIGHTNESS_SHARE * np.minimum(brightness, 1)
        costs += (1 - _BRIGHTNESS_SHARE) * np.minimum(edge, 1)
        for view, columns in enumerate((here, there)):
            # Outside the picture is the worst match there is, and no winner.
            padded = np.ones(mono.shape, np.float32)
            padded[:, columns] = costs
            aggregated = filters[view](padded)[:, columns]
            better = aggregated < lowest[view][:, columns]
            lowest[view][:, columns][better] = aggregated[better]
            winner[view][:, columns][better] = k
    return winner[0], winner[1]


def match(
    mono: np.ndarray, luma: np.ndarray, max_disparity: int, rounds: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Matches a monochrome and a decolorized picture, adapting the gain in between.

    A `matching.Match`, with the number of rounds between which the gain is adapted.
    """
    edges = informative_edges(mono), informative_edges(luma)
    filters = (
        GuidedFilter(mono, _AGGREGATION_RADIUS, _AGGREGATION_EPSILON),
        GuidedFilter(luma, _AGGREGATION_RADIUS, _AGGREGATION_EPSILON),
    )
    adapted = mono
    for _ in range(rounds):
        disparity, back = best_candidates(adapted, luma, edges, filters, max_disparity)
        reliable = matching.left_right_check(disparity, back)
        matched = matching.warp(luma, disparity)
        adapted = mono * matching.local_gain(mono, matched, reliable)
    return disparity, reliable


def jeon(mono: np.ndarray, reference: np.ndarray, max_disparity: int) -> np.ndarray:
    """The reference's colours at reliable matches, propagated over the picture."""
    return matching.colorize(match, mono, reference, max_disparity)
