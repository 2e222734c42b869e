"""Colorization using optimization (Levin, Lischinski, Weiss, SIGGRAPH 2004).

Not a row of Tables 3 and 4 by itself: the methods there that colour only some pixels
spread these colours over the picture with it.

The paper's objective is the sum over pixels r of (U(r) - sum_s w_rs U(s))^2, with U
fixed at known pixels. As in the program that its authors released, every term of an
unknown pixel is made 0, which is one sparse linear system; the terms of known pixels,
which scribbles contradict, do not enter. It is solved directly, not to a tolerance.

The affinities are the paper's, exp(-(Y(r) - Y(s))^2 / 2 sigma_r^2), where sigma_r^2 is
0.3 of the variance in the window, as in the released program: with the whole variance a
neighbour across a straight edge has still a tenth of the weight of one on this side,
and colours leak through. No quotient in a 3 x 3 window then exceeds 30: no weight
underflows and every unknown pixel has a path to a known one, so that the program's rule
against it, a lower bound for the nearest neighbour's weight, is not needed.
"""

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from colornet.errors import InputError

_RADIUS = 1
_VARIANCE_SHARE = 0.3
# px: rectangles of at most this side are not dissected.
_LEAF = 10
# What rounding to 8 bit leaves in a flat region: differences below are not seen.
_MIN_VARIANCE = (1 / 255) ** 2 / 12


def _affinities(luma: np.ndarray, pixels: np.ndarray) -> scipy.sparse.csr_array:
    """Weights w_rs of Eq. 2 of some pixels r to all pixels s: each row sums to 1."""
    height, width = luma.shape
    side = 2 * _RADIUS + 1
    down, right = np.divmod(pixels, width)

    def windows(values):
        padded = np.pad(values, _RADIUS)
        view = np.lib.stride_tricks.sliding_window_view(padded, (side, side))
        return view[down, right].reshape(pixels.size, side * side)

    inside = windows(np.ones_like(luma))
    count = inside.sum(axis=1, keepdims=True)
    # Differences to the middle first: variances of raw values would cancel.
    difference = (windows(luma) - luma.ravel()[pixels, None]) * inside
    mean = difference.sum(axis=1, keepdims=True) / count
    variance = (np.square(difference - mean) * inside).sum(axis=1, keepdims=True)
    variance = np.maximum(variance / count, _MIN_VARIANCE)
    weights = np.exp(-np.square(difference) / (2 * _VARIANCE_SHARE * variance))
    weights *= inside
    weights[:, side * side // 2] = 0
    weights /= weights.sum(axis=1, keepdims=True)

    rows, neighbours = np.nonzero(weights)
    below, beside = np.divmod(neighbours, side)
    columns = pixels[rows] + (below - _RADIUS) * width + beside - _RADIUS
    return scipy.sparse.csr_array(
        (weights[rows, neighbours], (rows, columns)), shape=(pixels.size, luma.size)
    )


def _elimination_order(pixels: np.ndarray) -> np.ndarray:
    """Pixels of a rectangle in an order that keeps the factors sparse.

    Nested dissection: first the two halves, which share no 3 x 3 window, then the line
    between them. On a picture with few known pixels this is up to five times as fast
    as the orders that SuperLU finds itself.
    """
    height, width = pixels.shape
    if max(height, width) <= _LEAF:
        return pixels.ravel()
    if width > height:
        pixels = pixels.T
    middle = len(pixels) // 2
    halves = pixels[:middle], pixels[middle + 1 :]
    return np.concatenate([*map(_elimination_order, halves), pixels[middle]])


def propagate(luma: np.ndarray, chroma: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Gives every pixel of unknown chroma the weighted mean of its neighbours.

    Args:
        luma: (height, width) float, in [0, 1].
        chroma: (height, width, channels) float; any values, of which only those at
            known pixels count.
        known: (height, width) bool.

    Returns:
        (height, width, channels) float32: `chroma` at known pixels; elsewhere within
        the range of the known ones.

    Raises:
        InputError: no pixel is known.
    """
    known = np.asarray(known, bool)
    if not known.any():
        raise InputError("expected pixels of known chroma. Received: none")
    result = np.array(chroma, np.float32, order="C")
    if known.all():
        return result
    pixels = _elimination_order(np.arange(known.size).reshape(known.shape))
    pixels = pixels[~known.ravel()[pixels]]
    rows = _affinities(np.asarray(luma, np.float64), pixels)
    system = scipy.sparse.eye_array(pixels.size) - rows[:, pixels]
    right_side = rows[:, np.flatnonzero(known)] @ result[known].astype(np.float64)
    # Rows are weakly diagonally dominant: no pivoting is needed that would change the
    # order.
    factors = scipy.sparse.linalg.splu(
        system.tocsc(),
        permc_spec="NATURAL",
        diag_pivot_thresh=0,
        options={"SymmetricMode": True},
    )
    result.reshape(known.size, -1)[pixels] = factors.solve(right_side)
    return result
