"""The training on rendered scenes, the same for every backend."""

import contextlib
import functools
import os
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager

import numpy as np

from colornet.errors import InputError
from colornet.networks import Network, build_network
from colornet.training.run import Reporting, TrainingRun
from colornet.weights import load_model
from experiments.pretraining.examples import StreamConfig
from experiments.pretraining.optimization import (
    LearningRate,
    build_optimizer,
    disparity_weight,
    same_up_to,
)
from experiments.pretraining.recipe import PretrainConfig
from experiments.pretraining.steps import compiled_step
from experiments.pretraining.validation import Validation
from experiments.pretraining.widening import widen

# (config, start_step) -> a context with the batches from that step on.
OpenStream = Callable[[StreamConfig, int], AbstractContextManager[Iterable[dict]]]

# Fields of a network that initial weights must share.
_FUNCTION = ("attention", "rough", "residue", "chroma_scale", "weight_normalization")


def _start_from(model: Network, weights: str, seed: int) -> None:
    trained = load_model(weights)
    config = trained.config
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


class Pretrainer(TrainingRun):
    """Trains a network on a stream of rendered scenes.

    Args:
        config: the recipe.
        run_dir: as for `TrainingRun`; it may get `validation.csv` too.
        open_stream: gives the training batches, for ever; a function of the step.
        reporting: how often to report; scores of held-out scenes are shown.
        validation_batches: how many batches these are.

    Raises:
        InputError: the folder holds a run of another recipe, or initial weights of
            another network. `steps` may be another one, as long as learning rate and
            weight of the disparity would have been the same in the steps that were
            taken.
    """

    columns = ("matching_loss", "learning_rate")

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

    def require_same_run(self) -> None:
        super().require_same_run()
        before = self.checkpoints.config(self.step)
        if not same_up_to(self.step, before, self.config):
            raise InputError(
                "expected steps that leave learning rate and weight of the disparity "
                f"up to step {self.step} of {self.run_dir} as they were, with "
                f"{before.steps} steps. Received: {self.config.steps}"
            )

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
        weight = disparity_weight(self.config, self.step)
        return self._compiled(batch, np.float32(weight))

    def sync(self) -> None:
        self._compiled.sync()

    def open(self, stack: contextlib.ExitStack) -> None:
        if self.reporting.show_every:
            self._validation = Validation(self, self._validation_batches)
            stack.callback(self._validation.close)

    def report(self, row) -> None:
        row["learning_rate"] = float(LearningRate(self.config)(self.step - 1))

    def show(self) -> None:
        self._validation.score()
