"""Writes the records of a dataset: finds its pairs, and runs the TFDS builder."""

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow_datasets as tfds

from colornet.errors import InputError
from colornet.io.files import write_text, writing
from colornet.io.limits import Limits
from colornet.quiet import quiet_tfds
from tfrecords_tools.builder import ColornetRecords, RecordsConfig
from tfrecords_tools.convert import ON_ERROR
from tfrecords_tools.inventory import usable_pairs
from tfrecords_tools.records import RecordConfig
from tfrecords_tools.sources import Pair, Part, Source

# File beside the records with what was left out, a line each; none if nothing was.
SKIPPED = "skipped.txt"
# Bytes at the end of a picture file that tell it from another one: PNG ends with a
# checksum of the pixels.
_END = 1 << 12


@dataclasses.dataclass(frozen=True)
class Written:
    """Finished records.

    Attributes:
        folder: of the dataset, for `tfds.builder_from_directory`.
        is_new: False where they had been written before, with the same settings.
        counts: records of every split.
        num_bytes: size of all shards.
        skipped: the missing files of incomplete pairs, and "key: reason" of the pairs
            that could not be read.
    """

    folder: pathlib.Path
    is_new: bool
    counts: dict[str, int]
    num_bytes: int
    skipped: tuple[str, ...] = ()


def write_records(
    source: Source,
    out_dir: str | os.PathLike,
    *,
    record: RecordConfig | None = None,
    limits: Limits | None = None,
    limit: int | None = None,
    strict: bool = False,
    on_error: str = "fail",
    parts: Sequence[Part] | None = None,
    processes: int = 1,
    beam_runner: str | None = None,
    beam_options: Sequence[str] = (),
    overwrite: bool = False,
    progress: bool = False,
) -> Written:
    """Writes all records of a dataset, or finds them there already.

    A dataset of one name must not be written by two programs at a time.

    Args:
        source: the dataset.
        out_dir: top folder of the records; made if missing.
        record: noise, geometry and size.
        limits: of what a picture file may announce; the defaults of `Limits` if None.
        limit: keep only the first so many pairs of every split.
        strict: refuse a dataset that has not the published number of pairs.
        on_error: "fail", or "skip" pairs that are incomplete or cannot be read.
        parts: `source.parts()` if they are known already.
        processes: how many processes convert at a time.
        beam_runner: convert on Apache Beam instead, such as on "DirectRunner" or
            "FlinkRunner"; every record is the same.
        beam_options: of Beam's pipeline, such as "direct_num_workers=2".
        overwrite: replace what is there, whatever its settings.
        progress: whether to show a progress bar.

    Raises:
        InputError: unusable pictures, an out_dir that cannot be written, a full disk,
            or records there that were written with other settings.
    """
    if limit is not None and limit < 1:
        raise InputError(f"expected a limit of at least 1. Received: {limit}")
    if processes < 1:
        raise InputError(f"expected at least 1 process. Received: {processes}")
    if beam_options and not beam_runner:
        raise InputError("beam_option expects a beam_runner. Received: none")
    if on_error not in ON_ERROR:
        raise InputError(f"on_error must be one of {ON_ERROR}. Received: {on_error!r}")
    record = record or RecordConfig()
    parts = source.parts() if parts is None else parts
    found = _limited(usable_pairs(source, parts, strict, on_error), limit)
    settings = {"dataset": source.name, **record.to_dict(), **source.settings()}
    settings |= {"pairs": _digest(found)}

    out_dir = _writable(out_dir)
    name = f"{source.name}_setup{record.setup}"
    config_dir = out_dir / ColornetRecords.name / name
    folder = config_dir / str(ColornetRecords.VERSION)
    _put_back(folder)
    is_new = overwrite or not folder.exists()
    if is_new:
        # What a killed run left: TFDS never takes it up.
        left = list(config_dir.glob("*incomplete*"))
        for old in (folder, *left):
            if old.is_symlink():
                raise InputError(
                    "expected a folder to replace, and no symbolic link. "
                    f"Received: {old}"
                )
        for old in left:
            shutil.rmtree(old)
        config = RecordsConfig(
            name=name,
            pairs=[pair.within(limits) for pair in found] if limits else found,
            record=record,
            on_error=on_error,
            settings=settings,
            skipped=[file for part in parts for file in part.missing],
            citation=source.citation,
            homepage=source.homepage,
            processes=processes,
            beam=beam_runner is not None,
            progress=progress,
        )
        with _set_aside(folder):
            _build(config, out_dir, beam_runner, beam_options)
            if skipped := _read_info(folder).metadata["skipped"]:
                write_text(folder / SKIPPED, "".join(f"{text}\n" for text in skipped))
    info = _read_info(folder)
    if not is_new:
        _check_same(folder, info.metadata["settings"], settings)
    return Written(
        folder=folder,
        is_new=is_new,
        counts={name: split.num_examples for name, split in info.splits.items()},
        num_bytes=info.dataset_size,
        skipped=tuple(info.metadata["skipped"]),
    )


