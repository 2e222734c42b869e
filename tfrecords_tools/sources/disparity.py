"""Ground-truth disparity in the codings of its publishers, and in the other view."""

import dataclasses
import os
import pathlib
from typing import Self

import numpy as np

from colornet.errors import InputError
from colornet.io.decoding import opened
from colornet.io.limits import Limits
from colornet.io.pictures import read_photograph
from tfrecords_tools.sources.folders import files_of


@dataclasses.dataclass(frozen=True)
class DisparityFile:
    """A file of disparity.

    Attributes:
        path: of the file.
        coding: "pfm"; "codes": a grey picture of disparity times `steps`, 0 unknown;
            "codes_from_1": the same plus 1 (Cityscapes); "sintel": RGB, of which R
            counts 4 px, G 1/64 px and B 1/16384 px.
        steps: codes a pixel.
    """

    path: str | os.PathLike
    coding: str
    steps: float = 1.0

    def where_it_is(self) -> Self | None:
        """The file with the case of its own name, None where there is none."""
        path = pathlib.Path(self.path)
        if path.is_file():
            return self
        for file in files_of(path.parent):
            if file.name.lower() == path.name.lower():
                return dataclasses.replace(self, path=file)
        return None


def read_disparity(file: DisparityFile, limits: Limits | None = None) -> np.ndarray:
    """Reads a disparity map.

    Args:
        file: the map.
        limits: of what its header may announce; the defaults of `Limits` if None.

    Returns:
        (H, W) float32 pixels below W; 0 where unknown. Some publishers count the right
        view's disparity negative: the sign is dropped.

    Raises:
        InputError: a file that is missing, damaged or in another coding, or disparity
            that cannot be: as wide as the picture, or of both signs.
    """
    read = _read_pfm if file.coding == "pfm" else _read_codes
    disparity = read(file, limits or Limits())
    disparity = np.where(np.isfinite(disparity), disparity, 0).astype(np.float32)
    lowest, largest = float(disparity.min()), float(disparity.max())
    known = np.abs(disparity[disparity != 0])
    width = disparity.shape[1]
    # Floats of the other byte order are huge, or smaller than any other number.
    is_tiny = bool(known.size) and known.min() < np.finfo(np.float32).tiny
    if known.max(initial=0) >= width or lowest < 0 < largest or is_tiny:
        raise InputError(
            f"expected disparity from 0 to below the width, {width} px. Received: "
            f"{file.path} with {lowest:g} to {largest:g} px"
        )
    return np.abs(disparity)


def _read_codes(file: DisparityFile, limits: Limits) -> np.ndarray:
    """Disparity from a picture; 0 where unknown."""
    # Small codes are small disparities, not pixels of few bits.
    stored = read_photograph(file.path, bits=16, limits=limits).pixels
    codes = stored.astype(np.float32)
    if file.coding == "sintel":
        if codes.ndim != 3:
            raise InputError(f"expected disparity as RGB. Received: {file.path}, grey")
        return codes @ np.float32([4, 1 / 64, 1 / 16384])
    if codes.ndim != 2:
        if np.ptp(codes, axis=2).any():
            raise InputError(
                f"expected a grey picture of disparity. Received: {file.path}, coloured"
            )
        codes = codes[..., 0]
    if stored.dtype == np.uint8 and file.steps > np.iinfo(np.uint8).max:
        raise InputError(
            f"expected 16 bits of disparity with {file.steps:g} codes a pixel. "
            f"Received: {file.path}, saved with 8 bits"
        )
    if file.coding == "codes_from_1":
        codes = np.maximum(codes - 1, 0)
    return codes / np.float32(file.steps)


def _read_pfm(file: DisparityFile, limits: Limits) -> np.ndarray:
    """(H, W) float32 of a one-channel portable float map."""
    path = pathlib.Path(file.path)
    try:
        with opened(path, limits, formats=("PPM",)) as image:
            if image.mode != "F":
                raise ValueError(f"pixels of mode {image.mode}")
            width, height = image.size
            values = 4 * width * height
            there = path.stat().st_size - image.tile[0].offset
            if there != values:
                raise ValueError(f"{there} bytes of {width} x {height} values")
            return np.array(image)
    except InputError:
        raise
    # Pillow reports damaged files with almost any exception.
    except Exception as error:
        raise InputError(
            f"expected a whole one-channel PFM file. Received: {path} ({error})"
        ) from error


def transfer_disparity(disparity: np.ndarray) -> np.ndarray:
    """The right view's disparity, from that of the left view.

    Every left pixel x moves to x - disparity, rounded; where several land on one
    pixel the nearest surface, that is the largest disparity, hides the others.

    Args:
        disparity: (H, W) float, in pixels of the left view; not positive or not finite
            where unknown.

    Returns:
        (H, W) float32, in pixels of the right view; 0 where nothing lands.
    """
    height, width = disparity.shape
    rows, columns = np.nonzero(np.isfinite(disparity) & (disparity > 0))
    values = disparity[rows, columns].astype(np.float32)
    targets = np.rint(columns - values).astype(np.int64)
    inside = targets >= 0
    moved = np.zeros((height, width), np.float32)
    np.maximum.at(moved, (rows[inside], targets[inside]), values[inside])
    return moved
