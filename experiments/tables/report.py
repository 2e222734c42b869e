"""One HTML file with the tables, error bars over pictures, and figures to zoom into."""

import pathlib
import warnings
from collections.abc import Mapping, Sequence
from html import escape

from colornet.errors import InputError
from colornet.io.json_files import read_json
from colornet.visualize.drawing import nice_ticks
from experiments.disturbances import cells as robustness
from experiments.disturbances import show
from experiments.disturbances.cameras import UNDISTURBED
from experiments.pages import charts
from experiments.pages.page import (
    best_of,
    folded,
    grid,
    made_line,
    page,
    panel,
    panels,
    table,
)
from experiments.provenance import MADE
from experiments.tables import paper
from experiments.tables.cells import Cell, read_cells
from experiments.tables.figure_files import Figure, read_figures
from experiments.tables.network_drawing import DRAWING
from experiments.tables.text import by_setup, trainings

_INTRODUCTION = """<p>In every cell ours stands above, the paper's number and the
difference below. ± is the standard deviation over training seeds. ★ is the best
measured number of a column, and of a row in the tables of robustness. Charts:
<span class=ours>● ours</span> with the 95 % confidence interval of the mean over
pictures, <span class=theirs>□ the paper</span>. Tap a picture to enlarge it, tap it
again to zoom. Beside this file, each figure is one picture, too:
figures/…/figure.png.</p>"""
_WIDTH, _MIDDLE, _LINE, _BOTTOM = 350, 10, 36, 24  # of a chart of intervals, px


def write_report(output: pathlib.Path, made: Mapping[str, str]) -> str:
    """The report of what the tables and figures have left in a folder, as HTML.

    Cells and figures whose files are damaged are left out: the report says so at its
    top, and a warning does.

    Args:
        output: the output folder of table3, table4, table5, robustness and figures.
        made: `experiments.provenance.made` of the report itself.

    Raises:
        InputError: neither a table nor a figure is there.
    """
    sections, notes = [], []
    for name, kind in paper.TABLES.items():
        path = output / f"{name}.csv"
        if path.is_file() and (cells := read_cells(path, notes)):
            sections.append(_table(kind, cells, _made(path, notes)))
    for path in sorted(output.glob("robustness_setup*.csv")):
        groups = show.groups(robustness.read_cells(path, notes))
        by = _made(path, notes)
        sections += [_robustness(title, cells, by) for title, cells in groups]
    figures = [_figure(figure) for figure in read_figures(output, notes)]
    if (drawing := output / DRAWING).is_file():
        svg = drawing.read_text(encoding="utf-8")
        caption = "<figcaption>Figure 2: the network as it is built</figcaption>"
        svg = f'<div class="wide drawing">{svg}</div>'
        figures.insert(0, f"<figure>{caption}{svg}</figure>")
    if figures:
        by = _made(output / "figures.csv", notes)
        sections += ["<h2>Figures</h2>", by, *figures]
    for note in notes:
        warnings.warn(note, stacklevel=2)
    if not sections:
        raise InputError(
            "expected a folder with table3.csv or figures of experiments.table3 and "
            f"experiments.figures. Received: {output}, with none"
        )
    if notes:
        sections.insert(0, f"<p>Left out: {escape('; '.join(notes))}.</p>")
    title = "ColorNet: tables and figures of the paper, ours beside theirs"
    return page(title, [made_line(made), _INTRODUCTION, *sections])


def _made(path: pathlib.Path, notes: list[str]) -> str:
    """The line about who made a table; earlier versions did not say so."""
    path = path.with_suffix(".json")
    if not path.is_file():
        return ""
    try:
        return made_line(read_json(path, MADE))
    except InputError as error:
        notes.append(str(error))
        return ""


