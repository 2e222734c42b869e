"""Measures the noise levels of Table 2 in finished records. NumPy only."""

import dataclasses
import math

import numpy as np
from scipy import ndimage

from colornet import color
from tfrecords_tools.records import Record, RecordConfig, drawn_noise

# Between these, neither clipping at 0 and 1 nor the low end of sqrt matters.
_DARKEST, _BRIGHTEST = 0.15, 0.7
# Eight neighbours of one brightness differ by 0.14 with the noise of setup 2.
_FLAT = 0.2
_NEIGHBOURS = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]])[..., None]
# Variance of rounding to 8 bit, and what of it is left in the luma of rounded R, G, B.
_ROUNDING = 1 / 12 / 255**2
_LUMA_ROUNDING = _ROUNDING * (0.299**2 + 0.587**2 + 0.114**2)


@dataclasses.dataclass(frozen=True)
class Level:
    """A measured noise level `a` and its standard error."""

    value: float
    error: float

    def agrees(self, expected: float) -> bool:
        """Whether the expected level is within 5 standard errors, or 3 %."""
        return abs(self.value - expected) <= max(5 * self.error, 0.03 * expected)


class NoiseMeter:
    """Sums over records until the levels are asked for.

    The mono level comes from the spread of mono - luma(target). The clean reference is
    not stored; but its N(0, 1) numbers can be drawn again from the record's key, and
    the part of the reference that follows them is the noise: the picture itself knows
    nothing of them. The pixel minus the mean of its eight neighbours, which leaves
    little of the picture, is regressed on sqrt(kappa) N, with that mean as kappa. Only
    where the neighbours are alike: at an edge their mean is not kappa. They have noise
    of their own, so this choice knows nothing of the pixel's N either.
    """

    def __init__(self, settings: RecordConfig):
        self._settings = settings
        self._mono = np.zeros(3)  # sums of 1, v, v^2
        self._color = np.zeros(3)  # sums of z^2, e z, (e z)^2

    def add(self, record: Record, key: str) -> None:
        """Takes in one record."""
        self._add_mono(record)
        self._add_color(record, key)

    def mono(self) -> Level:
        """The mono camera's level; NaN without usable pixels."""
        count, total, squares = self._mono
        if count < 2:
            return Level(math.nan, math.nan)
        mean = total / count
        error = math.sqrt(max(squares / count - mean**2, 0) / count)
        factor = self._settings.noise_factor
        value = factor * math.copysign(math.sqrt(abs(mean)), mean)
        return Level(value, factor * error / (2 * math.sqrt(abs(mean)) + 1e-12))

    def color(self) -> Level:
        """The colour camera's level; NaN without usable pixels."""
        power, product, squares = self._color
        if power == 0:
            return Level(math.nan, math.nan)
        return Level(product / power, math.sqrt(squares) / power)

    def _add_mono(self, record: Record) -> None:
        luma = color.rgb_to_luma(record.target / 255.0)
        rounding = _ROUNDING + (self._settings.factor > 1) * _LUMA_ROUNDING
        usable = (luma > _DARKEST) & (luma < _BRIGHTEST)
        difference = (record.mono / 255.0 - luma)[usable]
        variance = (difference**2 - rounding) / luma[usable]
        self._mono += [variance.size, variance.sum(), (variance**2).sum()]

    def _add_color(self, record: Record, key: str) -> None:
        reference = record.reference / 255.0
        numbers = drawn_noise(key, self._settings, "color", reference.shape)
        kappa = ndimage.correlate(reference, _NEIGHBOURS / _NEIGHBOURS.sum())
        brightest = ndimage.maximum_filter(reference, footprint=_NEIGHBOURS)
        darkest = ndimage.minimum_filter(reference, footprint=_NEIGHBOURS)
        usable = brightest - darkest < _FLAT
        usable &= (kappa > _DARKEST) & (kappa < _BRIGHTEST)
        usable[[0, -1]] = usable[:, [0, -1]] = False  # where neighbours are made up
        detail = (reference - kappa)[usable]
        model = (np.sqrt(kappa) * numbers)[usable]
        product = detail * model
        self._color += [(model**2).sum(), product.sum(), (product**2).sum()]
