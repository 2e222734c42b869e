"""Ironi, Cohen-Or, Lischinski 2005, after secondary descriptions.

*Colorization by example*, Rendering Techniques 2005. The paper itself was not at hand.

1. The reference is cut into segments. A pixel's feature vector are the DCT coefficients
   of the luma around it.
2. From differences between feature vectors of the same segment and of different ones a
   space of low dimension is learnt: the directions in which the former vary most are
   discarded, and of the rest those are kept in which the latter vary most.
3. A mono pixel gets the label (segment) of most of its nearest candidates in that
   space. Its match is the nearest candidate with this label.
4. Image space voting: a pixel takes the label that weighs most among its neighbours'. A
   neighbour weighs the more the nearer its match is to it. The share of the label in
   the sum of all weights is the confidence.
5. A pixel's colour is the weighted mean of what its neighbours of the same label would
   give it: the reference pixel that lies to the neighbour's match as the pixel lies to
   the neighbour.
6. Colours of confident pixels are scribbles, which `levin.propagate` spreads.

Departures. The paper's segments are drawn by hand or come with the example: here they
are those of Felzenszwalb and Huttenlocher (IJCV 2004) on the smoothed RGB reference.
Candidates are those of Eq. 1, and pairs for step 2 are as far from each other as
candidates can be. Colours of neighbours that lie outside the picture do not count. The
sizes below are chosen on Middlebury 2014, except for the paper's confidence of 0.5.
"""

import numpy as np
from scipy.fft import dct
from skimage.segmentation import felzenszwalb

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.colorizer.classic import matching
from colornet.colorizer.classic.levin import propagate

_DCT_SIZE = 7
_VOTING_SIZE = 7
_NEAREST = 3
_CONFIDENCE = 0.5
_DISCARDED = 1
_KEPT = 8
_PAIRS = 20_000
_SEGMENTATION = {"scale": 100, "sigma": 2, "min_size": 100}


