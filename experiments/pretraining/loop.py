"""The training on rendered scenes, the same for every backend."""

import contextlib
import functools
import itertools
import os
import pathlib
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager

import numpy as np

from colornet.color import rgb_to_chroma
from colornet.config import ModelConfig
from colornet.errors import InputError
from colornet.networks import Network, build_network
from colornet.training.calibration import calibrate_statistics
from colornet.training.run import Reporting, TrainingRun
from colornet.training.run_folder import calibrated_file
from colornet.weights import load_model, save_weights
from experiments.methods.networks import RELEASED
from experiments.pretraining.examples import StreamConfig
from experiments.pretraining.optimization import (
    averaged,
    build_optimizer,
)
from experiments.pretraining.recipe import PretrainConfig
from experiments.pretraining.steps import compiled_step
from experiments.pretraining.widening import widen

# (config, start_step) -> a context with the batches from that step on.
OpenStream = Callable[[StreamConfig, int], AbstractContextManager[Iterable[dict]]]

# No training run is given a seed so large: the scenes of validation are others.
HELD_OUT_SEED = 1_000_000_000
# Fields of a network that initial weights must share.
_FUNCTION = ("attention", "rough", "residue", "chroma_scale", "weight_normalization")


def _start_from(model: Network, weights: str, seed: int) -> None:
    trained = load_model(weights)
    config = trained.config
    if model.config.name == RELEASED and config.name == ModelConfig.name:
        model.start_from(trained)
        return
    same = type(config) is type(model.config) and all(
        getattr(config, name) == getattr(model.config, name) for name in _FUNCTION
    )
    if not same or model.config.n % config.n:
        raise InputError(
            f"expected initial weights of the network with n = {model.config.n} or a "
            f"divisor of it, and its {', '.join(_FUNCTION)}. "
            f"Received: {weights}, {config.to_dict()}"
        )
    widen(trained, model, seed)


def _inputs(model: Network, batch: dict) -> dict[str, np.ndarray]:
    """A network's inputs of a batch of the stream."""
    return {name: np.asarray(batch[name], np.float32) / 255 for name in model.input}


class Pretrainer(TrainingRun):
    """Trains a network on a stream of rendered scenes.

    Held-out scenes are scored with the weights of the moving average; batch
    normalization uses the statistics of the batch (D-14), because the moving ones are
    measured at the end only, unless they are frozen.

    Args:
        config: the recipe.
        run_dir: as for `TrainingRun`.
        open_stream: gives the training batches, for ever; a function of the step.
        reporting: how often to report.
        validation_batches: of held-out scenes.

    Raises:
        InputError: the folder holds a run of another recipe, or initial weights of
            another network. `steps` may be another one.
    """

    def __init__(
        self,
        config: PretrainConfig,
        run_dir: str | os.PathLike,
        open_stream: OpenStream,
        reporting: Reporting | None = None,
        validation_batches: int = 8,
    ):
        super().__init__(config, run_dir, reporting)
        self.open_stream, self._validation_batches = open_stream, validation_batches
        self.prepare()

    def build(self):
        config = self.config
        model = build_network(config.model)
        if config.initial_weights and not self.step:
            _start_from(model, config.initial_weights, config.seed)
        return model, build_optimizer(config, model.trainable_variables)

    def batches(self) -> Generator:
        with self.open_stream(self.config.stream, self.step) as batches:
            yield from batches

    @functools.cached_property
    def _compiled(self):
        return compiled_step(self.model, self.optimizer, self.config)

    def take_step(self, batch) -> dict:
        return self._compiled(batch)

    def sync(self) -> None:
        self._compiled.sync()

    def held_out(self) -> list[dict[str, np.ndarray]]:
        stream, count = self.config.stream, self._validation_batches
        other = stream.replace(seed=stream.seed + HELD_OUT_SEED)
        with self.open_stream(other, 0) as batches:
            return [
                {
                    **_inputs(self.model, batch),
                    "chroma": rgb_to_chroma(batch["target"].astype(np.float32) / 255),
                }
                for batch in itertools.islice(batches, count)
            ]

    @functools.cached_property
    def _average(self) -> Network:
        statistics = "moving" if self.config.frozen_statistics else "batch"
        return averaged(self.model, self.optimizer, bn_statistics=statistics)

    def as_used(self) -> Network:
        self._average.set_weights(self.model.get_weights())
        if self.step:  # Before the first step there is no average.
            self.optimizer.finalize_variable_values(self._average.trainable_variables)
        return self._average

    def report(self, row) -> None:
        """Nothing to add to the metrics of every run."""

    def report_held_out(self, scores) -> None:
        """Nothing to do beyond `validation.csv`."""

    def open(self, stack: contextlib.ExitStack) -> None:
        """Nothing to do: there is no TensorBoard, which needs TensorFlow."""

    def show(self) -> None:
        """Nothing to do, as `open`."""

    def write_result(self) -> pathlib.Path:
        """Writes the weights at `step`, averaged and calibrated (D-14).

        The calibration takes the batches after `step`. Frozen statistics stay as they
        are.

        Returns:
            The file `calibrated_00012000.npz` in the folder of the run, which is made
            if it is not there yet, or older than the checkpoint.
        """
        config, path = self.config, calibrated_file(self.run_dir, self.step)
        checkpoint = self.checkpoints.path(self.step)
        if path.is_file() and path.stat().st_mtime >= checkpoint.stat().st_mtime:
            return path
        model = averaged(self.model, self.optimizer)
        if config.calibration_batches and not config.frozen_statistics:
            with self.open_stream(config.stream, self.step) as batches:
                chosen = itertools.islice(batches, config.calibration_batches)
                calibrate_statistics(model, (_inputs(model, batch) for batch in chosen))
        save_weights(model, path, step=self.step)
        return path
