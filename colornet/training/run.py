"""What all training runs have in common. Without a backend of its own.

A `TrainingRun` keeps other programs out of its folder, goes on from the newest
checkpoint, stops at signals and when its time is up, refuses numbers that are not
finite, and writes checkpoints and metrics.
"""

import abc
import contextlib
import dataclasses
import math
import os
import pathlib
import random
import time
from collections import deque
from collections.abc import Generator, Iterator

import keras
import numpy as np
from tqdm import tqdm

from colornet.config import Config
from colornet.errors import NonFiniteError
from colornet.io.files import write_text
from colornet.networks import Network
from colornet.progress import progress_bar
from colornet.training.checkpoints import Checkpoints
from colornet.training.curve import LearningCurve, psnr
from colornet.training.stopping import StopSignals

METRICS = "metrics.csv"
_FIRST = ("loss", "psnr_rough", "psnr_final")
_LAST = ("gradient_norm", "steps_per_second", "wait_seconds")


@dataclasses.dataclass(frozen=True)
class Reporting:
    """How often a run reports; changes nothing in its outcome.

    Attributes:
        checkpoint_every: steps between checkpoints.
        log_every: steps between rows of `metrics.csv`.
        show_every: steps between pictures in TensorBoard, or between scores of held-out
            scenes; 0 for none.
        progress: whether to draw a progress bar.
    """

    checkpoint_every: int = 1000
    log_every: int = 10
    show_every: int = 1000
    progress: bool = True


class TrainingRun(abc.ABC):
    """Trains a network; `run` goes on from the newest checkpoint of its folder.

    On a CPU the outcome is a function of the configuration and the backend: a run that
    was stopped and resumed has the same weights, bit for bit, as one that was not.

    Subclasses call `prepare` at the end of their `__init__`.

    Args:
        config: what to train, with `steps`, `seed` and `precision`.
        run_dir: folder for `config.json`, `metrics.csv` and `checkpoints/`.
        reporting: how often to report.

    Attributes:
        model, optimizer: as after the last `sync`.
        step: steps that were taken.
        is_chief: whether this process writes files; one of a run's processes does.
    """

    # Fields of the configuration that a resumed run may change.
    resumable: tuple[str, ...] = ("steps",)
    # Further columns of `metrics.csv`.
    columns: tuple[str, ...] = ()

    def __init__(
        self,
        config: Config,
        run_dir: str | os.PathLike,
        reporting: Reporting | None = None,
    ):
        self.config, self.reporting = config, reporting or Reporting()
        self.run_dir = pathlib.Path(run_dir)
        self.checkpoints = Checkpoints(self.run_dir, type(config))
        self.step = self.checkpoints.step
        self.is_chief = True
        self._signals = StopSignals()
        self._deadline = math.inf

    @abc.abstractmethod
    def build(self) -> tuple[Network, keras.optimizers.Optimizer]:
        """The network with its initial weights, and the optimizer for them."""

    @abc.abstractmethod
    def batches(self) -> Generator:
        """Training batches from `step` on, without end."""

    @abc.abstractmethod
    def take_step(self, batch) -> dict:
        """Trains on a batch.

        Returns:
            Numbers that may still be under way on the device, float32: `loss`,
            `rough_mse` and `final_mse`, errors of C' and C; `gradient_norms`, of every
            trainable variable, if they must be finite; and those of `columns` that
            `report` does not add.
        """

    @abc.abstractmethod
    def sync(self) -> None:
        """Gives `model` and `optimizer` the state after the last step."""

    @abc.abstractmethod
    def open(self, stack: contextlib.ExitStack) -> None:
        """Opens what else the chief reports to; `stack` closes it."""

    @abc.abstractmethod
    def report(self, row: dict[str, float]) -> None:
        """Sees a row of `metrics.csv` before it is written, and may add to it."""

    @abc.abstractmethod
    def show(self) -> None:
        """What `Reporting.show_every` is for."""

    def stopping(self, metrics: dict) -> bool:
        """Whether the run ends after the step with these metrics."""
        return self.stop_wanted

    @property
    def stop_wanted(self) -> bool:
        """Whether a signal came or the time is up."""
        return self._signals.number is not None or time.monotonic() >= self._deadline

    def require_same_run(self) -> None:
        """Raises InputError if the folder holds a run of another configuration."""
        self.checkpoints.require_same_run(self.config, self.resumable)

    def prepare(self) -> None:
        """Gives the run its model and its optimizer, as they were at `step`.

        Raises:
            InputError: the folder holds a run of another configuration, or a damaged
                checkpoint.
        """
        if self.step:
            self.require_same_run()
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            if not tf.config.get_visible_devices("GPU"):
                tf.config.experimental.enable_op_determinism()
        # Not keras.utils.set_random_seed, which imports TensorFlow on every backend.
        random.seed(self.config.seed)
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.config.precision)
        try:
            self.model, self.optimizer = self.build()
        finally:
            keras.config.set_dtype_policy(policy)
        if self.step:
            self.checkpoints.restore(self.step, self.model, self.optimizer)

    def run(self, max_seconds: float | None = None) -> bool:
        """Trains up to `config.steps` steps; returns whether they were reached.

        Args:
            max_seconds: after so many seconds a checkpoint is written and the run ends.

        Raises:
            Interrupted: SIGTERM or SIGINT came; a checkpoint was written.
            NonFiniteError: a loss or gradient is not finite; the checkpoints before are
                still there.
            InputError: another program trains in the folder.
            InputError, RuntimeError: there is no next batch; a checkpoint was written.
        """
        if self.step >= self.config.steps:
            return True
        if max_seconds:
            self._deadline = time.monotonic() + max_seconds
        show = self.reporting.progress and self.is_chief
        with contextlib.ExitStack() as stack:
            if self.is_chief:
                stack.enter_context(self.checkpoints.exclusive_lock(self.step))
                write_text(self.run_dir / "config.json", self.config.to_json())
                self._curve = LearningCurve(
                    self.run_dir / METRICS, (*_FIRST, *self.columns, *_LAST), self.step
                )
                stack.callback(self._curve.close)
                self.open(stack)
            stack.enter_context(self._signals)
            batches = stack.enter_context(contextlib.closing(self.batches()))
            bar = progress_bar(self.config.steps, "step", initial=self.step, show=show)
            self._steps(batches, stack.enter_context(bar))
        done = self.step >= self.config.steps
        # Without a limit it is a signal to another worker that ended this one.
        if self._signals.number is not None or not (done or max_seconds):
            raise self._signals.interrupted(self.step)
        return done

    def _steps(self, batches: Iterator, bar: tqdm) -> None:
        reporting, window, last = self.reporting, _Window(self), False
        while not last:
            try:
                batch = window.next_of(batches)
            except Exception:  # The data have failed, not the training.
                if self.step not in (0, *self.checkpoints.steps()):
                    self._save(window)
                raise
            metrics = self.take_step(batch)
            self.step += 1
            done = self.step >= self.config.steps
            last = self.stopping(metrics) or done
            window.add(metrics)
            bar.update()
            if self._due(reporting.log_every, last):
                self._log(window.means(), bar)
                window = _Window(self)
            if last or self._due(reporting.checkpoint_every, last):
                self._save(window)
            if self.is_chief and self._due(reporting.show_every, done):
                self.sync()
                self.show()

    def _due(self, every: int, last: bool) -> bool:
        return bool(every) and (self.step % every == 0 or last)

    def _log(self, row: dict[str, float], bar: tqdm) -> None:
        bar.set_postfix_str(
            f"loss {row['loss']:.3g}, rough {row['psnr_rough']:.2f} dB, "
            f"final {row['psnr_final']:.2f} dB",
            refresh=False,
        )
        if self.is_chief:
            self.report(row)
            self._curve.write(self.step, row)

    def _save(self, window: "_Window") -> None:
        window.settle()
        if self.is_chief:
            self.sync()
            self.checkpoints.save(self.step, self.model, self.optimizer, self.config)


