"""The cells of a table: one evaluation of one method on one dataset."""

import csv
import dataclasses
import hashlib
import itertools
import math
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from colornet.errors import InputError
from experiments.evaluation import Evaluation, evaluate, is_network, predictor
from experiments.tables import paper, trainings
from experiments.tables.columns import Column


@dataclasses.dataclass(frozen=True)
class Row:
    """A method, or a variant of the network.

    Attributes:
        name: of the row, in `paper.METHOD_TITLES`.
        method: for `experiments.evaluate`.
        weights: by setup, one run of it, or several that differ in their seed.
        bn_statistics: of a network, for `Evaluation`.
    """

    name: str
    method: str
    weights: Mapping[int, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    bn_statistics: str | None = None


@dataclasses.dataclass(frozen=True)
class Cell:
    """What was measured, and what the paper says.

    Attributes:
        row, column, setup: where it stands.
        values: metric of every picture, mean over the seeds; empty if it was not run.
        seeds: mean over the pictures for every seed.
        published: the paper's number, None without one.
        why: why it was not run.
        training: of a network, in words; see `trainings`.
    """

    row: str
    column: str
    setup: int
    values: tuple[float, ...] = ()
    seeds: tuple[float, ...] = ()
    published: float | None = None
    why: str = ""
    training: str = ""

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


def measure(
    metric: str,
    rows: Sequence[Row],
    columns: Sequence[Column],
    output: str,
    *,
    limit: int | None = None,
) -> Iterator[Cell]:
    """Evaluates cell after cell; what an earlier call has finished is not done again.

    Args:
        metric: "psnr" or "ssim".
        rows, columns: of the table.
        output: folder; every evaluation is in one of its own below it.
        limit: of `Evaluation`.
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
            runs = row.weights.get(column.setup, (None,))
            by_seed = [
                _evaluated(row, run, column, output, limit, metric) for run in runs
            ]
            yield Cell(
                **known,
                values=tuple(np.mean(by_seed, axis=0)),
                seeds=tuple(float(np.mean(values)) for values in by_seed),
                training=trainings.describe(
                    [run for run in runs if run], row.bn_statistics
                ),
            )


def check_weights(rows: Sequence[Row]) -> None:
    """Loads the networks that `measure` may score, whose turn may come after hours.

    Raises:
        InputError: weights that are not there, damaged, or of another method.
    """
    for row in rows:
        for run in dict.fromkeys(itertools.chain(*row.weights.values())):
            try:
                predictor(Evaluation(records="", method=row.method, weights=run))
            except InputError as error:
                raise InputError(f"row {row.name}: {error}") from error


def _why_not(row: Row, column: Column) -> str:
    if not column.records:
        dataset = paper.COLUMNS[column.name]
        return f"no records of {dataset} in Setup {column.setup}"
    if is_network(row.method) and not row.weights.get(column.setup):
        return f"no weights of {row.name}"
    return ""


def evaluation(
    row: Row, weights: str | None, column: Column, limit: int | None = None
) -> Evaluation:
    """What is evaluated for a cell, with one of the row's runs."""
    return Evaluation(
        records=column.records,
        split=column.split,
        datasets=column.datasets,
        method=row.method,
        weights=weights,
        max_disparity=column.max_disparity,
        limit=limit,
        bn_statistics=row.bn_statistics,
    )


def folder(
    row: Row, weights: str | None, column: Column, output: str | os.PathLike
) -> pathlib.Path:
    """Where the evaluation of one of a row's runs is; rows may have runs in common."""
    name = row.method
    if weights is not None:
        path = pathlib.Path(weights).resolve()
        # Two runs may have the same name, in different folders.
        name += f"-{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()[:6]}"
    return pathlib.Path(output) / f"setup{column.setup}" / column.name / name


def _evaluated(row, weights, column, output, limit, metric) -> list[float]:
    place = folder(row, weights, column, output)
    evaluate(evaluation(row, weights, column, limit), place)
    return list(picture_values(place, metric).values())


def picture_values(place: pathlib.Path, metric: str) -> dict[str, float]:
    """A metric of every picture by its key, as an evaluation has left it."""
    with open(place / "images.csv", newline="", encoding="utf-8") as file:
        return {row["key"]: float(row[metric]) for row in csv.DictReader(file)}


_NETWORK_ROWS = (
    *(name for name in paper.PSNR if is_network(name)),
    *paper.ABLATION_PSNR,
)
Weights = Mapping[str, Mapping[int, tuple[str, ...]]]


def method_rows(weights: Weights, statistics: Mapping[str, str]) -> list[Row]:
    """Rows of Tables 3 and 4, and those beyond the paper.

    Args:
        weights: runs by row and setup.
        statistics: of batch normalization by row; "" is that of all other networks.

    Raises:
        InputError: weights or statistics of a row that there is not.
    """
    return _rows([*paper.PSNR, *paper.BEYOND], weights, statistics, str)


def variant_rows(weights: Weights, statistics: Mapping[str, str]) -> list[Row]:
    """Rows of Table 5; see `method_rows`."""
    return _rows(paper.ABLATION_PSNR, weights, statistics, lambda _: "ours")


def _rows(
    names: Iterable[str],
    weights: Weights,
    statistics: Mapping[str, str],
    method_of: Callable[[str], str],
) -> list[Row]:
    names = list(names)
    learned = [name for name in names if is_network(method_of(name))]
    # Statistics may be those of another table's rows, which have the same flags.
    rules = ("weights", weights, learned), ("bn_statistics", statistics, _NETWORK_ROWS)
    for what, given, known in rules:
        odd = sorted(set(given) - {"", *known})
        if odd:
            raise InputError(
                f"expected {what} of {', '.join(known)}. Received: {', '.join(odd)}"
            )

    def statistics_of(name: str) -> str | None:
        if not is_network(method_of(name)):
            return None
        return statistics.get(name, statistics.get(""))

    return [
        Row(name, method_of(name), weights.get(name, {}), statistics_of(name))
        for name in names
    ]
