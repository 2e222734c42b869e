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


def _grid(cells: Sequence[Cell]) -> tuple[list[str], list[tuple[int, str]], dict]:
    rows = list(dict.fromkeys(cell.row for cell in cells))
    columns = list(dict.fromkeys((cell.setup, cell.column) for cell in cells))
    by_place = {(cell.row, cell.setup, cell.column): cell for cell in cells}
    return rows, columns, by_place


def _heads(columns, cells) -> list[str]:
    counts = {
        (cell.setup, cell.column): len(cell.values) for cell in cells if cell.values
    }
    return [
        f"{name}, Setup {setup}"
        + (f" ({counts[setup, name]})" if (setup, name) in counts else "")
        for setup, name in columns
    ]


def markdown(title: str, cells: Sequence[Cell], metric: str) -> str:
    """The table as Markdown: ours / the paper's (difference), pictures in the head."""
    rows, columns, by_place = _grid(cells)
    lines = [
        f"**{title}**: ours / the paper's (difference); pictures in parentheses.",
        "",
        "| | " + " | ".join(_heads(columns, cells)) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for row in rows:
        texts = [cell_text(by_place[row, *column], metric) for column in columns]
        lines.append(f"| {paper.METHOD_TITLES[row]} | " + " | ".join(texts) + " |")
    whys = sorted({cell.why for cell in cells if cell.why})
    if whys:
        lines += ["", f"Not run: {'; '.join(whys)}."]
    return "\n".join(lines) + "\n"


def csv_table(cells: Sequence[Cell]) -> str:
    """One line a cell, with all its numbers."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        "row column setup pictures ours half_interval_95 seeds seed_std paper "
        "difference why_not_run".split()
    )
    for cell in cells:
        numbers = [cell.mean, cell.error if cell.values else None, len(cell.seeds)]
        numbers += [cell.spread, cell.published, cell.difference]
        texts = ["" if n is None else f"{n:.6g}" for n in numbers]
        place = [cell.row, cell.column, cell.setup, len(cell.values)]
        writer.writerow([*place, *texts, cell.why])
    return file.getvalue()


def latex(title: str, cells: Sequence[Cell], metric: str) -> str:
    """A LaTeX table; needs the package booktabs."""
    rows, columns, by_place = _grid(cells)
    lines = [
        r"\begin{table}",
        rf"\caption{{{_escaped(title)}: ours / the paper's (difference).}}",
        rf"\begin{{tabular}}{{l{'c' * len(columns)}}}",
        r"\toprule",
        " & ".join(["", *map(_escaped, _heads(columns, cells))]) + r" \\",
        r"\midrule",
    ]
    for row in rows:
        texts = [cell_text(by_place[row, *column], metric) for column in columns]
        names = [paper.METHOD_TITLES[row], *texts]
        lines.append(" & ".join(map(_escaped, names)) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _escaped(text: str) -> str:
    return text.replace("±", r"$\pm$").replace("_", r"\_").replace("%", r"\%")
