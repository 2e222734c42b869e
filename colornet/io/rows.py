"""CSV files that runs append to, row by row, with a checksum in every row.

The last cell of a row is the CRC-32 of the line before and of the row itself: a row
that is changed, cut, lost, there twice or at another place does not count. In a file of
an earlier version, without checksums, a row counts if it holds finite numbers alone.
"""

import csv
import io
import math
import os
import pathlib
import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from colornet.errors import InputError
from colornet.io.files import replacing, writing

CHECKSUM = "crc32"


def _text(cells: Iterable) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="").writerow(cells)
    if "\n" in file.getvalue():
        raise InputError(f"expected a row on one line. Received: {file.getvalue()!r}")
    return file.getvalue()


def _header(columns: Sequence[str]) -> str:
    return f"{_text([*columns, CHECKSUM])}\n"


def _signed(text: str, before: str) -> str:
    """The line of a row.

    Args:
        text: the row.
        before: the line before, with its end.
    """
    content = (before + text).encode(errors="surrogateescape")
    return f"{text},{zlib.crc32(content):08x}\n"


def rows_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A whole file: the header, and a line a row; a value that is not there is empty.

    Raises:
        InputError: a value of more than one line.
    """
    lines = [_header(columns)]
    for row in rows:
        cells = _text(row.get(name, "") for name in columns)
        lines.append(_signed(cells, lines[-1]))
    return "".join(lines)


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return []


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell or 0))
    except ValueError:
        return False


def _lines(content: str) -> Iterator[tuple[str, dict[str, str] | None]]:
    """The lines after the header with their ends, and their rows if they count."""
    before, *lines = io.StringIO(content, newline="\n").readlines() or [""]
    columns = _cells(before.removesuffix("\n"))
    has_checksums = columns[-1:] == [CHECKSUM]
    for line in lines:
        cells = _cells(line.removesuffix("\n"))
        if has_checksums:
            counts = line == _signed(line.rpartition(",")[0], before)
        else:
            counts = line.endswith("\n") and all(map(_is_number, cells))
        row = None
        if counts and len(cells) == len(columns):
            row = dict(zip(columns, cells, strict=True))
            row.pop(CHECKSUM, None)
        yield line, row
        before = line


def _read(path: pathlib.Path) -> str:
    # No byte is lost: bytes that are no UTF-8 come back as they were.
    return path.read_bytes().decode(errors="surrogateescape")


def read_rows(path: pathlib.Path) -> tuple[list[dict[str, str]], int]:
    """All rows of a file that count, and the number of lines that do not."""
    content = _read(path)
    rows = [row for _, row in _lines(content)]
    whole = [row for row in rows if row is not None]
    has_head = content.partition("\n")[0].endswith(f",{CHECKSUM}") and "\n" in content
    return whole, len(rows) - len(whole) + (not has_head)


class Rows:
    """A file of rows to go on with.

    What follows the last of the rows that count is moved to `<name>.damaged`, and
    a warning of one line says so.

    Args:
        path: the file; it need not be there.

    Attributes:
        rows: those that count, as text by column.

    Raises:
        InputError: a damaged file that cannot be written.
    """

    def __init__(self, path: str | os.PathLike):
        self._path = pathlib.Path(path)
        content = _read(self._path) if self._path.is_file() else ""
        self.rows: list[dict[str, str]] = []
        whole = content[: content.find("\n") + 1]
        for line, row in _lines(content):
            if row is None:
                break
            self.rows.append(row)
            whole += line
        self._last = whole[whole.rfind("\n", 0, -1) + 1 :]
        self._columns = _cells(whole.partition("\n")[0])
        if whole != content:
            self._set_aside(whole, content[len(whole) :])

    def _set_aside(self, whole: str, rest: str) -> None:
        aside = self._path.with_name(f"{self._path.name}.damaged")
        with writing(aside), aside.open("ab") as file:
            file.write(rest.encode(errors="surrogateescape"))
        with replacing(self._path) as file:
            file.write(whole.encode(errors="surrogateescape"))
        warnings.warn(
            f"{self._path} is damaged or cut after {len(self.rows)} rows: what follows "
            f"was moved to {aside.name}",
            stacklevel=3,
        )

    def write(self, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        """Replaces the file by these rows; errors as `rows_text` and `replacing`."""
        text = rows_text(columns, rows)
        with replacing(self._path) as file:
            file.write(text.encode())
        self.rows = [dict(row) for row in rows]
        self._columns = [*columns, CHECKSUM]
        self._last = text[text.rfind("\n", 0, -1) + 1 :]

    def append(self, row: Mapping[str, Any]) -> None:
        """Adds a row. Its columns become those of the file.

        Raises:
            InputError: a value of more than one line, or a file that cannot be written.
        """
        if self._columns != [*row, CHECKSUM]:
            self.write(list(row), self.rows)
        line = _signed(_text(row.values()), self._last)
        with writing(self._path), self._path.open("ab") as file:
            file.write(line.encode())
        self.rows.append(dict(row))
        self._last = line
