"""Chroma that is brought back to the size of a picture (D-39)."""

import numpy as np
import skimage.data

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.colorizer.upsampling import with_luma_detail
from colornet.io.pictures import resized, to_float


def _twin(chroma, luma):
    """The same pixel by pixel, the guided filter's Eq. 5 in windows of 3 x 3."""
    (h, w), (height, width) = chroma.shape[:2], luma.shape[:2]
    reduced = resized(luma, h, w)[..., 0].astype(np.float64)
    rows, columns = np.clip(np.arange(-1, h + 1), 0, h - 1), np.arange(-1, w + 1)
    columns = np.clip(columns, 0, w - 1)

    def windows(values):
        padded = values[rows][:, columns]
        return [
            [padded[j : j + 3, i : i + 3].reshape(9, -1) for i in range(w)]
            for j in range(h)
        ]

    slopes = np.zeros(chroma.shape)
    inside = windows(np.dstack([reduced, chroma]))
    for j in range(h):
        for i in range(w):
            y, c = inside[j][i][:, 0], inside[j][i][:, 1:]
            deviation = y - y.mean()
            slopes[j, i] = deviation @ (c - c.mean(0)) / 9 / (y.var() + 1e-3)
    for j, row in enumerate(windows(slopes.copy())):
        for i, window in enumerate(row):
            slopes[j, i] = window.mean(0)
    detail = luma - resized(resized(luma, h, w), height, width)
    upsampled = resized(chroma, height, width)
    return upsampled + resized(slopes, height, width) * detail


def test_against_a_twin():
    rng = np.random.default_rng(0)
    luma = rng.random((23, 31, 1), np.float32)
    chroma = rng.random((12, 16, 2), np.float32) - 0.5
    found = with_luma_detail(chroma, luma)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, _twin(chroma, luma), atol=2e-5)


def test_nothing_is_added_where_luma_is_flat():
    rng = np.random.default_rng(0)
    chroma = rng.random((12, 16, 2), np.float32) - 0.5
    flat = np.full((24, 32, 1), 0.4, np.float32)
    np.testing.assert_allclose(
        with_luma_detail(chroma, flat), resized(chroma, 24, 32), atol=1e-6
    )


def test_real_colours_lose_less_when_they_are_reduced():
    right = to_float(skimage.data.stereo_motorcycle()[1])
    luma, chroma = np.asarray(rgb_to_luma(right)), np.asarray(rgb_to_chroma(right))
    height, width = chroma.shape[:2]
    for scale in (0.5, 0.75):
        reduced = resized(chroma, round(height * scale), round(width * scale))
        errors = [
            np.mean(np.square(back - chroma))
            for back in (
                with_luma_detail(reduced, luma),
                resized(reduced, height, width),
            )
        ]
        assert errors[0] < 0.92 * errors[1]
