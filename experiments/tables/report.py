"""One HTML file with the tables, error bars over pictures, and figures to zoom into."""

import base64
import csv
import html
import io
import json
import math
import pathlib
from collections.abc import Sequence

from PIL import Image

from colornet.errors import InputError
from experiments.tables import paper

_TABLES = {
    "table3": ("Table 3: PSNR in dB", 2),
    "table4": ("Table 4: SSIM", 3),
    "table5_psnr": ("Table 5: ablations, PSNR in dB", 2),
    "table5_ssim": ("Table 5: ablations, SSIM", 3),
}
# Wide pictures are shrunk to this in the file: zooming shows no more than a screen.
_WIDEST = 1400
_JPEG = 88

_STYLE = """
:root{color-scheme:light dark;--line:#8886;--ours:#1668c7;--theirs:#c2410c}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:72rem;padding:1rem}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.5rem}
h3{font-size:1rem;margin:1.5rem 0 .25rem}
.wide{overflow-x:auto;border:1px solid var(--line);border-radius:.4rem}
table{border-collapse:collapse;font-size:.85rem;width:100%}
th,td{padding:.35rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}
th{text-align:left}td{text-align:right;font-variant-numeric:tabular-nums}
td small{display:block;opacity:.75}
tbody th{position:sticky;left:0;background:Canvas}
.ours{color:var(--ours)}.theirs{color:var(--theirs)}
.charts{display:grid;gap:0 1.5rem}
.charts{grid-template-columns:repeat(auto-fill,minmax(min(21rem,100%),1fr))}
.notes{font-size:.85rem;padding-left:1.2rem}
summary{cursor:pointer;margin-top:1rem}.wide{margin-top:1.5rem}
svg{width:100%;height:auto;max-width:36rem;font:12px system-ui,sans-serif}
figure{margin:1rem 0}figcaption{font-size:.9rem;margin-bottom:.5rem}
.panels{display:grid;gap:.5rem}
.panels{grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr))}
.panel{font-size:.8rem}
.panel button{padding:0;border:0;background:none;width:100%;cursor:zoom-in}
.panel img{width:100%;display:block}
.panel img.box{image-rendering:pixelated;border:2px solid #e61414;margin-top:2px}
dialog{padding:0;border:0;max-width:100vw;max-height:100vh;width:100vw;height:100vh;
background:#000}
dialog div{overflow:auto;width:100%;height:100%}
dialog img{image-rendering:pixelated;display:block}
dialog form{position:fixed;right:.5rem;top:.5rem}
dialog button{font-size:1.1rem;padding:.4rem .8rem}
"""

_SCRIPT = """
const dialog=document.querySelector('dialog'),large=dialog.querySelector('img');
let zoom=1;
function show(){large.style.width=zoom*100+'%'}
document.addEventListener('click',e=>{const b=e.target.closest('.panel button');
if(!b)return;large.src=b.querySelector('img').src;zoom=1;show();dialog.showModal()});
large.addEventListener('click',e=>{const d=large.parentElement;
const r=large.getBoundingClientRect();
const x=(e.clientX-r.left)/r.width,y=(e.clientY-r.top)/r.height;
zoom=zoom<4?zoom*2:1;show();
d.scrollLeft=x*large.offsetWidth-d.clientWidth/2;
d.scrollTop=y*large.offsetHeight-d.clientHeight/2});
"""


def write_report(output: pathlib.Path) -> str:
    """The report of what the tables and figures have left in a folder, as HTML.

    Args:
        output: the output folder of table3, table4, table5 and figures.

    Raises:
        InputError: neither a table nor a figure is there.
    """
    sections = []
    for name, (title, digits) in _TABLES.items():
        path = output / f"{name}.csv"
        if path.is_file():
            with open(path, newline="", encoding="utf-8") as file:
                cells = list(csv.DictReader(file))
            sections.append(_table(title, cells, digits))
    figures = sorted(output.glob("figures/*/*/*/figure.json"))
    if figures:
        texts = [_figure(json.loads(path.read_text()), path.parent) for path in figures]
        sections.append("<h2>Figures</h2>" + "".join(texts))
    if not sections:
        raise InputError(
            "expected a folder with table3.csv or figures of experiments.table3 and "
            f"experiments.figures. Received: {output}, with none"
        )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>ColorNet: tables and figures</title><style>{_STYLE}</style></head><body>
