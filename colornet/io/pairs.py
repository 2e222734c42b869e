"""Both views of a pair: read from files, checked against each other. No TensorFlow."""

import os
import pathlib

import numpy as np

from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.errors import InputError
from colornet.io.decoding import decode, decode_views
from colornet.io.limits import Limits
from colornet.io.photograph import Photograph
from colornet.io.pictures import from_float, in_full_range, resized, to_float

# Of width over height, between the views.
_MAX_ASPECT_CHANGE = 0.01
# Statistics need no more pixels.
_STATISTIC_SIDE = 1000
# Colours are judged by means of squares: JPEG blurs and shifts those of single pixels.
_SQUARE = 8
# Chroma of 99 % and distance of 95 % from the mean chroma of their luma. Real left
# views (64 pairs) have 26 and 8 levels of 8 bit at least; pictures with 5 % of their
# colour and sepia ones, also as JPEG of quality 30, have 5 and 5 at most.
_GREY_CHROMA = 8 / 255
_TINT_CHROMA = 6 / 255
_LUMA_BINS = 64
_EXTREME_LUMA = 0.01
# Of luma. Real pairs have 0.86 at most, a picture and its JPEG of quality 30 at least
# 0.976.
_SAME_CORRELATION = 0.97


def read_pair(
    mono_path: str | os.PathLike,
    reference_path: str | os.PathLike,
    bits: int | None = None,
    limits: Limits | None = None,
) -> tuple[Photograph, Photograph]:
    """Reads the mono picture and the reference from a file each.

    How many of 16 bits are in use is judged with the help of the other view.

    Args:
        mono_path, reference_path: pictures as of `read_photograph`.
        bits, limits: as of `read_photograph`.

    Raises:
        InputError: as `read_photograph`, and for two orientations.
    """
    paths = pathlib.Path(mono_path), pathlib.Path(reference_path)
    mono, reference = (decode(path, limits or Limits()) for path in paths)
    if mono.orientation != reference.orientation:
        raise InputError(
            "expected one EXIF orientation of both pictures. Received: "
            f"{mono.orientation} of {mono.path} and {reference.orientation} of "
            f"{reference.path}"
        )
    return _in_full_range(mono, reference, bits)


def read_pair_file(
    path: str | os.PathLike,
    mono_view: str = "right",
    bits: int | None = None,
    limits: Limits | None = None,
) -> tuple[Photograph, Photograph]:
    """Reads the mono picture and the reference from one file, MPO or JPS.

    Args:
        path: the file.
        mono_view: which of the views is the mono picture, "right" or "left".
        bits, limits: as of `read_photograph`.

    Raises:
        InputError: as `read_photograph`, and for a file with one picture.
    """
    left, right = decode_views(pathlib.Path(path), limits or Limits())
    views = (left, right) if mono_view == "left" else (right, left)
    return _in_full_range(*views, bits)


def _in_full_range(
    mono: Photograph, reference: Photograph, bits: int | None
) -> tuple[Photograph, Photograph]:
    return (
        in_full_range(mono, bits, other=reference),
        in_full_range(reference, bits, other=mono),
    )


def matched_size(mono: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, str]:
    """The reference at the size of the mono picture.

    It is resampled if its aspect ratio is that of the mono picture within 1 %, and
    averaged where it shrinks.

    Args:
        mono: (H, W) or (H, W, 1).
        reference: (h, w, 3) uint8, uint16 or float in [0, 1].

    Returns:
        (H, W, 3) of the dtype of `reference`, and a sentence about what was done, empty
        if nothing was.

    Raises:
        InputError: another aspect ratio; it says what to crop.
    """
    (height, width), (there_height, there_width) = mono.shape[:2], reference.shape[:2]
    if (height, width) == (there_height, there_width):
        return reference, ""
    sizes = f"{width} x {height} and {there_width} x {there_height}"
    ratio = (there_width * height) / (there_height * width)
    if abs(ratio - 1) > _MAX_ASPECT_CHANGE:
        crop = (
            f"{round(there_width / ratio)} x {there_height}"
            if ratio > 1
            else f"{there_width} x {round(there_height * ratio)}"
        )
        raise InputError(
            "expected a mono picture and a reference of one aspect ratio, such as with "
            f"the reference cropped to {crop} (to the part that both show). "
            f"Received: {sizes}"
        )
    values = np.clip(resized(to_float(reference), height, width), 0, 1)
    note = (
        f"the reference of {there_width} x {there_height} is resampled to "
        f"{width} x {height}"
    )
    return from_float(values, reference.dtype), note


def pair_warnings(mono: np.ndarray, reference: np.ndarray) -> list[str]:
    """What is odd about a pair, in one sentence each.

    Args:
        mono: (H, W), (H, W, 1) or (H, W, 3) uint8, uint16 or float in [0, 1].
        reference: (h, w, 3) of the same kinds.
    """
    mono, reference = _sample(mono), _sample(reference)
    luma = _luma(mono)
    return [
        *_mono_warnings(luma),
        *_color_warnings(reference),
        *_twice(luma, _luma(reference)),
    ]


def _sample(picture: np.ndarray) -> np.ndarray:
    """A picture as float, without some of its rows and columns if it is large."""
    step = -(-max(picture.shape[:2]) // _STATISTIC_SIDE)
    return to_float(picture[::step, ::step])


def _luma(picture: np.ndarray) -> np.ndarray:
    if picture.ndim == 2:
        return picture
    return (picture if picture.shape[2] == 1 else rgb_to_luma(picture))[..., 0]


def _mono_warnings(luma: np.ndarray) -> list[str]:
    dark, bright = np.percentile(luma, (1, 99))
    if bright <= _EXTREME_LUMA:
        return ["the mono picture is black"]
    if dark >= 1 - _EXTREME_LUMA:
        return ["the mono picture is white"]
    if np.all((luma == luma.min()) | (luma == luma.max())):
        return ["the mono picture has two grey levels only"]
    return []


def _color_warnings(colors: np.ndarray) -> list[str]:
    size = (max(side // _SQUARE, 1) for side in colors.shape[:2])
    means = resized(colors, *size).reshape(-1, 3).clip(0, 1)
    chroma = rgb_to_chroma(means)
    if np.percentile(np.linalg.norm(chroma, axis=-1), 99) < _GREY_CHROMA:
        return ["the reference is nearly grey"]
    bins = (rgb_to_luma(means)[:, 0] * (_LUMA_BINS - 1)).astype(int)
    counts = np.maximum(np.bincount(bins), 1)
    usual = [np.bincount(bins, channel) / counts for channel in chroma.T]
    distance = np.linalg.norm(chroma - np.stack(usual, axis=-1)[bins], axis=-1)
    if np.percentile(distance, 95) < _TINT_CHROMA:
        return ["the reference has the colour of one tint only, such as sepia"]
    return []


def _twice(luma: np.ndarray, other: np.ndarray) -> list[str]:
    if luma.shape != other.shape or not np.ptp(luma) or not np.ptp(other):
        return []
    if np.corrcoef(luma.ravel(), other.ravel())[0, 1] < _SAME_CORRELATION:
        return []
    return ["both pictures show the same view, as the same picture twice would"]
