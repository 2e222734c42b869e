"""Methods of Tables 3 and 4 behind one interface.

A method is a function (mono, reference, max_disparity) -> chroma:
    mono: (height, width) float luma of the monochrome camera, in [0, 1].
    reference: (height, width, 3) float RGB of the colour camera, in [0, 1].
    max_disparity: number of candidates of Eq. 1, which every method that matches
        searches.
    chroma: (height, width, 2) float Cb, Cr, in [-0.5, 0.5].
"""

import functools
import importlib
from collections.abc import Callable

import numpy as np

from colornet.colorizer.classic import semi_global
from colornet.errors import InputError

# The network of Table 1 at one scale with a given d, and the product on top of it.
COLORNET, COLORIZER = "colornet", "colorizer"
# Semi-global matching with the true disparity in place of what it finds, where that is
# known and seen. Of `experiments.evaluate` alone, where records have the truth.
TRUE_DISPARITY = "true_disparity"

Method = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def _run(
    module: str, name: str, mono: np.ndarray, reference: np.ndarray, max_disparity: int
) -> np.ndarray:
    """Imports a module when its method is first used: their libraries take long."""
    method = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    return method(mono, reference, max_disparity)


METHODS: dict[str, Method] = {
    name: functools.partial(_run, module, name)
    for name, module in {
        "grey": "trivial",
        "zero_disparity": "trivial",
        "welsh": "welsh",
        "ironi": "ironi",
        "gupta": "gupta",
        "jeon": "jeon",
    }.items()
}
METHODS["semi_global"] = semi_global.semi_global


def names() -> list[str]:
    """The classic methods: without weights, and without `TRUE_DISPARITY`."""
    return list(METHODS)


def get(name: str) -> Method:
    """The method of that name; InputError if there is none."""
    if name not in METHODS:
        raise InputError(f"expected a method ({', '.join(names())}). Received: {name}")
    return METHODS[name]
