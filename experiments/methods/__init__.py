"""Methods of Tables 3 and 4 behind one interface.

A method is a function (mono, reference, max_disparity) -> chroma:
    mono: (height, width) float luma of the monochrome camera, in [0, 1].
    reference: (height, width, 3) float RGB of the colour camera, in [0, 1].
    max_disparity: number of candidates of Eq. 1, which every method that matches
        searches.
    chroma: (height, width, 2) float Cb, Cr, in [-0.5, 0.5].
"""

from collections.abc import Callable

import numpy as np

from colornet.colorizer.classic import semi_global
from colornet.errors import InputError
from experiments.methods import gupta, ironi, jeon, trivial, welsh

# The network of Table 1 at one scale with a given d, and the product on top of it.
COLORNET, COLORIZER = "colornet", "colorizer"
# Semi-global matching with the true disparity in place of what it finds, where that is
# known and seen. Of `experiments.evaluate` alone, where records have the truth.
TRUE_DISPARITY = "true_disparity"

Method = Callable[[np.ndarray, np.ndarray, int], np.ndarray]

METHODS: dict[str, Method] = {
    "grey": trivial.grey,
    "zero_disparity": trivial.zero_disparity,
    "welsh": welsh.welsh,
    "ironi": ironi.ironi,
    "gupta": gupta.gupta,
    "jeon": jeon.jeon,
    "semi_global": semi_global.semi_global,
}


def names() -> list[str]:
    """The classic methods: without weights, and without `TRUE_DISPARITY`."""
    return list(METHODS)


def get(name: str) -> Method:
    """The method of that name; InputError if there is none."""
    if name not in METHODS:
        raise InputError(f"expected a method ({', '.join(names())}). Received: {name}")
    return METHODS[name]
