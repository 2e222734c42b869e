"""Prints Table 1 from the network as it is built, with symbolic sizes.

python -m experiments.table1
"""

from absl import flags

from tfrecords_tools import app

_N = flags.DEFINE_integer("n", 32, "Number of filters.", lower_bound=1)


def main() -> None:
    from colornet.architecture import GROUPS, table1_rows

    table = table1_rows(_N.value)
    width = max(len(row.description) for row in table)
    print(f"{'layer':>5}  {'description':<{width}}  {'output':<22}  parameters")
    for row in table:
        if row.number in GROUPS:
            print(f"       {GROUPS[row.number]}")
        print(
            f"{row.number:>5}  {row.description:<{width}}  {row.size:<22}  "
            f"{row.parameters:>10,}"
        )
        if row.added_to is not None:
            added = f"add layer {row.added_to} and {row.number} feat."
            print(f"       {added:<{width}}  {row.size}")
    print(f"trainable parameters: {sum(row.parameters for row in table):,}")


if __name__ == "__main__":
    app.run(main)
