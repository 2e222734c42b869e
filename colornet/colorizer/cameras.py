"""Pictures of two different cameras, as the network should see them. No TensorFlow."""

import dataclasses
import math

import numpy as np
from scipy.ndimage import gaussian_filter

from colornet.color import rgb_to_luma
from colornet.colorizer.alignment import Alignment, estimate_alignment
from colornet.colorizer.matches import LEAST_MATCHES, Matches, find_matches
from colornet.colorizer.photometry import Photometry, estimate_photometry
from colornet.colorizer.plan import Policy

# If a smaller share of the matches agrees on rows, the cameras see different things.
_LEAST_SHARE = 0.4
# Local normalization: standard deviation of the window, px; what is added to that of
# luma, against noise; contrast of the result.
_WINDOW, _FLOOR, _CONTRAST = 8.0, 0.02, 0.15
# Points lie to the left in the reference if they do so by so many px. With such a share
# of the matches, the reference is moved to the right until so many px are to spare;
# with such a share, the views are the wrong way round.
_LEFT_PX, _SOME_LEFT, _SPARE_PX, _MOST_LEFT = 1.0, 0.05, 4, 0.8


@dataclasses.dataclass(frozen=True)
class SeenPair:
    """A pair as the network sees it.

    Attributes:
        luma: (height, width + left, 1) float32, in [0, 1].
        rgb: (height, width + left, 3) float32 with the chroma of the reference, and a
            luma to compare with `luma`: it may lie outside of [0, 1].
        alignment: what was undone; None if nothing.
        left: columns that the reference has more on its left side, and the mono picture
            on its right side, so that no disparity is negative.
        photometry: the cameras' difference that was undone; None if none.
        normalized: whether luma is normalized locally, since the cameras see the
            scene so differently that nothing else brings them together.
        swapped: whether the mono picture seems to be the left view.
    """

    luma: np.ndarray
    rgb: np.ndarray
    alignment: Alignment | None = None
    left: int = 0
    photometry: Photometry | None = None
    normalized: bool = False
    swapped: bool = False

    def own_chroma(
        self, chroma: np.ndarray, luma: np.ndarray, matched: np.ndarray | None = None
    ) -> np.ndarray:
        """Chroma at the exposure of the mono picture (D-42).

        Args:
            chroma: (height, width + left, 2) float, what the network gives this pair.
            luma: (height, width, 1) float, of the mono picture itself.
            matched: (height, width + left, 3) float Y, Cb, Cr, what another method
                gives this pair.

        Returns:
            (height, width, 2).
        """
        own = np.s_[:, : luma.shape[1]]
        if not self.photometry:
            return chroma[own]
        matched = None if matched is None else matched[own]
        return self.photometry.chroma(chroma[own], luma, self.luma[own], matched)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the pair, in words."""
        notes = []
        if self.alignment:
            off = self.alignment.most(*self.luma.shape[:2])
            notes.append(f"reference up to {off:.1f} px off its rows: corrected")
        if self.left:
            notes.append(f"reference moved {self.left} px to the right")
        if self.photometry:
            gain = self.photometry.gain
            brighter = f"{gain:.2g} times brighter"
            if gain < 1:
                brighter = f"{1 / gain:.2g} times darker"
            unlike = "".join(
                f", other {name}"
                for name in ("response", "vignetting")
                if getattr(self.photometry, name).any()
            )
            if self.photometry.local_gain is not None:
                unlike = " in the median, other light from place to place"
            notes.append(f"reference {brighter}{unlike}: matched")
        if self.normalized:
            notes.append("cameras see different things: local contrast matched")
        return tuple(notes)


def see_alike(luma: np.ndarray, rgb: np.ndarray, policy: Policy) -> SeenPair:
    """Brings the pictures of two cameras together, as far as they differ.

    Args:
        luma, rgb: as `colornet.inference.float_pair` returns them.
        policy: what may be done.
    """
    if not (policy.align or policy.match_cameras):
        return SeenPair(luma, rgb)
    matches = find_matches(luma, rgb)
    alignment, agreeing = estimate_alignment(matches)
    swapped = _lie_left(agreeing)
    found = len(matches.points)
    if found >= LEAST_MATCHES and len(agreeing.points) < _LEAST_SHARE * found:
        if not policy.match_cameras:
            return SeenPair(luma, rgb)
        own = rgb_to_luma(rgb)
        return SeenPair(
            _normalized(luma), rgb + _normalized(own) - own, normalized=True
        )
    if not policy.align:
        alignment = None
    if alignment:
        rgb = alignment.undo(rgb)
    left = _columns_left(agreeing) if policy.align else 0
    photometry = estimate_photometry(agreeing) if policy.match_cameras else None
    if photometry:
        luma, rgb = photometry.seen(luma), photometry.reference_seen(rgb)
    if left:
        luma = np.pad(luma, [(0, 0), (0, left), (0, 0)], mode="symmetric")
        rgb = np.pad(rgb, [(0, 0), (left, 0), (0, 0)], mode="symmetric")
    return SeenPair(luma, rgb, alignment, left, photometry, swapped=swapped)


def are_swapped(luma: np.ndarray, rgb: np.ndarray) -> bool:
    """Whether the mono picture seems to be the left view, not the right one (D-01).

    Args:
        luma, rgb: as `colornet.inference.float_pair` returns them.
    """
    _, agreeing = estimate_alignment(find_matches(luma, rgb))
    return _lie_left(agreeing)


def _lie_left(agreeing: Matches) -> bool:
    """Whether the points of the mono picture lie further left in the reference."""
    left = agreeing.offsets[:, 1] < -_LEFT_PX
    return len(left) >= LEAST_MATCHES and left.mean() > _MOST_LEFT


def _columns_left(agreeing: Matches) -> int:
    """Px by which the reference must move to the right for Eq. 1; 0 if it need not."""
    if len(agreeing.points) < LEAST_MATCHES:
        return 0
    smallest = np.quantile(agreeing.offsets[:, 1], _SOME_LEFT) / agreeing.scale
    return _SPARE_PX + math.ceil(-smallest) if smallest < -_LEFT_PX else 0


def _normalized(luma: np.ndarray) -> np.ndarray:
    window = (_WINDOW, _WINDOW, 0)
    detail = luma - gaussian_filter(luma, window)
    deviation = np.sqrt(gaussian_filter(detail**2, window) + _FLOOR**2)
    return np.clip(0.5 + _CONTRAST * detail / deviation, 0, 1)
