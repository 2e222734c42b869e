"""Table 2: the noise of both cameras, measured in records, beside the paper's.

    python -m experiments.table2 --records=records

Records are found as by table3. Without --records, the Motorcycle pair, which needs no
download, gets the noise of both setups. The records keep no clean picture of the
colour camera. Its noise is measured by drawing the same random numbers again.
"""

import pathlib

from absl import flags

from tfrecords_tools import app

_RECORDS = flags.DEFINE_string(
    "records", None, "out_dir of tfrecords_tools.write; the Motorcycle pair if unset."
)
_LIMIT = flags.DEFINE_integer(
    "limit", 20, "Measure the first so many pictures of a dataset.", lower_bound=1
)
_OUTPUT = flags.DEFINE_string("output", "runs/tables", "Folder for table2.md.")


def main() -> None:
    from colornet.io.files import write_text, writing
    from experiments.tables import noise

    if _RECORDS.value:
        rows = noise.noise_of_records(_RECORDS.value, _LIMIT.value)
    else:
        rows = noise.noise_of_motorcycle()
    text = noise.markdown(list(rows))
    output = pathlib.Path(_OUTPUT.value)
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
    write_text(output / "table2.md", text)
    print(f"{text}\n{output}/table2.md")


if __name__ == "__main__":
    app.run(main)
