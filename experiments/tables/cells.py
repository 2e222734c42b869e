"""The cells of a table: one evaluation of one method on one dataset."""

import dataclasses
import hashlib
import itertools
import math
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from colornet.config import VARIANTS, ModelConfig
from colornet.errors import InputError
from colornet.noise import NOISE_SETUPS
from colornet.tiling import EXACT_TILING, Tiling
from colornet.training.checkpoints import Checkpoints
from colornet.training.run_folder import calibrated_file
from experiments.cells_file import read_cells_file
from experiments.evaluation.predictors import Evaluation, is_network, predictor
from experiments.evaluation.scoring import evaluate
from experiments.evaluation.store import read_rows
from experiments.methods import COLORIZER, COLORNET
from experiments.tables import paper
from experiments.tables.columns import Column


@dataclasses.dataclass(frozen=True)
class Row:
    """A method, or a variant of the network.

    Attributes:
        name: one of `paper.METHOD_ROWS` or `paper.ABLATION_ROWS`.
        weights: by setup, one run of it, or several that differ in their seed.
        bn_statistics: of a network, for `Evaluation`.
        tiling: of our network, for `Evaluation`.
    """

    name: str
    weights: Mapping[int, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    bn_statistics: str | None = None
    tiling: Tiling = EXACT_TILING

    @property
    def method(self) -> str:
        """For `Evaluation`."""
        return COLORNET if self.name in VARIANTS else self.name

    def runs(self, setup: int) -> tuple[str | None, ...]:
        """What to score in a setup, one a seed; a method without weights has None."""
        return self.weights.get(setup, ()) if is_network(self.method) else (None,)


def learned_rows() -> list[str]:
    """The names of all rows that need weights."""
    names = dict.fromkeys((*paper.METHOD_ROWS, *paper.ABLATION_ROWS))
    return [name for name in names if is_network(Row(name).method)]


def make_rows(
    names: Iterable[str],
    weights: Mapping[str, Sequence[str]],
    bn_statistics: str | None = None,
    tiling: Tiling = EXACT_TILING,
) -> list[Row]:
    """The rows of a table.

    Args:
        names: of the rows.
        weights: runs by "ROW", for all setups, and by "ROW@SETUP". The Colorizer has
            those of row `colornet` where it has none of its own.
        bn_statistics: of all networks.
        tiling: of our network.
    """

    def runs(name: str) -> dict[int, tuple[str, ...]]:
        of_all = weights.get(name, ())
        by_setup = {s: (*of_all, *weights.get(f"{name}@{s}", ())) for s in NOISE_SETUPS}
        found = {setup: runs for setup, runs in by_setup.items() if runs}
        return found if found or name != COLORIZER else runs(COLORNET)

    return [Row(name, runs(name), bn_statistics, tiling) for name in names]


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


@dataclasses.dataclass(frozen=True)
class Cell:
    """What was measured, and what the paper says: a line of a table's CSV file.

    Attributes:
        row, column, setup: where it stands.
        pictures: how many were scored; 0 if it was not run.
        ours: mean of the metric over the pictures and the seeds.
        half_interval_95: half of the 95 % confidence interval over pictures.
        seeds: number of runs.
        seed_std: standard deviation over the seeds; None with fewer than two.
        paper: the paper's number, None without one.
        why_not_run: the reason, or "".
        training: of a network, in words; see `training_in_words`.
        sha256: of the weights of every run, hexadecimal; see `weights_digest`.
    """

    row: str
    column: str
    setup: int
    pictures: int = 0
    ours: float | None = None
    half_interval_95: float | None = None
    seeds: int = 0
    seed_std: float | None = None
    paper: float | None = None
    why_not_run: str = ""
    training: str = ""
    sha256: str = ""

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's; None where one of them is missing."""
        if self.ours is None or self.paper is None:
            return None
        return self.ours - self.paper


def measure(
    metric: str,
    rows: Sequence[Row],
    columns: Sequence[Column],
    output: str | os.PathLike,
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
    for row, column in itertools.product(rows, columns):
        published = paper.published(metric, row.name, column.name, column.setup)
        cell = Cell(row.name, column.name, column.setup, paper=published)
        runs = row.runs(column.setup)
        if not column.records:
            dataset = paper.COLUMNS[column.name]
            why = f"no records of {dataset} in Setup {column.setup}"
            yield dataclasses.replace(cell, why_not_run=why)
            continue
        if not runs:
            yield dataclasses.replace(cell, why_not_run=f"no weights of {row.name}")
            continue
        by_seed, digests = [], []
        for run in runs:
            place = folder(row, run, column, output)
            summary = evaluate(evaluation(row, run, column, limit), place)
            digests.append(summary["settings"].get("sha256", ""))
            by_seed.append(list(picture_values(place, metric).values()))
        values, seeds = np.mean(by_seed, axis=0), np.mean(by_seed, axis=1)
        half = 1.96 * _deviation(values) / math.sqrt(len(values))
        yield dataclasses.replace(
            cell,
            pictures=len(values),
            ours=float(values.mean()),
            half_interval_95=half,
            seeds=len(seeds),
            seed_std=_deviation(seeds) if len(seeds) > 1 else None,
            training=training_in_words(row, column.setup),
            sha256=" ".join(digests),
        )


def _deviation(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def evaluation(
    row: Row, weights: str | None, column: Column, limit: int | None = None
) -> Evaluation:
    """What is evaluated for a cell, with one of the row's runs.

    The Colorizer finds by itself how far to search; all others get the column's d.
    """
    return Evaluation(
        records=column.records,
        split=column.split,
        datasets=column.datasets,
        method=row.method,
        weights=weights,
        max_disparity=None if row.method == COLORIZER else column.max_disparity,
        limit=limit,
        bn_statistics=row.bn_statistics if is_network(row.method) else None,
        # No other method depends on it, and none is scored again for it.
        tiling=row.tiling if row.method in (COLORNET, COLORIZER) else EXACT_TILING,
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


def picture_values(place: pathlib.Path, metric: str) -> dict[str, float]:
    """A metric of every picture by its key, as an evaluation has left it."""
    return {row["key"]: float(row[metric]) for row in read_rows(place)}


def training_in_words(row: Row, setup: int) -> str:
    """The training that a row's runs have in common, and their seeds, in one line.

    What is no run of `experiments.train`, such as weights alone, is named. A method
    without weights has no words.
    """
    seeds: dict[str, list[str]] = {}
    for run in row.weights.get(setup, ()):
        checkpoints = Checkpoints(pathlib.Path(run))
        try:
            step = checkpoints.steps()[-1]
            config = checkpoints.config(step)
        except (IndexError, InputError):  # Weights alone, or of another program.
            seeds.setdefault(f"weights {pathlib.Path(run).name}", [])
            continue
        model = config.model
        size = f"width {getattr(model, 'width', 1):g}"
        if isinstance(model, ModelConfig):
            size = f"n = {model.n}, d = {model.max_disparity}"
        statistics = row.bn_statistics or model.bn_statistics
        if not row.bn_statistics and calibrated_file(pathlib.Path(run), step).is_file():
            statistics = "calibrated"
        count = f"{step} of {config.steps}" if step < config.steps else f"{step}"
        text = (
            f"{size}, {count} steps of {config.batch_size} crops of "
            f"{config.crop_height}x{config.crop_width}, learning rate "
            f"{config.learning_rate:g}, "
            f"{statistics} statistics"
        )
        seeds.setdefault(text, []).append(str(config.seed))
    return "; ".join(
        f"{text}, seed {', '.join(numbers)}" if numbers else text
        for text, numbers in seeds.items()
    )


def read_cells(path: pathlib.Path, notes: list[str]) -> list[Cell]:
    """The cells of a CSV file that `text.csv_table` has made.

    A cell whose line is damaged, of a row and a column that others have, says so as its
    reason.

    Args:
        path: the file.
        notes: gets a line about damage.
    """
    cells = read_cells_file(path, Cell, damage := [])
    notes += damage
    found = {(cell.setup, cell.row, cell.column) for cell in cells}
    places = {
        (s, row, column) for s, row, _ in found for t, _, column in found if s == t
    }
    lost = sorted(places - found) if damage else ()
    return cells + [Cell(*rest, setup, why_not_run=damage[0]) for setup, *rest in lost]
