"""The custom training loop on tf.function, GradientTape and tf.distribute."""

import contextlib
import functools
import itertools
import os
import pathlib
import warnings
from collections.abc import Generator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from colornet.config import ModelConfig, TrainConfig
from colornet.data import Records, training_batches
from colornet.errors import InputError, NonFiniteError
from colornet.networks import Network, build_network
from colornet.training.losses import (
    build_optimizer,
    mean_squared_error,
    training_loss,
)
from colornet.training.recompute import RecomputingNetwork
from colornet.training.run import Reporting, TrainingRun
from colornet.training.statistics import STATISTICS, compare_statistics
from colornet.training.summaries import TrainingSummaries, centre_crop


def make_strategy(name: str, device: str) -> tf.distribute.Strategy:
    """The tf.distribute strategy of a run.

    On GPUs, TensorFlow then takes memory as it needs it, and not all at once.

    Args:
        name: "one_device", "mirrored" (all devices of this machine) or "multi_worker"
            (the cluster that TF_CONFIG describes).
        device: "gpu", "cpu", or "auto": a GPU where there is one.

    Raises:
        InputError: no GPU where one is asked for, or no TF_CONFIG that is one.
    """
    if device == "cpu":
        tf.config.set_visible_devices([], "GPU")
    gpus = tf.config.get_visible_devices("GPU")
    if device == "gpu" and not gpus:
        raise InputError("expected a GPU that TensorFlow can use. Received: none")
    for gpu in gpus:
        # Too late where the program has used the GPU before: then it stays as it is.
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)
    if name == "multi_worker":
        if not os.environ.get("TF_CONFIG"):
            raise InputError(
                "strategy multi_worker expects the cluster in the environment variable "
                "TF_CONFIG. Received: nothing"
            )
        # Before anything else looks at the devices: that would fix them.
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                "expected a TF_CONFIG with a cluster and this worker's task, as JSON. "
                f"Received: {os.environ['TF_CONFIG']} ({error})"
            ) from error
    kind = "GPU" if gpus else "CPU"
    names = [item.name for item in tf.config.list_logical_devices(kind)]
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(names)
    return tf.distribute.OneDeviceStrategy(names[0])


