"""A mono camera with a response and a tone curve of its own, against plain loops."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from colornet.color import rgb_to_chroma, rgb_to_luma
from tfrecords_tools.synthetic import MonoCamera, lowered

_USUAL = (0.299, 0.587, 0.114)


def _picture(seed=0):
    picture = gaussian_filter(
        np.random.default_rng(seed).random((24, 32, 3)), (2, 2, 0)
    )
    picture = np.clip(5 * (picture - 0.5) + 0.5, 0, 1)
    return np.rint(255 * picture).astype(np.uint8)


def _twin(camera, pixel):
    """Luma of one pixel, step by step."""
    level = sum(p * c / 255 for p, c in zip(camera.response, pixel, strict=True))
    level = min(1.0, camera.gain * level) ** camera.gamma
    odds = (level / (1 - level)) ** camera.contrast if level < 1 else np.inf
    return 1.0 if odds == np.inf else odds / (1 + odds)


@pytest.mark.parametrize(
    "camera",
    [
        MonoCamera((1.0, 0.0, 0.0), 1.6, 0.5, 1.4),
        MonoCamera((0.1, 0.2, 0.7), 0.5, 2.2, 0.7),
        MonoCamera(_USUAL, 1.0, 1.0, 1.0),
    ],
)
def test_luma_hue_and_saturation(camera):
    picture = _picture()
    seen = camera(picture)
    assert seen.dtype == np.uint8 and seen.shape == picture.shape
    luma = rgb_to_luma(seen / 255)[..., 0]
    fits = 0
    for place in np.ndindex(24, 32):
        expected = _twin(camera, picture[place].tolist())
        assert luma[place] == pytest.approx(expected, abs=0.6 / 255)
        scene = picture[place] / 255.0
        # All channels times the same number: chroma over luma is the scene's.
        same = scene * expected / rgb_to_luma(scene)
        if same.max() < 1:
            np.testing.assert_allclose(seen[place] / 255, same, atol=0.6 / 255)
            fits += 1
        else:  # No such colour: as much of it as there is, of the same hue.
            blue, red = rgb_to_chroma(scene)
            found = rgb_to_chroma(seen[place] / 255)
            assert found[0] * red == pytest.approx(found[1] * blue, abs=2e-3)
    assert fits > 150
    if camera.response == _USUAL:
        np.testing.assert_allclose(seen, picture, atol=1)


def test_draws():
    def drawn(strength):
        rng = np.random.default_rng(0)
        return [MonoCamera.draw(rng, strength) for _ in range(300)]

    for camera in drawn(0.0):
        assert camera.response == pytest.approx(_USUAL)
        assert (camera.gain, camera.gamma, camera.contrast) == (1, 1, 1)
    for strength in (1.0, 0.5):
        cameras = drawn(strength)
        response = np.array([camera.response for camera in cameras])
        np.testing.assert_allclose(response.sum(axis=1), 1)
        # Convex, and over all of R, G and B.
        spread = (1 - strength) * np.array(_USUAL)
        assert (response >= spread - 1e-9).all()
        assert (response.max(axis=0) > spread + 0.8 * strength).all()
        for name, most in (("gain", 2), ("gamma", 2.2), ("contrast", 1.5)):
            powers = np.log([getattr(camera, name) for camera in cameras])
            powers /= strength * np.log(most)
            assert np.abs(powers).max() <= 1 and np.ptp(powers) > 1.9


def test_lowered():
    picture = _picture()
    np.testing.assert_array_equal(lowered(picture, 0), picture)
    np.testing.assert_allclose(lowered(picture, 2)[4:], picture[2:-2], atol=1)
    # A parabola is what cubic interpolation has exactly.
    y = np.arange(24.0)[:, None, None]
    parabola = np.broadcast_to(20 + 0.4 * y**2, (24, 8, 3))
    half = lowered(np.rint(parabola).astype(np.uint8), 0.5).astype(float)
    expected = 20 + 0.4 * (y - 0.5) ** 2
    assert np.abs(half - expected)[6:-6].max() < 1.2
    assert np.abs(half - expected)[6:-6].mean() < 0.4
