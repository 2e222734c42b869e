"""Two cameras' exposure, tone, response and vignetting, brought together (D-42).

No TensorFlow. Fitted to what the pair itself shows: the pixels around points that both
views have.
"""

import dataclasses

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import least_squares

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.colorizer.classic.matching import local_gain
from colornet.colorizer.matches import LEAST_MATCHES, Matches
from colornet.io.pictures import resized

# Pixels that are compared: every other one up to so many px from a match, less the half
# of them with the steepest luma.
_RADIUS = 5
# Percentiles of luma at which the curve has its knots, and the range of its exponent
# beyond the first and the last one.
_KNOTS = np.array([1, 5, 15, 30, 50, 70, 85, 95, 99])
_LEAST_EXPONENT, _MOST_EXPONENT = 0.2, 5.0
_IDENTITY = np.array([[0.5, 1.0], [0.5, 1.0]])
_DARK, _CLIPPED = 0.02, 0.98
_ROUNDS = 6  # of fitting curve, response and vignetting in turn
# Cameras that differ by less than so much luma, in the median, are left alone. A fit
# that leaves more than so much is none. One with more parameters is worth them if it
# leaves such a part of the error, at most.
_LEAST_DIFFERENCE, _MOST_ERROR, _WORTH = 0.01, 0.025, 0.95
# Local gain is for what no fit explains: cameras that differ by so much, of which it
# leaves such a part. Its window has so many px.
_LARGE_DIFFERENCE, _LOCAL_WORTH, _LOCAL_WINDOW = 0.03, 0.8, 20
# Red alone is Y + 1.402 Cr, and blue alone Y + 1.772 Cb.
_MOST_RESPONSE = 2.2
# Chroma grows at most so much with the mono picture's luma.
_MOST_GAIN = 16.0


