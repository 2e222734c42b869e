"""Scores on held-out examples, which are the same for a whole run. Any backend."""

from collections.abc import Iterable, Mapping

import numpy as np

from colornet.inference import run
from colornet.networks import Network
from colornet.training.curve import psnr


def held_out_scores(
    network: Network, batches: Iterable[Mapping[str, np.ndarray]]
) -> dict[str, float]:
    """Means over the examples of the PSNR of C' and of C, at test time.

    The error is over Cb and Cr together, and not rounded to 8 bits as in the tables
    (D-11).

    Args:
        network: what is scored.
        batches: the network's inputs and `chroma` as `colornet.data` lists them,
            float32 with a batch axis, heights and widths multiples of 32.

    Returns:
        `psnr_rough` and `psnr_final` in dB. A network with one result has no rougher
        one, and twice the same number.
    """
    scores = {"psnr_rough": [], "psnr_final": []}
    for batch in batches:
        outputs = run(network, {name: batch[name] for name in network.input})
        rough = outputs.get("rough_chroma", outputs["chroma"])
        for values, chroma in zip(
            scores.values(), (rough, outputs["chroma"]), strict=True
        ):
            errors = np.square(np.asarray(chroma, np.float32) - batch["chroma"])
            values += map(psnr, errors.mean(axis=(1, 2, 3)))
    return {name: float(np.mean(values)) for name, values in scores.items()}
