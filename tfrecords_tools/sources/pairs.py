"""Pairs of picture files: a folder tree, or a table (TSV).

A tree: every folder that holds `left.*` and `right.*` is a pair, named by its path
below the top. So are pictures of the same name in folders `left` and `right`.

    <data_dir>/office/desk/left.png, right.png      pairs/office/desk
    <data_dir>/street/left/7.png, right/7.png       pairs/street/7

The disparity map of the left view is `disp_left.*` beside `left.*`, or the picture of
the same name in a folder `disp_left`. It has 256 grey levels a pixel (16 bits); a .pfm
map is in pixels.

A table: a TSV file, or a folder with `INDEX.tsv`. Its first line names the columns; the
order is free and further columns are ignored. Either

    dataset  scene      pictures at <folder>/<dataset>/<scene>/left.*, right.*
    left  right         paths relative to the table's folder; scene (or key) names the
                        pair, else the path of its left picture does

and optionally `split`, and with left and right also `dataset`. A column `disp_left`
names the disparity map of the left view by its path relative to the table's folder, and
`disp_steps` its grey levels a pixel (256 if not said).

All pairs of a tree are of split `test`, and so are the rows of a table without `split`.
To train on pairs, name the split in a table (columns are separated by tabs):

    left                      right                     split
    office/desk/left.png      office/desk/right.png     train
    street/left/7.png         street/right/7.png        validation
"""

import collections
import csv
import dataclasses
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import ClassVar

from colornet.errors import InputError
from tfrecords_tools.sources import (
    DisparityFile,
    Pair,
    Part,
    Source,
    files_pair,
    listed,
)
from tfrecords_tools.sources.folders import files_of, folders_of, sketch

_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".ppm", ".bmp", ".webp")
_VIEWS = ("left", "right")
_DISPARITY = "disp_left"
_DISPARITY_SUFFIXES = (*_SUFFIXES, ".pfm", ".pgm")
_STEPS = 256
_DATASET = "pairs"
_SPLIT = "test"


@dataclasses.dataclass(frozen=True)
class Pairs(Source):
    """A folder tree, or a table; `data_dir` may also be the TSV file itself."""

    name: ClassVar[str] = "pairs"

    def parts(self) -> list[Part]:
        """One part: all pairs, in the order of the table or of their paths.

        Raises:
            InputError: nothing there, or one line with all columns, cells and files
                that are missing.
        """
        path = pathlib.Path(self.data_dir)
        if not path.is_file():
            path = self.top()
        table = path / "INDEX.tsv" if path.is_dir() else path
        pairs = _from_table(table) if table.is_file() else _from_tree(path)
        return [Part("pairs", str(path), tuple(pairs))]


def _pictures(
    folder: pathlib.Path, suffixes: Sequence[str] = _SUFFIXES
) -> dict[str, list[pathlib.Path]]:
    """The pictures of a folder by the lower-case stem of their names."""
    pictures = collections.defaultdict(list)
    for path in files_of(folder):
        if path.suffix.lower() in suffixes:
            pictures[path.stem.lower()].append(path)
    return pictures


def _one_each(
    places: dict[str, pathlib.Path], files: dict[str, list[pathlib.Path]]
) -> tuple[dict[str, pathlib.Path], list[str]]:
    """The one file of each place, and what is wrong: none of a view, or several."""
    found, wrong = {}, []
    for name, place in places.items():
        if len(files[name]) == 1:
            found[name] = files[name][0]
        elif files[name]:
            names = listed([file.name for file in files[name]])
            wrong.append(f"{place}.* only once: {names}")
        elif name in _VIEWS:
            wrong.append(f"{place}.*")
    return found, wrong


def _views(
    folder: pathlib.Path, names: Sequence[str] = _VIEWS
) -> tuple[dict[str, pathlib.Path], list[str]]:
    """The files left.* and right.* of a folder, and what is wrong with them.

    Args:
        folder: where to look.
        names: of the files. There need be none of `_DISPARITY`.
    """
    pictures = _pictures(folder)
    maps = _pictures(folder, _DISPARITY_SUFFIXES)
    files = {view: pictures[view] for view in _VIEWS} | {_DISPARITY: maps[_DISPARITY]}
    return _one_each({name: folder / name for name in names}, files)


