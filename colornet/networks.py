"""What all networks that the project trains, stores and scores have in common."""

import keras

from colornet.config import NetworkConfig
from colornet.registry import network_class
from colornet.training.losses import training_loss


def picture_inputs() -> dict[str, keras.KerasTensor]:
    """The inputs of a `Network`, by name."""
    return {
        "mono": keras.Input((None, None, 1), name="mono", dtype="float32"),
        "reference": keras.Input((None, None, 3), name="reference", dtype="float32"),
    }


class Network(keras.Model):
    """A colorization network that knows its own configuration.

    Subclasses are functional models: their `__init__(config, **kwargs)` connects
    `picture_inputs` with the outputs. They are registered with Keras, and name the
    class of their configuration as `config_class`.

    Args:
        config: what the network is built from.
        inputs: of `picture_inputs`.
        outputs: by name.

    Inputs, by name:
        mono: (batch, height, width, 1) luma of the monochrome camera, in [0, 1].
        reference: (batch, height, width, 3) RGB of the colour camera, in [0, 1].
        Height and width are multiples of 32.

    Outputs, by name, at least:
        chroma: (batch, height, width, 2) float32 Cb, Cr of `mono`, grey at 0, and
            not clipped.
        Further ones are maps of `mono` too, but for those in `internal_outputs`.
    """

    config_class: type[NetworkConfig]
    # Outputs that are there for the training loss, and no maps of the mono picture.
    internal_outputs: tuple[str, ...] = ()

    def __init__(self, config: NetworkConfig, inputs, outputs, **kwargs):
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.config = config

    def training_loss(self, outputs, batch):
        """The loss "network" of `TrainConfig`, a float32 scalar.

        Here the mean squared error of the chroma in 8-bit levels (D-12, D-21).

        Args:
            outputs: of this network in training mode.
            batch: maps as `colornet.data` lists them, with a batch axis.
        """
        return training_loss(outputs, batch, "chroma_mse")

    def with_volumes(self) -> keras.Model:
        """A model of the same layers that has the volumes as outputs too, if any."""
        return self

    def for_inference(self) -> "Network":
        """The same function at test time, in a faster form if there is one."""
        return self

    def with_config(self, **changes) -> "Network":
        """The same network and weights with fields of its configuration changed.

        It is built under the dtype policy that is in force, as every network. No
        weight may depend on the fields. None leaves a field as it is.

        Raises:
            InputError: as `NetworkConfig.with_changes`.
        """
        config = self.config.with_changes(**changes)
        if config == self.config:
            return self
        other = type(self)(config, name=self.name)
        other.set_weights(self.get_weights())
        return other

    def get_config(self):
        return {"config": self.config.to_dict(), "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        return cls(cls.config_class.from_dict(config.pop("config")), **config)


def build_network(config: NetworkConfig) -> Network:
    """The network of a configuration with fresh weights."""
    return network_class(config.name)(config, name=config.name)
