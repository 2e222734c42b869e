"""Nearest-neighbour fields between two luminance pictures, in both directions.

He et al. 2018 compare features of a VGG-19 trained on grey pictures, whose five levels
halve the resolution from one to the next, and get the field from Deep Image Analogy: a
search of the whole reference at the coarsest level, then a local one at each finer
level. Here the same search runs on the levels of a picture pyramid, where a pixel is
described by the 5x5 pixels around it: there are no weights to be had, or to be trained.

A field is (batch, height, width, 2) int32: row and column in the other picture.
"""

import keras
from keras import ops

from experiments.methods.networks.blocks import enlarge

LEVELS = 5
_RADIUS = 2
# A descriptor is what the patch is beside its mean, this much of the mean's distance
# from middle grey, and a constant, by which patches without texture are alike.
_MEAN_SHARE = 1.0
_CONSTANT = 0.1
# Steps of a local search: the 3x3 pixels around, none first, which wins where all are
# alike, and where the neighbours point to.
_AROUND = [(row, column) for row in (0, -1, 1) for column in (0, -1, 1)]
_NEIGHBOURS = [(0, -2), (0, 2), (-2, 0), (2, 0)]


def describe(luma):
    """Descriptors of unit length: their inner product is the cosine similarity.

    Args:
        luma: (batch, height, width, 1) float32, in [0, 1].

    Returns:
        (batch, height, width, 27) float32.
    """
    reach = [[0, 0], [_RADIUS, _RADIUS], [_RADIUS, _RADIUS], [0, 0]]
    padded = ops.pad(luma, reach, mode="symmetric")
    side = 2 * _RADIUS + 1
    patch = ops.image.extract_patches(padded, (side, side), strides=1)
    mean = ops.mean(patch, axis=-1, keepdims=True)
    parts = [patch - mean, _MEAN_SHARE * (mean - 0.5), ops.full_like(mean, _CONSTANT)]
    descriptor = ops.concatenate(parts, axis=-1)
    return descriptor / ops.sqrt(ops.sum(descriptor**2, axis=-1, keepdims=True))


def _positions(maps):
    """Every pixel's own row and column, (1, height, width, 2) int32."""
    height, width = ops.shape(maps)[1:3]
    rows, columns = ops.arange(height), ops.arange(width)
    grid = ops.stack(ops.meshgrid(rows, columns, indexing="ij"), axis=-1)
    return ops.cast(grid, "int32")[None]


def gather(maps, field):
    """What a field points to.

    Args:
        maps: (batch, height, width, channels).
        field: into `maps`.

    Returns:
        (batch, height, width, channels), of the size of the field.
    """
    batch, height, width, channels = ops.shape(maps)
    first = ops.arange(batch)[:, None, None] * (height * width)
    index = ops.cast(first, "int32") + field[..., 0] * width + field[..., 1]
    return ops.take(ops.reshape(maps, (-1, channels)), index, axis=0)


def similarity(descriptors, others, field):
    """Cosine similarity of every pixel and what it is matched with, in [-1, 1].

    Returns:
        (batch, height, width, 1) float32.
    """
    return ops.sum(descriptors * gather(others, field), axis=-1, keepdims=True)


def search_everywhere(descriptors, others):
    """The field of the most similar pixels, by comparing all with all."""
    height, width = ops.shape(descriptors)[1:3]
    batch, _, columns, channels = ops.shape(others)
    candidates = ops.transpose(ops.reshape(others, (batch, -1, channels)), (0, 2, 1))

    def best(row):
        return ops.cast(ops.argmax(ops.matmul(row, candidates), axis=-1), "int32")

    # Row by row, so that no matrix of all pairs is ever held.
    index = ops.map(best, ops.transpose(descriptors, (1, 0, 2, 3)))
    index = ops.reshape(ops.transpose(index, (1, 0, 2)), (batch, height, width))
    return ops.stack([index // columns, index % columns], axis=-1)


def refine(field, descriptors, others):
    """A field at twice the resolution, by a local search around the coarser one."""
    own = _positions(descriptors)
    limit = ops.cast(ops.stack(ops.shape(others)[1:3]), "int32") - 1
    field = ops.repeat(ops.repeat(2 * field, 2, axis=1), 2, axis=2) + own % 2
    motion = field - own
    candidates = [field + ops.convert_to_tensor(step, "int32") for step in _AROUND]
    candidates += [own + ops.roll(motion, step, axis=(1, 2)) for step in _NEIGHBOURS]
    candidates = ops.clip(ops.stack(candidates), 0, limit)

    def compare(number, state):
        best, score = state
        candidate = ops.take(candidates, number, axis=0)
        found = similarity(descriptors, others, candidate)
        return ops.where(found > score, candidate, best), ops.maximum(found, score)

    start = candidates[0], similarity(descriptors, others, candidates[0])
    return ops.fori_loop(1, len(_AROUND) + len(_NEIGHBOURS), compare, start)[0]


def _pyramid(luma):
    levels = [luma]
    for _ in range(LEVELS - 1):
        levels.append(ops.average_pool(levels[-1], 2, 2))
    return [describe(level) for level in levels]


def _exchanged(maps):
    """Of a batch of targets and then references: references, then targets."""
    targets, references = ops.split(maps, 2, axis=0)
    return ops.concatenate([references, targets], axis=0)


@keras.saving.register_keras_serializable("experiments")
class Correspondence(keras.layers.Layer):
    """The similarity sub-network: where colours come from, and how sure that is.

    Input shape:
        Two lumas (batch, height, width, 1) in [0, 1]: target and reference.

    Output shape:
        forward: (batch, height, width, 2) int32, the field from target to reference.
        round_trip: the same, from target to reference and back to the target.
        similarities: (batch, height, width, 10) float32, in [-1, 1]. For each level,
            finest first: how like the target's pixel its match is, and how like the
            match that is which the reference's own field gives it.
    """

    def compute_output_shape(self, input_shapes):
        maps = input_shapes[0][:-1]
        return (*maps, 2), (*maps, 2), (*maps, 2 * LEVELS)

    def compute_output_spec(self, inputs):
        shapes = self.compute_output_shape([x.shape for x in inputs])
        dtypes = ("int32", "int32", "float32")
        return tuple(map(keras.KerasTensor, shapes, dtypes))

    def call(self, inputs):
        # Both directions are one batch: the other picture is half a batch away. Nothing
        # here learns, and pixels that are chosen have no derivative.
        levels = _pyramid(ops.stop_gradient(ops.concatenate(inputs, axis=0)))
        field, maps = None, []
        for level, descriptors in reversed(list(enumerate(levels))):
            others = _exchanged(descriptors)
            if field is None:
                field = search_everywhere(descriptors, others)
            else:
                field = refine(field, descriptors, others)
            forward, backward = ops.split(field, 2, axis=0)
            round_trip = gather(backward, forward)
            targets, references = ops.split(descriptors, 2, axis=0)
            matches = gather(references, forward)
            there = ops.sum(targets * matches, axis=-1, keepdims=True)
            back = similarity(matches, targets, round_trip)
            both = ops.concatenate([there, back], axis=-1)
            maps.append(enlarge(both, 2**level))
        return forward, round_trip, ops.concatenate(maps[::-1], axis=-1)
