"""Scores of a method over a split: per picture as CSV, means as JSON and as a table."""

import csv
import dataclasses
import itertools
import json
import os
import pathlib
import shutil
import time
from collections.abc import Callable

import numpy as np

from colornet.colorizer.plan import Sight
from colornet.data import Records
from colornet.errors import InputError
from colornet.inference import predict
from colornet.io.files import replacing, writing
from colornet.metrics import score, visibility_scores
from colornet.networks import Network
from colornet.occlusion import visible_pixels
from colornet.progress import progress_bar
from colornet.tiling import DEFAULT_MEMORY_GB, Tiling
from colornet.weights import load_model, weights_digest
from experiments import methods
from experiments.methods import matching, networks

WORST = "worst"  # folder of the pictures of `experiments.worst_pictures`
_OURS = "ours"
# Raised when D-37 to D-39 change, so that no evaluation goes on from before.
_SIGHT = 2
# What other methods search if nothing else is said: the network's d (D-04).
_MAX_DISPARITY = 192
# Columns that say which picture it is; all others are averaged.
_ABOUT = ("key", "dataset", "scene", "height", "width")


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a method says of a pair.

    Attributes:
        chroma: (height, width, 2), the result.
        rough: C' of Eq. 1, where there is one.
        sight: of our network, at which scale and with how many candidates (D-37, D-38).
    """

    chroma: np.ndarray
    rough: np.ndarray | None = None
    sight: Sight | None = None


# From an example of `Records`.
Predictor = Callable[[dict], Prediction]


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What is evaluated.

    Attributes:
        records: folder of TFRecords.
        split: a split of them.
        method: "ours", a name in `experiments.methods` or its `networks`, or
            `methods.TRUE_DISPARITY`.
        weights: of a network: what `colornet.load_model` reads.
        max_disparity: candidates that are searched; if None, the weights' own, or what
            each pair is found to need (D-38), or 192 for methods without weights.
            The networks of other papers search all of the reference, or nothing.
        bn_statistics: of a network: "moving" or "batch" (D-14); the weights' own if
            None.
        datasets: names of the datasets to take; all if empty.
        limit: the first so many pictures; all if None.
        memory_gb: of `colornet.Tiling`: our network works on larger pictures in tiles.
        working_disparity: px, of our network, for which pictures are resized (D-37);
            0 for none; the weights' own if None.
    """

    records: str
    split: str = "test"
    method: str = _OURS
    weights: str | None = None
    max_disparity: int | None = None
    bn_statistics: str | None = None
    datasets: tuple[str, ...] = ()
    limit: int | None = None
    memory_gb: float = DEFAULT_MEMORY_GB
    working_disparity: int | None = None


def _network(evaluation: Evaluation, model: Network | None) -> Network:
    if model is None:
        if evaluation.weights is None:
            raise InputError(
                f"method {evaluation.method} expects weights. Received: none"
            )
        model = load_model(evaluation.weights)
    name = getattr(model.config, "name", _OURS)
    if name != evaluation.method:
        raise InputError(
            f"expected weights of method {evaluation.method}. Received: those of {name}"
        )
    changes = {"bn_statistics": evaluation.bn_statistics}
    if name == _OURS:
        changes["max_disparity"] = evaluation.max_disparity
        changes["working_disparity"] = evaluation.working_disparity
    return model.with_config(**changes)


def _network_predictor(model: Network, tiling: Tiling) -> Predictor:
    def run(example):
        pair = example["mono"], example["reference"]
        outputs = predict(model, *pair, tiling=tiling)
        others = outputs.get("rough_chroma"), outputs.get("sight")
        return Prediction(outputs["chroma"], *others)

    return run


def _method_predictor(name: str, max_disparity: int) -> Predictor:
    method = methods.get(name)

    def run(example):
        mono, reference = example["mono"][..., 0], example["reference"]
        return Prediction(method(mono, reference, max_disparity))

    return run


