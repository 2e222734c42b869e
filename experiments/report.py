"""One HTML file of all tables and figures that are there, readable on a phone.

    python -m experiments.report --output=runs/tables

It needs no other file and no network.
"""

import pathlib

from absl import flags

from tfrecords_tools import app

_OUTPUT = flags.DEFINE_string("output", "runs/tables", "Folder of the tables.")


def main() -> None:
    from colornet.io.files import replacing
    from experiments.tables.report import write_report

    output = pathlib.Path(_OUTPUT.value)
    text = write_report(output)
    with replacing(output / "report.html") as file:
        file.write(text.encode())
    print(f"{output}/report.html, {len(text) / 1e6:.1f} MB")


if __name__ == "__main__":
    app.run(main)
