"""The flags and the job that table3, table4 and table5 share."""

import collections
import pathlib
import re
from collections.abc import Sequence

from absl import flags

from colornet.config import BN_STATISTICS
from colornet.errors import InputError
from colornet.io.files import replacing, writing

_RECORDS = flags.DEFINE_string(
    "records", None, "out_dir of tfrecords_tools.write with the datasets to score."
)
_WEIGHTS = flags.DEFINE_multi_string(
    "weights",
    [],
    "NAME=RUN of a learned row, or NAME@SETUP=RUN; several RUNs of a NAME are seeds.",
)
OUTPUT = flags.DEFINE_string("output", "runs/tables", "Folder for everything.")
_COLUMNS = flags.DEFINE_multi_string("column", [], "Column to score; all if unset.")
_LIMIT = flags.DEFINE_integer("limit", None, "Score the first so many.", lower_bound=1)
_MAX_DISPARITY = flags.DEFINE_multi_string(
    "max_disparity",
    [],
    "d of Eq. 1, or COLUMN=d of one column; that of the weights, or 192, if unset.",
)
_STATISTICS = flags.DEFINE_multi_string(
    "bn_statistics",
    [],
    "moving or batch, for all networks; or ROW=moving, ROW=batch for one row (D-14).",
)


def rows(make):
    """The rows of a table that the flags describe.

    Args:
        make: `method_rows` or `variant_rows` of `cells`.

    Raises:
        InputError: a flag that is not understood, or for a row that there is not;
            weights that cannot be loaded.
    """
    from experiments.tables.cells import check_weights

    found = make(runs(_WEIGHTS.value), statistics(_STATISTICS.value))
    check_weights(found)
    return found


def runs(texts: Sequence[str]) -> dict[str, dict[int, tuple[str, ...]]]:
    """Runs by the name of their row and by setup.

    Raises:
        InputError: a text that is no NAME=RUN or NAME@SETUP=RUN.
    """
    found = collections.defaultdict(lambda: collections.defaultdict(tuple))
    for text in texts:
        match = re.fullmatch(r"(\w+)(?:@([12]))?=(.+)", text)
        if not match:
            raise InputError(
                f"expected --weights=NAME=RUN or NAME@SETUP=RUN. Received: {text}"
            )
        name, setup, run = match.groups()
        for number in (1, 2) if setup is None else (int(setup),):
            found[name][number] += (run,)
    return {name: dict(runs) for name, runs in found.items()}


def disparities(texts: Sequence[str]) -> dict[str, int]:
    """d of Eq. 1 by column; "" stands for all that have none of their own.

    Raises:
        InputError: a text that is neither a number that the network can have as its d
            nor COLUMN=number.
    """
    found = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        if not number.isdecimal() or not int(number) or int(number) % 32:
            raise InputError(
                "expected --max_disparity=d or COLUMN=d, d a positive multiple of 32. "
                f"Received: {text}"
            )
        found[name] = int(number)
    return found


def statistics(texts: Sequence[str]) -> dict[str, str]:
    """Statistics of batch normalization by row; "" stands for all other rows.

    Raises:
        InputError: a text that does not end in such statistics.
    """
    found = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        if value not in BN_STATISTICS:
            choices = " or ".join(BN_STATISTICS)
            raise InputError(
                f"expected --bn_statistics={choices}, or ROW={choices}. "
                f"Received: {text}"
            )
        found[name] = value
    return found


def columns(setups: Sequence[int]):
    """The columns of these setups that the flags choose; see `find_columns`.

    Raises:
        InputError: no records, or a flag for a column that is not there.
    """
    from experiments.tables.columns import chosen, find_columns

    if not _RECORDS.value:
        raise InputError("expected --records. Received: none")
    # Of both setups: the flags of a table with two are right for one with one, too.
    every = find_columns(_RECORDS.value, (1, 2))
    found = chosen(every, _COLUMNS.value, disparities(_MAX_DISPARITY.value))
    places = [column for column in found if column.setup in setups]
    if not places:
        raise InputError(
            f"expected a column of Setup {' or '.join(map(str, setups))}. Received: "
            f"{', '.join(sorted({column.name for column in found}))} of another one"
        )
    return places


def make_table(name: str, title: str, metric: str, lines, setups) -> None:
    """Measures all cells, prints the table, and writes it after every row.

    Args:
        name: of the files in the output folder.
        title: of the table.
        metric: "psnr" or "ssim".
        lines: `Row`s of the table.
        setups: of Table 2.
    """
    from experiments.tables import text
    from experiments.tables.cells import measure

    places = columns(setups)
    output = pathlib.Path(OUTPUT.value)
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
    cells = []
    for cell in measure(metric, lines, places, OUTPUT.value, limit=_LIMIT.value):
        cells.append(cell)
        print(
            f"{cell.row}, {cell.column}, Setup {cell.setup}: "
            f"{text.cell_text(cell, metric)}",
            flush=True,
        )
        if len(cells) % len(places):
            continue
        for suffix, content in (
            ("md", text.markdown(title, cells, metric)),
            ("csv", text.csv_table(cells)),
            ("tex", text.latex(title, cells, metric)),
        ):
            with replacing(output / f"{name}.{suffix}") as file:
                file.write(content.encode())
    print(f"\n{text.markdown(title, cells, metric)}")
    print(
        f"{output}/{name}.md, .csv, .tex; per picture: {output}/setup*/*/*/images.csv"
    )
