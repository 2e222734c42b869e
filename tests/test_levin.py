"""Propagation of colours by optimization."""

import numpy as np
import pytest

from colornet.colorizer.classic.levin import propagate
from colornet.errors import InputError


def _dense_twin(luma, chroma, known):
    """Eq. 2 pixel by pixel, and the whole linear system as one dense matrix."""
    height, width = luma.shape
    system = np.eye(height * width)
    right_side = np.zeros((height * width, 2))
    for j in range(height):
        for i in range(width):
            row = j * width + i
            if known[j, i]:
                right_side[row] = chroma[j, i]
                continue
            window = [
                (y, x)
                for y in range(max(j - 1, 0), min(j + 2, height))
                for x in range(max(i - 1, 0), min(i + 2, width))
            ]
            variance = 0.3 * max(np.var([luma[at] for at in window]), 1 / 255**2 / 12)
            weights = {
                (y, x): np.exp(-((luma[j, i] - luma[y, x]) ** 2) / (2 * variance))
                for y, x in window
                if (y, x) != (j, i)
            }
            for (y, x), weight in weights.items():
                system[row, y * width + x] -= weight / sum(weights.values())
    return np.linalg.solve(system, right_side).reshape(height, width, 2)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.8])
@pytest.mark.parametrize("shape", [(11, 9), (1, 12), (12, 1)])
def test_equals_dense_solve(share, shape):
    rng = np.random.default_rng(3)
    luma = rng.random(shape)
    luma[:6, :4] = 0.5
    luma[-3:] = 0.6 + 0.001 * luma[-3:]  # less than rounding to 8 bit shows
    chroma = rng.uniform(-0.5, 0.5, (*shape, 2))
    known = rng.random(shape) < share
    known[0, -1] = True
    result = propagate(luma, chroma, known)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, _dense_twin(luma, chroma, known), atol=1e-6)


def test_a_scribble_fills_its_region_and_stops_at_the_edge():
    luma = np.full((40, 50), 0.3)
    luma[:, 20:] = 0.7
    luma += np.random.default_rng(0).normal(0, 0.002, luma.shape)
    chroma = np.full((40, 50, 2), np.nan)
    known = np.zeros(luma.shape, bool)
    known[30:33, 5:8] = known[4:6, 35:45] = True
    chroma[30:33, 5:8] = left = (-0.2, 0.3)
    chroma[4:6, 35:45] = right = (0.1, -0.4)
    result = propagate(luma, chroma, known)
    # Affinities across the edge are small, not 0: a little of the other side leaks.
    truth = np.where(np.arange(50)[:, None] < 20, left, right)
    assert np.abs(result - truth).max() < 0.05
    np.testing.assert_array_equal(result[known], np.float32(chroma[known]))


def test_enclosed_and_flat_regions():
    luma = np.full((12, 12), 0.5)
    luma[3:9, 3:9] = 1  # an island without a known pixel
    chroma = np.zeros((12, 12, 2))
    chroma[0, 0] = 0.25, -0.125
    result = propagate(luma, chroma, chroma.any(axis=-1))
    # One colour is known: it is the only weighted mean of itself.
    np.testing.assert_allclose(result, np.broadcast_to(chroma[0, 0], (12, 12, 2)))


def test_all_known_and_none_known():
    luma = np.linspace(0, 1, 30).reshape(5, 6)
    chroma = np.random.default_rng(1).uniform(-0.5, 0.5, (5, 6, 2))
    every = np.ones((5, 6), bool)
    np.testing.assert_array_equal(propagate(luma, chroma, every), np.float32(chroma))
    with pytest.raises(InputError, match="known chroma. Received: none"):
        propagate(luma, chroma, ~every)
