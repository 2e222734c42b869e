"""The parts of Gupta et al.'s method against loops."""

import types

import numpy as np
import pytest
import scipy.sparse
from scipy.ndimage import gaussian_filter

from colornet.color import rgb_to_chroma, rgb_to_luma
from experiments.methods import gupta


@pytest.fixture(scope="module")
def luma():
    values = gaussian_filter(np.random.default_rng(0).normal(size=(30, 44)), 1.5)
    return 0.5 + 0.15 * np.tanh(values / values.std())


@pytest.fixture(scope="module")
def superpixels(luma):
    return gupta.Superpixels(luma)


def test_superpixels(luma, superpixels):
    labels = superpixels.labels
    count = labels.max() + 1
    assert count == pytest.approx(luma.size / 40, rel=0.3)
    adjacent = superpixels.adjacent.toarray()
    for label in range(count):
        members = np.argwhere(labels == label)
        distance = np.linalg.norm(members - members.mean(axis=0), axis=1)
        middle = superpixels.rows[label], superpixels.columns[label]
        assert labels[middle] == label
        assert np.linalg.norm(middle - members.mean(axis=0)) == pytest.approx(
            distance.min()
        )
        touching = {
            labels[j + y, i + x]
            for j, i in members
            for y, x in ((0, 1), (1, 0), (0, -1), (-1, 0))
            if 0 <= j + y < labels.shape[0] and 0 <= i + x < labels.shape[1]
        } - {label}
        assert set(np.flatnonzero(adjacent[label])) == touching
        assert set(adjacent[label]) <= {0, 1}
        mean = luma[labels == label].mean()
        around = np.mean([luma[labels == other].mean() for other in touching])
        np.testing.assert_allclose(superpixels.features[2][label], [mean, around])


def test_lengths_of_features(superpixels):
    assert [one.shape[1] for one in superpixels.features] == [40, 128, 2, 2]


def test_gabor_knows_wavelength_and_angle():
    rows, columns = np.mgrid[:80, :90]
    wavelengths = 4 * 2 ** (np.arange(5) / 2)
    for scale in range(5):
        for turn in range(8):
            angle, wavelength = turn * np.pi / 8, wavelengths[scale]
            along = columns * np.cos(angle) + rows * np.sin(angle)
            grating = 0.5 + 0.2 * np.cos(2 * np.pi * along / wavelength)
            responses = np.array(
                [one[40, 45] for one in gupta.gabor_magnitudes(grating)]
            )
            assert responses.argmax() == 8 * scale + turn
            # Half a cosine is one complex wave of half its amplitude. What a filter of
            # another wavelength and the same angle leaves of it is its bandwidth.
            detuning = 2 * np.pi * 0.56 * (wavelengths / wavelength - 1)
            expected = 0.1 * np.exp(-np.square(detuning) / 2)
            np.testing.assert_allclose(responses[turn::8], expected, atol=2e-3)
    assert max(one.max() for one in gupta.gabor_magnitudes(np.full((9, 9), 0.7))) < 1e-6


def test_surf_equals_loop_twin(luma):
    cells = np.concatenate(list(gupta.dense_surf(luma)), axis=-1)
    mirrored = np.pad(luma, 20, mode="symmetric")
    for j, i in [(0, 0), (14, 20), (29, 43)]:
        expected = []
        for cell_y in (-8, -3, 2, 7):
            for cell_x in (-8, -3, 2, 7):
                sums = {}
                for y in range(j + cell_y - 2, j + cell_y + 3):
                    for x in range(i + cell_x - 2, i + cell_x + 3):
                        (a, b), (c, d) = mirrored[y + 20 : y + 22, x + 20 : x + 22]
                        along_x, along_y = (b - a) + (d - c), (c - a) + (d - b)
                        for name, one, other in (
                            ("x", along_x, along_y),
                            ("y", along_y, along_x),
                        ):
                            half = sums.setdefault((name, other >= 0), np.zeros(2))
                            half += [one / 25, abs(one) / 25]
                square = (cell_y + 0.5) ** 2 + (cell_x + 0.5) ** 2
                weight = np.exp(-square / (2 * 3.3**2))
                for name in "xy":
                    for positive in (False, True):
                        values = sums.get((name, positive), np.zeros(2))
                        expected += list(weight * values)
        norm = np.linalg.norm(expected)
        expected = np.divide(expected, norm + 1e-3)
        np.testing.assert_allclose(cells[j, i], expected, atol=1e-12)
        assert 0.9 < np.linalg.norm(cells[j, i]) < 1


