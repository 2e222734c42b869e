"""Text, axes, colour bars and layout of pictures. NumPy and Pillow only.

A picture is a uint8 (height, width, 3) RGB array. Nothing is ever drawn over the
content of a picture here: labels, axes and bars lie in margins of their own.
"""

import functools
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_FONT_SIZE = 13
_PAPER = 255
_INK = (40, 40, 40)
_TICK = 4
LABEL_HEIGHT = 18
LEFT_MARGIN = 62

# Black to pale yellow through red, with a luma that only rises: large stays large in
# a grey print. The greys are left free for "no value".
_COLORMAP = np.array(
    [
        (0, 0, 4),
        (31, 12, 72),
        (85, 15, 109),
        (136, 34, 106),
        (186, 54, 85),
        (227, 89, 51),
        (249, 140, 10),
        (249, 201, 50),
        (252, 255, 164),
    ]
)
_NO_VALUE = (128, 128, 128)


@functools.cache
def _colors() -> np.ndarray:
    points = np.linspace(0, 255, len(_COLORMAP))
    columns = [np.interp(np.arange(256), points, column) for column in _COLORMAP.T]
    return np.rint(np.stack(columns, axis=-1)).astype(np.uint8)


def colormap(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Colours of a map of numbers, from black (low) to pale yellow (high).

    Args:
        values: any shape, real numbers; clipped to [low, high]. NaN becomes grey.
        low, high: the ends of the scale, in the unit of the values.

    Returns:
        (..., 3) uint8 RGB.

    Raises:
        ValueError: low is not below high.
    """
    if not low < high:
        raise ValueError(f"expected low < high. Received: {low} and {high}")
    values = np.asarray(values, np.float32)
    unknown = np.isnan(values)
    position = np.clip((np.where(unknown, low, values) - low) / (high - low), 0, 1)
    picture = _colors()[np.rint(position * 255).astype(np.uint8)]
    picture[unknown] = _NO_VALUE
    return picture


@functools.cache
def _font():
    return ImageFont.load_default(_FONT_SIZE)


def text_width(text: str) -> int:
    """Width in pixels that a line of text takes."""
    return math.ceil(_font().getlength(text))


def blank(height: int, width: int) -> np.ndarray:
    """An empty white picture."""
    return np.full((height, width, 3), _PAPER, np.uint8)


def draw_text(
    picture: np.ndarray, x: int, y: int, text: str, anchor: str = "lt"
) -> np.ndarray:
    """The picture with text at (x, y); `anchor` as Pillow spells it."""
    image = Image.fromarray(picture)
    ImageDraw.Draw(image).text((x, y), text, _INK, _font(), anchor)
    return np.array(image)


def beside(pictures: Sequence[np.ndarray], gap: int = 0) -> np.ndarray:
    """Pictures from left to right, aligned at the top, `gap` pixels apart."""
    height = max(picture.shape[0] for picture in pictures)
    width = sum(picture.shape[1] for picture in pictures) + gap * (len(pictures) - 1)
    sheet, x = blank(height, width), 0
    for picture in pictures:
        sheet[: picture.shape[0], x : x + picture.shape[1]] = picture
        x += picture.shape[1] + gap
    return sheet


def stack(pictures: Sequence[np.ndarray], gap: int = 0) -> np.ndarray:
    """Pictures from top to bottom, aligned at the left, `gap` pixels apart."""
    turned = [picture.swapaxes(0, 1) for picture in pictures]
    return np.ascontiguousarray(beside(turned, gap).swapaxes(0, 1))


def label(picture: np.ndarray, text: str, x: int = 0) -> np.ndarray:
    """The picture with a line of text above it, `x` pixels from its left edge."""
    width = max(picture.shape[1], x + text_width(text) + 2)
    line = draw_text(blank(LABEL_HEIGHT, width), x, LABEL_HEIGHT - 4, text, "ls")
    return stack([line, picture])


def tile(
    pictures: Sequence[np.ndarray],
    columns: int,
    labels: Sequence[str] | None = None,
    gap: int = 6,
) -> np.ndarray:
    """A sheet of pictures in rows of `columns`, each with its label above it.

    Args:
        pictures: uint8 RGB, of any sizes; smaller ones lie at the top left of their
            cell.
        columns: pictures in a row.
        labels: one for each picture, or None. A cell grows to hold a long label.
        gap: white pixels between neighbours.

    Returns:
        (height, width, 3) uint8.

    Raises:
        ValueError: no pictures, or not as many labels as pictures.
    """
    if not pictures:
        raise ValueError("expected at least one picture. Received: none")
    if labels is not None:
        pictures = [label(*pair) for pair in zip(pictures, labels, strict=True)]
    columns = min(columns, len(pictures))
    widths = [
        max(part.shape[1] for part in pictures[at::columns]) for at in range(columns)
    ]
    rows = []
    for at in range(0, len(pictures), columns):
        cells = []
        for picture, width in zip(pictures[at : at + columns], widths, strict=False):
            cell = blank(picture.shape[0], width)
            cell[:, : picture.shape[1]] = picture
            cells.append(cell)
        rows.append(beside(cells, gap))
    return stack(rows, gap)


def fit(picture: np.ndarray, least: int, most: int) -> np.ndarray:
    """The picture with its width brought into [least, most] by a whole factor.

    Enlarging repeats pixels; reducing averages them. A width that no whole factor
    brings into the range stays on the large side when enlarged.
    """
    height, width = picture.shape[:2]
    if width < least:
        factor = -(-least // width)
        return picture.repeat(factor, axis=0).repeat(factor, axis=1)
    if width > most:
        return np.array(Image.fromarray(picture).reduce(-(-width // most)))
    return picture


def nice_ticks(high: float, most: int = 8, binary: bool = False) -> list[float]:
    """Round numbers from 0 to `high`: multiples of 1, 2 or 5 times a power of ten.

    Args:
        high: the end of the axis, above 0.
        most: no more ticks than this, not counting 0.
        binary: multiples of a power of two instead, at least 1: for pixels.
    """
    if binary:
        step = 2.0 ** max(0, math.ceil(math.log2(high / most)))
    else:
        power = 10.0 ** math.floor(math.log10(high / most))
        step = next(m * power for m in (1, 2, 5, 10) if m * power * most >= high)
    return [step * n for n in range(math.floor(high / step + 1e-9) + 1)]


def color_bar(height: int, ticks: dict[float, str]) -> np.ndarray:
    """A vertical bar of the colours of `colormap`, low at the bottom.

    Args:
        height: in pixels.
        ticks: the text at each place, from 0 (low) to 1 (high).
    """
    column = colormap(np.linspace(1, 0, height), 0, 1)[:, None]
    texts = blank(height, _TICK + 4 + max(text_width(text) for text in ticks.values()))
    for place, text in ticks.items():
        y = round((1 - place) * (height - 1))
        texts[y, :_TICK] = _INK
        # Half a line from the ends, so that no number is cut.
        centre = min(max(y, _FONT_SIZE // 2), height - 1 - _FONT_SIZE // 2)
        texts = draw_text(texts, _TICK + 3, centre, text, "lm")
    return beside([blank(height, 6), column.repeat(12, axis=1), texts])


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
        x_ticks, y_ticks: text at each place, in pixels from the top left.
        x_title, y_title: what the axes show.
    """
    height = picture.shape[0]
    left = blank(height, LEFT_MARGIN)
    for y, text in y_ticks.items():
        left[min(round(y), height - 1), -_TICK:] = _INK
        centre = min(max(round(y), _FONT_SIZE // 2), height - 1 - _FONT_SIZE // 2)
        left = draw_text(left, LEFT_MARGIN - _TICK - 3, centre, text, "rm")
    if y_title:
        line = blank(LABEL_HEIGHT, height)
        line = draw_text(line, height // 2, LABEL_HEIGHT // 2, y_title, "mm")
        left[:, :LABEL_HEIGHT] = np.rot90(line)
    sheet = beside([left, picture])
    if not x_ticks:
        return sheet
    below = blank(_TICK + 2 * LABEL_HEIGHT, sheet.shape[1] + 16)
    for x, text in x_ticks.items():
        at = LEFT_MARGIN + round(x)
        below[:_TICK, at] = _INK
        below = draw_text(below, at, _TICK + 3, text, "mt")
    centre = LEFT_MARGIN + picture.shape[1] // 2
    below = draw_text(below, centre, _TICK + LABEL_HEIGHT + 3, x_title, "mt")
    return stack([sheet, below])
