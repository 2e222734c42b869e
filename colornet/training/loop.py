"""The custom training loop on tf.function, GradientTape and tf.distribute."""

import contextlib
import functools
import os
from collections.abc import Generator

import keras
import tensorflow as tf

from colornet.config import TrainConfig
from colornet.data import Records, training_batches
from colornet.errors import InputError, NonFiniteError
from colornet.networks import build_network
from colornet.training.losses import (
    build_optimizer,
    mean_squared_error,
    training_loss,
)
from colornet.training.recompute import RecomputingNetwork
from colornet.training.run import Reporting, TrainingRun
from colornet.training.summaries import TrainingSummaries


def make_strategy(name: str, device: str) -> tf.distribute.Strategy:
    """The tf.distribute strategy of a run.

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
        run_dir: as for `TrainingRun`; it gets `tensorboard/` too.
        strategy: a tf.distribute strategy.
        reporting: how often to report.

    Raises:
        InputError: the folder holds a run of another configuration, the batch cannot
            be shared out, or the records cannot be read.
    """

    resumable = ("steps", "recompute")

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
        if config.recompute and replicas > 1:
            raise InputError(
                f"recompute works on one device only. Received: {replicas} replicas"
            )
        super().__init__(config, run_dir, reporting)
        self.strategy = strategy
        self.is_chief = strategy.extended.should_checkpoint
        self.records = Records(config.records, config.split)
        has_disparity = self.records.metadata.get("max_disparity")
        if config.loss == "disparity_l1" and not has_disparity:
            raise InputError(
                "loss disparity_l1 expects records with true disparity. "
                f"Received: {self.records.directory} without"
            )
        self._require_same_step()
        self.prepare()
        self._forward = functools.partial(self.model, training=True)
        if config.recompute:
            self._forward = RecomputingNetwork(self.model)

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

    def batches(self) -> Generator:
        """Training batches from `step` on, for the strategy's replicas."""

        def pipeline(context):
            return training_batches(
                self.records,
                seed=self.config.seed,
                batch_size=self.config.batch_size,
                crop=(self.config.crop_height, self.config.crop_width),
                start_step=self.step,
                replicas=context.num_replicas_in_sync,
                pipeline=context.input_pipeline_id,
                pipelines=context.num_input_pipelines,
            )

        dataset = self.strategy.distribute_datasets_from_function(pipeline)
        return self.records.checked(dataset)

    def take_step(self, batch) -> dict[str, tf.Tensor]:
        return self._step(batch, tf.constant(float(self.stop_wanted)))

    def stopping(self, metrics) -> bool:
        # Through the step, so that all workers stop after the same one.
        stop = metrics.pop("stop")
        if self.strategy.num_replicas_in_sync == 1:
            return self.stop_wanted
        return float(stop) > 0

    @tf.function
    def _step(self, batch, stop):
        per_replica = self.strategy.run(self._replica_step, args=(batch, stop))
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

    def open(self, stack: contextlib.ExitStack) -> None:
        example = next(self.records.examples())
        folder = self.run_dir / "tensorboard"
        self._summaries = TrainingSummaries(folder, self.model, example)
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

    def show(self) -> None:
        self._summaries.pictures(self.step)
