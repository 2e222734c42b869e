"""Colours, text, axes, colour bars and layout. NumPy and Pillow only.

Nothing is ever drawn over the content of a picture here: labels, axes and bars lie in
margins of their own.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

_FONT = ImageFont.load_default(13)
_HALF_LINE = 6
_PAPER, _INK = (255, 255, 255), (40, 40, 40)
_TICK = 4
LABEL_HEIGHT = 18
LEFT_MARGIN = 62

# Black to pale yellow through red, with a luma that only rises: large stays large in
# a grey print. The greys are left free for "no value".
_POINTS = "000004 1f0c48 550f6d 88226a ba3655 e35933 f98c0a f9c932 fcffa4".split()
_POINTS = np.array([ImageColor.getrgb(f"#{code}") for code in _POINTS])
_PLACES = np.linspace(0, 255, len(_POINTS))
_RAMP = np.stack([np.interp(range(256), _PLACES, c) for c in _POINTS.T], axis=-1)
_NO_VALUE, _GREY = 256, (128, 128, 128)
_COLORS = np.rint(np.vstack([_RAMP, _GREY])).astype(np.uint8)


def colormap(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Colours of a map of numbers, from black (low) to pale yellow (high).

    Args:
        values: any shape, real numbers; clipped to [low, high]. NaN becomes grey.
        low, high: the ends of the scale, in the unit of the values; low < high.

    Returns:
        (..., 3) uint8 RGB.
    """
    position = np.clip((np.asarray(values, np.float32) - low) / (high - low), 0, 1)
    levels = np.where(np.isnan(position), _NO_VALUE, np.rint(position * 255))
    return _COLORS[levels.astype(np.int16)]


def fit(picture: np.ndarray, least: int = 256, most: int = 512) -> np.ndarray:
    """The picture with its width brought into [least, most] by a whole factor.

    Enlarging repeats pixels; reducing averages them. A width that no whole factor
    brings into the range stays on the large side when enlarged.
    """
    width = picture.shape[1]
    if width < least:
        factor = math.ceil(least / width)
        return picture.repeat(factor, axis=0).repeat(factor, axis=1)
    return np.array(Image.fromarray(picture).reduce(math.ceil(width / most)))


def beside(pictures: Sequence[np.ndarray], gap: int = 0) -> np.ndarray:
    """Pictures from left to right, aligned at the top, `gap` pixels apart."""
    height = max(len(picture) for picture in pictures)
    cells = [
        np.pad(p, ((0, height - len(p)), (0, gap), (0, 0)), constant_values=255)
        for p in pictures
    ]
    return np.concatenate(cells, axis=1)[:, : -gap or None]


def stack(pictures: Sequence[np.ndarray], gap: int = 0) -> np.ndarray:
    """Pictures from top to bottom, aligned at the left, `gap` pixels apart."""
    turned = [picture.swapaxes(0, 1) for picture in pictures]
    return np.ascontiguousarray(beside(turned, gap).swapaxes(0, 1))


def text_line(text: str, x: int = 0) -> np.ndarray:
    """A line of text, `LABEL_HEIGHT` high, `x` pixels from its left edge."""
    width = x + math.ceil(_FONT.getlength(text)) + 2
    line = Image.new("RGB", (width, LABEL_HEIGHT), _PAPER)
    ImageDraw.Draw(line).text((x, LABEL_HEIGHT - 4), text, _INK, _FONT, "ls")
    return np.array(line)


def label(picture: np.ndarray, text: str, x: int = 0) -> np.ndarray:
    """The picture with a line of text above it, `x` pixels from its left edge."""
    return stack([text_line(text, x), picture])


def tile(pictures: Mapping[str, np.ndarray], columns: int) -> np.ndarray:
    """A sheet of pictures in rows of `columns`, each with its name above it."""
    cells = [label(picture, name) for name, picture in pictures.items()]
    rows = [cells[first : first + columns] for first in range(0, len(cells), columns)]
    return stack([beside(row, gap=6) for row in rows], gap=6)


