"""What all training runs have in common. Without a backend of its own.

A `TrainingRun` keeps other programs out of its folder, goes on from the newest
checkpoint, stops at signals and when its time is up, refuses numbers that are not
finite, scores held-out examples, and writes checkpoints and metrics.
"""

import abc
import contextlib
import dataclasses
import math
import os
import pathlib
import random
import time
from collections.abc import Generator, Iterator

import keras
import numpy as np
from tqdm import tqdm

from colornet.config import Config, check_at_least
from colornet.io.files import write_text
from colornet.networks import Network
from colornet.progress import progress_bar
from colornet.training.checkpoints import Checkpoints
from colornet.training.curve import LearningCurve
from colornet.training.run_folder import METRICS, VALIDATION
from colornet.training.stopping import StopSignals
from colornet.training.validation import held_out_scores
from colornet.training.window import Window

_FIRST = ("loss", "psnr_rough", "psnr_final")
_LAST = ("gradient_norm", "steps_per_second", "wait_seconds")


@dataclasses.dataclass(frozen=True)
class Reporting:
    """How often a run reports; changes nothing in its outcome.

    Attributes:
        checkpoint_every: steps between checkpoints.
        log_every: steps between rows of `metrics.csv`. The numbers of all these steps
            are fetched together, so that the device need not wait for the program. A
            number that is not finite is found then, or before a checkpoint is written;
            several replicas stop then.
        validate_every: steps between scores of the held-out examples, from step 0 on;
            0 for none. The checkpoint with the best score is kept.
        show_every: steps between pictures in TensorBoard, from step 0 on; 0 for none.
        progress: whether to draw a progress bar.
    """

    checkpoint_every: int = 1000
    log_every: int = 10
    validate_every: int = 1000
    show_every: int = 1000
    progress: bool = True

    def __post_init__(self):
        check_at_least("log_every", self.log_every, 1)


class TrainingRun(abc.ABC):
    """Trains a network; `run` goes on from the newest checkpoint of its folder.

    On a CPU the outcome is a function of the configuration and the backend: a run that
    was stopped and resumed has the same weights, bit for bit, as one that was not. A
    signal or a time limit loses no step; a program that is killed, or a number that is
    not finite, loses the steps since the newest checkpoint.

    Subclasses call `prepare` at the end of their `__init__`.

    Args:
        config: what to train, with `steps`, `seed` and `precision`.
        run_dir: folder for `config.json`, `metrics.csv`, `validation.csv` (where there
            are held-out examples) and `checkpoints/`.
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
        self._signals = StopSignals("stopping after this step")
        self._deadline = math.inf
        self._held_out: list[dict[str, np.ndarray]] = []

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
    def held_out(self) -> list[dict[str, np.ndarray]]:
        """Batches that no step trains on, for `held_out_scores`; [] for none."""

    @abc.abstractmethod
    def as_used(self) -> Network:
        """A float32 copy of `model` as it is scored after the training."""

    @abc.abstractmethod
    def report(self, row: dict[str, float]) -> None:
        """Sees a row of `metrics.csv` before it is written, and may add to it."""

    @abc.abstractmethod
    def open(self, stack: contextlib.ExitStack) -> None:
        """Opens what else the chief reports to; `stack` closes it."""

    @abc.abstractmethod
    def report_held_out(self, scores: dict[str, float]) -> None:
        """Sees a row of `validation.csv`."""

    @abc.abstractmethod
    def show(self) -> None:
        """What `Reporting.show_every` is for."""

    def stopping(self, metrics: dict, fetched: bool) -> bool:
        """Whether the run ends after the step with these metrics.

        Args:
            metrics: of `take_step`, which may be under way.
            fetched: whether they are waited for after this step anyhow.
        """
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
                self._open_validation()
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

    def _open_validation(self) -> None:
        if self.reporting.validate_every:
            self._held_out = self.held_out()
        if self._held_out:
            self._validation = LearningCurve(
                self.run_dir / VALIDATION, ("psnr_rough", "psnr_final"), self.step
            )

    def _steps(self, batches: Iterator, bar: tqdm) -> None:
        reporting, window, last = self.reporting, self._new_window(), False
        if not self.step:
            self._validate(window, bar, last)
            self._show(last)
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
            fetched = self._due(reporting.log_every, done)
            last = self.stopping(metrics, fetched) or done
            window.add(metrics)
            bar.update()
            if fetched or last:
                self._log(window.means(), bar)
                window = self._new_window()
            score = self._validate(window, bar, done)
            is_best = score is not None and self.checkpoints.is_best(score)
            if is_best or last or self._due(reporting.checkpoint_every, last):
                self._save(window, score)
            self._show(done)

    def _new_window(self) -> Window:
        return Window(self.model, self.checkpoints, self.step)

    def _validate(self, window: Window, bar: tqdm, done: bool) -> float | None:
        """PSNR of the held-out examples in dB; None where it is not due."""
        if not self._held_out or not self._due(self.reporting.validate_every, done):
            return None
        window.settle()
        self.sync()
        scores = held_out_scores(self.as_used(), self._held_out)
        self._validation.write(self.step, scores)
        self.report_held_out(scores)
        if not bar.disable:
            bar.write(
                f"step {self.step}, held-out examples: rough "
                f"{scores['psnr_rough']:.2f} dB, final {scores['psnr_final']:.2f} dB"
            )
        return scores["psnr_final"]

    def _show(self, done: bool) -> None:
        if self.is_chief and self._due(self.reporting.show_every, done):
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

    def _save(self, window: Window, score: float | None = None) -> None:
        window.settle()
        if self.is_chief:
            self.sync()
            self.checkpoints.save(
                self.step, self.model, self.optimizer, self.config, score
            )
