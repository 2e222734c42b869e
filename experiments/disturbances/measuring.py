"""Scores methods on disturbed pairs; goes on where it was stopped."""

import itertools
import os
import pathlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from colornet.errors import InputError
from colornet.progress import progress_bar
from experiments.disturbances.cameras import UNDISTURBED, Case
from experiments.disturbances.cells import Cell
from experiments.disturbances.photographs import photographs
from experiments.evaluation.predictors import (
    Evaluation,
    predict_example,
    predictor,
)
from experiments.evaluation.store import Store
from tfrecords_tools.records import DISPARITY_STEPS, Record, RecordConfig, make_record
from tfrecords_tools.sources import Pair, Source

# Raised when scores or disturbances change, so that no measurement goes on from before.
_VERSION = 3


def choose_pairs(
    source: Source,
    split: str,
    datasets: Collection[str],
    exclude: Collection[str],
    limit: int | None,
) -> list[Pair]:
    """The pairs of a split, less some.

    Args:
        source: of the pairs.
        split: of the records that they would be in.
        datasets: names of those to take; all if empty.
        exclude: names of scenes to leave out.
        limit: the first so many of the rest; all if None.

    Raises:
        InputError: no pair is left.
    """
    every = [pair for part in source.parts() for pair in part.pairs]
    found = [
        pair
        for pair in every
        if pair.split == split
        and (not datasets or pair.dataset in datasets)
        and pair.scene not in exclude
    ]
    if not found:
        known = sorted({f"{pair.dataset} ({pair.split})" for pair in every})
        raise InputError(
            f"expected pairs of {', '.join(known) or source.name}. "
            f"Received: split {split}, datasets {', '.join(datasets) or 'all'}"
        )
    return found[:limit]


def measure(
    pairs: Sequence[Pair],
    source: Source,
    settings: RecordConfig,
    evaluations: Sequence[Evaluation],
    cases: Sequence[Case],
    output: pathlib.Path,
    progress: bool = True,
) -> list[Cell]:
    """Scores every method on every pair in every case; goes on where it was stopped.

    Args:
        pairs: of the source.
        source: of the pairs.
        settings: of their records.
        evaluations: one a method; records, split, datasets and limit do not count.
        cases: the undisturbed one among them.
        output: folder; a method has a `Store` of its own there. Fewer pairs or cases
            leave the rows of others as they are.
        progress: whether to draw a progress bar.

    Raises:
        InputError: no weights, pictures that cannot be read, a folder that cannot be
            written.
    """
    runners, stores, rows = {}, {}, {}
    for evaluation in evaluations:
        name = evaluation.method
        runners[name], of_method = predictor(evaluation)
        about = {"version": _VERSION, "method": name, **of_method}
        about |= {"record": settings.to_dict(), "source": source.settings()}
        about["data_dir"] = os.path.abspath(source.data_dir)
        stores[name] = Store(output / name, about)
        rows[name] = {_place(row): row for row in stores[name].rows()}
    todo = [
        (pair, case, name)
        for pair, case, name in itertools.product(pairs, cases, runners)
        if _place_of(pair, case) not in rows[name]
    ]
    total = len(pairs) * len(cases) * len(runners)
    done = total - len(todo)
    with progress_bar(total, "picture", initial=done, show=progress) as bar:
        for pair, group in itertools.groupby(todo, lambda item: item[0]):
            views = pair.load()
            names = {"key": pair.key, "dataset": pair.dataset, "scene": pair.scene}
            disparity = _disparity(make_record(views, pair.key, settings))
            for case, items in itertools.groupby(group, lambda item: item[1]):
                taken = photographs(views, pair.key, settings, case)
                example = taken.example() | {"disparity": disparity} | names
                for _, _, name in items:
                    chroma = predict_example(runners[name], example).chroma
                    row = {"key": pair.key, "disturbance": case.name}
                    row |= {"strength": case.strength}
                    row |= {"psnr": taken.score(chroma, name)}
                    stores[name].append(row, is_first=not rows[name])
                    rows[name][_place_of(pair, case)] = row
                    bar.update()
    return list(_cells(pairs, cases, rows, settings.setup))


def _place(row: dict[str, Any]) -> tuple[str, str, float]:
    return row["key"], row["disturbance"], float(row["strength"])


def _place_of(pair: Pair, case: Case) -> tuple[str, str, float]:
    return pair.key, case.name, case.strength


def _disparity(record: Record) -> np.ndarray:
    """(H, W) float32 px, -1 where unknown."""
    code = record.disparity[..., 0].astype(np.float32)
    return np.where(code > 0, code / DISPARITY_STEPS, -1)


def _cells(
    pairs: Sequence[Pair],
    cases: Sequence[Case],
    rows: dict[str, dict[tuple, dict]],
    setup: int,
) -> Iterator[Cell]:
    by_dataset: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_dataset.setdefault(pair.dataset, []).append(pair)
    undisturbed = next(case for case in cases if case.name == UNDISTURBED)
    for (dataset, members), case, name in itertools.product(
        by_dataset.items(), cases, rows
    ):
        psnr, before = (
            np.mean([float(rows[name][_place_of(p, c)]["psnr"]) for p in members])
            for c in (case, undisturbed)
        )
        yield Cell(
            setup=setup,
            dataset=dataset,
            disturbance=case.name,
            strength=case.strength,
            method=name,
            pictures=len(members),
            psnr=float(psnr),
            change=float(psnr - before),
        )
