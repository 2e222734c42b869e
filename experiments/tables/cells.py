"""The cells of a table: one evaluation of one method on one dataset."""

import csv
import dataclasses
import math
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from colornet.errors import InputError
from experiments.evaluation import Evaluation, evaluate, is_network
from experiments.tables import paper

_FOLDER = "colornet_records"
# Datasets that the paper does not have get a column where they are there.
_FURTHER = {"KT": "kitti", "E3": "eth3d", "PR": "pairs", "EM": "embedded"}


@dataclasses.dataclass(frozen=True)
class Column:
    """A dataset in one setup.

    Attributes:
        name: as the paper abbreviates it.
        setup: noise of Table 2.
        records: folder of its TFRecords, empty where there are none.
    """

    name: str
    setup: int
    records: str


@dataclasses.dataclass(frozen=True)
class Row:
    """A method, or a variant of the network.

    Attributes:
        name: of the row, in `paper.METHOD_TITLES`.
        method: for `experiments.evaluate`.
        weights: by setup, one run of it, or several that differ in their seed.
    """

    name: str
    method: str
    weights: Mapping[int, tuple[str, ...]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Cell:
    """What was measured, and what the paper says.

    Attributes:
        row, column, setup: where it stands.
        values: metric of every picture, mean over the seeds; empty if it was not run.
        seeds: mean over the pictures for every seed.
        published: the paper's number, None without one.
        why: why it was not run.
    """

    row: str
    column: str
    setup: int
    values: tuple[float, ...] = ()
    seeds: tuple[float, ...] = ()
    published: float | None = None
    why: str = ""

    @property
    def mean(self) -> float | None:
        return float(np.mean(self.values)) if self.values else None

    @property
    def error(self) -> float:
        """Half of the 95 % confidence interval of the mean over pictures."""
        count = len(self.values)
        if count < 2:
            return 0.0
        return 1.96 * float(np.std(self.values, ddof=1)) / math.sqrt(count)

    @property
    def spread(self) -> float | None:
        """Standard deviation over the seeds; None with fewer than two."""
        return float(np.std(self.seeds, ddof=1)) if len(self.seeds) > 1 else None

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's; None where one of them is missing."""
        if self.mean is None or self.published is None:
            return None
        return self.mean - self.published


def find_columns(records: str, setups: Sequence[int]) -> list[Column]:
    """The paper's four datasets, there or not, and further ones that are there.

    Args:
        records: what `tfrecords_tools.write` had as its out_dir.
        setups: of Table 2.

    Raises:
        InputError: no records of any dataset below the folder.
    """
    top = pathlib.Path(records) / _FOLDER
    columns = []
    for setup in setups:
        for name, dataset in (paper.COLUMNS | _FURTHER).items():
            folder = top / f"{dataset}_setup{setup}"
            there = sorted(folder.glob("*/dataset_info.json"))
            if there or name in paper.COLUMNS:
                columns.append(
                    Column(name, setup, str(there[-1].parent) if there else "")
                )
    if not any(column.records for column in columns):
        raise InputError(
            "expected an out_dir of tfrecords_tools.write with datasets such as "
            f"{_FOLDER}/middlebury_setup1. Received: {records}, with none"
        )
    return columns


def measure(
    metric: str,
    rows: Sequence[Row],
    columns: Sequence[Column],
    output: str,
    *,
    max_disparity: int | None = None,
    limit: int | None = None,
    bn_statistics: str | None = None,
) -> Iterator[Cell]:
    """Evaluates cell after cell; what an earlier call has finished is not done again.

    Args:
        metric: "psnr" or "ssim".
        rows, columns: of the table.
        output: folder; every evaluation is in one of its own below it.
        max_disparity, limit, bn_statistics: of `Evaluation`.
    """
    for row in rows:
        for column in columns:
            known = {
                "row": row.name,
                "column": column.name,
                "setup": column.setup,
                "published": paper.published(
                    metric, row.name, column.name, column.setup
                ),
            }
            why = _why_not(row, column)
            if why:
                yield Cell(**known, why=why)
                continue
            folders = [
                _evaluate(
                    row, weights, column, output, max_disparity, limit, bn_statistics
                )
                for weights in row.weights.get(column.setup, (None,))
            ]
            by_seed = [_values(folder / "images.csv", metric) for folder in folders]
            yield Cell(
                **known,
                values=tuple(np.mean(by_seed, axis=0)),
                seeds=tuple(float(np.mean(values)) for values in by_seed),
            )


def _why_not(row: Row, column: Column) -> str:
    if not column.records:
        dataset = (paper.COLUMNS | _FURTHER)[column.name]
        return f"no records of {dataset} in Setup {column.setup}"
    if is_network(row.method) and not row.weights.get(column.setup):
        return f"no weights of {row.name}"
    return ""


def _evaluate(row, weights, column, output, max_disparity, limit, bn_statistics):
    name = row.name if weights is None else f"{row.name}-{_short(weights)}"
    folder = pathlib.Path(output) / f"setup{column.setup}" / column.name / name
    ours = row.method == "ours"
    evaluation = Evaluation(
        records=column.records,
        method=row.method,
        weights=weights,
        max_disparity=max_disparity,
        limit=limit,
        bn_statistics=bn_statistics if ours else None,
    )
    evaluate(evaluation, folder)
    return folder


def _short(weights: str) -> str:
    return pathlib.Path(weights).resolve().name


def _values(path: pathlib.Path, metric: str) -> list[float]:
    with open(path, newline="", encoding="utf-8") as file:
        return [float(row[metric]) for row in csv.DictReader(file)]


Weights = Mapping[str, Mapping[int, tuple[str, ...]]]


def method_rows(weights: Weights) -> list[Row]:
    """Rows of Tables 3 and 4, and those beyond the paper; runs by row and setup."""
    return _rows([*paper.PSNR, *paper.BEYOND], weights, str)


def variant_rows(weights: Weights) -> list[Row]:
    """Rows of Table 5."""
    return _rows(paper.ABLATION_PSNR, weights, lambda _: "ours")


def _rows(
    names: Iterable[str],
    weights: Weights,
    method_of: Callable[[str], str],
) -> list[Row]:
    odd = sorted(set(weights) - set(names))
    if odd:
        raise InputError(
            f"expected weights of {', '.join(names)}. Received: {', '.join(odd)}"
        )
    return [Row(name, method_of(name), weights.get(name, {})) for name in names]
