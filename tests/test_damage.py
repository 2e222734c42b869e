"""Damaged files give the same result, or an `InputError` in one line.

Never another result, another exception, more than a gigabyte or ten seconds. A kind of
file is a row of `_KINDS`: how a good one is written, how it is read, and what counts as
the same result.
"""

import pathlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage import data

from colornet.errors import InputError
from colornet.io.archives import read_archive
from colornet.io.pictures import read_photograph, write_picture
from tfrecords_tools.sources.disparity import DisparityFile, read_disparity

_MUTATIONS = 100
_MOST_BYTES, _MOST_SECONDS = 1e9, 10
_LEFT, _, _DISPARITY = data.stereo_motorcycle()
_PICTURE = np.ascontiguousarray(_LEFT[100:164, 200:280])


_DEEP = _PICTURE.astype(np.uint16) * 257
_EXIF = Image.Exif()
_EXIF[0x0112] = 6


class Kind(NamedTuple):
    """A kind of file.

    Attributes:
        name: of the file.
        write: makes a good one at a path.
        read: what the project makes of the file at a path.
        is_same: whether what was read is as good as what the good file gave.
    """

    name: str
    write: Callable[[pathlib.Path], Any]
    read: Callable[[pathlib.Path], Any]
    is_same: Callable[[Any, Any], bool]


def _picture(name: str, write: Callable[[pathlib.Path], Any]) -> Kind:
    """A picture; what has no checksum may become another picture, but must be one."""

    def read(path):
        photograph = read_photograph(path)
        assert all("\n" not in note for note in photograph.notes)
        return photograph.pixels

    return Kind(name, write, read, _equal if name.endswith(".png") else _is_picture)


def _saved(name: str, mode: str = "RGB", **options) -> Kind:
    image = Image.fromarray(_PICTURE).convert(mode)
    return _picture(name, lambda path: image.save(path, **options))


def _equal(found: np.ndarray, good: np.ndarray) -> bool:
    return found.dtype == good.dtype and np.array_equal(found, good)


def _is_picture(found: np.ndarray, good: np.ndarray) -> bool:
    del good
    has_shape = found.ndim == 2 or (found.ndim == 3 and found.shape[2] == 3)
    return has_shape and found.dtype in (np.uint8, np.uint16) and found.size > 0


def _write_pfm(path: pathlib.Path) -> None:
    values = _DISPARITY[100:164, 200:280].astype("<f4")
    path.write_bytes(b"Pf\n80 64\n-1.0\n" + values[::-1].tobytes())


def _is_disparity(found: np.ndarray, good: np.ndarray) -> bool:
    """Floats have no checksum: they may change, within what disparity can be."""
    inside = np.isfinite(found).all() and found.min() >= 0
    return inside and found.max() < found.shape[1] and found.size == good.size


def _write_arrays(path: pathlib.Path) -> None:
    names = ("l01_conv/kernel", "l01_conv/bias", "config")
    rng = np.random.default_rng(0)
    arrays = (rng.normal(size=(9, 9, 4)), np.zeros(4), np.array('{"n": 2}'))
    np.savez(path, **dict(zip(names, arrays, strict=True)))


def _equal_arrays(found: dict, good: dict) -> bool:
    return found.keys() == good.keys() and all(_equal(found[n], good[n]) for n in good)


_KINDS = {
    "PNG": _saved("a.png"),
    "PNG of a palette": _saved("a.png", "P"),
    "PNG that is not packed": _saved("a.png", compress_level=0),
    "PNG of 16 bit": _picture("a.png", lambda path: write_picture(path, _DEEP)),
    "JPEG": _saved("a.jpg", exif=_EXIF),
    "TIFF": _saved("a.tif"),
    "TIFF of 16 bit": _picture("a.tif", lambda path: write_picture(path, _DEEP)),
    "TIFF in tiles": _picture(
        "a.tif",
        lambda path: tifffile.imwrite(
            path, _DEEP, tile=(32, 32), compression="zlib", photometric="rgb"
        ),
    ),
    "WebP": _saved("a.webp"),
    "BMP": _saved("a.bmp"),
    "PPM": _saved("a.ppm"),
    "PFM": Kind(
        "a.pfm",
        _write_pfm,
        lambda path: read_disparity(DisparityFile(path, "pfm")),
        _is_disparity,
    ),
    "arrays": Kind("a.npz", _write_arrays, read_archive, _equal_arrays),
}


def _damaged(whole: bytes, rng: np.random.Generator) -> bytes:
    """The file with one thing changed, mostly near its ends, where the headers are."""
    size, data = len(whole), bytearray(whole)
    spread = rng.choice([size, min(size, 200)])
    at = int(rng.integers(spread))
    at = size - 1 - at if rng.random() < 0.3 else at
    length = int(rng.integers(1, 40))
    change = rng.choice(["bit", "byte", "zeros", "ones", "cut", "lost", "twice"])
    if change == "bit":
        data[at] ^= 1 << int(rng.integers(8))
    elif change == "byte":
        data[at] = int(rng.integers(256))
    elif change in ("zeros", "ones"):
        part = data[at : at + length]
        data[at : at + length] = (b"\0" if change == "zeros" else b"\xff") * len(part)
    elif change == "cut":
        del data[at:]
    elif change == "lost":
        del data[at : at + length]
    else:
        data[at:at] = data[at : at + length]
    return bytes(data)


def _peak_bytes() -> int:
    """The most memory that the process has had since `_forget_peak`."""
    text = pathlib.Path("/proc/self/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) * 1024


def _forget_peak() -> None:
    pathlib.Path("/proc/self/clear_refs").write_text("5")


@pytest.mark.parametrize("name", _KINDS)
def test_damaged_files(tmp_path, name):
    kind = _KINDS[name]
    path = tmp_path / kind.name
    kind.write(path)
    whole, good = path.read_bytes(), kind.read(path)
    assert kind.is_same(good, good)
    rng = np.random.default_rng(sum(name.encode()))
    has_peak = pathlib.Path("/proc/self/clear_refs").exists()
    if has_peak:
        _forget_peak()
        before = _peak_bytes()
    refused = 0
    for number in range(_MUTATIONS):
        path.write_bytes(_damaged(whole, rng))
        start = time.monotonic()
        try:
            found = kind.read(path)
        except InputError as error:
            refused += 1
            assert "\n" not in str(error) and kind.name in str(error)
        else:
            assert kind.is_same(found, good), number
        assert time.monotonic() - start < _MOST_SECONDS, number
    assert refused
    if has_peak:
        assert _peak_bytes() - before < _MOST_BYTES
