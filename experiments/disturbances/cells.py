"""What was measured: a mean over pictures a line, in a CSV file."""

import csv
import dataclasses
import io
import pathlib
from collections.abc import Sequence


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


_NUMBERS = {"setup": int, "pictures": int}
_NUMBERS |= dict.fromkeys(("strength", "psnr", "change"), float)


def csv_table(cells: Sequence[Cell]) -> str:
    """One line a cell; `read_cells` reads it."""
    file = io.StringIO()
    names = [field.name for field in dataclasses.fields(Cell)]
    writer = csv.DictWriter(file, names, lineterminator="\n")
    writer.writeheader()
    for cell in cells:
        line = dataclasses.asdict(cell)
        writer.writerow(line | {n: f"{line[n]:.4f}" for n in ("psnr", "change")})
    return file.getvalue()


def read_cells(path: pathlib.Path) -> list[Cell]:
    """The cells of a file that `csv_table` has made."""
    with open(path, newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    return [
        Cell(**line | {name: kind(line[name]) for name, kind in _NUMBERS.items()})
        for line in lines
    ]
