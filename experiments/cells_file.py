"""CSV files of cells: what a table shows, a dataclass a line."""

import pathlib
import types
import typing
from typing import Any, TypeVar

from colornet.config import of_kind
from colornet.errors import InputError
from colornet.io.rows import read_rows

_Cell = TypeVar("_Cell")


def read_cells_file(
    path: pathlib.Path, cell: type[_Cell], notes: list[str]
) -> list[_Cell]:
    """The cells of a file of `colornet.io.rows`; what is damaged is left out.

    Args:
        path: the file.
        cell: their dataclass, with fields of text and numbers. An empty number is None;
            further columns do not count.
        notes: gets a line about what was left out.
    """
    rows, damaged = read_rows(path)
    kinds = typing.get_type_hints(cell)
    cells = []
    for row in rows:
        try:
            values = {name: _value(row, name, kind) for name, kind in kinds.items()}
            cells.append(cell(**values))
        except (InputError, ValueError, KeyError):  # Of another version.
            damaged += 1
    if damaged:
        notes.append(
            f"{path.name}: {damaged} lines are left out, damaged or of another version"
        )
    return cells


def _value(row: dict[str, str], name: str, kind: Any) -> Any:
    text = row[name]
    if kind is str:
        return text
    if not text:
        return of_kind(name, None, kind)
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    return of_kind(name, kinds[0](text), kind)