class _Window:
    """The metrics of the steps since the last row of `metrics.csv`."""

    def __init__(self, run: TrainingRun):
        self._run, self._step = run, run.step
        self._pending: deque[dict] = deque()
        self._rows: list[dict[str, float]] = []
        self._since, self._waited = time.monotonic(), 0.0

    def next_of(self, batches: Iterator):
        start = time.monotonic()
        batch = next(batches)
        self._waited += time.monotonic() - start
        return batch

    def add(self, metrics: dict) -> None:
        """Takes the metrics of a step that may be under way.

        It waits for the step before: one step is then queued while another one runs,
        and no time is spent in `next_of` unless the data are slower than the device.
        """
        self._pending.append(metrics)
        self.settle(1)

    def settle(self, but: int = 0) -> None:
        """Waits for all steps but so many; NonFiniteError if a number is not finite."""
        while len(self._pending) > but:
            row = {k: np.asarray(v) for k, v in self._pending.popleft().items()}
            self._step += 1
            for name, value in row.items():
                if not np.isfinite(value).all():
                    self._refuse(name, value)
            if "gradient_norms" in row:
                row["gradient_norm"] = np.linalg.norm(row.pop("gradient_norms"))
            self._rows.append({name: float(value) for name, value in row.items()})

    def _refuse(self, name: str, value: np.ndarray) -> None:
        if name == "gradient_norms":
            first = np.flatnonzero(~np.isfinite(value))[0]
            name = f"gradient of {self._run.model.trainable_variables[first].path}"
        kept = self._run.checkpoints.steps()
        raise NonFiniteError(
            f"expected finite numbers in training. Received: {name} is not finite at "
            f"step {self._step}; last good checkpoint: "
            f"{self._run.checkpoints.path(kept[-1]) if kept else 'none'}"
        )

    def means(self) -> dict[str, float]:
        """A row of `metrics.csv`; waits for all steps, errors as `settle`."""
        self.settle()
        names = self._rows[0]
        mean = {n: float(np.mean([row[n] for row in self._rows])) for n in names}
        return mean | {
            "psnr_rough": psnr(mean["rough_mse"]),
            "psnr_final": psnr(mean["final_mse"]),
            "steps_per_second": len(self._rows) / (time.monotonic() - self._since),
            "wait_seconds": self._waited,
        }
