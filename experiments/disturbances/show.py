"""What was measured as a Markdown table and as curves (SVG)."""

import itertools
from collections.abc import Iterator, Sequence
from html import escape

from experiments.disturbances.cameras import DISTURBANCES, UNDISTURBED
from experiments.disturbances.cells import Cell

# Seen on white and on black alike, in this order.
_COLORS = ("#1d7fd6", "#e0571b", "#2e9e4f", "#a35bd1", "#b58900", "#7f7f7f")
_WIDTH, _HEIGHT = 320, 200  # of a panel
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 12, 24, 20
_LINE = 18
_TICKS = 5
_LEAST_SPAN = 4.0  # dB: of less, noise would look like a loss


EXPLANATION = (
    "Chroma PSNR in dB at the luma of the undisturbed scene, mean over pictures, and "
    "the change beside the undisturbed pairs. Hollow points are undisturbed."
)


def heading(setup: int, dataset: str, cells: Sequence[Cell]) -> str:
    """Which pictures a group of cells is about."""
    count = cells[0].pictures
    return f"Setup {setup}, {dataset}, {count} picture{'s' if count > 1 else ''}"


def groups(cells: Sequence[Cell]) -> Iterator[tuple[str, list[Cell]]]:
    """The cells of every setup and dataset, after their heading."""
    for (setup, dataset), group in itertools.groupby(
        cells, lambda cell: (cell.setup, cell.dataset)
    ):
        found = list(group)
        yield heading(setup, dataset, found), found


def table_rows(cells: Sequence[Cell]) -> list[list[str]]:
    """A head, and a row for every disturbance and strength of a group.

    A cell is the PSNR in dB and its change beside the undisturbed pairs.
    """
    methods = list(dict.fromkeys(cell.method for cell in cells))
    by_case: dict[tuple[str, float], dict[str, Cell]] = {}
    for cell in cells:
        by_case.setdefault((cell.disturbance, cell.strength), {})[cell.method] = cell
    rows = [["", "", *methods]]
    for (name, strength), by_method in by_case.items():
        texts = [_text(by_method.get(method)) for method in methods]
        number = "" if name == UNDISTURBED else f"{strength:g}"
        rows.append([DISTURBANCES[name].title, number, *texts])
    return rows


def _text(cell: Cell | None) -> str:
    if cell is None:  # Its line was damaged.
        return ""
    change = "" if cell.disturbance == UNDISTURBED else f" ({cell.change:+.2f})"
    return f"{cell.psnr:.2f}{change}"


def markdown(cells: Sequence[Cell]) -> str:
    """A table for every setup and dataset."""
    lines = [EXPLANATION]
    for title, group in groups(cells):
        head, *rows = table_rows(group)
        rows = [head, ["---"] * len(head), *rows]
        lines += ["", f"**{title}**", ""]
        lines += [f"| {' | '.join(texts)} |" for texts in rows]
    return "\n".join(lines) + "\n"


def panels(cells: Sequence[Cell]) -> list[str]:
    """A curve of every method for every disturbance of a group, an <svg> each."""
    start = {c.method: c.psnr for c in cells if c.disturbance == UNDISTURBED}
    by_name: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.disturbance != UNDISTURBED:
            by_name.setdefault(cell.disturbance, []).append(cell)
    values = [cell.psnr for cell in cells]
    high = max(values)
    low = min(*values, high - _LEAST_SPAN)
    return [_panel(name, of, start, low, high) for name, of in by_name.items()]


def legend(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """The methods of a group with their colours."""
    methods = dict.fromkeys(cell.method for cell in cells)
    return list(zip(methods, itertools.cycle(_COLORS)))


def _panel(
    name: str, cells: Sequence[Cell], start: dict[str, float], low: float, high: float
) -> str:
    disturbance = DISTURBANCES[name]
    strengths = sorted({disturbance.neutral, *(cell.strength for cell in cells)})

    def x(strength: float) -> float:
        share = (strengths.index(strength) + 0.5) / len(strengths)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(psnr: float) -> float:
        share = (high - psnr) / (high - low)
        return _TOP + 6 + share * (_HEIGHT - _TOP - _BOTTOM - 12)

    parts = [
        f'<text x="{_LEFT}" y="14" font-weight="bold">'
        f"{escape(disturbance.title)}</text>"
    ]
    step = max(1, round((high - low) / _TICKS))
    for tick in range(-(-int(low) // step) * step, int(high) + 1, step):
        if low <= tick <= high:
            parts.append(
                f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(tick):.1f}" '
                f'y2="{y(tick):.1f}" stroke="#888" stroke-opacity=".4"/>'
                f'<text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">'
                f"{tick}</text>"
            )
    parts += [
        f'<text x="{x(s):.1f}" y="{_HEIGHT - 5}" text-anchor="middle">{s:g}</text>'
        for s in strengths
    ]
    for method, color in legend(cells):
        curve = {c.strength: c.psnr for c in cells if c.method == method}
        if method in start:
            curve[disturbance.neutral] = start[method]
        curve = dict(sorted(curve.items()))
        points = " ".join(f"{x(s):.1f},{y(v):.1f}" for s, v in curve.items())
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{color}" '
            'stroke-width="2"/>'
        )
        parts += [
            f'<circle cx="{x(s):.1f}" cy="{y(v):.1f}" r="3" stroke="{color}" '
            f'fill="{"white" if s == disturbance.neutral else color}">'
            f"<title>{escape(method)}, {s:g}: {v:.2f} dB</title></circle>"
            for s, v in curve.items()
        ]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        'font-family="sans-serif" font-size="11" fill="currentColor" role="img" '
        f'aria-label="{escape(disturbance.title)}">{"".join(parts)}</svg>'
    )


def picture(cells: Sequence[Cell], columns: int = 3) -> str:
    """All panels in one SVG file, under a heading and a legend for every group."""
    parts, top = [], 0
    for title, group in groups(cells):
        parts.append(
            f'<text x="8" y="{top + _LINE}" font-weight="bold">{escape(title)}: '
            "chroma PSNR in dB</text>"
        )
        place = 8
        for method, color in legend(group):
            parts.append(
                f'<circle cx="{place + 5}" cy="{top + 2 * _LINE - 4}" r="5" '
                f'fill="{color}"/><text x="{place + 14}" y="{top + 2 * _LINE}">'
                f"{escape(method)}</text>"
            )
            place += 30 + 8 * len(method)
        top += 3 * _LINE
        found = panels(group)
        for number, panel in enumerate(found):
            row, column = divmod(number, columns)
            parts.append(
                f'<g transform="translate({column * _WIDTH} '
                f'{top + row * _HEIGHT})">{panel}</g>'
            )
        top += -(-len(found) // columns) * _HEIGHT
    width = columns * _WIDTH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" '
        f'width="{width}" height="{top}" font-family="sans-serif" font-size="13" '
        'color="#222" fill="currentColor"><rect width="100%" height="100%" '
        f'fill="white"/>{"".join(parts)}</svg>\n'
    )
