"""One HTML file with the tables, error bars over pictures, and figures to zoom into."""

import base64
import io
import math
import pathlib
import string
from collections.abc import Sequence
from html import escape

from PIL import Image

from colornet.errors import InputError
from experiments.disturbances import cells as robustness
from experiments.disturbances import show
from experiments.tables import paper
from experiments.tables.cells import Cell, read_cells
from experiments.tables.figures import Figure, read_figures
from experiments.tables.network_drawing import DRAWING
from experiments.tables.text import by_setup, trainings

_TEMPLATE = pathlib.Path(__file__).with_name("report.html")
# Wide pictures are shrunk to this in the file: zooming shows no more than a screen.
_WIDEST = 1400
_JPEG = 88


def write_report(output: pathlib.Path) -> str:
    """The report of what the tables and figures have left in a folder, as HTML.

    Args:
        output: the output folder of table3, table4, table5, robustness and figures.

    Raises:
        InputError: neither a table nor a figure is there.
    """
    sections = [
        _table(table, read_cells(output / f"{name}.csv"))
        for name, table in paper.TABLES.items()
        if (output / f"{name}.csv").is_file()
    ]
    for path in sorted(output.glob("robustness_setup*.csv")):
        groups = show.groups(robustness.read_cells(path))
        sections += [_robustness(title, cells) for title, cells in groups]
    figures = [_figure(figure) for figure in read_figures(output)]
    if (drawing := output / DRAWING).is_file():
        svg = drawing.read_text(encoding="utf-8")
        caption = "<figcaption>Figure 2: the network as it is built</figcaption>"
        svg = f'<div class="wide drawing">{svg}</div>'
        figures.insert(0, f"<figure>{caption}{svg}</figure>")
    if figures:
        sections += ["<h2>Figures</h2>", *figures]
    if not sections:
        raise InputError(
            "expected a folder with table3.csv or figures of experiments.table3 and "
            f"experiments.figures. Received: {output}, with none"
        )
    template = string.Template(_TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(sections="".join(sections))


def _table(table: paper.Table, cells: Sequence[Cell]) -> str:
    digits = paper.DIGITS[table.metric]
    parts = [_setup(f"Setup {setup}", rows, digits) for setup, rows in by_setup(cells)]
    notes = "".join(f"<li>{escape(note)}" for note in trainings(cells))
    notes = f"<ul class=notes>{notes}</ul>" if notes else ""
    return f"<h2>{escape(table.title)}</h2>{''.join(parts)}{notes}"


def _robustness(title: str, cells: Sequence[robustness.Cell]) -> str:
    """The table of one setup and dataset, and the curves of every disturbance."""
    head, *rows = show.table_rows(cells)
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        f"<tr><th>{escape(row[0])}</th>"
        + "".join(f"<td>{escape(text)}</td>" for text in row[1:])
        + "</tr>"
        for row in rows
    )
    methods = "".join(
        f'<li><span style="color:{color}">●</span> {escape(paper.title(name))}'
        for name, color in show.legend(cells)
    )
    return (
        f"<h2>Robustness, {escape(title)}</h2><p>{show.EXPLANATION}</p>"
        f"<div class=wide><table><thead><tr>{names}</tr></thead>"
        f"<tbody>{body}</tbody></table></div><ul class=notes>{methods}</ul>"
        f"{_grid(show.panels(cells))}"
    )


