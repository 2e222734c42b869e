import keras
import numpy as np
import pytest
from keras import ops

from colornet.color import output_picture, rgb_to_chroma, rgb_to_luma, ycbcr_to_rgb

# RGB, Y, Cb and Cr by the JFIF 1.02 specification, its 8-bit 128 being 0 here.
_JFIF = [
    ((0, 0, 0), 0, 0, 0),
    ((1, 1, 1), 1, 0, 0),
    ((0.5, 0.5, 0.5), 0.5, 0, 0),
    ((1, 0, 0), 0.299, -0.1687358916, 0.5),
    ((0, 1, 0), 0.587, -0.3312641084, -0.4186875892),
    ((0, 0, 1), 0.114, 0.5, -0.0813124108),
    ((0.2, 0.6, 0.4), 0.4576, -0.0325056433, -0.1837375178),
]
_KINDS = {"numpy": np.asarray, "tensor": ops.convert_to_tensor}


@pytest.fixture(params=_KINDS)
def kind(request):
    return _KINDS[request.param]


@pytest.fixture
def rgb():
    return np.random.default_rng(0).random((6, 7, 3), np.float32)


@pytest.mark.parametrize(("color", "y", "cb", "cr"), _JFIF)
def test_fixed_vectors(kind, color, y, cb, cr):
    pixel = kind(np.array([[color]], np.float64))
    np.testing.assert_allclose(rgb_to_luma(pixel), [[[y]]], atol=1e-9)
    np.testing.assert_allclose(rgb_to_chroma(pixel), [[[cb, cr]]], atol=1e-9)


def test_round_trip(kind, rgb):
    colors = kind(rgb)
    back = ycbcr_to_rgb(rgb_to_luma(colors), rgb_to_chroma(colors))
    np.testing.assert_allclose(back, rgb, atol=1e-6)
    exact = rgb.astype(np.float64)
    back = ycbcr_to_rgb(rgb_to_luma(exact), rgb_to_chroma(exact))
    np.testing.assert_allclose(back, exact, atol=1e-15)


def test_the_kind_and_the_dtype_of_the_input_are_kept(kind, rgb):
    colors = kind(rgb)
    luma, chroma = rgb_to_luma(colors), rgb_to_chroma(colors)
    for value in (luma, chroma, ycbcr_to_rgb(luma, chroma)):
        assert isinstance(value, type(colors))
        assert keras.backend.standardize_dtype(value.dtype) == "float32"
    assert isinstance(output_picture(luma, chroma), type(colors))


def test_output_picture_leaves_colors_of_the_cube_alone(kind, rgb):
    colors = kind(rgb)
    picture = output_picture(rgb_to_luma(colors), rgb_to_chroma(colors))
    np.testing.assert_allclose(picture, rgb, atol=1e-6)


def test_output_picture_keeps_luma_and_hue(kind):
    rng = np.random.default_rng(0)
    luma = rng.random((40, 50, 1)).astype(np.float32)
    luma[0], luma[1] = 0, 1
    chroma = rng.uniform(-0.5, 0.5, (40, 50, 2)).astype(np.float32)
    chroma[2] = 0
    raw = ycbcr_to_rgb(luma, chroma)
    outside = ((raw < 0) | (raw > 1)).any(-1)
    assert 0.3 < outside.mean() < 0.9
    picture = np.asarray(output_picture(kind(luma), kind(chroma)))

    assert picture.min() >= 0 and picture.max() <= 1
    np.testing.assert_allclose(rgb_to_luma(picture), luma, atol=1e-6)
    found = rgb_to_chroma(picture)
    square = np.maximum((chroma**2).sum(-1, keepdims=True), 1e-6)
    scale = (found * chroma).sum(-1, keepdims=True) / square
    assert scale.min() > -1e-5 and scale.max() < 1 + 1e-5
    np.testing.assert_allclose(found, scale * chroma, atol=1e-6)
    # No more colour is taken away than must be: the pixel touches a face of the cube.
    touches = np.minimum(picture, 1 - picture).min(-1)
    assert touches[outside].max() < 1e-6


def test_output_picture_of_8_bits_has_the_luma_of_8_bits():
    rng = np.random.default_rng(0)
    mono = rng.integers(0, 256, (50, 60, 1)).astype(np.uint8)
    chroma = rng.uniform(-0.5, 0.5, (50, 60, 2))
    picture = np.rint(255 * output_picture(mono / 255, chroma))
    assert np.abs(rgb_to_luma(picture) - mono).max() <= 0.5 + 1e-9
