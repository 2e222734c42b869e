"""Gupta et al. 2012, after secondary descriptions, with a voting of our own.

*Image colorization using similar images*, ACM Multimedia 2012. The paper itself was not
at hand. The voting of step 4 is this project's own.

1. Both lumas are cut into superpixels of about 40 pixels.
2. A superpixel's features are means over its pixels: 40 Gabor magnitudes; a SURF
   descriptor of 128 numbers; intensity; standard deviation in 5 x 5 windows. The last
   two are joined by their means over the adjacent superpixels: 172 numbers in all.
3. Cascade: by Gabor, SURF, intensity and standard deviation in turn the nearer half of
   a mono superpixel's candidates stays. Of those left the one of the least weighted sum
   of the four distances is the match. This cost tells how far it is to be trusted.
4. Image space voting: where the colours of adjacent superpixels speak against that of
   the match, it is replaced by theirs.
5. The mean colour of the match is a scribble in the middle of the mono superpixel,
   which `levin.propagate` spreads.

Departures. SLIC (Achanta et al. 2012) stands in for TurboPixels, an upright dense SURF
at scale 1 for SURF: rectified views are not turned against each other. Gabor
wavelengths are 4 to 16 pixels. Candidates are the reference superpixels at the
positions of Eq. 1 seen from the middle of the mono superpixel. Distances are in units
of their mean over all candidates, so that the weights compare. A vote weighs exp(-cost)
and falls with the difference of intensity; colours closer than `_SAME_COLOUR` vote for
each other. The costliest tenth of the matches neither votes nor colours. Sizes that the
text above does not name are chosen on Middlebury 2014.
"""

from collections.abc import Iterator

import numpy as np
import scipy.sparse
from scipy import fft
from scipy.ndimage import uniform_filter
from skimage.segmentation import slic

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.colorizer.classic.levin import propagate
from experiments.methods.filters import local_deviation

_SUPERPIXEL = 40
_COMPACTNESS = 0.2
_WAVELENGTHS = 4 * 2 ** (np.arange(5) / 2)
_ANGLES = np.arange(8) * np.pi / 8
# Standard deviation of a filter of one octave, in wavelengths.
_GABOR_WIDTH = 0.56
_SURF_CELL = 5
# Where the middles of the 4 x 4 cells lie, seen from the pixel.
_SURF_PLACES = (-8, -3, 2, 7)
_SURF_DEVIATION = 3.3
_SURF_MIN_NORM = 1e-3
_WINDOW = 5
_COST_WEIGHTS = (0.2, 0.5, 0.2, 0.1)
_TRUSTED_SHARE = 0.9
_SAME_COLOUR = 0.08
_SAME_INTENSITY = 0.05


