"""Files that hold both views of a pair: MPO and JPS."""

import contextlib
import pathlib

import numpy as np
from PIL import Image

# A JPS is a JPEG with both views side by side. Its header follows this mark: two bytes
# of length, then separation, flags, layout and type.
_JPS_MARK = b"_JPSJPS_"
_HEADER = slice(len(_JPS_MARK) + 2, len(_JPS_MARK) + 6)
_SIDE_BY_SIDE, _STEREO = 2, 1
_HALF_SIZE, _LEFT_FIRST = 0b011, 0b100


def is_stereo_mpo(image: Image.Image, path: pathlib.Path) -> bool:
    """Whether an open file is an MPO of two views.

    The second picture has the size and mode of the first: phones store previews and
    gain maps in the same container.
    """
    if image.format != "MPO":
        return False
    # A program that knows one picture only may have cut off the others.
    with path.open("rb") as file, contextlib.suppress(Exception):
        second = Image.open(file, formats=["JPEG"])
        second.seek(1)
        return (second.size, second.mode) == (image.size, image.mode)
    return False


def is_jps(image: Image.Image, path: pathlib.Path) -> bool:
    """Whether an open file is a JPS, by its header or its suffix."""
    header = _jps_header(image)
    return path.suffix.lower() == ".jps" if header is None else header[3] == _STEREO


def jps_views(image: Image.Image, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The left and the right view of a JPS.

    Without a header the right view comes first, for looking at with crossed eyes.

    Args:
        image: the open file.
        pixels: all that it shows.

    Raises:
        ValueError: views that are not side by side at their full size.
    """
    flags, layout = (_jps_header(image) or bytes([0, 0, _SIDE_BY_SIDE]))[1:3]
    half = pixels.shape[1] // 2
    if layout != _SIDE_BY_SIDE or flags & _HALF_SIZE or not half:
        raise ValueError("a JPS whose views are not side by side at their full size")
    views = pixels[:, :half], pixels[:, -half:]
    return views if flags & _LEFT_FIRST else views[::-1]


def _jps_header(image: Image.Image) -> bytes | None:
    for _, segment in getattr(image, "applist", ()):
        if segment.startswith(_JPS_MARK) and len(segment) >= _HEADER.stop:
            return segment[_HEADER]
    return None
