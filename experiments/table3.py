"""Table 3: PSNR of every method on every dataset that is there.

    python -m experiments.table3 --records=records --weights=ours=runs/full

Records are found by their names: middlebury_setup1 and so on. A row that needs weights
and has none, and a dataset that is not there, are "not run". Stopped and started again
it goes on; Tables 3 and 4 share their evaluations.
"""

from experiments.tables import table_flags
from tfrecords_tools import app


def main() -> None:
    from experiments.tables.cells import method_rows

    rows = table_flags.rows(method_rows)
    table_flags.make_table(
        "table3", "Table 3, PSNR in dB of colorization methods", "psnr", rows, (1, 2)
    )


if __name__ == "__main__":
    app.run(main)
