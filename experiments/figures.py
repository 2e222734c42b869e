"""Figures 3 to 6: results of the methods side by side, and why averaging helps.

    python -m experiments.figures --records=records --weights=ours=runs/full

Run after table3 the pictures of Figures 4 to 6 are those on which the network leads the
most and the least, of the paper's datasets that are there, or of all columns where none
is; `--example=KEY` shows others. Figure 3 is of the first picture. PNGs and their
captions go to `figures` below the output folder, and `experiments.report` shows them.
"""

import pathlib

from absl import flags

from colornet.errors import InputError
from experiments.tables import table_flags
from tfrecords_tools import app

_FIGURES = flags.DEFINE_multi_enum(
    "figure", ["3", "4", "5", "6"], ["3", "4", "5", "6"], "Which ones."
)
_EXAMPLES = flags.DEFINE_multi_string(
    "example", [], "Key of a record to show in figures 4 to 6."
)


def main() -> None:
    from experiments.tables.cells import method_rows
    from experiments.tables.figure3 import figure3
    from experiments.tables.figures import make_figures, shown_columns

    rows = {row.name: row for row in table_flags.rows(method_rows)}
    columns = shown_columns(table_flags.columns((1, 2)))
    output = pathlib.Path(table_flags.OUTPUT.value)
    examples, drawn = _EXAMPLES.value, set()
    for name in _FIGURES.value:
        if name == "3":
            for column in columns:
                if column.setup == 1:
                    print(figure3(column, output).caption, flush=True)
            continue
        for figure in make_figures(name, rows, columns, output, examples=examples):
            drawn.add(figure.key)
            print(figure.caption, flush=True)
    unknown = [key for key in examples if key not in drawn]
    if unknown and set(_FIGURES.value) - {"3"}:
        raise InputError(
            "expected examples that are keys of the records. "
            f"Received: {', '.join(unknown)}"
        )
    print(f"figures: {output}/figures")


if __name__ == "__main__":
    app.run(main)
