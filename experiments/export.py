r"""Writes the network for programs that have no Keras: with TensorFlow, or LiteRT.

    python -m experiments.export --output=exported
    python -m experiments.export --format=litert --height=480 --width=640 \
        --max_disparity=64 --kernels=float16 --output=colornet.tflite

The weights are those that come with the package, or those of --weights. They may also
be those of a comparison network (`experiments.train --method=…`). A LiteRT file is for
pictures of one size.

ONNX needs nothing of this program. Keras writes it (packages onnx, tf2onnx) for sides
that are multiples of 32, once the network has run:

    network = colornet.load_pretrained()
    network({"mono": mono, "reference": reference})
    network.export("colornet.onnx", format="onnx")
"""

from absl import flags

from colornet.config import BN_STATISTICS
from colornet.errors import InputError
from colornet.pretrained import DEFAULT, full_name
from experiments.methods import networks  # noqa: F401, makes their weights known
from tfrecords_tools import app

_WEIGHTS = flags.DEFINE_string(
    "weights", DEFAULT, "A run, a checkpoint, .npz, .keras or pretrained:NAME."
)
_FORMAT = flags.DEFINE_enum(
    "format", "savedmodel", ["savedmodel", "litert"], "For TensorFlow, or for phones."
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "A new folder; of LiteRT a .tflite file.", required=True
)
_MAX_DISPARITY = flags.DEFINE_integer(
    "max_disparity", None, "d of Eq. 1, a multiple of 32; that of the weights if unset."
)
_BN_STATISTICS = flags.DEFINE_enum(
    "bn_statistics", None, list(BN_STATISTICS), "Of training or of the picture (D-14)."
)

_HEIGHT = flags.DEFINE_integer("height", None, "LiteRT: of the pictures, px.")
_WIDTH = flags.DEFINE_integer("width", None, "LiteRT: of the pictures, px.")
_KERNELS = flags.DEFINE_enum(
    "kernels", "float32", ["float32", "float16"], "LiteRT: kind of the stored weights."
)
_OF_LITERT = (_HEIGHT, _WIDTH, _KERNELS)


def main() -> None:
    is_litert = _FORMAT.value == "litert"
    if not is_litert:
        app.refuse_flags(_OF_LITERT, "format savedmodel")
    elif _HEIGHT.value is None or _WIDTH.value is None:
        raise InputError("format litert expects --height and --width. Received: none")
    from colornet.export import SIGNATURE, export_litert, export_saved_model
    from colornet.weights import load_model

    weights = full_name(_WEIGHTS.value)
    model = load_model(
        weights,
        max_disparity=_MAX_DISPARITY.value,
        bn_statistics=_BN_STATISTICS.value,
    )
    if is_litert:
        size = _HEIGHT.value, _WIDTH.value
        export_litert(model, _OUTPUT.value, *size, _KERNELS.value)
    else:
        export_saved_model(model, _OUTPUT.value)
    print(f"weights: {weights}")
    kind = "LiteRT" if is_litert else "SavedModel"
    print(f"{kind} with signature {SIGNATURE!r} in {_OUTPUT.value}")


if __name__ == "__main__":
    app.run(main)
