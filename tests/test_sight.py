"""How the network sees a pair: at which scales, with how many candidates."""

import numpy as np
import pytest
import scipy.ndimage
import skimage.data
from PIL import Image

import colornet
from colornet.color import output_picture, rgb_to_chroma, rgb_to_luma
from colornet.colorizer import plan as first_look
from colornet.colorizer.plan import Disparities, Sight
from colornet.colorizer.upsampling import with_luma_detail
from colornet.config import ModelConfig
from colornet.inference import colorize, colorize_outputs
from colornet.io.pictures import resized
from colornet.model import build_colornet
from colornet.tiling import tile_bytes
from tests.random_network import random_network, random_pair

_D = 32


@pytest.fixture(scope="module")
def model():
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


def _found(monkeypatch, largest, searched, scale=1.0):
    """Makes the first look find this, in px of the picture."""
    found = Disparities(largest, searched)
    monkeypatch.setattr(first_look, "disparities", lambda *_: found)
    monkeypatch.setattr(first_look, "scale", lambda *_: scale)


def _seen_at(model, mono, reference, scale, d):
    """The outputs for a pair that somebody resized, and resized back."""
    size = [round(side * scale) for side in mono.shape]
    outputs = colorize_outputs(
        model,
        np.clip(_resized(mono[..., None], *size)[..., 0], 0, 1),
        np.clip(_resized(reference, *size), 0, 1),
        d,
    )
    return {
        name: _resized(outputs[name].reshape(*size, -1), *mono.shape)
        for name in ("chroma", "rough_chroma", "disparity")
        if name in outputs
    }


def _assert_close(found, expected):
    inside = np.s_[8:-8, 8:-8]
    error = np.abs(found - expected)[inside].mean()
    assert error < 0.1 * expected.std()
    for axis in (0, 1):  # a shift of half a pixel would be seen
        shifted = np.roll(found, 1, axis)
        assert error < 0.5 * np.abs(shifted - expected)[inside].mean()


# What is searched for at the scale, or the 32 px of the network if that is less.
@pytest.mark.parametrize(
    ("scale", "searched", "d"),
    [(2.0, 16.0, 32), (2.0, 17.0, 64), (2.0, 50.0, 64), (0.5, 50.0, 32)],
)
def test_pairs_are_seen_at_a_scale_and_at_half_of_it(
    eager, model, monkeypatch, scale, searched, d
):
    """D-37: a quarter of the result is of half the scale; smooth pictures."""
    mono, reference = _smooth(64, 96)
    _found(monkeypatch, 10.0, searched, scale)
    resizing = model.with_config(working_disparity=80)
    outputs = colorize_outputs(resizing, mono, reference)
    assert set(outputs) == {"picture", "sight", "chroma", "rough_chroma"}
    assert outputs["sight"] == Sight(d, scale, coarse=True)
    fine = _seen_at(model, mono, reference, scale, d)
    coarse = _seen_at(model, mono, reference, scale / 2, 32)
    for name in ("chroma", "rough_chroma"):
        _assert_close(outputs[name], 0.75 * fine[name] + 0.25 * coarse[name])
    plain = colorize_outputs(model, mono, reference)["chroma"]
    assert np.abs(plain - outputs["chroma"]).mean() > 0.1 * plain.std()
    np.testing.assert_array_equal(
        outputs["picture"], output_picture(mono[..., None], outputs["chroma"])
    )


@pytest.mark.parametrize(
    ("size", "scale", "tiling"),
    [
        ((64, 96), 0.5, None),
        ((75, 390), 0.5, colornet.Tiling(tile=(32, 128), overlap=0)),
        ((32, 48), 2.0, None),
    ],
)
def test_what_was_seen_reduced_gets_the_detail_of_the_mono_picture(
    eager, model, monkeypatch, size, scale, tiling
):
    """D-39; what was enlarged, or seen as it is, does not."""
    mono, reference = random_pair(*size)
    _found(monkeypatch, 10.0, 16.0, scale)
    outputs = colorize_outputs(
        model.with_config(working_disparity=80), mono, reference, tiling=tiling
    )
    expected = dict.fromkeys(("chroma", "rough_chroma"), 0.0)
    for factor, share in ((scale, 0.75), (scale / 2, 0.25)):
        smaller = [round(side * factor) for side in size]
        views = mono[..., None], reference
        if factor != 1:
            views = [np.clip(resized(view, *smaller), 0, 1) for view in views]
        part = colorize_outputs(model, *views, 32, tiling=tiling)
        for name in expected:
            if factor < 1:
                back = with_luma_detail(part[name], mono[..., None])
            else:
                back = resized(part[name], *size)
            expected[name] += share * back
    for name, value in expected.items():
        np.testing.assert_allclose(outputs[name], value, atol=1e-5)


