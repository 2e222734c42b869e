"""Pictures of the attention volume A and of the weight volume W.

Volumes are (d, height, width) float arrays without batch axis: A of Eq. 4 in [0, 1], at
half resolution, and W of Eq. 1, which sums to 1 over d. Candidate k of the mono pixel
(j, i) is the reference pixel (j, i + k). Where that lies past the right border and W is
0, there is no candidate (D-02): pictures show it in grey.
"""

import math

import numpy as np

from colornet.noise import to_uint8
from colornet.visualize.drawing import (
    LEFT_MARGIN,
    beside,
    color_bar,
    colormap,
    fit,
    label,
    map_picture,
    nice_ticks,
    stack,
    tile,
    with_axes,
)
from colornet.visualize.pictures import mono_picture

# Weights are shown on a log scale from 1 / 1000 to 1: that of a uniform W is visible,
# and so is a second candidate that is ten times less likely.
_DECADES = 3
_WEIGHT_TICKS = {0: "0.001", 1 / 3: "0.01", 2 / 3: "0.1", 1: "1"}

_TRUTH_COLOR = (0, 230, 255)
_STRIP_RADIUS = 16


def expected_disparity(weights: np.ndarray) -> np.ndarray:
    """The mean of k under W: (d, H, W) weights to (H, W) float32 pixels."""
    d = weights.shape[0]
    return np.tensordot(np.arange(d, dtype=np.float32), weights, axes=1)


def entropy(weights: np.ndarray) -> np.ndarray:
    """The entropy of W in bits, from 0 (one candidate) to log2 d: (H, W) float32."""
    total = np.zeros(weights.shape[1:], np.float32)
    # Slice by slice: a logarithm of the whole volume would be a second volume.
    for weight in weights:
        total -= weight * np.log2(np.maximum(weight, np.finfo(np.float32).tiny))
    return total


def disparity_picture(
    disparity: np.ndarray, candidates: int, truth: np.ndarray | None = None
) -> np.ndarray:
    """A disparity map, beside the true one if given, with a bar in pixels.

    Args:
        disparity: (H, W) pixels.
        candidates: d; the scale runs from 0 to d - 1.
        truth: (H, W) pixels, -1 where unknown, which becomes grey.
    """
    maps = {"expected disparity (px)": disparity}
    if truth is not None and (truth >= 0).any():
        known = np.where(truth < 0, np.nan, truth)
        maps["true disparity (px), grey: unknown"] = known
    pictures = {name: map_picture(v, candidates - 1) for name, v in maps.items()}
    return tile(pictures, columns=2)


def entropy_picture(bits: np.ndarray, candidates: int) -> np.ndarray:
    """A map (H, W) of `entropy` with a bar from 0 to log2 d bits."""
    picture = map_picture(bits, math.log2(candidates))
    return label(picture, f"entropy of W (bits), at most {math.log2(candidates):.2f}")


def _without_absent(section: np.ndarray, k: np.ndarray | int) -> np.ndarray:
    # (..., W) weights of candidate(s) k, NaN where there is no candidate.
    past = np.arange(section.shape[-1]) + k >= section.shape[-1]
    return np.where(past & (section == 0), np.nan, section)


def log_levels(weights: np.ndarray) -> np.ndarray:
    """Where weights lie on the pictures' scale: 0 at 0.001 or less, 1 at weight 1."""
    return 1 + np.log10(np.maximum(weights, 10.0**-_DECADES)) / _DECADES


def volume_slices(
    volume: np.ndarray, count: int = 8, *, log: bool = False, unit: int = 1
) -> np.ndarray:
    """Slices of A or W at evenly spaced candidates, each labelled with its disparity.

    Args:
        volume: (d, H, W), A or W.
        count: number of slices, from k = 0 to k = d - 1, in rows of four.
        log: a logarithmic scale from 0.001 to 1, for W. Otherwise the scale is linear
            and spans the shown slices but for 1% at either end, because the values of A
            often differ little; read the bar before comparing.
        unit: pixels of disparity from one slice to the next: 2 for A.
    """
    d = volume.shape[0]
    chosen = np.unique(np.rint(np.linspace(0, d - 1, count)).astype(int))
    slices = [_without_absent(volume[k], int(k)) for k in chosen]
    if log:
        slices = [log_levels(values) for values in slices]
        low, high, ticks = 0, 1, _WEIGHT_TICKS
    else:
        low, high = np.nanpercentile(slices, (1, 99))
        high = max(high, low + 1e-3)
        ticks = {p: f"{low + p * (high - low):.3f}" for p in (0, 0.25, 0.5, 0.75, 1)}
    names = [f"k = {k}" if unit == 1 else f"k = {k} ({k * unit} px)" for k in chosen]
    pictures = [fit(colormap(values, low, high), 192, 384) for values in slices]
    sheet = tile(dict(zip(names, pictures, strict=True)), columns=4)
    return beside([sheet, color_bar(sheet.shape[0], ticks)])


def scan_line(
    weights: np.ndarray,
    row: int,
    mono: np.ndarray | None = None,
    reference: np.ndarray | None = None,
    truth: np.ndarray | None = None,
) -> np.ndarray:
    """The weights of one scan line: k upwards, i to the right, on a log scale.

    A surface parallel to the cameras is a horizontal ridge. Above the section lie the
    rows around the scan line in both views, on the same columns.

    Args:
        weights: (d, H, W), W of Eq. 1.
        row: j of the scan line.
        mono: (H, W, 1) or (H, W) luma in [0, 1], or None for no strip.
        reference: (H, W, 3) RGB in [0, 1], or None for no strip.
        truth: (H, W) true disparity in pixels, -1 where unknown: a thin cyan line
            (not drawn above d - 1).

    Returns:
        uint8 RGB; the section's column 0 lies at `drawing.LEFT_MARGIN`.
    """
    d, _, width = weights.shape
    across = max(1, round(768 / width))
    up = max(3, math.ceil(256 / d))
    section = log_levels(_without_absent(weights[:, row], np.arange(d)[:, None]))
    panel = colormap(section[::-1], 0, 1).repeat(up, axis=0).repeat(across, axis=1)
    if truth is not None:
        for i, k in enumerate(truth[row]):
            if 0 <= k <= d - 1:
                y = round((d - 0.5 - float(k)) * up - 0.5)
                panel[y, i * across : (i + 1) * across] = _TRUTH_COLOR
    x_ticks = {(i + 0.5) * across: f"{i:g}" for i in nice_ticks(width - 1)}
    y_ticks = {(d - 0.5 - k) * up: f"{k:g}" for k in nice_ticks(d - 1)}
    bar = color_bar(panel.shape[0], _WEIGHT_TICKS)
    panel = with_axes(beside([panel, bar]), x_ticks, y_ticks, "i (px)", "k (px)")
    title = f"W[k, {row}, i]. Grey: no candidate"
    if truth is not None and (truth[row] >= 0).any():
        title += ". Cyan: true disparity"
    panel = label(panel, title, LEFT_MARGIN)

    strips, top = [], max(0, row - _STRIP_RADIUS)
    for name, view in {"reference": reference, "mono": mono}.items():
        if view is not None:
            view = view[top : row + _STRIP_RADIUS + 1]
            picture = mono_picture(view) if name == "mono" else to_uint8(view)
            strip = picture.repeat(across, axis=0).repeat(across, axis=1)
            strip = with_axes(strip, {}, {(row - top + 0.5) * across: f"j = {row}"})
            strips.append(label(strip, name, LEFT_MARGIN))
    return stack([*strips, panel], gap=2)
