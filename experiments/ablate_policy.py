r"""Measures what each part of the Colorizer's policy brings.

    python -m experiments.ablate_policy --records=FULL,HALF,QUARTER --output=ablation \
        --datasets=middlebury2014_trainingQ,middlebury2003_quarter,middlebury2001 \
        --exclude=ArtL

The records are out_dirs of tfrecords_tools.write, of the dataset `pairs` in one or both
setups. Every row is the Colorizer with one part off; the last one has all off, which is
the paper's network. The table has the mean chroma PSNR of the policy (D-11), and the
change in dB by each part being off.

A look that two rows have in common runs once; the CPU seconds of a row are those of all
its looks and, where it estimates disparities, of the estimate. They hardly depend on
other programs that run.
"""

import itertools
import pathlib
import time
from collections.abc import Iterator

from absl import flags

from colornet.colorizer.cameras import see_alike
from colornet.errors import InputError
from colornet.noise import NOISE_SETUPS
from colornet.pretrained import DEFAULT, full_name
from experiments.evaluation.store import Store
from tfrecords_tools import app

_RECORDS = flags.DEFINE_list(
    "records", None, "Folders of records, one a size.", required=True
)
_DATASETS = flags.DEFINE_list("datasets", None, "Names of datasets.", required=True)
_EXCLUDE = flags.DEFINE_list("exclude", [], "Scenes to leave out.")
_LIMIT = flags.DEFINE_integer("limit", None, "Pairs of each size and setup.")
_WEIGHTS = flags.DEFINE_string("weights", DEFAULT, "What colornet.load_model reads.")
_WORKING_PIXELS = flags.DEFINE_integer(
    "working_pixels", None, "Of the policy; less makes pairs count as large ones."
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder to go on in.", required=True)

# Raised when the Colorizer changes, so that nothing goes on from before.
_VERSION = 1
# Part: the fields of the policy that turn it off.
_OFF = {
    "policy": {},
    "no disparity estimate": {"auto_disparity": False},
    "no enlarging": {"largest_scale": 1.0},
    "no reducing": {"smallest_scale": 1.0},
    "no semi-global matching": {"semi_global_weight": 0.0},
    "no luma detail": {"luma_detail": False},
    "no alignment": {"align": False},
    "cameras as they are": {"match_cameras": False},
    "all off": {
        "auto_disparity": False,
        "largest_scale": 1.0,
        "smallest_scale": 1.0,
        "semi_global_weight": 0.0,
        "align": False,
        "match_cameras": False,
    },
}


def _chroma(colorizer, luma, rgb, looks: dict):
    """Chroma of a pair, and CPU seconds; a look in `looks` is not repeated."""
    start = time.process_time()
    pair = see_alike(luma, rgb, colorizer.policy)
    seen = pair.alignment is None, pair.left, pair.photometry is None, pair.normalized
    plan = colorizer.plan(pair.luma, pair.rgb)
    seconds = time.process_time() - start
    chroma, took = _once(
        looks,
        (plan.network, seen),
        lambda: colorizer.look(pair.luma, pair.rgb, plan.network)["chroma"],
    )
    chroma = colorizer.at_full_size(chroma, pair.luma, plan.network.scale)
    seconds += took
    matched = None
    if plan.semi_global:
        view = plan.semi_global
        matched, took = _once(
            looks,
            (view, seen, "semi-global"),
            lambda: colorizer.match(pair.luma, pair.rgb, view),
        )
        chroma = colorizer.mixed(chroma, matched)
        seconds += took
    return pair.own_chroma(chroma, luma, matched), seconds


def _once(looks: dict, key, look):
    """What a look gives, and its CPU seconds; a key in `looks` is not looked at."""
    if key not in looks:
        start = time.process_time()
        looks[key] = look(), time.process_time() - start
    return looks[key]


def _rows(records, colorizers: dict, store: Store) -> Iterator[dict[str, str]]:
    from colornet.color import rgb_to_chroma
    from colornet.metrics import chroma_psnr

    rows = {row["key"]: row for row in store.rows()}
    examples = records.examples(_DATASETS.value)
    for example in itertools.islice(examples, _LIMIT.value):
        key = example["key"]
        if example["scene"] in _EXCLUDE.value:
            continue
        if key not in rows:
            truth, looks, cells = rgb_to_chroma(example["target"]), {}, {}
            for name, colorizer in colorizers.items():
                pair = example["mono"], example["reference"]
                chroma, seconds = _chroma(colorizer, *pair, looks)
                cells[name] = f"{chroma_psnr(chroma, truth):.4f} {seconds:.2f}"
            row = {"dataset": example["dataset"], "key": key, **cells}
            store.append(row, is_first=not rows)
            rows[key] = row
            print(key, flush=True)
        yield rows[key]


def main() -> None:
    from colornet.colorizer.colorizer import Colorizer, stored_policy
    from colornet.data import Records
    from colornet.weights import load_model, weights_digest

    weights = full_name(_WEIGHTS.value)
    network, policy = load_model(weights), stored_policy(weights)
    if _WORKING_PIXELS.value:
        policy = policy.replace(working_pixels=_WORKING_PIXELS.value)
    colorizers = {
        name: Colorizer(network, policy.replace(**off)) for name, off in _OFF.items()
    }
    about = {"version": _VERSION, "sha256": weights_digest(network)}
    about |= {"policies": {name: c.policy.to_dict() for name, c in colorizers.items()}}
    folder, rows = pathlib.Path(_OUTPUT.value), []
    for top in map(pathlib.Path, _RECORDS.value):
        places = {
            setup: top / f"colornet_records/pairs_setup{setup}"
            for setup in NOISE_SETUPS
        }
        if not any(place.is_dir() for place in places.values()):
            raise InputError(f"expected records of dataset pairs. Received: {top}")
        for setup, place in places.items():
            if not place.is_dir():
                continue
            records = Records(str(place), "test")
            settings = about | {"records": records.metadata}
            store = Store(folder / f"{top.name}_setup{setup}", settings)
            label = {"records": top.name, "setup": str(setup)}
            rows += [label | row for row in _rows(records, colorizers, store)]
    print(f"\n{_table(rows)}\n\nweights: {weights}; per picture: {folder}/*/images.csv")


def _table(rows: list[dict]) -> str:
    """Mean PSNR of the policy, and the loss in dB by each part being off."""
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        key = row["records"], row["dataset"], row["setup"]
        groups.setdefault(key, []).append(row)
    head = ["size", "dataset", "setup", "pairs", "policy dB", *list(_OFF)[1:]]
    lines = [head, ["---"] * len(head)]
    for (size, dataset, setup), part in groups.items():
        means = {name: _mean(part, name, 0) for name in _OFF}
        losses = [f"{means[n] - means['policy']:+.2f}" for n in list(_OFF)[1:]]
        lines.append(
            [size, dataset, setup, str(len(part)), f"{means['policy']:.2f}", *losses]
        )
    seconds = [f"{_mean(rows, name, 1):.1f}" for name in _OFF]
    lines.append(["CPU seconds a picture", "", "", str(len(rows)), *seconds])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _mean(rows: list[dict], name: str, index: int) -> float:
    values = [float(row[name].split()[index]) for row in rows]
    return sum(values) / len(values)


if __name__ == "__main__":
    app.run(main)
