"""Two different cameras are brought together; on the Motorcycle pair."""

import numpy as np
import pytest
import skimage.data
from scipy.ndimage import gaussian_filter
from skimage.transform import SimilarityTransform, warp

from colornet import Policy
from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.colorizer.alignment import Alignment, estimate_alignment
from colornet.colorizer.cameras import are_swapped, see_alike
from colornet.colorizer.matches import find_matches
from colornet.colorizer.photometry import Photometry, estimate_photometry
from colornet.noise import add_noise

_POLICY = Policy()


@pytest.fixture(scope="module")
def pair():
    """Clean RGB of the reference (left) and of the mono camera's view."""
    left, right, _ = skimage.data.stereo_motorcycle()
    # A part is enough, and faster.
    part = np.s_[60:380, 200:680]
    # The left picture is 2 % brighter.
    return 0.98 * left[part] / 255, right[part] / 255


def _taken(picture, level, seed):
    noisy = add_noise(picture, level, np.random.RandomState(seed))
    return np.rint(255 * noisy).astype(np.float32) / 255


def _matches(mono, reference):
    return find_matches(_taken(mono, 0.01, 0), _taken(reference, 0.03, 1))


def _moved(rgb, **motion):
    """The picture turned, magnified or shifted about its middle by scikit-image."""
    middle = (np.array(rgb.shape[1::-1]) - 1) / 2
    about = SimilarityTransform(translation=-middle)
    move = about + SimilarityTransform(**motion) + about.inverse
    return warp(rgb, move.inverse, order=3, mode="edge")


def test_matches_are_those_of_the_disparity_map(pair):
    disparity = skimage.data.stereo_motorcycle()[2][60:380, 200:680]
    left, right = pair
    # The map is of the left view, whose points lie further left in the right one.
    matches = find_matches(
        rgb_to_luma(left)[:, ::-1], np.ascontiguousarray(right[:, ::-1])
    )
    width = disparity.shape[1]
    true = disparity[matches.points[:, 0], width - 1 - matches.points[:, 1]]
    known = np.isfinite(true) & (true > 0)
    down, across = matches.offsets[known].T
    right_ones = np.abs(across - true[known]) < 1
    assert known.sum() > 60 and right_ones.mean() > 0.7
    assert np.median(np.abs(across - true[known])[right_ones]) < 0.3
    assert np.median(np.abs(down[right_ones])) < 0.3


@pytest.mark.parametrize("shift", [1, -2.5, 8])
def test_a_reference_that_is_lower(pair, shift):
    left, right = pair
    lower = _moved(left, translation=(0, shift))
    found, agreeing = estimate_alignment(_matches(rgb_to_luma(right), lower))
    assert found.down == pytest.approx(shift, abs=0.2)
    assert found.most(*left.shape[:2]) == pytest.approx(abs(shift), abs=0.4)
    assert len(agreeing.points) > 60
    inside = np.s_[12:-12, 12:-12]
    error = np.abs(found.undo(lower) - left)[inside].mean()
    assert error < 0.3 * np.abs(lower - left)[inside].mean()


def test_a_reference_that_is_turned_and_magnified(pair):
    left, right = pair
    moved = _moved(left, rotation=np.deg2rad(0.5), scale=1.01)
    found, _ = estimate_alignment(_matches(rgb_to_luma(right), moved))
    assert found.rotation == pytest.approx(np.deg2rad(0.5), abs=1e-3)
    assert found.magnification == pytest.approx(0.01, abs=1.5e-3)
    inside = np.s_[12:-12, 12:-12]
    error = np.abs(found.undo(moved) - left)[inside].mean()
    assert error < 0.4 * np.abs(moved - left)[inside].mean()


def test_undoing_is_the_similarity_of_scikit_image():
    # A smooth picture: scikit-image has other cubic interpolation.
    rgb = gaussian_filter(np.random.default_rng(0).random((40, 60, 3)), (4, 4, 0))
    rgb = (rgb - rgb.min()) / np.ptp(rgb)
    found = Alignment(down=1.5, rotation=0.01, magnification=0.02)
    matrix = np.array([[1.02, -0.01, 0], [0.01, 1.02, 1.5], [0, 0, 1]])
    middle = SimilarityTransform(translation=(-59 / 2, -39 / 2))
    there = SimilarityTransform(matrix=middle.inverse.params @ matrix @ middle.params)
    expected = np.clip(warp(rgb, there, order=3, mode="edge"), 0, 1)
    inside = np.s_[8:-8, 8:-8]
    np.testing.assert_allclose(found.undo(rgb)[inside], expected[inside], atol=2e-3)


