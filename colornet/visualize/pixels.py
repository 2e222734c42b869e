"""A few telling pixels: which they are, where they lie, their weights over k.

NumPy and Pillow only. Pixels are a dictionary from a name to (row, column).
"""

import numpy as np
from PIL import Image, ImageDraw

from colornet.occlusion import occlusion_depth
from colornet.visualize.drawing import (
    LEFT_MARGIN,
    beside,
    blank,
    draw_text,
    label,
    nice_ticks,
    text_width,
    with_axes,
)

# Colours that colour-blind readers tell apart (Okabe and Ito), on white and on grey.
COLORS = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
)
_PLOT_HEIGHT, _PLOT_WIDTH = 200, 560
_HEADROOM = 14
_GRID = (225, 225, 225)
# Drawn so many times larger and reduced, for smooth lines.
_SMOOTH = 3

Pixels = dict[str, tuple[int, int]]


def _box_mean(values: np.ndarray, radius: int) -> np.ndarray:
    size = 2 * radius + 1
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (radius + 1, radius)
        sums = np.cumsum(np.pad(values, pad, mode="edge"), axis=axis, dtype=np.float64)
        length = values.shape[axis]
        late = np.take(sums, range(size, size + length), axis)
        values = (late - np.take(sums, range(length), axis)) / size
    return values


def choose_pixels(example: dict[str, np.ndarray], count: int = 4) -> Pixels:
    """Pixels whose weights are worth a look, the same for the same example.

    In this order: `texture`, where the match is easy; `flat`, where it is ambiguous;
    `border`, textured and close to the right border, where few candidates are left;
    `occluded`, hidden in the reference according to the true disparity, or `edge`, the
    strongest vertical edge, where nothing is known to be hidden. Then again from the
    start, at other places.

    Args:
        example: map `mono`, and `disparity` where known; see colornet/data.py.
        count: number of pixels.
    """
    mono = np.asarray(example["mono"], np.float64).reshape(example["mono"].shape[:2])
    height, width = mono.shape
    smooth = _box_mean(mono, 1)
    slope = np.abs(np.gradient(smooth, axis=1))
    texture = np.sqrt(_box_mean(slope**2, 4))
    columns = np.arange(width)
    near_right = (columns >= width - max(8, width // 32)) & (columns < width - 2)
    scores = {
        "texture": texture,
        "flat": -_box_mean(texture, 4),
        "border": np.where(near_right, texture, -np.inf),
        "edge": _box_mean(slope, 1),
    }
    if "disparity" in example:
        hidden = np.minimum(occlusion_depth(np.asarray(example["disparity"])), 8)
        if hidden.any():
            scores["occluded"] = _box_mean(hidden, 3)
            del scores["edge"]

    free = np.ones(mono.shape, bool)
    # The frame's own edge is no place to look, but for the border pixel.
    inner = (columns >= width // 16) & (columns < width - width // 6)
    rows = np.arange(height)[:, None]
    inside = (rows >= height // 8) & (rows < height - height // 8)
    names, pixels = list(scores), {}
    for number in range(count):
        kind = names[number % len(names)]
        allowed = free & inside & (True if kind == "border" else inner)
        score = np.where(allowed, scores[kind], -np.inf)
        row, column = np.unravel_index(np.argmax(score), score.shape)
        again = number // len(names)
        name = f"{kind} {again + 1}" if again else kind
        pixels[name] = (int(row), int(column))
        near = (abs(rows - row) < height // 8) & (abs(columns - column) < width // 8)
        free &= ~near
    return pixels


def mark_pixels(picture: np.ndarray, pixels: Pixels) -> np.ndarray:
    """The picture with a ring around each pixel, in the colours of `weight_curves`.

    Args:
        picture: (H, W, 3) uint8 RGB.
        pixels: what to mark.
    """
    height, width = picture.shape[:2]
    large = Image.fromarray(picture).resize(
        (width * _SMOOTH, height * _SMOOTH), Image.Resampling.NEAREST
    )
    draw = ImageDraw.Draw(large)
    radius = max(4, round(width / 70)) * _SMOOTH
    thick = max(2, round(width / 250)) * _SMOOTH
    for number, (row, column) in enumerate(pixels.values()):
        centre = ((column + 0.5) * _SMOOTH, (row + 0.5) * _SMOOTH)
        color = COLORS[number % len(COLORS)]
        draw.circle(centre, radius + thick // 2, outline="white", width=2 * thick)
        draw.circle(centre, radius, outline=color, width=thick)
    return np.array(large.reduce(_SMOOTH))


def _legend(pixels: Pixels) -> np.ndarray:
    texts = [f"{name} ({row}, {column})" for name, (row, column) in pixels.items()]
    lines = blank(_PLOT_HEIGHT, 40 + max(text_width(text) for text in texts))
    for number, text in enumerate(texts):
        y = 8 + 20 * number
        lines[y - 1 : y + 2, 12:32] = COLORS[number % len(COLORS)]
        lines = draw_text(lines, 38, y, text, "lm")
    return lines


def weight_curves(
    weights: np.ndarray, pixels: Pixels, truth: np.ndarray | None = None
) -> np.ndarray:
    """The weights of a few pixels over their candidates k.

    A curve ends where the candidates do, at the right border. The scale starts at 0
    and ends above the largest weight that is shown; negative ones are cut off.

    Args:
        weights: (d, H, W), W of Eq. 1.
        pixels: whose weights, at most six to be told apart.
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
    # The last pixel's curve is drawn first: the earlier ones lie on top.
    for number in reversed(range(len(curves))):
        color, curve = COLORS[number % len(COLORS)], curves[number]
        points = [(x_at(k) * _SMOOTH, y_at(w) * _SMOOTH) for k, w in enumerate(curve)]
        draw.line(points, color, 2 * _SMOOTH, joint="curve")
        draw.circle(points[-1], 3 * _SMOOTH, color)
        row, column = list(pixels.values())[number]
        if truth is not None and 0 <= truth[row, column] <= d - 1:
            x, half = x_at(float(truth[row, column])) * _SMOOTH, 5 * _SMOOTH
            draw.polygon([(x - half, 0), (x + half, 0), (x, 2 * half)], color)
    picture = np.array(plot.reduce(_SMOOTH))
    picture[:, :1] = picture[-1:] = _GRID

    title = "W over k. Dot: last candidate"
    if truth is not None:
        title += ". Triangle: true disparity"
    x_ticks = {x_at(k): f"{k:g}" for k in nice_ticks(d - 1, binary=True)}
    y_ticks = {y_at(weight): f"{weight:.3g}" for weight in y_marks}
    axes = with_axes(picture, x_ticks, y_ticks, "k (px)", "weight")
    return label(beside([axes, _legend(pixels)]), title, LEFT_MARGIN)
