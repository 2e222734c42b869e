"""Weights on disk: one format for every backend.

A weights file is an `.npz` archive that holds each variable under its path
(`l01_conv/kernel`, ...) and the configuration as JSON under `config`; NumPy checks its
CRC.
"""

import hashlib
import json
import os
import pathlib
import zipfile
from collections.abc import Iterable

import keras
import numpy as np

from colornet import pretrained
from colornet.config import NetworkConfig
from colornet.errors import InputError
from colornet.io.archives import read_archive
from colornet.io.files import replacing
from colornet.networks import Network, build_network
from colornet.registry import import_networks, network_config
from colornet.training.run_folder import result_of_run

_CONFIG = "config"


def _stored_config(value: np.ndarray, path: pathlib.Path) -> NetworkConfig:
    try:
        return network_config(json.loads(str(value)))
    except (InputError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"expected weights with their configuration as JSON. Received: {path} "
            f"({error})"
        ) from error


def assign(variables: Iterable, values: dict[str, np.ndarray], path) -> None:
    """Gives all variables their values, by path, or changes none of them.

    Raises:
        InputError: names or shapes differ; the first of them is named.
    """
    expected = {variable.path: tuple(variable.shape) for variable in variables}
    received = {name: value.shape for name, value in values.items()}
    if expected != received:
        names = sorted(
            name
            for name in expected.keys() | received.keys()
            if expected.get(name) != received.get(name)
        )
        first = names[0]
        raise InputError(
            f"{path} holds the weights of another configuration: {len(names)} tensors "
            f"differ, first {first}: expected {expected.get(first)}. "
            f"Received: {received.get(first)}"
        )
    for variable in variables:
        variable.assign(values[variable.path])


def save_weights(
    model: Network, path: str | os.PathLike, kernels: str = "float32"
) -> None:
    """Writes the weights and the configuration of a model as an `.npz` file.

    Args:
        model: the network.
        path: where to.
        kernels: dtype of the kernels in the file; vectors stay float32, since they are
            small, and variances can be larger than float16 holds.
    """
    values = {variable.path: np.asarray(variable) for variable in model.variables}
    for name, value in values.items():
        if value.ndim > 1:
            values[name] = value.astype(kernels)
    with replacing(path) as file:
        np.savez(file, **values, **{_CONFIG: np.array(model.config.to_json())})


def weights_digest(model: Network) -> str:
    """SHA-256 of a network's weights, whatever file they came from, hexadecimal."""
    digest = hashlib.sha256()
    for value in model.get_weights():
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def load_weights(model: Network, path: str | os.PathLike) -> None:
    """Reads an `.npz` file into a model of the same configuration.

    Raises:
        InputError: no such file, a damaged one, or weights of another configuration;
            the model is unchanged.
    """
    values = read_archive(pathlib.Path(path))
    values.pop(_CONFIG, None)
    assign(model.variables, values, path)


def load_model(path: str | os.PathLike, **changes) -> Network:
    """Loads a network from what training or Keras has saved.

    Args:
        path: a training run's folder (its last checkpoint, or what was averaged and
            calibrated from that), a checkpoint's folder, an `.npz` file of weights, a
            `.keras` file, or `pretrained:NAME` for weights that come with the package
            (see `colornet.pretrained`).
        **changes: fields of the configuration that no weight depends on; see
            `Network.with_config`.

    Raises:
        InputError: nothing there, something else, a damaged file, or a change that the
            network cannot have.
    """
    if str(path).startswith(pretrained.PREFIX):
        path = pretrained.weights_file(str(path))
    path = pathlib.Path(path)
    if not path.exists():
        raise InputError(f"expected a folder, .npz or .keras file. Missing: {path}")
    if path.suffix == ".keras":
        import_networks()
        try:
            model = keras.models.load_model(path)
        except (ValueError, OSError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise InputError(
                f"expected a .keras file of a ColorNet. Received: {path} ({error})"
            ) from error
        if not isinstance(model, Network):
            raise InputError(
                f"expected a .keras file of a ColorNet. Received: {path} with a "
                f"{type(model).__name__}"
            )
        return model.with_config(**changes)
    if path.is_dir():
        path = result_of_run(path)
    values = read_archive(path)
    if _CONFIG not in values:
        raise InputError(f"expected weights with their configuration. Received: {path}")
    config = _stored_config(values.pop(_CONFIG), path)
    model = build_network(config.with_changes(**changes))
    assign(model.variables, values, path)
    return model


def load_pretrained(name: str | None = None, **changes) -> Network:
    """Loads weights that come with the package.

    The network sees a pair at its own scale with `max_disparity` candidates, as the
    paper's does. `colornet.Colorizer.from_pretrained` chooses both for every pair.

    Args:
        name: one of `colornet.pretrained_names()`; the default's if None.
        **changes: fields of the configuration that no weight depends on, such as
            `max_disparity`; see `Network.with_config`.

    Returns:
        The network; its variables are float32.

    Raises:
        InputError: no such weights, a file that is not as it was packed, or a change
            that the network cannot have.
    """
    return load_model(
        pretrained.DEFAULT if name is None else pretrained.PREFIX + name, **changes
    )
