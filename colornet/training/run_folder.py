"""Where a training run keeps its files. No backend.

RUN/checkpoints/step_00000100/weights.npz, optimizer.npz, train.json
RUN/calibrated_00000100.npz     the result of that checkpoint (D-14)
RUN/metrics.csv, validation.csv
"""

import os
import pathlib
import re
import warnings
from typing import Any

from colornet.config import of_kind
from colornet.errors import InputError
from colornet.io.files import sha256_of
from colornet.io.json_files import read_json

METRICS, VALIDATION = "metrics.csv", "validation.csv"
WEIGHTS, STATE = "weights.npz", "train.json"
_STEP = re.compile(r"step_(\d{8,})")
_CALIBRATED = re.compile(r"calibrated_(\d{8,})\.npz")


def checkpoint_path(run_dir: pathlib.Path, step: int) -> pathlib.Path:
    """Folder of the checkpoint of a step."""
    return run_dir / "checkpoints" / f"step_{step:08d}"


def checkpoint_steps(run_dir: pathlib.Path) -> list[int]:
    """Steps of a run's checkpoints, in ascending order.

    A checkpoint without all its files, as a killed program may leave it, is passed over
    with a warning.
    """
    folder = run_dir / "checkpoints"
    if not folder.is_dir():
        return []
    steps = []
    for name in os.listdir(folder):
        match = _STEP.fullmatch(name)
        if match and _is_whole(folder / name):
            steps.append(int(match[1]))
        elif match:
            warnings.warn(
                f"{folder / name} is passed over: files are missing", stacklevel=2
            )
    return sorted(steps)


def _is_whole(folder: pathlib.Path) -> bool:
    names = {WEIGHTS, STATE}
    try:
        names |= read_state(folder)["files"].keys()
    except InputError:
        pass  # Damage is an error as soon as the checkpoint is used.
    return all((folder / name).is_file() for name in names)


def read_state(folder: pathlib.Path) -> dict[str, Any]:
    """What `train.json` says of a checkpoint.

    Returns:
        The `step`, the `config` as a dictionary, the `score` on the held-out examples
        or None, and `files`: the SHA-256 of all files by their names, {} of an earlier
        version.

    Raises:
        InputError: no such file, a damaged one, or that of another step than the
            folder's name says.
    """
    kinds = {"step": int, "config": dict}
    path = folder / STATE
    state = {"score": None, "files": {}} | read_json(path, kinds, has_checksum=False)
    of_kind(f"{path}: score", state["score"], float | None)
    of_kind(f"{path}: files", state["files"], dict)
    expected = step_of(folder / WEIGHTS)
    if expected not in (None, state["step"]):
        raise InputError(
            f"expected a checkpoint of step {expected} in {folder}. Received: of step "
            f"{state['step']}"
        )
    return state


def check_file(path: pathlib.Path) -> bool:
    """Checks a file of a checkpoint against the digest in `train.json`.

    Returns:
        Whether there is a digest of it.

    Raises:
        InputError: it is that of another file, or see `read_state`.
    """
    if not (path.parent / STATE).is_file():
        return False
    files = read_state(path.parent)["files"]
    if files and files.get(path.name) != (found := sha256_of(path)):
        raise InputError(
            f"expected {path} with SHA-256 {files.get(path.name)}, as {STATE} beside "
            f"it says. Received: {found}"
        )
    return bool(files)


def step_of(path: pathlib.Path) -> int | None:
    """The step in the name of a weights file, or of its checkpoint's folder."""
    match = _STEP.fullmatch(path.parent.name) or _CALIBRATED.fullmatch(path.name)
    return int(match[1]) if match else None


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
