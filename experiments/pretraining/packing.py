"""From a training run to weights that come with the package."""

import json
import os
import pathlib
import re
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from skimage import data

from colornet import pretrained
from colornet.color import rgb_to_luma
from colornet.config import Config
from colornet.errors import InputError
from colornet.inference import predict
from colornet.io.files import replacing, sha256_of, write_text, writing
from colornet.io.pictures import to_float
from colornet.networks import Network
from colornet.training.checkpoints import Checkpoints
from colornet.training.run_folder import WEIGHTS, latest_checkpoint
from colornet.weights import load_model, save_weights, weights_digest
from experiments.evaluation.store import read_summary
from experiments.pretraining.card import CARD, model_card
from experiments.pretraining.loop import OpenStream, Pretrainer
from experiments.pretraining.recipe import PretrainConfig

_LARGEST_DIFFERENCE = 0.5  # 8-bit levels
_SCORES = ("count", "psnr", "ssim", "rough_psnr", "rough_ssim")
_SCORES += ("visible", "visible_psnr", "hidden_psnr")
# What an entry of the index has of its own; packing again leaves it as it is.
_KEPT = ("policy", "texture_sources", "history")


def _motorcycle_chroma(model: Network) -> np.ndarray:
    """Chroma that a network gives the Motorcycle pair without noise, 741x500."""
    left, right, _ = data.stereo_motorcycle()
    return predict(model, rgb_to_luma(to_float(right)), to_float(left))["chroma"]


def float16_difference(exact: Network, packed: Network) -> float:
    """Largest chroma difference of two networks on the Motorcycle pair, 8-bit levels.

    Raises:
        InputError: it is more than half a level.
    """
    chroma = [_motorcycle_chroma(model) for model in (exact, packed)]
    difference = float(255 * np.abs(chroma[0] - chroma[1]).max())
    if not difference <= _LARGEST_DIFFERENCE:
        raise InputError(
            "expected float16 weights that change the chroma of the Motorcycle pair by "
            f"at most {_LARGEST_DIFFERENCE} grey levels. Received: {difference:.3f}"
        )
    return difference


def _evaluation(directory: str | os.PathLike, model: Network) -> dict[str, Any]:
    """What the card says of an evaluation: its settings and means by dataset.

    Raises:
        InputError: no finished evaluation, or one of other weights.
    """
    try:
        summary = read_summary(directory)
        settings = summary["settings"]
        of_these = settings["sha256"] == weights_digest(model)
        entry = {
            "method": settings["method"],
            "split": settings["split"],
            "setup": settings["records_metadata"]["settings"]["setup"],
            "max_disparity": settings["max_disparity"],
            "bn_statistics": settings["model"]["bn_statistics"],
            "datasets": {
                name: {k: mean[k] for k in _SCORES if mean.get(k) is not None}
                for name, mean in summary["datasets"].items()
            },
        }
        if entry["method"] == model.config.name:
            entry["max_disparity"] = settings["model"].get("max_disparity")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            "expected a folder that experiments.evaluate has written for a network. "
            f"Received: {directory} ({error!r})"
        ) from error
    if not of_these:
        raise InputError(
            "expected an evaluation of the weights as they are packed. "
            f"Received: {directory}, of others"
        )
    return entry


def _result(
    run_dir: pathlib.Path, open_stream: OpenStream
) -> tuple[int, Config, pathlib.Path]:
    """Step, recipe and weights of a run's newest checkpoint."""
    newest = latest_checkpoint(run_dir)
    checkpoints = Checkpoints(run_dir, PretrainConfig)
    step = checkpoints.step
    try:
        recipe = checkpoints.config(step)
    except InputError:  # A run of `experiments.train`, or none.
        return step, Checkpoints(run_dir).config(step), newest / WEIGHTS
    return step, recipe, Pretrainer(recipe, run_dir, open_stream).write_result()


def _without_folders(values: dict[str, Any]) -> dict[str, Any]:
    """Paths of the machine of the training say nothing to others: their last parts."""
    return {
        name: pathlib.Path(value).name
        if isinstance(value, str) and os.path.isabs(value)
        else value
        for name, value in values.items()
    }


def write_index(directory: pathlib.Path, index: dict[str, Any]) -> None:
    """Writes `index.json` and the model card of a folder of weights."""
    text = json.dumps(index, indent=2, sort_keys=True)
    write_text(directory / pretrained.INDEX, text + "\n")
    write_text(directory / CARD, model_card(index))