def _setup(title: str, rows: dict[str, dict[str, Cell]], digits: int) -> str:
    """The table of one setup, and a chart of every column with numbers of ours."""
    by_column = {
        name: [row[name] for row in rows.values()] for name in next(iter(rows.values()))
    }
    measured = {n for n, cells in by_column.items() if any(c.pictures for c in cells)}
    # On a phone the first columns are those that can be seen.
    columns = sorted(by_column, key=lambda name: name not in measured)
    head = "".join(f"<th>{escape(paper.title(name))}</th>" for name in columns)
    body = "".join(
        f"<tr><th>{escape(paper.title(name))}</th>"
        + "".join(f"<td>{_cell(row[column], digits)}</td>" for column in columns)
        + "</tr>"
        for name, row in rows.items()
    )
    charts = {
        name: _chart(f"{paper.title(name)}, {title}", by_column[name], digits)
        for name in columns
        if name in measured
    }
    of_paper = _grid([chart for n, chart in charts.items() if n in paper.COLUMNS])
    if further := [chart for n, chart in charts.items() if n not in paper.COLUMNS]:
        of_paper += (
            "<details><summary>Error bars of the other datasets</summary>"
            f"{_grid(further)}</details>"
        )
    return (
        f"<div class=wide><table><thead><tr><th>{title}</th>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>{of_paper}"
    )


def _grid(charts: Sequence[str]) -> str:
    return f"<div class=charts>{''.join(charts)}</div>"


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
    """Ours as a dot with its interval, the paper's as a hollow square, a line a row."""
    cells = [c for c in cells if c.ours is not None or c.paper is not None]
    titles = [paper.title(cell.row) for cell in cells]
    # The letters of a title are about so wide.
    left = 20 + round(6.5 * max(map(len, titles)))
    width, height = left + 270, 22 * len(cells) + 30
    numbers = [cell.paper for cell in cells if cell.paper is not None]
    for cell in cells:
        if cell.ours is not None:
            half = cell.half_interval_95
            numbers += [cell.ours - half, cell.ours + half]
    room = (max(numbers) - min(numbers) or 1) * 0.05
    low, high = min(numbers) - room, max(numbers) + room

    def x(value: float) -> str:
        return f"{left + (value - low) / (high - low) * (width - left - 15):.1f}"

    parts = [
        f'<line x1="{x(tick)}" x2="{x(tick)}" y1="4" y2="{height - 22}" '
        'stroke="currentColor" stroke-opacity=".2"/>'
        f'<text x="{x(tick)}" y="{height - 6}" text-anchor="middle" '
        f'fill="currentColor">{tick:g}</text>'
        for tick in _ticks(low, high)
    ]
    for number, cell in enumerate(cells):
        y = 22 * number + 15
        parts.append(
            f'<text x="{left - 10}" y="{y + 4}" text-anchor="end" '
            f'fill="currentColor">{escape(titles[number])}</text>'
        )
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
    pictures = max(cell.pictures for cell in cells)
    noun = "picture" if pictures == 1 else "pictures"
    return (
        f"<div><h3>{escape(title)}, {pictures} {noun}</h3>"
        f'<svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg></div>'
    )


def _ticks(low: float, high: float) -> list[float]:
    step = 10 ** math.floor(math.log10((high - low) / 2))
    while (high - low) / step > 8:
        step *= 2
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(i * step, 9) for i in range(first, last + 1)]


def _figure(figure: Figure) -> str:
    panels = ""
    for number, title in enumerate(figure.panels):
        whole = _image(figure.folder / f"{number}.png", title, "")
        crop = _image(figure.folder / f"{number}_box.png", f"{title}, box", "box")
        panels += (
            f"<div class=panel>{escape(title)}<button>{whole}</button>"
            f"<button>{crop}</button></div>"
        )
    return (
        f"<figure><figcaption>{escape(figure.caption)}</figcaption>"
        f"<div class=panels>{panels}</div></figure>"
    )


def _image(path: pathlib.Path, title: str, kind: str) -> str:
    file = io.BytesIO()
    with Image.open(path) as image:
        image.thumbnail((_WIDEST, 10 * _WIDEST), Image.Resampling.BOX)
        image.convert("RGB").save(file, "JPEG", quality=_JPEG, subsampling=0)
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f'<img class="{kind}" alt="{escape(title)}" loading="lazy" '
        f'src="data:image/jpeg;base64,{data}">'
    )