def nice_ticks(high: float, most: int = 8, low: float = 0.0) -> list[float]:
    """Round numbers from `low` to `high`, at most `most` steps apart.

    They are multiples of 1, 2 or 5 times a power of ten.
    """
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(m * power for m in (1, 2, 5, 10) if m * power * most >= span)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [step * n for n in range(first, last + 1)]


def _draw_y_ticks(
    draw: ImageDraw.ImageDraw, x: int, height: int, ticks: dict[float, str], way: int
) -> None:
    # From x to the right (way 1) or to the left (way -1).
    for y, text in ticks.items():
        y = min(round(y), height - 1)
        draw.line([(x, y), (x + way * (_TICK - 1), y)], _INK)
        # Half a line from the ends, so that no number is cut.
        centre = min(max(y, _HALF_LINE), height - 1 - _HALF_LINE)
        place = x + way * (_TICK + 3), centre
        draw.text(place, text, _INK, _FONT, "lm" if way > 0 else "rm")


def color_bar(height: int, ticks: dict[float, str]) -> np.ndarray:
    """A vertical bar of the colours of `colormap`, low at the bottom.

    Args:
        height: in pixels.
        ticks: the text at each place, from 0 (low) to 1 (high).
    """
    column = colormap(np.linspace(1, 0, height), 0, 1)[:, None].repeat(12, axis=1)
    longest = max(math.ceil(_FONT.getlength(text)) for text in ticks.values())
    bar = Image.new("RGB", (6 + 12 + _TICK + 4 + longest, height), _PAPER)
    bar.paste(Image.fromarray(column), (6, 0))
    places = {(1 - place) * (height - 1): text for place, text in ticks.items()}
    _draw_y_ticks(ImageDraw.Draw(bar), 6 + 12, height, places, 1)
    return np.array(bar)


def map_picture(values: np.ndarray, high: float) -> np.ndarray:
    """A map (H, W) of numbers from 0 to `high` with a colour bar; NaN is grey."""
    picture = fit(colormap(values, 0, high))
    most = min(8, max(2, len(picture) // 24))
    ticks = {tick / high: f"{tick:g}" for tick in nice_ticks(high, most)}
    return beside([picture, color_bar(len(picture), ticks)])


def with_axes(
    picture: np.ndarray,
    x_ticks: dict[float, str],
    y_ticks: dict[float, str],
    x_title: str = "",
    y_title: str = "",
) -> np.ndarray:
    """The picture with numbered axes in margins at its left and below it.

    Args:
        picture: uint8 RGB. Its column 0 lies at `LEFT_MARGIN` of the result.
        x_ticks, y_ticks: text at each place, in pixels from the top left. There is
            nothing below a picture without x_ticks.
        x_title, y_title: what the axes show.
    """
    height, width = picture.shape[:2]
    # The last number below may reach further to the right than the picture.
    margin = (16, _TICK + 2 * LABEL_HEIGHT) if x_ticks else (0, 0)
    size = LEFT_MARGIN + width + margin[0], height + margin[1]
    sheet = Image.new("RGB", size, _PAPER)
    sheet.paste(Image.fromarray(picture), (LEFT_MARGIN, 0))
    if y_title:
        title = Image.fromarray(text_line(y_title)).rotate(90, expand=True)
        sheet.paste(title, (0, (height - title.height) // 2))
    draw = ImageDraw.Draw(sheet)
    _draw_y_ticks(draw, LEFT_MARGIN - 1, height, y_ticks, -1)
    for x, text in x_ticks.items():
        x = LEFT_MARGIN + round(x)
        draw.line([(x, height), (x, height + _TICK - 1)], _INK)
        draw.text((x, height + _TICK + 3), text, _INK, _FONT, "mt")
    if x_ticks:
        centre = LEFT_MARGIN + width // 2, height + _TICK + LABEL_HEIGHT + 3
        draw.text(centre, x_title, _INK, _FONT, "mt")
    return np.array(sheet)
