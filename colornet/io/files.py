"""Files that are written whole or not at all, with one-line errors."""

import contextlib
import hashlib
import os
import pathlib
from collections.abc import Iterator
from typing import BinaryIO

from colornet.errors import InputError


@contextlib.contextmanager
def writing(path: str | os.PathLike) -> Iterator[None]:
    """Turns a failure to write `path` into an `InputError`: no folder, a full disk."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"expected a place that can be written. Received: {path} "
            f"({error.strerror or error})"
        ) from error


def sha256_of(path: str | os.PathLike) -> str:
    """The SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a text file, whole or not at all; errors as `replacing`."""
    with replacing(path) as file:
        file.write(text.encode())


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when the block has ended well.

    Raises:
        InputError: it cannot be written; what was at `path` is still there.
    """
    path = pathlib.Path(path)
    # No tempfile: its files are readable by their owner only.
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with writing(path):
            with partial.open("wb") as file:
                yield file
            os.replace(partial, path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
