"""The learning curve of a run as a CSV file that a resumed run goes on with."""

import csv
import io
import math
import os
import pathlib

from colornet.io.files import replacing, writing


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
        self._columns = columns
        self._path = pathlib.Path(path)
        rows = self._rows_up_to(self._path, step)
        with replacing(path) as file, io.TextIOWrapper(file, newline="") as text:
            csv.writer(text).writerows([("step", *columns), *rows])
        self._file = open(path, "a", newline="")
        self._table = csv.writer(self._file)

    def _rows_up_to(self, path: pathlib.Path, step: int) -> list[list[str]]:
        if not path.is_file():
            return []
        with open(path, newline="") as file:
            header, *rows = list(csv.reader(file)) or [[]]
        whole = [
            dict(zip(header, row, strict=True))
            for row in rows
            if len(row) == len(header) and row[0].isdigit() and int(row[0]) <= step
        ]
        return [[row.get(c, "") for c in ("step", *self._columns)] for row in whole]

    def write(self, step: int, values: dict[str, float]) -> None:
        """Adds a row; a number that is not in `values` is left empty."""
        row = [f"{values[c]:.6g}" if c in values else "" for c in self._columns]
        with writing(self._path):
            self._table.writerow([step, *row])
            self._file.flush()

    def close(self) -> None:
        self._file.close()
