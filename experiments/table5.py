"""Table 5: the network and its ablations, under Setup 1.

    python -m experiments.table5 --records=records --weights=full=runs/full \
        --weights=no_attention=runs/no_attention

A row is a run of `experiments.train --variant=…`; several runs of a row that differ in
their seed show the spread. Stopped and started again it goes on.
"""

from experiments.tables import table_flags
from tfrecords_tools import app


def main() -> None:
    from experiments.tables.cells import variant_rows

    rows = table_flags.rows(variant_rows)
    for metric in ("psnr", "ssim"):
        table_flags.make_table(
            f"table5_{metric}", f"Table 5, {metric.upper()}", metric, rows, (1,)
        )


if __name__ == "__main__":
    app.run(main)
