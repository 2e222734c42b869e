"""Measures speed and memory, as ratios within one run.

    python -m experiments.benchmark --size=full --json=benchmark.json
    python -m experiments.benchmark --section=startup --section=tiling \
        --weights=runs/full --data_dir=PAIRS

Every line is measured in a process of its own. Run it on an idle machine.
"""

import json

from absl import flags

from colornet.io.files import replacing
from tfrecords_tools import app

_NAMES = ["network", "input", "startup", "tiling"]
_SECTIONS = flags.DEFINE_multi_enum("section", _NAMES, _NAMES, "What to measure.")
_SIZE = flags.DEFINE_enum(
    "size", "quick", ["quick", "full"], "quick only shows that everything runs."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir",
    None,
    "Sections input and tiling: stereo pairs, as for dataset pairs; the Motorcycle "
    "pair if unset.",
)
_WEIGHTS = flags.DEFINE_string(
    "weights",
    None,
    "Sections startup and tiling: what the network has learned. Untrained if unset: "
    "what an overlap costs in quality is then not measured.",
)
_JSON = flags.DEFINE_string("json", None, "File for all numbers.")


def table(rows: list[dict]) -> str:
    """Rows with different columns, as text."""
    columns = list(dict.fromkeys(name for row in rows for name in row))

    def cell(value) -> str:
        if value is None:
            return ""
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    lines = [columns] + [[cell(row.get(name)) for name in columns] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if i == 0 else text.rjust(width)
            for i, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _measure(section: str) -> list[dict]:
    size = _SIZE.value
    if section == "network":
        from experiments.benchmarks.network import SIZES, measure_network

        return measure_network(SIZES[size])
    if section == "input":
        from experiments.benchmarks.input import SIZES, measure_input

        return measure_input(SIZES[size], _DATA_DIR.value)
    if section == "startup":
        from experiments.benchmarks.startup import SIZES, measure_startup

        return measure_startup(SIZES[size], _WEIGHTS.value)
    from experiments.benchmarks.tiling import SIZES, measure_tiling

    return measure_tiling(SIZES[size], _WEIGHTS.value, _DATA_DIR.value)


def main() -> None:
    results = {}
    for section in _SECTIONS.value:
        print(f"== {section}", flush=True)
        results[section] = _measure(section)
        print(table(results[section]), flush=True)
    if _JSON.value:
        with replacing(_JSON.value) as file:
            file.write(json.dumps(results, indent=2).encode())


if __name__ == "__main__":
    app.run(main)
