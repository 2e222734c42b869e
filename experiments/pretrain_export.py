"""Packs a pretraining run as weights that come with the package.

    python -m experiments.pretrain_export --run_dir=runs/pretrain --name=n32-d192 \
        --default
    python -m experiments.evaluate --records=records --output=evaluation \
        --weights=pretrained:n32-d192
    python -m experiments.pretrain_export --run_dir=runs/pretrain --name=n32-d192 \
        --default --evaluation=Middlebury=evaluation

The newest checkpoint, finished or not, is averaged, calibrated unless its statistics
are frozen (D-31), and stored with float16 kernels, if these change the chroma of the
Motorcycle pair by no more than half a grey level. The second time the scores get into
the model card as well.
"""

import functools
import pathlib

from absl import flags

from colornet import pretrained
from colornet.errors import InputError
from tfrecords_tools import app

_RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Folder of experiments.pretrain.", required=True
)
_NAME = flags.DEFINE_string("name", None, "Of the weights.", required=True)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Folder of packed weights; the package's own if unset."
)
_DEFAULT = flags.DEFINE_bool("default", False, "Make them the default weights.")
_WORKING_DISPARITY = flags.DEFINE_integer(
    "working_disparity",
    None,
    "They are loaded to see small pictures enlarged until this is their largest "
    "disparity, and large ones reduced (D-37); 0 for none, which new weights have if "
    "unset.",
    lower_bound=0,
)
_FIND_DISPARITY = flags.DEFINE_bool(
    "find_disparity",
    None,
    "They are loaded to find out how many candidates a pair needs (D-38); new weights "
    "are not, if unset.",
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


def main() -> None:
    evaluations = _evaluations()
    from experiments.pretraining.packing import pack
    from experiments.pretraining.stream import SceneStream

    directory = pathlib.Path(_OUTPUT_DIR.value or pretrained.folder())
    entry = pack(
        _RUN_DIR.value,
        _NAME.value,
        directory,
        functools.partial(SceneStream, processes=_PROCESSES.value),
        default=_DEFAULT.value,
        settings={
            "working_disparity": _WORKING_DISPARITY.value,
            "find_disparity": _FIND_DISPARITY.value,
        },
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
