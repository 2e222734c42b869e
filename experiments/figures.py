"""Figures 3 to 6: results of the methods side by side, and why averaging helps.

    python -m experiments.figures --records=records --weights=ours=runs/full

Run after table3 the pictures are those on which the network leads the most and the
least; `--example=KEY` shows others. PNGs and their captions go to `figures` below the
output folder, and `experiments.report` shows them.
"""

import pathlib

from absl import flags

from colornet import app
from colornet.errors import InputError
from experiments.tables import table_flags

_FIGURES = flags.DEFINE_multi_enum(
    "figure", ["3", "4", "5", "6"], ["3", "4", "5", "6"], "Which ones."
)
_EXAMPLES = flags.DEFINE_multi_string("example", [], "Key of a record to show.")
# As in Table 3 where nothing else is said (D-04).
_MAX_DISPARITY = 192


def main() -> None:
    from experiments.tables.cells import find_columns, method_rows
    from experiments.tables.figures import figure3, make_figures

    if not table_flags.RECORDS.value:
        raise InputError("expected --records. Received: none")
    rows = {row.name: row for row in method_rows(table_flags.weights())}
    columns = find_columns(table_flags.RECORDS.value, (1, 2))
    output = pathlib.Path(table_flags.OUTPUT.value)
    d = table_flags.MAX_DISPARITY.value
    for name in _FIGURES.value:
        if name == "3":
            for column in columns:
                if column.records and column.setup == 1:
                    figure = figure3(column, output, d or _MAX_DISPARITY)
                    print(figure.caption, flush=True)
            continue
        for figure in make_figures(
            name,
            rows,
            columns,
            output,
            examples=_EXAMPLES.value,
            max_disparity=d,
        ):
            print(figure.caption, flush=True)
    print(f"figures: {output}/figures")


if __name__ == "__main__":
    app.run(main)
