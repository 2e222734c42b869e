"""Writes stereo pairs as TFRecords.

    python -m tfrecords_tools.write --dataset=pairs --data_dir=photos --out_dir=records

Records go to <out_dir>/colornet_records/<dataset>_setup<setup>/1.0.0.
"""

from absl import flags

from colornet import app
from tfrecords_tools.records import RecordConfig
from tfrecords_tools.sources import pairs
from tfrecords_tools.sources.embedded import EmbeddedConfig
from tfrecords_tools.writer import SOURCES, write_records

_DATASET = flags.DEFINE_string(
    "dataset", None, f"What to write: {', '.join(SOURCES)}.", required=True
)
_OUT_DIR = flags.DEFINE_string(
    "out_dir", None, "Folder that the records go to.", required=True
)
_DATA_DIR = flags.DEFINE_string("data_dir", None, f"Dataset pairs. {pairs.__doc__}")
_SETUP = flags.DEFINE_integer("setup", 1, "Noise of Table 2: setup 1 or 2.")
_MONO_VIEW = flags.DEFINE_string(
    "mono_view", "right", "View of the monochrome camera: right, or left (D-01)."
)
_SCALE = flags.DEFINE_float("scale", 1.0, "1 / k: averages every k x k pixels.")
_NOISE_ORDER = flags.DEFINE_string(
    "noise_order", "before_scale", "Noise before_scale or after_scale (D-08)."
)
_LIMIT = flags.DEFINE_integer("limit", None, "Keep so many pairs of every split.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace records that are there.")
_TRAIN_SCENES = flags.DEFINE_integer(
    "train_scenes", 24, "Dataset embedded: rendered scenes to train on."
)
_VALIDATION_SCENES = flags.DEFINE_integer(
    "validation_scenes", 4, "Dataset embedded: rendered scenes to validate on."
)
_HEIGHT = flags.DEFINE_integer("height", 160, "Dataset embedded: height of a scene.")
_WIDTH = flags.DEFINE_integer("width", 320, "Dataset embedded: width of a scene.")
_MAX_DISPARITY = flags.DEFINE_integer(
    "max_disparity", 32, "Dataset embedded: largest disparity of a scene, in pixels."
)
_TEXTURES = flags.DEFINE_string(
    "textures", "skimage", "Dataset embedded: skimage, or a folder of pictures."
)


def main() -> None:
    written = write_records(
        dataset=_DATASET.value,
        out_dir=_OUT_DIR.value,
        data_dir=_DATA_DIR.value,
        record=RecordConfig(
            setup=_SETUP.value,
            mono_view=_MONO_VIEW.value,
            scale=_SCALE.value,
            noise_order=_NOISE_ORDER.value,
        ),
        scenes=EmbeddedConfig(
            train_scenes=_TRAIN_SCENES.value,
            validation_scenes=_VALIDATION_SCENES.value,
            height=_HEIGHT.value,
            width=_WIDTH.value,
            max_disparity=_MAX_DISPARITY.value,
            textures=_TEXTURES.value,
        ),
        limit=_LIMIT.value,
        overwrite=_OVERWRITE.value,
        progress=True,
    )
    counts = ", ".join(f"{name} {n}" for name, n in sorted(written.counts.items()))
    print(f"{'wrote' if written.is_new else 'already there'}: {written.folder}")
    print(f"records: {counts}; {written.num_bytes / 1e6:.1f} MB")


if __name__ == "__main__":
    app.run(main)
