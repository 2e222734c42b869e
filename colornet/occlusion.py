"""What the reference camera does not see, from the true disparity. NumPy only."""

import numpy as np


def occlusion_depth(disparity: np.ndarray) -> np.ndarray:
    """By how much nearer that is which hides a pixel of the mono view.

    The largest disparity that lands on a pixel of the reference is what it shows (Eq.
    1: mono pixel i matches reference pixel i + disparity).

    Args:
        disparity: (height, width) pixels of the mono view, negative where unknown.

    Returns:
        (height, width) float, pixels of disparity; 0 where a pixel is seen, leaves the
        frame, or nothing is known.
    """
    height, width = disparity.shape
    rows = np.arange(height)[:, None]
    match = np.arange(width) + disparity
    known = (disparity >= 0) & (match <= width - 1)
    match = np.where(known, match, 0)
    shown = np.full((height, width), -np.inf)
    nearest = np.where(known, disparity, -np.inf)
    # A surface covers all pixels that its samples lie between.
    for column in (np.floor(match), np.ceil(match)):
        np.maximum.at(shown, (rows, column.astype(int)), nearest)
    at_match = np.take_along_axis(shown, np.rint(match).astype(int), axis=1)
    depth = np.where(known, at_match - disparity, 0)
    # Below a pixel it is rounding and slant.
    return np.where(depth > 1, depth, 0)


def visible_pixels(disparity: np.ndarray) -> np.ndarray:
    """The mono view's pixels of which it is known that the reference shows them.

    All others are hidden behind something nearer or outside of the frame, or their
    disparity is not known, which it is not at pixels that are hidden where the truth
    was given for the reference view.

    Args:
        disparity: (height, width) pixels of the mono view, negative where unknown.

    Returns:
        (height, width) bool.
    """
    width = disparity.shape[1]
    inside = np.arange(width) + disparity <= width - 1
    return (disparity >= 0) & inside & (occlusion_depth(disparity) == 0)
