import numpy as np
import pytest

from colornet.color import output_picture, rgb_to_chroma, rgb_to_luma
from colornet.errors import InputError
from colornet.inference import colorize_outputs
from colornet.model import build_colornet
from tests.random_network import random_network, random_pair

_D = 32
# Multiples of 32; below, at and past one; odd; less than 32 high; one row.
_SIZES = [(32, 64), (33, 40), (17, 45), (65, 32), (1, 63)]


@pytest.fixture(scope="module")
def model():
    return random_network(_D)


def colorize(*args, **options):
    return colorize_outputs(*args, **options)["picture"]


@pytest.mark.parametrize("size", _SIZES)
def test_any_size_is_padded_by_reflection_and_cut_back(model, size):
    height, width = size
    mono, reference = random_pair(height, width)
    # D-15: at the bottom, and at the left, where no candidate of a real pixel lies.
    rows, columns = (0, -height % 32), (-width % 32, 0)
    inputs = {
        "mono": np.pad(mono, (rows, columns), "reflect")[None, ..., None],
        "reference": np.pad(reference, (rows, columns, (0, 0)), "reflect")[None],
    }
    expected = model(inputs, training=False)
    outputs = colorize_outputs(model, mono, reference)
    for name in ("chroma", "rough_chroma"):
        cut = np.asarray(expected[name])[0, :height, columns[0] :]
        np.testing.assert_allclose(outputs[name], cut, atol=1e-6)
    picture = output_picture(mono[..., None], outputs["chroma"])
    np.testing.assert_array_equal(outputs["picture"], picture)
    np.testing.assert_array_equal(colorize(model, mono, reference), picture)


