"""Curves, as SVG that is seen on white and on black alike."""

import dataclasses
from collections.abc import Mapping, Sequence
from html import escape

from colornet.visualize.drawing import nice_ticks

COLORS = ("#1d7fd6", "#e0571b", "#2e9e4f", "#a35bd1", "#b58900", "#7f7f7f")
WIDTH, HEIGHT = 320, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 12, 24, 20
_TICKS = 5
# Of more points than this the circles would hide the curve.
_MOST_CIRCLES = 60


@dataclasses.dataclass(frozen=True)
class Curve:
    """A curve of a chart.

    Attributes:
        name: text.
        color: in CSS.
        points: x, y, and what y stands for in words.
        hollow: the x of points that are drawn as rings.
    """

    name: str
    color: str
    points: Sequence[tuple[float, float, str]]
    hollow: Sequence[float] = ()


def chart(
    title: str,
    curves: Sequence[Curve],
    x_ticks: Mapping[float, str],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
) -> str:
    """An <svg> of curves over a common scale.

    Args:
        title: text.
        curves: what to draw.
        x_ticks: text at each x.
        x_range, y_range: what the axes show; the first is below the second.
    """
    (left, right), (low, high) = x_range, y_range

    def x(value: float) -> float:
        share = (value - left) / (right - left)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        share = (high - value) / (high - low)
        return _TOP + 6 + share * (HEIGHT - _TOP - _BOTTOM - 12)

    parts = [f'<text x="{_LEFT}" y="14" font-weight="bold">{escape(title)}</text>']
    parts += [
        f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y(tick):.1f}" '
        f'y2="{y(tick):.1f}" stroke="#888" stroke-opacity=".4"/>'
        f'<text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        for tick in nice_ticks(high, _TICKS, low)
    ]
    parts += [
        f'<text x="{x(place):.1f}" y="{HEIGHT - 5}" text-anchor="middle">'
        f"{escape(text)}</text>"
        for place, text in x_ticks.items()
    ]
    for curve in curves:
        points = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b, _ in curve.points)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{curve.color}" '
            'stroke-width="2"/>'
        )
        if len(curve.points) > _MOST_CIRCLES:
            continue
        parts += [
            f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3" stroke="{curve.color}" '
            f'fill="{"white" if a in curve.hollow else curve.color}">'
            f"<title>{escape(curve.name)}, {escape(text)}</title></circle>"
            for a, b, text in curve.points
        ]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="11" fill="currentColor" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def legend(curves: Sequence[tuple[str, str]]) -> str:
    """A list of names with the colours of their curves, as HTML."""
    items = "".join(
        f'<li><span style="color:{color}">●</span> {escape(name)}'
        for name, color in curves
    )
    return f'<ul class="notes legend">{items}</ul>'
