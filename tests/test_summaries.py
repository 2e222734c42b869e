"""TensorBoard summaries, read back with TensorBoard's own reader."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from colornet.config import VARIANTS, ModelConfig, TrainConfig
from colornet.errors import InputError
from colornet.metrics import chroma_psnr
from colornet.model import build_colornet
from colornet.training.summaries import CURVES, TrainingSummaries, centre_crop
from colornet.visualize.summaries import DESCRIPTIONS

ALWAYS = {
    "example/pictures",
    "example/chroma",
    "example/psnr_rough",
    "example/psnr_final",
    "example/pixels",
    "weights/slices",
    "weights/scan_line",
    "weights/largest",
}
DISTRIBUTION = {"weights/disparity", "weights/entropy", "weights/mean_entropy"}
TRUTH = {"example/disparity_mae"}
ATTENTION = {"attention/slices", "attention/values"}


def example(height=32, width=64) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "mono": rng.random((height, width, 1), np.float32),
        "reference": rng.random((height, width, 3), np.float32),
        "chroma": rng.random((height, width, 2), np.float32) - 0.5,
        "disparity": np.full((height, width), 3.0, np.float32),
    }


def network(**changes):
    return build_colornet(ModelConfig(n=2, max_disparity=32, **changes))


@pytest.fixture(scope="module")
def full():
    """One network for all tests that do not change it."""
    return network()


def read(log_dir) -> EventAccumulator:
    events = EventAccumulator(str(log_dir), size_guidance={"tensors": 0})
    return events.Reload()


def value(events: EventAccumulator, tag: str) -> np.ndarray:
    return tf.make_ndarray(events.Tensors(tag)[-1].tensor_proto)


@pytest.mark.parametrize("variant", VARIANTS)
def test_all_tags_of_every_variant(variant, eager, tmp_path):
    model = network(**VARIANTS[variant])
    held_out = {name: maps for name, maps in example().items() if name != "disparity"}
    summaries = TrainingSummaries(tmp_path, model, example(), held_out=held_out)
    summaries.scalars(3, {"loss": 0.5, "learning_rate": 1e-3})
    summaries.pictures(7)
    summaries.close()
    events = read(tmp_path)
    of_example = ALWAYS | DISTRIBUTION
    if model.config.attention:
        of_example = of_example | ATTENTION
    expected = of_example | TRUTH | {f"validation/{tag}" for tag in of_example}
    assert set(events.Tags()["tensors"]) == expected | {"loss", "learning_rate"}
    assert value(events, "loss") == 0.5
    assert events.Tensors("loss")[0].step == 3
    assert events.Tensors("validation/example/pictures")[0].step == 7
    descriptions = DESCRIPTIONS | CURVES
    for tag in {*expected, "loss"}:
        words = descriptions[tag.removeprefix("validation/")]
        assert events.SummaryMetadata(tag).summary_description == words
    assert set(DESCRIPTIONS) == ALWAYS | DISTRIBUTION | TRUTH | ATTENTION


def test_the_held_out_example_is_another_one(full, tmp_path):
    maps = example()
    other = {**maps, "chroma": maps["chroma"] * 0}
    summaries = TrainingSummaries(tmp_path, full, maps, held_out=other)
    summaries.pictures(0)
    summaries.close()
    events = read(tmp_path)
    batch = {name: maps[name][None] for name in ("mono", "reference")}
    chroma = np.asarray(full(batch, training=False)["chroma"])[0]
    for prefix, shown in (("", maps), ("validation/", other)):
        expected = chroma_psnr(chroma, shown["chroma"])
        found = value(events, f"{prefix}example/psnr_final")
        assert found == pytest.approx(expected, 1e-4)


def test_the_configuration_is_a_row_of_the_table_of_runs(full, tmp_path):
    summaries = TrainingSummaries(tmp_path, full, example())
    summaries.hyperparameters(TrainConfig(model=full.config, jit=True))
    summaries.close()
    data = read(tmp_path).SummaryMetadata("_hparams_/session_start_info").plugin_data
    values = HParamsPluginData.FromString(data.content).session_start_info.hparams
    assert values["model.n"].number_value == 2 and values["jit"].bool_value
    assert values["loss"].string_value == "chroma_mse"
    assert "validation_split" not in values  # None is no value there.


def test_pictures_change_no_state_and_are_what_inference_gives(full, tmp_path):
    model, maps = full, example()
    variables = [variable.numpy() for variable in model.variables]
    names = [layer.name for layer in model.layers]
    summaries = TrainingSummaries(tmp_path, model, maps)
    summaries.pictures(0)
    summaries.close()
    assert [layer.name for layer in model.layers] == names
    for variable, before in zip(model.variables, variables, strict=True):
        np.testing.assert_array_equal(variable.numpy(), before, variable.path)

    batch = {name: maps[name][None] for name in ("mono", "reference")}
    outputs = model.with_volumes()(batch, training=False)
    events = read(tmp_path)
    for name, output in (("rough", "rough_chroma"), ("final", "chroma")):
        expected = chroma_psnr(np.asarray(outputs[output])[0], maps["chroma"])
        assert value(events, f"example/psnr_{name}") == pytest.approx(expected, 1e-4)
    weights = np.asarray(outputs["weights"])[0]
    disparity = np.einsum("k,kji->ji", np.arange(32), weights)
    assert value(events, "example/disparity_mae") == pytest.approx(
        np.abs(disparity - 3).mean(), 1e-4
    )


def test_pictures_follow_the_training(tmp_path):
    model, maps = network(), example()
    summaries = TrainingSummaries(tmp_path, model, maps)
    summaries.pictures(0)
    # So much that both chroma channels end at their limit, whatever their unit.
    model.get_layer("l93_conv").bias.assign([1e3])
    summaries.pictures(1)
    summaries.close()
    points = read(tmp_path).Tensors("example/psnr_final")
    first, second = (float(tf.make_ndarray(point.tensor_proto)) for point in points)
    assert first - second > 1


def test_a_large_example_is_cropped_about_its_centre():
    maps = example(101, 171)
    cropped = centre_crop(maps, most=(64, 96))
    # 101 = 18 + 64 + 19 and 171 = 37 + 96 + 38.
    for name, values in cropped.items():
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, maps[name][18:82, 37:133])
    assert cropped.keys() == maps.keys()


def test_an_example_that_is_too_small(full, tmp_path):
    with pytest.raises(InputError, match="32 x 32 pixels. Received: 31 x 32"):
        TrainingSummaries(tmp_path, full, example(32, 31))


def test_weights_that_are_no_distribution_and_unknown_disparity(eager, tmp_path):
    maps = example()
    del maps["disparity"]
    model = network(weight_normalization="none")
    summaries = TrainingSummaries(tmp_path, model, maps)
    summaries.pictures(0)
    summaries.close()
    assert set(read(tmp_path).Tags()["tensors"]) == ALWAYS | ATTENTION


def test_half_precision(eager, tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = network()
    finally:
        keras.config.set_dtype_policy(before)
    summaries = TrainingSummaries(tmp_path, model, example())
    summaries.pictures(0)
    summaries.close()
    assert ATTENTION <= set(read(tmp_path).Tags()["tensors"])
