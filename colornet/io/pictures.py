"""Pictures in and out of files, with one-line errors. No TensorFlow."""

import dataclasses
import os
import pathlib
import warnings

import numpy as np
from PIL import Image

from colornet.errors import InputError
from colornet.io.bit_depth import significant_bits, widened
from colornet.io.decoding import decode
from colornet.io.encoding import KEEP_16_BIT, WRITTEN_FORMATS, encode
from colornet.io.files import replacing
from colornet.io.limits import Limits
from colornet.io.photograph import Photograph, upright


def read_photograph(
    path: str | os.PathLike, bits: int | None = None, limits: Limits | None = None
) -> Photograph:
    """Reads a picture as it is stored, with what its file says about it.

    Palette, CMYK and other colour models become RGB, 1-bit becomes grey. 16 bit survive
    for grey and RGB PNG and TIFF, and for PGM. Signed and float TIFF of a clear range
    becomes 16 bit. Notes say what is lost or changed: transparency; 16 bit that come
    back as 8 in PPM, CMYK, grey with alpha, and RGB TIFF in a compression that tifffile
    does not know without the package imagecodecs; 8, 10 or 12 bits in 16, which are
    scaled (`colornet.io.bit_depth`).

    Args:
        path: PNG, JPEG, TIFF, WebP, BMP, PPM, PGM, GIF, or AVIF where Pillow has it.
        bits: of pictures of 16 bit whose values are below 2 ** bits; 16 takes all as
            they are, None judges by the values.
        limits: of what the header may announce; the defaults of `Limits` if None.

    Raises:
        InputError: the file is missing, a folder, empty, cut short, of another format,
            a preview of a raw photograph, two views (MPO, JPS), of 32-bit integers, of
            a range that is not clear, or beyond the limits.
    """
    return in_full_range(decode(pathlib.Path(path), limits or Limits()), bits)


def read_picture(path: str | os.PathLike) -> np.ndarray:
    """Reads the pixels of a picture as `read_photograph`, with its notes as warnings.

    Returns:
        (H, W, 3) RGB or (H, W) grey, uint8 or uint16, in the order of the file: the
        EXIF orientation is not applied.
    """
    photograph = read_photograph(path)
    for note in photograph.notes:
        warnings.warn(note, stacklevel=2)
    return photograph.pixels


def in_full_range(
    photograph: Photograph, bits: int | None = None, other: Photograph | None = None
) -> Photograph:
    """The photograph with its white at 65535 if it is of 16 bit and uses fewer.

    Args:
        photograph: as decoded.
        bits: as in `read_photograph`.
        other: the other view of a pair, which helps to judge.
    """
    pixels = photograph.pixels
    if pixels.dtype != np.uint16:
        return photograph
    if bits is None:
        bits = significant_bits(pixels, None if other is None else other.pixels)
    if bits >= 16 or pixels.max() >= 2**bits:
        return photograph
    note = f"{photograph.path} holds {bits} bits in 16: scaled by {2 ** (16 - bits)}"
    return dataclasses.replace(
        photograph, pixels=widened(pixels, bits), notes=(*photograph.notes, note)
    )


def check_writable(path: str | os.PathLike, dtype: np.dtype) -> None:
    """Finds out before any work is done whether a picture can go to `path`.

    Args:
        path: where to.
        dtype: uint8 or uint16.

    Raises:
        InputError: a suffix that cannot hold such a picture, or a folder that is
            missing or cannot be written to.
    """
    path = pathlib.Path(path)
    file_format = WRITTEN_FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise InputError(
            f"expected a file name that ends in {', '.join(WRITTEN_FORMATS)}. "
            f"Received: {path}"
        )
    if dtype == np.uint16 and file_format not in KEEP_16_BIT:
        raise InputError(
            f"expected .tif or .png for a 16 bit picture. Received: {path}"
        )
    if path.is_dir():
        raise InputError(f"expected the name of a file. Received: {path}, a folder")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(
            "expected a place that can be written. "
            f"Received: {path}, where {path.parent} is no folder to write to"
        )


def write_picture(
    path: str | os.PathLike, array: np.ndarray, like: Photograph | None = None
) -> None:
    """Writes a picture, whole or not at all.

    WebP has no grey: it comes back as RGB.

    Args:
        path: where to; the suffix chooses the format (.png, .tif, .jpg, ...).
        array: (H, W, 3) RGB, (H, W) or (H, W, 1) grey, uint8 or uint16. 16 bit need
            .png or .tif.
        like: the photograph that the picture was made of. The picture is turned upright
            by its orientation, and takes over its EXIF and, if it has colours, its ICC
            profile. A warning says what the format cannot hold.

    Raises:
        InputError: an array that is no picture, a suffix that cannot hold it, a missing
            folder, or one that cannot be written to.
    """
    path, like = pathlib.Path(path), like or Photograph(np.empty(0))
    try:
        array = np.asarray(array)
    except ValueError as error:
        raise InputError(
            f"{path}: expected rows of one length. Received: {error}"
        ) from error
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    is_picture = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if array.dtype not in (np.uint8, np.uint16) or not is_picture or not array.size:
        raise InputError(
            f"{path}: expected uint8 or uint16 pixels of shape (H, W), (H, W, 1) or "
            f"(H, W, 3). Received: {array.dtype} {array.shape}"
        )
    check_writable(path, array.dtype)
    array = np.ascontiguousarray(upright(array, like.orientation))
    profile = like.profile if array.ndim == 3 else None
    with replacing(path) as file:
        encode(file, array, path, profile, like.exif)


def resized(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture at another size, by cubic interpolation, averaged where it shrinks.

    Args:
        picture: (h, w, channels) float of any range; the result may leave it a little.
        height, width: px.

    Returns:
        (height, width, channels) float32.
    """
    channels = np.moveaxis(np.asarray(picture, np.float32), -1, 0)
    size, cubic = (width, height), Image.Resampling.BICUBIC
    return np.stack(
        [np.asarray(Image.fromarray(c).resize(size, cubic)) for c in channels], axis=-1
    )


def to_float(picture: np.ndarray) -> np.ndarray:
    """Returns the picture as float32 in [0, 1].

    Args:
        picture: any shape; uint8 (white is 255), uint16 (white is 65535) or float
            already in [0, 1].

    Raises:
        InputError: another dtype, or floats that are not finite or not in [0, 1].
    """
    picture = np.asarray(picture)
    if picture.dtype in (np.uint8, np.uint16):
        white = np.float32(np.iinfo(picture.dtype).max)
        return picture.astype(np.float32) / white
    if not np.issubdtype(picture.dtype, np.floating):
        raise InputError(
            "expected a uint8, uint16 or float picture. "
            f"Received: {picture.dtype} {picture.shape}"
        )
    if not np.isfinite(picture).all():
        raise InputError("expected finite pixels. Received: NaN or infinity among them")
    if picture.size and (picture.min() < 0 or picture.max() > 1):
        raise InputError(
            "expected float pixels in [0, 1]. Received: "
            f"{picture.min():g} to {picture.max():g}"
        )
    return picture.astype(np.float32)


def from_float(picture: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """A float picture in [0, 1] as `dtype`: a float type, uint8 or uint16."""
    if np.issubdtype(dtype, np.integer):
        return np.rint(picture * np.iinfo(dtype).max).astype(dtype)
    return picture.astype(dtype)