def _true_disparity(example: dict) -> Prediction:
    """The colours of true matches, propagated to where there is none."""
    disparity = example["disparity"]
    visible = visible_pixels(disparity)
    if not visible.any():
        raise InputError(
            f"expected records with true disparity. Received: {example['key']}, without"
        )

    def match(*_):
        return np.maximum(disparity, 0), visible

    mono = example["mono"][..., 0]
    return Prediction(matching.colorize(match, mono, example["reference"], 0))


def _finished_rows(directory: pathlib.Path, settings: dict) -> list[dict[str, str]]:
    """The rows that an evaluation with the same settings has left.

    A killed process may leave half a last row, which is cut off. Cut short, a number is
    still a number, so it is the missing end of the line that tells.
    """
    path = directory / "images.csv"
    try:
        before = json.loads((directory / "settings.json").read_text())
    except (OSError, ValueError):
        return []
    if before != settings or not path.is_file():
        return []
    with writing(path), open(path, "rb+") as file:
        file.truncate(file.read().rfind(b"\n") + 1)
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _start(directory: pathlib.Path, settings: dict) -> None:
    # Before the new settings: at no time do they stand beside the old scores.
    for name in ("summary.json", "images.csv"):
        (directory / name).unlink(missing_ok=True)
    shutil.rmtree(directory / WORST, ignore_errors=True)
    _write_json(directory / "settings.json", settings)


def _write_json(path: pathlib.Path, value: dict) -> None:
    with replacing(path) as file:
        file.write(json.dumps(value, indent=2).encode())


def _append(path: pathlib.Path, row: dict) -> None:
    with writing(path), open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if not file.tell():
            writer.writeheader()
        writer.writerow(row)


def _row(example: dict, run: Predictor) -> dict:
    start = time.monotonic()
    prediction = run(example)
    seconds = time.monotonic() - start
    values = [example["key"], example["dataset"], example["scene"]]
    row = dict(zip(_ABOUT, [*values, *example["mono"].shape[:2]], strict=True))
    row["seconds"] = seconds
    if prediction.sight is not None:
        row["scale"] = prediction.sight.scale
        row["candidates"] = prediction.sight.max_disparity
    disparity, target = example["disparity"], example["target"]
    known = (disparity >= 0).any()
    visible = visible_pixels(disparity)
    row["visible"] = float(visible.mean()) if known else None
    for prefix, chroma in (("", prediction.chroma), ("rough_", prediction.rough)):
        if chroma is None:
            continue
        scores = score(chroma, example["mono"], target)
        parts = visibility_scores(chroma, target, visible)
        scores |= parts if known else dict.fromkeys(parts)
        row |= {f"{prefix}{name}": value for name, value in scores.items()}
    return row


def _mean(rows: list[dict]) -> dict[str, float | None]:
    """Means over the pictures that have a score; None where none has."""
    names = [name for name in rows[0] if name not in _ABOUT]
    # An empty cell, when it was read from a file.
    values = {n: [float(r[n]) for r in rows if r[n] not in (None, "")] for n in names}
    means = {name: float(np.mean(v)) if v else None for name, v in values.items()}
    return {"count": len(rows), **means}


def _finished(directory: pathlib.Path, settings: dict) -> dict | None:
    """The summary of an evaluation with the same settings that came to its end."""
    if not (directory / "images.csv").is_file():
        return None
    try:
        summary = json.loads((directory / "summary.json").read_text())
    except (OSError, ValueError):
        return None
    return summary if summary.get("settings") == settings else None


def predictor(
    evaluation: Evaluation, model: Network | None = None
) -> tuple[Predictor, dict]:
    """The method of an evaluation, ready to run.

    Args:
        evaluation: its `method`, `weights`, `max_disparity`, `bn_statistics`,
            `memory_gb` and `working_disparity` count.
        model: the network of the method; loaded from the weights if None.

    Returns:
        A function from an example of `Records` to a `Prediction`; and what the result
        depends on, as JSON.

    Raises:
        InputError: no weights, or such of another method.
    """
    if is_network(evaluation.method):
        model = _network(evaluation, model)
        settings = {"model": model.config.to_dict(), "sha256": weights_digest(model)}
        if evaluation.method == _OURS:
            settings["sight"] = _SIGHT
        return _network_predictor(model, Tiling(evaluation.memory_gb)), settings
    if evaluation.method == methods.TRUE_DISPARITY:
        return _true_disparity, {}
    max_disparity = evaluation.max_disparity or _MAX_DISPARITY
    run = _method_predictor(evaluation.method, max_disparity)
    return run, {"max_disparity": max_disparity}


