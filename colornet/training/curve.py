"""The learning curve of a run as a CSV file that a resumed run goes on with."""

import math
import os

from colornet.io.rows import Rows


def psnr(mse: float) -> float:
    """Decibels of a mean squared error whose peak is 1."""
    return -10 * math.log10(max(mse, 1e-12))


class LearningCurve:
    """A CSV file with a row of numbers for some of the steps.

    Args:
        path: the file. Rows of an earlier run stay, less those after `step`: the
            checkpoint that it goes on from knows nothing of them. A number that it did
            not have is left empty.
        columns: names of the numbers; the column `step` comes first.
        step: where the run starts.
    """

    def __init__(self, path: str | os.PathLike, columns: tuple[str, ...], step: int):
        self._columns = ("step", *columns)
        self._table = Rows(path)
        known = [row for row in self._table.rows if row.get("step", "").isdecimal()]
        rows = [row for row in known if int(row["step"]) <= step]
        self._table.write(self._columns, rows)

    def write(self, step: int, values: dict[str, float]) -> None:
        """Adds a row; a number that is not in `values` is left empty."""
        row = {"step": step, **{name: f"{v:.6g}" for name, v in values.items()}}
        self._table.append({name: row.get(name, "") for name in self._columns})
