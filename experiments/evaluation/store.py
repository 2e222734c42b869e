"""What an evaluation leaves in its folder, so that a stopped one goes on.

settings.json says what was evaluated, images.csv has a row a picture, and summary.json
the means.
"""

import csv
import json
import os
import pathlib
import shutil
from typing import Any

from colornet.errors import InputError
from colornet.io.files import write_text, writing

WORST = "worst"  # folder of the pictures of `experiments.evaluation.worst`
_ROWS, _SETTINGS, _SUMMARY = "images.csv", "settings.json", "summary.json"


def read_rows(directory: str | os.PathLike) -> list[dict[str, str]]:
    """The rows of images.csv, one a picture.

    Raises:
        InputError: no evaluation was started in the folder.
    """
    path = pathlib.Path(directory) / _ROWS
    if not path.is_file():
        raise InputError(f"expected a folder of an evaluation. Missing: {path}")
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


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
        with writing(self._directory):
            self._directory.mkdir(parents=True, exist_ok=True)

    def _read(self, name: str) -> Any:
        try:
            return json.loads((self._directory / name).read_text())
        except (OSError, ValueError):
            return None

    def summary(self) -> dict | None:
        """The summary of an evaluation that came to its end."""
        summary = self._read(_SUMMARY)
        is_whole = isinstance(summary, dict) and (self._directory / _ROWS).is_file()
        return summary if is_whole and summary["settings"] == self._settings else None

    def rows(self) -> list[dict[str, str]]:
        """The rows of an evaluation that was stopped.

        A killed process may leave half a last row, which is cut off. Cut short, a
        number is still a number, so it is the missing end of the line that tells.
        """
        path = self._directory / _ROWS
        if self._read(_SETTINGS) != self._settings or not path.is_file():
            return []
        with writing(path), open(path, "rb+") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
        return read_rows(self._directory)

    def append(self, row: dict, is_first: bool) -> None:
        """Adds a row; the first one takes the place of another evaluation."""
        if is_first:
            # Before the new settings: at no time do they stand beside the old scores.
            for name in (_SUMMARY, _ROWS):
                (self._directory / name).unlink(missing_ok=True)
            shutil.rmtree(self._directory / WORST, ignore_errors=True)
            self._write_json(_SETTINGS, self._settings)
        path = self._directory / _ROWS
        with writing(path), open(path, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if not file.tell():
                writer.writeheader()
            writer.writerow(row)

    def finish(self, means: dict[str, Any]) -> dict[str, Any]:
        """Writes and returns the summary: the settings, and these means."""
        summary = {"settings": self._settings, **means}
        self._write_json(_SUMMARY, summary)
        return summary

    def _write_json(self, name: str, value: dict) -> None:
        write_text(self._directory / name, json.dumps(value, indent=2))
