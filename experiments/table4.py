"""Table 4: SSIM of every method on every dataset that is there.

    python -m experiments.table4 --records=records --weights=colornet=runs/full

Records are found by their names: middlebury_setup1 and so on. A row that needs weights
and has none, and a dataset that is not there, are "not run". Stopped and started again
it goes on; Tables 3 and 4 share their evaluations. The row `colorizer` has the weights
of `colornet`, unless --weights=colorizer=RUN.
"""

from experiments.tables import program
from tfrecords_tools import app


def main() -> None:
    program.make_table("table4")


if __name__ == "__main__":
    app.run(main)
