"""Mistakes and orders of noise that may lie behind the paper's figures."""

import numpy as np
import pytest

from colornet.noise import NOISE_SETUPS
from experiments.evaluation.protocol import (
    NoiseOrder,
    copied,
    filled,
    mistakes,
    noisy_pair,
    psnr_cap,
    psnr_together,
)
from tfrecords_tools.records import RecordConfig, make_record
from tfrecords_tools.sources import Views


def test_the_cap_is_the_psnr_of_such_a_picture():
    error = np.zeros((5, 40, 2))
    error[:, -1] = 128
    expected = 10 * np.log10(255**2 / np.mean(error**2))
    assert psnr_cap(40) == pytest.approx(expected)
    # 20 log10(255 / 128) dB, and 10 dB for ten columns.
    assert psnr_cap(10) == pytest.approx(10 + 5.987, abs=1e-3)
    assert psnr_together(30.0, 30.0) == pytest.approx(26.99, abs=0.01)


def test_colours_are_copied():
    chroma = np.arange(8.0).reshape(1, 4, 2)
    moved = np.array([[1.0, 0.5, -1.0, 2.0]])
    found = copied(chroma, moved, "border")
    np.testing.assert_allclose(found[0], [[2, 3], [3, 4], [2, 3], [6, 7]])
    found = copied(chroma, moved, "code 0")
    np.testing.assert_allclose(found[0, 3], -128 / 255)
    np.testing.assert_allclose(found[0, :3], [[2, 3], [3, 4], [2, 3]])


def test_unknown_disparities_are_those_of_what_is_further_away():
    values = np.array([[-1, 4, -1, -1, 2, -1], [-1] * 6, [0, -1, 3, 3, 3, 3]], float)
    expected = [[4, 4, 2, 2, 2, 2], [0] * 6, [0, 0, 3, 3, 3, 3]]
    np.testing.assert_array_equal(filled(values), expected)


def test_mistakes():
    found = mistakes(np.full((2, 20), 4.0), 96)
    means = {name: value.mean() for name, value in found.items()}
    assert means == {
        "no mistake": 4,
        "of half the resolution, taken for full": 2,
        "of full resolution, doubled": 8,
        "wrong sign": -4,
        "of the other view": 4,
        "none: 0 everywhere": 0,
        "untrained: the middle of all candidates": 47.5,
    }
    # A step of the mono view is, in the other view, where its two sides come to lie.
    step = np.where(np.arange(20) < 8, 2.0, 5.0)[None]
    other = mistakes(step, 96)["of the other view"][0]
    assert list(other[2:10]) == [2] * 8 and list(other[13:]) == [5] * 7


@pytest.mark.parametrize(
    ("order", "settings"),
    [
        (NoiseOrder(), {}),
        (NoiseOrder(2, before=True), {"scale": 0.5}),
        (NoiseOrder(3), {"scale": 1 / 3, "noise_order": "after_scale"}),
    ],
)
def test_noisy_pairs_are_those_of_the_records(order, settings):
    rng = np.random.default_rng(0)
    views = Views(*rng.integers(0, 256, (2, 13, 17, 3), np.uint8))
    for setup in NOISE_SETUPS:
        record = make_record(views, "a/b", RecordConfig(setup, **settings))
        mono, reference, target = noisy_pair(views, "a/b", setup, order)
        np.testing.assert_allclose(255 * mono, record.mono[..., 0], atol=1e-4)
        np.testing.assert_allclose(255 * reference, record.reference, atol=1e-4)
        np.testing.assert_allclose(255 * target, record.target, atol=0.51)


def test_noise_of_smaller_pixels_is_weaker():
    views = Views(*np.full((2, 60, 60, 3), 128, np.uint8))
    found = {}
    for finer in (1, 3):
        _, reference, _ = noisy_pair(views, "a/b", 2, NoiseOrder(finer=finer))
        found[finer] = reference.std()
    assert found[1] == pytest.approx(0.07 * (128 / 255) ** 0.5, rel=0.02)
    assert found[3] == pytest.approx(found[1] / 3, rel=0.02)
