"""Mistakes and orders of noise that may lie behind the paper's figures. NumPy only."""

import dataclasses

import numpy as np

from colornet.color import rgb_to_luma
from colornet.colorizer.classic import matching
from colornet.noise import NOISE_SETUPS, add_noise, record_rng, to_uint8
from tfrecords_tools.records import area_downsample
from tfrecords_tools.sources import Views
from tfrecords_tools.sources.disparity import transfer_disparity

# Code 0 in chroma, where grey is code 128 and chroma 0.
CODE_0 = -128 / 255
OUTSIDE = {"grey": 0.0, "code 0": CODE_0}


@dataclasses.dataclass(frozen=True)
class NoiseOrder:
    """How a pair is reduced and gets its noise.

    Attributes:
        factor: every so many pixels squared are averaged into one.
        before: whether the noise is there before.
        finer: how many times smaller the pixels are that the noise falls on. This many
            squared are averaged into one: the noise gets this much weaker.
    """

    factor: int = 1
    before: bool = False
    finer: int = 1


def psnr_cap(width: float) -> float:
    """PSNR in dB of a picture with one column 128 levels off, and all else right.

    Args:
        width: of the picture in px.
    """
    return float(10 * np.log10(255**2 * width / 128**2))


def psnr_together(*parts: float) -> float:
    """The PSNR in dB of the sum of the squared errors that have these PSNRs."""
    return float(-10 * np.log10(sum(10 ** (-part / 10) for part in parts)))


def copied(chroma: np.ndarray, disparity: np.ndarray, outside: str) -> np.ndarray:
    """The chroma at column i + disparity, interpolated linearly.

    Args:
        chroma: (height, width, 2) of the reference, in [-0.5, 0.5].
        disparity: (height, width) px, of any sign.
        outside: what a match outside of the picture takes: the colour of the "border",
            "grey", or "code 0", 128 levels below grey.
    """
    width = disparity.shape[1]
    match = np.arange(width) + disparity
    inside = (match >= 0) & (match <= width - 1)
    found = matching.warp(chroma, np.clip(match, 0, width - 1) - np.arange(width))
    if outside == "border":
        return found
    return np.where(inside[..., None], found, OUTSIDE[outside])


def filled(disparity: np.ndarray) -> np.ndarray:
    """A disparity whose unknown pixels (-1) have the smaller one of both sides."""
    sides = []
    for view in (disparity, disparity[:, ::-1]):
        known = np.where(view >= 0, np.arange(view.shape[1]), -1)
        last = np.maximum.accumulate(known, axis=1)
        side = np.take_along_axis(view, np.maximum(last, 0), axis=1)
        sides.append(np.where(last >= 0, side, np.inf))
    least = np.minimum(sides[0], sides[1][:, ::-1])
    return np.where(np.isfinite(least), least, 0)


def mistakes(disparity: np.ndarray, max_disparity: int) -> dict[str, np.ndarray]:
    """What a stereo matching model may take for a disparity (height, width) px."""
    other_view = transfer_disparity(disparity[:, ::-1].astype(np.float32))[:, ::-1]
    known = np.isfinite(other_view) & (other_view > 0)
    return {
        "no mistake": disparity,
        "of half the resolution, taken for full": disparity / 2,
        "of full resolution, doubled": 2 * disparity,
        "wrong sign": -disparity,
        "of the other view": filled(np.where(known, other_view, -1)),
        "none: 0 everywhere": np.zeros_like(disparity),
        "untrained: the middle of all candidates": np.full_like(
            disparity, (max_disparity - 1) / 2
        ),
    }


def noisy_pair(views: Views, key: str, setup: int, order: NoiseOrder):
    """Mono luma, reference and target of a pair with noise.

    Args:
        views: the clean `Views`.
        key: that seeds the noise.
        setup: row of Table 2.
        order: of noise and reduction.

    Returns:
        (h, w), (h, w, 3) and (h, w, 3) float in [0, 1].
    """
    factor = order.factor
    height, width = (size - size % factor for size in views.left.shape[:2])
    left, right = (v[:height, :width] / 255 for v in (views.left, views.right))
    levels = NOISE_SETUPS[setup]

    def taken(camera: str, clean: np.ndarray, level: float) -> np.ndarray:
        rng = record_rng(key, setup, camera)
        if order.before:
            noisy = area_downsample(add_noise(clean, level, rng), factor)
        else:
            noisy = add_noise(area_downsample(clean, factor), level / order.finer, rng)
        return to_uint8(noisy) / 255

    mono = taken("mono", rgb_to_luma(right), levels.mono)[..., 0]
    return mono, taken("color", left, levels.color), area_downsample(right, factor)