def is_network(method: str) -> bool:
    """Whether a method needs weights."""
    return method in (_OURS, *networks.names())


def evaluate(
    evaluation: Evaluation,
    directory: str | os.PathLike,
    model: Network | None = None,
    progress: bool = True,
) -> dict:
    """Scores all pictures; goes on where an evaluation of the same was stopped.

    Args:
        evaluation: what to evaluate.
        directory: gets `settings.json`, `images.csv`, a row as soon as a picture is
            scored, and at last `summary.json`. An evaluation with other settings that
            is there is replaced as soon as there is a first row.
        model: the network of the method; loaded from the weights if None.
        progress: whether to draw a progress bar.

    Returns:
        {"settings": …, "mean": {metric: mean over pictures}, "datasets": {name:
        {metric: mean}}}; metrics as `score` and `visibility_scores` of
        `colornet.metrics` name them, with the prefix `rough_` for C' of Eq. 1, the
        `seconds` of a prediction and the fraction of pixels that are `visible`. The
        last and its scores are None where no disparity is known. Of our network also
        the `scale` at which a pair was seen (D-37) and its `candidates` there (D-38).

    Raises:
        InputError: no weights, no such split or dataset, damaged records, a folder that
            cannot be written.
    """
    records = Records(evaluation.records, evaluation.split)
    settings = dataclasses.asdict(evaluation) | {"datasets": list(evaluation.datasets)}
    # What an older version has left may have other columns.
    settings["visibility"] = True
    # The same folder may hold other records by now.
    settings["records_metadata"] = records.metadata
    run, of_method = predictor(evaluation, model)
    settings |= of_method

    directory = pathlib.Path(directory)
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
    finished = _finished(directory, settings)
    if finished is not None:
        return finished
    rows = _finished_rows(directory, settings)
    done = {row["key"] for row in rows}
    total = _count(evaluation, records)
    with progress_bar(total, "picture", initial=len(rows), show=progress) as bar:
        examples = records.examples(evaluation.datasets)
        for example in itertools.islice(examples, evaluation.limit):
            if example["key"] in done:
                continue
            row = _row(example, run)
            if not rows:
                _start(directory, settings)
            rows.append(row)
            _append(directory / "images.csv", row)
            bar.update()
    names = sorted({row["dataset"] for row in rows})
    summary = {
        "settings": settings,
        "mean": _mean(rows),
        "datasets": {
            name: _mean([row for row in rows if row["dataset"] == name])
            for name in names
        },
    }
    _write_json(directory / "summary.json", summary)
    return summary


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


def table(summaries: dict[str, dict]) -> str:
    """A table of evaluations: a row for each method and dataset.

    Args:
        summaries: what `evaluate` returned, by the name that the rows get; without
            `mean` there is no row over all datasets.
    """
    header = ["method", "dataset", "pictures", "PSNR dB", "SSIM"]
    header += ["studio PSNR", "RGB PSNR", "RGB SSIM", "visible PSNR", "hidden PSNR"]
    keys = ["psnr", "ssim", "studio_psnr", "rgb_psnr", "rgb_ssim"]
    keys += ["visible_psnr", "hidden_psnr"]
    lines = [header]
    for method, summary in summaries.items():
        means = dict(summary["datasets"])
        if len(means) > 1 and "mean" in summary:
            means["all"] = summary["mean"]
        for dataset, mean in means.items():
            for prefix, label in (("rough_", f"{method}, rough"), ("", method)):
                if f"{prefix}psnr" not in mean:
                    continue
                numbers = [mean.get(prefix + key) for key in keys]
                values = [
                    "" if number is None else f"{number:.{2 if 'psnr' in key else 3}f}"
                    for key, number in zip(keys, numbers, strict=True)
                ]
                lines.append([label, dataset, str(mean["count"]), *values])
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    rows = [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    return "\n".join([rows[0], "-" * len(rows[0]), *rows[1:]])
