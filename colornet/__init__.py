"""ColorNet: colorization for a monochrome-color dual-lens system (AAAI 2019).

The names below are loaded when first used: `import colornet` alone loads no backend.
"""

import importlib

__version__ = "0.1.0"

_EXPORTS = {
    "ModelConfig": "colornet.config",
    "TrainConfig": "colornet.config",
    "InputError": "colornet.errors",
    "Tiling": "colornet.tiling",
    "ColorNet": "colornet.model",
    "build_colornet": "colornet.model",
    "colorize": "colornet.inference",
    "load_model": "colornet.checkpoints",
    "load_pretrained": "colornet.pretrained",
    "pretrained_names": "colornet.pretrained",
}

__all__ = sorted(_EXPORTS)


def __getattr__(name: str):
    if name not in _EXPORTS:
        raise AttributeError(f"module 'colornet' has no attribute {name!r}")
    return getattr(importlib.import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_EXPORTS])
