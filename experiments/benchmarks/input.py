"""Cost of the input: pictures to TFRecords, and TFRecords to training batches."""

import pathlib
import shutil
import statistics
import tempfile
import time

import numpy as np
from PIL import Image

from colornet.config import ModelConfig
from colornet.quiet import import_tensorflow
from experiments.benchmarks.measure import measured, timed
from experiments.benchmarks.network import network_seconds
from tfrecords_tools.convert import PNG_LEVEL, in_processes
from tfrecords_tools.records import RecordConfig, make_record
from tfrecords_tools.sources.embedded import load_motorcycle
from tfrecords_tools.sources.pairs import Pairs

_CROP = (256, 512)
# Stereo pairs that are converted, batches that are read, the network of the step.
_SIZES = {
    "quick": (8, 8, ModelConfig(n=4, max_disparity=32)),
    "full": (48, 64, ModelConfig(max_disparity=64)),
}


def rows(size: str, data_dir: str | None) -> list[dict]:
    """Conversion, its memory, and the training pipeline.

    Args:
        size: how much.
        data_dir: folder of stereo pairs (dataset `pairs`); else the Motorcycle pair of
            scikit-image, once for every pair of the size.
    """
    count, batches, model = _SIZES[size]
    with tempfile.TemporaryDirectory(prefix="colornet_benchmark_") as name:
        top = pathlib.Path(name)
        pictures = pathlib.Path(data_dir or top / "pictures")
        if not data_dir:
            _write_pictures(pictures, count)
        table = _conversion(pictures, top, count)
        per_batch, peak = measured(pipeline_seconds, str(top / "records 1"), batches)
    per_step, step_peak = measured(
        network_seconds, "this", "step", model, _CROP, "float32", 1
    )
    return [
        *table,
        {
            "what": f"training batches of 1, {_CROP[0]}x{_CROP[1]}",
            "examples/s": 1 / per_batch,
            "ms": per_batch * 1e3,
            "peak MB": peak,
            "share of a step": per_batch / per_step,
        },
        {
            "what": f"training step, n={model.n}, d={model.max_disparity}",
            "ms": per_step * 1e3,
            "peak MB": step_peak,
        },
    ]


def _write_pictures(folder: pathlib.Path, count: int) -> None:
    views, first = load_motorcycle(), folder / "00000"
    first.mkdir(parents=True)
    for view in ("left", "right"):
        Image.fromarray(getattr(views, view)).save(first / f"{view}.png")
    for number in range(1, count):
        shutil.copytree(first, folder / f"{number:05d}")


def _conversion(pictures: pathlib.Path, top: pathlib.Path, count: int) -> list[dict]:
    source = Pairs(pictures)
    pairs = source.parts()[0].pairs[:count]
    table = []

    def add(what, processes, some, seconds, peak) -> None:
        size = sum(pathlib.Path(file).stat().st_size for p in some for file in p.files)
        table.append(
            {
                "what": what,
                "processes": processes,
                "pairs": len(some),
                "pairs/s": len(some) / seconds,
                "MB/s read": size / 1e6 / seconds,
                "peak MB": peak,
            }
        )

    # The last one of a quarter of the pairs: memory must not follow.
    for processes, some in ((1, pairs), (2, pairs), (1, pairs[: -(-count // 4)])):
        out_dir = top / f"records {len(table) // 2 + 1}"
        floor = measured(floor_seconds, some, str(top / "floor"), processes)
        add("Pillow alone", processes, some, *floor)
        ours = measured(write_seconds, source, str(out_dir), len(some), processes)
        add("tfrecords_tools.write", processes, some, *ours)
        table[-1]["ratio"] = ours[0] / floor[0]
    return table


def floor_seconds(pairs, folder: str, processes: int) -> float:
    """Reads the pictures of the pairs and writes those of the records; nothing else."""
    record = make_record(pairs[0].load(), pairs[0].key, RecordConfig())
    pictures = [getattr(record, n).squeeze() for n in ("mono", "reference", "target")]
    shutil.rmtree(folder, ignore_errors=True)
    pathlib.Path(folder).mkdir()
    np.savez(f"{folder}/record.npz", *pictures)
    jobs = [(pair.files[:2], folder, n) for n, pair in enumerate(pairs)]
    start = time.perf_counter()
    for _ in in_processes(_read_and_write, jobs, processes):
        pass
    return time.perf_counter() - start


def _read_and_write(job) -> None:
    files, folder, number = job
    for path in files:
        with Image.open(path) as image:
            np.asarray(image)
    with np.load(f"{folder}/record.npz") as archive:
        for name, array in archive.items():
            path = f"{folder}/{number}_{name}.png"
            Image.fromarray(array).save(path, compress_level=PNG_LEVEL)


def write_seconds(source, out_dir: str, limit: int, processes: int) -> float:
    """Writes the records as `tfrecords_tools.write` does."""
    import_tensorflow()
    from tfrecords_tools.writer import write_records

    start = time.perf_counter()
    write_records(source, out_dir, limit=limit, processes=processes)
    return time.perf_counter() - start


def pipeline_seconds(records: str, count: int) -> float:
    """Seconds of a training batch, the mean of so many after the first."""
    import_tensorflow()
    from colornet.data import Records, training_batches

    batches = iter(
        training_batches(Records(records, "test"), seed=0, batch_size=1, crop=_CROP)
    )
    return statistics.fmean(timed(lambda: next(batches), count))