@pytest.mark.parametrize("size", [(33, 45), (32, 64)])
def test_volumes_lie_on_the_pictures_own_pixels(eager, model, size):
    height, width = size
    outputs = colorize_outputs(model, *random_pair(height, width), volumes=True)
    weights = outputs["weights"]
    assert weights.shape == (_D, height, width)
    np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-5)
    exists = np.arange(_D)[:, None] + np.arange(width) < width
    np.testing.assert_array_equal(weights.max(axis=1) > 0, exists)
    half = (_D // 2, (height + 1) // 2, (width + 1) // 2)
    assert outputs["attention"].shape == half
    left, below = -width % 32, -height % 32
    mono, reference = random_pair(height, width)
    padded = {
        "mono": mono[None, ..., None],
        "reference": reference[None],
    }
    if left or below:
        sides = [(0, 0), (0, below), (left, 0), (0, 0)]
        padded = {k: np.pad(v, sides, "reflect") for k, v in padded.items()}
    whole = np.asarray(model.with_volumes()(padded)["attention"])[0]
    expected = whole[:, : half[1], left // 2 :]
    np.testing.assert_allclose(outputs["attention"], expected, atol=1e-6)
    without = colorize_outputs(model, *random_pair(height, width))
    assert set(outputs) - set(without) == {"weights", "attention"}
    np.testing.assert_allclose(outputs["chroma"], without["chroma"], atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_the_output_is_of_the_monos_kind_and_has_its_luma(model, dtype):
    mono, reference = random_pair(33, 40)
    mono[0], mono[1] = 0, 1
    reference[..., 2] = 1  # so strong a colour that much leaves the RGB cube
    if np.issubdtype(dtype, np.integer):
        mono = np.rint(mono * np.iinfo(dtype).max)
        tolerance = 0.51 if dtype == np.uint8 else 0.6
    else:
        tolerance = 1e-6
    mono = mono.astype(dtype)
    picture = colorize(model, mono, (reference * 255).astype(np.uint8))
    assert picture.dtype == dtype and picture.shape == (33, 40, 3)
    assert np.ptp(picture[..., 0] - picture[..., 2]) > 0
    luma = rgb_to_luma(picture.astype(np.float64))[..., 0]
    assert np.abs(luma - mono).max() <= tolerance


def test_depths_agree(model):
    rng = np.random.default_rng(0)
    mono = rng.integers(0, 256, (32, 40)).astype(np.uint8)
    reference = rng.integers(0, 256, (32, 40, 3)).astype(np.uint8)
    expected = colorize(model, mono, reference)
    wide = [picture.astype(np.uint16) * 257 for picture in (mono, reference)]
    in_16_bit = colorize(model, *wide)
    np.testing.assert_array_equal(np.rint(in_16_bit / 257), expected)
    in_float = colorize(model, mono[..., None] / 255, reference / np.float16(255))
    assert in_float.dtype == np.float64
    assert np.abs(in_float * 255 - expected).max() < 1


def test_max_disparity_of_the_call(eager, model):
    pair = random_pair(32, 70)
    wider = model.with_config(max_disparity=64)
    expected = colorize(wider, *pair)
    found = colorize(model, *pair, max_disparity=64)
    np.testing.assert_array_equal(found, expected)
    assert np.abs(colorize(model, *pair) - expected).max() > 1e-4
    assert model.config.max_disparity == _D


def test_the_model_and_the_inputs_stay_as_they_are(model):
    before = [value.copy() for value in model.get_weights()]
    mono, reference = random_pair(33, 40)
    copies = mono.copy(), reference.copy()
    first = colorize(model, mono, reference)
    np.testing.assert_array_equal(colorize(model, mono, reference), first)
    np.testing.assert_array_equal(mono, copies[0])
    np.testing.assert_array_equal(reference, copies[1])
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_views_that_are_not_contiguous(model):
    mono, reference = random_pair(33, 40)
    expected = colorize(model, mono[:, ::-1].copy(), reference[:, ::-1].copy())
    mirrored = colorize(model, mono[:, ::-1], reference[:, ::-1])
    np.testing.assert_array_equal(mirrored, expected)


def _with(array, value):
    array = array.copy()
    array[3, 4] = value
    return array


_MONO, _REFERENCE = random_pair(33, 40)
_BAD = {
    "mono with colour": (_REFERENCE, _REFERENCE, "mono must be"),
    "no mono": (np.zeros((0, 40)), _REFERENCE, "mono must be"),
    "grey reference": (_MONO, _MONO, "reference must be"),
    "RGBA": (_MONO, np.zeros((33, 40, 4)), "reference must be"),
    "a batch": (_MONO[None], _REFERENCE[None], "mono must be"),
    "other height": (_MONO[1:], _REFERENCE, r"\(32, 40\) and \(33, 40\)"),
    "other width": (_MONO, _REFERENCE[:, 1:], r"\(33, 40\) and \(33, 39\)"),
    "no colour": (_MONO, _MONO[..., None].repeat(3, -1), "R = G = B"),
    "NaN in mono": (_with(_MONO, np.nan), _REFERENCE, "NaN"),
    "infinity in reference": (_MONO, _with(_REFERENCE, np.inf), "infinity"),
    "0 to 255 in float": (_MONO * 255, _REFERENCE, r"in \[0, 1\]"),
    "negative": (_MONO, _with(_REFERENCE, -0.5), "-0.5 to"),
    "int64": (_MONO, (_REFERENCE * 255).astype(int), "int64"),
    "text": (_MONO.astype(str), _REFERENCE, "uint8, uint16 or float"),
}


@pytest.mark.parametrize("case", _BAD)
def test_what_cannot_be_colorized(model, case):
    mono, reference, words = _BAD[case]
    with pytest.raises(InputError, match=words) as error:
        colorize(model, mono, reference)
    assert "Received: " in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(("width", "max_disparity"), [(31, 32), (40, 96), (1, 32)])
def test_pictures_narrower_than_the_largest_disparity(
    eager, model, width, max_disparity
):
    """Candidates that are not there count for nothing (D-02)."""
    mono, reference = random_pair(33, width)
    outputs = colorize_outputs(model, mono, reference, max_disparity, volumes=True)
    weights = outputs["weights"].astype(np.float64)
    exists = np.arange(max_disparity)[:, None] + np.arange(width) < width
    np.testing.assert_array_equal(weights.max(axis=1) > 0, exists)
    chroma = rgb_to_chroma(reference)
    for column in range(width):
        there = weights[: width - column, :, column].T[..., None]
        expected = (there * chroma[:, column:]).sum(axis=1)
        found = outputs["rough_chroma"][:, column]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_weights_that_give_no_colours(eager, model):
    broken = build_colornet(model.config)
    weights = model.get_weights()
    broken.set_weights([*weights[:-1], np.full_like(weights[-1], np.nan)])
    with pytest.raises(InputError, match="weights that give finite colours"):
        colorize(broken, *random_pair(33, 40))


@pytest.mark.parametrize("max_disparity", [0, -32, 33])
def test_impossible_max_disparity(model, max_disparity):
    with pytest.raises(InputError, match=f"multiple of 32. Received: {max_disparity}"):
        colorize(model, _MONO, _REFERENCE, max_disparity)
