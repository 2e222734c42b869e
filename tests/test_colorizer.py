"""The Colorizer carries its plan out."""

import numpy as np
import pytest
import scipy.ndimage
import skimage.data
from PIL import Image

import colornet
from colornet import Colorizer, Policy, Tiling
from colornet.color import output_picture, rgb_to_chroma, rgb_to_luma
from colornet.colorizer.classic.semi_global import semi_global
from colornet.colorizer.plan import DisparityEstimate, View, ViewPlan
from colornet.colorizer.upsampling import with_luma_detail
from colornet.errors import InputError
from colornet.inference import colorize_outputs, predict
from colornet.io.pictures import resized
from tests.random_network import random_network, random_pair
from tests.stereo_scene import two_planes

_D = 32
_ALONE = {
    "auto_disparity": False,
    "align": False,
    "match_cameras": False,
    "semi_global_weight": 0.0,
}
# Enlarges pairs twice, without a look at a thumbnail.
_TWICE = Policy(target_disparity=2 * _D, most_noise=1e3, **_ALONE)
_PLAIN = Policy(largest_scale=1.0, smallest_scale=1.0, **_ALONE)


@pytest.fixture(scope="module")
def network():
    return random_network(_D)


def _resized(picture, height, width):
    """Other code for what `colornet.io.pictures.resized` does to a smooth picture."""
    if height < picture.shape[0]:
        rows, columns = picture.shape[0] // height, picture.shape[1] // width
        return picture.reshape(height, rows, width, columns, -1).mean(axis=(1, 3))
    zoom = (height / picture.shape[0], width / picture.shape[1], 1)
    return scipy.ndimage.zoom(
        picture, zoom, order=3, mode="nearest", grid_mode=True, output=np.float32
    )


def _smooth(height, width):
    mono, reference = random_pair(height, width)
    mono = scipy.ndimage.gaussian_filter(mono, 6)
    reference = scipy.ndimage.gaussian_filter(reference, (6, 6, 0))
    return 4 * mono - 1.5, 4 * reference - 1.5


def _seen_at(network, mono, reference, scale, d):
    """The chroma of a pair that somebody resized, resized back."""
    size = [round(side * scale) for side in mono.shape]
    outputs = colorize_outputs(
        network,
        np.clip(_resized(mono[..., None], *size)[..., 0], 0, 1),
        np.clip(_resized(reference, *size), 0, 1),
        d,
    )
    return _resized(outputs["chroma"], *mono.shape)


def _assert_close(found, expected):
    inside = np.s_[8:-8, 8:-8]
    error = np.abs(found - expected)[inside].mean()
    assert error < 0.1 * expected.std()
    for axis in (0, 1):  # a shift of half a pixel would be seen
        shifted = np.roll(found, 1, axis)
        assert error < 0.5 * np.abs(shifted - expected)[inside].mean()


