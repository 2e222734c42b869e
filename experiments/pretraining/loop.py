"""The pretraining loop, the same for every backend."""

import contextlib
import dataclasses
import os
import pathlib
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager

import keras
import numpy as np

from colornet.config import ModelConfig
from colornet.errors import InputError, NonFiniteError
from colornet.io.files import write_text
from colornet.networks import Network, build_network
from colornet.training.checkpoints import Checkpoints
from colornet.training.curve import LearningCurve, psnr
from colornet.training.stopping import StopSignals
from colornet.weights import load_model
from experiments.pretraining.optimization import (
    LearningRate,
    build_optimizer,
    disparity_weight,
    same_up_to,
)
from experiments.pretraining.recipe import PretrainConfig
from experiments.pretraining.steps import compiled_step
from experiments.pretraining.stream import StreamConfig
from experiments.pretraining.validation import Validation
from experiments.pretraining.widening import widen

# (config, start_step) -> a context with the batches from that step on.
OpenStream = Callable[[StreamConfig, int], AbstractContextManager[Iterable[dict]]]

_COLUMNS = (
    "loss",
    "psnr_rough",
    "psnr_final",
    "matching_loss",
    "gradient_norm",
    "learning_rate",
    "steps_per_second",
    "stream_seconds",
)
# Changes of these alone do not change what was trained so far; see `_require_same_run`.
_RESUMABLE = ("steps",)
# Fields of a network that initial weights must share.
_FUNCTION = ("attention", "rough", "residue", "chroma_scale", "weight_normalization")


@dataclasses.dataclass(frozen=True)
class Reporting:
    """How often a run reports; changes nothing in its outcome.

    Attributes:
        checkpoint_every: steps between checkpoints.
        log_every: steps between rows of `curve.csv`.
        validate_every: steps between scores of held-out scenes, 0 for none.
        validation_batches: number of batches that they are.
    """

    checkpoint_every: int = 500
    log_every: int = 50
    validate_every: int = 0
    validation_batches: int = 8


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """The Keras dtype policy of what is built inside."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _prepare_backend() -> None:
    """Makes a run on a CPU deterministic; a GPU's own convolutions are not.

    Raises:
        InputError: a backend that there is no compiled step for.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        if not tf.config.get_visible_devices("GPU"):
            tf.config.experimental.enable_op_determinism()
    elif backend != "jax":
        raise InputError(
            f"expected KERAS_BACKEND to be tensorflow or jax. Received: {backend}"
        )


def _start_from(model: Network, weights: str, seed: int) -> None:
    trained = load_model(weights)
    config = trained.config
    same = type(config) is ModelConfig and all(
        getattr(config, name) == getattr(model.config, name) for name in _FUNCTION
    )
    if not same or model.config.n % config.n:
        raise InputError(
            f"expected initial weights of the network with n = {model.config.n} or a "
            f"divisor of it, and its {', '.join(_FUNCTION)}. "
            f"Received: {weights}, {config.to_dict()}"
        )
    widen(trained, model, seed)