def _table(kind: paper.Table, cells: Sequence[Cell], made: str) -> str:
    digits = paper.DIGITS[kind.metric]
    parts = [_setup(f"Setup {setup}", rows, digits) for setup, rows in by_setup(cells)]
    notes = "".join(f"<li>{escape(note)}" for note in trainings(cells))
    digests = dict.fromkeys((cell.row, cell.sha256) for cell in cells if cell.sha256)
    notes += "".join(
        f"<li>SHA-256 of {escape(paper.title(row))}: <code>{escape(digest)}</code>"
        for row, digest in digests
    )
    notes = f"<ul class=notes>{notes}</ul>" if notes else ""
    return f"<h2>{escape(kind.title)}</h2>{made}{''.join(parts)}{notes}"


def _robustness(title: str, cells: Sequence[robustness.Cell], made: str) -> str:
    """The table of one setup and dataset, and the curves of every disturbance."""
    methods = show.methods_of(cells)
    names = [paper.title(method) for method in methods]
    lines, values = [], []
    for case, by_method in show.by_case(cells).items():
        found = [by_method.get(method) for method in methods]
        lines.append((" ".join(case), [_robustness_cell(cell) for cell in found]))
        values.append([cell and cell.psnr for cell in found])
    best = {
        (number, column)
        for number, row in enumerate(values)
        for column in best_of(row, paper.DIGITS["psnr"])
    }
    colors = [(paper.title(method), color) for method, color in show.legend(cells)]
    return (
        f"<h2>Robustness, {escape(title)}</h2>{made}<p>{show.EXPLANATION}</p>"
        f"{charts.legend(colors)}{grid(show.panels(cells))}"
        f"{folded('All numbers', table(names, lines, best))}"
    )


def _robustness_cell(cell: robustness.Cell | None) -> str:
    if cell is None:  # Its line was damaged.
        return ""
    change = "" if cell.disturbance == UNDISTURBED else f"{cell.change:+.2f}"
    return f"<b>{cell.psnr:.2f}</b><small>{change}</small>"


def _setup(title: str, rows: dict[str, dict[str, Cell]], digits: int) -> str:
    """A setup: the table of what was run, its charts, and folded what was not run."""
    every = [cell for row in rows.values() for cell in row.values()]
    ran = {name for name, row in rows.items() if any(c.pictures for c in row.values())}
    measured = list(dict.fromkeys(c.column for c in every if c.pictures))
    parts = [f"<h3>{title}</h3>"]
    if measured:
        shown = {name: row for name, row in rows.items() if name in ran}
        values = [[row[column].ours for column in measured] for row in shown.values()]
        counts = {
            paper.title(column): _pictures([row[column] for row in rows.values()])
            for column in measured
        }
        lines = [
            (paper.title(name), [_cell(row[column], digits) for column in measured])
            for name, row in shown.items()
        ]
        best = {
            (row, number)
            for number, column in enumerate(zip(*values, strict=True))
            for row in best_of(column, digits)
        }
        parts.append(table(list(counts), lines, best, counts))
        drawings = {
            name: _chart(
                f"{paper.title(name)}, {title}",
                [row[name] for row in rows.values()],
                digits,
            )
            for name in measured
        }
        parts.append(grid(d for n, d in drawings.items() if n in paper.COLUMNS))
        if further := [d for n, d in drawings.items() if n not in paper.COLUMNS]:
            parts.append(folded("Error bars of the other datasets", grid(further)))
    if any(not cell.pictures for cell in every):
        parts.append(_not_run(title, rows, digits, is_open=not measured))
    return "".join(parts)


def _pictures(cells: Sequence[Cell]) -> str:
    count = max(cell.pictures for cell in cells)
    return f"{count} picture{'s' if count > 1 else ''}"


