"""TIFF of more than 8 bit, which Pillow reads in part."""

import logging
import pathlib

import numpy as np
import tifffile
from PIL import Image
from tifffile import EXTRASAMPLE, PHOTOMETRIC

from colornet.io.bit_depth import from_floats, from_signed
from colornet.io.limits import Limits
from colornet.io.photograph import (
    Photograph,
    metadata,
    note_if_transparent,
    rgb_profile,
)

_MAX_SAMPLES = 5  # RGB with alpha and one more.

# It logs what then becomes an error, or does not matter.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)
_TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PROFILE_TAG = "InterColorProfile"


def read_deep_tiff(
    path: pathlib.Path, limits: Limits, notes: list[str]
) -> Photograph | None:
    """A TIFF of more than 8 bit; None if Pillow is to read the file."""
    with path.open("rb") as file:
        if file.read(4) not in _TIFF_MARKS:
            return None
        file.seek(0)
        with tifffile.TiffFile(file) as tiff:
            page = tiff.pages.first
            _check_page(page, path, limits)
            if np.max(page.bitspersample) <= 8:
                return None
            pixels = _deep_pixels(page, path, notes)
            if pixels is None:
                return None
            exif = Image.Exif()
            exif.bigtiff, exif.endian = tiff.is_bigtiff, tiff.byteorder
            exif.load_from_fp(file, page.offset)
            orientation, kept = metadata(exif, path, notes)
            profile = rgb_profile(page.tags.valueof(_PROFILE_TAG))
    pixels = np.ascontiguousarray(pixels)
    return Photograph(pixels, orientation, profile, kept, path=path)


def _check_page(page: tifffile.TiffPage, path: pathlib.Path, limits: Limits) -> None:
    width, height = page.imagewidth, page.imagelength
    limits.check(width, height, path)
    is_raw = "DNGVersion" in page.tags
    # Bit 0: a version of another picture in the file, at a lower resolution.
    if is_raw or page.subfiletype & 1:
        kind = "a raw photograph" if is_raw else "a file"
        raise ValueError(
            f"{kind} that shows a preview of {width} x {height}: it is to be developed"
        )


def _deep_pixels(
    page: tifffile.TiffPage, path: pathlib.Path, notes: list[str]
) -> np.ndarray | None:
    """Grey or RGB; None if tifffile cannot decode it, and Pillow can."""
    bits, kind = page.bitspersample, page.photometric
    is_known = page.dtype in (np.uint16, np.int16) or page.dtype.kind == "f"
    if not is_known or bits != 8 * page.dtype.itemsize:
        raise ValueError(f"{page.dtype} pixels of {bits} bit")
    if page.samplesperpixel > _MAX_SAMPLES:
        raise ValueError(f"{page.samplesperpixel} channels")
    is_planar = page.axes.startswith("S")
    has_codec = page.compression in tifffile.TIFF.DECOMPRESSORS
    if not has_codec or kind == PHOTOMETRIC.SEPARATED:
        # Pillow would take these for something else.
        if is_planar or kind == PHOTOMETRIC.MINISWHITE:
            raise ValueError(f"{kind.name} of 16 bit in {page.compression.name}")
        return None
    pixels = page.asarray()
    if pixels.dtype != np.uint16:
        scale = from_signed if pixels.dtype == np.int16 else from_floats
        pixels, what = scale(pixels)
        notes.append(f"{path} holds {what}: scaled to 16 bits")
    if kind == PHOTOMETRIC.MINISWHITE:
        pixels = ~pixels
    if pixels.ndim not in (2, 3):
        raise ValueError(f"pixels of shape {pixels.shape}")
    if pixels.ndim == 2:
        return pixels
    picture = np.moveaxis(pixels, 0, -1) if is_planar else pixels
    colors = 3 if page.samplesperpixel >= 3 else 1
    alpha = picture[..., colors : colors + 1]
    if alpha.size and page.extrasamples[:1] not in ((), (EXTRASAMPLE.UNSPECIFIED,)):
        note_if_transparent(alpha, path, notes)
        if page.extrasamples[0] == EXTRASAMPLE.ASSOCALPHA:
            # Colours come multiplied by it.
            whole = picture * (65535 / np.maximum(alpha, 1))
            picture = np.minimum(np.rint(whole), 65535).astype(np.uint16)
    return picture[..., :3] if colors == 3 else picture[..., 0]
