"""The method of Jeon et al."""

import numpy as np
import pytest

from colornet.color import rgb_to_luma
from colornet.colorizer.classic import matching
from colornet.metrics import chroma_psnr
from colornet.noise import NOISE_SETUPS, add_noise
from experiments.methods import jeon
from experiments.methods.filters import GuidedFilter
from tests.stereo_scene import two_planes

_D = 32


def test_informative_edges_equal_loop_twin():
    luma = np.random.default_rng(0).random((9, 11))
    down, right = np.gradient(luma)
    edges = jeon.informative_edges(luma)
    # Away from the border, where windows hold one-sided differences.
    for j in range(2, 7):
        for i in range(2, 9):
            window = np.s_[j - 1 : j + 2, i - 1 : i + 2]
            norm = np.hypot(down[window].mean(), right[window].mean())
            mean_norm = np.hypot(down[window], right[window]).mean()
            assert edges[j, i] == pytest.approx(norm / (mean_norm + 0.01), abs=1e-5)


def test_informative_edges_tell_edges_from_noise():
    step = np.repeat([[0.2, 0.8]], 20, axis=0).repeat(10, axis=1)
    weak = 0.4 + 0.2 * step
    noise = 0.5 + 0.01 * np.random.default_rng(0).normal(size=(20, 20))
    assert jeon.informative_edges(step)[5:15, 9:11].min() > 0.95
    # A fifth of the contrast is nearly as good an edge.
    assert jeon.informative_edges(weak)[5:15, 9:11].min() > 0.75
    assert jeon.informative_edges(noise)[2:-2, 2:-2].mean() < 0.35


def test_winners_equal_loop_twin():
    rng = np.random.default_rng(0)
    height, width, d = 12, 20, 5
    mono, luma = rng.random((2, height, width)).astype(np.float32)
    edges = rng.random((2, height, width)).astype(np.float32)
    filters = [GuidedFilter(picture, 2, 1e-3) for picture in (mono, luma)]
    found = jeon.best_candidates(mono, luma, tuple(edges), tuple(filters), d)

    volumes = np.ones((2, d, height, width), np.float32)
    for k in range(d):
        for j in range(height):
            for i in range(width - k):
                brightness = min(abs(mono[j, i] - luma[j, i + k]) / 0.1, 1)
                edge = min(abs(edges[0, j, i] - edges[1, j, i + k]) / 0.5, 1)
                volumes[0, k, j, i] = volumes[1, k, j, i + k] = (brightness + edge) / 2
    for view in (0, 1):
        aggregated = np.stack([filters[view](costs) for costs in volumes[view]])
        for j in range(height):
            for i in range(width):
                inside = [k for k in range(d) if 0 <= (i + k, i - k)[view] < width]
                best = min(inside, key=lambda k: aggregated[k, j, i])
                assert found[view][j, i] == best


def test_two_planes():
    scene = two_planes()
    luma = rgb_to_luma(scene.reference)[..., 0]
    disparity, reliable = jeon.match(scene.mono, luma, _D)
    right = disparity == scene.disparity
    assert right[scene.visible].mean() > 0.97
    assert reliable[scene.visible].mean() > 0.97
    assert reliable[~scene.visible].mean() < 0.3
    chroma = jeon.jeon(scene.mono, scene.reference, _D)
    sure = reliable & right & scene.visible
    assert chroma_psnr(chroma[sure], scene.chroma[sure]) > 50


def test_gain_adapts_until_pictures_of_different_brightness_match():
    scene = two_planes()
    # From 0.6 at the left to 1.3 at the right.
    mono = scene.mono * np.linspace(0.6, 1.3, scene.mono.shape[1])
    luma = rgb_to_luma(scene.reference)[..., 0]

    def found(rounds):
        disparity, reliable = jeon.match(mono, luma, _D, rounds)
        right = reliable & (disparity == scene.disparity)
        return right[scene.visible].mean()

    assert found(rounds=3) > 0.97
    assert found(rounds=1) < 0.8


def test_colours_are_denoised_before_they_are_copied(monkeypatch):
    scene = two_planes()
    noise = NOISE_SETUPS[2]
    mono = add_noise(scene.mono, noise.mono, np.random.RandomState(0))
    reference = add_noise(scene.reference, noise.color, np.random.RandomState(1))

    def psnr():
        chroma = jeon.jeon(mono, reference, _D)
        return chroma_psnr(chroma[scene.visible], scene.chroma[scene.visible])

    denoised = psnr()
    monkeypatch.setattr(matching, "denoise", lambda rgb: rgb)
    assert denoised > psnr() + 2
