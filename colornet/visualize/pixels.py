"""A few telling pixels: which they are, where they lie, their weights over k.

Pixels are a dictionary from a name to (row, column).
"""

import functools
import itertools
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageColor, ImageDraw
from scipy.ndimage import uniform_filter

from colornet.occlusion import occlusion_depth
from colornet.visualize.drawing import (
    LABEL_HEIGHT,
    LEFT_MARGIN,
    beside,
    label,
    nice_ticks,
    stack,
    text_line,
    with_axes,
)

# Colours that colour-blind readers tell apart (Okabe and Ito), on white and on grey.
COLORS = "#0072b2 #d55e00 #009e73 #cc79a7 #e69f00 #56b4e9".split()
COLORS = [ImageColor.getrgb(code) for code in COLORS]
_PLOT_HEIGHT, _PLOT_WIDTH = 200, 560
_HEADROOM = 14
_GRID = (225, 225, 225)
# Drawn so many times larger and reduced, for smooth lines.
_SMOOTH = 3

Pixels = dict[str, tuple[int, int]]


def choose_pixels(example: Mapping[str, np.ndarray]) -> Pixels:
    """Pixels whose weights are worth a look, the same for the same example.

    They are `texture`, where the match is easy; `flat`, where it is ambiguous;
    `border`, textured and close to the right border, where few candidates are left;
    `occluded`, hidden in the reference according to the true disparity, or `edge`, the
    strongest vertical edge, where nothing is known to be hidden.

    Args:
        example: map `mono`, and `disparity` where known; see colornet/data.py.
    """
    mono = example["mono"].reshape(example["mono"].shape[:2])
    height, width = mono.shape
    box_mean = functools.partial(uniform_filter, output=np.float64, mode="nearest")
    slope = np.abs(np.gradient(box_mean(mono, 3), axis=1))
    texture = box_mean(slope, 9)
    scores = {"texture": texture, "flat": -box_mean(texture, 9), "border": texture}
    hidden = np.zeros(mono.shape)
    if "disparity" in example:
        hidden = np.minimum(occlusion_depth(example["disparity"]), 8)
    if hidden.any():
        scores["occluded"] = box_mean(hidden, 7)
    else:
        scores["edge"] = box_mean(slope, 3)

    rows, columns = np.indices(mono.shape)
    # The frame's own edge is no place to look, but for the border pixel.
    free = (rows >= height // 8) & (rows < height - height // 8)
    inner = (columns >= width // 16) & (columns < width - width // 6)
    near_right = (columns >= width - max(8, width // 32)) & (columns < width - 2)
    pixels = {}
    for kind, score in scores.items():
        allowed = free & (near_right if kind == "border" else inner)
        best = np.argmax(np.where(allowed, score, -np.inf))
        row, column = (int(place) for place in np.unravel_index(best, mono.shape))
        pixels[kind] = row, column
        near = (abs(rows - row) < height // 8) & (abs(columns - column) < width // 8)
        free &= ~near
    return pixels


def mark_pixels(picture: np.ndarray, pixels: Pixels) -> np.ndarray:
    """The picture with a ring around each pixel, in the colours of `weight_curves`."""
    width = picture.shape[1]
    large = Image.fromarray(picture.repeat(_SMOOTH, axis=0).repeat(_SMOOTH, axis=1))
    draw = ImageDraw.Draw(large)
    radius = max(4, round(width / 70)) * _SMOOTH
    thick = max(2, round(width / 250)) * _SMOOTH
    for (row, column), color in zip(pixels.values(), itertools.cycle(COLORS)):
        centre = ((column + 0.5) * _SMOOTH, (row + 0.5) * _SMOOTH)
        draw.circle(centre, radius + thick // 2, outline="white", width=2 * thick)
        draw.circle(centre, radius, outline=color, width=thick)
    return np.array(large.reduce(_SMOOTH))


def weight_curves(
    weights: np.ndarray, pixels: Pixels, truth: np.ndarray | None = None
) -> np.ndarray:
    """The weights of a few pixels over their candidates k.

    A curve ends where the candidates do, at the right border. The scale starts at 0
    and ends above the largest weight that is shown; negative ones are cut off.

    Args:
        weights: (d, H, W), W of Eq. 1.
        pixels: whose weights, at most six.
        truth: (H, W) true disparity in pixels, -1 where unknown: a triangle of the
            pixel's colour on top of the plot.

    Returns:
        uint8 RGB, with a legend that gives (row, column).
    """
    d, _, width = weights.shape
    curves = [weights[: width - column, row, column] for row, column in pixels.values()]
    top = max(1e-6, max(float(curve.max()) for curve in curves))
    y_marks = nice_ticks(top, most=5)

    def x_at(k):
        return 8 + (_PLOT_WIDTH - 16) * k / (d - 1)

    def y_at(weight):
        scale = (_PLOT_HEIGHT - _HEADROOM - 4) / (top * 1.04)
        return _PLOT_HEIGHT - 2 - scale * weight

    size = (_PLOT_WIDTH * _SMOOTH, _PLOT_HEIGHT * _SMOOTH)
    plot = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(plot)
    for weight in y_marks:
        y = y_at(weight) * _SMOOTH
        draw.line([(0, y), (size[0], y)], _GRID, _SMOOTH)
    drawn = list(zip(pixels.values(), curves, itertools.cycle(COLORS)))
    # The last pixel's curve is drawn first: the earlier ones lie on top.
    for pixel, curve, color in reversed(drawn):
        points = [(x_at(k) * _SMOOTH, y_at(w) * _SMOOTH) for k, w in enumerate(curve)]
        draw.line(points, color, 2 * _SMOOTH, joint="curve")
        draw.circle(points[-1], 3 * _SMOOTH, color)
        if truth is not None and 0 <= truth[pixel] <= d - 1:
            x, half = x_at(float(truth[pixel])) * _SMOOTH, 5 * _SMOOTH
            draw.polygon([(x - half, 0), (x + half, 0), (x, 2 * half)], color)
    picture = np.array(plot.reduce(_SMOOTH))
    picture[:, :1] = picture[-1:] = _GRID

    title = "W over k. Dot: last candidate"
    if truth is not None:
        title += ". Triangle: true disparity"
    x_ticks = {x_at(k): f"{k:g}" for k in nice_ticks(d - 1)}
    y_ticks = {y_at(weight): f"{weight:.3g}" for weight in y_marks}
    axes = with_axes(picture, x_ticks, y_ticks, "k (px)", "weight")
    return label(beside([axes, _legend(pixels)]), title, LEFT_MARGIN)


def _legend(pixels: Pixels) -> np.ndarray:
    lines = []
    for (name, place), color in zip(pixels.items(), itertools.cycle(COLORS)):
        line = text_line(f"{name} {place}", x=38)
        line[LABEL_HEIGHT // 2 : LABEL_HEIGHT // 2 + 3, 12:32] = color
        lines.append(line)
    return stack(lines)
