"""Pictures of an example and of its colorization. No backend needed.

Maps are float arrays without batch axis, with the ranges that colornet/data.py lists.
A picture is a uint8 (height, width, 3) RGB array. Pictures of the volumes A and W are
in colornet/visualize/volumes.py.
"""

import numpy as np

from colornet.color import output_picture
from colornet.metrics import chroma_psnr
from colornet.noise import to_uint8
from colornet.visualize.drawing import (
    beside,
    color_bar,
    colormap,
    fit,
    nice_ticks,
    tile,
)

# End of the scale of `chroma_error`, the same for all pictures so that they compare.
# 2.3 grey levels are what a chroma PSNR of 44 dB, the paper's, comes to on average.
ERROR_LIMIT = 16.0
_LEAST_WIDTH, _MOST_WIDTH = 256, 512


def mono_picture(mono: np.ndarray) -> np.ndarray:
    """Luma (H, W, 1) or (H, W) in [0, 1] as a grey RGB picture."""
    mono = np.asarray(mono)
    mono = mono[..., None] if mono.ndim == 2 else mono
    return to_uint8(mono).repeat(3, axis=-1)


def color_picture(mono: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """The RGB picture of a luma and a chroma map (D-10).

    Args:
        mono: (H, W, 1) or (H, W) float luma, in [0, 1].
        chroma: (H, W, 2) float Cb, Cr, in [-0.5, 0.5].

    Returns:
        (H, W, 3) uint8; see `colornet.color.output_picture`.
    """
    mono = np.asarray(mono)
    mono = mono[..., None] if mono.ndim == 2 else mono
    return to_uint8(output_picture(mono, np.asarray(chroma)))


def chroma_error(
    chroma: np.ndarray, truth: np.ndarray, limit: float = ERROR_LIMIT
) -> np.ndarray:
    """A picture of the distance between two chroma maps, with a colour bar.

    The distance is Euclidean over Cb and Cr, in grey levels (255 is the peak). The
    scale runs from 0 (black) to `limit`, whatever the errors are; larger ones look
    like `limit`.

    Args:
        chroma: (H, W, 2) float, in [-0.5, 0.5].
        truth: the same.
        limit: the end of the scale in grey levels.

    Returns:
        (H', W', 3) uint8, enlarged or reduced by a whole factor where the map is
        narrower than 256 or wider than 512 pixels.
    """
    error = 255 * np.linalg.norm(np.asarray(chroma) - np.asarray(truth), axis=-1)
    return map_picture(error, limit)


def map_picture(values: np.ndarray, high: float, binary: bool = False) -> np.ndarray:
    """A map of numbers from 0 to `high` with a colour bar; NaN is grey.

    Args:
        values: (H, W) real numbers.
        high: the end of the scale.
        binary: number the bar by powers of two, as suits pixels.
    """
    picture = fit(colormap(values, 0, high), _LEAST_WIDTH, _MOST_WIDTH)
    most = min(8, max(2, picture.shape[0] // 24))
    ticks = {tick / high: f"{tick:g}" for tick in nice_ticks(high, most, binary)}
    return beside([picture, color_bar(picture.shape[0], ticks)])


def picture_row(
    example: dict[str, np.ndarray], rough: np.ndarray | None, final: np.ndarray
) -> np.ndarray:
    """What goes in, what comes out and how wrong it is, labelled, two rows of three.

    Args:
        example: maps `mono` and `reference`, and `chroma` (the truth) where known; see
            colornet/data.py.
        rough: (H, W, 2) chroma C' of Eq. 1; None for a method without it.
        final: (H, W, 2) chroma C of Eq. 2.

    Returns:
        uint8 RGB: mono, reference, rough; final, truth, error of the final. What there
        is none of is left out, and the error without truth. The PSNR is that of
        `chroma_psnr`.
    """
    mono, truth = example["mono"], example.get("chroma")

    def decibels(chroma):
        return "" if truth is None else f", {chroma_psnr(chroma, truth):.2f} dB"

    pictures = {
        "mono (input)": mono_picture(mono),
        "reference (input)": to_uint8(example["reference"]),
    }
    result, name = "result", "the result"
    if rough is not None:
        pictures[f"rough C'{decibels(rough)}"] = color_picture(mono, rough)
        result, name = "final C", "C"
    pictures[f"{result}{decibels(final)}"] = color_picture(mono, final)
    if truth is not None:
        pictures["truth"] = color_picture(mono, truth)
    fitted = [fit(picture, _LEAST_WIDTH, _MOST_WIDTH) for picture in pictures.values()]
    labels = list(pictures)
    if truth is not None:
        fitted.append(chroma_error(final, truth))
        labels.append(f"error of {name} (grey levels)")
    return tile(fitted, 3, labels)
