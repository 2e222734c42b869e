"""What an engineer would pick without a network; not in the paper's tables.

Semi-global matching (Hirschmueller, PAMI 2008) on all eight paths, of census (Zabih and
Woodfill, ECCV 1994) and gradient costs, neither of which sees a difference of
brightness. The disparity is refined below a pixel by a parabola and cleaned by a
median, and kept where both views agree on it, where its match is inside the picture and
where it explains the mono picture's brightness up to a local gain. Chroma of the
reference is interpolated there and propagated to the rest (Levin et al. 2004).

Against the colour camera's noise the reference is denoised before anything else
(`matching.denoise`). Constants were chosen on Middlebury 2014.

Departures from Hirschmueller: census instead of mutual information, as is usual by now;
the penalty of a jump does not depend on the gradient; holes get colours, not
disparities.
"""

import numpy as np
from scipy.ndimage import median_filter

from colornet.colorizer.classic import matching

_CENSUS_RADIUS = 2
# In the cost, bits of census; and the difference of gradients where it is cut off.
GRADIENT_WEIGHT = 15
_MAX_GRADIENT_DIFFERENCE = 0.1
# Of a candidate outside the picture: neither worth a match there nor worth avoiding.
OUTSIDE_COST = 24
# P1 and P2 of Eq. 11: a disparity that changes by one, and by more.
_STEP_PENALTY = 6
JUMP_PENALTY = 40
_MEDIAN_SIDE = 3
_MAX_BRIGHTNESS_ERROR = 0.05


def census(luma: np.ndarray) -> np.ndarray:
    """A bit for every neighbour in a 5 x 5 window: whether it is darker.

    Args:
        luma: (height, width) float.

    Returns:
        (height, width) uint32; neighbours outside are the nearest pixel inside.
    """
    height, width = luma.shape
    side = 2 * _CENSUS_RADIUS + 1
    padded = np.pad(luma, _CENSUS_RADIUS, mode="edge")
    code = np.zeros((height, width), np.uint32)
    for index in range(side * side):
        j, i = divmod(index, side)
        if (j, i) != (_CENSUS_RADIUS, _CENSUS_RADIUS):
            code = (code << 1) | (padded[j : j + height, i : i + width] < luma)
    return code


def matching_costs(
    mono: np.ndarray, luma: np.ndarray, max_disparity: int
) -> np.ndarray:
    """(candidates, height, width) uint8: what a match of two pixels costs by itself."""
    codes = census(mono), census(luma)
    gradients = matching.gradients(mono), matching.gradients(luma)
    size = min(max_disparity, mono.shape[1])
    costs = np.full((size, *mono.shape), OUTSIDE_COST, np.uint8)
    for k, here, there in matching.candidates(max_disparity, mono.shape[1]):
        bits = np.bitwise_count(codes[0][:, here] ^ codes[1][:, there])
        difference = sum(
            np.abs(in_mono[:, here] - in_reference[:, there])
            for in_mono, in_reference in zip(*gradients, strict=True)
        )
        share = np.minimum(difference / _MAX_GRADIENT_DIFFERENCE, 1)
        costs[k, :, here] = bits + np.rint(GRADIENT_WEIGHT * share)
    return costs


def seen_from_reference(costs: np.ndarray) -> np.ndarray:
    """The same costs by reference pixel: candidate k of (j, i) is mono (j, i - k)."""
    mirrored = np.full_like(costs, OUTSIDE_COST)
    for k, here, there in matching.candidates(len(costs), costs.shape[2]):
        mirrored[k, :, there] = costs[k, :, here]
    return mirrored


def _add_paths(costs: np.ndarray, slants: tuple[int, ...], total: np.ndarray) -> None:
    """Adds the costs of paths from the first row to the last (Eq. 13) to `total`.

    Args:
        costs: (candidates, rows, columns) uint8.
        slants: columns that a path moves by from row to row: -1, 0 or 1.
        total: (candidates, rows, columns) uint16.
    """
    columns = costs.shape[2]
    for slant in slants:
        path = costs[:, 0]
        total[:, 0] += path
        to = slice(max(slant, 0), columns + min(slant, 0))
        origin = slice(max(-slant, 0), columns + min(-slant, 0))
        for row in range(1, costs.shape[1]):
            # A path that enters from the side has no past, as in the first row.
            before = np.zeros_like(path)
            before[:, to] = path[:, origin]
            lowest = before.min(axis=0)
            past = np.minimum(before, lowest + JUMP_PENALTY)
            np.minimum(past[1:], before[:-1] + _STEP_PENALTY, out=past[1:])
            np.minimum(past[:-1], before[1:] + _STEP_PENALTY, out=past[:-1])
            # At most the cost and P2, 79: it fits in 8 bits.
            path = costs[:, row] + (past - lowest)
            total[:, row] += path


def aggregate(costs: np.ndarray) -> np.ndarray:
    """The sum of path costs over eight directions (Hirschmueller 2008, Eq. 14).

    Args:
        costs: (candidates, height, width) uint8.

    Returns:
        (candidates, height, width) uint16.
    """
    total = np.zeros(costs.shape, np.uint16)
    _add_paths(costs, (-1, 0, 1), total)
    _add_paths(costs[:, ::-1], (-1, 0, 1), total[:, ::-1])
    turned = np.ascontiguousarray(costs.transpose(0, 2, 1))
    across = np.zeros(turned.shape, np.uint16)
    _add_paths(turned, (0,), across)
    _add_paths(turned[:, ::-1], (0,), across[:, ::-1])
    total += across.transpose(0, 2, 1)
    return total


def subpixel(total: np.ndarray) -> np.ndarray:
    """The lowest point of the parabola through the best candidate and its neighbours.

    Args:
        total: (candidates, height, width).

    Returns:
        (height, width) float32, in pixels; whole for the first and last candidate.
    """
    best = total.argmin(axis=0)
    middle = np.clip(best, 1, max(len(total) - 2, 0))
    if len(total) < 3:
        return best.astype(np.float32)
    below, at, above = (
        np.take_along_axis(total, middle[None] + step, axis=0)[0].astype(np.float32)
        for step in (-1, 0, 1)
    )
    curvature = below - 2 * at + above
    inside = (best == middle) & (curvature > 0)
    offset = (below - above) / (2 * np.where(inside, curvature, 1))
    return best.astype(np.float32) + np.where(inside, offset, 0)


def match(
    mono: np.ndarray, luma: np.ndarray, max_disparity: int
) -> tuple[np.ndarray, np.ndarray]:
    """Matches a monochrome picture and the luma of the reference.

    A `matching.Match`.
    """
    costs = matching_costs(mono, luma, max_disparity)
    disparity = median_filter(subpixel(aggregate(costs)), _MEDIAN_SIDE)
    back = aggregate(seen_from_reference(costs)).argmin(axis=0)
    agreed = matching.left_right_check(disparity, back)
    matched = matching.warp(luma, disparity)
    gain = matching.local_gain(mono, matched, agreed)
    explained = np.abs(gain * mono - matched) < _MAX_BRIGHTNESS_ERROR
    return disparity, agreed & explained


def semi_global(
    mono: np.ndarray, reference: np.ndarray, max_disparity: int
) -> np.ndarray:
    """The reference's colours at reliable matches, propagated over the picture."""
    return matching.colorize(match, mono, reference, max_disparity)
