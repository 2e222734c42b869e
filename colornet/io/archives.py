"""Arrays in and out of `.npz` files, with one-line errors. NumPy only.

An archive that the project writes has the SHA-256 of its names, shapes, types and bytes
as the further array `sha256`.
"""

import contextlib
import hashlib
import math
import os
import pathlib
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

import numpy as np

from colornet.errors import InputError

# Of an archive's arrays, as a multiple of its bytes. Arrays are stored as they are, or
# hardly get smaller when they are packed; those of a few bytes may.
MAX_EXPANSION = 20
_FREE_BYTES = 64_000_000
DIGEST = "sha256"
# The mark and the number of members in the record that ends an archive.
_END = struct.Struct("<4s6xH10x")
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.shape} {array.dtype.str}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def write_archive(
    file: str | os.PathLike | BinaryIO, arrays: Mapping[str, np.ndarray]
) -> None:
    """Writes arrays by name as an `.npz` file, with their digest."""
    np.savez(file, **arrays, **{DIGEST: np.array(_digest(arrays))})


def take_digest(arrays: dict[str, np.ndarray], path: str | os.PathLike) -> bool:
    """Takes the digest out of the arrays of a file.

    Returns:
        Whether there was one; files of earlier versions and of others have none.

    Raises:
        InputError: it is that of other arrays.
    """
    digest = arrays.pop(DIGEST, None)
    if digest is not None and str(digest) != (found := _digest(arrays)):
        raise InputError(
            f"expected {path} with arrays of SHA-256 {digest!s:.64}. Received: {found}"
        )
    return digest is not None


def read_shapes(path: pathlib.Path) -> dict[str, tuple[int, ...]]:
    """The shapes of an `.npz` file's arrays by name, from their headers alone.

    Raises:
        InputError: no such file, a damaged one, or one that announces arrays of many
            times its size.
    """
    with _reading(path):
        return _announced_shapes(path)


def read_archive(
    path: pathlib.Path, names: Iterable[str] | None = None
) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file by name.

    Args:
        path: of the file.
        names: of those to read, where they are there; all if None.

    Raises:
        InputError: as `read_shapes`.
    """
    with _reading(path):
        there = _announced_shapes(path)
        names = there if names is None else there.keys() & set(names)
        with np.load(path) as archive:
            return {name: archive[name] for name in names}


@contextlib.contextmanager
def _reading(path: pathlib.Path) -> Iterator[None]:
    if not path.is_file():
        raise InputError(f"expected a file of weights. Missing: {path}")
    try:
        yield
    # A damaged archive makes zipfile raise almost any exception.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"expected a whole .npz file of weights. Received: {path} ({reason})"
        ) from error


def _announced_shapes(path: pathlib.Path) -> dict[str, tuple[int, ...]]:
    """Raises ValueError before arrays are made that are larger than the file can be."""
    most = max(_FREE_BYTES, MAX_EXPANSION * path.stat().st_size)
    shapes = {}
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        total = sum(member.file_size for member in members)
        if not 0 < total <= most:
            raise ValueError(f"{total} bytes packed in {path.stat().st_size}")
        # zipfile does not miss a member that damage hides in the one before it.
        archive.fp.seek(-_END.size, os.SEEK_END)
        _, announced = _END.unpack(archive.fp.read(_END.size))
        if announced != len(members):
            raise ValueError(f"{len(members)} of {announced} arrays")
        for member in members:
            with archive.open(member) as file:
                read_header = _HEADERS[np.lib.format.read_magic(file)]
                shape, _, dtype = read_header(file)
            if dtype.itemsize * math.prod(shape) > member.file_size:
                raise ValueError(f"an array of {shape} in {member.file_size} bytes")
            shapes[member.filename.removesuffix(".npy")] = shape
    return shapes
