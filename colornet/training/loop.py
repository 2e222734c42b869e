"""The custom training loop on tf.function, GradientTape and tf.distribute."""

import contextlib
import dataclasses
import functools
import os
import pathlib

import keras
import tensorflow as tf

from colornet.config import TrainConfig
from colornet.data import Records, training_batches
from colornet.errors import InputError, NonFiniteError
from colornet.io.files import write_text
from colornet.networks import Network, build_network
from colornet.training.checkpoints import Checkpoints
from colornet.training.losses import (
    build_optimizer,
    mean_squared_error,
    training_loss,
)
from colornet.training.recompute import RecomputingNetwork
from colornet.training.run_log import RunLog
from colornet.training.stopping import StopSignals

# A resumed run may go further or report more often, but must not change what it is.
_RESUMABLE = ("steps", "recompute")


@dataclasses.dataclass(frozen=True)
class Reporting:
    """How often a run reports; changes nothing in its outcome.

    Attributes:
        checkpoint_every: steps between checkpoints.
        log_every: steps between rows of `metrics.csv` and TensorBoard scalars.
        picture_every: steps between TensorBoard pictures, 0 for none.
        progress: whether to draw a progress bar.
    """

    checkpoint_every: int = 1000
    log_every: int = 10
    picture_every: int = 1000
    progress: bool = True


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


