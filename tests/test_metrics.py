import numpy as np
import pytest

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.errors import InputError
from colornet.metrics import Truth, chroma_psnr

_LEVEL = 1 / 255


def score(chroma, mono, target, visible=None):
    return Truth(mono, target, visible).score(chroma)


def _ssim(x, y):
    """Wang et al. 2004, a window at a time, on one channel of 8-bit codes."""
    distance = np.arange(-5, 6)
    bell = np.exp(-(distance**2) / (2 * 1.5**2))
    window = np.outer(bell, bell) / bell.sum() ** 2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for j in range(x.shape[0] - 10):
        for i in range(x.shape[1] - 10):
            a, b = x[j : j + 11, i : i + 11], y[j : j + 11, i : i + 11]
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a = (window * (a - mean_a) ** 2).sum()
            var_b = (window * (b - mean_b) ** 2).sum()
            cov = (window * (a - mean_a) * (b - mean_b)).sum()
            values.append(
                (2 * mean_a * mean_b + c1)
                * (2 * cov + c2)
                / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
            )
    return np.mean(values)


@pytest.fixture(scope="module")
def pair():
    """(mono, target, chroma): a smooth picture and a noisy prediction of its chroma."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:25, 0:31] / 31
    target = np.stack([0.3 + 0.4 * rows, 0.6 - 0.3 * columns, rows * columns], axis=-1)
    target = np.rint(target * 255) / 255
    chroma = rgb_to_chroma(target) + rng.normal(0, 0.02, (25, 31, 2))
    return rgb_to_luma(target), target, chroma


def test_chroma_psnr_by_hand():
    truth = np.zeros((4, 6, 2))
    wrong = truth.copy()
    wrong[..., 0] = 3 * _LEVEL  # mean square error 9 / 2 over both channels
    assert chroma_psnr(wrong, truth) == pytest.approx(10 * np.log10(255**2 / 4.5))
    wrong[0, 0, 1] = -7 * _LEVEL  # one of 48 numbers
    mse = (24 * 9 + 49) / 48
    assert chroma_psnr(wrong, truth) == pytest.approx(10 * np.log10(255**2 / mse))


def test_chroma_is_rounded_and_clipped_to_8_bits():
    truth = np.zeros((4, 6, 2))
    assert chroma_psnr(truth + 0.4 * _LEVEL, truth) == 100
    assert chroma_psnr(truth + 0.6 * _LEVEL, truth) == pytest.approx(20 * np.log10(255))
    far = 20 * np.log10(255 / 127)
    assert chroma_psnr(truth + 0.9, truth) == pytest.approx(far)


def test_studio_psnr_is_higher_by_the_ratio_of_the_ranges():
    rng = np.random.default_rng(0)
    target = rng.uniform(0.3, 0.7, (150, 160, 3))
    chroma = rgb_to_chroma(target) + rng.normal(0, 0.04, (150, 160, 2))
    scores = score(chroma, rgb_to_luma(target), target)
    gain = 20 * np.log10(255 / 224)
    assert gain == pytest.approx(1.126, abs=1e-3)
    assert scores["studio_psnr"] - scores["psnr"] == pytest.approx(gain, abs=0.02)
    assert scores["psnr"] == chroma_psnr(chroma, rgb_to_chroma(target))
    assert scores["psnr"] == pytest.approx(-20 * np.log10(0.04), abs=0.1)


def test_ssim_is_that_of_wang_2004(pair):
    mono, target, chroma = pair
    scores = score(chroma, mono, target)
    for prefix, span in (("", 255), ("studio_", 224)):
        found, truth = (
            np.rint(128 + span * np.clip(value, -0.5, 0.5))
            for value in (chroma, rgb_to_chroma(target))
        )
        expected = np.mean([_ssim(found[..., c], truth[..., c]) for c in (0, 1)])
        assert 0.1 < expected < 0.99
        assert scores[f"{prefix}ssim"] == pytest.approx(expected, abs=1e-7)


def test_rgb_scores_by_hand():
    # A reddish grey that is predicted as grey: R is 30 levels off, G and B are not 0.
    target = np.full((12, 13, 3), 100 * _LEVEL)
    target[..., 0] = 130 * _LEVEL
    mono = rgb_to_luma(target)  # 108.97 levels, so grey is 109 everywhere
    scores = score(np.zeros((12, 13, 2)), mono, target)
    mse = (21**2 + 9**2 + 9**2) / 3
    assert scores["rgb_psnr"] == pytest.approx(10 * np.log10(255**2 / mse))
    flat = [_ssim(np.full((11, 11), 109.0), np.full((11, 11), v)) for v in (130, 100)]
    expected = (flat[0] + 2 * flat[1]) / 3
    assert scores["rgb_ssim"] == pytest.approx(expected, abs=1e-7)


def test_rgb_scores_are_of_the_picture_that_colorize_returns():
    # White mono pixels stay white, whatever chroma is predicted for them.
    target = np.ones((12, 13, 3))
    chroma = np.full((12, 13, 2), 0.3)
    scores = score(chroma, np.ones((12, 13, 1)), target)
    assert scores["rgb_psnr"] == 100
    assert scores["psnr"] < 15


def test_the_truth_scores_best(pair):
    mono, target, _ = pair
    scores = score(rgb_to_chroma(target), mono, target)
    assert {name for name in scores if scores[name] == 100} == {
        "psnr",
        "studio_psnr",
        "rgb_psnr",
    }
    for name in ("ssim", "studio_ssim", "rgb_ssim"):
        assert scores[name] == pytest.approx(1)


def test_scores_where_the_reference_shows_a_pixel_and_where_not():
    target = np.full((12, 13, 3), 100 * _LEVEL)
    visible = np.ones((12, 13), bool)
    visible[:, 9:] = False
    chroma = np.zeros((12, 13, 2))
    chroma[:, :9, 0], chroma[:, 9:, 1] = 2 * _LEVEL, 8 * _LEVEL
    grey = rgb_to_luma(target)
    scores = score(chroma, grey, target, visible)
    for name, error in (("visible_psnr", 2), ("hidden_psnr", 8)):
        expected = 10 * np.log10(255**2 / (error**2 / 2))
        assert scores[name] == pytest.approx(expected)
    everywhere = score(chroma, grey, target, visible | True)
    assert everywhere["hidden_psnr"] is None
    assert everywhere["visible_psnr"] == everywhere["psnr"]
    unknown = score(chroma, grey, target)
    assert unknown["visible_psnr"] is None and unknown["hidden_psnr"] is None


def test_pictures_smaller_than_the_window_of_ssim():
    with pytest.raises(InputError, match="11 x 11 .* Received: 30 x 10"):
        score(np.zeros((10, 30, 2)), np.zeros((10, 30, 1)), np.zeros((10, 30, 3)))
