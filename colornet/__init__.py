"""ColorNet: colorization for a monochrome-color dual-lens system (AAAI 2019).

The names below are loaded when first used: `import colornet` alone loads no backend.
"""

import contextlib
import importlib
import importlib.abc
import importlib.util
import os
import sys

from colornet.quiet import no_start_up_notes

__version__ = "0.2.0"

# By itself TensorFlow uses oneDNN on some processors with AVX-512 alone. With AVX2 a
# step of training takes a third of the time with it, a picture two thirds.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

_EXPORTS = {
    "ColorNet": "colornet.model",
    "Colorizer": "colornet.colorizer.colorizer",
    "Explanation": "colornet.colorizer.colorizer",
    "InputError": "colornet.errors",
    "ModelConfig": "colornet.config",
    "Policy": "colornet.colorizer.plan",
    "Tiling": "colornet.tiling",
    "TrainConfig": "colornet.config",
    "build_colornet": "colornet.model",
    "colorize": "colornet.colorizer.colorizer",
    "load_model": "colornet.weights",
    "load_pretrained": "colornet.weights",
    "pretrained_names": "colornet.pretrained",
}

__all__ = sorted(_EXPORTS)


def __getattr__(name: str):
    if name not in _EXPORTS:
        raise AttributeError(f"module 'colornet' has no attribute {name!r}")
    return getattr(importlib.import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_EXPORTS])


class _AroundKeras(importlib.abc.MetaPathFinder):
    """Has Keras imported without TensorFlow's notes, and the network after it.

    Keras finds no other network in `.keras` files. Nothing is imported before: `import
    colornet` must stay quick.
    """

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        execute = spec.loader.exec_module

        def execute_and_register(module):
            with no_start_up_notes():
                execute(module)
            _register_network()

        spec.loader.exec_module = execute_and_register
        return spec


def _register_network():
    # Where a part of the network imports Keras, the network cannot be imported yet: who
    # imports that part imports the network, too.
    with contextlib.suppress(ImportError):
        importlib.import_module("colornet.model")


if "keras" in sys.modules:
    _register_network()
elif importlib.util.find_spec("keras"):
    sys.meta_path.insert(0, _AroundKeras())