class Trainer(TrainingRun):
    """Trains a network on records, under TensorFlow.

    Args:
        config: what to train.
        run_dir: as for `TrainingRun`; it gets `tensorboard/<its name>/` too, and
            `statistics.csv` of `write_result`.
        strategy: a tf.distribute strategy.
        reporting: how often to report.

    Raises:
        InputError: the folder holds a run of another configuration, the batch cannot
            be shared out, or the records cannot be read.
    """

    resumable = ("steps", "recompute", "jit", "calibration_batches")

    def __init__(
        self,
        config: TrainConfig,
        run_dir: str | os.PathLike,
        strategy: tf.distribute.Strategy,
        reporting: Reporting | None = None,
    ):
        replicas = strategy.num_replicas_in_sync
        if config.batch_size % replicas:
            raise InputError(
                f"batch_size must be a multiple of {replicas}, the number of replicas. "
                f"Received: {config.batch_size}"
            )
        if config.precision == "mixed_float16" and replicas > 1:
            # Keras 3.15 decides on each replica alone whether to skip a step (D-22).
            raise InputError(
                "precision mixed_float16 works on one device only; choose "
                f"mixed_bfloat16. Received: {replicas} replicas"
            )
        if (config.recompute or config.jit) and replicas > 1:
            raise InputError(
                "recompute and jit work on one device only. "
                f"Received: {replicas} replicas"
            )
        super().__init__(config, run_dir, reporting)
        self.strategy = strategy
        self.is_chief = strategy.extended.should_checkpoint
        self.records = Records(config.records, config.split)
        if config.loss == "disparity_l1" and not self.records.max_disparity:
            raise InputError(
                "loss disparity_l1 expects records with true disparity. "
                f"Received: {self.records.directory} without"
            )
        self._warn_of_larger_disparities()
        self.validation = self._validation_records()
        self._require_same_step()
        self.prepare()
        self._forward = functools.partial(self.model, training=True)
        if config.recompute:
            self._forward = RecomputingNetwork(self.model)
        self._of_replica = self._replica_step
        if config.jit:
            self._of_replica = tf.function(self._replica_step, jit_compile=True)

    def _warn_of_larger_disparities(self) -> None:
        """Pixels whose match is no candidate of Eq. 1 teach the network nothing."""
        model, largest = self.config.model, self.records.max_disparity or 0
        if isinstance(model, ModelConfig) and largest > model.max_disparity - 1:
            warnings.warn(
                f"split {self.records.split} has disparities up to {largest:.0f} px, "
                f"and max_disparity {model.max_disparity} reaches up to "
                f"{model.max_disparity - 1} px",
                stacklevel=3,
            )

    def _validation_records(self) -> Records | None:
        config = self.config
        if not config.validation_examples:
            return None
        unnamed = not (config.validation_records or config.validation_split)
        if unnamed and "validation" not in self.records.splits:
            return None
        found = Records(
            config.validation_records or config.records,
            config.validation_split or "validation",
        )
        trained = self.records.directory, self.records.split
        if (found.directory, found.split) == trained:
            raise InputError(
                "expected held-out examples other than those of the training. "
                f"Received: split {found.split} of {found.directory}"
            )
        return found

    def _require_same_step(self) -> None:
        """All workers go on from one checkpoint, which the first of them wrote."""
        replicas = self.strategy.num_replicas_in_sync
        here = self.strategy.run(lambda: tf.constant([self.step]))
        steps = set(self.strategy.gather(here, axis=0).numpy().tolist())
        if len(steps) > 1:
            raise InputError(
                "expected a run_dir that all workers share. Received: "
                f"{self.run_dir}, where {replicas} replicas found the steps "
                f"{', '.join(map(str, sorted(steps)))}"
            )

    def build(self):
        keras.utils.set_random_seed(self.config.seed)
        with self.strategy.scope():
            model = build_network(self.config.model)
            return model, build_optimizer(self.config, model.trainable_variables)

    @property
    def _pipeline(self) -> dict[str, Any]:
        """Of `training_batches`, from `step` on."""
        return {
            "seed": self.config.seed,
            "batch_size": self.config.batch_size,
            "crop": (self.config.crop_height, self.config.crop_width),
            "start_step": self.step,
        }

    def batches(self) -> Generator:
        """Training batches from `step` on, for the strategy's replicas."""

        def pipeline(context):
            return training_batches(
                self.records,
                **self._pipeline,
                replicas=context.num_replicas_in_sync,
                pipeline=context.input_pipeline_id,
                pipelines=context.num_input_pipelines,
            )

        dataset = self.strategy.distribute_datasets_from_function(pipeline)
        return self.records.checked(dataset)

    def take_step(self, batch) -> dict[str, tf.Tensor]:
        return self._step(batch, tf.constant(float(self.stop_wanted)))

    def stopping(self, metrics, fetched) -> bool:
        # Through the step, so that all workers stop after the same one.
        stop = metrics.pop("stop")
        if self.strategy.num_replicas_in_sync == 1:
            return self.stop_wanted
        return fetched and float(stop) > 0

    @tf.function
    def _step(self, batch, stop):
        per_replica = self.strategy.run(self._of_replica, args=(batch, stop))
        return {
            name: self.strategy.reduce("MEAN", value, axis=None)
            for name, value in per_replica.items()
        }

    def _replica_step(self, batch, stop):
        replicas = self.strategy.num_replicas_in_sync
        with tf.GradientTape() as tape:
            outputs = self._forward(
                {"mono": batch["mono"], "reference": batch["reference"]}
            )
            if self.config.loss == "network":
                loss = self.model.training_loss(outputs, batch)
            else:
                loss = training_loss(outputs, batch, self.config.loss)
            scaled = self.optimizer.scale_loss(loss / replicas)
        variables = self.model.trainable_variables
        gradients = tape.gradient(scaled, [v.value for v in variables])
        gradients = [
            tf.zeros_like(v.value) if g is None else g
            for g, v in zip(gradients, variables, strict=True)
        ]
        self.optimizer.apply(gradients, variables)
        # A network with one result has no rougher one.
        rough = outputs.get("rough_chroma", outputs["chroma"])
        metrics = {
            "loss": loss,
            "rough_mse": mean_squared_error(rough, batch["chroma"]),
            "final_mse": mean_squared_error(outputs["chroma"], batch["chroma"]),
            "stop": stop,
        }
        # Loss scaling skips steps whose scaled gradients overflow.
        if self.config.precision != "mixed_float16":
            metrics["gradient_norms"] = tf.stack([tf.norm(g) for g in gradients])
        return metrics

    def sync(self) -> None:
        """Nothing to do: the variables are the state."""

    def _batches_of(self, records: Records) -> list[dict[str, np.ndarray]]:
        """The first examples of a split, as large as the training's crops at most."""
        config = self.config
        crop = config.crop_height, config.crop_width
        # Without held-out examples some of the training are as good for statistics.
        count = config.validation_examples or 1
        first = itertools.islice(records.examples(), count)
        cropped = (centre_crop(example, crop) for example in first)
        return [{n: maps[None] for n, maps in crop.items()} for crop in cropped]

    def held_out(self) -> list[dict[str, np.ndarray]]:
        return self._batches_of(self.validation) if self.validation else []

    @functools.cached_property
    def _copy(self) -> Network:
        return build_network(self.config.model)

    def as_used(self) -> Network:
        self._copy.set_weights(self.model.get_weights())
        return self._copy

    def open(self, stack: contextlib.ExitStack) -> None:
        held_out = self.validation and next(self.validation.examples())
        self._summaries = TrainingSummaries(
            self.run_dir / "tensorboard" / self.run_dir.resolve().name,
            self.model,
            next(self.records.examples()),
            held_out=held_out,
        )
        self._summaries.hyperparameters(self.config)
        stack.callback(self._summaries.close)

    def report(self, row) -> None:
        self._summaries.scalars(self.step, row)
        if self.config.precision == "mixed_float16":
            scale = float(tf.convert_to_tensor(self.optimizer.dynamic_scale.value))
            if scale < 1:
                raise NonFiniteError(
                    "expected float16 gradients that loss scaling can keep finite. "
                    f"Received: loss scale {scale} at step {self.step}"
                )

    def report_held_out(self, scores) -> None:
        named = {f"validation/{name}": value for name, value in scores.items()}
        self._summaries.scalars(self.step, named)

    def show(self) -> None:
        self._summaries.pictures(self.step)

    def write_result(self) -> pathlib.Path | None:
        """Finds the better statistics of batch normalization for the trained weights.

        Those of the newest checkpoint and of the best one are compared, see
        `compare_statistics`, on the held-out examples or, where there are none, on the
        first ones of the training.

        Returns:
            The file `statistics.csv` in the folder of the run, which is made if it is
            not there yet, or older than the checkpoint. None in processes other than
            the chief.
        """
        path, newest = self.run_dir / STATISTICS, self.checkpoints.path(self.step)
        if self.is_chief and not (
            path.is_file() and path.stat().st_mtime >= newest.stat().st_mtime
        ):
            compare_statistics(
                self.run_dir,
                (self.step, self.checkpoints.best or self.step),
                self._batches_of(self.validation or self.records),
                lambda: training_batches(self.records, **self._pipeline),
                self.config.calibration_batches,
            )
        self._require_same_step()  # Other workers wait: the chief still needs them.
        return path if self.is_chief else None
