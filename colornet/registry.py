"""The networks that the project trains, stores and scores, by name. No backend."""

import importlib
from typing import Any

from colornet.config import ModelConfig, NetworkConfig, of_kind
from colornet.errors import InputError

_CONFIGS: dict[str, type[NetworkConfig]] = {}
_CLASSES: dict[str, tuple[str, str]] = {}


def register_network(name: str, config: type[NetworkConfig], module: str) -> None:
    """Makes a network known.

    Args:
        name: of the network, and `name` of its configurations.
        config: class of its configurations.
        module: where its class is, as in "colornet.model:ColorNet". The module is
            imported when the network is built or read.
    """
    _CONFIGS[name] = config
    _CLASSES[name] = tuple(module.split(":"))


def network_config(values: dict[str, Any]) -> NetworkConfig:
    """The configuration with these fields, of the network that the field `name` names.

    Fields without `name` are those of `ModelConfig`.

    Raises:
        InputError: no network has the name, or the fields.
    """
    of_kind("model", values, dict)
    name = of_kind("name", values.get("name", ModelConfig.name), str)
    if name not in _CONFIGS:
        raise InputError(
            f"expected a network that is known here ({', '.join(_CONFIGS)}). "
            f"Received: {name!r}"
        )
    return _CONFIGS[name].from_dict(values)


def network_class(name: str) -> type:
    """The subclass of `colornet.networks.Network` with this name."""
    module, attribute = _CLASSES[name]
    return getattr(importlib.import_module(module), attribute)


def import_networks() -> None:
    """Imports all networks: Keras must know their classes to read `.keras` files."""
    for name in _CLASSES:
        network_class(name)


register_network(ModelConfig.name, ModelConfig, "colornet.model:ColorNet")
