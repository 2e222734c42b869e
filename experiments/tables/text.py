"""A table of cells as Markdown, CSV and LaTeX."""

import dataclasses
from collections.abc import Iterator, Sequence

from colornet.io.rows import rows_text
from experiments.tables import paper
from experiments.tables.cells import Cell

_NOT_RUN = "not run"


def cell_text(cell: Cell, metric: str) -> str:
    """Ours, the spread over seeds, the paper's number and the difference."""
    digits = paper.DIGITS[metric]
    theirs = "" if cell.paper is None else f" / {cell.paper:.{digits}f}"
    if cell.ours is None:
        return _NOT_RUN + theirs
    ours = f"{cell.ours:.{digits}f}"
    if cell.seed_std is not None:
        ours += f" ± {cell.seed_std:.{digits}f}"
    if cell.difference is not None:
        theirs += f" ({cell.difference:+.{digits}f})"
    return ours + theirs


def by_setup(cells: Sequence[Cell]) -> Iterator[tuple[int, dict[str, dict[str, Cell]]]]:
    """The cells of every setup by row and column."""
    for setup in dict.fromkeys(cell.setup for cell in cells):
        rows: dict[str, dict[str, Cell]] = {}
        for cell in cells:
            if cell.setup == setup:
                rows.setdefault(cell.row, {})[cell.column] = cell
        yield setup, rows


def trainings(cells: Sequence[Cell]) -> list[str]:
    """A line for every row that was trained: its title, and the training in words."""
    rows = dict.fromkeys((c.row, c.training) for c in cells if c.training)
    return [f"{paper.title(row)}: {text}" for row, text in rows]


def _grids(cells: Sequence[Cell], metric: str) -> Iterator[tuple[int, list[list[str]]]]:
    """For every setup the head, which has numbers of pictures, and a line a row."""
    for setup, rows in by_setup(cells):
        head = [""]
        for column in next(iter(rows.values())):
            count = max(line[column].pictures for line in rows.values())
            head.append(f"{column} ({count})" if count else column)
        lines = [
            [paper.title(row), *(cell_text(cell, metric) for cell in line.values())]
            for row, line in rows.items()
        ]
        yield setup, [head, *lines]


def markdown(title: str, cells: Sequence[Cell], metric: str) -> str:
    """The table as Markdown, a block for each setup.

    A cell is ours / the paper's (difference); the head has the number of pictures.
    """
    lines = [f"**{title}**: ours / the paper's (difference); pictures in parentheses."]
    for setup, (head, *rows) in _grids(cells, metric):
        head[0] = f"Setup {setup}"
        rows = [head, ["---"] * len(head), *rows]
        lines += ["", *(f"| {' | '.join(texts)} |" for texts in rows)]
    whys = sorted({cell.why_not_run for cell in cells if cell.why_not_run})
    if whys:
        lines += ["", f"Not run: {'; '.join(whys)}."]
    if notes := trainings(cells):
        lines += ["", *(f"- {note}." for note in notes)]
    return "\n".join(lines) + "\n"


def csv_table(cells: Sequence[Cell]) -> str:
    """One line a cell, with all its numbers; `cells.read_cells` reads it."""
    lines = [
        dataclasses.asdict(cell) | {"difference": cell.difference} for cell in cells
    ]
    lines = [
        {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in line.items()}
        for line in lines
    ]
    return rows_text(list(lines[0]), lines)


def latex(title: str, cells: Sequence[Cell], metric: str) -> str:
    """A LaTeX table for each setup; needs the package booktabs."""
    lines = []
    for setup, grid in _grids(cells, metric):
        head, *rows = (" & ".join(map(_escaped, texts)) + r" \\" for texts in grid)
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
