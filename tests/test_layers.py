"""Each layer against a NumPy twin that is nothing but loops."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from colornet import layers
from colornet.layers import volume_convolution
from colornet.layers.feature_volume import shifted_candidates

RNG = np.random.default_rng(0)


def as_numpy(value):
    return keras.ops.convert_to_numpy(value)


def random(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def feature_volume_twin(mono, reference, candidates):
    batch, height, width, n = mono.shape
    volume = np.zeros((batch, candidates, height, width, 2 * n), np.float32)
    for b, k, j, i in np.ndindex(batch, candidates, height, width):
        volume[b, k, j, i, :n] = mono[b, j, i]
        if i + k < width:
            volume[b, k, j, i, n:] = reference[b, j, i + k]
    return volume


def whole_volume(first, second):
    """Eq. 3 from the halves that `DisparityFeatureVolume` hands on."""
    first = np.repeat(as_numpy(first), second.shape[1], axis=1)
    return np.concatenate([first, as_numpy(second)], axis=-1)


def weights_twin(logits, border, normalization):
    batch, d, height, width = logits.shape
    weights = np.zeros(logits.shape, np.float64)
    for b, j, i in np.ndindex(batch, height, width):
        ks = [k for k in range(d) if border == "zero" or i + k < width]
        values = logits[b, ks, j, i].astype(np.float64)
        if normalization == "softmax":
            values = np.exp(values) / np.exp(values).sum()
        weights[b, ks, j, i] = values
    return weights


def weighted_average_twin(weights, chroma):
    batch, d, height, width = weights.shape
    average = np.zeros((batch, height, width, 2), np.float64)
    for b, k, j, i in np.ndindex(batch, d, height, width):
        if i + k < width:
            average[b, j, i] += weights[b, k, j, i] * chroma[b, j, i + k]
    return average


@pytest.mark.parametrize("candidates", [1, 4, 9])
def test_feature_volume_is_equation_3(candidates):
    mono, reference = random(2, 3, 7, 2), random(2, 3, 7, 2)
    halves = layers.DisparityFeatureVolume(candidates)([mono, reference])
    np.testing.assert_array_equal(
        whole_volume(*halves), feature_volume_twin(mono, reference, candidates)
    )


@pytest.mark.parametrize("count", [1, 4, 9])
def test_gradient_of_shifted_candidates(count):
    inputs, upstream = random(2, 3, 7, 2), random(2, count, 3, 7, 2)
    with tf.GradientTape() as tape:
        variable = tf.Variable(inputs)
        shifted = shifted_candidates(variable, count)
    gradient = tape.gradient(shifted, variable, tf.constant(upstream))
    expected = np.zeros_like(inputs)
    for b, k, j, i in np.ndindex(2, count, 3, 7):
        if i + k < 7:
            expected[b, j, i + k] += upstream[b, k, j, i]
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


def assert_same_layers(fast, plain, inputs, combined=lambda tensors: tensors[0]):
    """Two forms of a layer: results, and gradients of the inputs and the weights.

    `fast` takes `inputs`, `plain` what `combined` makes of them.
    """
    inputs = [tf.Variable(tensor) for tensor in inputs]
    fast(inputs if len(inputs) > 1 else inputs[0])
    plain(combined(inputs))
    plain.set_weights(fast.get_weights())
    results = []
    for layer in (fast, plain):
        with tf.GradientTape() as tape:
            arguments = inputs if len(inputs) > 1 else inputs[0]
            result = fast(arguments) if layer is fast else plain(combined(inputs))
            upstream = tf.sin(tf.range(tf.size(result), dtype=tf.float32))
            loss = tf.reduce_sum(result * tf.reshape(upstream, tf.shape(result)))
        weights = [v.value for v in layer.trainable_variables]
        results.append([result, *tape.gradient(loss, [*inputs, *weights])])
    for actual, expected in zip(*results, strict=True):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(actual, expected, atol=1e-5 * scale, rtol=1e-4)


@pytest.mark.parametrize("kernel", [1, 3, (5, 3, 1)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("in_place", [True, False])
def test_convolution_of_a_volume_in_two_halves(kernel, bias, in_place, monkeypatch):
    monkeypatch.setattr(
        volume_convolution, "_scatters_in_place", lambda dtype: in_place
    )
    arguments = {"padding": "same", "use_bias": bias, "activation": "sigmoid"}
    arguments |= {"bias_initializer": "ones"}
    assert_same_layers(
        layers.VolumeConv3D(4, kernel, **arguments),
        keras.layers.Conv3D(4, kernel, **arguments),
        [random(2, 1, 4, 6, 3), random(2, 5, 4, 6, 2)],
        lambda halves: tf.concat([tf.repeat(halves[0], 5, axis=1), halves[1]], -1),
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("gpus", [[], ["a GPU"]])
def test_numbers_of_16_bit_are_not_scattered_on_a_gpu(dtype, gpus, monkeypatch):
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: gpus)
    layer = layers.VolumeConv3D(2, 3, padding="same", dtype=dtype)
    halves = [tf.cast(random(1, 1, 4, 6, 3), dtype), tf.ones((1, 5, 4, 6, 2), dtype)]
    layer.build([half.shape for half in halves])
    graph = tf.function(layer.call).get_concrete_function(halves).graph
    scatters = any("Scatter" in op.type for op in graph.get_operations())
    assert scatters == (dtype == "float32" or not gpus)


@pytest.mark.parametrize("gpus", [[], ["GPU:0"]])
@pytest.mark.parametrize(
    ("kernel", "options"),
    [
        (3, {"activation": "relu"}),
        (5, {"strides": 2}),
        ((3, 1), {"use_bias": False, "padding": "valid"}),
    ],
)
def test_convolution_of_maps_as_slices(kernel, options, gpus, monkeypatch):
    monkeypatch.setattr("tensorflow.config.get_visible_devices", lambda kind: gpus)
    settings = {"padding": "same", "bias_initializer": "ones"} | options
    fast = layers.MapConv2D(4, kernel, **settings)
    plain = keras.layers.Conv2D(4, kernel, **settings)
    assert_same_layers(fast, plain, [random(2, 9, 12, 3)])


@pytest.mark.parametrize("filters", [1, 3])
def test_transposed_convolution_by_subpixels(filters):
    arguments = {"strides": 2, "padding": "same", "bias_initializer": "ones"}
    assert_same_layers(
        layers.SubpixelConv3DTranspose(filters, 3, **arguments),
        keras.layers.Conv3DTranspose(filters, 3, **arguments),
        [random(2, 3, 4, 5, 2)],
    )


class _PlainAverage(keras.layers.Layer):
    """Eq. 1 with a volume of all candidates' colours, by automatic differentiation."""

    def call(self, inputs):
        weights, chroma = inputs
        _, count, _, width = weights.shape
        colours = [
            tf.pad(chroma, [[0, 0], [0, 0], [0, k], [0, 0]])[:, :, k : k + width]
            for k in range(count)
        ]
        return tf.reduce_sum(weights[..., None] * tf.stack(colours, axis=1), axis=1)