<h1>ColorNet: tables and figures of the paper, ours beside theirs</h1>
<p>In every cell ours stands above, the paper's number and the difference below; ± is
the standard deviation over training seeds. Charts: <span class=ours>● ours</span> with
the 95 % confidence interval of the mean over pictures, <span class=theirs>□ the
paper</span>. Tap a picture to enlarge it, tap it again to zoom.</p>
{"".join(sections)}
<dialog><div><img alt="enlarged"></div><form method="dialog"><button>close</button>
</form></dialog><script>{_SCRIPT}</script></body></html>
"""


def _table(title: str, cells: Sequence[dict], digits: int) -> str:
    setups = dict.fromkeys(cell["setup"] for cell in cells)
    parts = [
        _setup(f"Setup {setup}", [c for c in cells if c["setup"] == setup], digits)
        for setup in setups
    ]
    trainings = dict.fromkeys((c["row"], c["training"]) for c in cells if c["training"])
    notes = "".join(
        f"<li>{html.escape(f'{paper.METHOD_TITLES[row]}: {text}')}"
        for row, text in trainings
    )
    notes = f"<ul class=notes>{notes}</ul>" if notes else ""
    return f"<h2>{html.escape(title)}</h2>{''.join(parts)}{notes}"


def _setup(title: str, cells: Sequence[dict], digits: int) -> str:
    """The table of one setup, and a chart of every column with numbers of ours."""
    rows = list(dict.fromkeys(cell["row"] for cell in cells))
    by_column: dict[str, list[dict]] = {}
    for cell in cells:
        by_column.setdefault(cell["column"], []).append(cell)
    measured = {
        name for name, part in by_column.items() if any(c["ours"] for c in part)
    }
    # On a phone the first columns are those that can be seen.
    columns = sorted(by_column, key=lambda name: name not in measured)
    head = "".join(f"<th>{html.escape(_column_title(name))}</th>" for name in columns)
    body = "".join(
        f"<tr><th>{html.escape(paper.METHOD_TITLES[row])}</th>"
        + "".join(f"<td>{_cell(by_column[name][n], digits)}</td>" for name in columns)
        + "</tr>"
        for n, row in enumerate(rows)
    )
    charts = {
        name: _chart(f"{_column_title(name)}, {title}", by_column[name], digits)
        for name in columns
        if name in measured
    }
    of_paper = [chart for name, chart in charts.items() if name in paper.COLUMNS]
    further = [chart for name, chart in charts.items() if name not in paper.COLUMNS]
    more = (
        "<details><summary>Error bars of the other datasets</summary>"
        f"{_grid(further)}</details>"
    )
    return (
        f"<div class=wide><table><thead><tr><th>{title}</th>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>{_grid(of_paper)}{more if further else ''}"
    )


def _grid(charts: Sequence[str]) -> str:
    return f"<div class=charts>{''.join(charts)}</div>"


def _cell(cell: dict, digits: int) -> str:
    theirs = cell["paper"] and f"{float(cell['paper']):.{digits}f}"
    if not cell["ours"]:
        return f"not run<small>{theirs}</small>"
    ours = f"<b>{float(cell['ours']):.{digits}f}</b>"
    if cell["seed_std"]:
        ours += f" ± {float(cell['seed_std']):.{digits}f}"
    if theirs:
        theirs += f" ({float(cell['difference']):+.{digits}f})"
    return f"{ours}<small>{theirs}</small>"


def _column_title(name: str) -> str:
    return paper.TITLES.get(name, name)


def _chart(title: str, cells: Sequence[dict], digits: int) -> str:
    """Ours as a dot with its interval, the paper's as a hollow square, a line a row."""
    cells = [cell for cell in cells if cell["ours"] or cell["paper"]]
    titles = [paper.METHOD_TITLES[cell["row"]] for cell in cells]
    # The letters of a title are about so wide.
    left = 20 + round(6.5 * max(map(len, titles)))
    width, step = left + 270, 22
    numbers = []
    for cell in cells:
        if cell["ours"]:
            half = float(cell["half_interval_95"] or 0)
            numbers += [float(cell["ours"]) - half, float(cell["ours"]) + half]
        if cell["paper"]:
            numbers.append(float(cell["paper"]))
    low, high = min(numbers), max(numbers)
    room = (high - low or 1) * 0.05
    low, high = low - room, high + room

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (width - left - 15)

    height = step * len(cells) + 30
    parts = []
    for tick in _ticks(low, high):
        parts.append(
            f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="4" y2="{height - 22}" '
            'stroke="currentColor" stroke-opacity=".2"/>'
            f'<text x="{x(tick):.1f}" y="{height - 6}" text-anchor="middle" '
            f'fill="currentColor">{tick:g}</text>'
        )
    for number, cell in enumerate(cells):
        y = step * number + step / 2 + 4
        name = html.escape(titles[number])
        parts.append(
            f'<text x="{left - 10}" y="{y + 4}" text-anchor="end" '
            f'fill="currentColor">{name}</text>'
        )
        if cell["paper"]:
            parts.append(
                f'<rect x="{x(float(cell["paper"])) - 4:.1f}" y="{y - 4}" width="8" '
                'height="8" fill="none" stroke="var(--theirs)" stroke-width="1.6">'
                f"<title>the paper: {float(cell['paper']):.{digits}f}</title></rect>"
            )
        if cell["ours"]:
            ours, half = float(cell["ours"]), float(cell["half_interval_95"] or 0)
            parts.append(
                f'<line x1="{x(ours - half):.1f}" x2="{x(ours + half):.1f}" y1="{y}" '
                f'y2="{y}" stroke="var(--ours)" stroke-width="2"/>'
                f'<circle cx="{x(ours):.1f}" cy="{y}" r="4" fill="var(--ours)"><title>'
                f"ours: {ours:.{digits}f} ± {half:.{digits}f}</title></circle>"
            )
    pictures = max(int(cell["pictures"]) for cell in cells)
    noun = "picture" if pictures == 1 else "pictures"
    return (
        f"<div><h3>{html.escape(title)}, {pictures} {noun}</h3>"
        f'<svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{html.escape(title)}">{"".join(parts)}</svg></div>'
    )


