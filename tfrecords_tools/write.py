r"""Writes stereo pairs as TFRecords.

    python -m tfrecords_tools.write --dataset=sceneflow --data_dir=SceneFlow \
        --out_dir=records --setup=1

Says what of the dataset is there, then converts. Records go to
<out_dir>/colornet_records/<dataset>_setup<setup>/1.0.0, in shards that appear when all
of them are whole; a run that was stopped starts again. `python -m tfrecords_tools.check
--dataset=…` prints the folder tree that a dataset must have. All --dataset=pairs are of
split `test`, unless a column `split` of their INDEX.tsv names another, such as `train`.
"""

import os

from absl import flags

from colornet.io.limits import Limits
from tfrecords_tools import app, inventory, source_flags
from tfrecords_tools.limit_flags import limit_flags
from tfrecords_tools.records import RecordConfig

_OUT_DIR = flags.DEFINE_string(
    "out_dir", None, "Folder that the records go to.", required=True
)
_SETUP = flags.DEFINE_integer("setup", 1, "Noise of Table 2: setup 1 or 2.")
_MONO_VIEW = flags.DEFINE_string(
    "mono_view", "right", "View of the monochrome camera: right, or left (D-01)."
)
_SCALE = flags.DEFINE_float("scale", 1.0, "1 / k: averages every k x k pixels.")
_NOISE_ORDER = flags.DEFINE_string(
    "noise_order", "before_scale", "Noise before_scale or after_scale (D-08)."
)
_LIMITS = limit_flags()
_LIMIT = flags.DEFINE_integer("limit", None, "Keep so many pairs of every split.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace records that are there.")
_PROCESSES = flags.DEFINE_integer(
    "processes", os.cpu_count() or 1, "How many processes convert at a time."
)
_BEAM_RUNNER = flags.DEFINE_string(
    "beam_runner",
    None,
    "Convert on Apache Beam with this runner (pip install -e '.[beam]').",
)
_BEAM_OPTION = flags.DEFINE_multi_string(
    "beam_option", [], "Option of Beam's pipeline, such as direct_num_workers=2."
)
_MOST_SKIPPED = 10  # Lines on the terminal.


def main() -> None:
    from tfrecords_tools.writer import SKIPPED, write_records

    source = source_flags.source()
    parts = source.parts()
    print(inventory.describe(source, parts), flush=True)
    written = write_records(
        source,
        _OUT_DIR.value,
        record=RecordConfig(
            setup=_SETUP.value,
            mono_view=_MONO_VIEW.value,
            scale=_SCALE.value,
            noise_order=_NOISE_ORDER.value,
        ),
        limits=Limits(**app.flag_values(_LIMITS)),
        limit=_LIMIT.value,
        strict=source_flags.STRICT.value,
        on_error=source_flags.ON_ERROR.value,
        parts=parts,
        processes=_PROCESSES.value,
        beam_runner=_BEAM_RUNNER.value,
        beam_options=_BEAM_OPTION.value,
        overwrite=_OVERWRITE.value,
        progress=True,
    )
    counts = ", ".join(f"{name} {n}" for name, n in sorted(written.counts.items()))
    print(f"{'wrote' if written.is_new else 'already there'}: {written.folder}")
    print(f"records: {counts}; {written.num_bytes / 1e6:.1f} MB")
    if skipped := written.skipped:
        print(f"skipped {len(skipped)} pairs:", *skipped[:_MOST_SKIPPED], sep="\n  ")
        if more := len(skipped[_MOST_SKIPPED:]):
            print(f"  and {more} more in {written.folder / SKIPPED}")


if __name__ == "__main__":
    app.run(main)
