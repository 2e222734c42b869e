"""Which statistics of batch normalization serve a trained network best (D-14)."""

import csv
import io
import itertools
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from colornet.io.files import write_text
from colornet.training.calibration import calibrate_statistics
from colornet.training.run_folder import WEIGHTS, calibrated_file, checkpoint_path
from colornet.training.validation import held_out_scores
from colornet.weights import load_model, save_weights

STATISTICS = "statistics.csv"


def compare_statistics(
    run_dir: pathlib.Path,
    steps: Iterable[int],
    examples: Sequence[Mapping[str, np.ndarray]],
    training: Callable[[], Iterable[Mapping]],
    calibration_batches: int,
) -> None:
    """Scores moving statistics beside those of training batches under the weights.

    Calibrated weights that are better than the moving ones of their checkpoint are
    written to `calibrated_00100000.npz`, which then is what the checkpoint's run stands
    for (`colornet.load_model`). `statistics.csv` has all scores, the best row first,
    and where these weights are.

    Args:
        run_dir: folder of the run.
        steps: of the checkpoints to score.
        examples: of `held_out_scores`.
        training: gives training batches, the same ones at every call.
        calibration_batches: how many of them count; 0 for moving statistics alone.

    Raises:
        InputError: a damaged checkpoint, or a file that cannot be written.
    """
    rows = []
    for step in sorted(set(steps)):
        place = checkpoint_path(run_dir, step)
        calibrated = calibrated_file(run_dir, step)
        calibrated.unlink(missing_ok=True)
        network = load_model(place)
        moving = held_out_scores(network, examples)
        rows.append((step, "moving", moving, place / WEIGHTS))
        if not calibration_batches:
            continue
        chosen = itertools.islice(training(), calibration_batches)
        calibrate_statistics(network, chosen)
        scores = held_out_scores(network, examples)
        if scores["psnr_final"] > moving["psnr_final"]:
            save_weights(network, calibrated)
        rows.append((step, "calibrated", scores, calibrated))
    rows.sort(key=lambda row: row[2]["psnr_final"], reverse=True)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("step", "statistics", "psnr_rough", "psnr_final", "weights"))
    for step, kind, scores, weights in rows:
        numbers = (f"{value:.3f}" for value in scores.values())
        kept = weights.relative_to(run_dir) if weights.is_file() else "not kept"
        table.writerow((step, kind, *numbers, kept))
    write_text(run_dir / STATISTICS, text.getvalue())
