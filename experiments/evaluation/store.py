"""What an evaluation leaves in its folder, so that a stopped one goes on.

settings.json says what was evaluated, images.csv has a row a picture, and summary.json
the means. All of them have checksums.
"""

import os
import pathlib
import shutil
import warnings
from typing import Any

from colornet.errors import InputError
from colornet.io.files import writing
from colornet.io.json_files import read_json, write_json
from colornet.io.rows import Rows
from colornet.io.rows import read_rows as read_table

WORST = "worst"  # folder of the pictures of `experiments.evaluation.worst`
_ROWS, _SETTINGS, _SUMMARY = "images.csv", "settings.json", "summary.json"


def read_rows(directory: str | os.PathLike) -> list[dict[str, str]]:
    """The rows of images.csv, one a picture.

    Raises:
        InputError: no evaluation was started in the folder, or its rows are damaged.
    """
    path = pathlib.Path(directory) / _ROWS
    if not path.is_file():
        raise InputError(f"expected a folder of an evaluation. Missing: {path}")
    rows, damaged = read_table(path)
    if damaged:
        raise InputError(
            f"expected whole rows in {path}; the same evaluation again mends them. "
            f"Received: {damaged} damaged lines"
        )
    return rows


def read_summary(directory: str | os.PathLike) -> dict[str, Any]:
    """The summary of an evaluation: its `settings`, `mean`, and means by `datasets`.

    Raises:
        InputError: no finished evaluation, or a damaged summary.
    """
    kinds = {"settings": dict, "mean": dict, "datasets": dict}
    return read_json(pathlib.Path(directory) / _SUMMARY, kinds)


class Store:
    """The folder of an evaluation; made if missing.

    Args:
        directory: the folder.
        settings: what is evaluated, as JSON. Files of other settings do not count, and
            are replaced as soon as there is a first row.

    Raises:
        InputError: the folder cannot be made.
    """

    def __init__(self, directory: str | os.PathLike, settings: dict[str, Any]):
        self._directory, self._settings = pathlib.Path(directory), settings
        self._table: Rows | None = None
        with writing(self._directory):
            self._directory.mkdir(parents=True, exist_ok=True)

    def summary(self) -> dict | None:
        """The summary of an evaluation that came to its end and has all its rows."""
        if not (self._directory / _SUMMARY).is_file():
            return None
        try:
            summary = read_summary(self._directory)
        except InputError as error:
            warnings.warn(f"made again: {error}", stacklevel=2)
            return None
        is_same = summary["settings"] == self._settings
        is_whole = is_same and len(self.rows()) == summary["mean"]["count"]
        return summary if is_whole else None

    def rows(self) -> list[dict[str, str]]:
        """The rows of an evaluation that was stopped; damaged ones are set aside.

        Raises:
            InputError: damaged settings: nobody knows what the rows are of.
        """
        path = self._directory / _SETTINGS
        if not path.is_file():
            return []
        if read_json(path, {}, has_checksum=False) != self._settings:
            return []
        self._table = Rows(self._directory / _ROWS)
        return list(self._table.rows)

    def append(self, row: dict, is_first: bool) -> None:
        """Adds a row; the first one takes the place of another evaluation."""
        if is_first:
            # Before the new settings: at no time do they stand beside the old scores.
            for name in (_SUMMARY, _ROWS):
                (self._directory / name).unlink(missing_ok=True)
            shutil.rmtree(self._directory / WORST, ignore_errors=True)
            write_json(self._directory / _SETTINGS, self._settings)
            self._table = None
        self._table = self._table or Rows(self._directory / _ROWS)
        self._table.append(row)

    def finish(self, means: dict[str, Any]) -> dict[str, Any]:
        """Writes and returns the summary: the settings, and these means."""
        summary = {"settings": self._settings, **means}
        write_json(self._directory / _SUMMARY, summary)
        return summary