def test_equal_cameras_are_left_alone(pair):
    left, right = pair
    mono, reference = rgb_to_luma(right), left
    seen = see_alike(_taken(mono, 0.01, 0), _taken(reference, 0.03, 1), _POLICY)
    assert seen.alignment is None and seen.photometry is None
    assert not seen.normalized and not seen.swapped and seen.notes == ()
    np.testing.assert_array_equal(seen.luma, _taken(mono, 0.01, 0))
    np.testing.assert_array_equal(seen.rgb, _taken(reference, 0.03, 1))


_TONES = {
    "half the code values": lambda luma: luma / 2,
    "three stops less": lambda luma: luma / 8 ** (1 / 2.2),
    "gamma 2.2": lambda luma: luma**2.2,
    "gamma 0.5": lambda luma: luma**0.5,
    "more contrast": lambda luma: luma * luma * (3 - 2 * luma),
}


@pytest.mark.parametrize("tone", _TONES.values(), ids=_TONES)
def test_another_tone(pair, tone):
    left, right = pair
    luma = rgb_to_luma(right)
    found = estimate_photometry(_matches(tone(luma), left))
    seen = found.seen(tone(luma))
    usual = np.abs(seen - luma)[(luma > 0.05) & (luma < 0.95)]
    assert np.median(usual) < 0.015 and np.percentile(usual, 95) < 0.05
    # Hue and saturation stay those of the scene, at the mono picture's light.
    chroma = found.chroma(rgb_to_chroma(right), tone(luma), seen)
    expected = rgb_to_chroma(right) * tone(luma) / np.maximum(luma, 1e-3)
    middle = np.broadcast_to((luma > 0.1) & (luma < 0.9), chroma.shape)
    assert (
        np.abs(chroma - expected)[middle].mean()
        < 0.08 * np.abs(expected[middle]).mean()
    )


def test_light_from_place_to_place(pair):
    """No curve explains a picture whose light was compressed, and its detail lifted."""
    left, right = pair
    luma = rgb_to_luma(right)
    light = gaussian_filter(luma, (25, 25, 0))
    toned = np.clip(0.5 + 0.4 * (light - 0.5) + 1.3 * (luma - light), 0, 1)
    seen = see_alike(_taken(toned, 0.01, 0), _taken(left, 0.03, 1), _POLICY)
    assert seen.photometry.local_gain is not None
    assert "other light from place to place" in seen.notes[0]
    before, after = np.abs(toned - luma), np.abs(seen.luma - luma)
    assert after.mean() < 0.6 * before.mean()
    # Hue and saturation stay those of the scene, at the mono picture's light.
    chroma = seen.own_chroma(rgb_to_chroma(right), toned)
    expected = rgb_to_chroma(right) * toned / np.maximum(luma, 0.02)
    bright = np.broadcast_to(luma > 0.1, chroma.shape)
    assert (
        np.abs(chroma - expected)[bright].mean()
        < 0.6 * np.abs(rgb_to_chroma(right) - expected)[bright].mean()
    )


def test_a_camera_of_one_color(pair):
    """R = Y + 1.402 Cr and B = Y + 1.772 Cb (BT.601)."""
    left, right = pair
    red = estimate_photometry(_matches(right[..., :1], left))
    np.testing.assert_allclose(red.response, [0, 1.402], atol=0.15)
    blue = estimate_photometry(_matches(right[..., 2:], left))
    np.testing.assert_allclose(blue.response, [1.772, 0], atol=0.2)
    seen = rgb_to_luma(blue.reference_seen(left))
    assert np.abs(seen - left[..., 2:]).mean() < 0.02
    np.testing.assert_allclose(
        rgb_to_chroma(blue.reference_seen(left)), rgb_to_chroma(left), atol=1e-6
    )
    assert not blue.vignetting.any()
    # The reference's luma is found again, and with it chroma over luma.
    toned = blue.seen(right[..., 2:])
    chroma = blue.chroma(rgb_to_chroma(right), right[..., 2:], toned)
    bright = (right[..., 2] > 0.15) & (right[..., 2] < 0.9)
    saturation = chroma[bright] / right[bright][:, 2:]
    expected = rgb_to_chroma(right[bright]) / rgb_to_luma(right[bright])
    assert np.abs(saturation - expected).mean() < 0.15 * np.abs(expected).mean()