def _frames(
    folder: pathlib.Path,
) -> Iterator[tuple[str, dict[str, pathlib.Path], list[str]]]:
    """The files of the same name in the folders left and right of a folder."""
    folders = {path.name.lower(): path for path in folders_of(folder)}
    if all(view in folders for view in _VIEWS):
        pictures = {view: _pictures(folders[view]) for view in _VIEWS}
        frames = sorted(set().union(*pictures.values()))
        if _DISPARITY in folders:
            maps = _pictures(folders[_DISPARITY], _DISPARITY_SUFFIXES)
            pictures[_DISPARITY] = maps
        for frame in frames:
            places = {name: folders[name] / frame for name in pictures}
            files = {name: pictures[name][frame] for name in pictures}
            yield frame, *_one_each(places, files)


def _from_tree(top: pathlib.Path) -> list[Pair]:
    pairs, wrong = [], []
    for name, children, _ in os.walk(top):
        children[:] = sorted(c for c in children if not c.startswith("."))
        folder = pathlib.Path(name)
        scene = folder.relative_to(top).as_posix()
        scene = top.resolve().name if scene == "." else scene
        candidates = [("", *_views(folder, (*_VIEWS, _DISPARITY))), *_frames(folder)]
        for frame, found, missing in candidates:
            disparity = found.pop(_DISPARITY, None)
            if not found and not any("only once" in text for text in missing):
                continue
            wrong += missing
            if disparity:
                found["left_disparity"] = _disparity_file(disparity, _STEPS)
            if not missing:
                pairs.append(files_pair(_DATASET, scene, _SPLIT, **found, frame=frame))
    _raise_if(wrong, top)
    if not pairs:
        raise InputError(
            "expected folders that hold left.* and right.* (such as left.png), folders "
            "left and right with pictures of the same names, or an INDEX.tsv. "
            f"Received: {top}, with no pair in {sketch(top)}"
        )
    return pairs


def _from_table(table: pathlib.Path) -> list[Pair]:
    try:
        # utf-8-sig: spreadsheet programs put a byte order mark first.
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"expected a UTF-8 table. Received: {table}") from error
    lines = [line for line in text.splitlines() if line.strip()]
    reader = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    columns = [(name or "").strip() for name in reader.fieldnames or []]
    reader.fieldnames = columns
    by_path = all(view in columns for view in _VIEWS)
    if not by_path and not all(name in columns for name in ("dataset", "scene")):
        raise InputError(
            f"{table}: expected tab-separated columns dataset and scene, or left and "
            f"right. Received: {', '.join(columns) or 'an empty file'}"
        )
    pairs, wrong = [], []
    for number, row in enumerate(reader, start=2):
        cells = {k: (v or "").strip() for k, v in row.items() if k is not None}
        pair = _from_row(table.parent, cells, f"row {number}", by_path, wrong)
        pairs += [pair] if pair is not None else []
    _raise_if(wrong, table)
    return pairs


def _from_row(
    top: pathlib.Path, cells: dict[str, str], row: str, by_path: bool, wrong: list[str]
) -> Pair | None:
    """The pair of a row; None after what is missing was added to `wrong`."""
    needed = _VIEWS if by_path else ("dataset", "scene")
    missing = [f"the {name} of {row}" for name in needed if not cells[name]]
    if by_path:
        views = {view: top / cells[view] for view in _VIEWS if cells[view]}
        missing += [str(path) for path in views.values() if not path.is_file()]
    elif not missing:
        views, missing = _views(top / cells["dataset"] / cells["scene"])
    wrong += missing
    if missing:
        return None
    scene = cells.get("scene") or cells.get("key")
    return files_pair(
        cells.get("dataset") or _DATASET,
        scene or pathlib.PurePath(cells["left"]).with_suffix("").as_posix(),
        cells.get("split") or _SPLIT,
        left_disparity=_disparity(top, cells, row, wrong),
        **views,
    )


def _disparity_file(path: pathlib.Path, steps: float) -> DisparityFile:
    coding = "pfm" if path.suffix.lower() == ".pfm" else "codes"
    return DisparityFile(path, coding, steps)


def _disparity(
    top: pathlib.Path, cells: dict[str, str], row: str, wrong: list[str]
) -> DisparityFile | None:
    if not cells.get(_DISPARITY):
        return None
    path, steps = top / cells[_DISPARITY], cells.get("disp_steps") or str(_STEPS)
    if not path.is_file():
        wrong.append(str(path))
    try:
        number = float(steps)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        wrong.append(
            f"a number above 0 as the disp_steps of {row} ({steps!r} is there)"
        )
        return None
    return _disparity_file(path, number)


def _raise_if(missing: list[str], where: pathlib.Path) -> None:
    if missing:
        raise InputError(
            f"{where}: expected both pictures of every pair. "
            f"Received {len(missing)} missing: {listed(missing)}"
        )
