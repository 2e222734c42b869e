"""What a picture file holds, as it is stored: formats, limits, decoding."""

import contextlib
import dataclasses
import pathlib
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image, features

from colornet.errors import InputError
from colornet.io.deep_tiff import read_deep_tiff
from colornet.io.limits import Limits
from colornet.io.photograph import (
    Photograph,
    as_stored,
    metadata,
    note_if_transparent,
    rgb_profile,
)
from colornet.io.stereo_files import is_jps, is_stereo_mpo, jps_views

# Nothing else is tried: Pillow's reader of EPS starts a program, which may not end.
# JPEG includes MPO, and PPM includes PGM.
FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "PPM", "GIF")
if features.check("avif"):
    FORMATS += ("AVIF",)

# Pillow unpacks 16-bit colour to the high bytes, and to the low bytes if it takes the
# pixels of a PNG for such of the other byte order.
_LOW_BYTES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def decode(path: pathlib.Path, limits: Limits) -> Photograph:
    """Reads the one picture of a file; its pixels use the range that they use.

    Raises:
        InputError: as `colornet.io.pictures.read_photograph`.
    """
    with _reading(path, limits) as notes:
        photograph = read_deep_tiff(path, limits, notes)
        if photograph is None:
            with opened(path, limits) as image:
                if is_jps(image, path) or is_stereo_mpo(image, path):
                    raise InputError(
                        f"expected one picture. Received: {path}, which holds two "
                        "views (--pair takes both)"
                    )
                photograph = _photograph(image, path, notes)
    return dataclasses.replace(photograph, notes=tuple(notes))


def decode_views(path: pathlib.Path, limits: Limits) -> tuple[Photograph, Photograph]:
    """Reads the left and the right view of a file that holds both.

    Raises:
        InputError: as `colornet.io.pairs.read_pair_file`.
    """
    with _reading(path, limits) as notes, opened(path, limits) as image:
        if is_jps(image, path):
            whole = _photograph(image, path, notes)
            views = jps_views(image, whole.pixels)
        elif is_stereo_mpo(image, path):
            # The numbers of views go from left to right (CIPA DC-007).
            whole = _photograph(image, path, notes)
            image.seek(1)
            views = whole.pixels, _photograph(image, path, notes).pixels
        else:
            raise InputError(
                "expected a file with both views: MPO, or JPS with the views side by "
                f"side. Received: {path}, which holds one picture"
            )
    notes = tuple(dict.fromkeys(notes))
    left, right = (
        dataclasses.replace(whole, pixels=np.ascontiguousarray(view), notes=notes)
        for view in views
    )
    return left, right


@contextlib.contextmanager
def opened(
    path: pathlib.Path, limits: Limits, formats: tuple[str, ...] = FORMATS
) -> Iterator[Image.Image]:
    """A picture file of which the header was read, and is within the limits."""
    # Of a name, Pillow maps grey TIFF into memory, and then turns it wrong.
    with path.open("rb") as file:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(file, formats=formats)
            is_jpeg = image.format in ("JPEG", "MPO")
            limits.check(*image.size, path, is_jpeg)
            if image.format == "PNG":
                image.verify()  # Pillow decodes pixels without their checksums.
                image = Image.open(file, formats=["PNG"])
        yield image


@contextlib.contextmanager
def _reading(path: pathlib.Path, limits: Limits) -> Iterator[list[str]]:
    """Gives a list for notes; adds Pillow's warnings, and makes errors of one line."""
    if not path.exists():
        raise InputError(f"expected a picture. Received: {path}, which does not exist")
    if path.is_dir():
        raise InputError(f"expected a picture. Received: {path}, which is a folder")
    if not path.stat().st_size:
        raise InputError(f"expected a picture. Received: {path}, an empty file")
    notes = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield notes
        texts = (" ".join(str(warning.message).split()) for warning in caught)
        notes += dict.fromkeys(f"{path}: {text}" for text in texts)
    except InputError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit, a higher one.
        raise InputError(
            f"expected a picture of at most {limits.max_pixels / 1e6:g} megapixels. "
            f"Received: {path} ({error})"
        ) from error
    except Image.UnidentifiedImageError as error:
        with path.open("rb") as file:
            head = file.read(12)
        if head[4:8] == b"ftyp" and head[8:] in _HEIF_BRANDS:
            what = "in HEIC, which is to be converted to PNG, TIFF or JPEG"
        else:
            what = f"in no known picture format ({', '.join(FORMATS)})"
        raise InputError(f"expected a picture. Received: {path}, {what}") from error
    # Pillow's decoders report damaged files with almost any exception.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"expected a whole 8 or 16 bit picture. Received: {path} ({reason})"
        ) from error


def _photograph(image: Image.Image, path: pathlib.Path, notes: list[str]) -> Photograph:
    if image.format == "TIFF":
        # Asked first: Pillow turns the picture and forgets the tag.
        orientation, exif = metadata(image.getexif(), path, notes)
        pixels = as_stored(_plain(image, path, notes), orientation)
    else:
        # Asked last: a PNG may have its EXIF after the pixels.
        pixels = _plain(image, path, notes)
        orientation, exif = metadata(image.getexif(), path, notes)
    profile = rgb_profile(image.info.get("icc_profile"))
    pixels = np.ascontiguousarray(pixels)
    return Photograph(pixels, orientation, profile, exif, path=path)


def _plain(image: Image.Image, path: pathlib.Path, notes: list[str]) -> np.ndarray:
    """The pixels as Pillow decodes them, with all bits of 16-bit colour in PNG."""
    file = image.fp
    low_bytes = image.format == "PNG" and _LOW_BYTES.get(image.tile[0].args)
    if not low_bytes:
        _note_if_halved(image, path, notes)
        return _to_array(image, path, notes)
    high = _to_array(image, path, notes)
    again = Image.open(file, formats=["PNG"])
    again.tile = [tile._replace(args=low_bytes) for tile in again.tile]
    return high.astype(np.uint16) << 8 | _to_array(again, path, [])


def _note_if_halved(image: Image.Image, path: pathlib.Path, notes: list[str]) -> None:
    # Of a PPM that is not stored as it will be, the largest value follows the mode.
    has_16_bit = any(
        ";16" in str(tile.args) or (tile.codec_name == "ppm" and tile.args[1] > 255)
        for tile in image.tile
    )
    if has_16_bit and image.mode in ("RGB", "RGBA", "CMYK"):
        notes.append(f"{path}: its 16 bit are read as 8")


def _to_array(image: Image.Image, path: pathlib.Path, notes: list[str]) -> np.ndarray:
    # Asked before the picture is decoded, which forgets it: Pillow opens 16-bit grey
    # with alpha as RGBA.
    stored = image.tile[0].args if image.tile else None
    is_grey = image.mode in ("L", "LA", "La") or stored == "LA;16B"
    is_pgm = image.format == "PPM"  # Of 16 bit at most, which Pillow opens as 32.
    if image.mode.startswith("I;16") or (is_pgm and image.mode == "I"):
        return np.asarray(image).astype(np.uint16)
    if image.mode in ("I", "F"):
        raise ValueError(f"{image.mode} pixels of 32 bit")
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"))
        note_if_transparent(rgba[..., 3], path, notes)
        return rgba[..., 0] if is_grey else rgba[..., :3]
    if image.mode in ("L", "RGB"):  # To convert them would copy them.
        return np.asarray(image)
    return np.asarray(image.convert("RGB"))
