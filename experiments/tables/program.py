"""The flags and the job that table3, table4, table5 and figures share."""

import pathlib
from collections.abc import Collection, Sequence

from absl import flags

from colornet.config import BN_STATISTICS, check_grid
from colornet.errors import InputError
from colornet.io.files import write_text, writing
from colornet.noise import NOISE_SETUPS
from colornet.pretrained import full_name
from colornet.tiling import EXACT_TILING, Tiling
from experiments.tiling_flags import tiling_flags
from tfrecords_tools import app

_RECORDS = flags.DEFINE_string(
    "records", None, "out_dir of tfrecords_tools.write with the datasets to score."
)
_WEIGHTS = flags.DEFINE_multi_string(
    "weights",
    [],
    "ROW=RUN of a learned row, or ROW@SETUP=RUN; several RUNs of a ROW are seeds.",
)
OUTPUT = flags.DEFINE_string("output", "runs/tables", "Folder for everything.")
_COLUMNS = flags.DEFINE_multi_string("column", [], "Column to score; all if unset.")
_LIMIT = flags.DEFINE_integer("limit", None, "Score the first so many.", lower_bound=1)
_MAX_DISPARITY = flags.DEFINE_multi_string(
    "max_disparity",
    [],
    "d of Eq. 1, or COLUMN=d of one column; that of the weights, or 192, if unset.",
)
_STATISTICS = flags.DEFINE_enum(
    "bn_statistics", None, list(BN_STATISTICS), "Of all networks; their own if unset."
)
_TILING = tiling_flags(EXACT_TILING)


def weights(texts: Sequence[str]) -> dict[str, list[str]]:
    """Runs by "ROW" and "ROW@SETUP", from texts ROW=RUN and ROW@SETUP=RUN.

    Raises:
        InputError: another text, or a row that has no weights.
    """
    from experiments.tables.cells import learned_rows

    rows = learned_rows()
    names = {*rows, *(f"{row}@{setup}" for row in rows for setup in NOISE_SETUPS)}
    found: dict[str, list[str]] = {}
    for text in texts:
        name, _, run = text.partition("=")
        if name not in names or not run:
            raise InputError(
                "expected --weights=ROW=RUN or ROW@SETUP=RUN with a ROW of "
                f"{', '.join(rows)}. Received: {text}"
            )
        found.setdefault(name, []).append(full_name(run))
    return found


def disparities(texts: Sequence[str]) -> dict[str, int]:
    """d of Eq. 1 by column, from texts COLUMN=d; "" is the column of a text d.

    Raises:
        InputError: another text, or a d that the network cannot have.
    """
    found = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        if not number.isdecimal():
            raise InputError(
                f"expected --max_disparity=d or COLUMN=d. Received: {text}"
            )
        check_grid("max_disparity", int(number))
        found[name] = int(number)
    return found


def rows(names: Sequence[str]):
    """The rows of these names as the flags describe them.

    Raises:
        InputError: a flag that is not understood; weights that cannot be loaded.
    """
    from experiments.tables.cells import check_weights, make_rows

    tiling = Tiling(**app.flag_values(_TILING))
    found = make_rows(names, weights(_WEIGHTS.value), _STATISTICS.value, tiling)
    check_weights(found)
    return found


def columns(setups: Collection[int] = tuple(NOISE_SETUPS)):
    """The columns of these setups that the flags choose; see `find_columns`.

    Raises:
        InputError: no records, or a flag for a column that is not there.
    """
    from experiments.tables.columns import chosen, find_columns

    if not _RECORDS.value:
        raise InputError("expected --records. Received: none")
    # Of all setups: the flags of a table with two are right for one with one, too.
    every = find_columns(_RECORDS.value)
    found = chosen(every, _COLUMNS.value, disparities(_MAX_DISPARITY.value))
    places = [column for column in found if column.setup in setups]
    if not places:
        raise InputError(
            f"expected a column of Setup {' or '.join(map(str, setups))}. Received: "
            f"{', '.join(sorted({column.name for column in found}))} of another one"
        )
    return places


def make_table(name: str) -> None:
    """Measures all cells, prints the table, and writes it after every row.

    Args:
        name: in `paper.TABLES`.
    """
    from colornet.io.json_files import write_json
    from experiments.provenance import made
    from experiments.tables import paper, text
    from experiments.tables.cells import measure

    table = paper.TABLES[name]
    lines, places = rows(table.rows), columns(table.setups)
    output, metric = pathlib.Path(OUTPUT.value), table.metric
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
    cells = []
    for cell in measure(metric, lines, places, output, limit=_LIMIT.value):
        cells.append(cell)
        print(
            f"{cell.row}, {cell.column}, Setup {cell.setup}: "
            f"{text.cell_text(cell, metric)}",
            flush=True,
        )
        if len(cells) % len(places):
            continue
        markdown = text.markdown(table.title, cells, metric)
        write_text(output / f"{name}.md", markdown)
        write_text(output / f"{name}.csv", text.csv_table(cells))
        write_text(output / f"{name}.tex", text.latex(table.title, cells, metric))
        write_json(output / f"{name}.json", made())
    print(f"\n{markdown}")
    print(
        f"{output}/{name}.md, .csv, .tex; per picture: {output}/setup*/*/*/images.csv"
    )
