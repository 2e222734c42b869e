"""What networks see in pairs: TensorBoard's runs and a page for each of them."""

import dataclasses
import itertools
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from colornet.errors import InputError
from colornet.inference import colorize_outputs
from colornet.io.files import writing
from colornet.networks import Network
from colornet.pretrained import PREFIX
from colornet.tensorboard import write_summaries
from colornet.tiling import Tiling
from colornet.training.run_folder import checkpoint_steps
from colornet.visualize.page import write_page
from colornet.visualize.summaries import pair_summaries
from colornet.weights import load_model, weights_digest

PAGE = "volumes.html"
_STEP = re.compile(r"(?:step|calibrated)_(\d{8,})(?:\.npz)?")

Example = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True, order=True)
class Source:
    """Weights, and where TensorBoard shows them.

    Attributes:
        run: name of the weights, or of the training run that they are of.
        step: of the training where it is known, or 0.
        weights: what `colornet.load_model` reads.
    """

    run: str
    step: int
    weights: str


def sources(weights: Sequence[str]) -> list[Source]:
    """Weights sorted by run and step.

    Raises:
        InputError: two of them would have the same run and step.
    """
    found = sorted(map(_source, weights))
    if len({(source.run, source.step) for source in found}) < len(found):
        raise InputError(
            f"expected weights of different names. Received: {', '.join(weights)}"
        )
    return found


def _source(weights: str) -> Source:
    if weights.startswith(PREFIX):
        return Source(weights.removeprefix(PREFIX), 0, weights)
    path = pathlib.Path(weights).absolute()
    if match := _STEP.fullmatch(path.name):
        # RUN/checkpoints/step_00000100, or RUN/calibrated_00000100.npz
        run = path.parents[1] if path.suffix == "" else path.parent
        return Source(run.name, int(match[1]), weights)
    if steps := checkpoint_steps(path):
        return Source(path.name, steps[-1], weights)
    return Source(path.stem, 0, weights)


def inspect(
    found: Sequence[Source],
    examples: Mapping[str, Example],
    logdir: pathlib.Path,
    tiling: Tiling,
    **changes,
) -> Iterator[str]:
    """Writes LOGDIR/RUN/PAIR with an event file, and the page of the last step.

    Args:
        found: as `sources` returns them.
        examples: maps of every pair by its name; see `write_page`.
        logdir: made if missing.
        tiling: memory of the network; volumes are never cut into tiles (D-32).
        **changes: fields of the configurations; see `colornet.load_model`.

    Yields:
        A line about every pair and every weights.

    Raises:
        InputError: as `colornet.load_model` and `colorize_outputs`; a folder that
            cannot be written.
    """
    for run, group in itertools.groupby(found, lambda source: source.run):
        steps = list(group)
        folders = {name: logdir / run / name for name in examples}
        writers = {name: _writer(folder) for name, folder in folders.items()}
        for source in steps:
            network = load_model(source.weights, **changes)
            for name, example in examples.items():
                outputs = colorize_outputs(
                    network,
                    example["mono"],
                    example["reference"],
                    volumes=True,
                    tiling=tiling,
                )
                with writers[name].as_default(step=source.step):
                    facts = _write_run(source, network, example, outputs)
                writers[name].flush()
                line = f"{run}, step {source.step}, {name}"
                if "PSNR" in facts:
                    line += f", PSNR {facts['PSNR']}"
                if source is steps[-1]:
                    write_page(
                        folders[name] / PAGE,
                        example,
                        outputs,
                        is_distribution=_is_distribution(network),
                        title=name,
                        facts=facts,
                    )
                    line += f": {folders[name] / PAGE}"
                yield line


def _writer(folder: pathlib.Path) -> tf.summary.SummaryWriter:
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return tf.summary.create_file_writer(str(folder))


def _is_distribution(network: Network) -> bool:
    return network.config.weight_normalization == "softmax"


def _write_run(
    source: Source, network: Network, example: Example, outputs: Example
) -> dict[str, str]:
    """Writes a step to the writer in force; returns the facts that a page names."""
    values = pair_summaries(example, outputs, _is_distribution(network))
    write_summaries(values)
    height, width = example["mono"].shape[:2]
    config = network.config.to_dict()
    facts = {
        "weights": source.weights,
        "SHA-256": weights_digest(network),
        "step": source.step,
        "size": f"{width}x{height}",
    }
    rows = [f"| {key} | {value} |" for key, value in (facts | config).items()]
    table = "\n".join(["| | |", "|---|---|", *rows])
    tf.summary.text("configuration", table, description="Of the network and the pair.")
    facts |= {"n": config["n"], "d": config["max_disparity"]}
    facts["SHA-256"] = facts["SHA-256"][:12]
    if psnr := values.get("example/psnr_final"):
        facts["PSNR"] = f"{psnr:.2f} dB"
    return {name: str(value) for name, value in facts.items()}
