"""Measures speed and memory, as ratios within one run.

    python -m experiments.benchmark --size=full --json=benchmark.json

Every line is measured in a process of its own. Run it on an idle machine.
"""

import json

from absl import flags

from colornet import app
from colornet.files import replacing

_SECTIONS = flags.DEFINE_multi_enum("section", ["input"], ["input"], "What to measure.")
_SIZE = flags.DEFINE_enum(
    "size", "quick", ["quick", "full"], "quick only shows that everything runs."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Section input: stereo pairs to convert, as for dataset pairs."
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


def main() -> None:
    from experiments.benchmarks import input as input_section

    results = {}
    for section in _SECTIONS.value:
        print(f"== {section}", flush=True)
        results[section] = input_section.measure_input(
            input_section.SIZES[_SIZE.value], _DATA_DIR.value
        )
        print(table(results[section]), flush=True)
    if _JSON.value:
        with replacing(_JSON.value) as file:
            file.write(json.dumps(results, indent=2).encode())


if __name__ == "__main__":
    app.run(main)
