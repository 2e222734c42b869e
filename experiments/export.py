"""Writes a SavedModel that needs TensorFlow alone.

    python -m experiments.export --output=exported

The weights are those that come with the package, or those of --weights. They may also
be those of a comparison network (`experiments.train --method=…`).
"""

from absl import flags

from colornet.config import BN_STATISTICS
from colornet.pretrained import DEFAULT, full_name
from experiments.methods import networks  # noqa: F401, makes their weights known
from tfrecords_tools import app

_WEIGHTS = flags.DEFINE_string(
    "weights", DEFAULT, "A run, a checkpoint, .npz, .keras or pretrained:NAME."
)
_OUTPUT = flags.DEFINE_string("output", None, "A new folder.", required=True)
_MAX_DISPARITY = flags.DEFINE_integer(
    "max_disparity", None, "d of Eq. 1, a multiple of 32; that of the weights if unset."
)
_BN_STATISTICS = flags.DEFINE_enum(
    "bn_statistics", None, list(BN_STATISTICS), "Of training or of the picture (D-14)."
)


def main() -> None:
    from colornet.export import SIGNATURE, export_saved_model
    from colornet.weights import load_model

    weights = full_name(_WEIGHTS.value)
    model = load_model(
        weights,
        max_disparity=_MAX_DISPARITY.value,
        bn_statistics=_BN_STATISTICS.value,
    )
    export_saved_model(model, _OUTPUT.value)
    print(f"weights: {weights}")
    print(f"SavedModel with signature {SIGNATURE!r} in {_OUTPUT.value}")


if __name__ == "__main__":
    app.run(main)