@pytest.mark.parametrize("count", [1, 16, 37])
@pytest.mark.parametrize("margin", [0, 4])
def test_weighted_average_and_its_gradients_by_parts(count, margin):
    assert_same_layers(
        layers.WeightedAverage(),
        _PlainAverage(),
        [random(2, count, 3, 9), random(2, 3, 9 + min(margin, count - 1), 2)],
        lambda tensors: tensors,
    )


@pytest.mark.parametrize("shape", [(2, 5, 6, 3), (2, 3, 4, 5, 3), (7, 3)])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_fused_batch_normalization(shape, training, affine):
    inputs = tf.Variable(3 * random(*shape) + 2)
    results = []
    for kind in (layers.BatchNormalization, keras.layers.BatchNormalization):
        layer = kind(center=affine, scale=affine)
        layer.build(shape)
        for value, variable in enumerate(layer.variables, start=1):
            variable.assign([value, value + 0.5, value + 1])
        with tf.GradientTape() as tape:
            result = layer(inputs, training=training)
            loss = tf.reduce_sum(tf.sin(result))
        weights = [inputs, *layer.trainable_variables]
        gradients = tape.gradient(loss, weights)
        results.append([result, *gradients, *layer.get_weights()])
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("training", [True, False])
def test_normalization_in_parts_is_that_of_one_part_after_the_other(training):
    """D-20: as a layer of Keras's own that is called for one view, then the other."""
    first, second = random(2, 5, 6, 3), 3 * random(2, 5, 6, 3) + 1
    layer, plain = layers.BatchNormalization(parts=2), keras.layers.BatchNormalization()
    for other in (layer, plain):
        other.build(first.shape)
        other.moving_mean.assign([0.1, 0.2, 0.3])
    expected = [plain(part, training=training) for part in (first, second)]
    found = layer(np.concatenate([first, second]), training=training)
    np.testing.assert_allclose(found, np.concatenate(expected), atol=2e-5)
    for mine, theirs in zip(layer.variables, plain.variables, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, err_msg=mine.path)


