r"""Packs a training run as weights that come with the package.

    python -m experiments.pack_weights --run_dir=runs/pretrain --name=n32-d192 \
        --default --policy='{"target_disparity": 192}'
    python -m experiments.evaluate --records=records --output=evaluation \
        --method=colornet --weights=pretrained:n32-d192
    python -m experiments.pack_weights --name=n32-d192 --evaluation=colornet=evaluation

The run is one of experiments.train or experiments.pretrain, finished or not; its newest
checkpoint counts. Of experiments.pretrain the weights are averaged, and calibrated
unless their statistics are frozen (D-14). The kernels are stored as float16, if that
changes the chroma of the Motorcycle pair by no more than half a grey level. Without
--run_dir, scores and policy of weights that are packed already get into the model card.
"""

import functools
import json
import pathlib

from absl import flags

from colornet import pretrained
from colornet.errors import InputError
from tfrecords_tools import app

_RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Folder of the run; of weights that are packed already if unset."
)
_NAME = flags.DEFINE_string("name", None, "Of the weights.", required=True)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Folder of packed weights; the package's own if unset."
)
_DEFAULT = flags.DEFINE_bool("default", False, "Make them the default weights.")
_POLICY = flags.DEFINE_string(
    "policy",
    None,
    "How the Colorizer uses them: fields of colornet.Policy as JSON. Those that are in "
    "the index if unset.",
)
_TEXTURE_SOURCES = flags.DEFINE_string(
    "texture_sources", None, "Table of the textures' sources, to be kept beside them."
)
_EVALUATIONS = flags.DEFINE_multi_string(
    "evaluation", [], "LABEL=FOLDER of experiments.evaluate, for the model card."
)
_PROCESSES = flags.DEFINE_integer(
    "processes", None, "Processes that render; one less than the CPU cores if unset."
)


def _evaluations() -> dict[str, str]:
    found = {}
    for text in _EVALUATIONS.value:
        label, equals, folder = text.partition("=")
        if not (label and equals and folder):
            raise InputError(f"expected --evaluation=LABEL=FOLDER. Received: {text}")
        found[label] = folder
    return found


def _policy() -> dict | None:
    if _POLICY.value is None:
        return None
    from colornet import Policy

    try:
        values = json.loads(_POLICY.value)
        Policy.from_dict(values)
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"expected fields of colornet.Policy as JSON. Received: {_POLICY.value} "
            f"({error})"
        ) from error
    return values


def main() -> None:
    evaluations, policy = _evaluations(), _policy()
    from experiments.pretraining.packing import describe, pack
    from experiments.pretraining.stream import SceneStream

    directory = pathlib.Path(_OUTPUT_DIR.value or pretrained.folder())
    if _RUN_DIR.value is None:
        unused = _DEFAULT, _TEXTURE_SOURCES, _PROCESSES
        app.refuse_flags(unused, "weights that are packed already, without --run_dir")
        describe(_NAME.value, directory, policy=policy, evaluations=evaluations)
        print(f"{directory / pretrained.INDEX} and the model card beside it")
        return
    entry = pack(
        _RUN_DIR.value,
        _NAME.value,
        directory,
        functools.partial(SceneStream, processes=_PROCESSES.value),
        default=_DEFAULT.value,
        policy=policy,
        texture_sources=_TEXTURE_SOURCES.value,
        evaluations=evaluations,
    )
    print(
        f"step {entry['step']} in {directory / entry['file']}, SHA-256 "
        f"{entry['sha256']}; float16 changes the Motorcycle pair by "
        f"{entry['float16_difference']:.3f} grey levels"
    )


if __name__ == "__main__":
    app.run(main)
