"""What was measured: a mean over pictures a line, in a CSV file."""

import dataclasses
import pathlib
from collections.abc import Sequence

from colornet.io.rows import rows_text
from experiments.cells_file import read_cells_file
from experiments.disturbances.cameras import DISTURBANCES


@dataclasses.dataclass(frozen=True)
class Cell:
    """A method under a disturbance, on average over the pictures of a dataset.

    Attributes:
        setup: row of Table 2.
        dataset: of the pairs.
        disturbance, strength: of the `Case`.
        method: who is scored.
        pictures: how many.
        psnr: mean in dB.
        change: in dB, beside the undisturbed pairs.
    """

    setup: int
    dataset: str
    disturbance: str
    strength: float
    method: str
    pictures: int
    psnr: float
    change: float


_DECIBELS = "psnr", "change"


def csv_table(cells: Sequence[Cell]) -> str:
    """One line a cell, with a checksum; `read_cells` reads it."""
    lines = [
        dataclasses.asdict(cell) | {n: f"{getattr(cell, n):.4f}" for n in _DECIBELS}
        for cell in cells
    ]
    return rows_text([field.name for field in dataclasses.fields(Cell)], lines)


def read_cells(path: pathlib.Path, notes: list[str]) -> list[Cell]:
    """The cells of a file that `csv_table` has made; what is damaged is left out.

    Args:
        path: the file.
        notes: gets a line about what was left out.
    """
    cells = read_cells_file(path, Cell, notes)
    unknown = {cell.disturbance for cell in cells} - DISTURBANCES.keys()
    if unknown:
        notes.append(f"{path.name}: left out: {', '.join(sorted(unknown))}")
    return [cell for cell in cells if cell.disturbance not in unknown]
