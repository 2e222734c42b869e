"""Training in less memory: what is cheap to compute again is not kept.

Reverse differentiation keeps every tensor of the forward pass that a gradient needs.
Here the network runs in segments of its own graph; only what passes from one segment to
another is kept, and the gradient of a segment runs the segment again. A segment that
begins behind a convolution and ends with the next one costs no convolution again:
nothing needs the last result of a segment, which is never computed twice.
"""

import dataclasses
from collections.abc import Sequence

import keras
import tensorflow as tf

from colornet.layers import DisparityFeatureVolume, VolumeConv3D
from colornet.networks import Network


@dataclasses.dataclass(frozen=True)
class _Segment:
    """Consecutive nodes of the graph; tensors go by the id of their KerasTensor."""

    nodes: tuple
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def _ends_segment(operation) -> bool:
    """Whether what comes next starts behind this operation.

    In the residual blocks of pictures that is their sum: their convolutions are done
    again. Of the volumes the results of 3x3x3 convolutions are kept, but for those at
    half resolution that another one follows; and whatever has a single channel.
    """
    if isinstance(operation, keras.layers.Add):
        return len(operation.output.shape) == 4
    if isinstance(operation, VolumeConv3D):
        return False
    kinds = keras.layers.Conv3D | keras.layers.Conv3DTranspose
    if not isinstance(operation, kinds):
        return False
    return max(operation.kernel_size) > 1 or operation.filters == 1


def _segments(model: Network) -> list[_Segment]:
    groups = [[]]
    # By depth, as Keras runs them: with one branch after the other the allocator leaves
    # more holes.
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            groups[-1].append(node)
            if _ends_segment(node.operation):
                groups.append([])
    wanted = {id(tensor) for tensor in model.outputs}
    # The feature volume is only looked up: every segment that needs it makes its own.
    volumes = {
        id(tensor): node
        for group in groups
        for node in group
        for tensor in node.outputs
        if isinstance(node.operation, DisparityFeatureVolume)
    }
    segments = []
    for group in filter(None, reversed(groups)):
        needs = [id(t) for node in group for t in node.arguments.keras_tensors]
        own = dict.fromkeys(volumes[t] for t in needs if t in volumes)
        group = [*(node for node in own if node not in group), *group]
        made = [id(tensor) for node in group for tensor in node.outputs]
        needs = [id(t) for node in group for t in node.arguments.keras_tensors]
        inputs = tuple(dict.fromkeys(t for t in needs if t not in made))
        segments.append(
            _Segment(tuple(group), inputs, tuple(t for t in made if t in wanted))
        )
        wanted |= set(inputs)
    return segments[::-1]


def _run(segment: _Segment, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    values = dict(zip(segment.inputs, tensors, strict=True))
    for node in segment.nodes:
        arguments, keywords = node.arguments.fill_in(values)
        if isinstance(node.operation, keras.layers.BatchNormalization):
            keywords["training"] = True
        results = tf.nest.flatten(node.operation(*arguments, **keywords))
        values |= zip((id(t) for t in node.outputs), results, strict=True)
    return [values[tensor] for tensor in segment.outputs]


def _recomputed(segment: _Segment):
    """The segment as a function of its inputs that keeps nothing else."""

    @tf.custom_gradient
    def forward(*tensors):
        def gradient(*upstream, variables=()):
            # The second run waits for the gradients, or it would start at once and all
            # its tensors would be there together; its updates of moving statistics
            # were made by the first.
            with tf.control_dependencies(upstream), keras.StatelessScope():
                again = [tf.identity(tensor) for tensor in tensors]
                with tf.GradientTape() as tape:
                    tape.watch(again)
                    outputs = _run(segment, again)
                gradients = tape.gradient(
                    outputs,
                    [*again, *variables],
                    upstream,
                    unconnected_gradients=tf.UnconnectedGradients.ZERO,
                )
            of_inputs, of_variables = gradients[: len(again)], gradients[len(again) :]
            # What comes next waits until all of the segment is done and freed.
            with tf.control_dependencies(of_variables):
                return [tf.identity(g) for g in of_inputs], of_variables

        return _run(segment, tensors), gradient

    return forward


class RecomputingNetwork:
    """A network in training mode, whose gradients need less memory and more time.

    Args:
        model: a `Network`; it is called with `training=True`.

    Attributes:
        kept: names of the operations whose results pass from one segment to another.
    """

    def __init__(self, model: Network):
        self._model, self._segments = model, _segments(model)
        self.kept = {
            node.operation.name
            for segment in self._segments
            for node in segment.nodes
            if {id(t) for t in node.outputs} & {*segment.outputs}
        }

    def __call__(self, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        model = self._model
        values = {id(tensor): inputs[name] for name, tensor in model.input.items()}
        for segment in self._segments:
            tensors = [values[tensor] for tensor in segment.inputs]
            results = _recomputed(segment)(*tensors)
            values |= zip(segment.outputs, results, strict=True)
        return {name: values[id(tensor)] for name, tensor in model.output.items()}
