"""Colour, histogram and correspondence of the learned comparison methods."""

import keras
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.color import lab2rgb, rgb2lab

from colornet.metrics import chroma_psnr
from experiments.methods.networks import correspondence, quantization
from experiments.methods.networks.blocks import enlarge
from experiments.methods.networks.furusawa import ColorHistogram
from experiments.methods.networks.lab import lab_to_rgb, rgb_to_lab

RNG = np.random.default_rng(0)


# Size


@pytest.mark.parametrize("factor", [1, 2, 4, 16])
def test_enlarging_is_bilinear_resizing(factor):
    maps = RNG.random((2, 3, 5, 4), np.float32)
    size = (3 * factor, 5 * factor)
    expected = keras.ops.image.resize(maps, size, interpolation="bilinear")
    np.testing.assert_allclose(enlarge(maps, factor), expected, atol=1e-6)


# Colour


@pytest.mark.parametrize("tensors", [False, True])
def test_lab_is_that_of_scikit_image(tensors):
    steps = np.linspace(0, 1, 18)
    rgb = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
    wrap = keras.ops.convert_to_tensor if tensors else np.asarray
    tolerance = 2e-3 if tensors else 3e-4  # scikit-image rounds two constants.
    given = rgb.astype(np.float32) if tensors else rgb
    lab = rgb_to_lab(wrap(given))
    np.testing.assert_allclose(lab, rgb2lab(rgb), atol=tolerance)
    np.testing.assert_allclose(lab_to_rgb(lab), rgb, atol=1e-4)
    # Many of these are no colours: both clip.
    wide = RNG.uniform([50, -60, -60], [95, 60, 60], (1, 500, 3)).astype(np.float32)
    expected = lab2rgb(wide.astype(np.float64))
    assert (expected == 0).any() and (expected == 1).any()
    np.testing.assert_allclose(lab_to_rgb(wrap(wide)), expected, atol=1e-3)


# Of the published grid of 313 points: for every a its least and its greatest b.
GRID = {
    -90: (50, 90), -80: (20, 90), -70: (0, 90), -60: (-20, 90), -50: (-30, 100),
    -40: (-40, 100), -30: (-50, 100), -20: (-50, 100), -10: (-60, 100),
    0: (-70, 100), 10: (-80, 90), 20: (-80, 90), 30: (-90, 90), 40: (-100, 90),
    50: (-100, 80), 60: (-110, 80), 70: (-110, 80), 80: (-110, 70), 90: (-110, 70),
    100: (-90, 0),
}  # fmt: skip


def test_the_313_bins():
    bins = quantization.gamut_bins()
    published = [(a, b) for a, ends in GRID.items() for b in range(*ends, 10)]
    published += [(a, ends[1]) for a, ends in GRID.items()]
    assert len(published) == 313
    np.testing.assert_array_equal(bins, sorted(published))


def test_soft_encoding_is_that_of_a_loop():
    bins = quantization.gamut_bins()
    ab = RNG.uniform(-100, 100, (3, 4, 2)).astype(np.float32)
    ab[0, 0] = bins[7]
    encoded = np.asarray(quantization.soft_encode(ab))
    for index in np.ndindex(3, 4):
        distances = [np.hypot(*(ab[index].astype(float) - center)) for center in bins]
        nearest = sorted(range(313), key=lambda q: distances[q])[:5]
        weights = {q: np.exp(-(distances[q] ** 2) / (2 * 5**2)) for q in nearest}
        expected = np.zeros(313)
        for q, weight in weights.items():
            expected[q] = weight / sum(weights.values())
        np.testing.assert_allclose(encoded[index], expected, atol=1e-4)
    assert encoded[0, 0].argmax() == 7


def test_annealed_mean_lies_between_mean_and_mode():
    bins = quantization.gamut_bins()
    logits = RNG.normal(size=(5, 313)).astype(np.float32)
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    mean = quantization.annealed_mean(logits, 1.0)
    np.testing.assert_allclose(mean, shares @ bins, atol=1e-3)
    mode = quantization.annealed_mean(logits, 1e-4)
    np.testing.assert_allclose(mode, bins[logits.argmax(-1)], atol=1e-3)
    sharpened = shares ** (1 / 0.38)
    sharpened /= sharpened.sum(-1, keepdims=True)
    decoded = quantization.annealed_mean(logits)
    np.testing.assert_allclose(decoded, sharpened @ bins, atol=1e-3)


