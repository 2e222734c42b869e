r"""Shows what a network sees in a pair: in TensorBoard, and in a page for the browser.

    python -m experiments.inspect --mono=right.png --reference=left.png \
        --weights=runs/full --logdir=runs/inspect
    python -m experiments.inspect --records=records --split=test --keys=Adirondack \
        --weights=runs/full --weights=pretrained:n16-d96-6 --logdir=runs/inspect
    tensorboard --logdir=runs/inspect

The network sees a pair at one scale with a given d, as in the paper. The pair is two
pictures, rectified and of the same size, or one or several records. Every weights and
every pair are a run of TensorBoard, LOGDIR/WEIGHTS/PAIR, and all runs have the same
tags. Checkpoints of one training run are steps of one run. The page volumes.html lies
in the folder of the run, and shows the last step: the candidates of every pixel with
their weights W and attention A.
"""

import pathlib

import numpy as np
from absl import flags

from colornet import tiling
from colornet.color import rgb_to_chroma, rgb_to_luma
from colornet.config import BN_STATISTICS
from colornet.errors import InputError
from colornet.io.pairs import read_pair
from colornet.io.pictures import read_picture, to_float
from colornet.pretrained import DEFAULT, full_name
from experiments.methods import networks  # noqa: F401, makes their weights known
from tfrecords_tools import app

_MONO = flags.DEFINE_string("mono", None, "The monochrome picture.")
_REFERENCE = flags.DEFINE_string(
    "reference", None, "The colour picture, of the same size."
)
_TRUTH = flags.DEFINE_string(
    "truth", None, "The monochrome camera's view in its true colours, if it is known."
)
_MONO_VIEW = flags.DEFINE_enum(
    "mono_view", "right", ["right", "left"], "The monochrome camera's view (D-01)."
)
_RECORDS = flags.DEFINE_string(
    "records", None, "In place of pictures: a folder of TFRecords."
)
_SPLIT = flags.DEFINE_string("split", "test", "Split of the records.")
_KEYS = flags.DEFINE_list("keys", [], "Keys of records; the first record if unset.")
_WEIGHTS = flags.DEFINE_multi_string(
    "weights",
    [DEFAULT],
    "A run, a checkpoint, .npz, .keras or pretrained:NAME; can be given repeatedly.",
)
_MAX_DISPARITY = flags.DEFINE_integer(
    "max_disparity", None, "d of Eq. 1, a multiple of 32; that of the weights if unset."
)
_BN_STATISTICS = flags.DEFINE_enum(
    "bn_statistics", None, list(BN_STATISTICS), "Of training or of the picture (D-14)."
)
_MEMORY_GB = flags.DEFINE_float(
    "memory_gb", tiling.DEFAULT_MEMORY_GB, "Memory for the network."
)
_LOGDIR = flags.DEFINE_string(
    "logdir", None, "Folder for TensorBoard and the pages.", required=True
)
_OF_PICTURES = (_MONO, _REFERENCE, _TRUTH, _MONO_VIEW)
_OF_RECORDS = (_SPLIT, _KEYS)


def _pair_of_pictures() -> dict[str, np.ndarray]:
    """The pictures as an example, mirrored if the mono view is the left one."""
    from colornet.inference import float_pair

    if not (_MONO.value and _REFERENCE.value):
        raise InputError("expected --mono and --reference, or --records")
    photographs = read_pair(_MONO.value, _REFERENCE.value)
    mono, reference = (to_float(photograph.pixels) for photograph in photographs)
    luma = mono if mono.ndim == 2 else np.clip(rgb_to_luma(mono), 0, 1)
    mono, reference = float_pair(luma, reference)
    example = {"mono": mono, "reference": reference}
    if _TRUTH.value:
        truth = to_float(read_picture(_TRUTH.value))
        if truth.shape != reference.shape:
            raise InputError(
                f"expected a truth in colour, of the shape {reference.shape} of the "
                f"reference. Received: {truth.shape}"
            )
        example["chroma"] = rgb_to_chroma(truth)
    if _MONO_VIEW.value == "left":
        return {name: picture[:, ::-1] for name, picture in example.items()}
    return example


def _examples() -> dict[str, dict[str, np.ndarray]]:
    """The pairs by their names."""
    if not _RECORDS.value:
        app.refuse_flags(_OF_RECORDS, "a pair of pictures")
        return {pathlib.Path(_MONO.value or "").stem: _pair_of_pictures()}
    app.refuse_flags(_OF_PICTURES, "records")
    from colornet.data import Records

    found, wanted, seen = {}, dict.fromkeys(_KEYS.value), []
    for example in Records(_RECORDS.value, _SPLIT.value).examples():
        seen.append(example["key"])
        if example["key"] in wanted or not wanted:
            found[example["key"]] = example
        if len(found) == max(1, len(wanted)):
            return found
    missing = ", ".join(key for key in wanted if key not in found)
    raise InputError(
        f"expected keys of records, such as {', '.join(seen[:5])}. Received: {missing}"
    )


def main() -> None:
    from experiments.evaluation import inspection

    examples = _examples()
    found = inspection.sources([full_name(name) for name in _WEIGHTS.value])
    lines = inspection.inspect(
        found,
        examples,
        pathlib.Path(_LOGDIR.value),
        tiling.Tiling(_MEMORY_GB.value),
        max_disparity=_MAX_DISPARITY.value,
        bn_statistics=_BN_STATISTICS.value,
    )
    for line in lines:
        print(line, flush=True)
    print(f"TensorBoard: tensorboard --logdir={_LOGDIR.value}")


if __name__ == "__main__":
    app.run(main)
