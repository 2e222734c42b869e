"""The flags that choose a dataset, for the modules that read one."""

import dataclasses

from absl import flags

from colornet.errors import InputError
from tfrecords_tools.convert import ON_ERROR as _ON_ERROR
from tfrecords_tools.sources import Source
from tfrecords_tools.sources.registry import SOURCES

DATASET = flags.DEFINE_enum("dataset", None, list(SOURCES), "Which dataset.")
STRICT = flags.DEFINE_bool(
    "strict", False, "Refuse a dataset without the published number of pairs."
)
ON_ERROR = flags.DEFINE_enum(
    "on_error", "fail", list(_ON_ERROR), "What becomes of pairs that cannot be read."
)
# Each is a field of the same name of one dataset or more.
_FIELDS = (
    flags.DEFINE_string("data_dir", None, "Top folder of the dataset's pictures."),
    flags.DEFINE_integer(
        "max_disparity",
        None,
        "d of Eq. 1 in pixels, noted in the records; embedded: the largest rendered.",
    ),
    flags.DEFINE_string(
        "render_pass", None, "sceneflow, sintel: clean (default) or final."
    ),
    flags.DEFINE_string("size", None, "middlebury: full, half, third or quarter."),
    flags.DEFINE_bool(
        "all_exposures", None, "middlebury: every lighting and exposure, not one."
    ),
    flags.DEFINE_integer(
        "train_scenes", None, "embedded: rendered scenes to train on."
    ),
    flags.DEFINE_integer(
        "validation_scenes", None, "embedded: rendered scenes to validate on."
    ),
    flags.DEFINE_integer("height", None, "embedded: height of a scene."),
    flags.DEFINE_integer("width", None, "embedded: width of a scene."),
    flags.DEFINE_string(
        "textures", None, "embedded: skimage, or a folder of pictures."
    ),
)


def source() -> Source:
    """The dataset that the flags describe.

    Raises:
        InputError: no dataset, or a flag that the dataset does not have.
    """
    if DATASET.value is None:
        raise InputError(f"expected a dataset ({', '.join(SOURCES)}). Received: none")
    kind = SOURCES[DATASET.value]
    given = {flag.name: flag.value for flag in _FIELDS if flag.value is not None}
    known = {field.name for field in dataclasses.fields(kind)}
    odd = sorted(given.keys() - known)
    if odd:
        flags_text = ", ".join(f"--{name}={given[name]}" for name in odd)
        raise InputError(
            f"expected flags of dataset {kind.name} ({', '.join(sorted(known))}). "
            f"Received: {flags_text}"
        )
    return kind(**given)
