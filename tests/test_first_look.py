import numpy as np
import pytest

from colornet.colorizer.plan import (
    Disparities,
    Sight,
    copy,
    disparities,
    scale,
    sight,
)
from colornet.config import ModelConfig


def _weights(disparity, d=64):
    """(d, height, width) W that are all at a disparity, or even where it is < 0."""
    k = np.arange(d)[:, None, None]
    weights = np.where(k == disparity, 1.0, 0.0)
    return np.where(disparity < 0, 1 / d, weights).astype(np.float32)


def _reference(height, width, noise=0.0):
    """A grey picture with noise of chroma, in 8-bit levels."""
    noises = np.random.default_rng(0).standard_normal((2, height, width))
    cb, cr = noise / 255 * noises
    colours = 1.402 * cr, -0.344 * cb - 0.714 * cr, 1.772 * cb  # of the same luma
    return 0.5 + np.stack(colours, axis=-1)


def test_disparities_are_those_that_weights_agree_on():
    disparity = np.arange(20)[:, None] + np.zeros((20, 100), int)
    found = disparities(_weights(disparity), 1.0)
    assert found == Disparities(19.0, pytest.approx(1.1 * 19 + 4))
    # In px of a picture that is three times as large as what was looked at.
    found = disparities(_weights(disparity), 3.0)
    assert found == Disparities(57.0, pytest.approx(1.1 * 57 + 4))
    # A few pixels of 2,000 are searched for, and are not the largest disparity.
    disparity[0, :4] = 60
    found = disparities(_weights(disparity), 1.0)
    assert found == Disparities(19.0, pytest.approx(1.1 * 60 + 4))
    # Of single ones, and of those that W is in doubt of, none is.
    disparity[0, 1:40] = -1
    found = disparities(_weights(disparity), 1.0)
    assert found.largest == 19 and found.searched == pytest.approx(1.1 * 19 + 4)
    assert disparities(_weights(np.full((20, 100), -1)), 1.0) is None
    # Two neighbours are no doubt, two candidates 8 px apart are.
    for apart, agrees in ((1, True), (8, False)):
        weights = _weights(np.full((2, 10), 10)) / 2
        weights += _weights(np.full((2, 10), 10 + apart)) / 2
        assert (disparities(weights, 1.0) is not None) == agrees


def test_few_candidates_at_the_border_are_no_certainty():
    """There W is even, too, over those inside the reference."""
    inside = np.arange(64)[:, None] + np.arange(100) < 100
    weights = np.repeat((inside / inside.sum(axis=0))[:, None], 20, axis=1)
    assert disparities(weights.astype(np.float32), 1.0) is None


def test_small_pictures_are_enlarged_to_the_working_disparity():
    config = ModelConfig(working_disparity=40)
    reference = _reference(20, 100)
    for largest, factor in (
        (20.0, 2),
        (25.0, 1.6),
        (10.0, 3),  # at most
        (34.0, 1),  # 40 / 34 is too little
        (60.0, 1),
    ):
        assert scale(largest, reference, config) == pytest.approx(factor)
    assert scale(10.0, reference, ModelConfig()) == 1


def test_pictures_are_seen_with_300_000_pixels_at_most():
    config = ModelConfig(working_disparity=40)
    for size, factor in (
        ((300, 500), 2**0.5),
        ((600, 500), 1),
        ((600, 700), 1),  # 1.18 times too large
        ((1000, 600), 0.5**0.5),
        ((1400, 1250), 0.5),  # at least
    ):
        assert scale(10.0, _reference(*size), config) == pytest.approx(factor)


def test_noisy_colours_are_enlarged_less():
    config = ModelConfig(working_disparity=40)
    for noise, factor in ((1.0, 3), (3.0, 2), (4.0, 1.5), (6.0, 1), (10.0, 1)):
        found = scale(10.0, _reference(120, 160, noise), config)
        assert found == pytest.approx(factor, rel=0.06)


def test_as_many_candidates_as_are_needed():
    finding = ModelConfig(max_disparity=96, find_disparity=True)
    for searched, factor, d in (
        (30, 1, 32),
        (33, 1, 64),
        (33, 2, 96),
        (300, 1, 256),
        (300, 0.5, 160),
        (900, 0.5, 256),
    ):
        assert sight(Disparities(1.0, searched), factor, finding) == Sight(d, factor)
    fixed = ModelConfig(max_disparity=96)
    for searched, factor, d in (
        (30, 1, 96),
        (30, 2, 64),
        (99, 2, 192),
        (300, 1, 96),
        (300, 0.5, 64),
        (30, 0.5, 64),  # who asks for 96 may know of more than was found
    ):
        assert sight(Disparities(1.0, searched), factor, fixed) == Sight(d, factor)


def test_pictures_that_are_resized_are_seen_at_half_the_scale_too():
    config = ModelConfig(find_disparity=True, working_disparity=96)
    found = sight(Disparities(40.0, 50.0), 2.0, config)
    assert found == Sight(128, 2.0, coarse=True)
    assert found.halved == Sight(64, 1.0)
    assert sight(Disparities(70.0, 80.0), 1.0, config).halved == Sight(64, 0.5)


def test_the_copy_is_256_px_wide_at_most():
    few, many = ModelConfig(max_disparity=32), ModelConfig(max_disparity=96)
    for config in (few, many):
        assert copy(1110, 1390, config) == (204, 256, 64)
        assert copy(1, 4000, config) == (1, 256, 64)
    assert copy(128, 240, few) == (128, 240, 64)
    assert copy(128, 240, many) == (128, 240, 96)


def test_the_look_sees_as_far_as_was_asked_for():
    asked = ModelConfig(max_disparity=512)
    assert copy(1110, 1390, asked) == (204, 256, 96)  # 512 px are 94 of the copy
    assert copy(1110, 1390, asked.replace(find_disparity=True)) == (204, 256, 64)
