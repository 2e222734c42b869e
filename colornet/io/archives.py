"""Arrays in and out of `.npz` files, with one-line errors. NumPy only."""

import math
import os
import pathlib
import struct
import zipfile

import numpy as np

from colornet.errors import InputError

# Of an archive's arrays, as a multiple of its bytes. Arrays are stored as they are, or
# hardly get smaller when they are packed; those of a few bytes may.
MAX_EXPANSION = 20
_FREE_BYTES = 64_000_000
# The mark and the number of members in the record that ends an archive.
_END = struct.Struct("<4s6xH10x")
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_archive(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file by name.

    Raises:
        InputError: no such file, a damaged one, or one that announces arrays of many
            times its size.
    """
    if not path.is_file():
        raise InputError(f"expected a file of weights. Missing: {path}")
    try:
        _check_announced_bytes(path)
        with np.load(path) as archive:
            return {name: archive[name] for name in archive.files}
    # A damaged archive makes zipfile raise almost any exception.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"expected a whole .npz file of weights. Received: {path} ({reason})"
        ) from error


def _check_announced_bytes(path: pathlib.Path) -> None:
    """Raises ValueError before arrays are made that are larger than the file can be."""
    most = max(_FREE_BYTES, MAX_EXPANSION * path.stat().st_size)
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
