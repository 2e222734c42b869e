"""Checkpoints of a training run, for every backend.

A checkpoint is a folder `step_00000100` with `weights.npz`, `optimizer.npz` (and
`optimizer_1.npz`, ... where that would be a large file) and `train.json`, which has the
digests of the others. It is renamed into place when it is whole, and away before it is
removed, so a checkpoint that can be seen is complete.
"""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import warnings
from collections.abc import Iterable, Iterator

import numpy as np

from colornet.config import Config, TrainConfig
from colornet.errors import InputError
from colornet.io.archives import (
    read_archive,
    read_shapes,
    take_digest,
    write_archive,
)
from colornet.io.files import sha256_of, writing
from colornet.io.json_files import write_json
from colornet.registry import network_config
from colornet.training.run_folder import (
    STATE,
    WEIGHTS,
    check_file,
    checkpoint_path,
    checkpoint_steps,
    read_state,
)
from colornet.weights import assign, check_shapes, load_weights, save_weights

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
                file = stack.enter_context(path.open("w", encoding="utf-8"))
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
        save_weights(model, part / WEIGHTS, step=step)
        for index, values in enumerate(
            _shared_out(optimizer.variables, self.most_bytes)
        ):
            name = f"optimizer{f'_{index}' if index else ''}.npz"
            write_archive(part / name, values)
        files = {path.name: sha256_of(path) for path in sorted(part.iterdir())}
        write_json(part / STATE, state | {"files": files})
        if self.path(step).exists():
            self._remove(step)
        os.replace(part, self.path(step))
        for old in {*self.steps()[:-_KEEP]} - {self.best}:
            self._remove(old)

    def _remove(self, step: int) -> None:
        """Removes a checkpoint; there is no moment at which a part of it is seen."""
        path, away = self.path(step), self.directory / "removed"
        if path.is_symlink():
            raise InputError(
                f"expected a folder to replace, and no symbolic link. Received: {path}"
            )
        shutil.rmtree(away, ignore_errors=True)
        os.replace(path, away)
        shutil.rmtree(away)

    def config(self, step: int) -> Config:
        """The configuration that a checkpoint was trained with.

        Raises:
            InputError: the checkpoint has none, or a damaged one.
        """
        state = read_state(self.path(step))
        try:
            values = state["config"] | {
                "model": network_config(state["config"]["model"])
            }
            return self.config_class.from_dict(values)
        except (InputError, KeyError) as error:
            raise InputError(
                f"expected the configuration of a training run. Received: "
                f"{self.path(step)} ({error})"
            ) from error

    def score(self, step: int) -> float | None:
        """On the held-out examples; None of a checkpoint without a score."""
        with contextlib.suppress(InputError):  # A damaged one must not end a run.
            return read_state(self.path(step))["score"]
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
        folder = self.path(step)
        files, found = read_state(folder)["files"], sorted(folder.glob("*.npz"))
        names = [path.name for path in found]
        if not files:
            warnings.warn(f"{folder} has no digests that tell damage", stacklevel=2)
        elif sorted(files) != sorted(names):
            raise InputError(
                f"expected {', '.join(files)} in {folder}. Received: {', '.join(names)}"
            )
        for path in found:
            check_file(path)
        load_weights(model, folder / WEIGHTS, is_known=True)
        parts = [path for path in found if path.name != WEIGHTS]
        shapes = {name: s for path in parts for name, s in read_shapes(path).items()}
        check_shapes(optimizer.variables, shapes, folder / "optimizer.npz")
        values = {}
        for path in parts:
            part = read_archive(path)
            take_digest(part, path)
            values |= part
        assign(optimizer.variables, values, folder / "optimizer.npz")
