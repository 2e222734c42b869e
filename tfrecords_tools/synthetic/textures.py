"""Sources of pictures for the surfaces: files on disk, read on demand."""

import importlib.util
import pathlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from PIL import Image

_SUFFIXES = frozenset(
    (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
# scikit-image's stereo pair motorcycle_{left,right} is a test picture: never here.
_SKIMAGE_NAMES = (
    "astronaut.png brick.png chelsea.png coffee.png grass.png gravel.png "
    "hubble_deep_field.jpg ihc.png retina.jpg rocket.jpg"
).split()
_LONGEST_SIDE = 1280  # px; larger pictures are reduced when they are read


class TextureSource(Protocol):
    """A sized collection of (h, w, 3) uint8 RGB pictures, indexed from 0."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> np.ndarray: ...


class PictureFiles:
    """Picture files, read on demand, with the last `cache_size` ones kept in memory.

    Indexing returns (h, w, 3) uint8 RGB, at most 1280 px on the longer side, and
    raises ValueError with the file's name if it cannot be read.
    """

    def __init__(self, paths: Sequence[pathlib.Path], cache_size: int = 64) -> None:
        if cache_size < 1:
            raise ValueError(f"cache_size must be >= 1. Received: {cache_size}")
        self.paths = tuple(paths)
        self._cache_size = cache_size
        self._cache: dict[int, np.ndarray] = {}  # the least recently used one first

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        picture = self._cache.pop(index, None)
        if picture is None:
            picture = _read_picture(self.paths[index])
        self._cache[index] = picture
        if len(self._cache) > self._cache_size:
            del self._cache[next(iter(self._cache))]
        return picture


def _read_picture(path: pathlib.Path) -> np.ndarray:
    try:
        with Image.open(path) as image:
            image.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
            picture = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"Cannot read this picture. Received: {path}") from error
    picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.BOX)
    return np.asarray(picture)


def skimage_textures() -> PictureFiles:
    """The pictures that lie inside the installed scikit-image; nothing is downloaded.

    Raises:
        ValueError: scikit-image, or every one of those files, is missing.
    """
    spec = importlib.util.find_spec("skimage")
    folder = pathlib.Path(spec.origin).parent / "data" if spec and spec.origin else None
    paths = [folder / name for name in _SKIMAGE_NAMES] if folder else []
    paths = [path for path in paths if path.is_file()]
    if not paths:
        raise ValueError(f"scikit-image's pictures are missing. Received: {folder}")
    return PictureFiles(paths)


def folder_textures(path: str | pathlib.Path, cache_size: int = 64) -> PictureFiles:
    """All pictures below a folder, in sorted order, read on demand.

    Args:
        path: a folder; files are chosen by suffix (JPEG, PNG, WebP, TIFF, BMP, PPM).
        cache_size: int >= 1, how many decoded pictures stay in memory.

    Raises:
        ValueError: no folder there, or no picture in it; when indexed, an unreadable
            picture.
    """
    folder = pathlib.Path(path)
    found = (p for p in folder.rglob("*") if p.suffix.lower() in _SUFFIXES)
    paths = sorted((p for p in found if p.is_file()), key=lambda p: p.as_posix())
    if not paths:
        raise ValueError(f"Expected a folder with pictures. Received: {path}")
    return PictureFiles(paths, cache_size)
