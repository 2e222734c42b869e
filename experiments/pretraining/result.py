"""The network that a pretraining run has led to."""

import itertools
import os
import pathlib

from colornet.networks import build_network
from colornet.training.calibration import calibrate_statistics
from colornet.training.checkpoints import Checkpoints
from colornet.training.run_folder import calibrated_file, latest_checkpoint
from colornet.weights import save_weights
from experiments.pretraining.loop import OpenStream
from experiments.pretraining.optimization import averaged, build_optimizer
from experiments.pretraining.recipe import PretrainConfig
from experiments.pretraining.validation import float_maps


def calibrated_weights(
    run_dir: str | os.PathLike, open_stream: OpenStream
) -> pathlib.Path:
    """Weights of a run's newest checkpoint, averaged and calibrated (D-31).

    Frozen statistics stay as they are.

    Args:
        run_dir: of the run, finished or not.
        open_stream: see `Pretrainer`; the batches after the checkpoint are taken.

    Returns:
        The file `calibrated_00012000.npz` in `run_dir`, which is made if it is not
        there yet, or older than the checkpoint.

    Raises:
        InputError: no checkpoint, or a damaged one.
    """
    run_dir = pathlib.Path(run_dir)
    newest = latest_checkpoint(run_dir)  # Says what is wrong if there is none.
    checkpoints = Checkpoints(run_dir, PretrainConfig)
    step = checkpoints.step
    path = calibrated_file(run_dir, step)
    if path.is_file() and path.stat().st_mtime >= newest.stat().st_mtime:
        return path
    config = checkpoints.config(step)
    model = build_network(config.model)
    optimizer = build_optimizer(config, model.trainable_variables)
    checkpoints.restore(step, model, optimizer)
    model = averaged(model, optimizer)
    if config.calibration_batches and not config.frozen_statistics:
        with open_stream(config.stream, step) as batches:
            chosen = itertools.islice(batches, config.calibration_batches)
            calibrate_statistics(model, map(float_maps, chosen))
    save_weights(model, path)
    return path
