"""The two methods that need no matching: the floor of every table."""

import numpy as np

from colornet.color import rgb_to_chroma


def grey(mono: np.ndarray, reference: np.ndarray, max_disparity: int) -> np.ndarray:
    """No colour at all."""
    return np.zeros((*mono.shape, 2), np.float32)


def zero_disparity(
    mono: np.ndarray, reference: np.ndarray, max_disparity: int
) -> np.ndarray:
    """The colour of the reference at the same pixel."""
    return rgb_to_chroma(reference)
