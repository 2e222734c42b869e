"""The flags and the job that table3, table4 and table5 share."""

import collections
import pathlib
import re
from collections.abc import Sequence

from absl import flags

from colornet.config import BN_STATISTICS
from colornet.errors import InputError
from colornet.files import replacing, writing

RECORDS = flags.DEFINE_string(
    "records", None, "out_dir of tfrecords_tools.write with the datasets to score."
)
WEIGHTS = flags.DEFINE_multi_string(
    "weights",
    [],
    "NAME=RUN of a learned row, or NAME@SETUP=RUN; several RUNs of a NAME are seeds.",
)
OUTPUT = flags.DEFINE_string("output", "runs/tables", "Folder for everything.")
LIMIT = flags.DEFINE_integer("limit", None, "Score the first so many.", lower_bound=1)
MAX_DISPARITY = flags.DEFINE_integer(
    "max_disparity", None, "d of Eq. 1; that of the weights, or 192, if unset."
)
STATISTICS = flags.DEFINE_enum(
    "bn_statistics", None, list(BN_STATISTICS), "Of the network's rows (D-14)."
)


def weights() -> dict[str, dict[int, tuple[str, ...]]]:
    """What `runs` makes of the flag."""
    return runs(WEIGHTS.value)


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


def make_table(name: str, title: str, metric: str, rows, setups) -> None:
    """Measures all cells, prints the table, and writes it after every row.

    Args:
        name: of the files in the output folder.
        title: of the table.
        metric: "psnr" or "ssim".
        rows: of the table.
        setups: of Table 2, its columns.
    """
    from experiments.tables import text
    from experiments.tables.cells import find_columns, measure

    if not RECORDS.value:
        raise InputError("expected --records. Received: none")
    columns = find_columns(RECORDS.value, setups)
    output = pathlib.Path(OUTPUT.value)
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
    cells = []
    for cell in measure(
        metric,
        rows,
        columns,
        OUTPUT.value,
        max_disparity=MAX_DISPARITY.value,
        limit=LIMIT.value,
        bn_statistics=STATISTICS.value,
    ):
        cells.append(cell)
        print(
            f"{cell.row}, {cell.column}, Setup {cell.setup}: "
            f"{text.cell_text(cell, metric)}",
            flush=True,
        )
        if len(cells) % len(columns):
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
