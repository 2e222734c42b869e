r"""Measures speed and memory, as ratios within one run.

    python -m experiments.benchmark --size=full --json=benchmark.json
    python -m experiments.benchmark --section=startup --section=tiling \
        --weights=runs/full --data_dir=PAIRS

Every line is measured in a process of its own. Run it on an idle machine.
"""

import importlib
import json

from absl import flags

from colornet.io.files import write_text
from experiments.text_table import text_table
from tfrecords_tools import app

_DATA_DIR = flags.DEFINE_string(
    "data_dir",
    None,
    "Sections input and tiling: stereo pairs, as for dataset pairs; the Motorcycle "
    "pair if unset.",
)
_WEIGHTS = flags.DEFINE_string(
    "weights",
    None,
    "Sections startup, tiling, litert and precision: what the network has learned. "
    "Untrained if unset: what an overlap costs in quality is then not measured.",
)
# Modules of `experiments.benchmarks`, and what they are given beside the size.
_ARGUMENTS = {
    "network": (),
    "input": (_DATA_DIR,),
    "startup": (_WEIGHTS,),
    "tiling": (_WEIGHTS, _DATA_DIR),
    "litert": (_WEIGHTS,),
    "precision": (_WEIGHTS,),
    "device": (),
}
_SECTIONS = flags.DEFINE_multi_enum(
    "section",
    [name for name in _ARGUMENTS if name != "device"],
    list(_ARGUMENTS),
    "What to measure; all but device, which needs JAX, if unset.",
)
_SIZE = flags.DEFINE_enum(
    "size", "quick", ["quick", "full"], "quick only shows that everything runs."
)
_JSON = flags.DEFINE_string("json", None, "File for all numbers.")


def _table(rows: list[dict]) -> str:
    """Rows of which each may lack some of the columns."""
    columns = list(dict.fromkeys(name for row in rows for name in row))

    def cell(value) -> str:
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    cells = [[cell(row.get(name, "")) for name in columns] for row in rows]
    return text_table([columns, *cells])


def main() -> None:
    results = {}
    for section in _SECTIONS.value:
        print(f"== {section}", flush=True)
        module = importlib.import_module(f"experiments.benchmarks.{section}")
        given = [flag.value for flag in _ARGUMENTS[section]]
        results[section] = module.rows(_SIZE.value, *given)
        print(_table(results[section]), flush=True)
    if _JSON.value:
        write_text(_JSON.value, json.dumps(results, indent=2))


if __name__ == "__main__":
    app.run(main)
