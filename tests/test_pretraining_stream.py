"""The batches of the pretraining: the same bytes however they are made."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from colornet import noise
from colornet.color import rgb_to_luma
from colornet.errors import InputError
from colornet.io.pictures import read_picture
from experiments.pretraining import examples
from experiments.pretraining.examples import ExampleMaker, StreamConfig
from experiments.pretraining.stream import SceneStream
from tests.command_line import start

_ROOT = pathlib.Path(__file__).parents[1]
_CONFIG = StreamConfig(height=32, width=64, max_disparity=32, batch_size=2, seed=3)


def _example(config: StreamConfig, index: int) -> dict[str, np.ndarray]:
    """Rendered from nothing, without any earlier example."""
    return ExampleMaker(config)(index)


def _bytes(batch: dict[str, np.ndarray]) -> bytes:
    return b"".join(values.tobytes() for values in batch.values())


def _first(config: StreamConfig, count: int, processes: int, start: int = 0) -> list:
    with SceneStream(config, start, processes) as stream:
        batches = iter(stream)
        return [next(batches) for _ in range(count)]


def _gone(pid: int) -> bool:
    """Whether the process ends within some seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state.split()[0] == "Z":  # ended; its new parent has yet to take note
            return True
        time.sleep(0.05)
    return False


def test_stream_is_the_plain_function_however_it_is_split() -> None:
    batches = _first(_CONFIG, 6, processes=1)
    for step, batch in enumerate(batches):
        assert list(batch) == ["mono", "reference", "target", "disparity"]
        for place in range(2):
            example = _example(_CONFIG, 2 * step + place)
            for name, pixels in example.items():
                assert batch[name].dtype == pixels.dtype
                np.testing.assert_array_equal(batch[name][place], pixels)
    assert batches[0]["mono"].shape == (2, 32, 64, 1)
    assert batches[0]["reference"].shape == batches[0]["target"].shape == (2, 32, 64, 3)
    expected = [_bytes(batch) for batch in batches]
    assert len(set(expected)) == 6
    assert [_bytes(batch) for batch in _first(_CONFIG, 6, processes=2)] == expected
    resumed = _first(_CONFIG, 3, processes=2, start=3)
    assert [_bytes(batch) for batch in resumed] == expected[3:]


def test_disparity_leads_to_the_same_colours_in_the_reference() -> None:
    config = StreamConfig(height=96, width=192, max_disparity=64, noise="1", seed=1)
    # Neither noise nor differences: the cameras see the same colours.
    config = config.replace(cameras="alike")
    errors, without = [], []
    for index in range(8):
        example = _example(config, index)
        code = example["disparity"][..., 0]
        assert code.dtype == np.uint16 and (code < 64 * 64).all()
        match = np.arange(192) + code / 64
        assert (match[code > 0] <= 191).all()
        assert 0.5 < (code > 0).mean() < 1
        nearest = np.rint(np.minimum(match, 191)).astype(int)
        found = np.take_along_axis(example["reference"], nearest[..., None], axis=1)
        difference = np.abs(found.astype(float) - example["target"]).mean(axis=-1)
        errors.append(np.median(difference[code > 0]))
        without.append(np.median(difference[code == 0]))
    assert np.mean(errors) < 0.4 * np.mean(without)


@pytest.mark.parametrize("crops", (1, 3, 4))
def test_crops_of_a_scene_lie_apart_and_none_is_used_twice(crops: int) -> None:
    config = _CONFIG.replace(crops_per_scene=crops)
    places = [examples.scene_of(config, index) for index in range(40 * crops)]
    assert len(set(places)) == len(places)
    scenes = [scene for scene, _ in places]
    full = [scene for scene in set(scenes) if scenes.count(scene) == crops]
    assert len(full) >= 40 - 7 * (crops - 1) and max(map(scenes.count, scenes)) == crops
    for scene in full:
        gaps = np.diff([i for i, other in enumerate(scenes) if other == scene])
        assert (gaps > 7 * crops).all()


def test_scenes_are_kept_only_while_crops_are_to_come() -> None:
    make = ExampleMaker(_CONFIG)
    for index in range(60):
        make(index)
    assert len(make.scenes) <= 3 * 7 + 1


