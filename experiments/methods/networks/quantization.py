"""The quantized ab plane of Zhang, Isola and Efros 2016: bins, encoding, decoding."""

import functools

import numpy as np
from keras import ops

from experiments.methods.networks.lab import rgb_to_lab

GRID = 10
NEIGHBOURS = 5
SIGMA = 5.0
TEMPERATURE = 0.38
SMOOTHING = 0.5


@functools.cache
def gamut_bins() -> np.ndarray:
    """The 313 bins that are "in-gamut", sorted by a, then b.

    The paper gives their number and the grid size of 10, but no rule. These are the
    grid points less than one grid step away, in a and in b, from the convex hull of
    the ab values of all sRGB colours: the corners of the cells that the hull touches.

    Returns:
        (313, 2) float32 a, b.
    """
    steps = np.linspace(0, 1, 17)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1)
    colors = rgb_to_lab(cube)[..., 1:].reshape(-1, 2)
    # Two convex sets meet if no direction separates them.
    angles = np.arange(0, 2 * np.pi, np.pi / 360)
    directions = np.stack([np.cos(angles), np.sin(angles)])
    reach = (colors @ directions).max(axis=0) + GRID * np.abs(directions).sum(axis=0)
    axis = np.arange(-150.0, 151.0, GRID)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    return grid[(grid @ directions < reach).all(axis=1)].astype(np.float32)


def soft_encode(ab):
    """Weights of the 5 nearest bins, Gaussian in the distance (sigma 5), sum 1.

    Args:
        ab: (..., 2) float32 a, b.

    Returns:
        (..., 313) float32.
    """
    bins = gamut_bins()
    squares = ops.sum(ab**2, axis=-1, keepdims=True) + (bins**2).sum(axis=-1)
    distances = squares - 2 * ops.matmul(ab, bins.T)
    closeness, nearest = ops.top_k(-distances, NEIGHBOURS)
    # A softmax of exponents is the Gaussian's values divided by their sum.
    weights = ops.softmax(closeness / (2 * SIGMA**2), axis=-1)
    chosen = ops.one_hot(nearest, len(bins), dtype="float32")
    return ops.sum(chosen * weights[..., None], axis=-2)


def annealed_mean(logits, temperature: float = TEMPERATURE):
    """The mean of the bins under a sharpened distribution (Eq. 5).

    Args:
        logits: (..., 313) float32.
        temperature: T; 1 gives the mean, towards 0 the most probable bin.

    Returns:
        (..., 2) float32 a, b.
    """
    return ops.matmul(ops.softmax(logits / temperature, axis=-1), gamut_bins())


def rebalancing_weights(prior):
    """Weights that make rare colours count, with mean 1 under the prior (Eq. 4).

    Args:
        prior: (313,) float32 probabilities of the bins.

    Returns:
        (313,) float32.
    """
    weights = 1 / ((1 - SMOOTHING) * prior + SMOOTHING / len(gamut_bins()))
    return weights / ops.sum(prior * weights)
