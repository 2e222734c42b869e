r"""What the authors' released protocol makes of the paper's figures.

    python -m experiments.released_protocol --part=cap
    python -m experiments.released_protocol --part=column --records=RECORDS \
        --weights=pretrained:n16-d96-6,runs/column
    python -m experiments.released_protocol --part=disparity --records=RECORDS \
        --weights=  # the true disparity alone; else the soft argmax of weights, too
    python -m experiments.released_protocol --part=noise --pairs=PAIRS
    python -m experiments.released_protocol --part=range
    python -m experiments.released_protocol --part=picture \
        --weights=runs/honest,runs/truth --output=picture.jpg

cap: the PSNR that one column 128 levels off allows, beside Table 5. column: scores with
and without the column that has no candidate. disparity: mistakes that a stereo matching
model can make, beside Table 5. noise: order of noise and reduction, beside Table 3.
range: studio range or full range, beside Table 3. picture: a pair of scikit-image,
colorized by two networks. results/released_protocol.md has the figures.

RECORDS are TFRecords of one setup, PAIRS a folder with INDEX.tsv. Scores are chroma
PSNR (D-11), means over pictures.
"""

import itertools
import time
from collections import defaultdict

import numpy as np
from absl import flags

from colornet.color import STUDIO_CHROMA_SCALE, rgb_to_chroma
from colornet.errors import InputError
from colornet.metrics import chroma_psnr
from colornet.noise import NOISE_SETUPS
from colornet.pretrained import DEFAULT, full_name
from experiments import methods
from experiments.evaluation.protocol import (
    CODE_0,
    NoiseOrder,
    copied,
    filled,
    mistakes,
    noisy_pair,
    psnr_cap,
    psnr_together,
)
from experiments.tables.paper import ABLATIONS, COLUMNS, METHODS
from experiments.text_table import text_table
from tfrecords_tools import app
from tfrecords_tools.sources.embedded import load_motorcycle
from tfrecords_tools.sources.pairs import Pairs

# Widths in px of the pictures that the paper's columns have at their full size; of
# Middlebury three times the mean of the 27 pairs at third size.
_WIDTHS = {"CT": 2048, "MB": 1314, "ST": 1024, "SF": 960}
_MB = list(COLUMNS).index("MB")
# From results/methods.md: PSNR on the 27 pairs under Setup 1 and 2.
_CLASSIC = {
    "welsh": (30.88, 27.52),
    "ironi": (34.39, 32.09),
    "gupta": (34.87, 34.29),
    "jeon": (37.40, 36.59),
}
_STUDIO_GAIN = -20 * np.log10(STUDIO_CHROMA_SCALE)
_ORDERS = {
    "as they are": NoiseOrder(),
    "as they are, noise of 3 times the size": NoiseOrder(finer=3),
    "as they are, noise of 4 times the size": NoiseOrder(finer=4),
    "half, noise before": NoiseOrder(2, before=True),
    "half, noise after": NoiseOrder(2),
    "third, noise before": NoiseOrder(3, before=True),
    "third, noise after": NoiseOrder(3),
}

_DATASETS = flags.DEFINE_list(
    "datasets", ["middlebury2005_third", "middlebury2006_third"], "Which pairs."
)
_RECORDS = flags.DEFINE_string("records", None, "Folder of TFRecords.")
_PAIRS = flags.DEFINE_string("pairs", None, "Folder of pairs with INDEX.tsv.")
_WEIGHTS = flags.DEFINE_list("weights", [DEFAULT], "What colornet.load_model reads.")
_MAX_DISPARITY = flags.DEFINE_integer("max_disparity", 96, "d of Eq. 1, px.")
_METHODS = flags.DEFINE_list("methods", ["grey", "welsh", "jeon"], "Of part noise.")
_ORDER = flags.DEFINE_multi_enum(
    "order", list(_ORDERS), list(_ORDERS), "Of part noise."
)
_LIMIT = flags.DEFINE_integer("limit", None, "The first so many pairs.", lower_bound=1)
_OUTPUT = flags.DEFINE_string("output", None, "The file of the picture.")


def _examples():
    from colornet.data import Records

    if not _RECORDS.value:
        raise InputError("expected --records. Received: none")
    examples = Records(_RECORDS.value, "test").examples(_DATASETS.value)
    return itertools.islice(examples, _LIMIT.value)


