"""Weights on disk: one format for every backend.

A weights file is an `.npz` archive that holds each variable under its path
(`l01_conv/kernel`, ...), the configuration as JSON under `config`, of a training run
its `step`, and a digest of all that (`colornet.io.archives`).
"""

import hashlib
import json
import os
import pathlib
import warnings
import zipfile
from collections.abc import Iterable, Mapping

import keras
import numpy as np

from colornet import pretrained
from colornet.config import ModelConfig, NetworkConfig
from colornet.errors import InputError
from colornet.io.archives import (
    DIGEST,
    read_archive,
    read_shapes,
    take_digest,
    write_archive,
)
from colornet.io.files import replacing
from colornet.model import inference_form
from colornet.networks import Network, build_network
from colornet.precision import built_with, inference_precision
from colornet.registry import import_networks, network_config
from colornet.training.run_folder import check_file, result_of_run, step_of

_CONFIG, _STEP = "config", "step"


def _stored_config(path: pathlib.Path) -> NetworkConfig:
    """The configuration in a weights file; no weight is read."""
    values = read_archive(path, [_CONFIG])
    if not values:
        raise InputError(f"expected weights with their configuration. Received: {path}")
    try:
        return network_config(json.loads(str(values[_CONFIG])))
    except (InputError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"expected weights with their configuration as JSON. Received: {path} "
            f"({error})"
        ) from error


def check_shapes(
    variables: Iterable, received: Mapping[str, tuple[int, ...]], path
) -> None:
    """Checks that arrays are those of variables.

    Args:
        variables: all that shall get a value.
        received: shapes of the arrays by the paths of the variables. What a file says
            of itself may be there beside them.
        path: of the file, for the error.

    Raises:
        InputError: names or shapes differ; the first of them is named.
    """
    expected = {name: () for name in (_CONFIG, _STEP, DIGEST) if name in received}
    expected |= {variable.path: tuple(variable.shape) for variable in variables}
    names = sorted(
        name
        for name in expected.keys() | received.keys()
        if expected.get(name) != received.get(name)
    )
    if names:
        first = names[0]
        raise InputError(
            f"{path} holds the weights of another configuration: {len(names)} tensors "
            f"differ, first {first}: expected {expected.get(first)}. "
            f"Received: {received.get(first)}"
        )


def assign(variables: Iterable, values: Mapping[str, np.ndarray], path) -> None:
    """Gives all variables their values, by path, or changes none of them.

    Raises:
        InputError: as `check_shapes`.
    """
    check_shapes(variables, {name: v.shape for name, v in values.items()}, path)
    for variable in variables:
        variable.assign(values[variable.path])


def save_weights(
    model: Network,
    path: str | os.PathLike,
    kernels: str = "float32",
    step: int | None = None,
) -> None:
    """Writes the weights and the configuration of a model as an `.npz` file.

    Args:
        model: the network.
        path: where to.
        kernels: dtype of the kernels in the file; vectors stay float32, since they are
            small, and variances can be larger than float16 holds.
        step: of the training run.
    """
    values = {variable.path: np.asarray(variable) for variable in model.variables}
    for name, value in values.items():
        if value.ndim > 1:
            values[name] = value.astype(kernels)
    values[_CONFIG] = np.array(model.config.to_json())
    if step is not None:
        values[_STEP] = np.array(step)
    with replacing(path) as file:
        write_archive(file, values)


def weights_digest(model: Network) -> str:
    """SHA-256 of a network's weights, whatever file they came from, hexadecimal."""
    digest = hashlib.sha256()
    for value in model.get_weights():
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _read_into(model: Network, path: pathlib.Path, is_known: bool) -> None:
    """Gives a network the weights of a file, or changes none.

    Args:
        model: the network. No weight is read before names and shapes are known to fit.
        path: the file.
        is_known: whether its SHA-256 has been checked.
    """
    check_shapes(model.variables, read_shapes(path), path)
    values = read_archive(path)
    has_digest = take_digest(values, path)
    if not (has_digest or is_known) and _CONFIG in values:
        warnings.warn(f"{path} has no digest that tells damage", stacklevel=3)
    step, expected = values.pop(_STEP, None), step_of(path)
    if None not in (step, expected) and not np.array_equal(step, expected):
        raise InputError(
            f"expected weights of step {expected} in {path}. Received: of step {step}"
        )
    assign(model.variables, values, path)


def load_weights(
    model: Network, path: str | os.PathLike, is_known: bool = False
) -> None:
    """Reads an `.npz` file into a model of the same configuration.

    Args:
        model: the network.
        path: of the file. One without a digest, as earlier versions have written it, is
            read with a warning.
        is_known: whether the file is known to be whole: no warning.

    Raises:
        InputError: no such file, a damaged one, or weights of another configuration or
            step; the model is unchanged.
    """
    _read_into(model, pathlib.Path(path), is_known)


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
        InputError: nothing there, something else, a damaged file, one of another step
            than its name says, or a change that the network cannot have.
    """
    is_known = str(path).startswith(pretrained.PREFIX)
    if is_known:
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
                f"expected a .keras file of a ColorNet. Received: {path} "
                f"({error!s:.200})"
            ) from error
        if not isinstance(model, Network):
            raise InputError(
                f"expected a .keras file of a ColorNet. Received: {path} with a "
                f"{type(model).__name__}"
            )
        return model.with_config(**changes)
    if path.is_dir():
        path = result_of_run(path)
        is_known = check_file(path)
    model = build_network(_stored_config(path).with_changes(**changes))
    _read_into(model, path, is_known)
    return model


def load_for_inference(
    path: str | os.PathLike, precision: str = "float32", **changes
) -> Network:
    """As `load_model(path, **changes).for_inference()`.

    Only the form is built for weights that come with the package. Their SHA-256 stands
    for the check against a network, which takes 1.5 s more.

    Args:
        path, **changes: as in `load_model`.
        precision: of the form's convolutions, as
            `colornet.precision.inference_precision` takes it.

    Raises:
        InputError: as `load_model`; another precision.
    """
    built_so = built_with(inference_precision(precision))
    if str(path).startswith(pretrained.PREFIX):
        file = pretrained.weights_file(str(path))
        config = _stored_config(file).with_changes(**changes)
        if config.name == ModelConfig.name:
            with built_so:
                return inference_form(config, read_archive(file))
    network = load_model(path, **changes)
    with built_so:
        return network.for_inference()


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
