"""Looks at what is there: pictures before they are written, records after it.

    python -m tfrecords_tools.check --dataset=sceneflow --data_dir=SceneFlow
    python -m tfrecords_tools.check --out_dir=records

With a dataset it prints the folder tree that is expected, what of it is there and what
is missing, and opens no picture. With an out_dir it reads every byte of the records,
prints splits, sizes, a sample and the measured noise beside Table 2, and writes a
contact sheet. Damaged or missing shards, keys that come twice, a scene in two splits
and noise that is not what the records say it is end it with one line.
"""

import pathlib
import sys

from absl import flags

from colornet.errors import InputError
from colornet.io.files import write_text
from colornet.io.pictures import write_picture
from colornet.noise import NOISE_SETUPS
from tfrecords_tools import app, inventory, source_flags
from tfrecords_tools.contact_sheet import contact_sheet
from tfrecords_tools.noise_meter import Level
from tfrecords_tools.sources import listed


def describe(report) -> str:
    """A `checker.Report` as lines of text."""
    levels = NOISE_SETUPS[report.settings["setup"]]
    settings = ", ".join(f"{k}={v}" for k, v in report.settings.items())
    counts = ", ".join(f"{name} {n}" for name, n in sorted(report.counts.items()))
    (low_h, low_w), (high_h, high_w) = report.sizes
    key, record = report.samples[0]
    height, width = record.mono.shape[:2]

    def level(camera: str, measured: Level, expected: float) -> str:
        low, high = (measured.value + 1.96 * s * measured.error for s in (-1, 1))
        return (
            f"  {camera} noise: {measured.value:.5f} measured (95 %: {low:.5f} to "
            f"{high:.5f}), {expected} in Table 2"
        )

    return "\n".join(
        [
            f"{report.folder}",
            f"  settings: {settings}",
            f"  records: {counts}; {report.num_bytes / 1e6:.1f} MB, all read",
            f"  skipped in writing: {len(report.skipped)} {listed(report.skipped, 10)}",
            f"  sizes: {low_w} x {low_h} to {high_w} x {high_h}",
            f"  disparity: known in {report.with_disparity} records, "
            f"up to {report.max_disparity:.1f} px",
            level("mono", report.mono, levels.mono),
            level("color", report.color, levels.color),
            f"  sample: {key}, {width} x {height}, mono mean {record.mono.mean():.1f}, "
            f"reference mean {record.reference.mean():.1f}",
        ]
    )


_OUT_DIR = flags.DEFINE_string("out_dir", None, "Folder of records to look below.")
_MISSING = flags.DEFINE_string(
    "missing", None, "Text file to write: the files that pairs of --dataset lack."
)
_CONTACT_SHEET = flags.DEFINE_string(
    "contact_sheet", None, "PNG to write; default <out_dir>/contact_sheet.png."
)
_NOISE_RECORDS = flags.DEFINE_integer(
    "noise_records", 200, "Measure the noise in so many records of a dataset at most."
)
_SAMPLES = flags.DEFINE_integer(
    "samples", 3, "Rows of the contact sheet for every split.", lower_bound=1
)


def _check_source() -> None:
    source = source_flags.source()
    print(sys.modules[type(source).__module__].__doc__)
    parts = source.parts()
    print(inventory.describe(source, parts))
    if _MISSING.value is not None:
        missing = [name for part in parts for name in part.missing]
        write_text(_MISSING.value, "".join(f"{name}\n" for name in missing))
        print(f"{len(missing)} missing files: {_MISSING.value}")
    inventory.usable_pairs(
        source, parts, source_flags.STRICT.value, source_flags.ON_ERROR.value
    )


def _check_records(out_dir: pathlib.Path) -> None:
    from tfrecords_tools.checker import check_dataset, find_datasets

    samples = []
    for folder in find_datasets(out_dir):
        report = check_dataset(folder, _NOISE_RECORDS.value, _SAMPLES.value, True)
        name = f"{folder.parent.name}/{folder.name}"
        samples += [(f"{name}: {key}", record) for key, record in report.samples]
        print(describe(report), flush=True)
    sheet = pathlib.Path(_CONTACT_SHEET.value or out_dir / "contact_sheet.png")
    write_picture(sheet, contact_sheet(samples))
    print(f"contact sheet: {sheet}")


def main() -> None:
    if source_flags.DATASET.value is None and _OUT_DIR.value is None:
        raise InputError("expected --dataset, --out_dir or both. Received: neither")
    if source_flags.DATASET.value is not None:
        _check_source()
    if _OUT_DIR.value is not None:
        _check_records(pathlib.Path(_OUT_DIR.value))


if __name__ == "__main__":
    app.run(main)
