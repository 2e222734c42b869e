"""One training step, compiled as a whole, for each backend."""

import keras
from keras import ops

from colornet.color import rgb_to_chroma
from colornet.networks import Network
from colornet.training.losses import mean_squared_error, training_loss
from experiments.pretraining.recipe import PretrainConfig


def maps(batch):
    """A batch of the stream as float32 maps, as `Records.examples` gives them.

    Args:
        batch: what `ExampleMaker` makes, with a batch axis.
    """
    mono, reference, target = (
        ops.cast(batch[name], "float32") / 255
        for name in ("mono", "reference", "target")
    )
    return {
        "mono": mono,
        "reference": reference,
        "target": target,
        "chroma": rgb_to_chroma(target),
    }


def _loss_and_metrics(outputs, batch):
    loss = training_loss(outputs, batch, "chroma_mse")
    return loss, {
        "loss": loss,
        "rough_mse": mean_squared_error(outputs["rough_chroma"], batch["chroma"]),
        "final_mse": mean_squared_error(outputs["chroma"], batch["chroma"]),
    }


def _norms(gradients):
    return ops.stack([ops.sqrt(ops.sum(ops.square(g))) for g in gradients])


def _inputs(model, batch):
    return {name: batch[name] for name in model.input}


class TensorFlowStep:
    """A step as a `tf.function`; see `compiled_step`."""

    def __init__(self, model: Network, optimizer, config: PretrainConfig):
        import tensorflow as tf

        variables = model.trainable_variables

        @tf.function
        def step(batch):
            batch = maps(batch)
            with tf.GradientTape() as tape:
                outputs = model(
                    _inputs(model, batch), training=not config.frozen_statistics
                )
                loss, metrics = _loss_and_metrics(outputs, batch)
            gradients = tape.gradient(loss, [v.value for v in variables])
            optimizer.apply(gradients, variables)
            return {**metrics, "gradient_norms": _norms(gradients)}

        self._step = step

    def __call__(self, batch):
        return self._step(batch)

    def sync(self) -> None:
        """Nothing to do: the variables are the state."""


class JaxStep:
    """A step as a jitted function of the state, which it takes over (donation).

    Attributes:
        executable: the step that XLA has compiled for the first batch, of which it
            knows operations and memory; None before.
    """

    def __init__(self, model: Network, optimizer, config: PretrainConfig):
        import jax

        def loss_of(trainable, others, batch):
            outputs, others = model.stateless_call(
                trainable,
                others,
                _inputs(model, batch),
                training=not config.frozen_statistics,
            )
            loss, metrics = _loss_and_metrics(outputs, batch)
            return loss, (others, metrics)

        def step(state, batch):
            trainable, others, slots = state
            differentiate = jax.value_and_grad(loss_of, has_aux=True)
            (_, (others, metrics)), gradients = differentiate(
                trainable, others, maps(batch)
            )
            metrics["gradient_norms"] = _norms(gradients)
            trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
            return (trainable, others, slots), metrics

        self._variables = (
            model.trainable_variables,
            model.non_trainable_variables,
            optimizer.variables,
        )
        self._step = jax.jit(step, donate_argnums=0)
        self.executable = None
        # A copy, as in `sync`: a donated array is gone after the step.
        self._state = tuple(
            [v.value.copy() for v in variables] for variables in self._variables
        )

    def __call__(self, batch):
        if self.executable is None:
            self.executable = self._step.lower(self._state, batch).compile()
        self._state, metrics = self.executable(self._state, batch)
        return metrics

    def sync(self) -> None:
        """Gives the variables of model and optimizer the state."""
        for variables, values in zip(self._variables, self._state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value.copy())


def compiled_step(
    model: Network, optimizer, config: PretrainConfig
) -> TensorFlowStep | JaxStep:
    """A function that takes one training step with a batch of the stream.

    It returns what `TrainingRun.take_step` does. Model and optimizer are as after the
    last step once its method `sync()` was called.

    Args:
        model: the network.
        optimizer: built for its trainable variables.
        config: the recipe.
    """
    kind = JaxStep if keras.backend.backend() == "jax" else TensorFlowStep
    return kind(model, optimizer, config)
