"""What every method of Tables 3 and 4 must be able to do."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from colornet.color import ycbcr_to_rgb
from colornet.metrics import chroma_psnr
from experiments import methods

_D = 32
_HEIGHT, _WIDTH = 64, 160
# Pixels at the border whose window or superpixel is not all inside both pictures.
_BORDER = 16
# How fast colours change, in pixels. Superpixels know no detail finer than themselves.
_COLOUR_SCALE = {"gupta": 60}


def _shifted_pair(shift, colour_scale, seed=0):
    """Mono, reference and true chroma: a smooth picture that lies `shift` further right
    in the reference. What leaves it comes in at the other side, which is no candidate.
    """
    rng = np.random.default_rng(seed)

    def smooth(scale):
        values = gaussian_filter(rng.normal(size=(_HEIGHT, _WIDTH)), scale)
        return np.tanh(values / values.std())

    luma = 0.5 + 0.15 * smooth(1.5)
    chroma = 0.18 * np.stack([smooth(colour_scale), smooth(colour_scale)], axis=-1)
    reference = ycbcr_to_rgb(luma[..., None], chroma)
    return np.roll(luma, -shift, axis=1), reference, np.roll(chroma, -shift, axis=1)


@pytest.mark.parametrize("shift", [0, 1, 13, _D - 1])
@pytest.mark.parametrize("name", sorted(set(methods.names()) - {"grey"}))
def test_constant_shift(name, shift):
    if name == "zero_disparity" and shift:
        pytest.skip("zero disparity knows one shift")
    mono, reference, truth = _shifted_pair(shift, _COLOUR_SCALE.get(name, 4))
    chroma = methods.get(name)(mono, reference, _D)
    assert chroma.shape == truth.shape
    visible = np.s_[_BORDER:-_BORDER, _BORDER : _WIDTH - shift - _BORDER]
    assert chroma_psnr(chroma[visible], truth[visible]) > 40


def test_a_constant_shift_tells_wrong_candidates():
    """The bar of the test above is out of reach for the colours next to the true ones,
    or at the scale of superpixels for those on the wrong side."""
    _, _, truth = _shifted_pair(0, 4)
    assert chroma_psnr(truth[:, 1:], truth[:, :-1]) < 34
    _, _, truth = _shifted_pair(0, _COLOUR_SCALE["gupta"])
    assert chroma_psnr(truth[:, 26:], truth[:, :-26]) < 34


@pytest.mark.parametrize("name", methods.names())
@pytest.mark.parametrize("shape", [(11, 13), (3, 40), (30, 1)])
def test_any_size_and_flat_pictures(name, shape):
    rng = np.random.default_rng(1)
    for scale in (0, 1):
        mono = np.float32(0.5 + scale * rng.uniform(-0.5, 0.5, shape))
        reference = np.float32(0.5 + scale * rng.uniform(-0.5, 0.5, (*shape, 3)))
        for max_disparity in (1, _D):
            chroma = methods.get(name)(mono, reference, max_disparity)
            assert chroma.shape == (*shape, 2) and chroma.dtype == np.float32
            # Within the reference's colours, which with scale 0 are grey.
            assert np.abs(chroma).max() <= 0.5 * scale + 1e-6


@pytest.mark.parametrize("name", methods.names())
def test_same_input_same_output(name):
    mono, reference, _ = _shifted_pair(5, 4)
    method = methods.get(name)
    before = mono.copy(), reference.copy()
    first, second = (method(mono, reference, _D) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(mono, before[0])
    np.testing.assert_array_equal(reference, before[1])