def _print(head: list[str], rows: list[list[str]], left: int = 1) -> None:
    print(text_table([head, *rows], left=left), flush=True)


def _means(scores: dict) -> list[list[str]]:
    return [[*key, f"{np.mean(values):.2f}"] for key, values in scores.items()]


def cap() -> None:
    """One column of code 0 under grey, and what is left of "Ours" with it."""
    paper, rows = ABLATIONS["psnr"], []
    for index, (name, width) in enumerate(_WIDTHS.items()):
        most = psnr_cap(width)
        ours, without = (paper[row][0][index] for row in ("full", "no_residue"))
        both = psnr_together(most, ours)
        rows.append([name, str(width), *(f"{x:.2f}" for x in (most, both, without))])
    head = ["dataset", "width", "cap", "Ours with the column", "paper, no residue"]
    _print(head, rows)


def _networks():
    """The networks of --weights by name; a `ColorNet` as it is, and as the release."""
    from colornet.networks import build_network
    from colornet.weights import load_model
    from experiments.methods.networks import RELEASED
    from experiments.methods.networks.config import ReleasedConfig

    for weights in map(full_name, _WEIGHTS.value):
        network = load_model(weights, max_disparity=_MAX_DISPARITY.value)
        if network.config.name == RELEASED:
            yield weights, network
            continue
        config = ReleasedConfig(**network.config.to_dict())
        for names in ((), ("first_candidate", "outside")):
            other = build_network(config.departing(names))
            other.start_from(network)
            yield " ".join([weights, *names]), other


def _oracle(network):
    from experiments.evaluation.predictors import Evaluation, predictor

    return predictor(Evaluation(records="", method=network.config.name), network)[0]


def column() -> None:
    """Rough C' and final C, with and without the last column, and alone."""
    from experiments.evaluation.predictors import predict_example

    oracles = {name: _oracle(network) for name, network in _networks()}
    scores = defaultdict(list)
    parts = {"all": np.s_[:], "without": np.s_[:, :-1], "alone": np.s_[:, -1:]}
    for example in _examples():
        truth = rgb_to_chroma(example["target"])
        broken = truth.copy()
        broken[:, -1] = CODE_0
        chroma = {("the truth, last column code 0", ""): broken}
        for name, method in oracles.items():
            prediction = predict_example(method, example)
            chroma[name, "rough"] = prediction.rough
            chroma[name, "final"] = prediction.chroma
        for key, value in chroma.items():
            scores[key].append(
                [chroma_psnr(value[p], truth[p]) for p in parts.values()]
            )
    rows = [
        [*key, *(f"{x:.2f}" for x in np.mean(values, axis=0))]
        for key, values in scores.items()
    ]
    _print(["network", "chroma", *parts], rows, left=2)


def _soft_argmax():
    from colornet.weights import load_model

    network = load_model(
        full_name(_WEIGHTS.value[0]), max_disparity=_MAX_DISPARITY.value
    )
    return network.with_config(rough="soft_argmax")


def disparity() -> None:
    """Scores of colours that are copied along right and wrong disparities."""
    from colornet.inference import predict

    network = _soft_argmax() if _WEIGHTS.value else None
    scores = defaultdict(list)
    for example in _examples():
        truth = rgb_to_chroma(example["target"])
        chroma = rgb_to_chroma(example["reference"])
        sources = {"true": filled(example["disparity"])}
        if network:
            pair = example["mono"], example["reference"]
            sources["soft argmax"] = predict(network, *pair)["disparity"]
        for source, value in sources.items():
            for name, wrong in mistakes(value, _MAX_DISPARITY.value).items():
                for outside in ("border", "grey", "code 0"):
                    copy = copied(chroma, wrong, outside)
                    scores[source, name, outside].append(chroma_psnr(copy, truth))
    head = ["disparity", "mistake", "outside", "PSNR"]
    _print(head, _means(scores), left=3)
    print(
        f"paper, stereo matching model: {ABLATIONS['psnr']['stereo_matching'][0][_MB]}"
    )


