"""The columns of a table: which records are there to be scored.

The paper's columns are the datasets of their own name, split `test`. Further columns
are there where their records are:

    KT, E3  kitti, eth3d
    EM, SY  embedded: the Motorcycle pair; the held-out rendered scenes, `validation`
    MB      where there are no records of middlebury: those pairs whose dataset is
            called middlebury2005… or middlebury2006… (D-26)
    PR      pairs without a dataset of their own
    others  pairs, a column for every dataset of their table, under its name
"""

import dataclasses
import pathlib
from collections.abc import Collection, Mapping, Sequence

from colornet.data import Records, record_folders
from colornet.errors import InputError
from colornet.noise import NOISE_SETUPS
from experiments.tables import paper

_FOLDER = "colornet_records"
# Column: dataset and split.
_DATASETS = {name: (dataset, "test") for name, dataset in paper.COLUMNS.items()} | {
    "KT": ("kitti", "test"),
    "E3": ("eth3d", "test"),
    "EM": ("embedded", "test"),
    "SY": ("embedded", "validation"),
}
_PAIRS = "pairs"
# How the datasets of the paper's Middlebury column are called, whatever their size.
_MIDDLEBURY = ("middlebury2005", "middlebury2006")


@dataclasses.dataclass(frozen=True)
class Column:
    """A dataset in one setup.

    Attributes:
        name: as the paper abbreviates it, or as the module's docstring does.
        setup: noise of Table 2.
        records: folder of its TFRecords, empty where there are none.
        split: of the records.
        datasets: names of those among the records that count; all if empty.
        max_disparity: d of Eq. 1 in pixels; that of `Evaluation` if None.
    """

    name: str
    setup: int
    records: str = ""
    split: str = "test"
    datasets: tuple[str, ...] = ()
    max_disparity: int | None = None


def find_columns(records: str) -> list[Column]:
    """The paper's four datasets in its setups, there or not, and others that are there.

    Args:
        records: what `tfrecords_tools.write` had as its out_dir.

    Raises:
        InputError: no records of any dataset below the folder.
    """
    top = pathlib.Path(records) / _FOLDER
    columns = [column for setup in NOISE_SETUPS for column in _of_setup(top, setup)]
    if not any(column.records for column in columns):
        raise InputError(
            "expected an out_dir of tfrecords_tools.write with datasets such as "
            f"{_FOLDER}/middlebury_setup1. Received: {records}, with none"
        )
    return columns


def _of_setup(top: pathlib.Path, setup: int) -> list[Column]:
    found = {
        name: Column(name, setup)
        for name in paper.COLUMNS
        if paper.published("psnr", "welsh", name, setup)
    }
    found |= {
        name: Column(name, setup, folder, split)
        for name, (dataset, split) in _DATASETS.items()
        if (folder := _newest(top, dataset, setup, split))
    }
    for name, column in _pairs_columns(top, setup).items():
        if name not in found or not found[name].records:
            found[name] = column
    return list(found.values())


def _newest(top: pathlib.Path, dataset: str, setup: int, split: str) -> str:
    """The newest version of a dataset's records that has the split; "" if none."""
    folders = record_folders(top / f"{dataset}_setup{setup}", split)
    return folders[-1] if folders else ""


def _pairs_columns(top: pathlib.Path, setup: int) -> dict[str, Column]:
    folder = _newest(top, _PAIRS, setup, "test")
    if not folder:
        return {}
    datasets: dict[str, tuple[str, ...]] = {}
    for dataset in sorted(Records(folder, "test").datasets()):
        name = "MB" if dataset.startswith(_MIDDLEBURY) else dataset
        name = "PR" if dataset == _PAIRS else name.replace("/", "_")
        datasets[name] = (*datasets.get(name, ()), dataset)
    return {
        name: Column(name, setup, folder, datasets=found)
        for name, found in sorted(datasets.items())
    }


def chosen(
    columns: Sequence[Column], names: Collection[str], max_disparity: Mapping[str, int]
) -> list[Column]:
    """Some of the columns, with their d of Eq. 1.

    Args:
        columns: all that there are.
        names: of those to take; all if empty.
        max_disparity: in pixels, by the name of the column; "" is that of all others.

    Raises:
        InputError: no column of a name.
    """
    known = list(dict.fromkeys(column.name for column in columns))
    odd = sorted({*names, *max_disparity} - {"", *known})
    if odd:
        raise InputError(
            f"expected columns {', '.join(known)}. Received: {', '.join(odd)}"
        )
    return [
        dataclasses.replace(
            column, max_disparity=max_disparity.get(column.name, max_disparity.get(""))
        )
        for column in columns
        if not names or column.name in names
    ]
