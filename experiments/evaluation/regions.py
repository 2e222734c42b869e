"""Where a method errs: parts of a picture by what the reference shows. NumPy only."""

import numpy as np
from scipy.ndimage import grey_opening, uniform_filter

from colornet.color import rgb_to_chroma
from colornet.occlusion import visible_pixels

VISIBLE, HIDDEN = "visible", "hidden"
# Limits of the classes, px: columns beyond the reference, and width of a gap.
_BEYOND, _GAP = 32, 16
# Something is thin if it is at most so many px wide and so many px nearer.
_THIN, _NEARER = 8, 2
# A texture is coloured if chroma deviates by so much in a window of so many px.
_COLOURED, _WINDOW = 4 / 255, 15


def regions(target: np.ndarray, disparity: np.ndarray) -> dict[str, np.ndarray]:
    """Parts of the mono view that share a reason to be right or wrong.

    "visible" and "hidden" (D-36) are all pixels. The parts of the visible ones are
    those "of thin things" and "other"; those of the hidden ones are where nothing is
    known, outside of the reference's frame near and far from its border, and behind
    something nearer, in narrow and in wide gaps. The hidden ones are split a second
    time, into coloured textures and the rest.

    Args:
        target: (height, width, 3) clean RGB of the mono view, in [0, 1].
        disparity: (height, width) true disparity of the mono view in px, negative
            where unknown.

    Returns:
        (height, width) bool maps.
    """
    width = disparity.shape[1]
    visible, unknown = visible_pixels(disparity), disparity < 0
    beyond = np.where(unknown, 0, np.arange(width) + disparity - (width - 1))
    behind = ~visible & ~unknown & (beyond <= 0)
    opened = grey_opening(disparity, (1, _THIN + 1))
    thin = visible & (disparity - opened > _NEARER)
    coloured = ~visible & (_chroma_deviation(target) > _COLOURED)
    wide = _run_lengths(behind) > _GAP
    return {
        VISIBLE: visible,
        "visible: thin": thin,
        "visible: other": visible & ~thin,
        HIDDEN: ~visible,
        "hidden: disparity not known": unknown,
        f"hidden: up to {_BEYOND} px outside of the frame": (beyond > 0)
        & (beyond <= _BEYOND),
        f"hidden: more than {_BEYOND} px outside": beyond > _BEYOND,
        f"hidden: in a gap of up to {_GAP} px": behind & ~wide,
        f"hidden: in a gap of more than {_GAP} px": behind & wide,
        "hidden, coloured texture": coloured,
        "hidden, without": ~visible & ~coloured,
    }


def _chroma_deviation(target: np.ndarray) -> np.ndarray:
    chroma = np.asarray(rgb_to_chroma(np.asarray(target, np.float64)))
    window = (_WINDOW, _WINDOW, 1)
    variance = uniform_filter(chroma**2, window) - uniform_filter(chroma, window) ** 2
    return np.sqrt(np.maximum(variance, 0).sum(axis=-1))


def _run_lengths(where: np.ndarray) -> np.ndarray:
    """(height, width) length of the run along the row that a pixel is in, or 0."""
    lengths = np.zeros(where.shape, int)
    edges = np.diff(np.pad(where.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    for row, start, end in zip(rows, starts, ends, strict=True):
        lengths[row, start:end] = end - start
    return lengths
