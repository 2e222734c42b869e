"""Table 2: the noise of both cameras as it is in finished records."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence

from colornet.data import Records
from colornet.noise import NOISE_SETUPS
from experiments.tables import paper
from experiments.tables.columns import find_columns
from tfrecords_tools.noise_meter import Level, NoiseMeter
from tfrecords_tools.records import Record, RecordConfig, make_record
from tfrecords_tools.sources.embedded import load_motorcycle


@dataclasses.dataclass(frozen=True)
class NoiseRow:
    """A dataset in one setup.

    Attributes:
        name: of the column.
        setup: row of Table 2.
        pictures: how many were measured.
        color, mono: the levels `a` of a sqrt(kappa), kappa in [0, 1].
    """

    name: str
    setup: int
    pictures: int
    color: Level
    mono: Level


def noise_of_records(records: str, limit: int) -> Iterator[NoiseRow]:
    """Measures all columns of the tables whose records are there.

    Args:
        records: out_dir of `tfrecords_tools.write`.
        limit: the first so many pictures of a column.

    Raises:
        InputError: no records, or damaged ones.
    """
    for column in find_columns(records):
        if column.records:
            found = Records(column.records, column.split)
            settings = RecordConfig.of_settings(found.metadata["settings"])
            pictures = (
                (example["key"].decode(), Record.of_example(example))
                for example in found.raw_examples(column.datasets)
            )
            yield _measured(column.name, settings, itertools.islice(pictures, limit))


def noise_of_motorcycle() -> Iterator[NoiseRow]:
    """Makes records of the Motorcycle pair in all setups, and measures these."""
    views, key = load_motorcycle(), "middlebury2014/Motorcycle"
    for setup in NOISE_SETUPS:
        settings = RecordConfig(setup=setup)
        yield _measured("EM", settings, [(key, make_record(views, key, settings))])


def _measured(
    name: str, settings: RecordConfig, pictures: Iterable[tuple[str, Record]]
) -> NoiseRow:
    meter, count = NoiseMeter(settings), 0
    for key, record in pictures:
        meter.add(record, key)
        count += 1
    return NoiseRow(name, settings.setup, count, meter.color(), meter.mono())


def markdown(rows: Sequence[NoiseRow]) -> str:
    """Table 2 as Markdown: ours with the standard error / the paper's."""
    lines = [
        "**Table 2, noise**: the level a of a sqrt(kappa), kappa in [0, 1]; measured "
        "± standard error / the paper's.",
        "",
        "| setup | records (pictures) | colour camera | monochrome camera |",
        "| --- | --- | --- | --- |",
    ]
    for row in sorted(rows, key=lambda row: row.setup):
        cells = [str(row.setup), f"{paper.title(row.name)} ({row.pictures})"]
        for level, theirs in zip(
            (row.color, row.mono), paper.NOISE[row.setup], strict=True
        ):
            cells.append(f"{level.value:.5f} ± {level.error:.5f} / {theirs:g}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
