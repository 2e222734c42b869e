"""The parts of Ironi et al.'s method against loops."""

import numpy as np
from scipy.fft import dctn

from experiments.methods import ironi

_SIZE = 7 // 2  # of the voting window


def test_features_are_a_dct():
    luma = np.random.default_rng(0).random((8, 9))
    features = ironi.dct_features(luma)
    radius = 3
    mirrored = np.pad(luma, radius, mode="symmetric")
    for j, i in [(0, 0), (3, 4), (7, 8), (0, 8)]:
        window = mirrored[j : j + 2 * radius + 1, i : i + 2 * radius + 1]
        expected = dctn(window, norm="ortho").ravel()
        np.testing.assert_allclose(features[j, i], expected, atol=1e-5)


def test_feature_space_sees_segments_and_not_what_varies_within():
    rng = np.random.default_rng(0)
    segments = np.tile(np.arange(40) // 5, (20, 1))
    features = rng.normal(size=(20, 40, 12))
    features[..., 3] *= 30
    features[..., 7] += 100 * segments
    space = ironi.feature_space(features, segments, 16)
    assert space.shape == (12, 8)
    np.testing.assert_allclose(space.T @ space, np.eye(8), atol=1e-5)
    assert np.abs(space[3]).max() < 0.05
    assert abs(space[7, 0]) > 0.99


def test_nearest_candidates_equal_sorted_ones():
    rng = np.random.default_rng(0)
    mono, features = rng.random((2, 3, 12, 4))
    disparities, distances = ironi.nearest_candidates(mono, features, 5)
    for j in range(3):
        for i in range(12):
            all_distances = [
                np.linalg.norm(mono[j, i] - features[j, i + k])
                for k in range(min(5, 12 - i))
            ]
            order = np.argsort(all_distances)[:3]
            number = len(order)
            assert disparities[:number, j, i].tolist() == order.tolist()
            expected = np.take(all_distances, order)
            np.testing.assert_allclose(distances[:number, j, i], expected, rtol=1e-4)
            assert np.isinf(distances[number:, j, i]).all()


def test_majority_of_the_nearest_gives_the_label():
    segments = np.array([[5, 7, 7, 9, 4]])
    disparities = np.array([[0, 0, 0, 1, 0], [1, 1, 1, 0, 0], [2, 2, 2, 0, 0]])
    distances = np.array(
        [[1, 1, 1, 1, 1], [2, 2, 2, 2, np.inf], [3, 3, 3, np.inf, np.inf]]
    )
    matches = ironi.classified(disparities[:, None], distances[:, None], segments)
    label, disparity, distance = (values[0].tolist() for values in matches)
    # Pixel 0 sees 5, 7, 7; pixel 1 sees 7, 7, 9; pixel 2 sees 7, 9, 4: the nearest.
    # Pixel 3 sees 4, 9, and no third candidate, which has no vote.
    assert label == [7, 7, 7, 4, 4]
    assert disparity == [1, 0, 0, 1, 0]
    assert distance == [2, 1, 1, 1, 1]


def _scribbles_twin(labels, disparities, distances, chroma):
    height, width = labels.shape
    colours, known = np.zeros(chroma.shape), np.zeros(labels.shape, bool)
    for j in range(height):
        for i in range(width):
            around = [
                (y, x)
                for y in range(max(j - _SIZE, 0), min(j + _SIZE + 1, height))
                for x in range(max(i - _SIZE, 0), min(i + _SIZE + 1, width))
            ]
            weights = {at: np.exp(-distances[at]) for at in around}
            by_label = {}
            for at in around:
                by_label[labels[at]] = by_label.get(labels[at], 0) + weights[at]
            winner = max(by_label, key=by_label.get)
            total = 0
            for at in around:
                column = i + disparities[at]
                if labels[at] == winner and column < width:
                    colours[j, i] += weights[at] * chroma[j, column]
                    total += weights[at]
            if total:
                colours[j, i] /= total
                known[j, i] = by_label[winner] > 0.5 * sum(weights.values())
    return colours, known


def test_scribbles_equal_loop_twin():
    rng = np.random.default_rng(0)
    shape = (9, 16)
    labels = rng.integers(3, size=shape)
    labels[:, 8:] = np.where(rng.random((9, 8)) < 0.6, 1, labels[:, 8:])
    disparities, distances = rng.integers(6, size=shape), rng.random(shape)
    chroma = rng.uniform(-0.5, 0.5, (*shape, 2))
    colours, known = ironi.scribbles(labels, disparities, distances, chroma)
    expected, expected_known = _scribbles_twin(labels, disparities, distances, chroma)
    assert 0.2 < expected_known.mean() < 0.8
    np.testing.assert_array_equal(known, expected_known)
    np.testing.assert_allclose(colours, expected, atol=1e-6)


def test_without_confident_pixels_all_colours_count():
    labels = np.arange(30).reshape(5, 6)
    nothing = np.zeros((5, 6), int)
    chroma = np.random.default_rng(0).uniform(-0.5, 0.5, (5, 6, 2))
    colours, known = ironi.scribbles(labels, nothing, nothing, chroma)
    assert known.all()
    np.testing.assert_allclose(colours, chroma)
