"""Two different cameras, brought together before the network sees their pictures."""

import dataclasses

import numpy as np

from colornet.colorizer.alignment import Alignment, estimate_alignment
from colornet.colorizer.matches import find_matches
from colornet.colorizer.photometry import Photometry, estimate_photometry
from colornet.colorizer.plan import Policy


@dataclasses.dataclass(frozen=True)
class SeenPair:
    """A pair as the network sees it.

    Attributes:
        luma: (height, width, 1) float32, in [0, 1].
        rgb: (height, width, 3) float32.
        alignment, photometry: what was found and undone; None if nothing.
    """

    luma: np.ndarray
    rgb: np.ndarray
    alignment: Alignment | None = None
    photometry: Photometry | None = None


def brought_together(luma: np.ndarray, rgb: np.ndarray, policy: Policy) -> SeenPair:
    if not (policy.align or policy.match_cameras):
        return SeenPair(luma, rgb)
    matches = find_matches(luma, rgb)
    alignment, matches = estimate_alignment(matches)
    photometry = estimate_photometry(matches) if policy.match_cameras else None
    if not policy.align:
        alignment = None
    if alignment:
        rgb = alignment.undo(rgb)
    if photometry:
        luma, rgb = photometry.seen(luma), photometry.reference_seen(rgb)
    return SeenPair(luma, rgb, alignment, photometry)