def test_rare_colours_weigh_more():
    prior = RNG.dirichlet(np.full(313, 0.2)).astype(np.float32)
    weights = np.asarray(quantization.rebalancing_weights(prior))
    assert np.sum(prior * weights) == pytest.approx(1, abs=1e-4)
    p, q = prior.argmax(), prior.argmin()
    ratio = (0.5 * prior[p] + 0.5 / 313) / (0.5 * prior[q] + 0.5 / 313)
    assert weights[q] / weights[p] == pytest.approx(ratio, rel=1e-4)


def test_histogram_is_that_of_numpy():
    rgb = RNG.random((2, 9, 7, 3)).astype(np.float32)
    rgb[0, 0, 0] = 1.0
    histogram = np.asarray(ColorHistogram()(rgb))
    for picture, counted in zip(rgb, histogram, strict=True):
        expected, _ = np.histogramdd(picture.reshape(-1, 3), [6] * 3, [(0, 1)] * 3)
        np.testing.assert_allclose(counted, expected.ravel() / 63, atol=1e-6)


# Correspondence


def _picture(height, width):
    """Blotches of 1, 2, 4 ... 32 pixels, as different as those of a photograph."""
    picture = np.zeros((height, width))
    for scale in (1, 2, 4, 8, 16, 32):
        shape = (height // scale + 1, width // scale + 1)
        blotches = RNG.random(shape).repeat(scale, 0).repeat(scale, 1)
        picture += blotches[:height, :width]
    return ((picture - picture.min()) / np.ptp(picture)).astype(np.float32)


def test_a_constant_shift_is_found_and_brings_the_colours_along():
    shift, height, width = 11, 64, 128
    wide = _picture(height, width + shift)
    target, reference = wide[:, shift:], wide[:, :width]
    layer = correspondence.Correspondence(dtype="float32")
    views = [view[None, ..., None] for view in (target, reference)]
    forward, round_trip, similarities = map(np.asarray, layer(views))
    own = np.stack(np.mgrid[:height, :width], -1)
    # Pixels nearer to the right border than the shift have no match.
    matched = np.s_[0, :, : width - shift - 2]
    found = (forward[0] == own + [0, shift]).all(-1)[matched[1:]]
    assert found.mean() > 0.98
    assert (round_trip[0] == own).all(-1)[matched[1:]].mean() > 0.97
    there, back = similarities[..., 0], similarities[..., 1]
    assert np.median(there[matched]) > 0.999 and np.median(back[matched]) > 0.999
    assert there[0, :, -shift:].mean() < 0.99

    chroma = RNG.random((1, height, width + shift, 2)).astype(np.float32)
    warped = np.asarray(correspondence.gather(chroma[:, :, :width], forward))
    right = (warped == chroma[:, :, shift:]).all(-1)[matched]
    np.testing.assert_array_equal(right, found)
    # The bar of the classic methods (`test_methods`), with colours as smooth as theirs.
    smooth = gaussian_filter(RNG.normal(size=chroma.shape), (0, 4, 4, 0))
    smooth = np.float32(0.18 * np.tanh(smooth / smooth.std()))
    warped = np.asarray(correspondence.gather(smooth[:, :, :width], forward))
    assert chroma_psnr(warped[matched], smooth[:, :, shift:][matched]) > 40
    beside = np.asarray(correspondence.gather(smooth[:, :, 1 : width + 1], forward))
    assert chroma_psnr(beside[matched], smooth[:, :, shift:][matched]) < 40


def test_the_search_is_that_of_a_loop_and_pictures_of_a_batch_do_not_mix():
    descriptors = RNG.normal(size=(2, 3, 4, 6)).astype(np.float32)
    others = RNG.normal(size=(2, 5, 7, 6)).astype(np.float32)
    field = np.asarray(correspondence.search_everywhere(descriptors, others))
    likeness = np.asarray(correspondence.similarity(descriptors, others, field))
    for b, i, j in np.ndindex(2, 3, 4):
        scores = {
            (k, m): descriptors[b, i, j] @ others[b, k, m] for k, m in np.ndindex(5, 7)
        }
        assert tuple(field[b, i, j]) == max(scores, key=scores.get)
        assert likeness[b, i, j, 0] == pytest.approx(max(scores.values()), abs=1e-4)


def test_descriptors_know_texture_and_brightness():
    flat = np.full((1, 8, 8, 1), 0.3, np.float32)
    described = np.asarray(correspondence.describe(flat))
    np.testing.assert_allclose(np.square(described).sum(-1), 1, atol=1e-5)
    brighter = correspondence.describe(flat + 0.4)
    textured = correspondence.describe(_picture(8, 8)[None, ..., None])
    for other in (brighter, textured):
        assert np.sum(described * np.asarray(other), -1).mean() < 0.9