def test_noise_is_that_of_table_2() -> None:
    for row, setup in noise.NOISE_SETUPS.items():
        config = StreamConfig(height=128, width=128, max_disparity=1, noise=str(row))
        # Disparity 0: the clean mono view is the clean reference, but for the few
        # mono views that are out of focus.
        config = config.replace(cameras="alike")
        ratios = {"mono": [], "reference": []}
        for index in range(12):
            example = _example(config, index)
            clean = {"mono": rgb_to_luma(example["target"] / 255)}
            clean["reference"] = example["target"] / 255
            levels = {"mono": setup.mono, "reference": setup.color}
            for view, level in levels.items():
                # Where neither end clips; 8 bits add a deviation of their own.
                inside = (clean[view] > 0.2) & (clean[view] < 0.6)
                error = (example[view] / 255 - clean[view])[inside]
                expected = np.hypot(level * np.sqrt(clean[view][inside]), 0.29 / 255)
                if inside.mean() > 0.1:
                    ratios[view].append(np.std(error / expected))
        for view, values in ratios.items():
            assert len(values) > 4, view
            assert np.median(values) == pytest.approx(1, abs=0.05), view


def test_wide_noise_holds_clean_cameras_more_often() -> None:
    rng = np.random.default_rng(0)
    setups = [examples.noise_levels("wide", rng) for _ in range(400)]
    for setup in noise.NOISE_SETUPS.values():
        assert 70 < setups.count(setup) < 130
    others = [s for s in setups if s not in noise.NOISE_SETUPS.values()]
    color = [setup.color for setup in others]
    assert 0.004 <= min(color) < 0.005 and 0.07 < max(color) <= 0.08
    assert np.mean(np.less(color, np.sqrt(0.004 * 0.08))) == pytest.approx(0.5, abs=0.1)
    assert all(setup.mono <= min(setup.color, 0.02) for setup in others)


def test_a_third_of_the_scenes_is_enlarged_and_another_has_more_detail() -> None:
    config = StreamConfig(height=96, width=224, max_disparity=64)
    settings = [
        examples.scene_settings(config, np.random.default_rng(seed))
        for seed in range(60)
    ]
    sizes = np.array([(s.height, s.width) for s in settings])
    assert 10 < (sizes[:, 1] < 280).sum() < 30
    assert (sizes.max(axis=0) == (120, 280)).all() and (sizes >= (60, 140)).all()
    sharpened = [s for s in settings if s.detail > 1]
    assert 10 < len(sharpened) < 30
    assert all(s.width == 280 and s.detail < 4 for s in sharpened)
    make = ExampleMaker(config)
    hidden = 1 - np.mean([make(index)["disparity"] > 0 for index in range(30)])
    assert 0.05 < hidden < 0.3


def test_cameras_differ_in_the_reference_alone() -> None:
    different = StreamConfig(height=64, width=64, max_disparity=1, noise="1")
    alike = different.replace(cameras="alike")
    powers, casts = [], []
    for index in range(48):
        example, plain = _example(different, index), _example(alike, index)
        for name in ("target", "disparity"):
            np.testing.assert_array_equal(example[name], plain[name])
        dark = (plain["target"] > 20) & (plain["target"] < 120)
        means = [
            [view[..., c][dark[..., c]].astype(float).mean() for c in range(3)]
            for view in (example["reference"], plain["reference"])
            if dark.mean(axis=(0, 1)).min() > 0.1
        ]
        if means:
            ratios = np.log2(np.divide(*means))
            powers.append(abs(ratios.mean()))
            casts.append(np.ptp(ratios))
    # Half of the exposures are another one; a third of the cameras is the same one.
    assert len(powers) > 20 and 0.2 < np.less(powers, 0.12).mean() < 0.7
    assert 0.4 < max(powers) < 1.0
    assert min(casts) < 0.005 and 0.01 < max(casts) < 0.15


