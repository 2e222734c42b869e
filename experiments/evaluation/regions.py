"""Where a method errs: parts of a picture by what the reference shows. NumPy only."""

import numpy as np
from scipy.ndimage import grey_opening, uniform_filter

from colornet.color import rgb_to_chroma
from colornet.occlusion import visible_pixels

VISIBLE, HIDDEN = "visible", "hidden"
# Runs of hidden pixels along the row are narrow up to so many px.
_NARROW = 16
# Something is thin if it is at most so many px wide and so many px nearer.
_THIN, _NEARER = 8, 2
# A texture is coloured if chroma deviates by so much in a window of so many px.
_COLOURED, _WINDOW = 4 / 255, 15


def regions(target: np.ndarray, disparity: np.ndarray) -> dict[str, np.ndarray]:
    """Parts of the mono view that share a reason to be right or wrong.

    "visible" and "hidden" (D-36) are all pixels. The parts of the visible ones are
    those "of thin things" and "other". The hidden ones are split by the run of hidden
    pixels along the row that they are in: at the right border the reference's frame
    ends, elsewhere something nearer is in front. They are split a second time, into
    coloured textures and the rest.

    Args:
        target: (height, width, 3) clean RGB of the mono view, in [0, 1].
        disparity: (height, width) true disparity of the mono view in px, negative
            where unknown, which counts as hidden.

    Returns:
        (height, width) bool maps.
    """
    visible = visible_pixels(disparity)
    hidden = ~visible
    opened = grey_opening(disparity, (1, _THIN + 1))
    thin = visible & (disparity - opened > _NEARER)
    coloured = hidden & (_chroma_deviation(target) > _COLOURED)
    lengths, at_border = _runs(hidden)
    wide, inside = lengths > _NARROW, hidden & ~at_border
    return {
        VISIBLE: visible,
        "visible: thin": thin,
        "visible: other": visible & ~thin,
        HIDDEN: hidden,
        "hidden: at the right border": at_border,
        f"hidden: up to {_NARROW} px wide": inside & ~wide,
        f"hidden: more than {_NARROW} px wide": inside & wide,
        "hidden, coloured texture": coloured,
        "hidden, without": hidden & ~coloured,
    }


def _chroma_deviation(target: np.ndarray) -> np.ndarray:
    chroma = np.asarray(rgb_to_chroma(np.asarray(target, np.float64)))
    window = (_WINDOW, _WINDOW, 1)
    variance = uniform_filter(chroma**2, window) - uniform_filter(chroma, window) ** 2
    return np.sqrt(np.maximum(variance, 0).sum(axis=-1))


def _runs(where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Runs along the rows: the length of a pixel's own, and whether it ends the row."""
    lengths, last = np.zeros(where.shape, int), np.zeros_like(where)
    edges = np.diff(np.pad(where.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    for row, start, end in zip(rows, starts, ends, strict=True):
        lengths[row, start:end] = end - start
        last[row, start:end] = end == where.shape[1]
    return lengths, last
