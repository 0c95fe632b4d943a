"""How is a chart drawn that needs nothing but the page it stands on?

SVG within the HTML: colours come from the page's style, so that it suits light, dark and paper;
every series has a dash or a mark of its own besides its colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

Kind = Literal["line", "dashed", "marks", "linked"]

_WIDTH, _HEIGHT = 480, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 24, 12, 52
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_MARK = 4
_GRID_LINE = Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>')
_TEXT = Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
_AXIS = Markup('<path class="axis" d="M{} {}V{}H{}"/>')
_TURNED = Markup(
    '<text class="unit" transform="translate(13 {}) rotate(-90)" text-anchor="middle">{}</text>'
)
_BAR = Markup(
    '<li><span class="name">{}</span><span class="track"><span class="bar" style="width:{:.1f}%">'
    '</span></span><span class="number">{}</span></li>'
)


@dataclass(frozen=True)
class Series:
    """One line or set of marks.

    Attributes
    ----------
    name : str
        As the legend calls it.
    points : sequence of (x, y)
        In the units of the axes; a point that is not finite is left out.
    kind : Kind
        Line, dashed line, marks, or marks linked by a line.
    colour : int
        1 to 4: one of the page's colours; 0 is the grey of what only guides the eye.
    spans : sequence of (low, high)
        Vertical interval at each point, or empty.
    """

    name: str
    points: Sequence[tuple[float, float]]
    kind: Kind = "line"
    colour: int = 1
    spans: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Axis:
    """What an axis measures, from where to where, and how its numbers are written."""

    name: str
    low: float
    high: float
    write: Callable[[float], str]
    ticks: Sequence[float] = ()


def chart(title: str, series: Sequence[Series], x: Axis, y: Axis) -> Markup:
    """Draw some series over two axes, with a legend.

    Parameters
    ----------
    title : str
        What is seen; also read out in place of the picture.
    series : sequence of Series
        Drawn in this order.
    x, y : Axis
        Their names hold the units.
    """
    parts = [_grid(x, y), *(_drawn(one, x, y) for one in series)]
    legend = Markup("").join(
        Markup('<span class="key"><svg viewBox="0 0 28 12" aria-hidden="true">{}</svg>{}</span>')
        .format(_sample(one), one.name)
        for one in series
    )  # fmt: skip
    return Markup(
        "<figure><figcaption>{title}</figcaption>"
        '<svg class="chart" viewBox="0 0 {w} {h}" role="img" aria-label="{title}">{parts}</svg>'
        '<div class="legend">{legend}</div></figure>'
    ).format(title=title, w=_WIDTH, h=_HEIGHT, parts=Markup("").join(parts), legend=legend)


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Which round numbers divide an axis?

    >>> ticks(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    >>> ticks(-130.0, 420.0)
    [0.0, 200.0, 400.0]
    """
    span = high - low
    if span <= 0:
        return [low]
    size = 10.0 ** math.floor(math.log10(span / wanted))
    step = next((size * s for s in _STEPS if span / (size * s) <= wanted), size * _STEPS[-1])
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(step * place, 10) for place in range(first, last + 1)]


def _x(value: float, axis: Axis) -> float:
    span = (axis.high - axis.low) or 1.0
    return _LEFT + (value - axis.low) / span * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float, axis: Axis) -> float:
    span = (axis.high - axis.low) or 1.0
    return _HEIGHT - _BOTTOM - (value - axis.low) / span * (_HEIGHT - _TOP - _BOTTOM)


def _grid(x: Axis, y: Axis) -> Markup:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    across = [(_x(value, x), x.write(value)) for value in x.ticks or ticks(x.low, x.high)]
    up = [(_y(value, y), y.write(value)) for value in y.ticks or ticks(y.low, y.high)]
    return Markup("").join(
        [
            *(_GRID_LINE.format(_LEFT, right, at, at) for at, _ in up),
            *(_TEXT.format("", _LEFT - 6, at + 4, "end", text) for at, text in up),
            *(_TEXT.format("", at, bottom + 18, "middle", text) for at, text in across),
            _AXIS.format(_LEFT, _TOP, bottom, right),
            _TEXT.format("unit", (_LEFT + right) / 2, _HEIGHT - 10, "middle", x.name),
            _TURNED.format((_TOP + bottom) / 2, y.name),
        ]
    )


def _drawn(series: Series, x: Axis, y: Axis) -> Markup:
    kept = [
        place for place, (a, b) in enumerate(series.points) if math.isfinite(a) and math.isfinite(b)
    ]
    at = [(_x(series.points[place][0], x), _y(series.points[place][1], y)) for place in kept]
    drawn = []
    if series.spans:
        for place, (across, _) in zip(kept, at, strict=True):
            low, high = series.spans[place]
            if math.isfinite(low) and math.isfinite(high):
                drawn.append(
                    Markup('<path class="span c{}" d="M{:.1f} {:.1f}V{:.1f}"/>').format(
                        series.colour, across, _y(max(low, y.low), y), _y(min(high, y.high), y)
                    )
                )
    if series.kind != "marks" and at:
        path = "L".join(f"{a:.1f} {b:.1f}" for a, b in at)
        drawn.append(
            Markup('<path class="{} c{}" d="M{}"/>').format(
                "dashed" if series.kind == "dashed" else "line", series.colour, path
            )
        )
    if series.kind in ("marks", "linked"):
        drawn += [_mark(a, b, series.colour) for a, b in at]
    return Markup("").join(drawn)


def _mark(across: float, down: float, colour: int) -> Markup:
    if colour % 2:
        return Markup('<circle class="mark c{}" cx="{:.1f}" cy="{:.1f}" r="{}"/>').format(
            colour, across, down, _MARK
        )
    return Markup('<rect class="mark c{}" x="{:.1f}" y="{:.1f}" width="{}" height="{}"/>').format(
        colour, across - _MARK, down - _MARK, 2 * _MARK, 2 * _MARK
    )


def _sample(series: Series) -> Markup:
    """Draw the sign of a series for the legend."""
    line = Markup('<path class="{} c{}" d="M1 6H27"/>').format(
        "dashed" if series.kind == "dashed" else "line", series.colour
    )
    if series.kind == "marks":
        return _mark(14, 6, series.colour)
    return line + _mark(14, 6, series.colour) if series.kind == "linked" else line


def bars(rows: Sequence[tuple[str, float, str]], most: float, name: str) -> Markup:
    """Draw one bar per row, its name before it and its number behind it.

    Parameters
    ----------
    rows : sequence of (name, value, number)
        The value decides the length; the number is what is written.
    most : float
        Value of a full bar, above 0.
    name : str
        What the bars measure, with the unit; read out in place of the picture.
    """
    drawn = Markup("").join(
        _BAR.format(label, 100.0 * min(max(value / most, 0.0), 1.0), number)
        for label, value, number in rows
    )
    return Markup('<figure><figcaption>{}</figcaption><ul class="bars">{}</ul></figure>').format(
        escape(name), drawn
    )
