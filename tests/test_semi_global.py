"""Semi-global matching."""

import numpy as np
import pytest

from colornet.color import rgb_to_luma
from colornet.colorizer.classic import semi_global
from colornet.metrics import chroma_psnr
from tests.stereo_scene import two_planes

_D = 32
_ALL_DIRECTIONS = [(j, i) for j in (-1, 0, 1) for i in (-1, 0, 1) if (j, i) != (0, 0)]


def test_census_equals_loop_twin():
    luma = np.random.default_rng(0).random((7, 9))
    # Equal neighbours are not darker.
    luma[2:4, 3:6] = 0.5
    code = semi_global.census(luma)
    for j in range(7):
        for i in range(9):
            bits = [
                luma[np.clip(j + down, 0, 6), np.clip(i + right, 0, 8)] < luma[j, i]
                for down in range(-2, 3)
                for right in range(-2, 3)
                if (down, right) != (0, 0)
            ]
            assert code[j, i] == int("".join(str(int(bit)) for bit in bits), 2)


@pytest.mark.parametrize("max_disparity", [1, 4, 30])
def test_matching_costs_equal_loop_twin(max_disparity):
    rng = np.random.default_rng(0)
    height, width = 6, 11
    mono, luma = 0.3 * rng.random((2, height, width))
    costs = semi_global.matching_costs(mono, luma, max_disparity)
    assert len(costs) == min(max_disparity, width)

    codes = semi_global.census(mono), semi_global.census(luma)

    def slope(picture, j, i):
        rows = picture[np.clip([j - 1, j + 1], 0, height - 1), i]
        columns = picture[j, np.clip([i - 1, i + 1], 0, width - 1)]
        return np.array([rows[1] - rows[0], columns[1] - columns[0]]) / 2

    for k, j, i in np.ndindex(costs.shape):
        if i + k >= width:
            assert costs[k, j, i] == 24
            continue
        bits = bin(codes[0][j, i] ^ codes[1][j, i + k]).count("1")
        difference = np.abs(slope(mono, j, i) - slope(luma, j, i + k)).sum()
        assert costs[k, j, i] == bits + np.rint(15 * min(difference / 0.1, 1))


def test_costs_seen_from_the_reference():
    costs = np.random.default_rng(0).integers(0, 39, (4, 3, 6)).astype(np.uint8)
    mirrored = semi_global.seen_from_reference(costs)
    for k, j, i in np.ndindex(mirrored.shape):
        assert mirrored[k, j, i] == (costs[k, j, i - k] if i >= k else 24)


def _path_costs(costs, j, i, step, cache):
    """Hirschmueller's Eq. 13 by recursion: costs of all candidates of one pixel."""
    height, width = costs.shape[1:]
    if not (0 <= j < height and 0 <= i < width):
        return None
    if (j, i) not in cache:
        before = _path_costs(costs, j - step[0], i - step[1], step, cache)
        path = [int(cost) for cost in costs[:, j, i]]
        if before is not None:
            for k in range(len(path)):
                ways = [before[k], min(before) + 40]
                ways += [before[n] + 6 for n in (k - 1, k + 1) if 0 <= n < len(path)]
                path[k] += min(ways) - min(before)
        cache[j, i] = path
    return cache[j, i]


@pytest.mark.parametrize("shape", [(5, 6, 7), (1, 4, 5), (2, 1, 6), (3, 6, 1)])
def test_aggregation_equals_loop_twin(shape):
    # As high as costs can be, so that the sums test the 8 bits they are kept in.
    costs = np.random.default_rng(0).integers(0, 40, shape).astype(np.uint8)
    expected = np.zeros(shape, int)
    for direction in _ALL_DIRECTIONS:
        cache = {}
        for j, i in np.ndindex(shape[1:]):
            expected[:, j, i] += _path_costs(costs, j, i, direction, cache)
    np.testing.assert_array_equal(semi_global.aggregate(costs), expected)


def test_path_costs_fit_their_type():
    worst = 24 + semi_global.GRADIENT_WEIGHT + semi_global.JUMP_PENALTY
    assert worst + semi_global.JUMP_PENALTY <= np.iinfo(np.uint8).max
    assert 8 * worst <= np.iinfo(np.uint16).max


def test_subpixel_finds_the_lowest_point_of_a_parabola():
    lowest = np.array([[0.0, 0.6, 2.4, 3.1, 5.0, 4.6]])
    candidates = np.arange(6)[:, None, None]
    found = semi_global.subpixel(1000 * np.square(candidates - lowest))
    # At the first and the last candidate there is no parabola.
    np.testing.assert_allclose(found, [[0, 0.6, 2.4, 3.1, 5, 5]], atol=1e-3)


def test_subpixel_of_few_or_equal_candidates():
    for candidates in (1, 2, 3, 5):
        flat = np.ones((candidates, 2, 3), np.uint16)
        np.testing.assert_array_equal(semi_global.subpixel(flat), np.zeros((2, 3)))


@pytest.mark.parametrize("darker", [1.0, 0.6])
def test_two_planes(darker):
    scene = two_planes()
    mono = darker * scene.mono
    luma = rgb_to_luma(scene.reference)[..., 0]
    disparity, reliable = semi_global.match(mono, luma, _D)
    right = np.abs(disparity - scene.disparity) < 0.5
    assert right[scene.visible].mean() > 0.97
    assert reliable[scene.visible].mean() > 0.97
    assert reliable[~scene.visible].mean() < 0.15
    chroma = semi_global.semi_global(mono, scene.reference, _D)
    sure = reliable & right & scene.visible
    assert chroma_psnr(chroma[sure], scene.chroma[sure]) > 45


def test_matches_that_do_not_explain_brightness_are_not_reliable():
    scene = two_planes()
    luma = rgb_to_luma(scene.reference)[..., 0]
    # A spot that the reference does not have: both views agree on its disparity.
    mono = scene.mono.copy()
    spot = np.s_[6:9, 20:23]
    mono[spot] += 0.3
    _, before = semi_global.match(scene.mono, luma, _D)
    _, reliable = semi_global.match(mono, luma, _D)
    assert before[spot].all()
    assert not reliable[spot].any()