def dct_features(luma: np.ndarray) -> np.ndarray:
    """Orthonormal DCT coefficients of the 7 x 7 pixels around each pixel.

    Args:
        luma: (height, width) float; it is mirrored at its border.

    Returns:
        (height, width, 49) float32.
    """
    padded = np.pad(np.asarray(luma, np.float32), _DCT_SIZE // 2, mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (_DCT_SIZE, _DCT_SIZE))
    waves = dct(np.eye(_DCT_SIZE, dtype=np.float32), axis=0, norm="ortho")
    windows = windows.reshape(*luma.shape, _DCT_SIZE**2)
    return windows @ np.kron(waves, waves).T


def _principal_directions(vectors: np.ndarray) -> np.ndarray:
    """Columns: directions of `vectors` (number, dimension), least variance first.

    Differences of pairs have mean 0 by symmetry.
    """
    return np.linalg.eigh(vectors.T @ vectors)[1]


def feature_space(
    features: np.ndarray, segments: np.ndarray, max_disparity: int
) -> np.ndarray:
    """The learnt projection.

    Args:
        features: (height, width, dimension) float, of the reference.
        segments: (height, width) int.
        max_disparity: the most by which pixels of a pair are apart, and 1.

    Returns:
        (dimension, at most 8) float32 with orthonormal columns.
    """
    height, width, dimension = features.shape
    rng = np.random.default_rng(0)
    row, left = rng.integers(height, size=_PAIRS), rng.integers(width, size=_PAIRS)
    right = np.minimum(left + rng.integers(max_disparity, size=_PAIRS), width - 1)
    difference = (features[row, left] - features[row, right]).astype(np.float64)
    same = segments[row, left] == segments[row, right]
    projection = _principal_directions(difference[same])[:, : dimension - _DISCARDED]
    between = _principal_directions(difference[~same] @ projection)
    return (projection @ between[:, : -_KEPT - 1 : -1]).astype(np.float32)


def nearest_candidates(
    mono_features: np.ndarray, features: np.ndarray, max_disparity: int
) -> tuple[np.ndarray, np.ndarray]:
    """The disparities of the nearest candidates and how far they are.

    Args:
        mono_features: (height, width, dimension) float.
        features: the same, of the reference.
        max_disparity: number of candidates.

    Returns:
        Two (3, height, width) maps, nearest first: int disparities, and float Euclidean
        distances, infinity where there are less candidates.
    """
    mono_features = np.ascontiguousarray(np.moveaxis(mono_features, -1, 0))
    features = np.ascontiguousarray(np.moveaxis(features, -1, 0))
    height, width = features.shape[1:]
    distances = np.full((_NEAREST, height, width), np.inf, np.float32)
    disparities = np.zeros((_NEAREST, height, width), np.int32)
    for k, here, there in matching.candidates(max_disparity, width):
        difference = mono_features[..., here] - features[..., there]
        distance = np.einsum("cij,cij->ij", difference, difference)
        disparity = np.full_like(distance, k, dtype=np.int32)
        # Each slot keeps the nearer one and hands the other one down.
        for slot in range(_NEAREST):
            kept, its = distances[slot, :, here], disparities[slot, :, here]
            nearer = distance < kept
            kept_before, its_before = kept.copy(), its.copy()
            np.copyto(kept, distance, where=nearer)
            np.copyto(its, disparity, where=nearer)
            distance = np.where(nearer, kept_before, distance)
            disparity = np.where(nearer, its_before, disparity)
    return disparities, np.sqrt(distances)


def classified(
    disparities: np.ndarray, distances: np.ndarray, segments: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Step 3.

    Args:
        disparities, distances: of `nearest_candidates`.
        segments: (height, width) int labels of the reference.

    Returns:
        Three (height, width) maps: int label, int disparity of the match, and float
        distance of the match.
    """
    height, width = segments.shape
    columns = np.minimum(np.arange(width) + disparities, width - 1)
    labels = segments[np.arange(height)[:, None], columns]
    exists = np.isfinite(distances)
    votes = (labels[:, None] == labels) & exists
    # The first of equals is the nearest.
    match = np.argmax(votes.sum(axis=1) * exists, axis=0)[None]
    return tuple(
        np.take_along_axis(values, match, axis=0)[0]
        for values in (labels, disparities, distances)
    )


def _neighbours(values: np.ndarray, fill: float) -> list[np.ndarray]:
    """Maps of the values at each place of the voting window, row by row."""
    padded = np.pad(values, _VOTING_SIZE // 2, constant_values=fill)
    views = np.lib.stride_tricks.sliding_window_view(padded, values.shape)
    return list(views.reshape(-1, *values.shape))


def _vote(
    labels: list[np.ndarray], weights: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Step 4: the label that weighs most around each pixel, and its share."""
    heaviest = np.zeros_like(weights[0])
    winner = np.empty_like(labels[0])
    for candidate in labels:
        weight = np.zeros_like(heaviest)
        for label, its_weight in zip(labels, weights, strict=True):
            weight += its_weight * (label == candidate)
        heavier = weight > heaviest
        np.copyto(heaviest, weight, where=heavier)
        np.copyto(winner, candidate, where=heavier)
    return winner, heaviest / sum(weights)


def scribbles(
    labels: np.ndarray,
    disparities: np.ndarray,
    distances: np.ndarray,
    chroma: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Steps 4 to 6.

    Args:
        labels: (height, width) int label of each mono pixel.
        disparities: (height, width) int, of its match.
        distances: (height, width) float, of its match in the learnt space.
        chroma: (height, width, 2) float, of the reference.

    Returns:
        (height, width, 2) float chroma and (height, width) bool: where it is known.
    """
    height, width = labels.shape
    labels = _neighbours(labels, -1)
    weights = _neighbours(np.exp(-distances), 0)
    winner, confidence = _vote(labels, weights)
    colours = np.zeros(chroma.shape)
    total = np.zeros(labels[0].shape)
    rows = np.arange(height)[:, None]
    for label, weight, disparity in zip(
        labels, weights, _neighbours(disparities, 0), strict=True
    ):
        columns = np.arange(width) + disparity
        weight = weight * (label == winner) * (columns < width)
        columns = np.minimum(columns, width - 1)
        colours += weight[..., None] * chroma[rows, columns]
        total += weight
    coloured = total > 0
    colours /= np.where(coloured, total, 1)[..., None]
    confident = coloured & (confidence > _CONFIDENCE)
    return colours, confident if confident.any() else coloured


def ironi(mono: np.ndarray, reference: np.ndarray, max_disparity: int) -> np.ndarray:
    """Colours by segments, spread from where neighbours agree on the segment."""
    segments = felzenszwalb(reference, **_SEGMENTATION)
    features = dct_features(rgb_to_luma(reference)[..., 0])
    space = feature_space(features, segments, max_disparity)
    nearest = nearest_candidates(
        dct_features(mono) @ space, features @ space, max_disparity
    )
    matches = classified(*nearest, segments)
    colours, known = scribbles(*matches, rgb_to_chroma(reference))
    return propagate(mono, colours, known)
