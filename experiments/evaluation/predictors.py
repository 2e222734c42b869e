"""Who predicts: the methods of all tables behind one interface."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from colornet.colorizer.classic import matching
from colornet.colorizer.colorizer import Colorizer, stored_policy
from colornet.colorizer.plan import View
from colornet.errors import InputError
from colornet.inference import pad, predict, unpad
from colornet.inference import run as run_padded
from colornet.networks import Network
from colornet.occlusion import visible_pixels
from colornet.tiling import EXACT_TILING, Tiling
from colornet.weights import load_model, weights_digest
from experiments import methods
from experiments.methods import networks

# What other methods search if nothing else is said: the network's d (D-04).
_MAX_DISPARITY = 192


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a method says of a pair.

    Attributes:
        chroma: (height, width, 2), the result.
        rough: C' of Eq. 1, of the network alone.
        view: of the Colorizer, how its network saw the pair.
    """

    chroma: np.ndarray
    rough: np.ndarray | None = None
    view: View | None = None


@dataclasses.dataclass(frozen=True)
class Pair:
    """What the two cameras give, which is all that a method may see.

    Attributes:
        key: of the record, for messages.
        mono: (height, width, 1) luma of the monochrome camera, in [0, 1].
        reference: (height, width, 3) RGB of the colour camera, in [0, 1].
    """

    key: str
    mono: np.ndarray
    reference: np.ndarray


@dataclasses.dataclass(frozen=True)
class Answer:
    """What no camera gives.

    Attributes:
        target: (height, width, 3) clean RGB of the mono view, in [0, 1].
        disparity: (height, width) true disparity of the mono view in px, -1 where
            unknown.
    """

    target: np.ndarray
    disparity: np.ndarray


Predictor = Callable[[Pair], Prediction]


@dataclasses.dataclass(frozen=True)
class Oracle:
    """A method that is fed the truth: its scores are no result of colorization.

    Attributes:
        run: from a pair and the answer to it.
    """

    run: Callable[[Pair, Answer], Prediction]


def predict_example(method: Predictor | Oracle, example: dict) -> Prediction:
    """What a method says of an example of `Records`; an `Oracle` alone sees it all."""
    pair = Pair(example["key"], example["mono"], example["reference"])
    if isinstance(method, Oracle):
        return method.run(pair, Answer(example["target"], example["disparity"]))
    return method(pair)


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
    of_ours = methods.COLORNET, methods.COLORIZER, networks.RELEASED
    return method in (*of_ours, *networks.names())


def predictor(
    evaluation: Evaluation, network: Network | None = None
) -> tuple[Predictor | Oracle, dict[str, Any]]:
    """The method of an evaluation, ready to run.

    Args:
        evaluation: what is evaluated; records, split, datasets and limit do not count.
        network: of the method; loaded from the weights if None.

    Returns:
        What `predict_example` takes; and what the result depends on, as JSON.

    Raises:
        InputError: no weights, or such of another method.
    """
    if is_network(evaluation.method):
        return _network_predictor(evaluation, _network(evaluation, network))
    if evaluation.method == methods.TRUE_DISPARITY:
        return Oracle(_true_disparity), {}
    max_disparity = evaluation.max_disparity or _MAX_DISPARITY
    method = methods.get(evaluation.method)

    def run(pair):
        return Prediction(method(pair.mono[..., 0], pair.reference, max_disparity))

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
    if evaluation.method in (methods.COLORNET, networks.RELEASED):
        changes["max_disparity"] = evaluation.max_disparity
    return network.with_config(**changes)


def _network_predictor(
    evaluation: Evaluation, network: Network
) -> tuple[Predictor | Oracle, dict[str, Any]]:
    tiling = evaluation.tiling
    settings = {"model": network.config.to_dict(), "sha256": weights_digest(network)}

    if evaluation.method == networks.RELEASED:
        return _released(network), settings

    if evaluation.method != methods.COLORIZER:
        form = network.for_inference()

        def run(pair):
            outputs = predict(form, pair.mono, pair.reference, tiling=tiling)
            return Prediction(outputs["chroma"], outputs.get("rough_chroma"))

        return run, settings
    policy = stored_policy(evaluation.weights or "")
    colorizer = Colorizer(network, policy)

    def run_colorizer(pair):
        explanation = colorizer.explain(
            pair.mono, pair.reference, evaluation.max_disparity, tiling=tiling
        )
        return Prediction(explanation.chroma, view=explanation.plan.network)

    return run_colorizer, settings | {"policy": policy.to_dict()}


def _released(network: Network) -> Oracle:
    """The network of the released protocol, on whole pictures."""

    def run(pair, answer):
        height, width = pair.mono.shape[:2]
        pictures = {**vars(pair), **vars(answer)}
        views = {name: pad(pictures[name][None]) for name in network.input}
        outputs = run_padded(network, views)
        chroma, rough = (
            np.asarray(unpad(name, outputs[name], height, width)[0])
            for name in ("chroma", "rough_chroma")
        )
        return Prediction(chroma, rough)

    return Oracle(run)


def _true_disparity(pair: Pair, answer: Answer) -> Prediction:
    """The colours of true matches, propagated to where there is none."""
    disparity = answer.disparity
    visible = visible_pixels(disparity)
    if not visible.any():
        raise InputError(
            f"expected records with true disparity. Received: {pair.key}, without"
        )

    def match(*_):
        return np.maximum(disparity, 0), visible

    return Prediction(matching.colorize(match, pair.mono[..., 0], pair.reference, 0))
