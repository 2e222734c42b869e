"""CSV files that runs append to, and JSON files: what counts of damaged ones."""

import csv
import dataclasses
import itertools
import json
import zlib

import pytest

from colornet.errors import InputError
from colornet.io.json_files import read_json, write_json
from colornet.io.rows import Rows, read_rows, rows_text
from colornet.training.curve import LearningCurve
from experiments.cells_file import read_cells_file

_ROWS = [{"key": f"d/{n}", "psnr": 30.5 + n, "note": 'a "b", c'} for n in range(4)]
_TEXTS = [{name: str(value) for name, value in row.items()} for row in _ROWS]


def _write(path):
    table = Rows(path)
    for row in _ROWS:
        table.append(row)
    return path.read_bytes().splitlines(keepends=True)


def test_rows_are_csv_with_the_checksum_of_two_lines(tmp_path):
    path = tmp_path / "a.csv"
    lines = _write(path)
    assert b"".join(lines).decode() == rows_text(list(_ROWS[0]), _ROWS)
    with open(path, newline="") as file:
        found = list(csv.DictReader(file))
    pairs = itertools.pairwise(lines)
    for (before, line), row in zip(pairs, found, strict=True):
        text = line.rpartition(b",")[0]
        assert int(row.pop("crc32"), 16) == zlib.crc32(before + text)
    assert found == _TEXTS
    assert Rows(path).rows == _TEXTS and read_rows(path) == (_TEXTS, 0)
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


def _changed(lines, kind):
    """The lines after damage to the third row."""
    head, first, second, third, fourth = lines
    if kind == "digit":
        return [head, first, second, third.replace(b"32.5", b"33.5"), fourth]
    if kind == "cut number":
        return [head, first, second, third[: third.index(b"2.5")]]
    if kind == "no line end":
        return [head, first, second, third[:-1]]
    if kind == "no text":
        return [head, first, second, b"\xff" + third[1:], fourth]
    if kind == "lost":
        return [head, first, second, fourth]
    if kind == "twice":
        return [head, first, second, second, third, fourth]
    return [head, first, second, fourth, third]  # exchanged


@pytest.mark.parametrize(
    ("kind", "others"),
    [
        ("digit", 0),
        ("cut number", 0),
        ("no line end", 0),
        ("no text", 0),
        ("lost", 0),
        ("twice", 2),
        ("exchanged", 0),
    ],
)
def test_what_follows_a_bad_row_is_set_aside(tmp_path, kind, others):
    path = tmp_path / "a.csv"
    lines = _changed(_write(path), kind)
    path.write_bytes(b"".join(lines))
    # Who reads all of it takes what counts by itself.
    rows, damaged = read_rows(path)
    assert rows[:2] == _TEXTS[:2] and damaged and len(rows) == 2 + others
    with pytest.warns(match="a.csv is damaged or cut after 2 rows") as caught:
        table = Rows(path)
    assert len(caught) == 1 and "\n" not in str(caught[0].message)
    assert table.rows == _TEXTS[:2]
    assert path.read_bytes() == b"".join(lines[:3])
    assert (tmp_path / "a.csv.damaged").read_bytes() == b"".join(lines[3:])
    for row in _ROWS[2:]:
        table.append(row)
    assert Rows(path).rows == _TEXTS


def test_a_damaged_head_counts_for_nothing(tmp_path):
    path = tmp_path / "a.csv"
    lines = _write(path)
    path.write_bytes(lines[0][:-1])
    assert read_rows(path) == ([], 1)
    path.write_bytes(b"".join(lines).replace(b"psnr", b"ssim", 1))
    with pytest.warns(match="after 0 rows"):
        assert Rows(path).rows == []


def test_a_row_of_two_lines_is_refused(tmp_path):
    with pytest.raises(InputError, match="a row on one line"):
        Rows(tmp_path / "a.csv").append({"key": "a\nb"})


def _numbers(path):
    with open(path, newline="") as file:
        return [row[:-1] for row in csv.reader(file)]


def test_the_curve_of_an_earlier_version_goes_on(tmp_path):
    """It has no checksums and other columns; its rows are finite numbers."""
    path = tmp_path / "metrics.csv"
    path.write_text("step,loss,old\n1,5,9\n2,4,\n3,3,7\n4,")
    with pytest.warns(match="after 3 rows"):
        curve = LearningCurve(path, ("new", "loss"), 2)
    curve.write(3, {"new": 7.0, "loss": 2.5})
    expected = [["step", "new", "loss"], ["1", "", "5"], ["2", "", "4"]]
    assert _numbers(path) == [*expected, ["3", "7", "2.5"]]
    LearningCurve(path, ("new", "loss"), 2)
    assert _numbers(path) == expected


@pytest.mark.parametrize("cell", ["nan", "inf", "x", "5.0.1", "-"])
def test_what_is_no_number_ends_an_earlier_curve(tmp_path, cell):
    path = tmp_path / "metrics.csv"
    path.write_text(f"step,loss\n1,5\n2,{cell}\n3,3\n")
    with pytest.warns(match="after 1 rows"):
        LearningCurve(path, ("loss",), 3)
    assert _numbers(path) == [["step", "loss"], ["1", "5"]]


@dataclasses.dataclass(frozen=True)
class _Cell:
    name: str
    count: int
    score: float | None


def test_cells_of_damaged_lines_are_left_out(tmp_path):
    path = tmp_path / "cells.csv"
    cells = [_Cell("a", 1, 2.5), _Cell("b", 2, None), _Cell("c", 3, 1.0)]
    cells += [_Cell("d", 4, 0.5)]
    lines = [dataclasses.asdict(cell) | {"more": 1} for cell in cells]
    text = rows_text(list(lines[0]), lines)
    path.write_text(text)
    notes = []
    assert read_cells_file(path, _Cell, notes) == cells and notes == []
    path.write_text(text.replace("b,2", "b,3"))
    assert read_cells_file(path, _Cell, notes) == [cells[0], cells[3]]
    # A checksum is also of the line before.
    assert notes == ["cells.csv: 2 lines are left out, damaged or of another version"]
    path.write_text(rows_text(["name", "count"], lines))
    assert read_cells_file(path, _Cell, notes) == [] and len(notes) == 2


def test_json_comes_back_without_its_checksum(tmp_path):
    path = tmp_path / "a.json"
    values = {"mean": {"psnr": 1 / 3, "none": None}, "names": ["ä", 1]}
    write_json(path, values)
    assert read_json(path, {"mean": dict, "names": list}) == values
    assert json.loads(path.read_text()).keys() == {"mean", "names", "crc32"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "a.json .Expecting value"),
        ("\udcff", "a.json .*decode"),
        ("[1]", r"expected fields in .*a.json. Received: \[1\]"),
        ("{}", "expected a field mean in .*a.json. Received: none"),
        ('{"mean": 3}', "a.json: mean must be a dictionary. Received: 3"),
        ('{"mean": {}}', "expected a field crc32 in .*a.json"),
        ('{"mean": {}, "crc32": "0"}', "a.json: crc32 must be .* Received: '0'"),
    ],
)
def test_json_that_is_not_what_was_written(tmp_path, content, words):
    path = tmp_path / "a.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=words) as error:
        read_json(path, {"mean": dict})
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="JSON file. Received: .*other.json"):
        read_json(tmp_path / "other.json", {})