class Pretrainer:
    """Trains a network on a stream; goes on from the newest checkpoint of its folder.

    On a CPU the outcome is a function of the configuration and the backend: a run that
    was stopped and resumed has the same weights, bit for bit, as one that was not.

    Args:
        config: the recipe.
        run_dir: folder for `config.json`, `curve.csv`, `validation.csv` and
            `checkpoints/`.
        open_stream: gives the training batches, for ever; a function of the step.
        reporting: how often to report.

    Raises:
        InputError: the folder holds a run of another recipe, initial weights of another
            network, or a backend that is not known here. `steps` may be another one, as
            long as learning rate and weight of the disparity would have been the same
            in the steps that were taken.
    """

    def __init__(
        self,
        config: PretrainConfig,
        run_dir: str | os.PathLike,
        open_stream: OpenStream,
        reporting: Reporting | None = None,
    ):
        self.config, self.reporting = config, reporting or Reporting()
        self.run_dir, self.open_stream = pathlib.Path(run_dir), open_stream
        self.checkpoints = Checkpoints(self.run_dir, PretrainConfig)
        self.step = self.checkpoints.step
        _prepare_backend()
        if self.step:
            self._require_same_run()
        # Not keras.utils.set_random_seed, which imports TensorFlow on every backend.
        random.seed(config.seed)
        with dtype_policy(config.precision):
            self.model = build_network(config.model)
        if config.initial_weights and not self.step:
            _start_from(self.model, config.initial_weights, config.seed)
        self.optimizer = build_optimizer(config, self.model.trainable_variables)
        if self.step:
            self.checkpoints.restore(self.step, self.model, self.optimizer)

    def _require_same_run(self) -> None:
        self.checkpoints.require_same_run(self.config, _RESUMABLE)
        before = self.checkpoints.config(self.step)
        if not same_up_to(self.step, before, self.config):
            raise InputError(
                "expected steps that leave learning rate and weight of the disparity "
                f"up to step {self.step} of {self.run_dir} as they were, with "
                f"{before.steps} steps. "
                f"Received: {self.config.steps}"
            )

    def run(self, max_seconds: float | None = None) -> bool:
        """Trains up to `config.steps` steps; returns whether that was reached.

        Args:
            max_seconds: after so many seconds a checkpoint is written and the run ends.

        Raises:
            Interrupted: SIGTERM or SIGINT came; a checkpoint was written.
            NonFiniteError: a loss or gradient is not finite; nothing was written.
            InputError, RuntimeError: there is no next batch; a checkpoint was written.
            InputError: another program trains in the folder.
        """
        if self.step >= self.config.steps:
            return True
        start = time.monotonic()
        deadline = start + max_seconds if max_seconds else None
        with self.checkpoints.exclusive_lock(self.step):
            return self._run(deadline)

    def _run(self, deadline: float | None) -> bool:
        write_text(self.run_dir / "config.json", self.config.to_json())
        curve = LearningCurve(self.run_dir / "curve.csv", _COLUMNS, self.step)
        validation = None
        if self.reporting.validate_every:
            validation = Validation(
                self.run_dir,
                self.config,
                self.open_stream,
                self.reporting.validation_batches,
                self.step,
            )
        with contextlib.ExitStack() as stack:
            signals = stack.enter_context(StopSignals())
            stack.callback(curve.close)
            if validation:
                stack.callback(validation.close)
            batches = stack.enter_context(
                self.open_stream(self.config.stream, self.step)
            )
            self._steps(iter(batches), curve, validation, signals, deadline)
        if signals.number is not None:
            raise signals.interrupted(self.step)
        return self.step >= self.config.steps

    def _steps(self, batches, curve, validation, signals, deadline) -> None:
        config, reporting = self.config, self.reporting
        train_step = compiled_step(self.model, self.optimizer, config)
        window = _Window(self.step)
        while True:
            try:
                with window.waiting():
                    batch = next(batches)
            except Exception:  # The scenes have failed, not the training.
                if self.step not in [0, *self.checkpoints.steps()]:
                    self._save(window, train_step)
                raise
            weight = disparity_weight(config, self.step)
            window.add(train_step(batch, weight))
            self.step += 1
            done = self.step >= config.steps
            late = deadline is not None and time.monotonic() >= deadline
            last = done or late or signals.number is not None

            def due(every: int, last: bool = last) -> bool:
                return bool(every) and (self.step % every == 0 or last)

            if due(reporting.log_every):
                self._log(window, curve)
                window = _Window(self.step)
            if due(reporting.checkpoint_every) or last:
                self._save(window, train_step)
            if validation and due(reporting.validate_every, done):
                train_step.sync()
                validation.score(self.step, self.model, self.optimizer)
            if last:
                return

    def _save(self, window: "_Window", train_step) -> None:
        self._require_finite(window)
        train_step.sync()
        self.checkpoints.save(self.step, self.model, self.optimizer, self.config)

    def _require_finite(self, window: "_Window") -> None:
        broken = window.first_not_finite()
        if broken:
            kept = self.checkpoints.steps()
            raise NonFiniteError(
                "expected finite numbers in training. Received: "
                f"{broken[1]} is not finite at step {broken[0]}; last good checkpoint: "
                f"{self.checkpoints.path(kept[-1]) if kept else 'none'}"
            )

    def _log(self, window: "_Window", curve: LearningCurve) -> None:
        self._require_finite(window)
        rate = float(LearningRate(self.config)(self.step - 1))
        row = {**window.means(), "learning_rate": rate}
        curve.write(self.step, row)
        print(
            f"step {self.step}/{self.config.steps}: loss {row['loss']:.3g}, "
            f"rough {row['psnr_rough']:.2f} dB, final {row['psnr_final']:.2f} dB, "
            f"{row['steps_per_second']:.2f} steps/s, "
            f"{row['stream_seconds']:.1f} s waiting for scenes",
            flush=True,
        )


class _Window:
    """The metrics of the steps since the last row of the curve.

    Args:
        step: steps that were taken before.
    """

    def __init__(self, step: int):
        self._first = step + 1
        self._pending: deque[dict] = deque()
        self._rows: list[dict[str, float]] = []
        self._since = time.monotonic()
        self._stream_seconds = 0.0

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        start = time.monotonic()
        yield
        self._stream_seconds += time.monotonic() - start

    def add(self, metrics: dict) -> None:
        """Takes the metrics of a step that may be under way.

        It waits for the step before: one step is then queued while another one runs,
        and the time in `waiting` is 0 unless the stream is slower than the device.
        """
        self._pending.append(metrics)
        if len(self._pending) > 1:
            self._settle()

    def _settle(self) -> None:
        metrics = self._pending.popleft()
        self._rows.append({k: float(np.asarray(v)) for k, v in metrics.items()})

    def first_not_finite(self) -> tuple[int, str] | None:
        """Step and metric of the first number that is not finite; waits for all."""
        while self._pending:
            self._settle()
        for step, row in enumerate(self._rows, self._first):
            for name, value in row.items():
                if not np.isfinite(value):
                    return step, name
        return None

    def means(self) -> dict[str, float]:
        mean = {
            name: float(np.mean([row[name] for row in self._rows]))
            for name in self._rows[0]
        }
        seconds = time.monotonic() - self._since
        return {
            "loss": mean["loss"],
            "psnr_rough": psnr(mean["rough_mse"]),
            "psnr_final": psnr(mean["final_mse"]),
            "matching_loss": mean["matching_loss"],
            "gradient_norm": mean["gradient_norm"],
            "steps_per_second": len(self._rows) / seconds,
            "stream_seconds": self._stream_seconds,
        }