def _not_run(
    title: str, rows: dict[str, dict[str, Cell]], digits: int, is_open: bool
) -> str:
    """The paper's numbers of what was not run, and why it was not."""
    left = {
        name: [cell for cell in row.values() if not cell.pictures]
        for name, row in rows.items()
    }
    whys = sorted({cell.why_not_run for cells in left.values() for cell in cells})
    published = {
        (name, cell.column): cell.paper
        for name, cells in left.items()
        for cell in cells
        if cell.paper is not None
    }
    columns = list(dict.fromkeys(column for _, column in published))
    lines = [
        (
            paper.title(name),
            [
                f"{published[name, column]:.{digits}f}"
                if (name, column) in published
                else "above"
                for column in columns
            ],
        )
        for name in dict.fromkeys(name for name, _ in published)
    ]
    content = f"<p>{escape('; '.join(whys))}.</p>"
    if lines:
        content += "<p>The paper's numbers:</p>"
        content += table([paper.title(name) for name in columns], lines)
    return folded(f"{title}: what was not run", content, is_open)


def _cell(cell: Cell, digits: int) -> str:
    theirs = "" if cell.paper is None else f"{cell.paper:.{digits}f}"
    if cell.ours is None:
        return f"not run<small>{theirs}</small>"
    ours = f"<b>{cell.ours:.{digits}f}</b>"
    if cell.seed_std is not None:
        ours += f" ± {cell.seed_std:.{digits}f}"
    if cell.difference is not None:
        theirs += f" ({cell.difference:+.{digits}f})"
    return f"{ours}<small>{theirs}</small>"


def _chart(title: str, cells: Sequence[Cell], digits: int) -> str:
    """Ours as a dot with its interval, the paper's as a hollow square, a line a row.

    The name of a row stands above its line, so that letters stay large on a phone.
    """
    cells = [c for c in cells if c.ours is not None or c.paper is not None]
    width, height = _WIDTH, _LINE * len(cells) + _BOTTOM
    numbers = [cell.paper for cell in cells if cell.paper is not None]
    for cell in cells:
        if cell.ours is not None:
            half = cell.half_interval_95
            numbers += [cell.ours - half, cell.ours + half]
    room = (max(numbers) - min(numbers) or 1) * 0.05
    low, high = min(numbers) - room, max(numbers) + room

    def x(value: float) -> str:
        share = (value - low) / (high - low)
        return f"{_MIDDLE + share * (width - 2 * _MIDDLE):.1f}"

    parts = [
        f'<line x1="{x(tick)}" x2="{x(tick)}" y1="4" y2="{height - 22}" '
        'stroke="currentColor" stroke-opacity=".15"/>'
        f'<text x="{x(tick)}" y="{height - 6}" text-anchor="middle">{tick:g}</text>'
        for tick in nice_ticks(high, 6, low)
    ]
    for number, cell in enumerate(cells):
        y = _LINE * number + 25
        parts.append(f'<text x="0" y="{y - 10}">{escape(paper.title(cell.row))}</text>')
        if cell.paper is not None:
            parts.append(
                f'<rect x="{x(cell.paper)}" y="{y - 4}" width="8" height="8" '
                'transform="translate(-4)" fill="none" stroke="var(--theirs)" '
                f'stroke-width="1.6"><title>the paper: {cell.paper:.{digits}f}</title>'
                "</rect>"
            )
        if cell.ours is not None:
            ours, half = cell.ours, cell.half_interval_95
            parts.append(
                f'<line x1="{x(ours - half)}" x2="{x(ours + half)}" y1="{y}" y2="{y}" '
                'stroke="var(--ours)" stroke-width="2"/>'
                f'<circle cx="{x(ours)}" cy="{y}" r="4" fill="var(--ours)"><title>'
                f"ours: {ours:.{digits}f} ± {half:.{digits}f}</title></circle>"
            )
    return (
        f"<div><h3>{escape(title)}, {_pictures(cells)}</h3>"
        f'<svg viewBox="0 0 {width} {height}" fill="currentColor" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg></div>'
    )


def _figure(figure: Figure) -> str:
    parts = panels(
        panel(
            escape(title),
            figure.folder / f"{number}.png",
            figure.folder / f"{number}_box.png",
        )
        for number, title in enumerate(figure.panels)
    )
    return f"<figure><figcaption>{escape(figure.caption)}</figcaption>{parts}</figure>"