@dataclasses.dataclass(frozen=True)
class Photometry:
    """How the mono camera sees light, compared with the colour camera.

    With m, the luma of the mono picture at a distance r from the middle, and Y, Cb and
    Cr of the reference where it shows the same point,

        curve(m exp(v1 r^2 + v2 r^4)) = Y + b Cb + c Cr.

    Where no such equation holds, m times a gain from place to place is Y.

    Attributes:
        curve: (2, knots) float, rising: luma of the mono picture, and of the reference.
        response: b and c; (0, 0) if the camera sees luma.
        vignetting: v1 and v2, with r = 1 in the corners.
        local_gain: (h, w, 1) float, of the picture at any size; None if the equation
            holds.
    """

    curve: np.ndarray
    response: np.ndarray
    vignetting: np.ndarray
    local_gain: np.ndarray | None = None

    def seen(self, luma: np.ndarray) -> np.ndarray:
        """The mono picture with the reference's exposure and tone.

        Args:
            luma: (height, width, 1) float, in [0, 1].

        Returns:
            float32 of the same shape, in [0, 1].
        """
        height, width = luma.shape[:2]
        if self.local_gain is not None:
            gain = resized(self.local_gain, height, width)
            return np.clip(luma * gain, 0, 1).astype(np.float32)
        rows, columns = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        return self._toned(luma[..., 0], (rows**2 + columns**2) / 2)[..., None]

    def reference_seen(self, rgb: np.ndarray) -> np.ndarray:
        """The reference with the luma that the mono camera's response gives it.

        Args:
            rgb: (height, width, 3) float, in [0, 1].

        Returns:
            float32 of the same shape and with the same chroma.
        """
        return rgb + self._more_luma(rgb_to_chroma(rgb))

    def chroma(
        self,
        chroma: np.ndarray,
        luma: np.ndarray,
        seen: np.ndarray,
        matched: np.ndarray | None = None,
    ) -> np.ndarray:
        """Chroma for the mono picture: Cb/Y and Cr/Y are those of the reference.

        Y is what the mono picture and its chroma say, or the mean of this and of what
        `matched` says: a clipped picture tells no luma, and an error of chroma is an
        error of Y where the mono camera's response is not that of luma.

        Args:
            chroma: (height, width, 2) float, at the exposure of the reference.
            luma: (height, width, 1) float, of the mono picture.
            seen: the same, as `seen` returns it.
            matched: (height, width, 3) float Y, Cb, Cr of `reference_seen` at the
                pixels of the mono picture.
        """
        shown = seen - self._more_luma(chroma)
        if matched is not None:
            y, chroma_there = matched[..., :1], matched[..., 1:]
            shown = (shown + y - self._more_luma(chroma_there)) / 2
        return chroma * luma / np.maximum(shown, np.maximum(luma / _MOST_GAIN, 1e-3))

    @property
    def gain(self) -> float:
        """How many times brighter the reference is, in the median."""
        if self.local_gain is not None:
            return float(np.median(self.local_gain))
        mono, reference = self.curve[:, self.curve.shape[1] // 2]
        return reference / mono

    @property
    def is_plausible(self) -> bool:
        """Whether a lens could shade, and a sensor respond, in this way."""
        v1, v2 = self.vignetting
        falls_or_rises = v1 * (v1 + 2 * v2) >= 0
        return falls_or_rises and np.abs(self.response).max() <= _MOST_RESPONSE

    def _more_luma(self, chroma: np.ndarray) -> np.ndarray:
        return (chroma @ self.response).astype(np.float32)[..., None]

    def _toned(self, luma: np.ndarray, squared_radius: np.ndarray) -> np.ndarray:
        """The curve at a luma; a power of luma beyond its knots."""
        x, y = np.log(self.curve)
        light = luma * np.exp(_powers(squared_radius) @ self.vignetting)
        at = np.log(np.maximum(light, 1e-4))
        inside = np.clip(at, x[0], x[-1])
        exponent = (y[-1] - y[0]) / (x[-1] - x[0])
        exponent = np.clip(exponent, _LEAST_EXPONENT, _MOST_EXPONENT)
        toned = np.exp(PchipInterpolator(x, y)(inside) + exponent * (at - inside))
        return np.where(luma > 0, np.minimum(toned, 1), 0).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class _Samples:
    """Pixels of the same points in both views: (n,) each, chroma and places (n, 2)."""

    places: np.ndarray  # row and column in the mono picture
    mono: np.ndarray
    luma: np.ndarray
    chroma: np.ndarray
    clear: np.ndarray  # in neither picture as bright as white
    squared_radius: np.ndarray

    def error(self, found: Photometry) -> float:
        """The median of what the model leaves, in luma of the reference."""
        toned = found._toned(self.mono, self.squared_radius)
        return float(np.median(np.abs(toned - self.target(found))))

    def target(self, found: Photometry) -> np.ndarray:
        return self.luma + self.chroma @ found.response


def estimate_photometry(matches: Matches) -> Photometry | None:
    """How the cameras differ; None if they hardly do, or if nothing explains it.

    Args:
        matches: of the pair, without wrong ones.
    """
    if len(matches.points) < LEAST_MATCHES:
        return None
    samples = _samples(matches)
    untouched = float(np.median(np.abs(samples.mono - samples.luma)))
    best, least = None, np.inf
    for response, vignetting in ((0, 0), (1, 0), (0, 1), (1, 1)):
        found = _fit(samples, response, vignetting)
        error = samples.error(found)
        if found.is_plausible and error < _WORTH * least:
            best, least = found, error
    if least <= min(untouched - _LEAST_DIFFERENCE, _MOST_ERROR):
        return best
    if untouched < _LARGE_DIFFERENCE:
        return None
    return _fit_local_gain(samples, matches.mono, _LOCAL_WORTH * untouched)


def _fit_local_gain(
    samples: _Samples, mono: np.ndarray, most_error: float
) -> Photometry | None:
    """The gain around each pixel, if it leaves no larger error."""
    places = tuple(samples.places.T)
    matched, known = np.zeros_like(mono), np.zeros(mono.shape, bool)
    matched[places], known[places] = samples.luma, True
    gain = local_gain(mono, matched, known, _LOCAL_WINDOW)
    error = np.median(np.abs(samples.mono * gain[places] - samples.luma))
    if error > most_error:
        return None
    none = np.zeros(2)
    return Photometry(_IDENTITY, none, none, gain[..., None])


def _fit(samples: _Samples, with_response: bool, with_vignetting: bool) -> Photometry:
    none = np.zeros(2)
    found = Photometry(_fit_curve(samples.mono, samples.luma), none, none)
    for _ in range(_ROUNDS if with_response or with_vignetting else 0):
        if with_response:
            found = _fit_response(samples, found)
        if with_vignetting:
            found = _fit_vignetting(samples, found)
        light = samples.mono * np.exp(
            _powers(samples.squared_radius) @ found.vignetting
        )
        curve = _fit_curve(light, samples.target(found))
        found = dataclasses.replace(found, curve=curve)
    return found


def _fit_curve(light: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The rising curve that gives `light` the distribution of `target`."""
    knots = np.stack([np.percentile(values, _KNOTS) for values in (light, target)])
    knots = np.clip(knots, 1e-3, [[np.inf], [1.0]])
    apart = np.diff(knots[0], prepend=0) > 1e-3
    if apart.sum() < 2:
        return _IDENTITY
    return knots[:, apart]


def _fit_response(samples: _Samples, found: Photometry) -> Photometry:
    clear = samples.clear
    toned = found._toned(samples.mono, samples.squared_radius)
    terms = samples.chroma[clear]
    start = np.append(found.response, 0)
    fit = _robust_fit(terms, (toned - samples.luma)[clear], start, 0.02)
    return dataclasses.replace(found, response=fit)


def _fit_vignetting(samples: _Samples, found: Photometry) -> Photometry:
    toned = found._toned(samples.mono, samples.squared_radius)
    target = samples.target(found)
    kept = samples.clear & (toned > _DARK) & (target > _DARK)
    # How much brighter the mono picture must be is seen on the reference's tone: the
    # exponent of the curve leads from there to the mono picture's.
    brighter = found._toned(1.02 * samples.mono, samples.squared_radius)
    exponent = np.log(brighter[kept] / toned[kept]) / np.log(1.02)
    exponent = np.clip(exponent, _LEAST_EXPONENT, _MOST_EXPONENT)
    missing = np.log(target[kept] / toned[kept]) / exponent
    terms = _powers(samples.squared_radius[kept])
    more = _robust_fit(terms, missing, np.zeros(3), 0.1)
    return dataclasses.replace(found, vignetting=found.vignetting + more)


def _robust_fit(
    terms: np.ndarray, values: np.ndarray, start: np.ndarray, scale: float
) -> np.ndarray:
    """Factors of the terms beside a constant, which outliers hardly change."""
    terms = np.column_stack([terms, np.ones(len(terms))])
    fit = least_squares(
        lambda factors: terms @ factors - values, start, loss="cauchy", f_scale=scale
    )
    return fit.x[:-1]


def _powers(squared_radius: np.ndarray) -> np.ndarray:
    return np.stack([squared_radius, squared_radius**2], axis=-1)


def _samples(matches: Matches) -> _Samples:
    height, width = matches.mono.shape
    reach = np.arange(-_RADIUS, _RADIUS + 1, 2)
    around = np.stack(np.meshgrid(reach, reach, indexing="ij"), axis=-1).reshape(-1, 2)
    here = (matches.points[:, None] + around).reshape(-1, 2)
    offsets = np.rint(matches.offsets).astype(int)
    there = here + np.repeat(offsets, len(around), axis=0)
    inside = np.all((there >= 0) & (there < (height, width)), axis=1)
    here, there = here[inside], there[inside]
    # Next to an edge, a match that is half a pixel off shows something else.
    slope = np.hypot(*np.gradient(matches.mono))[tuple(here.T)]
    flat = slope <= np.median(slope)
    here, there = here[flat], there[flat]
    mono = matches.mono[tuple(here.T)]
    rgb = matches.reference[tuple(there.T)]
    middle = (np.array([height, width]) - 1) / 2
    from_middle = (here - middle) / np.maximum(middle, 1)
    return _Samples(
        here,
        mono,
        rgb_to_luma(rgb)[:, 0],
        rgb_to_chroma(rgb),
        (rgb.max(axis=1) < _CLIPPED) & (mono < _CLIPPED),
        np.mean(from_middle**2, axis=1),
    )
