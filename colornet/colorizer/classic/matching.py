"""Pieces of stereo matching: candidates, noise, consistency, colours.

Candidate k of mono pixel (j, i) is reference pixel (j, i + k), k = 0 ... d - 1 (Eq. 1).
Maps are (height, width); disparities are in pixels and at least 0.
"""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.ndimage import correlate1d, gaussian_filter
from skimage.restoration import denoise_nl_means

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.colorizer.classic.levin import propagate
from colornet.noise import estimate_noise

# A method of stereo matching. From mono and the reference's luma, both (height, width)
# float in [0, 1], and d of Eq. 1 to two (height, width) maps: the disparity of the mono
# view in pixels, and a bool, where it is reliable.
Match = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]

# Weight of gain 1 beside the mean of mono^2 in a window: it counts where next to no
# pixel of the window is known.
_GAIN_PRIOR = 1e-3


def denoise(rgb: np.ndarray) -> np.ndarray:
    """A colour picture without its signal-dependent noise.

    Noise of standard deviation a sqrt(intensity) has standard deviation a / 2 in the
    square root of the intensity, whatever the intensity. There it is measured, and
    removed by non-local means (Buades, Coll, Morel 2005) over R, G and B together.

    Args:
        rgb: (height, width, 3) float, in [0, 1]; it may go somewhat beyond.

    Returns:
        (height, width, 3) float32.
    """
    rgb = rgb.astype(np.float32)
    lowest = min(0, rgb.min())
    root = np.sqrt(rgb - lowest)
    noise = estimate_noise(root)
    if noise == 0:
        return rgb
    smooth = denoise_nl_means(
        root,
        patch_size=5,
        patch_distance=5,
        h=0.8 * noise,
        sigma=noise,
        channel_axis=-1,
    )
    return np.square(smooth) + lowest


def gradients(luma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Central differences down and to the right, per pixel; both are (height, width).

    Past the border the picture goes on as at the border.
    """
    kernel = np.array([-0.5, 0, 0.5])
    down, right = (correlate1d(luma, kernel, axis, mode="nearest") for axis in (0, 1))
    return down, right


def candidates(max_disparity: int, width: int) -> Iterator[tuple[int, slice, slice]]:
    """Every k with the mono columns that have it and the reference columns it is.

    Args:
        max_disparity: d of Eq. 1; candidates outside the picture do not exist.
        width: of the pictures.
    """
    for k in range(min(max_disparity, width)):
        yield k, slice(0, width - k), slice(k, width)


def left_right_check(
    disparity: np.ndarray, reference_disparity: np.ndarray, tolerance: float = 1
) -> np.ndarray:
    """Where the reference's pixel that a mono pixel chose chose it, too.

    Args:
        disparity: (height, width) of the mono view.
        reference_disparity: (height, width) of the reference: its pixel (j, i) matches
            mono pixel (j, i - disparity).
        tolerance: difference that still counts as agreement, in pixels.

    Returns:
        (height, width) bool; False too where the match is outside the picture.
    """
    width = disparity.shape[1]
    match = np.rint(np.arange(width) + disparity).astype(int)
    back = np.take_along_axis(reference_disparity, np.minimum(match, width - 1), axis=1)
    return (match < width) & (np.abs(back - disparity) <= tolerance)


def warp(reference: np.ndarray, disparity: np.ndarray) -> np.ndarray:
    """The reference as the mono view sees it, interpolated linearly along the row.

    Args:
        reference: (height, width, ...).
        disparity: (height, width), of the mono view.

    Returns:
        As `reference`; a match outside the picture takes the last column.
    """
    height, width = disparity.shape
    match = np.minimum(np.arange(width) + disparity, width - 1)
    left = np.floor(match).astype(int)
    right = np.minimum(left + 1, width - 1)
    part = (match - left).astype(np.float32)
    part = part.reshape(part.shape + (1,) * (reference.ndim - 2))
    rows = np.arange(height)[:, None]
    return (1 - part) * reference[rows, left] + part * reference[rows, right]


def local_gain(
    mono: np.ndarray, matched: np.ndarray, known: np.ndarray, sigma: float = 10
) -> np.ndarray:
    """The factor that makes mono as bright as its matches, pixel by pixel.

    It minimizes the sum of (gain mono - matched)^2 over known pixels under a Gaussian
    window; far from all of them it is 1.

    Args:
        mono: (height, width) float, in [0, 1].
        matched: (height, width) float, in [0, 1]: the reference at the match.
        known: (height, width) bool: where the match counts.
        sigma: of the window, in pixels.

    Returns:
        (height, width) float32.
    """
    weighted = np.where(known, mono, 0).astype(np.float32)
    product = gaussian_filter(weighted * matched, sigma)
    square = gaussian_filter(weighted * mono, sigma)
    return (product + _GAIN_PRIOR) / (square + _GAIN_PRIOR)


def matched_colors(
    match: Match, mono: np.ndarray, reference: np.ndarray, max_disparity: int
) -> np.ndarray | None:
    """Copies colours along reliable matches and propagates them over the picture.

    Args:
        match: the method.
        mono: (height, width) float, in [0, 1].
        reference: (height, width, 3) float RGB, in [0, 1]; it is denoised first.
        max_disparity: d of Eq. 1.

    Returns:
        (height, width, 3) float32 Y, Cb, Cr; None if no match is reliable.
    """
    clean = denoise(reference)
    luma = rgb_to_luma(clean)
    disparity, reliable = match(mono, luma[..., 0], max_disparity)
    if not reliable.any():
        return None
    colors = np.concatenate([luma, rgb_to_chroma(clean)], axis=-1)
    return propagate(mono, warp(colors, disparity), reliable)


def colorize(
    match: Match, mono: np.ndarray, reference: np.ndarray, max_disparity: int
) -> np.ndarray:
    """Cb and Cr of `matched_colors`, or grey, (height, width, 2) zeros."""
    colors = matched_colors(match, mono, reference, max_disparity)
    if colors is None:
        return np.zeros((*mono.shape, 2), np.float32)
    return colors[..., 1:]
