"""How the Colorizer sees a pair: search range and scale (D-37, D-38, D-43)."""

import dataclasses

import numpy as np
import pytest

from colornet.colorizer.plan import (
    DisparityEstimate,
    Policy,
    View,
    estimate_disparity,
    plan_view,
    thumbnail_size,
)
from colornet.config import ModelConfig
from colornet.errors import InputError
from colornet.tiling import Tiling, tile_bytes

_CONFIG = ModelConfig(n=2, max_disparity=96)
_POLICY = Policy(target_disparity=40)


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


def _plan(policy=_POLICY, config=_CONFIG, reference=None, estimate=None, tiling=None):
    reference = _reference(20, 100) if reference is None else reference
    return plan_view(policy, config, reference, estimate, tiling or Tiling())


def _scale(largest, reference=None):
    estimate = DisparityEstimate(largest, largest)
    return _plan(reference=reference, estimate=estimate).network.scale


def test_disparities_are_those_that_weights_agree_on():
    disparity = np.arange(20)[:, None] + np.zeros((20, 100), int)
    found = estimate_disparity(_weights(disparity), 1.0)
    assert found == DisparityEstimate(19.0, pytest.approx(1.1 * 19 + 4))
    # In px of a picture that is three times as large as what was looked at.
    found = estimate_disparity(_weights(disparity), 3.0)
    assert found == DisparityEstimate(57.0, pytest.approx(1.1 * 57 + 4))
    # A few pixels of 2,000 are searched for, and are not the largest disparity.
    disparity[0, :4] = 60
    found = estimate_disparity(_weights(disparity), 1.0)
    assert found == DisparityEstimate(19.0, pytest.approx(1.1 * 60 + 4))
    # Of single ones, and of those that W is in doubt of, none is.
    disparity[0, 1:40] = -1
    found = estimate_disparity(_weights(disparity), 1.0)
    assert found.largest == 19 and found.searched == pytest.approx(1.1 * 19 + 4)
    assert estimate_disparity(_weights(np.full((20, 100), -1)), 1.0) is None
    # Two neighbours are no doubt, two candidates 8 px apart are.
    for apart, agrees in ((1, True), (8, False)):
        weights = _weights(np.full((2, 10), 10)) / 2
        weights += _weights(np.full((2, 10), 10 + apart)) / 2
        assert (estimate_disparity(weights, 1.0) is not None) == agrees


def test_few_candidates_at_the_border_are_no_certainty():
    """There W is even, too, over those inside the reference."""
    inside = np.arange(64)[:, None] + np.arange(100) < 100
    weights = np.repeat((inside / inside.sum(axis=0))[:, None], 20, axis=1)
    assert estimate_disparity(weights.astype(np.float32), 1.0) is None


def test_small_pictures_are_enlarged_to_the_target_disparity():
    for largest, factor in (
        (20.0, 2),
        (25.0, 1.6),
        (10.0, 3),  # at most
        (34.0, 1),  # 40 / 34 is too little
        (60.0, 1),
    ):
        assert _scale(largest) == pytest.approx(factor)
    # Without a target the d of the network is it.
    estimate = DisparityEstimate(48.0, 48.0)
    assert _plan(Policy(), estimate=estimate).network.scale == pytest.approx(2)


def test_pictures_are_seen_with_300_000_pixels_at_most():
    for size, factor in (
        ((300, 500), 2**0.5),
        ((600, 500), 1),
        ((600, 700), 1),  # 1.18 times too large
        ((1000, 600), 0.5**0.5),
        ((1400, 1250), 0.5),  # at least
    ):
        assert _scale(10.0, _reference(*size)) == pytest.approx(factor)


def test_large_disparities_reduce_large_pictures_further():
    for size, largest, factor in (
        ((4000, 3000), 80.0, 0.5),  # Those of the target are no reason.
        ((4000, 3000), 100.0, 0.4),
        ((4000, 3000), 400.0, 0.25),  # at least
        ((1400, 1250), 400.0, (300_000 / 1_750_000) ** 0.5),  # as many pixels
        ((600, 500), 400.0, 1),
    ):
        reference = np.broadcast_to(np.float32(0.5), (*size, 3))
        assert _scale(largest, reference) == pytest.approx(factor)


def test_noisy_colours_are_enlarged_less():
    for noise, factor in ((1.0, 3), (3.0, 2), (4.0, 1.5), (6.0, 1), (10.0, 1)):
        found = _scale(10.0, _reference(120, 160, noise))
        assert found == pytest.approx(factor, rel=0.06)