def noise() -> None:
    """Classic methods under other orders of noise and reduction, both setups."""
    if not _PAIRS.value:
        raise InputError("expected --pairs. Received: none")
    pairs = [p for part in Pairs(_PAIRS.value).parts() for p in part.pairs]
    pairs = [p for p in pairs if p.dataset in _DATASETS.value][: _LIMIT.value]
    rows = []
    for name in _ORDER.value:
        order = _ORDERS[name]
        scores, start = defaultdict(list), time.process_time()
        for pair, setup in itertools.product(pairs, NOISE_SETUPS):
            mono, reference, target = noisy_pair(pair.load(), pair.key, setup, order)
            truth = rgb_to_chroma(target)
            candidates = _MAX_DISPARITY.value // order.factor
            for method in _METHODS.value:
                chroma = methods.get(method)(mono, reference, candidates)
                scores[method, setup].append(chroma_psnr(chroma, truth))
        for method in _METHODS.value:
            first, second = (np.mean(scores[method, s]) for s in NOISE_SETUPS)
            paper = METHODS["psnr"].get(method)
            theirs = [setup[_MB] for setup in paper] if paper else []
            theirs = (
                [f"{x:.2f}" for x in (*theirs, theirs[0] - theirs[1])]
                if paper
                else [""] * 3
            )
            cells = [f"{x:.2f}" for x in (first, second, first - second)]
            rows.append([name, method, *cells, *theirs])
        print(f"{name}: {time.process_time() - start:.0f} s", flush=True)
    head = ["pictures", "method", "Setup 1", "Setup 2", "fall"]
    _print([*head, "paper 1", "paper 2", "paper, fall"], rows, left=2)


def studio() -> None:
    """How far the classic methods' figures are from the paper's in both ranges."""
    rows, distances = [], defaultdict(list)
    for name, ours in _CLASSIC.items():
        for setup, value in enumerate(ours):
            paper = METHODS["psnr"][name][setup][_MB]
            full, wide = value - paper, value + _STUDIO_GAIN - paper
            distances["full"].append(full)
            distances["studio"].append(wide)
            rows.append(
                [name, str(setup + 1), f"{paper:.2f}", f"{full:+.2f}", f"{wide:+.2f}"]
            )
    for label, function in (
        ("mean", np.mean),
        ("root mean square", lambda x: np.sqrt(np.mean(np.square(x)))),
    ):
        values = [f"{function(x):+.2f}" for x in distances.values()]
        rows.append([label, "", "", *values])
    _print(["method", "setup", "paper", "full range", "studio range"], rows)


def picture() -> None:
    """The Motorcycle pair of scikit-image: final C of each network, and its error."""
    from colornet.color import output_picture
    from colornet.io.pictures import write_picture
    from colornet.noise import to_uint8
    from colornet.visualize.drawing import fit, map_picture, tile
    from colornet.visualize.pictures import ERROR_LIMIT, mono_picture
    from experiments.evaluation.predictors import predict_example

    if not _OUTPUT.value:
        raise InputError("expected --output. Received: none")
    key = "middlebury2014/Motorcycle"
    luma, reference, target = noisy_pair(load_motorcycle(), key, 1, NoiseOrder())
    example = {
        "key": key,
        "mono": luma[..., None],
        "reference": reference,
        "target": target,
        "disparity": np.full_like(luma, -1),
    }
    truth = rgb_to_chroma(target)
    pictures = {
        "mono (input)": fit(mono_picture(luma)),
        "truth": fit(to_uint8(output_picture(example["mono"], truth))),
    }
    for name, network in _networks():
        chroma = predict_example(_oracle(network), example).chroma
        score = chroma_psnr(chroma, truth)
        title = f"{network.config.title}, {score:.2f} dB"
        pictures[title] = fit(to_uint8(output_picture(example["mono"], chroma)))
        error = map_picture(255 * np.linalg.norm(chroma - truth, axis=-1), ERROR_LIMIT)
        pictures[f"error of {name.split('/')[-1]} (grey levels)"] = error
        print(f"{name}: {score:.2f} dB", flush=True)
    write_picture(_OUTPUT.value, tile(pictures, columns=2))


_PARTS = {
    "cap": cap,
    "column": column,
    "disparity": disparity,
    "noise": noise,
    "range": studio,
    "picture": picture,
}
_PART = flags.DEFINE_enum("part", None, list(_PARTS), "What to measure.", required=True)


def main() -> None:
    _PARTS[_PART.value]()


if __name__ == "__main__":
    app.run(main)
