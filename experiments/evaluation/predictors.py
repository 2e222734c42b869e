"""Who predicts: the methods of all tables behind one interface."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from colornet.colorizer.colorizer import Colorizer, stored_policy
from colornet.colorizer.plan import Pass
from colornet.errors import InputError
from colornet.inference import predict
from colornet.networks import Network
from colornet.occlusion import visible_pixels
from colornet.tiling import EXACT_TILING, Tiling
from colornet.weights import load_model, weights_digest
from experiments import methods
from experiments.methods import matching, networks

# What other methods search if nothing else is said: the network's d (D-04).
_MAX_DISPARITY = 192


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a method says of a pair.

    Attributes:
        chroma: (height, width, 2), the result.
        rough: C' of Eq. 1, of the network alone.
        view: of the Colorizer, the main pass of its plan.
    """

    chroma: np.ndarray
    rough: np.ndarray | None = None
    view: Pass | None = None


# From an example of `Records`.
Predictor = Callable[[dict], Prediction]


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What is evaluated.

    Attributes:
        records: folder of TFRecords.
        split: a split of them.
        method: a name in `experiments.methods`: "colornet" is the network of Table 1
            at one scale with a given d, "colorizer" the product on top of it.
        weights: of a network: what `colornet.load_model` reads.
        max_disparity: candidates that are searched; if None, the weights' own, of the
            Colorizer what each pair is estimated to need (D-38), and of methods without
            weights 192. The networks of other papers search all of the reference, or
            nothing.
        bn_statistics: of a network: "moving" or "batch" (D-14); the weights' own if
            None.
        datasets: names of the datasets to take; all if empty.
        limit: the first so many pictures; all if None.
        tiling: of pictures that are too large for our network.
    """

    records: str
    split: str = "test"
    method: str = methods.COLORNET
    weights: str | None = None
    max_disparity: int | None = None
    bn_statistics: str | None = None
    datasets: tuple[str, ...] = ()
    limit: int | None = None
    tiling: Tiling = EXACT_TILING


def is_network(method: str) -> bool:
    """Whether a method needs weights."""
    return method in (methods.COLORNET, methods.COLORIZER, *networks.names())


def predictor(
    evaluation: Evaluation, network: Network | None = None
) -> tuple[Predictor, dict[str, Any]]:
    """The method of an evaluation, ready to run.

    Args:
        evaluation: what is evaluated; records, split, datasets and limit do not count.
        network: of the method; loaded from the weights if None.

    Returns:
        A function from an example of `Records` to a `Prediction`; and what the result
        depends on, as JSON.

    Raises:
        InputError: no weights, or such of another method.
    """
    if is_network(evaluation.method):
        return _network_predictor(evaluation, _network(evaluation, network))
    if evaluation.method == methods.TRUE_DISPARITY:
        return _true_disparity, {}
    max_disparity = evaluation.max_disparity or _MAX_DISPARITY
    method = methods.get(evaluation.method)

    def run(example):
        pair = example["mono"][..., 0], example["reference"]
        return Prediction(method(*pair, max_disparity))

    return run, {"max_disparity": max_disparity}


def _network(evaluation: Evaluation, network: Network | None) -> Network:
    if network is None:
        if evaluation.weights is None:
            raise InputError(
                f"method {evaluation.method} expects weights. Received: none"
            )
        network = load_model(evaluation.weights)
    name, expected = network.config.name, evaluation.method
    if expected == methods.COLORIZER:
        expected = methods.COLORNET
    if name != expected:
        raise InputError(
            f"expected weights of method {expected}. Received: those of {name}"
        )
    changes = {"bn_statistics": evaluation.bn_statistics}
    if evaluation.method == methods.COLORNET:
        changes["max_disparity"] = evaluation.max_disparity
    return network.with_config(**changes)


def _network_predictor(
    evaluation: Evaluation, network: Network
) -> tuple[Predictor, dict[str, Any]]:
    tiling = evaluation.tiling
    settings = {"model": network.config.to_dict(), "sha256": weights_digest(network)}

    def run(example):
        outputs = predict(network, example["mono"], example["reference"], tiling=tiling)
        return Prediction(outputs["chroma"], outputs.get("rough_chroma"))

    if evaluation.method != methods.COLORIZER:
        return run, settings
    policy = stored_policy(evaluation.weights or "")
    colorizer = Colorizer(network, policy)

    def run_colorizer(example):
        explanation = colorizer.explain(
            example["mono"],
            example["reference"],
            evaluation.max_disparity,
            tiling=tiling,
        )
        return Prediction(explanation.chroma, view=explanation.plan.passes[0])

    return run_colorizer, settings | {"policy": policy.to_dict()}


def _true_disparity(example: dict) -> Prediction:
    """The colours of true matches, propagated to where there is none."""
    disparity = example["disparity"]
    visible = visible_pixels(disparity)
    if not visible.any():
        raise InputError(
            f"expected records with true disparity. Received: {example['key']}, without"
        )

    def match(*_):
        return np.maximum(disparity, 0), visible

    mono = example["mono"][..., 0]
    return Prediction(matching.colorize(match, mono, example["reference"], 0))
