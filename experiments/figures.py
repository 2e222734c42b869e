"""Figures 2 to 6: the network, why averaging helps, and results side by side.

    python -m experiments.figures --records=records --weights=colornet=runs/full

Figure 1 of the paper is a photograph of its authors' phone, and is not drawn. Figure 2
is the network as it is built, and needs no records.

Run after table3 the pictures of Figures 4 to 6 are those on which the network leads the
most and the least, of the paper's datasets that are there, or of all columns where none
is; `--example=KEY` shows others. Figure 3 is of the first picture. SVG, PNGs and their
captions go to `figures` below the output folder, and `experiments.report` shows them.
A `figure.png` in each folder is the whole figure with its caption.
"""

import pathlib

from absl import flags

from colornet.errors import InputError
from experiments.tables import program
from tfrecords_tools import app

_ALL = ["2", "3", "4", "5", "6"]
_FIGURES = flags.DEFINE_multi_enum("figure", _ALL, _ALL, "Which ones.")
_EXAMPLES = flags.DEFINE_multi_string(
    "example", [], "Key of a record to show in figures 4 to 6."
)


def main() -> None:
    from colornet.io.json_files import write_json
    from experiments.provenance import made
    from experiments.tables.figures import figure3, make_figures, shown_columns
    from experiments.tables.network_drawing import draw_network
    from experiments.tables.paper import METHOD_ROWS

    output = pathlib.Path(program.OUTPUT.value)
    names = list(_FIGURES.value)
    if "2" in names:
        names.remove("2")
        print(f"Figure 2, the network: {draw_network(output)}", flush=True)
    write_json(output / "figures.json", made())
    if not names:
        return
    rows = {row.name: row for row in program.rows(METHOD_ROWS)}
    columns = shown_columns(program.columns())
    unknown = set(_EXAMPLES.value)
    for name in names:
        if name == "3":
            # The setups see the same scenes.
            first = [c for c in columns if c.setup == columns[0].setup]
            figures = (figure3(column, output) for column in first)
        else:
            figures = make_figures(
                name, rows, columns, output, examples=_EXAMPLES.value
            )
        for figure in figures:
            unknown.discard(figure.key)
            print(figure.caption, flush=True)
    if unknown and set(names) - {"3"}:
        raise InputError(
            "expected examples that are keys of the records. "
            f"Received: {', '.join(sorted(unknown))}"
        )
    print(f"figures: {output}/figures")


if __name__ == "__main__":
    app.run(main)