def _match_twin(mono, reference, max_disparity):
    """The cascade with a list of candidates for each superpixel."""
    lists = [
        sorted(set(reference.labels[row, column : column + max_disparity]))
        for row, column in zip(mono.rows, mono.columns, strict=True)
    ]

    def distances(feature, label):
        ours, theirs = mono.features[feature], reference.features[feature]
        return [np.linalg.norm(ours[label] - theirs[one]) for one in lists[label]]

    units = [
        np.mean(np.concatenate([distances(f, label) for label in range(len(lists))]))
        for f in range(4)
    ]
    matches, costs = [], []
    for label, candidates in enumerate(lists):
        left = list(range(len(candidates)))
        cost = np.zeros(len(candidates))
        for feature, weight in enumerate((0.2, 0.5, 0.2, 0.1)):
            distance = np.array(distances(feature, label))
            cost += weight * distance / units[feature]
            left.sort(key=lambda one, distance=distance: distance[one])
            left = left[: -(-len(left) // 2)]
        best = min(left, key=lambda one, cost=cost: cost[one])
        matches.append(candidates[best])
        costs.append(cost[best])
    return matches, costs


@pytest.mark.parametrize("max_disparity", [1, 12, 30])
def test_match_equals_loop_twin(luma, superpixels, max_disparity):
    noise = np.random.default_rng(1).normal(scale=0.02, size=luma.shape)
    mono = gupta.Superpixels(np.roll(luma, -7, axis=1) + noise)
    match, cost = gupta.match_superpixels(mono, superpixels, max_disparity)
    expected, expected_cost = _match_twin(mono, superpixels, max_disparity)
    assert match.tolist() == expected
    np.testing.assert_allclose(cost, expected_cost)


def test_matches_lie_where_the_shift_says():
    values = gaussian_filter(np.random.default_rng(2).normal(size=(60, 200)), 1.5)
    values = 0.5 + 0.15 * np.tanh(values / values.std())
    mono = gupta.Superpixels(values[:, 17:177])
    reference = gupta.Superpixels(values[:, :160])
    match, _ = gupta.match_superpixels(mono, reference, 32)

    def centres(superpixels):
        columns = np.tile(np.arange(160), 60)
        return superpixels.mean @ columns

    inside = (mono.columns > 10) & (mono.columns < 160 - 17 - 10)
    error = centres(reference)[match] - centres(mono) - 17
    assert abs(np.median(error[inside])) < 0.5
    assert np.mean(np.abs(error[inside]) < 6) > 0.9


def test_vote_corrects_one_and_leaves_an_edge():
    count = 20
    links = np.eye(count, k=1) + np.eye(count, k=-1)
    links += np.eye(count, k=2) + np.eye(count, k=-2)
    intensity = np.where(np.arange(count) < 10, 0.3, 0.6)
    superpixels = types.SimpleNamespace(
        adjacent=scipy.sparse.csr_array(links),
        features=[None, None, np.stack([intensity, intensity], axis=-1), None],
    )
    truth = np.where(np.arange(count)[:, None] < 10, [0.2, -0.1], [-0.2, 0.3])
    colours = truth + np.random.default_rng(0).normal(scale=0.01, size=truth.shape)
    wrong = colours.copy()
    wrong[5] = -0.3, -0.3
    voted = gupta.vote(wrong, np.ones(count), superpixels)
    others = np.arange(count) != 5
    np.testing.assert_array_equal(voted[others], colours[others])
    np.testing.assert_allclose(voted[5], colours[[3, 4, 6, 7]].mean(axis=0))


def test_scribbles(luma, monkeypatch):
    """Only the middles of trusted superpixels, with mean colours of their matches."""
    monkeypatch.setattr(gupta, "propagate", lambda *scribbles: scribbles)
    votes = []
    monkeypatch.setattr(gupta, "vote", lambda *given: votes.append(given) or given[0])
    reference = luma[..., None] + np.linspace(-0.1, 0.1, 44)[:, None] * [1, 0, -1]
    mono, target = luma[:, 5:], gupta.Superpixels(luma[:, 5:])
    source = gupta.Superpixels(rgb_to_luma(reference)[..., 0])
    match, cost = gupta.match_superpixels(target, source, 12)
    guide, chroma, known = gupta.gupta(mono, reference, 12)
    assert guide is mono
    trusted = np.sort(cost.argsort()[: int(0.9 * (len(cost) - 1)) + 1])
    weights = np.zeros(len(cost))
    weights[trusted] = np.exp(-cost[trusted])
    np.testing.assert_allclose(votes[0][1], weights)
    middles = target.rows[trusted], target.columns[trusted]
    assert set(zip(*np.nonzero(known), strict=True)) == set(zip(*middles, strict=True))
    for label, colour in zip(trusted, chroma[middles], strict=True):
        members = rgb_to_chroma(reference)[source.labels == match[label]]
        np.testing.assert_allclose(colour, members.mean(axis=0))
