"""Ground-truth disparity in the codings of its publishers, and in the other view."""

import dataclasses
import os

import numpy as np
from PIL import Image

from colornet.errors import InputError
from colornet.io.pictures import read_picture


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


def read_disparity(file: DisparityFile) -> np.ndarray:
    """Reads a disparity map.

    Returns:
        (H, W) float32 pixels; 0 where unknown. Some publishers count the right view's
        disparity negative: the sign is dropped.

    Raises:
        InputError: a file that is missing, damaged or in another coding.
    """
    if file.coding == "pfm":
        disparity = np.abs(_read_pfm(file.path))
        return np.where(np.isfinite(disparity), disparity, 0).astype(np.float32)
    codes = read_picture(file.path).astype(np.float32)
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
    if file.coding == "codes_from_1":
        codes = np.maximum(codes - 1, 0)
    return codes / np.float32(file.steps)


def _read_pfm(path: str | os.PathLike) -> np.ndarray:
    """(H, W) float32 of a one-channel portable float map."""
    try:
        with Image.open(path, formats=["PPM"]) as image:
            if image.mode != "F":
                raise ValueError(f"pixels of mode {image.mode}")
            return np.array(image)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
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