def test_the_preview_measures_examples_and_photographs(tmp_path: pathlib.Path) -> None:
    ramp = np.zeros((16, 32, 3), np.uint8) + 4 * np.arange(32, dtype=np.uint8)[:, None]
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    result = start(
        "experiments.pretraining.preview",
        "--height=32",
        "--width=64",
        "--max_disparity=32",
        "--examples=3",
        f"--output={tmp_path / 'sheet.png'}",
        f"--photographs={tmp_path / 'r*.png'}",
    )
    assert result.code == 0, result
    # From 4 levels a step along x and none along y.
    assert "photographs: gradients of luma 2.0 and of chroma 0.0" in result.stdout
    assert re.search(r"the reference shows [5-9]\d % of the mono", result.stdout)
    height, width, _ = read_picture(tmp_path / "sheet.png").shape
    assert height > 3 * 32 and width > 4 * 64


def test_the_stream_loads_no_framework() -> None:
    program = (
        "import sys, experiments.pretraining.stream, experiments.pretraining.worker\n"
        "print({'tensorflow', 'keras', 'jax'} & {m.split('.')[0] for m in sys.modules})"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "set()"


def test_a_worker_that_dies_ends_the_stream_with_an_error() -> None:
    with SceneStream(_CONFIG, processes=2) as stream:
        batches = iter(stream)
        next(batches)
        pids = stream.pids
        os.kill(pids[0], signal.SIGKILL)
        with pytest.raises(RuntimeError, match="status -9"):
            for _ in range(10_000):
                next(batches)
    assert all(_gone(pid) for pid in pids)


def test_close_ends_the_processes_and_may_be_called_again() -> None:
    stream = SceneStream(_CONFIG, processes=2)
    stream.close()  # before their first example
    assert all(_gone(pid) for pid in stream.pids)
    stream.close()
    with pytest.raises(RuntimeError, match="closed"):
        next(iter(stream))


@pytest.mark.parametrize("how", (signal.SIGINT, signal.SIGKILL))
def test_no_process_outlives_a_consumer_that_is_stopped(how: signal.Signals) -> None:
    program = (
        "from experiments.pretraining.stream import SceneStream, StreamConfig\n"
        "with SceneStream(StreamConfig(height=32, width=32), processes=2) as stream:\n"
        "    for step, _ in enumerate(stream):\n"
        "        if step == 0:\n"
        "            print(*stream.pids, flush=True)\n"
    )
    consumer = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # A shell's background jobs, which tests may be, ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with consumer:  # closes its pipes, whatever happens
        try:
            pids = [int(pid) for pid in consumer.stdout.readline().split()]
            os.killpg(consumer.pid, how)  # as the terminal does on Ctrl-C
            _, errors = consumer.communicate(timeout=60)
        finally:
            consumer.kill()
    assert len(pids) == 2 and all(_gone(pid) for pid in pids)
    assert errors.count(b"Traceback") == (how == signal.SIGINT)  # the consumer's own


def test_an_unreadable_texture_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    config = _CONFIG.replace(textures=str(tmp_path))
    with SceneStream(config, processes=1) as stream:
        with pytest.raises(InputError, match="broken.png"):
            for _ in range(100):
                next(iter(stream))


@pytest.mark.parametrize(
    "change",
    [
        {"height": 100},
        {"width": 0},
        {"max_disparity": 0},
        {"max_disparity": 1025},
        {"batch_size": 0},
        {"noise": "3"},
        {"noise": "mixed"},
        {"cameras": "other"},
        {"seed": -1},
    ],
)
def test_config_rejects_values_out_of_range(change: dict) -> None:
    with pytest.raises(InputError, match=f"{next(iter(change))}.*Received: "):
        StreamConfig(**change)


def test_stream_rejects_what_it_cannot_start(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="processes .*Received: 0"):
        SceneStream(_CONFIG, processes=0)
    with pytest.raises(InputError, match="start_step .*Received: -1"):
        SceneStream(_CONFIG, start_step=-1)
    with pytest.raises(InputError, match="Received: .*"):
        SceneStream(_CONFIG.replace(textures=str(tmp_path)), processes=1)
    assert StreamConfig.from_dict(_CONFIG.to_dict()) == _CONFIG
