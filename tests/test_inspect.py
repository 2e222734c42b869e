"""python -m experiments.inspect: TensorBoard's runs, and their pages."""

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from colornet.color import rgb_to_chroma
from colornet.config import ModelConfig
from colornet.errors import InputError
from colornet.inference import colorize_outputs
from colornet.io.pictures import read_picture, write_picture
from colornet.metrics import chroma_psnr
from colornet.model import build_colornet
from colornet.networks import build_network
from colornet.tiling import Tiling
from colornet.visualize.summaries import DESCRIPTIONS
from colornet.weights import load_model, save_weights, weights_digest
from experiments.evaluation.inspection import PAGE, Source, inspect, sources
from tests.command_line import assert_one_line_error, start_each
from tests.test_page import assert_close_weights, stored, stored_weights
from tests.tiny_network import TinyConfig

_HEIGHT, _WIDTH = 33, 45
_OF_A = {"attention/slices", "attention/values"}
_OF_DISPARITY = {"example/disparity_mae"}
_OF_TRUTH = {"example/psnr_rough", "example/psnr_final"}


def test_weights_become_runs_and_steps(tmp_path):
    run = tmp_path / "full"
    for step in (100, 200):
        folder = run / "checkpoints" / f"step_{step:08d}"
        folder.mkdir(parents=True)
        for name in ("weights.npz", "train.json"):
            (folder / name).touch()
    checkpoint = str(run / "checkpoints" / "step_00000100")
    calibrated = str(run / "calibrated_00000150.npz")
    given = [str(run), "pretrained:small", calibrated, "other/a.npz", checkpoint]
    assert sources(given) == [
        Source("a", 0, "other/a.npz"),
        Source("full", 100, checkpoint),
        Source("full", 150, calibrated),
        Source("full", 200, str(run)),
        Source("small", 0, "pretrained:small"),
    ]
    with pytest.raises(InputError, match="different names. Received: x/a.npz, y/a.npz"):
        sources(["x/a.npz", "y/a.npz"])


def pair(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "mono": rng.random((_HEIGHT, _WIDTH, 1), np.float32),
        "reference": rng.random((_HEIGHT, _WIDTH, 3), np.float32),
    }


def events_of(folder) -> EventAccumulator:
    return EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()