def test_a_second_method_says_how_bright_the_reference_is(pair):
    """A red camera that clips: luma is the mean of what both methods say (D-42)."""
    _, right = pair
    curve = np.array([[0.1, 0.9], [0.1, 0.9]])
    red = Photometry(curve, np.array([0.0, 1.402]), np.zeros(2))
    luma, truth = rgb_to_luma(right), rgb_to_chroma(right)
    mono = np.minimum(luma + 1.402 * truth[..., 1:], 0.6)
    matched = np.concatenate([rgb_to_luma(red.reference_seen(right)), truth], axis=-1)

    def error(*second):
        found = red.chroma(truth, mono, mono, *second) * luma / mono
        return np.abs(found - truth)[mono[..., 0] > 0.05]

    # Both methods count alike, where it is not next to black.
    shown = (mono - 1.402 * truth[..., 1:] + luma) / 2
    bright = mono[..., 0] > 0.1
    np.testing.assert_allclose(
        red.chroma(truth, mono, mono, matched)[bright],
        (truth * mono / shown)[bright],
        atol=1e-5,
    )
    alone, together = error(), error(matched)
    clipped = (mono == 0.6)[mono > 0.05]
    assert alone[~clipped].max() < 1e-5 and together[~clipped].max() < 1e-5
    assert together[clipped].mean() < 0.6 * alone[clipped].mean()


def test_vignetting(pair):
    left, right = pair
    height, width = left.shape[:2]
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)
    shade = (1 - 0.6 * (x**2 + y**2) / 2)[..., None]
    luma = rgb_to_luma(right)
    found = estimate_photometry(_matches(luma * shade, left))
    seen = found.seen(luma * shade)
    assert np.median(np.abs(seen - luma)) < 0.015
    assert np.median(np.abs(luma * shade - luma)) > 0.05
    assert not found.response.any()


def test_cameras_that_see_different_things_get_local_contrast(pair):
    left, right = pair
    other = (right[..., :1] + 1 - right[..., 2:]) / 2
    seen = see_alike(_taken(other, 0.01, 0), _taken(left, 0.03, 1), _POLICY)
    assert seen.normalized and seen.photometry is None
    np.testing.assert_allclose(
        rgb_to_chroma(seen.rgb), rgb_to_chroma(_taken(left, 0.03, 1)), atol=1e-6
    )


def test_views_the_wrong_way_round(pair):
    left, right = pair
    luma, reference = rgb_to_luma(left).astype(np.float32), right.astype(np.float32)
    assert see_alike(luma, reference, _POLICY).swapped
    assert are_swapped(luma, reference)
    assert not are_swapped(luma[:, ::-1], reference[:, ::-1])


def test_switches(pair):
    left, right = pair
    mono = (rgb_to_luma(right) / 2).astype(np.float32)
    lower = np.roll(left, 3, axis=0).astype(np.float32)
    both = see_alike(mono, lower, _POLICY)
    assert both.alignment and both.photometry and len(both.notes) == 2
    assert "3" in both.notes[0] and "2 times brighter" in both.notes[1]
    rows = see_alike(mono, lower, Policy(match_cameras=False))
    assert rows.alignment == both.alignment and rows.photometry is None
    np.testing.assert_array_equal(rows.luma, mono)
    light = see_alike(mono, lower, Policy(align=False))
    assert light.alignment is None and light.photometry
    neither = see_alike(mono, lower, Policy(align=False, match_cameras=False))
    assert neither.luma is mono and neither.rgb is lower


def test_a_reference_that_shows_the_background_further_left(pair):
    """Disparities are 10 to 63 px; 30 px further left, a part of them is negative."""
    left, right = pair
    mono = _taken(rgb_to_luma(right), 0.01, 0)
    moved = _taken(_moved(left, translation=(-30, 0)), 0.03, 1)
    seen = see_alike(mono, moved, _POLICY)
    height, width = mono.shape[:2]
    assert 15 <= seen.left <= 30 and f"{seen.left} px" in seen.notes[0]
    assert seen.luma.shape == (height, width + seen.left, 1)
    np.testing.assert_array_equal(seen.luma[:, :width], mono)
    np.testing.assert_array_equal(seen.rgb[:, seen.left :], moved)
    # Now Eq. 1 finds what it did not find before.
    _, agreeing = estimate_alignment(find_matches(seen.luma, seen.rgb))
    assert np.quantile(agreeing.offsets[:, 1], 0.05) > 0
    chroma = rgb_to_chroma(seen.rgb)
    np.testing.assert_array_equal(seen.own_chroma(chroma, mono), chroma[:, :width])
    assert see_alike(mono, moved, Policy(align=False)).left == 0


@pytest.mark.parametrize("size", [(1, 1), (5, 200), (16, 16), (33, 40)])
def test_pictures_without_matches(size):
    """Tiny or featureless pictures are left alone."""
    mono = np.full((*size, 1), 0.5, np.float32)
    reference = np.full((*size, 3), (0.6, 0.4, 0.5), np.float32)
    seen = see_alike(mono, reference, _POLICY)
    assert seen.luma is mono and seen.rgb is reference and not seen.notes