@pytest.mark.parametrize("shape", [(1, 5, 6, 3), (1, 3, 4, 5, 3)])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("training", [True, False])
def test_where_normalization_is_tensorflows_kernel(shape, policy, training):
    inputs = tf.constant(random(*shape))
    layer = layers.BatchNormalization(dtype=policy)
    layer.build(shape)
    layer.moving_mean.assign([0.1, 0.2, 0.3])
    layer.moving_variance.assign([1.0, 2.0, 3.0])
    layer.gamma.assign([3.0, 2.0, 1.0])
    plain = keras.layers.BatchNormalization(dtype=policy)
    plain.build(shape)
    plain.set_weights(layer.get_weights())
    called = tf.function(lambda x: layer(x, training=training))
    expected = as_numpy(plain(inputs, training=training)).astype("float32")
    np.testing.assert_allclose(
        as_numpy(called(inputs)).astype("float32"), expected, atol=0.04
    )
    graph = called.get_concrete_function(inputs).graph
    kernels = [op.type for op in graph.get_operations() if "BatchNorm" in op.type]
    # oneDNN joins it with a convolution, which is slow for a single map.
    assert bool(kernels) == (training or policy != "float32")


@pytest.mark.parametrize("border", ["mask", "zero"])
@pytest.mark.parametrize("normalization", ["softmax", "none"])
def test_weights_and_their_average_are_equation_1(border, normalization):
    logits, chroma = random(2, 5, 3, 7, 1), random(2, 3, 7, 2)
    weights = layers.DisparityWeights(border, normalization)([logits, chroma])
    twin = weights_twin(logits[..., 0], border, normalization)
    np.testing.assert_allclose(as_numpy(weights), twin, rtol=1e-5, atol=1e-7)
    average = layers.WeightedAverage()([weights, chroma])
    np.testing.assert_allclose(
        as_numpy(average), weighted_average_twin(twin, chroma), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("more", [0, 2])
def test_weights_of_candidates_outside_the_reference_are_exactly_zero(more):
    logits, chroma = random(1, 6, 2, 4, 1), random(1, 2, 4 + more, 2)
    weights = as_numpy(layers.DisparityWeights()([logits, chroma]))
    outside = np.arange(4)[None] + np.arange(6)[:, None] >= 4 + more
    found = weights[0] == 0
    np.testing.assert_array_equal(found, np.repeat(outside[:, None], 2, axis=1))
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)


def test_views_of_two_widths_share_a_batch_and_part_again():
    mono, reference = random(2, 4, 6, 1), random(2, 4, 10, 1)
    folded = as_numpy(layers.FoldViews()([mono, reference]))
    padded = np.pad(mono, ((0, 0), (0, 0), (0, 4), (0, 0)))
    np.testing.assert_array_equal(folded, np.concatenate([padded, reference]))
    features = random(4, 2, 5, 3)
    of_mono, of_reference = layers.UnfoldViews()([features, mono])
    np.testing.assert_array_equal(as_numpy(of_mono), features[:2, :, :3])
    np.testing.assert_array_equal(as_numpy(of_reference), features[2:])


@pytest.mark.parametrize("shift", [0, 1, 7])
def test_one_hot_weights_recover_a_constant_shift_exactly(shift):
    scene = random(1, 4, 20, 2)
    mono_view, reference = scene[:, :, :12], np.zeros((1, 4, 12, 2), np.float32)
    # Mono pixel i is the reference's pixel i + shift.
    reference[:, :, shift:] = mono_view[:, :, : 12 - shift]
    weights = np.zeros((1, 8, 4, 12), np.float32)
    weights[:, shift] = 1
    average = as_numpy(layers.WeightedAverage()([weights, reference]))
    visible = slice(0, 12 - shift)
    np.testing.assert_array_equal(average[:, :, visible], mono_view[:, :, visible])
    disparity = layers.SoftArgmax()(weights)
    np.testing.assert_array_equal(as_numpy(disparity), np.full((1, 4, 12), shift))
    warped = as_numpy(layers.WarpChroma()([disparity, reference]))
    np.testing.assert_array_equal(warped[:, :, visible], mono_view[:, :, visible])


def test_warping_interpolates_and_stops_at_the_border():
    chroma = random(2, 3, 6, 2)
    disparity = RNG.uniform(0, 7, (2, 3, 6)).astype(np.float32)
    warped = as_numpy(layers.WarpChroma()([disparity, chroma]))
    for b, j, i, c in np.ndindex(2, 3, 6, 2):
        column = min(i + disparity[b, j, i], 5)
        expected = np.interp(column, np.arange(6), chroma[b, j, :, c])
        assert abs(warped[b, j, i, c] - expected) < 1e-5