class Superpixels:
    """The superpixels of a picture and their features.

    Attributes:
        labels: (height, width) int, 0 … count - 1.
        mean: (count, height * width) sparse, takes means over superpixels.
        adjacent: (count, count) sparse, 1 for superpixels that touch.
        rows, columns: (count,) int, the pixel in the middle of each.
        features: four (count, ...) float arrays in the order of the cascade.
    """

    def __init__(self, luma: np.ndarray):
        self.labels = slic(
            luma,
            n_segments=max(luma.size // _SUPERPIXEL, 1),
            compactness=_COMPACTNESS,
            channel_axis=None,
            start_label=0,
        )
        flat = self.labels.ravel()
        size = np.bincount(flat)
        self.mean = scipy.sparse.csr_array(
            (1 / size[flat], (flat, np.arange(flat.size))), shape=(size.size, flat.size)
        )
        self.adjacent = self._touching()
        self.rows, self.columns = self._middles(flat, size)
        self.features = self._features(np.asarray(luma, np.float64))

    def _touching(self) -> scipy.sparse.csr_array:
        first = np.r_[self.labels[:, :-1].ravel(), self.labels[:-1].ravel()]
        second = np.r_[self.labels[:, 1:].ravel(), self.labels[1:].ravel()]
        pairs = np.stack([first, second])[:, first != second]
        links = scipy.sparse.csr_array(
            (np.ones(pairs.shape[1]), tuple(pairs)), shape=2 * self.mean.shape[:1]
        )
        return ((links + links.T) > 0).astype(np.float64)

    def _middles(
        self, flat: np.ndarray, size: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The pixels of each superpixel that are nearest to its centre of mass."""
        rows, columns = np.divmod(np.arange(flat.size), self.labels.shape[1])
        distance = np.hypot(
            rows - (self.mean @ rows)[flat], columns - (self.mean @ columns)[flat]
        )
        by_distance = np.lexsort((distance, flat))
        middles = by_distance[np.cumsum(size) - size]
        return rows[middles], columns[middles]

    def _features(self, luma: np.ndarray) -> tuple[np.ndarray, ...]:
        gabor = [self.mean @ magnitude.ravel() for magnitude in gabor_magnitudes(luma)]
        surf = [self.mean @ cell.reshape(luma.size, -1) for cell in dense_surf(luma)]
        deviation = local_deviation(luma, _WINDOW)
        return (
            np.stack(gabor, axis=-1),
            np.concatenate(surf, axis=-1),
            self._with_adjacent(self.mean @ luma.ravel()),
            self._with_adjacent(self.mean @ deviation.ravel()),
        )

    def _with_adjacent(self, values: np.ndarray) -> np.ndarray:
        number = np.maximum(self.adjacent.sum(axis=1), 1)
        return np.stack([values, self.adjacent @ values / number], axis=-1)


def gabor_magnitudes(luma: np.ndarray) -> Iterator[np.ndarray]:
    """Magnitudes of complex Gabor filters, which do not see the mean luma.

    Args:
        luma: (height, width) float.

    Yields:
        40 maps (height, width) float32: 8 angles for each of 5 wavelengths.
    """
    height, width = luma.shape
    border = int(np.ceil(3 * _GABOR_WIDTH * _WAVELENGTHS.max()))
    padded = np.pad(luma.astype(np.float32), border, mode="symmetric")
    shape = [fft.next_fast_len(length) for length in padded.shape]
    spectrum = fft.fft2(padded, shape)
    vertical, horizontal = np.ix_(*(fft.fftfreq(length) for length in shape))
    for wavelength in _WAVELENGTHS:
        deviation = 1 / (2 * np.pi * _GABOR_WIDTH * wavelength)
        for angle in _ANGLES:
            square = (horizontal - np.cos(angle) / wavelength) ** 2
            square = square + (vertical - np.sin(angle) / wavelength) ** 2
            response = np.exp(-square / (2 * deviation**2)).astype(np.float32)
            response[0, 0] = 0
            filtered = fft.ifft2(spectrum * response)
            yield np.abs(filtered[border : border + height, border : border + width])


def dense_surf(luma: np.ndarray) -> Iterator[np.ndarray]:
    """The 16 cells, (height, width, 8) each, of an extended SURF at each pixel.

    Haar wavelets of 2 x 2 pixels along x and y: sums of each and of its magnitude over
    the cell, apart for the two signs of the other. The 128 numbers have norm 1, less
    where the picture is flat.
    """
    height, width = luma.shape
    border = _SURF_CELL - min(_SURF_PLACES)
    padded = np.pad(luma, border, mode="symmetric")
    down, right = np.diff(padded, axis=0), np.diff(padded, axis=1)
    along_x, along_y = right[1:] + right[:-1], down[:, 1:] + down[:, :-1]
    parts = [
        kind(one) * half
        for one, other in ((along_x, along_y), (along_y, along_x))
        for half in (other < 0, other >= 0)
        for kind in (np.positive, np.abs)
    ]
    sums = np.stack([uniform_filter(part, _SURF_CELL) for part in parts], axis=-1)
    cells = []
    for y in _SURF_PLACES:
        for x in _SURF_PLACES:
            square = (y + 0.5) ** 2 + (x + 0.5) ** 2
            weight = np.exp(-square / (2 * _SURF_DEVIATION**2))
            top, left = border + y, border + x
            cells.append(weight * sums[top : top + height, left : left + width])
    norm = np.sqrt(sum(np.square(cell).sum(axis=-1, keepdims=True) for cell in cells))
    for cell in cells:
        yield cell / (norm + _SURF_MIN_NORM)


def _candidates(
    mono: Superpixels, reference: Superpixels, max_disparity: int
) -> tuple[np.ndarray, np.ndarray]:
    """Different reference superpixels at the positions of Eq. 1.

    Returns:
        (count, most) int labels of the reference and (count, most) bool: which exist;
        the first of each row does.
    """
    width = reference.labels.shape[1]
    none = len(reference.rows)
    columns = mono.columns[:, None] + np.arange(min(max_disparity, width))
    labels = reference.labels[mono.rows[:, None], np.minimum(columns, width - 1)]
    labels = np.sort(np.where(columns < width, labels, none), axis=1)
    labels[:, 1:][labels[:, 1:] == labels[:, :-1]] = none
    labels.sort(axis=1)
    exists = labels < none
    most = exists.sum(axis=1).max()
    return np.where(exists, labels, labels[:, :1])[:, :most], exists[:, :most]


def match_superpixels(
    mono: Superpixels, reference: Superpixels, max_disparity: int
) -> tuple[np.ndarray, np.ndarray]:
    """Step 3: (count,) label of each mono superpixel's match, and its cost."""
    labels, exists = _candidates(mono, reference, max_disparity)
    left = exists
    cost = np.zeros(labels.shape)
    for weight, ours, theirs in zip(
        _COST_WEIGHTS, mono.features, reference.features, strict=True
    ):
        distance = np.stack(
            [np.linalg.norm(ours - theirs[column], axis=1) for column in labels.T],
            axis=1,
        )
        cost += weight * distance / max(distance[exists].mean(), 1e-12)
        by_distance = np.where(left, distance, np.inf).argsort(axis=1, kind="stable")
        rank = by_distance.argsort(axis=1)
        left = left & (rank < (left.sum(axis=1, keepdims=True) + 1) // 2)
    best = np.where(left, cost, np.inf).argmin(axis=1)[:, None]
    return (
        np.take_along_axis(labels, best, axis=1)[:, 0],
        np.take_along_axis(cost, best, axis=1)[:, 0],
    )


def vote(
    colours: np.ndarray, weights: np.ndarray, superpixels: Superpixels
) -> np.ndarray:
    """Step 4.

    Args:
        colours: (count, 2) float chroma.
        weights: (count,) float, of the votes.
        superpixels: those of the mono picture.

    Returns:
        (count, 2) float: the colour of each superpixel if it is close to the one that
        has most votes, else the mean of the latter's voters.
    """
    count = len(colours)
    around = (superpixels.adjacent + scipy.sparse.eye_array(count)).tocsr()
    number = np.diff(around.indptr)
    voters = np.repeat(np.arange(count)[:, None], number.max(), axis=1)
    votes = np.arange(number.max()) < number[:, None]
    voters[votes] = around.indices
    intensity = superpixels.features[2][:, 0]
    difference = intensity[voters] - intensity[:, None]
    weight = (
        votes * weights[voters] * np.exp(-((difference / _SAME_INTENSITY) ** 2) / 2)
    )

    offers = colours[voters]
    distance = np.linalg.norm(offers[:, :, None] - offers[:, None], axis=-1)
    close = distance < _SAME_COLOUR
    winner = np.einsum("sij,sj->si", close, weight).argmax(axis=1)
    each = np.arange(count)
    supporters = close[each, winner] * weight
    total = np.maximum(supporters.sum(axis=1, keepdims=True), 1e-12)
    elected = np.einsum("sj,sjc->sc", supporters, offers) / total
    far = np.linalg.norm(colours - offers[each, winner], axis=1) >= _SAME_COLOUR
    return np.where(far[:, None], elected, colours)


def gupta(mono: np.ndarray, reference: np.ndarray, max_disparity: int) -> np.ndarray:
    """Colours of matching superpixels, spread from their middles."""
    target = Superpixels(mono)
    source = Superpixels(rgb_to_luma(reference)[..., 0])
    match, cost = match_superpixels(target, source, max_disparity)
    colours = (source.mean @ rgb_to_chroma(reference).reshape(-1, 2))[match]
    trusted = cost <= np.quantile(cost, _TRUSTED_SHARE)
    colours = vote(colours, trusted * np.exp(-cost), target)
    middles = target.rows[trusted], target.columns[trusted]
    known = np.zeros(mono.shape, bool)
    known[middles] = True
    chroma = np.zeros((*mono.shape, 2))
    chroma[middles] = colours[trusted]
    return propagate(mono, chroma, known)