class Trainer:
    """Trains a network; `run` goes on from the newest checkpoint of its folder.

    On a CPU the outcome is a function of the configuration alone: a run that was
    stopped and resumed has the same weights, bit for bit, as one that was not.

    Args:
        config: what to train.
        run_dir: folder for `config.json`, `metrics.csv`, `checkpoints/` and
            `tensorboard/`.
        strategy: a tf.distribute strategy.
        reporting: how often to report.

    Raises:
        InputError: the folder holds a run of another configuration, the batch cannot
            be shared out, or the records cannot be read.
    """

    def __init__(
        self,
        config: TrainConfig,
        run_dir: str | os.PathLike,
        strategy: tf.distribute.Strategy,
        reporting: Reporting | None = None,
    ):
        if config.batch_size % strategy.num_replicas_in_sync:
            raise InputError(
                f"batch_size must be a multiple of {strategy.num_replicas_in_sync}, "
                f"the number of replicas. Received: {config.batch_size}"
            )
        if config.precision == "mixed_float16" and strategy.num_replicas_in_sync > 1:
            # Keras 3.15 decides on each replica alone whether to skip a step (D-22).
            raise InputError(
                "precision mixed_float16 works on one device only; choose "
                f"mixed_bfloat16. Received: {strategy.num_replicas_in_sync} replicas"
            )
        if config.recompute and strategy.num_replicas_in_sync > 1:
            raise InputError(
                "recompute works on one device only. "
                f"Received: {strategy.num_replicas_in_sync} replicas"
            )
        self.config, self.strategy = config, strategy
        self.reporting = reporting or Reporting()
        self.run_dir = pathlib.Path(run_dir)
        self.records = Records(config.records, config.split)
        if config.loss == "disparity_l1" and not self.records.metadata.get(
            "max_disparity"
        ):
            raise InputError(
                "loss disparity_l1 expects records with true disparity. "
                f"Received: {self.records.directory} without"
            )
        self.checkpoints = Checkpoints(self.run_dir)
        self.step = self.checkpoints.step
        self._require_same_step()
        if self.step:
            self.checkpoints.require_same_run(config, _RESUMABLE)

        if not tf.config.get_visible_devices("GPU"):
            tf.config.experimental.enable_op_determinism()
        keras.utils.set_random_seed(config.seed)
        keras.config.set_dtype_policy(config.precision)
        with strategy.scope():
            self.model = build_network(config.model)
            self.optimizer = build_optimizer(config, self.model.trainable_variables)
        if self.step:
            self.checkpoints.restore(self.step, self.model, self.optimizer)
        self._forward = functools.partial(self.model, training=True)
        if config.recompute:
            self._forward = RecomputingNetwork(self.model)
        self._tensors = ["loss"] + [v.path for v in self.model.trainable_variables]
        self._chief = strategy.extended.should_checkpoint
        self._signals = StopSignals()

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

    def batches(self):
        """Training batches from the trainer's step on, for the strategy's replicas."""

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

        return self.strategy.distribute_datasets_from_function(pipeline)

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
        finite = [tf.math.is_finite(loss)]
        if self.config.precision == "mixed_float16":
            # Loss scaling skips steps whose scaled gradients overflow.
            finite += [tf.constant(True)] * len(gradients)
        else:
            finite += [tf.reduce_all(tf.math.is_finite(g)) for g in gradients]
        # A network with one result has no rougher one.
        rough = outputs.get("rough_chroma", outputs["chroma"])
        return {
            "loss": loss,
            "rough_mse": mean_squared_error(rough, batch["chroma"]),
            "final_mse": mean_squared_error(outputs["chroma"], batch["chroma"]),
            "finite": tf.cast(tf.stack(finite), tf.float32),
            "stop": stop,
        }

    def compiled_step(self):
        """A function (batch, stop) -> metrics that takes one training step.

        `stop` is a float32 scalar, not 0 where this worker was told to stop.
        """

        @tf.function
        def step(batch, stop):
            per_replica = self.strategy.run(self._replica_step, args=(batch, stop))
            return {
                name: self.strategy.reduce("MEAN", value, axis=None)
                for name, value in per_replica.items()
            }

        return step

    def _require_finite(self, metrics, step: int) -> None:
        broken = [
            name
            for name, finite in zip(self._tensors, metrics["finite"], strict=True)
            if finite < 1
        ]
        if broken:
            what = broken[0] if broken[0] == "loss" else f"gradient of {broken[0]}"
            kept = self.checkpoints.steps()
            raise NonFiniteError(
                f"expected finite numbers in training. Received: {what} is not finite "
                f"at step {step} ({len(broken)} tensors); last good checkpoint: "
                f"{self.checkpoints.path(kept[-1]) if kept else 'none'}"
            )
        if self.config.precision != "mixed_float16":
            return
        scale = float(tf.convert_to_tensor(self.optimizer.dynamic_scale.value))
        if scale < 1:
            raise NonFiniteError(
                "expected float16 gradients that loss scaling can keep finite. "
                f"Received: loss scale {scale} at step {step}"
            )

    def _save(self) -> None:
        if self._chief:
            self.checkpoints.save(self.step, self.model, self.optimizer, self.config)

    def run(self) -> Network:
        """Trains up to `config.steps` steps and returns the network.

        Raises:
            Interrupted: SIGTERM or SIGINT came; a checkpoint was written.
            NonFiniteError: a loss or gradient is not finite; nothing was written.
            InputError: the records are damaged, or another program trains in the
                folder.
        """
        if self.step < self.config.steps:
            with self._signals, contextlib.ExitStack() as stack:
                if self._chief:
                    stack.enter_context(self.checkpoints.exclusive_lock(self.step))
                self._run()
            if self._signals.number is not None:  # While the last step was taken.
                raise self._signals.interrupted(self.step)
        return self.model

    def _run(self) -> None:
        config, reporting = self.config, self.reporting
        log = None
        if self._chief:
            write_text(self.run_dir / "config.json", config.to_json())
            log = RunLog(
                self.run_dir,
                self.model,
                next(self.records.examples()),
                step=self.step,
                steps=config.steps,
                progress=reporting.progress,
            )
        try:
            self._steps(log)
        finally:
            if log is not None:
                log.close()

    def _steps(self, log: RunLog | None) -> None:
        config, reporting = self.config, self.reporting
        train_step = self.compiled_step()
        for batch in self.records.checked(self.batches()):
            # Through the step, so that all workers stop after the same one.
            stop = tf.constant(0.0 if self._signals.number is None else 1.0)
            metrics = {k: v.numpy() for k, v in train_step(batch, stop).items()}
            self._require_finite(metrics, self.step + 1)
            self.step += 1
            done = self.step >= config.steps
            stopped = metrics["stop"] > 0

            def due(every: int, last: bool = done) -> bool:
                return bool(every) and (self.step % every == 0 or last)

            if log is not None:
                log.add(metrics)
                if due(reporting.log_every) or stopped:
                    log.write(self.step)
                if due(reporting.picture_every):
                    log.pictures(self.step)
            if due(reporting.checkpoint_every) or stopped or done:
                self._save()
            if done:
                return
            if stopped:
                raise self._signals.interrupted(self.step)