def pack(
    run_dir: str | os.PathLike,
    name: str,
    directory: str | os.PathLike,
    open_stream: OpenStream,
    *,
    default: bool = False,
    policy: Mapping[str, Any] | None = None,
    texture_sources: str | os.PathLike | None = None,
    evaluations: Mapping[str, str | os.PathLike] | None = None,
) -> dict[str, Any]:
    """Packs the network of a run's newest checkpoint; see `experiments.pack_weights`.

    Writes `NAME.npz` with float16 kernels, its entry in `index.json`, and the model
    card of all weights that the index names. Nothing is written if float16 is not exact
    enough.

    Args:
        run_dir: of `experiments.pretrain` or `experiments.train`.
        name: of the weights, of letters, digits, `-`, `_` and `.`; what has the name
            is replaced.
        directory: folder of packed weights; made if it is not there.
        open_stream: see `Pretrainer`, for the calibration.
        default: whether the weights become the default.
        policy: fields of `colornet.Policy` with which the Colorizer uses the weights;
            those of the index if None.
        texture_sources: table of the textures' sources, kept as `NAME.textures.tsv`.
        evaluations: folders of `experiments.evaluate` for the packed weights, by the
            key that they get in the index.

    Returns:
        The entry of the index.

    Raises:
        InputError: no checkpoint, a bad name, float16 that is not exact enough, an
            evaluation of other weights, or a folder that cannot be written.
    """
    if not re.fullmatch(r"[\w.-]+", name) or name == "default":
        raise InputError(f"expected a name like n32-d192. Received: {name!r}")
    directory = pathlib.Path(directory)
    step, recipe, weights = _result(pathlib.Path(run_dir), open_stream)
    exact = load_model(weights)
    with tempfile.TemporaryDirectory() as scratch:
        packed_path = pathlib.Path(scratch) / "packed.npz"
        save_weights(exact, packed_path, kernels="float16")
        content = packed_path.read_bytes()
        packed = load_model(packed_path)
    entry = {
        "file": f"{name}.npz",
        "step": step,
        "recipe": json.loads(recipe.to_json(), object_hook=_without_folders),
        "parameters": exact.count_params(),
        "float16_difference": round(float16_difference(exact, packed), 4),
        "evaluations": {
            label: _evaluation(folder, packed)
            for label, folder in (evaluations or {}).items()
        },
    }
    with writing(directory):
        directory.mkdir(parents=True, exist_ok=True)
    index = {"default": None, "weights": {}}
    if (directory / pretrained.INDEX).exists():
        index = pretrained.read_index(directory)
    before = index["weights"].get(name, {})
    entry |= {key: before[key] for key in _KEPT if key in before}
    if policy is not None:
        entry["policy"] = dict(policy)
    if texture_sources is not None:
        entry["texture_sources"] = f"{name}.textures.tsv"
        table = pathlib.Path(texture_sources).read_bytes()
        with replacing(directory / entry["texture_sources"]) as file:
            file.write(table)
    with replacing(directory / entry["file"]) as file:
        file.write(content)
    entry["sha256"] = sha256_of(directory / entry["file"])
    index["weights"][name] = entry
    if default:
        index["default"] = name
    write_index(directory, index)
    return entry


def describe(
    name: str,
    directory: str | os.PathLike,
    *,
    policy: Mapping[str, Any] | None = None,
    evaluations: Mapping[str, str | os.PathLike] | None = None,
) -> dict[str, Any]:
    """Adds to the index and the card of packed weights; the weights stay.

    Args:
        name: of the weights.
        directory: folder of packed weights.
        policy, evaluations: see `pack`; evaluations under other keys stay.

    Returns:
        The entry of the index.

    Raises:
        InputError: no such weights, or an evaluation of others.
    """
    directory = pathlib.Path(directory)
    index = pretrained.read_index(directory)
    if name not in index["weights"]:
        raise InputError(
            f"expected weights of {directory} ({', '.join(index['weights'])}). "
            f"Received: {name}"
        )
    entry = index["weights"][name]
    network = load_model(directory / entry["file"])
    for label, folder in (evaluations or {}).items():
        entry["evaluations"][label] = _evaluation(folder, network)
    if policy is not None:
        entry["policy"] = dict(policy)
    write_index(directory, index)
    return entry
