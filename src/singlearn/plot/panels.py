"""What a journal asks of a picture: a letter for each panel, and axes that say their kind."""

from __future__ import annotations

import string
from typing import Any, TypeVar

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as PlainFigure

F = TypeVar("F", bound=PlainFigure)


def finished(figure: F) -> F:
    """Letter the panels, where there are several, and say of every axis that is not linear what it
    is.

    >>> from singlearn.plot.figure import Figure
    >>> figure = Figure()
    >>> for axes in figure.subplots(2, 1):
    ...     _ = axes.set_xlabel("β  [1/nat]"), axes.set_xscale("log")
    >>> [axes.get_xlabel() for axes in finished(figure).axes]
    ['β  [1/nat], log axis', 'β  [1/nat], log axis']
    >>> [text.get_text() for axes in figure.axes for text in axes.texts]
    ['a', 'b']
    """
    panels = [axes for axes in figure.axes if _is_panel(axes)]
    if len(panels) > 1:
        for letter, axes in zip(string.ascii_lowercase, panels, strict=False):
            # Above the ticks, left of titles and legends, which begin at the axis.
            axes.annotate(
                letter,
                xy=(0, 1),
                xycoords="axes fraction",
                xytext=(-20, 5),
                textcoords="offset points",
                ha="right",
                va="bottom",
                fontsize=11,
                fontweight="bold",
                annotation_clip=False,
            )
    for axes in figure.axes:
        _say_kind(axes.xaxis, ", ")
        _say_kind(axes.yaxis, ",\n")  # panels are less high than wide
    return figure


def _is_panel(axes: Axes) -> bool:
    """Whether it is a picture of its own: no colour bar, no inset, no second axis of another."""
    own = axes.get_subplotspec() is not None and axes.get_label() != "<colorbar>"
    return own and axes.axison and not hasattr(axes, "get_zlim")


def _say_kind(axis: Axis, between: str) -> None:
    text, kind = axis.get_label_text(), axis.get_scale()
    if not text or "log axis" in text or "linear below" in text:
        return
    if kind == "log":
        axis.set_label_text(f"{text}{between}log axis")
    elif kind == "symlog":
        scale: Any = axis.get_transform()
        axis.set_label_text(f"{text}{between}linear below {scale.linthresh:g}, log above")
