"""A table of cells as Markdown, CSV and LaTeX."""

import csv
import io
from collections.abc import Sequence

from experiments.tables import paper
from experiments.tables.cells import Cell

_DIGITS = {"psnr": 2, "ssim": 3}
_NOT_RUN = "not run"


def _number(value: float, metric: str, sign: str = "") -> str:
    return f"{value:{sign}.{_DIGITS[metric]}f}"


def cell_text(cell: Cell, metric: str) -> str:
    """Ours, the spread over seeds, the paper's number and the difference."""
    theirs = "" if cell.published is None else _number(cell.published, metric)
    if cell.mean is None:
        return f"{_NOT_RUN} / {theirs}" if theirs else _NOT_RUN
    ours = _number(cell.mean, metric)
    if cell.spread is not None:
        ours += f" ± {_number(cell.spread, metric)}"
    if not theirs:
        return ours
    return f"{ours} / {theirs} ({_number(cell.difference, metric, '+')})"


def _by_setup(cells: Sequence[Cell]) -> dict[int, list[Cell]]:
    return {
        setup: [cell for cell in cells if cell.setup == setup]
        for setup in dict.fromkeys(cell.setup for cell in cells)
    }


def _grid(cells: Sequence[Cell], metric: str) -> list[list[str]]:
    """The head, and a line a row, of the cells of one setup."""
    rows = dict.fromkeys(cell.row for cell in cells)
    columns = dict.fromkeys(cell.column for cell in cells)
    by_place = {(cell.row, cell.column): cell for cell in cells}
    counts = {cell.column: len(cell.values) for cell in cells if cell.values}
    head = [f"{c} ({counts[c]})" if c in counts else c for c in columns]
    lines = [
        [
            paper.METHOD_TITLES[row],
            *(cell_text(by_place[row, column], metric) for column in columns),
        ]
        for row in rows
    ]
    return [["", *head], *lines]


def markdown(title: str, cells: Sequence[Cell], metric: str) -> str:
    """The table as Markdown, a block for each setup.

    A cell is ours / the paper's (difference); the head has the number of pictures.
    """
    lines = [f"**{title}**: ours / the paper's (difference); pictures in parentheses."]
    for setup, part in _by_setup(cells).items():
        head, *rows = _grid(part, metric)
        head[0] = f"Setup {setup}"
        lines += ["", _line(head), "|---" * len(head) + "|", *map(_line, rows)]
    whys = sorted({cell.why for cell in cells if cell.why})
    if whys:
        lines += ["", f"Not run: {'; '.join(whys)}."]
    trainings = dict.fromkeys((c.row, c.training) for c in cells if c.training)
    if trainings:
        lines.append("")
    lines += [f"- {paper.METHOD_TITLES[row]}: {text}." for row, text in trainings]
    return "\n".join(lines) + "\n"


def _line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"


def csv_table(cells: Sequence[Cell]) -> str:
    """One line a cell, with all its numbers."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        "row column setup pictures ours half_interval_95 seeds seed_std paper "
        "difference why_not_run training".split()
    )
    for cell in cells:
        numbers = [cell.mean, cell.error if cell.values else None, len(cell.seeds)]
        numbers += [cell.spread, cell.published, cell.difference]
        texts = ["" if n is None else f"{n:.6g}" for n in numbers]
        place = [cell.row, cell.column, cell.setup, len(cell.values)]
        writer.writerow([*place, *texts, cell.why, cell.training])
    return file.getvalue()


def latex(title: str, cells: Sequence[Cell], metric: str) -> str:
    """A LaTeX table for each setup; needs the package booktabs."""
    lines = []
    for setup, part in _by_setup(cells).items():
        head, *rows = (
            " & ".join(map(_escaped, texts)) + r" \\" for texts in _grid(part, metric)
        )
        caption = f"{title}, Setup {setup}: ours / the paper's (difference)."
        lines += [
            r"\begin{table}",
            rf"\caption{{{_escaped(caption)}}}",
            rf"\begin{{tabular}}{{l{'c' * head.count('&')}}}",
            *(r"\toprule", head, r"\midrule", *rows, r"\bottomrule"),
            *(r"\end{tabular}", r"\end{table}", ""),
        ]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    return text.replace("±", r"$\pm$").replace("_", r"\_").replace("%", r"\%")
