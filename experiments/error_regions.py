r"""Shows where methods err: visible and hidden pixels, and parts of both.

    python -m experiments.error_regions --datasets=middlebury2003_quarter \
        --records=records/colornet_records/pairs_setup1 --output=regions

Only pictures of known disparity count. A row of the table is a part of the pictures
(`experiments.evaluation.regions`): its share of all pixels, and for every method its
share of the squared error of chroma, over all pictures together, and its PSNR. A
stopped measurement goes on.
"""

import itertools
import pathlib
from collections.abc import Iterator

from absl import flags

from colornet.pretrained import DEFAULT, full_name
from experiments import methods
from tfrecords_tools import app

_RECORDS = flags.DEFINE_string("records", None, "Folder of TFRecords.", required=True)
_SPLIT = flags.DEFINE_string("split", "test", "Split of the records.")
_DATASETS = flags.DEFINE_list("datasets", [], "Names of datasets; all if unset.")
_LIMIT = flags.DEFINE_integer("limit", None, "The first so many.", lower_bound=1)
_METHODS = flags.DEFINE_list(
    "methods",
    [methods.COLORNET, methods.COLORIZER, "semi_global", methods.TRUE_DISPARITY],
    "The methods to compare.",
)
_WEIGHTS = flags.DEFINE_string("weights", DEFAULT, "Of colornet and colorizer.")
_CANDIDATES = flags.DEFINE_integer(
    "candidates", None, "d of Eq. 1 for all methods but the colorizer.", lower_bound=1
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder to go on in.", required=True)

# Raised when a method or the regions change, so that nothing goes on from before.
_VERSION = 1


def _rows(method: str, records, folder: pathlib.Path) -> Iterator[dict[str, str]]:
    """Pixels and squared errors, 8-bit levels, of every region of every example."""
    import numpy as np

    from colornet.color import rgb_to_chroma
    from colornet.metrics import chroma_codes
    from experiments.evaluation.predictors import (
        Evaluation,
        is_network,
        predict_example,
        predictor,
    )
    from experiments.evaluation.regions import regions
    from experiments.evaluation.store import Store

    evaluation = Evaluation(
        records="",
        method=method,
        weights=full_name(_WEIGHTS.value) if is_network(method) else None,
        max_disparity=None if method == methods.COLORIZER else _CANDIDATES.value,
    )
    run, about = predictor(evaluation)
    about |= {"version": _VERSION, "method": method, "records": records.metadata}
    store = Store(folder / method, about | {"split": _SPLIT.value})
    rows = {row["key"]: row for row in store.rows()}
    examples = itertools.islice(records.examples(_DATASETS.value), _LIMIT.value)
    for example in examples:
        if not (example["disparity"] >= 0).any():
            continue
        key = example["key"]
        if key not in rows:
            found = predict_example(run, example).chroma
            truth = chroma_codes(rgb_to_chroma(np.float64(example["target"])))
            squares = ((chroma_codes(found) - truth) ** 2).mean(axis=-1)
            row = {"key": key}
            for name, where in regions(example["target"], example["disparity"]).items():
                row[name] = f"{where.sum()} {squares[where].sum():.6g}"
            store.append(row, is_first=not rows)
            rows[key] = row
            print(f"{method}, {key}", flush=True)
        yield rows[key]


def main() -> None:
    from colornet.data import Records
    from colornet.errors import InputError

    folder = pathlib.Path(_OUTPUT.value)
    records = Records(_RECORDS.value, _SPLIT.value)
    rows = {m: list(_rows(m, records, folder)) for m in dict.fromkeys(_METHODS.value)}
    if not any(rows.values()):
        raise InputError(
            f"expected records with true disparity. Received: {_RECORDS.value}, without"
        )
    print(f"\n{_markdown(rows)}\n\nper picture: {folder}/*/images.csv")


def _markdown(rows: dict[str, list[dict[str, str]]]) -> str:
    import numpy as np

    from experiments.evaluation.regions import HIDDEN, VISIBLE

    totals = {
        method: {
            name: np.sum([np.array(row[name].split(), float) for row in part], axis=0)
            for name in part[0]
            if name != "key"
        }
        for method, part in rows.items()
    }
    names = next(iter(totals.values()))
    lines = [["part", "pixels", *totals], ["---"] * (2 + len(totals))]
    for name in names:
        cells = []
        for sums in totals.values():
            pixels, squares = sums[VISIBLE] + sums[HIDDEN]
            count, error = sums[name]
            psnr = 10 * np.log10(255**2 * count / error) if error else np.inf
            cells.append(f"{error / squares:.0%}, {psnr:.1f} dB" if count else "")
        lines.append([name, f"{count / pixels:.0%}", *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    app.run(main)
