"""Pictures in and out of files, with one-line errors. No TensorFlow."""

import contextlib
import os
import pathlib
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import tifffile
from PIL import ExifTags, Image, ImageOps, PngImagePlugin
from tifffile import EXTRASAMPLE, PHOTOMETRIC

from colornet.errors import InputError
from colornet.io.files import replacing

# A forged header can announce more pixels than memory holds: it is refused before
# anything is decoded. Pillow itself refuses files of more than 178 megapixels.
MAX_PIXELS = 150_000_000

_FORMATS = {
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
# Pillow's own choice of JPEG quality costs more than colorization does.
_SAVE_OPTIONS = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True},
}
_KEEPS_16_BIT = ("PNG", "TIFF")
_BITS = ExifTags.Base.BitsPerSample
# Pillow unpacks 16-bit colour to the high bytes, and to the low bytes if it takes the
# pixels of a PNG for such of the other byte order.
_LOW_BYTES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}


@contextlib.contextmanager
def _open(path: pathlib.Path) -> Iterator[Image.Image]:
    # Of a name, Pillow maps grey TIFF into memory, and then turns it wrong.
    with path.open("rb") as file:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(file)
        if image.width * image.height > MAX_PIXELS:
            raise Image.DecompressionBombError(
                f"{image.width} x {image.height} pixels in the header"
            )
        yield image


def _upright(plane: np.ndarray, orientation: int) -> np.ndarray:
    image = Image.fromarray(plane)
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


def _read_deep_tiff(path: pathlib.Path) -> np.ndarray | None:
    """TIFF of more than 8 bit; None if it is a kind to leave to Pillow."""
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        bits, kind = page.bitspersample, page.photometric
        if bits != 16 or page.dtype != np.uint16:
            raise ValueError(f"{page.dtype} pixels of {bits} bit")
        is_planar = page.axes.startswith("S")
        has_codec = page.compression in tifffile.TIFF.DECOMPRESSORS
        if not has_codec or kind == PHOTOMETRIC.SEPARATED:
            # Pillow would take these for something else.
            if is_planar or kind == PHOTOMETRIC.MINISWHITE:
                raise ValueError(f"{kind.name} of 16 bit in {page.compression.name}")
            return None
        pixels = page.asarray()
        orientation = page.tags.valueof("Orientation", 1)
        extra = page.extrasamples[:1]
    if kind == PHOTOMETRIC.MINISWHITE:
        pixels = ~pixels
    if pixels.ndim == 2:
        return _upright(pixels, orientation)
    planes = pixels if is_planar else np.moveaxis(pixels, -1, 0)
    picture = np.stack([_upright(plane, orientation) for plane in planes], axis=-1)
    if extra and extra[0] != EXTRASAMPLE.UNSPECIFIED:
        alpha = picture[..., 3:]
        _warn_if_transparent(alpha, path)
        if extra[0] == EXTRASAMPLE.ASSOCALPHA:  # Colours come multiplied by it.
            whole = picture * (65535 / np.maximum(alpha, 1))
            picture = np.minimum(np.rint(whole), 65535).astype(np.uint16)
    return picture[..., :3]


def _warn_if_halved(image: Image.Image, path: pathlib.Path) -> None:
    # Of a PPM that is not stored as it will be, the largest value follows the mode.
    has_16_bit = any(
        ";16" in str(tile.args) or (tile.codec_name == "ppm" and tile.args[1] > 255)
        for tile in image.tile
    )
    if has_16_bit and image.mode in ("RGB", "RGBA", "CMYK"):
        warnings.warn(f"{path}: its 16 bit are read as 8", stacklevel=4)


def _warn_if_transparent(alpha: np.ndarray, path: pathlib.Path) -> None:
    if alpha.min() < np.iinfo(alpha.dtype).max:
        warnings.warn(f"{path}: its transparency is dropped", stacklevel=4)


def _to_array(image: Image.Image, path: pathlib.Path) -> np.ndarray:
    # Asked before the picture is decoded, which forgets it: Pillow opens 16-bit grey
    # with alpha as RGBA.
    stored = image.tile[0].args if image.tile else None
    is_grey = image.mode in ("L", "LA", "La") or stored == "LA;16B"
    is_pgm = image.format == "PPM"  # Of 16 bit at most, which Pillow opens as 32.
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16") or (is_pgm and image.mode == "I"):
        return np.asarray(image).astype(np.uint16)
    if image.mode in ("I", "F"):
        raise ValueError(f"{image.mode} pixels of 32 bit")
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"))
        _warn_if_transparent(rgba[..., 3], path)
        return rgba[..., 0] if is_grey else rgba[..., :3]
    if image.mode == "L":
        return np.asarray(image)
    return np.asarray(image.convert("RGB"))


def _read(path: pathlib.Path) -> np.ndarray:
    with _open(path) as image:
        if image.format == "TIFF" and np.max(image.tag_v2.get(_BITS, 1)) > 8:
            picture = _read_deep_tiff(path)
            if picture is not None:
                return picture
        low_bytes = image.format == "PNG" and _LOW_BYTES.get(image.tile[0].args)
        if not low_bytes:
            _warn_if_halved(image, path)
        high = _to_array(image, path)
    if not low_bytes:
        return high
    with _open(path) as image, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image.tile = [tile._replace(args=low_bytes) for tile in image.tile]
        low = _to_array(image, path)
    return high.astype(np.uint16) << 8 | low


