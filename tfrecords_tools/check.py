"""Reads finished records back, every byte, and says what is in them.

    python -m tfrecords_tools.check --out_dir=records

Prints splits, sizes, a sample and the measured noise beside Table 2, and writes a
contact sheet. Damaged or missing shards, keys that come twice and noise that is not
what the records say it is end it with one line.
"""

import pathlib

from absl import flags

from colornet import app, images
from colornet.noise import NOISE_SETUPS
from tfrecords_tools.checker import Report, check_dataset, find_datasets
from tfrecords_tools.contact_sheet import contact_sheet
from tfrecords_tools.measure import Level


def describe(report: Report) -> str:
    """The report as lines of text."""
    levels = NOISE_SETUPS[report.settings["setup"]]
    settings = ", ".join(f"{k}={v}" for k, v in report.settings.items())
    counts = ", ".join(f"{name} {n}" for name, n in sorted(report.counts.items()))
    (low_h, low_w), (high_h, high_w) = report.sizes
    key, record = report.samples[0]
    height, width = record.mono.shape[:2]

    def level(camera: str, measured: Level, expected: float) -> str:
        return (
            f"  {camera} noise: {measured.value:.5f} +- {measured.error:.5f} measured, "
            f"{expected} in Table 2"
        )

    return "\n".join(
        [
            f"{report.folder}",
            f"  settings: {settings}",
            f"  records: {counts}; {report.num_bytes / 1e6:.1f} MB, all read",
            f"  sizes: {low_w} x {low_h} to {high_w} x {high_h}",
            f"  disparity: known in {report.with_disparity} records, "
            f"up to {report.max_disparity:.1f} px",
            level("mono", report.mono, levels.mono),
            level("color", report.color, levels.color),
            f"  sample: {key}, {width} x {height}, mono mean {record.mono.mean():.1f}, "
            f"reference mean {record.reference.mean():.1f}",
        ]
    )


_OUT_DIR = flags.DEFINE_string("out_dir", None, "Folder to look below.", required=True)
_CONTACT_SHEET = flags.DEFINE_string(
    "contact_sheet", None, "PNG to write; default <out_dir>/contact_sheet.png."
)
_NOISE_RECORDS = flags.DEFINE_integer(
    "noise_records", 200, "Measure the noise in so many records of a dataset at most."
)
_SAMPLES = flags.DEFINE_integer(
    "samples", 3, "Rows of the contact sheet for every split.", lower_bound=1
)


def main() -> None:
    out_dir = pathlib.Path(_OUT_DIR.value)
    samples = []
    for folder in find_datasets(out_dir):
        report = check_dataset(folder, _NOISE_RECORDS.value, _SAMPLES.value, True)
        samples += report.samples
        print(describe(report), flush=True)
    sheet = pathlib.Path(_CONTACT_SHEET.value or out_dir / "contact_sheet.png")
    images.write_picture(sheet, contact_sheet(samples))
    print(f"contact sheet: {sheet}")


if __name__ == "__main__":
    app.run(main)
