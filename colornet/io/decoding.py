"""What a picture file holds, as it is stored: formats, limits, decoding."""

import contextlib
import dataclasses
import logging
import pathlib
import warnings
from collections.abc import Iterator

import numpy as np
import tifffile
from PIL import Image, features
from tifffile import EXTRASAMPLE, PHOTOMETRIC

from colornet.errors import InputError
from colornet.io.bit_depth import from_floats, from_signed
from colornet.io.photograph import (
    Photograph,
    as_stored,
    kept_exif,
    orientation_of,
    rgb_profile,
)
from colornet.io.stereo_files import is_jps, is_stereo_mpo, jps_views

# Nothing else is tried: Pillow's reader of EPS starts a program, which may not end.
# JPEG includes MPO, and PPM includes PGM.
FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "PPM", "GIF")
if features.check("avif"):
    FORMATS += ("AVIF",)

MAX_PIXELS = 150_000_000
MAX_SIDE = 65_535
# Deflate packs 1032 equal bytes into one: every whole grey PNG of 8 bit passes.
MAX_PIXELS_PER_BYTE = 2_000
# So many may be in a file of few bytes: they need little memory.
_FREE_PIXELS = 25_000_000
_MAX_SAMPLES = 5  # RGB with alpha and one more.

# It logs what then becomes an error, or does not matter.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)
_TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PROFILE_TAG = "InterColorProfile"
# Pillow unpacks 16-bit colour to the high bytes, and to the low bytes if it takes the
# pixels of a PNG for such of the other byte order.
_LOW_BYTES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


@dataclasses.dataclass(frozen=True)
class Limits:
    """How large a picture a file may announce.

    A forged header can announce more pixels than memory holds: it is refused before
    anything is decoded.

    Attributes:
        max_pixels: width times height.
        max_side: width and height, px.
        max_pixels_per_byte: of the file, beyond 25 megapixels.
    """

    max_pixels: int = MAX_PIXELS
    max_side: int = MAX_SIDE
    max_pixels_per_byte: int = MAX_PIXELS_PER_BYTE

    def check(self, width: int, height: int, path: pathlib.Path) -> None:
        """Raises InputError if the file `path` may not announce this size."""
        file_bytes = path.stat().st_size
        per_byte = max(_FREE_PIXELS, self.max_pixels_per_byte * file_bytes)
        for value, most, unit in (
            (width * height, self.max_pixels, f"{self.max_pixels / 1e6:g} megapixels"),
            (max(width, height), self.max_side, f"{self.max_side} px a side"),
            (width * height, per_byte, f"{self.max_pixels_per_byte} pixels a byte"),
        ):
            if value > most:
                raise InputError(
                    f"expected a picture of at most {unit}. Received: {path} "
                    f"({width} x {height} in a header, {file_bytes} bytes in all)"
                )


def decode(path: pathlib.Path, limits: Limits) -> Photograph:
    """Reads the one picture of a file; its pixels use the range that they use.

    Raises:
        InputError: as `colornet.io.pictures.read_photograph`.
    """
    with _reading(path, limits) as notes:
        photograph = _deep_tiff(path, limits, notes)
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
            limits.check(*image.size, path)
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
        orientation, exif = _metadata(image.getexif(), path, notes)
        pixels = as_stored(_plain(image, path, notes), orientation)
    else:
        # Asked last: a PNG may have its EXIF after the pixels.
        pixels = _plain(image, path, notes)
        orientation, exif = _metadata(image.getexif(), path, notes)
    profile = rgb_profile(image.info.get("icc_profile"))
    pixels = np.ascontiguousarray(pixels)
    return Photograph(pixels, orientation, profile, exif, path=path)


def _metadata(
    exif: Image.Exif, path: pathlib.Path, notes: list[str]
) -> tuple[int, bytes | None]:
    """Orientation, and the EXIF that is kept."""
    orientation = orientation_of(exif)
    try:
        return orientation, kept_exif(exif)
    except Exception:  # Whatever a damaged value does to Pillow, the pixels are whole.
        notes.append(f"{path}: its EXIF is damaged and dropped")
        return orientation, None


def _deep_tiff(
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
            orientation, kept = _metadata(exif, path, notes)
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
        _note_if_transparent(alpha, path, notes)
        if page.extrasamples[0] == EXTRASAMPLE.ASSOCALPHA:
            # Colours come multiplied by it.
            whole = picture * (65535 / np.maximum(alpha, 1))
            picture = np.minimum(np.rint(whole), 65535).astype(np.uint16)
    return picture[..., :3] if colors == 3 else picture[..., 0]


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


def _note_if_transparent(
    alpha: np.ndarray, path: pathlib.Path, notes: list[str]
) -> None:
    if alpha.min() < np.iinfo(alpha.dtype).max:
        notes.append(f"{path}: its transparency is dropped")


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
        _note_if_transparent(rgba[..., 3], path, notes)
        return rgba[..., 0] if is_grey else rgba[..., :3]
    if image.mode == "L":
        return np.asarray(image)
    return np.asarray(image.convert("RGB"))
