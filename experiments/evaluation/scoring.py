"""How a picture, and a split, is scored."""

import dataclasses
import itertools
import os
import time
from typing import Any

import numpy as np

from colornet.data import Records
from colornet.errors import InputError
from colornet.metrics import Truth
from colornet.networks import Network
from colornet.occlusion import visible_pixels
from colornet.progress import progress_bar
from experiments.evaluation.predictors import (
    Evaluation,
    Oracle,
    Predictor,
    predict_example,
    predictor,
)
from experiments.evaluation.store import Store

# Raised when scores or columns change, so that no evaluation goes on from before.
_VERSION = 5
# Columns that say which picture it is; all others are averaged.
_ABOUT = ("key", "dataset", "scene", "height", "width")


def evaluate(
    evaluation: Evaluation,
    directory: str | os.PathLike,
    network: Network | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Scores all pictures; goes on where an evaluation of the same was stopped.

    Args:
        evaluation: what to evaluate.
        directory: of the `Store`; a row is there as soon as a picture is scored.
        network: of the method; loaded from the weights if None.
        progress: whether to draw a progress bar.

    Returns:
        {"settings": …, "mean": {metric: mean over pictures}, "datasets": {name:
        {metric: mean}}}; metrics as `colornet.metrics.Truth.score` names them, with the
        prefix `rough_` for C' of Eq. 1, the `seconds` of a prediction and the fraction
        of pixels that are `visible`. Of the Colorizer also the `scale` at which a pair
        was seen (D-37) and its `candidates` there (D-38).

    Raises:
        InputError: no weights, no such split or dataset, damaged records, a folder that
            cannot be written.
    """
    records = Records(evaluation.records, evaluation.split)
    method, of_method = predictor(evaluation, network)
    settings = dataclasses.asdict(evaluation) | {"datasets": list(evaluation.datasets)}
    # The same folder may hold other records by now.
    settings |= {"version": _VERSION, "records_metadata": records.metadata, **of_method}
    store = Store(directory, settings)
    summary = store.summary()
    if summary is not None:
        return summary
    rows = store.rows()
    done = {row["key"] for row in rows}
    total = _count(evaluation, records)
    with progress_bar(total, "picture", initial=len(rows), show=progress) as bar:
        examples = records.examples(evaluation.datasets)
        for example in itertools.islice(examples, evaluation.limit):
            if example["key"] in done:
                continue
            row = score_example(example, method)
            store.append(row, is_first=not rows)
            rows.append(row)
            bar.update()
    datasets = {
        name: mean_of([row for row in rows if row["dataset"] == name])
        for name in sorted({row["dataset"] for row in rows})
    }
    return store.finish({"mean": mean_of(rows), "datasets": datasets})


def score_example(example: dict, method: Predictor | Oracle) -> dict[str, Any]:
    """The row of one example: which picture it is, seconds, and its scores."""
    start = time.monotonic()
    prediction = predict_example(method, example)
    seconds = time.monotonic() - start
    values = [example["key"], example["dataset"], example["scene"]]
    row = dict(zip(_ABOUT, [*values, *example["mono"].shape[:2]], strict=True))
    row["seconds"] = seconds
    if prediction.view is not None:
        row["scale"] = prediction.view.scale
        row["candidates"] = prediction.view.max_disparity
    visible = None
    if (example["disparity"] >= 0).any():
        visible = visible_pixels(example["disparity"])
    row["visible"] = None if visible is None else float(visible.mean())
    truth = Truth(example["mono"], example["target"], visible)
    for prefix, chroma in (("", prediction.chroma), ("rough_", prediction.rough)):
        if chroma is not None:
            scores = truth.score(chroma)
            row |= {f"{prefix}{name}": value for name, value in scores.items()}
    return row


def mean_of(rows: list[dict]) -> dict[str, float | None]:
    """Means over the pictures that have a score; None where none has."""
    names = [name for name in rows[0] if name not in _ABOUT]
    # An empty cell, when it was read from a file.
    values = {n: [float(r[n]) for r in rows if r[n] not in (None, "")] for n in names}
    means = {name: float(np.mean(v)) if v else None for name, v in values.items()}
    return {"count": len(rows), **means}


def _count(evaluation: Evaluation, records: Records) -> int:
    count = len(records)
    if evaluation.datasets:
        counts = records.datasets()
        unknown = [name for name in evaluation.datasets if name not in counts]
        if unknown:
            raise InputError(
                f"expected datasets of {records.directory} ({', '.join(counts)}). "
                f"Received: {', '.join(unknown)}"
            )
        count = sum(counts[name] for name in evaluation.datasets)
    return min(count, evaluation.limit or count)
