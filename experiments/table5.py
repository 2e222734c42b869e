r"""Table 5: the network and its ablations, under Setup 1.

    python -m experiments.table5 --records=records --weights=full=runs/full \
        --weights=no_attention=runs/no_attention

A row is a run of `experiments.train --variant=…`; several runs of a row that differ in
their seed show the spread. Stopped and started again it goes on.
"""

from experiments.tables import program
from tfrecords_tools import app


def main() -> None:
    program.make_table("table5_psnr")
    program.make_table("table5_ssim")


if __name__ == "__main__":
    app.run(main)
