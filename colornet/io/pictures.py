"""Pictures in and out of files, with one-line errors. NumPy and Pillow only."""

import contextlib
import os
import pathlib
import struct
import warnings
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageOps

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
# Of TIFF: tags, and what they say.
_BITS_PER_SAMPLE, _PHOTOMETRIC, _PLANES = 258, 262, 284
_WHITE_IS_ZERO, _APART = 0, 2


@contextlib.contextmanager
def _open(path: pathlib.Path) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(path)
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise Image.DecompressionBombError(
                f"{image.width} x {image.height} pixels in the header"
            )
        yield image


def _swap_bytes(image: Image.Image, rawmode: str) -> None:
    # Pillow keeps only the high byte of 16-bit colour. Unpacked with the other byte
    # order, the same data gives the low byte.
    swapped = rawmode[:-1] + ("L" if rawmode.endswith("B") else "B")
    image.tile = [
        tile._replace(
            args=swapped if isinstance(tile.args, str) else (swapped, *tile.args[1:])
        )
        for tile in image.tile
    ]


def _rawmode(image: Image.Image) -> str:
    args = image.tile[0].args if image.tile else ""
    rawmode = args if isinstance(args, str) else (args or ("",))[0]
    rawmode = rawmode if isinstance(rawmode, str) else ""
    if rawmode.endswith(";16N"):
        return rawmode[:-1] + ("L" if np.little_endian else "B")
    return rawmode


def _tiff_tag(image: Image.Image, tag: int, default: int) -> int:
    """The tag's first number, of a TIFF that has it."""
    value = image.tag_v2.get(tag, default) if image.format == "TIFF" else default
    return value[0] if isinstance(value, tuple) else value


def _require_readable(image: Image.Image) -> None:
    """Refuses TIFF that Pillow takes for something else."""
    bits = _tiff_tag(image, _BITS_PER_SAMPLE, 8)
    if 8 < bits < 16:
        raise ValueError(f"pixels of {bits} bit, not 8 or 16")
    if bits == 16 and _tiff_tag(image, _PLANES, 1) == _APART:
        raise ValueError("16 bit with the colours in planes of their own")


def _warn_if_halved(image: Image.Image, rawmode: str, path: pathlib.Path) -> None:
    # Of a PPM that is not stored as it will be, the largest value follows the mode.
    largest = [tile.args[1] for tile in image.tile if tile.codec_name == "ppm"]
    has_16_bit = ";16" in rawmode or max(largest, default=0) > 255
    if has_16_bit and image.mode in ("RGB", "RGBA"):
        warnings.warn(f"{path}: its 16 bit are read as 8", stacklevel=4)


def _warn_if_transparent(alpha: np.ndarray, path: pathlib.Path) -> None:
    if alpha.min() < 255:
        warnings.warn(f"{path}: its transparency is dropped", stacklevel=4)


def _to_array(image: Image.Image, path: pathlib.Path) -> np.ndarray:
    # Asked before the picture is decoded, which forgets it: Pillow opens 16-bit grey
    # with alpha as RGBA.
    is_grey = image.mode in ("L", "LA", "La") or _rawmode(image).startswith("LA")
    is_negative = _tiff_tag(image, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO
    is_pgm = image.format == "PPM"  # Of 16 bit at most, which Pillow opens as 32.
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        array = np.asarray(image).astype(np.uint16)
        return ~array if is_negative else array
    if is_pgm and image.mode == "I":
        return np.asarray(image).astype(np.uint16)
    if image.mode in ("I", "F"):
        raise ValueError(f"{image.mode} pixels of 32 bit, not 8 or 16")
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
        _require_readable(image)
        rawmode = _rawmode(image)
        has_16_bit = rawmode.startswith(("RGB;16", "RGBA;16", "RGBX;16"))
        if not has_16_bit:
            _warn_if_halved(image, rawmode, path)
        high = _to_array(image, path)
    if not has_16_bit:
        return high
    with _open(path) as image, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _swap_bytes(image, rawmode)
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
    survive for grey and RGB PNG and TIFF; 16-bit PPM, grey with alpha and premultiplied
    alpha come back as 8 bit, with a warning.

    Args:
        path: the file.

    Returns:
        (H, W, 3) RGB or (H, W) grey, uint8 or uint16.

    Raises:
        InputError: the file is missing, a folder, empty, cut short, no picture, of
            pixels of 12 or 32 bit, 16-bit TIFF with a plane for every colour, or larger
            than `MAX_PIXELS`.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise InputError(f"expected a picture. Received: {path}, which does not exist")
    if path.is_dir():
        raise InputError(f"expected a picture. Received: {path}, which is a folder")
    try:
        if path.stat().st_size == 0:
            raise InputError(f"expected a picture. Received: {path}, an empty file")
        return np.ascontiguousarray(_read(path))
    except InputError:
        raise
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


def _png_chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def _rgb16_png(array: np.ndarray, icc_profile: bytes | None) -> bytes:
    """A 16-bit RGB PNG, which Pillow cannot write."""
    height, width = array.shape[:2]
    rows = array.astype(">u2").reshape(height, -1).view(np.uint8)
    # Filter type 2: every byte minus the byte above it.
    above = np.concatenate([np.zeros_like(rows[:1]), rows[:-1]])
    filtered = np.insert(rows - above, 0, 2, axis=1)
    chunks = {b"IHDR": struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)}
    if icc_profile:
        chunks[b"iCCP"] = b"ICC\0\0" + zlib.compress(icc_profile)
    chunks |= {b"IDAT": zlib.compress(filtered.tobytes(), 6), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _png_chunk(name, data) for name, data in chunks.items()
    )


def check_writable(path: str | os.PathLike, dtype: np.dtype, channels: int) -> None:
    """Finds out before any work is done whether a picture can go to `path`.

    Args:
        path: where to.
        dtype: uint8 or uint16.
        channels: 3 for RGB, 1 for grey.

    Raises:
        InputError: a suffix that cannot hold such a picture, or a missing folder.
    """
    path = pathlib.Path(path)
    file_format = _FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise InputError(
            f"expected a file name that ends in {', '.join(_FORMATS)}. Received: {path}"
        )
    if dtype == np.uint16 and (
        file_format not in _KEEPS_16_BIT or (channels == 3 and file_format != "PNG")
    ):
        raise InputError(f"expected .png for a 16 bit picture. Received: {path}")
    if path.is_dir():
        raise InputError(f"expected the name of a file. Received: {path}, a folder")
    if not path.parent.is_dir():
        raise InputError(
            "expected a place that can be written. "
            f"Received: {path}, where {path.parent} is no folder"
        )
    if not os.access(path.parent, os.W_OK):
        raise InputError(
            "expected a place that can be written. "
            f"Received: {path}, in a folder without the right to"
        )


def write_picture(
    path: str | os.PathLike, array: np.ndarray, icc_profile: bytes | None = None
) -> None:
    """Writes a picture, whole or not at all.

    Args:
        path: where to; the suffix chooses the format (.png, .tif, .jpg, ...).
        array: (H, W, 3) RGB, (H, W) or (H, W, 1) grey, uint8 or uint16. 16 bit need
            .png, or .tif for grey.
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
    check_writable(path, array.dtype, 3 if array.ndim == 3 else 1)
    with replacing(path) as file:
        if array.dtype == np.uint16 and array.ndim == 3:
            file.write(_rgb16_png(array, icc_profile))
        else:
            file_format = _FORMATS[path.suffix.lower()]
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
