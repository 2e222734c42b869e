"""Cost of the input: pictures to TFRecords, and TFRecords to training batches."""

import dataclasses
import functools
import itertools
import pathlib
import shutil
import tempfile
import time

import numpy as np
from PIL import Image

from colornet.config import ModelConfig, TrainConfig
from colornet.quiet import import_tensorflow
from experiments.benchmarks.measure import measured
from tfrecords_tools.convert import PNG_LEVEL, in_processes
from tfrecords_tools.records import RecordConfig, make_record
from tfrecords_tools.sources.embedded import load_motorcycle
from tfrecords_tools.sources.pairs import Pairs

_CROP = (256, 512)


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        pairs: stereo pairs that are converted.
        batches: training batches that are read.
        steps: training steps that are timed after the first.
        model: the network of the step.
    """

    pairs: int
    batches: int
    steps: int
    model: ModelConfig


SIZES = {
    "quick": Size(8, 8, 1, ModelConfig(n=4, max_disparity=32)),
    "full": Size(48, 64, 1, ModelConfig(max_disparity=64)),
}


def measure_input(size: Size, data_dir: str | None) -> list[dict]:
    """Rows of the table: conversion, its memory, and the training pipeline.

    Args:
        size: how much.
        data_dir: folder of stereo pairs (dataset `pairs`); else the Motorcycle pair of
            scikit-image, once for every pair of the size.
    """
    with tempfile.TemporaryDirectory(prefix="colornet_benchmark_") as name:
        top = pathlib.Path(name)
        pictures = pathlib.Path(data_dir) if data_dir else top / "pictures"
        if not data_dir:
            _write_pictures(pictures, size.pairs)
        rows = _conversion(pictures, top, size)
        return rows + _pipeline(top / "records 1", size)


def _write_pictures(folder: pathlib.Path, count: int) -> None:
    views = load_motorcycle()
    for number in range(count):
        scene = folder / f"{number:05d}"
        scene.mkdir(parents=True)
        for view in ("left", "right"):
            path = scene / f"{view}.png"
            if number:
                shutil.copy(folder / "00000" / f"{view}.png", path)
            else:
                Image.fromarray(getattr(views, view)).save(path, compress_level=6)


def _conversion(pictures: pathlib.Path, top: pathlib.Path, size: Size) -> list[dict]:
    source = Pairs(pictures)
    pairs = source.parts()[0].pairs[: size.pairs]
    megabytes = (
        sum(pathlib.Path(f).stat().st_size for p in pairs for f in p.files) / 1e6
    )
    rows = []
    for processes in (1, 2):
        floor = measured(floor_seconds, pairs, top / f"floor {processes}", processes)
        out_dir = top / f"records {processes}"
        ours = measured(write_seconds, source, out_dir, size.pairs, processes)
        rows += [
            _conversion_row("Pillow alone", processes, floor, pairs, megabytes),
            _conversion_row("tfrecords_tools.write", processes, ours, pairs, megabytes)
            | {"ratio": ours.seconds / floor.seconds},
        ]
        shutil.rmtree(top / f"floor {processes}")
    # A quarter of the pairs: memory must not follow.
    some = pairs[: max(1, len(pairs) // 4)]
    few = measured(write_seconds, source, top / "few", len(some), 1)
    rows.append(_conversion_row("tfrecords_tools.write", 1, few, some, megabytes / 4))
    return rows


def _conversion_row(name, processes, result, pairs, megabytes) -> dict:
    return {
        "what": name,
        "processes": processes,
        "pairs": len(pairs),
        "pairs/s": len(pairs) / result.seconds,
        "MB/s read": megabytes / result.seconds,
        "peak MB": result.peak_bytes / 1e6,
    }


def floor_seconds(pairs, folder: pathlib.Path, processes: int) -> float:
    """Reads the pictures of the pairs and writes those of the records; nothing else."""
    folder.mkdir()
    record = make_record(pairs[0].load(), pairs[0].key, RecordConfig())
    pictures = str(folder / "record.npz")
    np.savez(pictures, *(getattr(record, n) for n in ("mono", "reference", "target")))
    jobs = [
        (pair.files[:2], pictures, str(folder / f"{number}"))
        for number, pair in enumerate(pairs)
    ]
    start = time.perf_counter()
    for _ in in_processes(_read_and_write, jobs, processes):
        pass
    return time.perf_counter() - start


def _read_and_write(job) -> None:
    files, pictures, out = job
    for path in files:
        with Image.open(path) as image:
            np.asarray(image)
    for name, array in _arrays(pictures).items():
        picture = Image.fromarray(array.squeeze())
        picture.save(f"{out}_{name}.png", compress_level=PNG_LEVEL)


@functools.lru_cache(maxsize=1)
def _arrays(path: str) -> dict[str, np.ndarray]:
    with np.load(path) as archive:
        return dict(archive)


def write_seconds(source, out_dir: pathlib.Path, limit: int, processes: int) -> float:
    """Writes the records as `tfrecords_tools.write` does."""
    import_tensorflow()
    from tfrecords_tools.writer import write_records

    start = time.perf_counter()
    write_records(source, out_dir, limit=limit, processes=processes)
    return time.perf_counter() - start


def _pipeline(records: pathlib.Path, size: Size) -> list[dict]:
    batches = measured(pipeline_seconds, str(records), size.batches)
    step = measured(step_seconds, str(records), size.steps, size.model)
    per_batch, per_step = batches.seconds / size.batches, step.seconds / size.steps
    text = f"n={size.model.n}, d={size.model.max_disparity}"
    return [
        {
            "what": f"training batches of 1, {_CROP[0]}x{_CROP[1]}",
            "examples/s": 1 / per_batch,
            "ms": per_batch * 1e3,
            "peak MB": batches.peak_bytes / 1e6,
            "share of a step": per_batch / per_step,
        },
        {
            "what": f"training step, {text}",
            "ms": per_step * 1e3,
            "peak MB": step.peak_bytes / 1e6,
        },
    ]


def pipeline_seconds(records: str, count: int) -> float:
    """Draws so many training batches, after the first."""
    import_tensorflow()
    from colornet.data import Records, training_batches

    batches = iter(
        training_batches(Records(records, "test"), seed=0, batch_size=1, crop=_CROP)
    )
    next(batches)
    start = time.perf_counter()
    for _ in itertools.islice(batches, count):
        pass
    return time.perf_counter() - start


def step_seconds(records: str, count: int, model: ModelConfig) -> float:
    """Takes so many training steps on one batch, after the first."""
    import_tensorflow()
    from colornet.training.loop import Trainer, make_strategy

    config = TrainConfig(model=model, records=records, split="test", steps=count + 1)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(config, folder, make_strategy("one_device", "auto"))
        batch = next(trainer.batches())
        trainer.take_step(batch)
        start = time.perf_counter()
        for _ in range(count):
            metrics = trainer.take_step(batch)
        metrics["loss"].numpy()
        return time.perf_counter() - start
