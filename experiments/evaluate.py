r"""Scores a method over a split of TFRecords.

    python -m experiments.evaluate --records=records --split=test --weights=runs/full \
        --output=runs/full/evaluation

--method=colornet, the default, is the network of Table 1 at one scale with a given d;
--method=colorizer is the product, which chooses both for every pair and mixes in
semi-global matching (D-37 to D-43).
PSNR and SSIM are over 8-bit Cb and Cr together (D-11), means over pictures. Where the
records have the true disparity, the PSNR is split into pixels that the reference shows
and those that it hides, or whose disparity is not known; --method=true_disparity
copies colours by it and propagates them over the rest. --method=released is the
network of the authors' released protocol, which is fed the truth: its scores are no
result. --worst=4 draws the four pictures that the method fails at the most. Pictures
that need more than --memory_gb are cut into tiles, which does not change the result.
--bn_statistics=batch needs pictures as a whole.
"""

from absl import flags

from colornet.config import BN_STATISTICS
from colornet.pretrained import full_name
from colornet.tiling import EXACT_TILING, Tiling
from experiments import methods
from experiments.methods import networks
from experiments.tiling_flags import tiling_flags
from tfrecords_tools import app

_RECORDS = flags.DEFINE_string("records", None, "Folder of TFRecords.", required=True)
_SPLIT = flags.DEFINE_string("split", "test", "Split to score.")
_METHOD = flags.DEFINE_enum(
    "method",
    methods.COLORNET,
    [
        methods.COLORNET,
        methods.COLORIZER,
        *methods.names(),
        *networks.names(),
        methods.TRUE_DISPARITY,
        networks.RELEASED,
    ],
    "The method to score.",
)
_WEIGHTS = flags.DEFINE_string(
    "weights",
    None,
    "Of a network: a run, a checkpoint, .npz, .keras or pretrained:NAME.",
)
_MAX_DISPARITY = flags.DEFINE_integer(
    "max_disparity",
    None,
    "d of Eq. 1, a multiple of 32; if unset, that of the weights, and of the colorizer "
    "an estimate for every pair (D-38).",
    lower_bound=1,
)
_BN_STATISTICS = flags.DEFINE_enum(
    "bn_statistics", None, list(BN_STATISTICS), "Of training or of the picture (D-14)."
)
_DATASETS = flags.DEFINE_list(
    "datasets", [], "Names of the datasets among the records to score; all if unset."
)
_LIMIT = flags.DEFINE_integer("limit", None, "Score the first so many.", lower_bound=1)
_TILING = tiling_flags(EXACT_TILING)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Folder for images.csv and summary.json.", required=True
)
_WORST = flags.DEFINE_integer(
    "worst",
    0,
    "Draw so many pictures, those with the lowest PSNR, to worst/ in the output.",
    lower_bound=0,
)


def main() -> None:
    method, unused = _METHOD.value, []
    if method in (*methods.names(), methods.TRUE_DISPARITY):
        unused += [_WEIGHTS, _BN_STATISTICS]
    if method in (*networks.names(), methods.TRUE_DISPARITY):
        unused.append(_MAX_DISPARITY)
    if method not in (methods.COLORNET, methods.COLORIZER):
        unused += _TILING.values()
    app.refuse_flags(unused, f"method {method}")

    from experiments.evaluation.predictors import Evaluation
    from experiments.evaluation.scoring import evaluate
    from experiments.evaluation.show import scores_table
    from experiments.evaluation.worst import draw_worst
    from experiments.methods.networks.config import ReleasedConfig

    evaluation = Evaluation(
        records=_RECORDS.value,
        split=_SPLIT.value,
        method=method,
        weights=_WEIGHTS.value and full_name(_WEIGHTS.value),
        max_disparity=_MAX_DISPARITY.value,
        bn_statistics=_BN_STATISTICS.value,
        datasets=tuple(dict.fromkeys(_DATASETS.value)),
        limit=_LIMIT.value,
        tiling=Tiling(**app.flag_values(_TILING)),
    )
    summary = evaluate(evaluation, _OUTPUT.value)
    title = method
    if method == networks.RELEASED:
        title = ReleasedConfig.from_dict(summary["settings"]["model"]).title
    print(scores_table({title: summary}))
    print(f"\nper picture: {_OUTPUT.value}/images.csv, means: summary.json beside it")
    for path in draw_worst(evaluation, _OUTPUT.value, _WORST.value):
        print(path)


if __name__ == "__main__":
    app.run(main)