def _ticks(low: float, high: float) -> list[float]:
    step = 10 ** math.floor(math.log10((high - low) / 2))
    while (high - low) / step > 8:
        step *= 2
    first = math.ceil(low / step)
    return [round(i * step, 9) for i in range(first, math.floor(high / step) + 1)]


def _figure(figure: dict, folder: pathlib.Path) -> str:
    panels = "".join(
        f"<div class=panel>{html.escape(panel['title'])}"
        f"<button>{_image(folder / panel['whole'], panel['title'], '')}</button>"
        f"<button>{_image(folder / panel['crop'], panel['title'] + ', box', 'box')}"
        "</button>"
        "</div>"
        for panel in figure["panels"]
    )
    return (
        f"<figure><figcaption>{html.escape(figure['caption'])}</figcaption>"
        f"<div class=panels>{panels}</div></figure>"
    )


def _image(path: pathlib.Path, title: str, kind: str) -> str:
    file = io.BytesIO()
    with Image.open(path) as image:
        if image.width > _WIDEST:
            size = _WIDEST, round(image.height * _WIDEST / image.width)
            image = image.resize(size, Image.Resampling.BOX)
        image.convert("RGB").save(file, "JPEG", quality=_JPEG, subsampling=0)
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f'<img class="{kind}" alt="{html.escape(title)}" loading="lazy" '
        f'src="data:image/jpeg;base64,{data}">'
    )
