"""The page of the main job: its scores, curve and pictures, and where everything is."""

import dataclasses
import itertools
import os
import pathlib
from collections.abc import Mapping, Sequence
from html import escape

from colornet.io.files import write_text
from colornet.io.rows import read_rows
from colornet.training.run_folder import METRICS, VALIDATION
from colornet.visualize.drawing import nice_ticks
from experiments.evaluation.show import COLUMNS, EXPLANATIONS, digits_of
from experiments.pages import charts
from experiments.pages.page import (
    best_of,
    made_line,
    page,
    panel,
    panels,
    table,
)

# dB: a training that gains less is no steep curve.
_LEAST_SPAN = 4.0


@dataclasses.dataclass(frozen=True)
class Index:
    """What the page says of a main job.

    Attributes:
        summaries: what `evaluate` returned, by the name of the row.
        words: what rows and datasets are, by their names.
        run_dir: folder of the training.
        setup: of the noise.
        pictures: files by title; the last one is wide, and has a row of its own.
        places: files and folders by name, with what they are.
        commands: to be typed, by what they do.
    """

    summaries: Mapping[str, Mapping]
    words: Mapping[str, str]
    run_dir: pathlib.Path
    setup: str
    pictures: Mapping[str, pathlib.Path]
    places: Mapping[str, tuple[pathlib.Path, str]]
    commands: Mapping[str, str]


def write_index(path: pathlib.Path, index: Index, made: Mapping[str, str]) -> None:
    """Writes the page, which needs no network.

    Args:
        path: of the page. Its links are relative: they stay right when its folder is
            moved as a whole.
        index: what it says; all its files and folders are there.
        made: see `experiments.provenance.made`.

    Raises:
        InputError: the page cannot be written.
    """
    top = path.parent
    *pictures, overview = (
        panel(_link(top, file, title), file) for title, file in index.pictures.items()
    )
    parts = [made_line(made), panels(pictures, is_large=True)]
    parts += [panels([overview], is_large=True), "<h2>Scores</h2>"]
    parts.append(
        f"<p>Means over pictures with the noise of Setup {escape(index.setup)} (Table "
        "2 of the paper). ★ is the best number of a column.</p>"
    )
    parts += _scores(index.summaries)
    parts += [_words(EXPLANATIONS | dict(index.words)), _digests(index.summaries)]
    if curve := _curve(index.run_dir):
        parts += ["<h2>Training</h2>", curve]
    places = {
        _link(top, place, name): escape(about)
        for name, (place, about) in index.places.items()
    }
    places |= {
        escape(about): f"<code>{escape(command)}</code>"
        for about, command in index.commands.items()
    }
    parts += ["<h2>Where everything is</h2>", _list(places)]
    write_text(path, page("ColorNet: the main job", parts))


def _link(top: pathlib.Path, place: pathlib.Path, text: str) -> str:
    href = os.path.relpath(place, top).replace(os.sep, "/")
    return f'<a href="{escape(href)}">{escape(text)}</a>'


def _list(items: Mapping[str, str]) -> str:
    """A list of HTML by HTML."""
    lines = "".join(f"<dt>{name}</dt><dd>{about}</dd>" for name, about in items.items())
    return f"<dl>{lines}</dl>"


def _words(words: Mapping[str, str]) -> str:
    return _list({escape(name): escape(about) for name, about in words.items()})


def _digests(summaries: Mapping[str, Mapping]) -> str:
    found = {
        name: summary["settings"]["sha256"]
        for name, summary in summaries.items()
        if "sha256" in summary["settings"]
    }
    items = "".join(
        f"<li>SHA-256 of the weights of {escape(name)}: <code>{digest}</code>"
        for name, digest in found.items()
    )
    return f"<ul class=notes>{items}</ul>"


def _scores(summaries: Mapping[str, Mapping]) -> list[str]:
    """A table for every dataset."""
    datasets = dict.fromkeys(d for s in summaries.values() for d in s["datasets"])
    parts = []
    for dataset in datasets:
        means = {n: s["datasets"][dataset] for n, s in summaries.items()}
        count = next(iter(means.values()))["count"]
        pictures = f"{count} picture{'s' if count > 1 else ''}"
        values = [
            [mean.get(key) for key in COLUMNS.values()] for mean in means.values()
        ]
        columns = enumerate(zip(COLUMNS, zip(*values, strict=True), strict=True))
        best = {
            (row, number)
            for number, (name, column) in columns
            for row in best_of(column, digits_of(name))
        }
        rows = [
            (name, [_cell(*pair) for pair in zip(COLUMNS, row, strict=True)])
            for name, row in zip(means, values, strict=True)
        ]
        parts.append(f"<h3>{escape(dataset)}, {pictures}</h3>")
        parts.append(table(list(COLUMNS), rows, best))
    return parts


def _cell(column: str, value: float | None) -> str:
    return "" if value is None else f"<b>{value:.{digits_of(column)}f}</b>"


def _curve(run_dir: pathlib.Path) -> str:
    """PSNR of the training's crops, and of held-out pictures where they were scored."""
    curves = [
        charts.Curve(name, color, points)
        for name, file, color in zip(
            ("crops of the training", "held-out pictures"),
            (METRICS, VALIDATION),
            itertools.cycle(charts.COLORS),
        )
        if (points := _points(run_dir / file))
    ]
    if not curves:
        return ""
    steps = max(x for curve in curves for x, _, _ in curve.points)
    levels = [y for curve in curves for _, y, _ in curve.points]
    low, high = min(levels), max(levels)
    low = min(low, high - _LEAST_SPAN)
    ticks = {tick: f"{tick:g}" for tick in nice_ticks(steps, 5)}
    title = "PSNR in dB over steps"
    drawing = charts.chart(title, curves, ticks, (0, steps), (low, high))
    names = [(curve.name, curve.color) for curve in curves]
    return drawing + charts.legend(names)


def _points(path: pathlib.Path) -> Sequence[tuple[float, float, str]]:
    rows = read_rows(path)[0] if path.is_file() else []
    found = [(int(row["step"]), float(row["psnr_final"])) for row in rows]
    return [(step, psnr, f"step {step}: {psnr:.2f} dB") for step, psnr in found]
