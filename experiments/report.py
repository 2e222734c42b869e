"""One HTML file of all tables and figures that are there, readable on a phone.

    python -m experiments.report --output=runs/tables

It needs no other file and no network. What was not run is folded away, and the best
number of each column is marked. Every table says when and by which command it was made.
"""

import pathlib

from absl import flags

from tfrecords_tools import app

_OUTPUT = flags.DEFINE_string("output", "runs/tables", "Folder of the tables.")


def main() -> None:
    from colornet.io.files import write_text
    from experiments.provenance import made
    from experiments.tables.report import write_report

    output = pathlib.Path(_OUTPUT.value)
    text = write_report(output, made())
    write_text(output / "report.html", text)
    print(f"{output}/report.html, {len(text) / 1e6:.1f} MB")


if __name__ == "__main__":
    app.run(main)
