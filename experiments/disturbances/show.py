"""What was measured as a Markdown table and as curves (SVG)."""

import itertools
from collections.abc import Iterator, Sequence
from html import escape

from experiments.disturbances.cameras import DISTURBANCES, UNDISTURBED
from experiments.disturbances.cells import Cell
from experiments.pages.charts import COLORS, HEIGHT, WIDTH, Curve, chart

_LINE = 18
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
    methods = methods_of(cells)
    rows = [["", "", *methods]]
    for (title, strength), by_method in by_case(cells).items():
        texts = [_text(by_method.get(method)) for method in methods]
        rows.append([title, strength, *texts])
    return rows


def methods_of(cells: Sequence[Cell]) -> list[str]:
    """The methods of a group in the order of their first cells."""
    return list(dict.fromkeys(cell.method for cell in cells))


def by_case(cells: Sequence[Cell]) -> dict[tuple[str, str], dict[str, Cell]]:
    """The cells of a group by method, for every disturbance and strength in words."""
    found: dict[tuple[str, str], dict[str, Cell]] = {}
    for cell in cells:
        is_disturbed = cell.disturbance != UNDISTURBED
        strength = f"{cell.strength:g}" if is_disturbed else ""
        case = DISTURBANCES[cell.disturbance].title, strength
        found.setdefault(case, {})[cell.method] = cell
    return found


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
    return list(zip(methods_of(cells), itertools.cycle(COLORS)))


def _panel(
    name: str, cells: Sequence[Cell], start: dict[str, float], low: float, high: float
) -> str:
    disturbance = DISTURBANCES[name]
    strengths = sorted({disturbance.neutral, *(cell.strength for cell in cells)})
    # They stand at equal distances.
    places = {strength: n for n, strength in enumerate(strengths)}
    neutral, curves = places[disturbance.neutral], []
    for method, color in legend(cells):
        curve = {c.strength: c.psnr for c in cells if c.method == method}
        if method in start:
            curve[disturbance.neutral] = start[method]
        points = [
            (places[s], psnr, f"{s:g}: {psnr:.2f} dB")
            for s, psnr in sorted(curve.items())
        ]
        curves.append(Curve(method, color, points, hollow=[neutral]))
    ticks = {place: f"{strength:g}" for strength, place in places.items()}
    x_range = -0.5, len(places) - 0.5
    return chart(disturbance.title, curves, ticks, x_range, (low, high))


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
                f'<g transform="translate({column * WIDTH} '
                f'{top + row * HEIGHT})">{panel}</g>'
            )
        top += -(-len(found) // columns) * HEIGHT
    width = columns * WIDTH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" '
        f'width="{width}" height="{top}" font-family="sans-serif" font-size="13" '
        'color="#222" fill="currentColor"><rect width="100%" height="100%" '
        f'fill="white"/>{"".join(parts)}</svg>\n'
    )
