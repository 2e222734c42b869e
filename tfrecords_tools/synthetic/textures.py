"""Pictures for the surfaces: files on disk, read on demand."""

import functools
import importlib.util
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from colornet.errors import InputError
from colornet.io.decoding import FORMATS

_SUFFIXES = frozenset(
    (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
# scikit-image's stereo pair motorcycle_{left,right} is a test picture: never here.
_SKIMAGE_NAMES = (
    "astronaut.png brick.png chelsea.png coffee.png grass.png gravel.png "
    "hubble_deep_field.jpg ihc.png retina.jpg rocket.jpg"
).split()
_LONGEST_SIDE = 1280  # px; larger pictures are reduced when they are read


class PictureFiles(Sequence):
    """Picture files, read on demand, with the last `cache_size` ones kept in memory.

    Indexing returns (h, w, 3) uint8 RGB, at most 1280 px on the longer side, and
    raises InputError with the file's name if it cannot be read.
    """

    def __init__(self, paths: Sequence[pathlib.Path], cache_size: int = 64) -> None:
        self.paths = tuple(paths)
        self._read = functools.lru_cache(cache_size)(_read_picture)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        return self._read(self.paths[index])


def _read_picture(path: pathlib.Path) -> np.ndarray:
    try:
        with Image.open(path, formats=FORMATS) as image:
            image.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
            picture = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            f"expected a picture that can be read. Received: {path}"
        ) from error
    picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.BOX)
    return np.asarray(picture)


def skimage_textures() -> PictureFiles:
    """The pictures that lie inside the installed scikit-image; nothing is downloaded.

    Raises:
        InputError: every one of those files is missing.
    """
    spec = importlib.util.find_spec("skimage")
    folder = pathlib.Path(spec.origin).parent / "data"
    paths = [path for name in _SKIMAGE_NAMES if (path := folder / name).is_file()]
    if not paths:
        raise InputError(
            f"expected scikit-image's pictures. Received: none in {folder}"
        )
    return PictureFiles(paths)


def folder_textures(folder: str | pathlib.Path, cache_size: int = 64) -> PictureFiles:
    """All pictures below a folder, in sorted order, read on demand.

    Args:
        folder: files are chosen by suffix (JPEG, PNG, WebP, TIFF, BMP, PPM).
        cache_size: int >= 1, how many decoded pictures stay in memory.

    Raises:
        InputError: no folder there, or no picture in it.
    """
    found = pathlib.Path(folder).rglob("*")
    found = (p for p in found if p.suffix.lower() in _SUFFIXES and p.is_file())
    shown = (p for p in found if not p.name.startswith("."))
    paths = sorted(shown, key=lambda path: path.as_posix())
    if not paths:
        raise InputError(f"expected a folder with pictures. Received: {folder}")
    return PictureFiles(paths, cache_size)


def open_textures(name: str) -> PictureFiles:
    """`skimage_textures` for the name "skimage", or those of the folder `name`."""
    return skimage_textures() if name == "skimage" else folder_textures(name)
