"""Pictures of what a method is worst at, after its evaluation."""

import os
import pathlib
import shutil
from collections.abc import Iterator

from colornet.data import Records
from colornet.io.files import writing
from colornet.io.pictures import write_picture
from colornet.visualize.pictures import picture_row
from experiments.evaluation.predictors import Evaluation, predict_example, predictor
from experiments.evaluation.store import WORST, read_rows


def draw_worst(
    evaluation: Evaluation, directory: str | os.PathLike, count: int
) -> Iterator[pathlib.Path]:
    """Draws the pictures with the lowest PSNR: inputs, results, truth and error.

    Args:
        evaluation: one that has come to its end.
        directory: of the evaluation. The folder `worst` in it is replaced: its files
            begin with 01 for the worst.
        count: number of pictures; with 0 nothing is done.

    Yields:
        The files, in the order of the records.

    Raises:
        InputError: no weights, damaged records, a folder that cannot be written.
    """
    if not count:
        return
    folder = pathlib.Path(directory) / WORST
    scores = {row["key"]: float(row["psnr"]) for row in read_rows(directory)}
    worst = sorted(scores, key=scores.get)[:count]
    method, _ = predictor(evaluation)
    shutil.rmtree(folder, ignore_errors=True)
    with writing(folder):
        folder.mkdir()
    records = Records(evaluation.records, evaluation.split)
    for example in records.examples(evaluation.datasets):
        key = example["key"]
        if key in worst:
            prediction = predict_example(method, example)
            sheet = picture_row(example, prediction.rough, prediction.chroma)
            rank = f"{worst.index(key) + 1:02d}"
            path = folder / f"{rank}_{key.replace('/', '_')}.png"
            write_picture(path, sheet)
            yield path
