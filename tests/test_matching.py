"""Pieces of the stereo methods."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from colornet.colorizer.classic import matching
from colornet.noise import estimate_noise
from experiments.methods.filters import GuidedFilter


def _smooth(shape, scale, seed=0):
    rng = np.random.default_rng(seed)
    values = gaussian_filter(rng.normal(size=shape), (scale, scale, 0)[: len(shape)])
    return values / values.std()


def test_noise_is_measured_on_structure():
    picture = 0.5 + 0.1 * _smooth((120, 160, 3), 4)
    assert estimate_noise(picture) < 0.002
    noise = np.random.default_rng(1).normal(scale=0.03, size=picture.shape)
    assert estimate_noise(picture + noise) == pytest.approx(0.03, rel=0.05)


@pytest.mark.parametrize("strength", [0.03, 0.07])
def test_noise_of_the_benchmark_is_removed_at_all_intensities(strength):
    blocks = np.random.default_rng(0).uniform(0.02, 0.9, size=(4, 5, 3))
    clean = np.kron(blocks, np.ones((24, 24, 1)))
    noise = np.random.default_rng(1).normal(size=clean.shape)
    noisy = clean + strength * np.sqrt(clean) * noise
    before, after = (
        np.square(picture - clean)
        for picture in (noisy, matching.denoise(np.clip(noisy, 0, 1)))
    )
    assert after.mean() < before.mean() / 10
    for half in (clean < 0.4, clean >= 0.4):
        assert after[half].mean() < before[half].mean() / 8


def test_picture_without_noise_is_kept():
    flat = np.full((20, 30, 3), 0.3, np.float32)
    np.testing.assert_allclose(matching.denoise(flat), flat, atol=1e-6)
    structured = 0.5 + 0.2 * np.tanh(_smooth((60, 80, 3), 1.5))
    change = matching.denoise(structured) - structured
    assert np.sqrt(np.mean(np.square(change))) < 0.002


def test_gradients():
    picture = np.random.default_rng(0).normal(size=(6, 7))
    down, right = matching.gradients(picture)
    expected_down, expected_right = np.gradient(picture)
    np.testing.assert_allclose(down[1:-1], expected_down[1:-1])
    np.testing.assert_allclose(right[:, 1:-1], expected_right[:, 1:-1])
    np.testing.assert_allclose(right[:, 0], (picture[:, 1] - picture[:, 0]) / 2)


@pytest.mark.parametrize("max_disparity", [1, 3, 9])
def test_candidates_are_those_of_equation_1(max_disparity):
    width = 5
    found = set()
    for k, here, there in matching.candidates(max_disparity, width):
        pairs = zip(range(width)[here], range(width)[there], strict=True)
        found |= {(k, i, match) for i, match in pairs}
    assert found == {
        (k, i, i + k)
        for k in range(max_disparity)
        for i in range(width)
        if i + k < width
    }


def test_left_right_check_finds_the_occlusion_of_a_step():
    # A wall of disparity 2 and, in mono columns 10 ... 15, a board of disparity 6: the
    # board is seen in reference columns 16 ... 21 and hides the wall's 14 ... 19, of
    # which the mono view sees 16 ... 19.
    width = 30
    disparity = np.full((1, width), 2)
    disparity[:, 10:16] = 6
    reference_disparity = np.full((1, width), 2)
    reference_disparity[:, 16:22] = 6
    known = matching.left_right_check(disparity, reference_disparity)
    hidden = [16, 17, 18, 19]
    outside = [28, 29]
    assert np.flatnonzero(~known).tolist() == [*hidden, *outside]


def test_left_right_check_allows_its_tolerance():
    disparity = np.full((1, 20), 4.4)
    for back, agreed in ((3, False), (4, True), (5, True), (6, False)):
        known = matching.left_right_check(disparity, np.full((1, 20), back))
        assert known[0, :16].all() == known[0, :16].any() == agreed
    one_off = matching.left_right_check(np.full((1, 20), 4), np.full((1, 20), 5))
    assert one_off[0, :16].all()


@pytest.mark.parametrize("channels", [(), (2,)])
def test_warp_equals_loop_twin(channels):
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(4, 9, *channels))
    disparity = rng.uniform(0, 6, size=(4, 9))
    disparity[0, :3] = 2
    expected = np.empty_like(reference)
    for j in range(4):
        for i in range(9):
            match = min(i + disparity[j, i], 8)
            columns = [reference[j, x] for x in range(9)]
            near = [max(0, 1 - abs(match - x)) for x in range(9)]
            expected[j, i] = sum(w * c for w, c in zip(near, columns, strict=True))
    np.testing.assert_allclose(matching.warp(reference, disparity), expected, atol=1e-5)


def test_local_gain():
    mono = 0.5 + 0.1 * _smooth((80, 240), 2)
    factor = np.where(np.arange(240) < 80, 0.7, 1.4)
    known = np.zeros(mono.shape, bool)
    known[:, :160] = np.random.default_rng(0).random((80, 160)) < 0.3
    # What is not known must not count, however wrong it is.
    matched = np.where(known, factor * mono, 9.0)
    gain = matching.local_gain(mono, matched, known, sigma=5)
    np.testing.assert_allclose(gain[:, :60], 0.7, atol=0.02)
    np.testing.assert_allclose(gain[:, 100:150], 1.4, atol=0.02)
    np.testing.assert_allclose(gain[:, 200:], 1, atol=0.01)


@pytest.mark.parametrize("epsilon", [1e-4, 0.1])
def test_guided_filter_equals_its_definition(epsilon):
    rng = np.random.default_rng(0)
    height, width, radius = 8, 10, 2
    guide, picture = rng.random((height, width)), rng.random((height, width))

    def window(j, i):
        rows = slice(max(j - radius, 0), j + radius + 1)
        return rows, slice(max(i - radius, 0), i + radius + 1)

    lines = np.empty((height, width, 2))
    for j in range(height):
        for i in range(width):
            x, y = guide[window(j, i)].ravel(), picture[window(j, i)].ravel()
            # Ridge regression, the cost function of the paper's Eq. 5.
            design = np.stack([x, np.ones_like(x)], axis=1)
            ridge = np.diag([len(x) * epsilon, 0])
            lines[j, i] = np.linalg.solve(design.T @ design + ridge, design.T @ y)
    expected = np.empty((height, width))
    for j in range(height):
        for i in range(width):
            slope, offset = lines[window(j, i)].reshape(-1, 2).mean(axis=0)
            expected[j, i] = slope * guide[j, i] + offset
    filtered = GuidedFilter(guide, radius, epsilon)(picture.astype(np.float32))
    np.testing.assert_allclose(filtered, expected, atol=1e-4)


def test_nothing_reliable_is_grey():
    def match(mono, luma, max_disparity):
        return np.zeros(mono.shape), np.zeros(mono.shape, bool)

    reference = np.random.default_rng(0).random((5, 6, 3))
    chroma = matching.colorize(match, reference[..., 0], reference, 3)
    np.testing.assert_array_equal(chroma, np.zeros((5, 6, 2), np.float32))
