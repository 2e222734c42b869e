"""A picture with what its file says about it: orientation, profile, EXIF."""

import dataclasses
import pathlib

import numpy as np
from PIL import ExifTags, Image

# What says something about the photograph, and nothing about how a file stores it.
_KEPT = [
    ExifTags.Base[name]
    for name in (
        "ImageDescription Make Model XResolution YResolution ResolutionUnit Software "
        "DateTime Artist HostComputer Copyright Rating XPTitle XPComment XPAuthor "
        "XPKeywords XPSubject"
    ).split()
]
_KEPT_FOLDERS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
# They are of the size, which a turn changes, and of a place in the old file.
_NOT_KEPT = (
    ExifTags.Base.ExifImageWidth,
    ExifTags.Base.ExifImageHeight,
    ExifTags.Base.ExifInteroperabilityOffset,
)
_MAX_EXIF_BYTES = 65_000  # A JPEG has room for 65,533.


@dataclasses.dataclass(frozen=True)
class Photograph:
    """A picture as a camera stored it, and what its file says about it.

    Attributes:
        pixels: (H, W, 3) RGB or (H, W) grey, uint8 or uint16, in the order of the file:
            a picture taken upright is not turned. Two cameras in one frame have a
            horizontal baseline in this order only.
        orientation: how to turn `pixels` for people, 1 to 8 as EXIF numbers them.
        profile: ICC profile of RGB pixels, which says what their numbers mean, or None.
        exif: an EXIF block without orientation, thumbnail and sizes, or None.
        notes: a sentence each about what was not taken as it is.
        path: the file.
    """

    pixels: np.ndarray
    orientation: int = 1
    profile: bytes | None = None
    exif: bytes | None = None
    notes: tuple[str, ...] = ()
    path: pathlib.Path = pathlib.Path()


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Stored pixels as people look at them.

    Args:
        pixels: (H, W) or (H, W, channels).
        orientation: 1 to 8, as EXIF numbers them.
    """
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def as_stored(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """What `upright` has turned, turned back."""
    # The quarter turns undo each other, all others themselves.
    return upright(pixels, {6: 8, 8: 6}.get(orientation, orientation))


def _orientation_of(exif: Image.Exif) -> int:
    """The orientation that EXIF gives, 1 if none or an unknown one."""
    orientation = exif.get(ExifTags.Base.Orientation, 1)
    return orientation if orientation in range(1, 9) else 1


def rgb_profile(profile: object) -> bytes | None:
    """What a file has in the place of an ICC profile, if it is one for RGB."""
    # A damaged TIFF can have a number there. The colour space is in the header.
    is_rgb = isinstance(profile, bytes) and profile[16:20] == b"RGB "
    return profile if is_rgb else None


def _kept_exif(exif: Image.Exif) -> bytes | None:
    """What a picture of another size and orientation may say of itself, too."""
    kept = Image.Exif()
    for tag in _KEPT:
        if tag in exif:
            kept[tag] = exif[tag]
    for folder in _KEPT_FOLDERS:
        values = exif.get_ifd(folder)
        values = {tag: values[tag] for tag in values if tag not in _NOT_KEPT}
        if values:
            kept[folder] = values
    block = kept.tobytes() if len(kept) else None
    return block if block and len(block) <= _MAX_EXIF_BYTES else None


def metadata(
    exif: Image.Exif, path: pathlib.Path, notes: list[str]
) -> tuple[int, bytes | None]:
    """Orientation, and the EXIF that is kept."""
    orientation = _orientation_of(exif)
    try:
        return orientation, _kept_exif(exif)
    except Exception:  # Whatever a damaged value does to Pillow, the pixels are whole.
        notes.append(f"{path}: its EXIF is damaged and dropped")
        return orientation, None


def note_if_transparent(
    alpha: np.ndarray, path: pathlib.Path, notes: list[str]
) -> None:
    if alpha.min() < np.iinfo(alpha.dtype).max:
        notes.append(f"{path}: its transparency is dropped")