def read_icc_profile(path: str | os.PathLike) -> bytes | None:
    """The ICC profile that an RGB picture carries, which says what its numbers mean.

    Args:
        path: a picture that `read_picture` reads.
    """
    with _open(pathlib.Path(path)) as image:
        profile = image.info.get("icc_profile")
    is_rgb = profile and profile[16:20] == b"RGB "  # The colour space of its header.
    return profile if is_rgb else None


def read_picture(path: str | os.PathLike) -> np.ndarray:
    """Reads a picture as it is stored, upright.

    Palette, CMYK and other colour models become RGB, 1-bit becomes grey; transparency
    is dropped, with a warning if there is any; the EXIF orientation is applied. 16 bit
    survive for grey and RGB PNG and TIFF, and for PGM. Others come back as 8 bit, with
    a warning: PPM, CMYK, grey with alpha, and RGB TIFF in a compression that tifffile
    does not know without the package imagecodecs, such as LZW.

    Args:
        path: the file.

    Returns:
        (H, W, 3) RGB or (H, W) grey, uint8 or uint16.

    Raises:
        InputError: the file is missing, a folder, empty, cut short, no picture, of
            pixels of 12 or 32 bit, or larger than `MAX_PIXELS`.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise InputError(f"expected a picture. Received: {path}, which does not exist")
    if path.is_dir():
        raise InputError(f"expected a picture. Received: {path}, which is a folder")
    if not path.stat().st_size:
        raise InputError(f"expected a picture. Received: {path}, an empty file")
    try:
        return np.ascontiguousarray(_read(path))
    except Image.DecompressionBombError as error:
        raise InputError(
            f"expected a picture of at most {MAX_PIXELS // 10**6} megapixels. "
            f"Received: {path} ({error})"
        ) from error
    except Image.UnidentifiedImageError as error:
        raise InputError(
            f"expected a picture. Received: {path}, in no known picture format"
        ) from error
    # Pillow's decoders report damaged files with almost any exception.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"expected a whole 8 or 16 bit picture. Received: {path} ({reason})"
        ) from error


def _write_rgb16_png(
    file: BinaryIO, array: np.ndarray, icc_profile: bytes | None
) -> None:
    """Writes 16-bit RGB, which Pillow does not, with Pillow's chunks."""
    height, width = array.shape[:2]
    rows = array.astype(">u2").reshape(height, -1).view(np.uint8)
    # Filter type 2: every byte minus the byte above it.
    above = np.concatenate([np.zeros_like(rows[:1]), rows[:-1]])
    filtered = np.insert(rows - above, 0, 2, axis=1)
    chunks = {b"IHDR": struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)}
    if icc_profile:
        chunks[b"iCCP"] = b"ICC\0\0" + zlib.compress(icc_profile)
    chunks |= {b"IDAT": zlib.compress(filtered.tobytes(), 6), b"IEND": b""}
    file.write(b"\x89PNG\r\n\x1a\n")
    for name, data in chunks.items():
        PngImagePlugin.putchunk(file, name, data)


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
    file_format = _FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise InputError(
            f"expected a file name that ends in {', '.join(_FORMATS)}. Received: {path}"
        )
    if dtype == np.uint16 and file_format not in _KEEPS_16_BIT:
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
    path: str | os.PathLike, array: np.ndarray, icc_profile: bytes | None = None
) -> None:
    """Writes a picture, whole or not at all.

    Args:
        path: where to; the suffix chooses the format (.png, .tif, .jpg, ...).
        array: (H, W, 3) RGB, (H, W) or (H, W, 1) grey, uint8 or uint16. 16 bit need
            .png or .tif.
        icc_profile: of an RGB picture; formats that can hold none do without.

    Raises:
        InputError: an array that is no picture, a suffix that cannot hold it, a missing
            folder, or one that cannot be written to.
    """
    path = pathlib.Path(path)
    array = np.asarray(array)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    is_picture = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if array.dtype not in (np.uint8, np.uint16) or not is_picture or not array.size:
        raise InputError(
            f"{path}: expected uint8 or uint16 pixels of shape (H, W), (H, W, 1) or "
            f"(H, W, 3). Received: {array.dtype} {array.shape}"
        )
    check_writable(path, array.dtype)
    file_format = _FORMATS[path.suffix.lower()]
    is_rgb16 = array.dtype == np.uint16 and array.ndim == 3
    with replacing(path) as file:
        if is_rgb16 and file_format == "PNG":
            _write_rgb16_png(file, array, icc_profile)
        elif is_rgb16:
            tifffile.imwrite(
                file,
                array,
                photometric="rgb",
                iccprofile=icc_profile,
                metadata=None,
                software=False,
            )
        else:
            options = _SAVE_OPTIONS.get(file_format, {}) | {"icc_profile": icc_profile}
            try:
                Image.fromarray(array).save(file, format=file_format, **options)
            except ValueError as error:  # Such as a side that the format cannot have.
                raise InputError(
                    f"expected a picture that {file_format} can hold. Received: "
                    f"{array.shape[1]} x {array.shape[0]} for {path} ({error})"
                ) from error


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
