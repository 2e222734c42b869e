"""Checkpoints of a training run, for every backend.

A checkpoint is a folder `step_00000100` with `weights.npz`, `optimizer.npz` (and
`optimizer_1.npz`, ... where that would be a large file) and `train.json`; it is renamed
into place when it is whole, so a checkpoint that can be seen is complete.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
from collections.abc import Iterable, Iterator

import numpy as np

from colornet.config import Config, TrainConfig
from colornet.errors import InputError
from colornet.io.files import writing
from colornet.registry import network_config
from colornet.training.run_folder import WEIGHTS, checkpoint_path, checkpoint_steps
from colornet.weights import assign, load_weights, read_archive, save_weights

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_KEEP = 3


def _shared_out(variables: Iterable, most_bytes: int) -> list[dict[str, np.ndarray]]:
    """Values of variables by path, for as many files as they need."""
    files, size = [{}], 0
    for variable in variables:
        value = np.asarray(variable)
        size += value.nbytes
        if files[-1] and size > most_bytes:
            files.append({})
            size = value.nbytes
        files[-1][variable.path] = value
    return files


@dataclasses.dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one training run: the newest three, and the best one.

    The best one has the highest score on the held-out examples. It is whole, so that a
    run can go on from it: without the newer ones it is the newest.

    Args:
        run_dir: folder of the run; checkpoints go to `run_dir/checkpoints`.
        config_class: class of the run's configuration.
        most_bytes: of a file of the optimizer's state; many places that files are sent
            through refuse those of 16 MiB and more.
    """

    run_dir: pathlib.Path
    config_class: type[Config] = TrainConfig
    most_bytes: int = 15 * 2**20

    @property
    def directory(self) -> pathlib.Path:
        return self.run_dir / "checkpoints"

    def steps(self) -> list[int]:
        """Steps of the checkpoints there, in ascending order."""
        return checkpoint_steps(self.run_dir)

    def path(self, step: int) -> pathlib.Path:
        return checkpoint_path(self.run_dir, step)

    @property
    def step(self) -> int:
        """Step of the newest checkpoint, 0 without any."""
        return max(self.steps(), default=0)

    @contextlib.contextmanager
    def exclusive_lock(self, step: int) -> Iterator[None]:
        """Keeps other programs from training in the folder, where files have locks.

        Args:
            step: of the newest checkpoint when this program looked.

        Raises:
            InputError: another program trains there or has done so since, or the folder
                cannot be written.
        """
        path = self.directory / ".lock"
        with contextlib.ExitStack() as stack:
            with writing(path):
                self.directory.mkdir(parents=True, exist_ok=True)
                file = stack.enter_context(path.open("w"))
            try:
                # The system lets go of it when the program ends, however that comes.
                if fcntl:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(
                    "expected a folder that no other program trains in. "
                    f"Received: {self.run_dir}"
                ) from error
            except OSError:  # A file system without locks.
                pass
            if self.step != step:
                raise InputError(
                    f"expected {self.run_dir} as it was at step {step}; start again to "
                    f"go on. Received: step {self.step}, of another program"
                )
            yield

    def save(
        self, step: int, model, optimizer, config: Config, score: float | None = None
    ) -> None:
        """Writes a checkpoint, then removes the oldest ones.

        Args:
            step: of the model and its optimizer.
            config: of the run.
            score: on the held-out examples, higher is better; None without one.

        Raises:
            InputError: it cannot be written; the checkpoints before are still there.
        """
        state = {"step": step, "config": config.to_dict(), "score": score}
        with writing(self.path(step)):
            self._save(step, model, optimizer, state)

    def _save(self, step: int, model, optimizer, state: dict) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        part = self.directory / "part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        save_weights(model, part / WEIGHTS)
        for index, values in enumerate(
            _shared_out(optimizer.variables, self.most_bytes)
        ):
            np.savez(part / f"optimizer{f'_{index}' if index else ''}.npz", **values)
        (part / "train.json").write_text(json.dumps(state, indent=2, sort_keys=True))
        shutil.rmtree(self.path(step), ignore_errors=True)
        os.replace(part, self.path(step))
        for old in {*self.steps()[:-_KEEP]} - {self.best}:
            shutil.rmtree(self.path(old))

    def _state(self, step: int) -> dict:
        path = self.path(step) / "train.json"
        try:
            return dict(json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"expected the state of a training run. Received: {path} ({error})"
            ) from error

    def config(self, step: int) -> Config:
        """The configuration that a checkpoint was trained with.

        Raises:
            InputError: the checkpoint has none, or a damaged one.
        """
        state = self._state(step)
        try:
            values = dict(state["config"])
            values["model"] = network_config(values["model"])
            return self.config_class.from_dict(values)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"expected the configuration of a training run. Received: "
                f"{self.path(step)} ({error})"
            ) from error

    def score(self, step: int) -> float | None:
        """On the held-out examples; None of a checkpoint without a score."""
        with contextlib.suppress(InputError):  # A damaged one must not end a run.
            return self._state(step).get("score")
        return None

    @property
    def best(self) -> int | None:
        """Step of the checkpoint with the highest score; None without scores."""
        scores = {step: self.score(step) for step in self.steps()}
        known = {step: score for step, score in scores.items() if score is not None}
        return max(known, key=known.__getitem__, default=None)

    def is_best(self, score: float) -> bool:
        """Whether a score is above those of all checkpoints."""
        return self.best is None or score > self.score(self.best)

    def require_same_run(self, config: Config, may_differ: tuple[str, ...]) -> None:
        """Raises InputError if the newest checkpoint is of another configuration.

        Args:
            config: what to go on with.
            may_differ: names of fields that may have changed.
        """
        before, now = self.config(self.steps()[-1]).flat(), config.flat()
        changed = [
            f"{name}: {before.get(name)!r} -> {now.get(name)!r}"
            for name in {**before, **now}
            if before.get(name) != now.get(name) and name not in may_differ
        ]
        if changed:
            raise InputError(
                f"{self.run_dir} holds a run of another configuration: go on with its "
                f"own flags or in another folder. Received: {'; '.join(changed)}"
            )

    def restore(self, step: int, model, optimizer) -> None:
        """Gives model and optimizer the state of a checkpoint.

        Raises:
            InputError: a damaged checkpoint, or one of another network or optimizer.
        """
        load_weights(model, self.path(step) / WEIGHTS)
        values = {}
        for path in sorted(self.path(step).glob("optimizer*.npz")):
            values |= read_archive(path)
        assign(optimizer.variables, values, self.path(step) / "optimizer.npz")
