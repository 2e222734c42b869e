"""Where a training run keeps its files. No backend.

RUN/checkpoints/step_00000100/weights.npz, optimizer.npz, train.json
RUN/calibrated_00000100.npz     the result of that checkpoint (D-14)
"""

import os
import pathlib
import re

from colornet.errors import InputError

WEIGHTS = "weights.npz"
_STEP = re.compile(r"step_(\d{8,})")


def checkpoint_path(run_dir: pathlib.Path, step: int) -> pathlib.Path:
    """Folder of the checkpoint of a step."""
    return run_dir / "checkpoints" / f"step_{step:08d}"


def checkpoint_steps(run_dir: pathlib.Path) -> list[int]:
    """Steps of a run's checkpoints, in ascending order."""
    folder = run_dir / "checkpoints"
    if not folder.is_dir():
        return []
    matches = map(_STEP.fullmatch, os.listdir(folder))
    return sorted(int(match[1]) for match in matches if match)


def calibrated_file(run_dir: pathlib.Path, step: int) -> pathlib.Path:
    """File of the averaged and calibrated weights of a checkpoint (D-14)."""
    return run_dir / f"calibrated_{step:08d}.npz"


def latest_checkpoint(run_dir: pathlib.Path) -> pathlib.Path:
    """Folder of a run's newest checkpoint; InputError if there is none."""
    steps = checkpoint_steps(run_dir)
    if not steps:
        raise InputError(f"expected a folder with checkpoints. Received: {run_dir}")
    return checkpoint_path(run_dir, steps[-1])


def result_of_run(folder: pathlib.Path) -> pathlib.Path:
    """The weights file that a run, or one checkpoint, stands for.

    Args:
        folder: of a checkpoint, or of a run: its newest checkpoint counts, and of that
            the calibrated weights where they are.

    Raises:
        InputError: neither.
    """
    if (folder / WEIGHTS).is_file():
        return folder / WEIGHTS
    newest = latest_checkpoint(folder)
    calibrated = calibrated_file(folder, checkpoint_steps(folder)[-1])
    return calibrated if calibrated.is_file() else newest / WEIGHTS
