"""Figure 2: the network as it is built, a box for every layer of Table 1."""

import pathlib
import re
from html import escape

import keras

from colornet.architecture import GROUPS, table1_rows
from colornet.config import ModelConfig
from colornet.io.files import write_text, writing
from colornet.model import ColorNet

# The drawing's file below the output folder of the tables.
DRAWING = "figures/figure2.svg"
# What stands between the layers of Table 1, by the names of the model's layers.
_BETWEEN = {
    "mono": "input Y",
    "reference_ycbcr": "reference: its Y and its C",
    "feature_volume": "concatenation: feature volume (Eq. 3)",
    "attention_volume": "product: weighted feature volume (Eq. 4)",
    "weights": "softmax: W",
    "rough_chroma": "weighted average: C' (Eq. 1)",
    "residue_features": "concatenation: G",
    "chroma": "sum: C (Eq. 2)",
}
# Inputs that tell a layer nothing but how wide the pictures are.
_SIZES = {("unfold_views", "mono"), ("weights", "reference_ycbcr")}
# Columns from left to right: the place from the top of each node. The decoder stands
# beside the layers of the encoder that are added to it.
_COLUMNS = (
    {"mono": 0, "reference_ycbcr": 2},
    {row: row - 1 for row in range(1, 19)},
    {"feature_volume": 0, 19: 2, 20: 3, "attention_volume": 5},
    {row: row - 21 for row in range(21, 35)},
    {39: 0, 38: 1, 37: 4, 36: 7, 35: 10},
    {"weights": 0, "rough_chroma": 2},
    {row: row - 40 for row in range(40, 58)},
    {row: row - 58 for row in range(58, 76)},
    {"residue_features": 0, **{row: row - 75 for row in range(76, 94)}, "chroma": 19},
)
_WIDTH, _HEIGHT = 252, 32  # of a box, px
_GAP, _PITCH = 56, 44  # between columns; from a box to the one below it
_TOP = 60
# Of edges that pass over whole columns.
_LANES, _LANE = _TOP + _PITCH * 20, 12
_COLORS = ("#dbeafe", "#fde68a", "#bbf7d0", "#fecaca", "#e9d5ff", "#fbcfe8")

Node = int | str  # the number of a row of Table 1, or a key of `_BETWEEN`
Place = tuple[int, int]  # a column, and the upper end of a box in px


def edges(model: keras.Model) -> list[tuple[Node, Node]]:
    """From where to where the network's tensors go, read off the built model.

    Returns:
        Pairs of nodes, sorted: rows of Table 1 by their numbers, and what stands
        between them by its name. A connection of (1, 3) is a residual one.
    """
    found = set()

    def node(name: str) -> Node | None:
        row = re.match(r"l(\d\d)_", name)
        return int(row[1]) if row else name if name in _BETWEEN else None

    def visit(operation, target: Node) -> None:
        """Looks for the nodes that an operation gets its tensors from."""
        for tensor in keras.tree.flatten(operation.input):
            source = tensor._keras_history.operation
            if (operation.name, source.name) in _SIZES:
                continue
            if (start := node(source.name)) is None:
                visit(source, target)
            elif start != target:
                found.add((start, target))

    for operation in model.operations:
        target = node(operation.name)
        if target is not None and not isinstance(operation, keras.layers.InputLayer):
            visit(operation, target)
    return sorted(found, key=str)


def draw_network(output: pathlib.Path) -> pathlib.Path:
    """Writes the drawing to the output folder of the tables; returns its file.

    Raises:
        InputError: a folder that cannot be written.
    """
    path = output / DRAWING
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, network_svg())
    return path


def network_svg() -> str:
    """The drawing as SVG: boxes with the rows of Table 1, their sizes, and arrows."""
    places = {
        node: (column, _TOP + _PITCH * place)
        for column, nodes in enumerate(_COLUMNS)
        for node, place in nodes.items()
    }
    arrows, lane = [], _LANES
    for start, end in edges(ColorNet(ModelConfig())):
        arrows.append(_arrow(places[start], places[end], lane))
        if places[end][0] - places[start][0] > 1:
            lane += _LANE
    boxes = [_box(places[name], text, "", "white") for name, text in _BETWEEN.items()]
    for row in table1_rows():
        part = sum(first <= row.number for first in GROUPS) - 1
        text = f"{row.number}: {row.description}"
        boxes.append(_box(places[row.number], text, row.size, _COLORS[part]))
    titles = [
        f'<text x="{_left(places[first][0])}" y="{_TOP - 20}" font-size="15">'
        f"{name}</text>\n"
        for first, name in GROUPS.items()
    ]
    width, height = _left(len(_COLUMNS)), lane + _GAP
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" \
height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" \
font-size="9.5">
<title>The network: rows of Table 1, and the sizes of what they give</title>
<defs><marker id="head" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="6" \
markerHeight="6" orient="auto"><path d="M0 0L6 3L0 6z"/></marker></defs>
<rect width="100%" height="100%" fill="white"/>
<g fill="none" stroke="black" marker-end="url(#head)">
{"".join(arrows)}</g>
{"".join(boxes)}{"".join(titles)}</svg>
"""


def _left(column: int) -> int:
    return _GAP + column * (_WIDTH + _GAP)


def _box(place: Place, text: str, size: str, color: str) -> str:
    left, top = _left(place[0]), place[1]
    return (
        f'<rect x="{left}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" rx="3" '
        f'fill="{color}" stroke="black"/>'
        f'<text x="{left + 5}" y="{top + (13 if size else 20)}">{escape(text)}</text>'
        f'<text x="{left + 5}" y="{top + 26}" fill="#444">{size}</text>\n'
    )


def _arrow(start: Place, end: Place, lane: int) -> str:
    """From box to box; what passes over columns goes along a lane below them."""
    (column, top), (last, bottom) = start, end
    left, right, goal = _left(column), _left(column) + _WIDTH, _left(last)
    out, into = top + _HEIGHT // 2, bottom + _HEIGHT // 2
    if column == last and _are_neighbours(start, end):
        ends = (top + _HEIGHT, bottom) if top < bottom else (top, bottom + _HEIGHT)
        path = f"M{left + _WIDTH // 2} {ends[0]}V{ends[1]}"
    elif column == last:
        bend = right + _GAP // 2
        path = f"M{right} {out}C{bend} {out} {bend} {into} {right} {into}"
    elif last - column == 1:
        bend = (right + goal) // 2
        path = f"M{right} {out}C{bend} {out} {bend} {into} {goal} {into}"
    else:
        aside = (lane - _LANES) // 2 + 6
        path = f"M{right} {out}h{aside}V{lane}H{goal - aside - 4}V{into}H{goal}"
    return f'<path d="{path}"/>\n'


def _are_neighbours(start: Place, end: Place) -> bool:
    """Whether no other box of the column stands between the two."""
    low, high = sorted((start[1], end[1]))
    tops = (_TOP + _PITCH * place for place in _COLUMNS[start[0]].values())
    return not any(low < top < high for top in tops)