def test_large_pairs_are_reduced_though_nothing_is_found(eager, model, monkeypatch):
    monkeypatch.setattr(first_look, "disparities", lambda *_: None)
    monkeypatch.setattr(first_look, "_PIXELS", 32 * 96 / 2)
    finding = model.with_config(find_disparity=True, working_disparity=80)
    sight = colorize_outputs(finding, *random_pair(32, 96))["sight"]
    assert sight == Sight(32, pytest.approx(0.5**0.5), coarse=True)


def test_the_disparity_of_a_resized_pair_is_in_px_of_the_pair(eager, monkeypatch):
    config = ModelConfig(n=2, max_disparity=_D, rough="soft_argmax")
    model = build_colornet(config.replace(working_disparity=80))
    mono, reference = _smooth(64, 96)
    _found(monkeypatch, 10.0, 16.0, 2.0)
    found = colorize_outputs(model, mono, reference)["disparity"]
    plain = model.with_config(working_disparity=0)
    fine, coarse = (
        _seen_at(plain, mono, reference, scale, 32)["disparity"][..., 0] / scale
        for scale in (2.0, 1.0)
    )
    assert found.shape == (64, 96)
    _assert_close(found, 0.75 * fine + 0.25 * coarse)


def test_what_is_not_resized(eager, model, monkeypatch):
    resizing = model.with_config(working_disparity=80)
    _found(monkeypatch, 10.0, 20.0, 2.0)
    mono, reference = _smooth(32, 64)
    plain = colorize_outputs(model, mono, reference, volumes=True)
    outputs = colorize_outputs(resizing, mono, reference, volumes=True)
    for name, values in plain.items():
        np.testing.assert_array_equal(outputs[name], values)


def test_a_copy_that_does_not_fit_is_not_looked_at(eager, model, monkeypatch):
    """Else 40 px would be found, and 64 candidates taken."""
    found = Disparities(10.0, 40.0)
    monkeypatch.setattr(first_look, "disparities", lambda *_: found)
    finding = model.with_config(find_disparity=True, working_disparity=80)
    pair = random_pair(32, 128)
    for tile, d in (((32, 128), 64), ((32, 96), _D)):
        tiles = colornet.Tiling(tile=tile, overlap=32)
        sight = colorize_outputs(finding, *pair, tiling=tiles)["sight"]
        assert sight == Sight(d, 1.0, coarse=True)


def test_what_is_not_enlarged(eager, model, monkeypatch):
    """As a whole it fits, but not enlarged."""
    mono, reference = _smooth(32, 128)
    tight = colornet.Tiling(memory_gb=2 * tile_bytes(32, 128, model.config) / 1e9)
    resizing = model.with_config(working_disparity=80)
    for scale, expected in ((1.2, 1.0), (0.8, 0.8)):
        _found(monkeypatch, 10.0, 20.0, scale)
        sight = colorize_outputs(resizing, mono, reference)["sight"]
        assert sight.scale == scale
        outputs = colorize_outputs(resizing, mono, reference, tiling=tight)
        assert outputs["sight"].scale == expected


def test_the_shares_of_both_scales(eager, model, monkeypatch):
    """To rounding: at scale 1 one of them is what the network says of the pair."""
    pair = random_pair(64, 96)
    _found(monkeypatch, 10.0, 20.0)
    resizing = model.with_config(working_disparity=80)
    both = colorize_outputs(resizing, *pair)
    monkeypatch.setattr(first_look, "COARSE_SHARE", 1.0)
    coarse = colorize_outputs(resizing, *pair)
    fine = colorize_outputs(model, *pair)
    for name in ("chroma", "rough_chroma"):
        mean = 0.75 * fine[name] + 0.25 * coarse[name]
        np.testing.assert_allclose(both[name], mean, atol=1e-6)
        assert np.abs(fine[name] - coarse[name]).max() > 1e-2