def _build(
    config: RecordsConfig,
    out_dir: pathlib.Path,
    beam_runner: str | None,
    beam_options: Sequence[str],
) -> None:
    download = tfds.download.DownloadConfig(try_download_gcs=False)
    if config.beam:
        download.beam_runner = beam_runner
        download.beam_options = _pipeline_options(beam_runner, beam_options)
    try:
        # TFDS makes a folder for downloads even where there are none.
        with quiet_tfds(), tempfile.TemporaryDirectory() as downloads:
            builder = ColornetRecords(config=config, data_dir=os.fspath(out_dir))
            builder.download_and_prepare(
                download_dir=downloads, download_config=download
            )
    # TFDS and Beam wrap whatever happens in errors of many kinds.
    except Exception as error:
        plain = _plain_error(error, out_dir)
        if plain is None:
            raise
        raise plain from error


def _plain_error(error: Exception, out_dir: pathlib.Path) -> InputError | None:
    """What the user did or has, if that is what an error is about."""
    import tensorflow as tf

    cause = error
    while cause is not None:
        if isinstance(cause, InputError):
            return cause
        if isinstance(cause, OSError | tf.errors.OpError):
            reason = getattr(cause, "strerror", None) or cause
            return InputError(
                "expected an out_dir that can be written, with room for all records "
                f"twice. Received: {out_dir} ({reason})"
            )
        cause = cause.__cause__
    if "No examples were yielded" in str(error) or "should be >0" in str(error):
        return InputError(
            "expected a pair that can be read in every split. Received: all pairs of "
            "a split were skipped"
        )
    # Beam hands on what its workers raise as text.
    found = re.search(r"InputError: (.*?)( \[while running|$)", str(error), re.M)
    return InputError(found[1]) if found else None


def _pipeline_options(runner: str, options: Sequence[str]) -> Any:
    try:
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners.runner import create_runner
    except ImportError as error:
        raise InputError(
            "beam_runner expects Apache Beam: pip install -e '.[beam]'. "
            "Received: no module apache_beam"
        ) from error
    try:
        create_runner(runner)
    except (ValueError, ImportError) as error:
        raise InputError(
            f"expected a runner of Apache Beam. Received: {runner} ({error})"
        ) from error
    return PipelineOptions([f"--{option}" for option in options])


def _aside(folder: pathlib.Path) -> pathlib.Path:
    return folder.with_name(f"incomplete.replaced_{folder.name}")


def _put_back(folder: pathlib.Path) -> None:
    """Undoes a `_set_aside` whose program was killed before there was a new folder."""
    if _aside(folder).exists() and not folder.exists():
        os.replace(_aside(folder), folder)


@contextlib.contextmanager
def _set_aside(folder: pathlib.Path) -> Iterator[None]:
    """Removes a folder once the block has ended well; else it is there as before."""
    aside = _aside(folder)
    if not folder.exists():
        yield
        return
    shutil.rmtree(aside, ignore_errors=True)
    os.replace(folder, aside)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(aside, folder)
        raise
    shutil.rmtree(aside)


def _writable(out_dir: str | os.PathLike) -> pathlib.Path:
    out_dir = pathlib.Path(out_dir)
    with writing(out_dir):
        out_dir.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out_dir).close()
    return out_dir


def _limited(found: list[Pair], limit: int | None) -> list[Pair]:
    """The first so many pairs of every split."""
    splits = dict.fromkeys(pair.split for pair in found)
    return [p for s in splits for p in [p for p in found if p.split == s][:limit]]


def _digest(found: list[Pair]) -> str:
    """Says which pairs there are, in which splits; not where on which machine.

    Of every file it takes the size and the end, of disparity also how it is coded.
    """
    lines = []
    for pair in sorted(found, key=lambda pair: (pair.split, pair.key)):
        ends = hashlib.sha256(pair.coding.encode())
        for name in pair.files:
            with open(name, "rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _END))
                ends.update(f"{size}".encode() + file.read())
        lines.append(f"{pair.split}\t{pair.key}\t{ends.hexdigest()}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _read_info(folder: pathlib.Path) -> tfds.core.DatasetInfo:
    try:
        with quiet_tfds():
            info = tfds.builder_from_directory(folder).info
            info.metadata["settings"]
            return info
    # Whatever TFDS makes of a folder that is not its own.
    except Exception as error:
        raise InputError(
            f"expected records or nothing at {folder}. Received: a folder that "
            "cannot be read (--overwrite replaces it)"
        ) from error


def _check_same(
    folder: pathlib.Path, there: dict[str, Any], asked: dict[str, Any]
) -> None:
    different = [
        f"{name} is {there.get(name)!r} there, {asked.get(name)!r} was asked"
        for name in sorted({*there, *asked})
        if there.get(name) != asked.get(name)
    ]
    if different:
        raise InputError(
            f"expected the records at {folder} to have the settings asked for "
            f"(--overwrite replaces them). Received: {'; '.join(different)}"
        )