def values(events: EventAccumulator, tag: str) -> dict[int, np.ndarray]:
    return {e.step: tf.make_ndarray(e.tensor_proto) for e in events.Tensors(tag)}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Two checkpoints of a run, and other weights."""
    folder, networks = tmp_path_factory.mktemp("tiny"), {}
    for name in (
        "run/checkpoints/step_00000001",
        "run/checkpoints/step_00000002",
        "other",
    ):
        path = folder / name
        path.mkdir(parents=True)
        networks[name] = build_network(TinyConfig())
        save_weights(networks[name], path / "weights.npz")
    return folder


def test_the_same_tags_for_all_weights_and_steps(eager, tiny, tmp_path):
    examples = {"a": pair(0), "b": pair(1)}
    truth = examples["a"]["reference"][:, ::-1]
    examples["a"]["chroma"] = rgb_to_chroma(truth)
    examples["a"]["disparity"] = np.full((_HEIGHT, _WIDTH), 3, np.float32)
    first, second = (tiny / "run" / "checkpoints" / f"step_0000000{n}" for n in (1, 2))
    other = tiny / "other" / "weights.npz"
    found = sources([str(other), str(second), str(first)])
    lines = list(inspect(found, examples, tmp_path, Tiling()))

    common = set(DESCRIPTIONS) - _OF_A - _OF_DISPARITY - _OF_TRUTH
    common |= {"configuration"}
    networks = {("run", 1): first, ("run", 2): second, ("weights", 0): other}
    for name, tags in (("a", common | _OF_DISPARITY | _OF_TRUTH), ("b", common)):
        for run in ("run", "weights"):
            events = events_of(tmp_path / run / name)
            assert set(events.Tags()["tensors"]) == tags
            steps = {step for key, step in networks if key == run}
            assert all(set(values(events, tag)) == steps for tag in tags)
    for (run, step), path in networks.items():
        network = load_model(path)
        outputs = colorize_outputs(
            network, examples["a"]["mono"], examples["a"]["reference"], volumes=True
        )
        psnr = chroma_psnr(outputs["chroma"], examples["a"]["chroma"])
        events = events_of(tmp_path / run / "a")
        shown = values(events, "example/psnr_final")[step]
        assert shown == pytest.approx(psnr, abs=1e-3)
        text = values(events, "configuration")[step].item().decode()
        assert f"| SHA-256 | {weights_digest(network)} |" in text
        assert "| max_disparity | 32 |" in text
        assert any(line.startswith(f"{run}, step {step}, a, PSNR") for line in lines)
        page = tmp_path / run / "a" / PAGE
        if step != 1:
            assert any(line.endswith(str(page)) for line in lines)
            data = stored(page)
            assert_close_weights(stored_weights(data), outputs["weights"], data)
            assert data["facts"]["step"] == str(step)
            assert data["facts"]["PSNR"] == f"{psnr:.2f} dB"
    assert len(lines) == 6


def test_volumes_that_do_not_fit_into_the_memory(tiny, tmp_path):
    found = sources([str(tiny / "other" / "weights.npz")])
    with pytest.raises(InputError, match="as a whole for volumes"):
        list(inspect(found, {"a": pair(0)}, tmp_path, Tiling(memory_gb=1e-6)))


def test_a_network_without_volumes(tmp_path):
    from experiments.methods.networks import he  # noqa: F401
    from experiments.methods.networks.config import MethodConfig

    network = build_network(MethodConfig(name="he", width=0.05))
    save_weights(network, tmp_path / "he.npz")
    found = sources([str(tmp_path / "he.npz")])
    with pytest.raises(InputError, match="with volumes of candidates. Received: he"):
        list(inspect(found, {"a": pair(0)}, tmp_path / "log", Tiling()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    top = tmp_path_factory.mktemp("inspect")
    rng = np.random.default_rng(0)
    for name, shape in (
        ("mono", (_HEIGHT, _WIDTH)),
        ("reference", (_HEIGHT, _WIDTH, 3)),
        ("truth", (_HEIGHT, _WIDTH, 3)),
        ("small", (_HEIGHT, _WIDTH - 1, 3)),
    ):
        write_picture(top / f"{name}.png", rng.integers(0, 256, shape, np.uint8))
    save_weights(build_colornet(ModelConfig(n=2, max_disparity=32)), top / "good.npz")
    return top


_BAD = {
    "no pair": ({"mono": None}, "--mono and --reference, or --records"),
    "truth of another size": ({"truth": "small.png"}, "(33, 45, 3)", "(33, 44, 3)"),
    "grey truth": ({"truth": "mono.png"}, "in colour", "Received: (33, 45)"),
    "keys of pictures": ({"keys": "a"}, "flags of a pair of pictures", "--keys"),
    "pictures and records": ({"records": "x"}, "of records", "--mono, --reference"),
    "no such key": ({"records": "", "keys": "nowhere"}, "keys of records", "nowhere"),
    "missing weights": ({"weights": "nowhere.npz"}, "Missing", "nowhere.npz"),
    "below a file": ({"logdir": "mono.png/x"}, "can be written", "mono.png/x"),
}


def _arguments(folder, written, changes):
    given = {"mono": "mono.png", "reference": "reference.png"}
    given |= {"weights": "good.npz", "logdir": "log"} | changes
    if given.get("records") == "":
        given |= {"mono": None, "reference": None, "records": written}
    plain = {"keys", "split", "mono_view", "max_disparity"}
    return [
        f"--{name}={value if name in plain else folder / value}"
        for name, value in given.items()
        if value is not None
    ]


@pytest.fixture(scope="module")
def failures(folder, written):
    calls = {
        name: _arguments(folder, written.folder, case[0]) for name, case in _BAD.items()
    }
    return start_each("experiments.inspect", calls)


@pytest.mark.parametrize("case", _BAD)
def test_bad_input_is_one_line(failures, case):
    assert_one_line_error(failures[case], *_BAD[case][1:])


@pytest.mark.slow
def test_pictures_of_a_left_mono_view_and_records(eager, folder, written):
    calls = {
        "left": {"mono_view": "left", "truth": "truth.png", "max_disparity": 64},
        "records": {"records": "", "keys": "d/s3,d/s4", "logdir": "of_records"},
    }
    calls = {n: _arguments(folder, written.folder, c) for n, c in calls.items()}
    results = start_each("experiments.inspect", calls, eagerly=True)
    for name, logdir in (("left", "log"), ("records", "of_records")):
        assert results[name].code == 0, results[name]
        last = results[name].stdout.splitlines()[-1]
        assert last == f"TensorBoard: tensorboard --logdir={folder / logdir}"

    mono, reference, truth = (
        read_picture(folder / f"{name}.png")[:, ::-1]
        for name in ("mono", "reference", "truth")
    )
    network = load_model(folder / "good.npz", max_disparity=64)
    outputs = colorize_outputs(network, mono, reference, volumes=True)
    data = stored(folder / "log" / "good" / "mono" / PAGE)
    assert_close_weights(stored_weights(data), outputs["weights"], data)
    assert "attention" in data["maps"]
    psnr = chroma_psnr(outputs["chroma"], rgb_to_chroma(truth / 255))
    assert data["facts"]["PSNR"] == f"{psnr:.2f} dB"

    pages = (folder / "of_records").rglob(PAGE)
    found = {str(page.parent.relative_to(folder / "of_records")) for page in pages}
    assert found == {"good/d/s3", "good/d/s4"}
