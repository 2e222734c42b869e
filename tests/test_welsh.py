"""The method of Welsh et al."""

import numpy as np
import pytest

from colornet.color import rgb_to_chroma, rgb_to_luma
from experiments.methods.welsh import welsh


def _loop_twin(mono, reference, max_disparity):
    height, width = mono.shape
    luma = rgb_to_luma(reference)[..., 0]
    luma = (luma - luma.mean()) * mono.std() / luma.std() + mono.mean()
    chroma = rgb_to_chroma(reference)

    def deviation(picture, j, i):
        mirrored = np.pad(picture, 2, mode="symmetric")
        return mirrored[j : j + 5, i : i + 5].std()

    result = np.zeros((height, width, 2))
    for j in range(height):
        for i in range(width):
            columns = range(i, min(i + max_disparity, width))
            distances = [
                (mono[j, i] - luma[j, x]) ** 2
                + (deviation(mono, j, i) - deviation(luma, j, x)) ** 2
                for x in columns
            ]
            result[j, i] = chroma[j, columns[np.argmin(distances)]]
    return result


@pytest.mark.parametrize("max_disparity", [1, 4, 20])
def test_equals_loop_twin(max_disparity):
    rng = np.random.default_rng(0)
    mono, reference = rng.random((7, 11)), rng.random((7, 11, 3))
    np.testing.assert_allclose(
        welsh(mono, reference, max_disparity),
        _loop_twin(mono, reference, max_disparity),
        atol=1e-6,
    )


def test_brightness_and_contrast_do_not_matter():
    rng = np.random.default_rng(0)
    reference = rng.random((9, 14, 3))
    mono = np.roll(rgb_to_luma(reference)[..., 0], -3, axis=1)
    np.testing.assert_array_equal(
        welsh(0.1 + 0.7 * mono, reference, 6), welsh(mono, reference, 6)
    )
