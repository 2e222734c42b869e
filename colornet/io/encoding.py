"""Pictures to the bytes of a format."""

import pathlib
import struct
import warnings
import zlib
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin, TiffImagePlugin

from colornet.errors import InputError

WRITTEN_FORMATS = {
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".ppm": "PPM",
    ".pgm": "PPM",
    ".webp": "WEBP",
}
KEEP_16_BIT = ("PNG", "TIFF")
_KEEP_METADATA = ("PNG", "TIFF", "JPEG", "WEBP")
# Pillow's own choice of JPEG quality costs more than colorization does.
_SAVE_OPTIONS = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True},
}
_EXIF_MARK = b"Exif\0\0"


def encode(
    file: BinaryIO,
    array: np.ndarray,
    path: pathlib.Path,
    profile: bytes | None,
    exif: bytes | None,
) -> None:
    """Writes a picture in the format of the suffix of `path`.

    Args:
        file: where to.
        array: (H, W, 3) RGB or (H, W) grey, uint8 or uint16.
        path: the name that the file will have.
        profile: ICC profile, or None.
        exif: an EXIF block, or None.

    Raises:
        InputError: a size that the format cannot have.
    """
    file_format = WRITTEN_FORMATS[path.suffix.lower()]
    if file_format not in _KEEP_METADATA:
        dropped = {"colour profile": profile, "EXIF": exif}
        names = " and ".join(name for name, value in dropped.items() if value)
        if names:
            warnings.warn(f"{path} cannot hold {names}: dropped", stacklevel=3)
    if array.dtype == np.uint16 and array.ndim == 3:  # Pillow does not write these.
        write = _write_rgb16_png if file_format == "PNG" else _write_rgb16_tiff
        write(file, array, profile, exif)
        return
    options = _SAVE_OPTIONS.get(file_format, {})
    options |= {"exif": exif} if exif else {}
    try:
        image = Image.fromarray(array)
        image.save(file, format=file_format, icc_profile=profile, **options)
    except ValueError as error:  # Such as a side that the format cannot have.
        raise InputError(
            f"expected a picture that {file_format} can hold. Received: "
            f"{array.shape[1]} x {array.shape[0]} for {path} ({error})"
        ) from error


def _write_rgb16_png(
    file: BinaryIO, array: np.ndarray, profile: bytes | None, exif: bytes | None
) -> None:
    height, width = array.shape[:2]
    rows = array.astype(">u2").reshape(height, -1).view(np.uint8)
    # Filter type 2: every byte minus the byte above it.
    above = np.concatenate([np.zeros_like(rows[:1]), rows[:-1]])
    filtered = np.insert(rows - above, 0, 2, axis=1)
    chunks = {b"IHDR": struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)}
    if profile:
        chunks[b"iCCP"] = b"ICC\0\0" + zlib.compress(profile)
    if exif:
        chunks[b"eXIf"] = exif.removeprefix(_EXIF_MARK)
    chunks |= {b"IDAT": zlib.compress(filtered.tobytes(), 6), b"IEND": b""}
    file.write(b"\x89PNG\r\n\x1a\n")
    for name, data in chunks.items():
        PngImagePlugin.putchunk(file, name, data)


def _write_rgb16_tiff(
    file: BinaryIO, array: np.ndarray, profile: bytes | None, exif: bytes | None
) -> None:
    height, width = array.shape[:2]
    pixels = array.astype("<u2").tobytes()
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    if exif:
        block = Image.Exif()
        block.load(exif)
        for tag, value in block.items():
            is_folder = tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
            tags[tag] = block.get_ifd(tag) if is_folder else value
    names = ExifTags.Base
    tags[names.ImageWidth], tags[names.ImageLength] = width, height
    tags[names.BitsPerSample], tags[names.SamplesPerPixel] = (16, 16, 16), 3
    tags[names.Compression], tags[names.PhotometricInterpretation] = 1, 2
    tags[names.RowsPerStrip], tags[names.PlanarConfiguration] = height, 1
    # The one strip begins where the directory ends, which Pillow adds.
    tags[names.StripOffsets], tags[names.StripByteCounts] = 0, len(pixels)
    if profile:
        tags.tagtype[names.InterColorProfile] = 7  # Bytes.
        tags[names.InterColorProfile] = profile
    tags.save(file)
    file.write(pixels)