@pytest.mark.parametrize(("searched", "d"), [(32.0, 32), (33.0, 64), (999.0, 256)])
def test_pairs_get_the_candidates_that_they_need(model, monkeypatch, searched, d):
    """D-38: what is found is what one could have asked for."""
    mono, reference = random_pair(33, 300)
    _found(monkeypatch, 20.0, searched)
    finding = model.with_config(find_disparity=True)
    outputs = colorize_outputs(finding, mono, reference, volumes=True)
    asked = colorize_outputs(model, mono, reference, d, volumes=True)
    assert outputs["weights"].shape == (d, 33, 300)
    for name, values in asked.items():
        np.testing.assert_array_equal(outputs[name], values)
    # Who asks for some gets these.
    for asking in (
        finding.with_config(max_disparity=96),
        model.with_config(max_disparity=96),
    ):
        outputs = colorize_outputs(asking, mono, reference, volumes=True)
        assert outputs["weights"].shape == (96, 33, 300)
    monkeypatch.setattr(first_look, "disparities", lambda *_: None)
    outputs = colorize_outputs(finding, mono, reference, volumes=True)
    assert outputs["weights"].shape == (_D, 33, 300)


def test_what_is_found_counts_for_tiles(eager, model, monkeypatch):
    mono, reference = random_pair(64, 288)
    _found(monkeypatch, 40.0, 60.0)
    tiles = colornet.Tiling(tile=(64, 256), overlap=64)
    found = colorize(
        model.with_config(find_disparity=True), mono, reference, tiling=tiles
    )
    asked = colorize(model, mono, reference, 64, tiling=tiles)
    np.testing.assert_array_equal(found, asked)


def test_weights_that_are_no_distribution_find_nothing(eager, model, monkeypatch):
    _found(monkeypatch, 40.0, 60.0)
    mono, reference = random_pair(33, 200)
    plain = model.with_config(weight_normalization="none")
    finding = plain.with_config(find_disparity=True, working_disparity=80)
    np.testing.assert_array_equal(
        colorize(finding, mono, reference), colorize(plain, mono, reference)
    )


def test_the_look_is_at_a_small_copy(eager, model, monkeypatch):
    seen = {}

    def disparities(weights, factor):
        seen["look"] = weights.shape, factor

    monkeypatch.setattr(first_look, "disparities", disparities)
    finding = model.with_config(find_disparity=True)
    for (height, width), shape, factor in (
        ((40, 512), (20, 256), 2.0),
        ((40, 300), (34, 256), 300 / 256),
        ((40, 200), (40, 200), 1.0),
    ):
        colorize(finding, *random_pair(height, width))
        assert seen["look"] == ((64, *shape), pytest.approx(factor))


def _motorcycle(factor):
    """A real pair reduced by a factor: mono, reference and the true chroma."""
    left, right, _ = skimage.data.stereo_motorcycle()
    reference, target = (
        np.asarray(Image.fromarray(view).reduce(factor), np.float32) / 255
        for view in (left, right)
    )
    return rgb_to_luma(target)[..., 0], reference, rgb_to_chroma(target)


def test_the_disparities_of_a_real_pair_are_found():
    """Motorcycle's are up to 63 px; at a quarter 16, which 3 times are 48."""
    model = colornet.load_pretrained()
    for factor, sight in ((1, Sight(96, 1.0, True)), (4, Sight(64, 3.0, True))):
        mono, reference, _ = _motorcycle(factor)
        assert colorize_outputs(model, mono, reference)["sight"] == sight


def test_a_reduced_real_pair_gains_from_it():
    """Motorcycle at a quarter: more than half a dB of chroma."""
    mono, reference, chroma = _motorcycle(4)
    errors = {}
    for working in (0, None):
        model = colornet.load_pretrained(max_disparity=32, working_disparity=working)
        found = colorize_outputs(model, mono, reference)["chroma"]
        errors[working] = np.mean((np.clip(found, -0.5, 0.5) - chroma) ** 2)
    assert 10 * np.log10(errors[0] / errors[None]) > 0.5