def _halving(height, width, **changes):
    """A policy that sees a pair of this size at half of its size."""
    changes = {"working_pixels": height * width // 4} | changes
    return Policy(**_ALONE | changes)


def test_enlarged_pairs(eager, network):
    """D-37, on smooth pictures."""
    mono, reference = _smooth(64, 96)
    explanation = Colorizer(network, _TWICE).explain(mono, reference)
    assert explanation.plan == ViewPlan(View(64, 2.0))
    _assert_close(explanation.chroma, _seen_at(network, mono, reference, 2.0, 64))
    plain = colorize_outputs(network, mono, reference)["chroma"]
    assert np.abs(plain - explanation.chroma).mean() > 0.1 * plain.std()
    picture = output_picture(mono[..., None], explanation.chroma)
    np.testing.assert_array_equal(explanation.picture, picture)
    np.testing.assert_array_equal(
        Colorizer(network, _TWICE)(mono, reference), explanation.picture
    )


def test_semi_global_matching_has_its_share(eager, network):
    """D-43: of the colours at full size, whatever the network's scale is."""
    scene = two_planes()
    pair = scene.mono[..., None], scene.reference
    policy = _TWICE.replace(semi_global_weight=0.25)
    found = Colorizer(network, policy).explain(*pair)
    assert found.plan == ViewPlan(View(64, 2.0), View(_D))
    expected = semi_global(scene.mono, scene.reference, _D)
    np.testing.assert_allclose(found.matched[..., 1:], expected, atol=1e-5)
    alone = Colorizer(network, _TWICE).explain(*pair)
    assert alone.matched is None
    np.testing.assert_allclose(
        found.chroma, 0.75 * alone.chroma + 0.25 * expected, atol=1e-5
    )


def test_a_pair_without_matches_is_left_to_the_network(eager, network):
    reference = 0.2 + 0.8 * random_pair(64, 96)[1]
    mono = np.zeros((64, 96))  # No gain makes it as bright as the reference.
    policy = _TWICE.replace(semi_global_weight=0.25)
    found = Colorizer(network, policy).explain(mono, reference)
    assert found.plan.semi_global and found.matched is None
    alone = Colorizer(network, _TWICE).explain(mono, reference)
    np.testing.assert_array_equal(found.chroma, alone.chroma)


@pytest.mark.parametrize("scale", [2.0, 0.5])
def test_a_reference_of_another_luma_keeps_its_chroma(eager, network, scale):
    """`see_alike` leaves the RGB cube; so may the pair that the network sees."""
    mono, reference = _smooth(64, 96)
    luma, rgb = np.clip(mono[..., None], 0, 1), reference + 0.6
    found = Colorizer(network, _PLAIN).look(luma, rgb, View(_D, scale))["chroma"]
    size = [round(scale * side) for side in mono.shape]
    brighter = _resized(rgb, *size)
    assert (brighter > 1).mean() > 0.5
    seen = np.clip(_resized(luma, *size), 0, 1)
    expected = predict(network, seen, brighter)["chroma"]
    _assert_close(found, expected)
    clipped = predict(network, seen, np.clip(brighter, 0, 1))["chroma"]
    assert np.abs(clipped - expected).mean() > 0.2 * expected.std()


def test_reduced_pairs(eager, network):
    mono, reference = _smooth(64, 96)
    policy = _halving(64, 96, luma_detail=False)
    explanation = Colorizer(network, policy).explain(mono, reference)
    assert explanation.plan == ViewPlan(View(32, 0.5))
    _assert_close(explanation.chroma, _seen_at(network, mono, reference, 0.5, 32))


@pytest.mark.parametrize(
    ("size", "tiling"),
    [((64, 96), None), ((75, 390), Tiling(tile=(32, 128), overlap=0))],
)
def test_what_was_seen_reduced_gets_the_detail_of_the_mono_picture(
    eager, network, size, tiling
):
    """D-39, also in tiles; to rounding."""
    mono, reference = random_pair(*size)
    found = Colorizer(network, _halving(*size)).explain(mono, reference, tiling=tiling)
    assert found.plan == ViewPlan(View(32, 0.5))
    pair = [
        np.clip(resized(picture, *(round(side / 2) for side in size)), 0, 1)
        for picture in (mono[..., None], reference)
    ]
    seen = colorize_outputs(network, *pair, 32, tiling=tiling)["chroma"]
    expected = with_luma_detail(seen, mono[..., None])
    np.testing.assert_allclose(found.chroma, expected, atol=1e-5)
    without = _halving(*size, luma_detail=False)
    other = Colorizer(network, without).explain(mono, reference, tiling=tiling)
    assert np.abs(other.chroma - found.chroma).max() > 1e-3


def test_all_off_is_the_network_alone(eager, network):
    mono, reference = random_pair(33, 70)
    explanation = Colorizer(network, _PLAIN).explain(mono, reference, volumes=True)
    form = network.for_inference()
    outputs = colorize_outputs(form, mono, reference, volumes=True)
    np.testing.assert_array_equal(explanation.picture, outputs.pop("picture"))
    seen = explanation.outputs
    assert (
        set(seen)
        == set(outputs)
        == {"chroma", "rough_chroma", "weights"} | {"attention"}
    )
    for name, values in outputs.items():
        np.testing.assert_array_equal(seen[name], values)


def test_volumes_change_nothing(eager, network):
    mono, reference = random_pair(32, 64)
    colorizer = Colorizer(network, _TWICE)
    explanation = colorizer.explain(mono, reference, volumes=True)
    assert explanation.outputs["weights"].shape == (64, 64, 128)
    without = colorizer.explain(mono, reference)
    assert "weights" not in without.outputs
    np.testing.assert_allclose(explanation.chroma, without.chroma, atol=1e-5)


def test_the_rough_chroma_is_equation_1(eager, network):
    """At scale 1 and nothing else: neither blended nor with detail."""
    mono, reference = random_pair(64, 96)
    policy = Policy(auto_disparity=False)
    seen = Colorizer(network, policy).explain(mono, reference, volumes=True).outputs
    chroma = np.pad(rgb_to_chroma(reference), ((0, 0), (0, _D), (0, 0)))
    expected = sum(
        seen["weights"][k, ..., None] * chroma[:, k : k + 96] for k in range(_D)
    )
    np.testing.assert_allclose(seen["rough_chroma"], expected, atol=1e-5)


def test_a_given_d_is_taken(eager, network):
    pair = random_pair(33, 300)
    policy = Policy(semi_global_weight=0.0, target_disparity=1)
    found = Colorizer(network, policy).explain(*pair, 96, volumes=True)
    asked = colorize_outputs(network.for_inference(), *pair, 96, volumes=True)
    assert found.plan == ViewPlan(View(96))
    np.testing.assert_array_equal(found.outputs["weights"], asked["weights"])
    with pytest.raises(InputError, match="multiple of 32. Received: 33"):
        Colorizer(network)(*pair, 33)


def test_tiles_of_the_plan_are_those_of_the_network(eager, network):
    mono, reference = random_pair(64, 288)
    tiling = Tiling(tile=(64, 256), overlap=64)
    found = Colorizer(network, _PLAIN)(mono, reference, 64, tiling=tiling)
    form = network.for_inference()
    asked = colorize_outputs(form, mono, reference, 64, tiling=tiling)["picture"]
    np.testing.assert_array_equal(found, asked)


def _estimates(monkeypatch, estimate):
    """Replaces the estimate; returns shapes of W and factors, a pair for each call."""
    asked = []

    def watched(weights, factor):
        asked.append((weights.shape, factor))
        return estimate

    name = "colornet.colorizer.colorizer.estimate_disparity"
    monkeypatch.setattr(name, watched)
    return asked


def test_weights_that_are_no_distribution_estimate_nothing(network, monkeypatch):
    asked = _estimates(monkeypatch, DisparityEstimate(10.0, 40.0))
    mono, reference = random_pair(33, 200)
    plain = network.with_config(weight_normalization="none")
    colorizer = Colorizer(plain, _PLAIN.replace(auto_disparity=True))
    assert colorizer.plan(mono[..., None], reference) == ViewPlan(View(_D))
    assert not asked


def test_disparities_are_estimated_on_a_thumbnail(eager, network, monkeypatch):
    asked = _estimates(monkeypatch, None)
    colorizer = Colorizer(network, _PLAIN.replace(auto_disparity=True))
    sizes = [(40, 512), (40, 300), (40, 200)]
    for height, width in sizes:
        mono, reference = random_pair(height, width)
        plan = colorizer.plan(mono[..., None], reference)
        assert plan == ViewPlan(View(_D))
    shapes, factors = zip(*asked, strict=True)
    assert shapes == ((64, 20, 256), (64, 34, 256), (64, 40, 200))
    assert factors == pytest.approx((2.0, 300 / 256, 1.0))


def test_a_thumbnail_that_does_not_fit_is_not_looked_at(eager, network, monkeypatch):
    """Where it fits, a look that finds 40 px gives 64 candidates."""
    _estimates(monkeypatch, DisparityEstimate(10.0, 40.0))
    mono, reference = random_pair(32, 128)
    colorizer = Colorizer(network, _PLAIN.replace(auto_disparity=True))
    for tile, d in (((32, 128), 64), ((32, 96), _D)):
        tiling = Tiling(tile=tile, overlap=32)
        plan = colorizer.plan(mono[..., None], reference, tiling=tiling)
        assert plan == ViewPlan(View(d))


def test_one_graph_is_for_all_sizes_and_all_d(network, monkeypatch):
    forms = []
    for_inference = type(network).for_inference

    def watched(self):
        forms.append(for_inference(self))
        return forms[-1]

    monkeypatch.setattr(type(network), "for_inference", watched)
    colorizer = Colorizer(network, _PLAIN.replace(auto_disparity=True))
    colorizer(*random_pair(32, 64))
    graph = forms[0].any_size
    for d in (64, 96, 64):
        colorizer(*random_pair(33, 70), d, tiling=Tiling(tile=(32, 64), overlap=0))
    assert len(forms) == 1 and forms[0].any_size is graph


def test_colorize_is_a_colorizer_for_one_pair(eager, network):
    pair = random_pair(33, 40)
    np.testing.assert_array_equal(
        colornet.colorize(network, *pair, 32), Colorizer(network)(*pair, 32)
    )


def _motorcycle(factor):
    """A real pair reduced by a factor: mono, reference and the true chroma."""
    left, right, _ = skimage.data.stereo_motorcycle()
    reference, target = (
        np.asarray(Image.fromarray(view).reduce(factor), np.float32) / 255
        for view in (left, right)
    )
    return rgb_to_luma(target)[..., 0], reference, rgb_to_chroma(target)


def _psnr(found, truth):
    return -10 * np.log10(np.mean((np.clip(found, -0.5, 0.5) - truth) ** 2))


@pytest.mark.slow
def test_a_real_pair_with_the_shipped_weights():
    """Motorcycle: disparities up to 63 px; at a quarter 16, three times which are 48.

    The reduced one gains more than half a dB of chroma from being enlarged.
    """
    colorizer = Colorizer.from_pretrained()
    mono, reference, truth = _motorcycle(1)
    plan = colorizer.plan(mono[..., None], reference)
    assert plan.network == View(96) and 63 < plan.semi_global.max_disparity <= 96
    # The mean of both methods is better than either.
    found = colorizer.explain(mono, reference)
    parts = [
        _psnr(found.outputs["chroma"], truth),
        _psnr(found.matched[..., 1:], truth),
    ]
    assert _psnr(found.chroma, truth) > max(parts) + 0.1

    mono, reference, truth = _motorcycle(4)
    explanation = colorizer.explain(mono, reference)
    assert explanation.plan.network == View(64, 3.0)
    assert 16 < explanation.plan.semi_global.max_disparity < 32
    alone = predict(colorizer.network, mono[..., None], reference, 32)
    gain = _psnr(explanation.chroma, truth) - _psnr(alone["chroma"], truth)
    assert gain > 0.5


def test_other_networks_are_refused():
    from colornet.networks import build_network
    from experiments.methods.networks.config import MethodConfig

    he = build_network(MethodConfig("he", width=1 / 16))
    with pytest.raises(InputError, match="network of Table 1. Received: he"):
        Colorizer(he)
