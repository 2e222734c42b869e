"""Writes a SavedModel that needs TensorFlow alone.

    python -m experiments.export --weights=runs/full --output=exported

The weights may also be those of a comparison network (`experiments.train --method=…`).
"""

from absl import flags

from colornet import app
from colornet.config import BN_STATISTICS
from experiments.methods import networks  # noqa: F401, makes their weights known

_WEIGHTS = flags.DEFINE_string(
    "weights", None, "A run, a checkpoint, .npz or .keras.", required=True
)
_OUTPUT = flags.DEFINE_string("output", None, "A new folder.", required=True)
_MAX_DISPARITY = flags.DEFINE_integer(
    "max_disparity", None, "d of Eq. 1, a multiple of 32; that of the weights if unset."
)
_BN_STATISTICS = flags.DEFINE_enum(
    "bn_statistics", None, list(BN_STATISTICS), "Of training or of the picture (D-14)."
)


def main() -> None:
    from colornet.checkpoints import load_model
    from colornet.export import SIGNATURE, export_saved_model

    model = load_model(
        _WEIGHTS.value,
        max_disparity=_MAX_DISPARITY.value,
        bn_statistics=_BN_STATISTICS.value,
    )
    export_saved_model(model, _OUTPUT.value)
    print(f"SavedModel with signature {SIGNATURE!r} in {_OUTPUT.value}")


if __name__ == "__main__":
    app.run(main)