def test_split_ycbcr_of_known_colours():
    rgb = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.25, 0.25, 0.25]], np.float32)
    luma, chroma = layers.SplitYCbCr()(rgb[None, None])
    np.testing.assert_allclose(
        as_numpy(luma)[0, 0, :, 0], [0.299, 0.587, 0.114, 0.25], atol=1e-6
    )
    # JFIF: Cb = -0.168736 R - 0.331264 G + 0.5 B, Cr = 0.5 R - 0.418688 G - 0.081312 B.
    np.testing.assert_allclose(
        as_numpy(chroma)[0, 0],
        [[-0.168736, 0.5], [-0.331264, -0.418688], [0.5, -0.081312], [0, 0]],
        atol=1e-5,
    )


def test_unfolding_undoes_concatenation_on_the_batch_axis():
    first, second = random(2, 3, 4, 1), random(2, 3, 4, 1)
    folded = keras.layers.Concatenate(axis=0)([first, second])
    parts = layers.UnfoldFromBatch(2)(folded)
    np.testing.assert_array_equal(as_numpy(parts[0]), first)
    np.testing.assert_array_equal(as_numpy(parts[1]), second)


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (layers.SplitYCbCr(), [(1, 3, 4, 3)]),
        (layers.UnfoldFromBatch(2), [(2, 3, 4, 1)]),
        (layers.FoldViews(), [(1, 3, 4, 1), (1, 3, 6, 1)]),
        (layers.UnfoldViews(), [(2, 2, 3, 5), (1, 4, 4, 1)]),
        (layers.DisparityFeatureVolume(3), [(1, 3, 4, 2), (1, 3, 4, 2)]),
        (
            layers.VolumeConv3D(2, 3, padding="same", kernel_initializer="ones"),
            [(1, 1, 2, 4, 2), (1, 5, 2, 4, 3)],
        ),
        (
            layers.SubpixelConv3DTranspose(
                2, 3, strides=2, padding="same", kernel_initializer="ones"
            ),
            [(1, 3, 2, 4, 3)],
        ),
        (layers.BatchNormalization(parts=2), [(2, 3, 4, 5)]),
        (layers.DisparityWeights("zero", "none"), [(1, 3, 2, 4, 1), (1, 2, 4, 2)]),
        (layers.WeightedAverage(), [(1, 3, 2, 4), (1, 2, 4, 2)]),
        (layers.SoftArgmax(), [(1, 3, 2, 4)]),
        (layers.WarpChroma(), [(1, 2, 4), (1, 2, 4, 2)]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_config_and_symbolic_shape_agree_with_the_call(layer, shapes):
    inputs = [random(*shape) for shape in shapes]
    inputs = inputs[0] if len(inputs) == 1 else inputs
    copy = type(layer).from_config(layer.get_config())
    result, again = layer(inputs), copy(inputs)
    tensors = [keras.KerasTensor(shape) for shape in shapes]
    symbolic = copy(tensors[0] if len(tensors) == 1 else tensors)
    if not isinstance(symbolic, (list, tuple)):
        symbolic, result, again = [symbolic], [result], [again]
    for spec, value, other in zip(symbolic, result, again, strict=True):
        assert spec.shape == tuple(value.shape)
        np.testing.assert_array_equal(as_numpy(value), as_numpy(other))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_softmax_and_average_stay_float32_in_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    try:
        # Differences below half precision's resolution must still count.
        logits = np.zeros((1, 4, 1, 8, 1), np.float32)
        logits[:, 1] = 1e-4
        chroma = random(1, 1, 8, 2)
        weights = layers.DisparityWeights("zero")([logits, chroma])
        average = layers.WeightedAverage()([weights, chroma])
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(weights.dtype) == "float32"
    assert keras.backend.standardize_dtype(average.dtype) == "float32"
    assert (as_numpy(weights)[:, 1] > as_numpy(weights)[:, 0]).all()


def test_at_test_time_no_volume_is_made_early_or_twice():
    """D-34: no volume of colours, and batch normalization works in place."""

    @tf.function(autograph=False)
    def average(weights, chroma):
        return layers.WeightedAverage()([weights, chroma])

    graph = average.get_concrete_function(
        tf.TensorSpec((1, 40, 5, 6), name="weights"), tf.TensorSpec((1, 5, 6, 2))
    ).graph
    # Beside W itself nothing is of its size.
    sizes = {
        operation.type
        for operation in graph.get_operations()
        for tensor in operation.outputs
        if tensor.shape.rank and 40 in tensor.shape
    }
    assert sizes <= {"Placeholder", "Identity", "IdentityN", "StatelessWhile"}

    layer = layers.BatchNormalization()

    @tf.function(autograph=False)
    def normalize(volume):
        return layer(volume, training=False)

    graph = normalize.get_concrete_function(tf.TensorSpec((1, 2, 3, 4, 5))).graph
    kinds = {operation.type for operation in graph.get_operations()}
    assert "FusedBatchNormV3" not in kinds and "Mul" in kinds