@pytest.mark.parametrize(
    ("off", "size", "largest"),
    [
        ({"largest_scale": 1.0}, (20, 100), 10.0),
        ({"smallest_scale": 1.0}, (1000, 600), 60.0),
        ({"smallest_scale": 1.0}, (2000, 600), 400.0),
    ],
)
def test_each_change_of_scale_can_be_turned_off(off, size, largest):
    reference, estimate = _reference(*size), DisparityEstimate(largest, largest)
    assert _plan(reference=reference, estimate=estimate).network.scale != 1
    policy = _POLICY.replace(**off)
    assert _plan(policy, reference=reference, estimate=estimate).network.scale == 1


@pytest.mark.parametrize(
    ("searched", "size", "d"),
    [
        (30, (600, 500), 32),
        (33, (600, 500), 64),
        (300, (600, 500), 256),  # at most, where it is an estimate
        (300, (1200, 1000), 160),  # seen at half of the size
        (900, (1200, 1000), 256),
    ],
)
def test_as_many_candidates_as_are_searched(searched, size, d):
    estimate = DisparityEstimate(100.0, searched)
    plan = _plan(reference=_reference(*size), estimate=estimate)
    assert plan.network.max_disparity == d


def test_without_an_estimate_d_is_the_networks_at_the_size_of_the_pair():
    config = ModelConfig(max_disparity=320)
    plan = _plan(config=config, reference=_reference(600, 500))
    assert plan.network == View(320)
    plan = _plan(config=config, reference=_reference(1200, 1000))
    assert plan.network == View(160, 0.5)


@pytest.mark.parametrize(
    ("size", "searched", "network", "semi_global"),
    [
        ((20, 100), 50, View(128, 2.0), View(50)),  # never enlarged
        ((1000, 1000), 150, View(96, 0.3**0.5), View(150)),
        ((1000, 1000), 151, View(96, 0.3**0.5), View(83, 0.3**0.5)),  # as many costs
        ((4000, 3000), 300, View(96, 0.25), View(75, 0.25)),
        ((8000, 6000), 300, View(96, 0.25), None),
    ],
)
def test_semi_global_matching_sees_the_pair_itself_if_it_can(
    size, searched, network, semi_global
):
    reference = np.broadcast_to(np.float32(0.5), (*size, 3))
    plan = _plan(reference=reference, estimate=DisparityEstimate(20.0, searched))
    assert plan.network == dataclasses.replace(network, scale=plan.network.scale)
    assert plan.network.scale == pytest.approx(network.scale)
    assert plan.semi_global == semi_global
    without = _POLICY.replace(semi_global_weight=0.0)
    plan = _plan(without, reference=reference, estimate=DisparityEstimate(20.0, 50.0))
    assert plan.semi_global is None


@pytest.mark.parametrize("searched", (273, 275, 300))
def test_a_large_pair_is_reduced_until_all_that_is_searched_fits(searched):
    # 96 / 273 * 273 is a little more than 96.
    policy = _POLICY.replace(target_disparity=96)
    estimate = DisparityEstimate(200.0, searched)
    reference = np.broadcast_to(np.float32(0.5), (1500, 2000, 3))
    plan = _plan(policy, reference=reference, estimate=estimate)
    assert plan.network == View(96, pytest.approx(96 / searched))


def test_a_pair_that_has_no_memory_when_enlarged_is_not_enlarged():
    estimate = DisparityEstimate(20.0, 20.0)
    needs = tile_bytes(64, 224, _CONFIG.replace(max_disparity=64)) / 1e9
    for memory_gb, scale, d in ((1.01 * needs, 2, 64), (0.99 * needs, 1, 32)):
        plan = _plan(estimate=estimate, tiling=Tiling(memory_gb))
        assert (plan.network.scale, plan.network.max_disparity) == (scale, d)


def test_the_thumbnail_is_256_px_wide_at_most():
    few, many = ModelConfig(max_disparity=32), ModelConfig(max_disparity=96)
    for config in (few, many):
        assert thumbnail_size(1110, 1390, config) == (204, 256, 64)
        assert thumbnail_size(1, 4000, config) == (1, 256, 64)
    assert thumbnail_size(128, 240, few) == (128, 240, 64)
    assert thumbnail_size(128, 240, many) == (128, 240, 96)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target_disparity", 0),
        ("largest_scale", 0.5),
        ("smallest_scale", 0),
        ("working_pixels", 0),
        ("most_noise", float("nan")),
        ("semi_global_weight", 1.0),
    ],
)
def test_impossible_policies(field, value):
    with pytest.raises(InputError, match=f"{field} must be .*Received: "):
        Policy(**{field: value})


def test_policies_go_to_json_and_back():
    policy = Policy(target_disparity=80, luma_detail=False)
    assert Policy.from_dict(policy.to_dict()) == policy
    assert Policy.from_dict({}) == Policy()
    with pytest.raises(InputError, match="no such fields. Received: luma"):
        Policy.from_dict({"luma": True})
    assert {field.name for field in dataclasses.fields(Policy)} == set(policy.to_dict())
