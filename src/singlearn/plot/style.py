"""What all pictures share: few colours of different lightness, so that they survive a grey printer,
and quiet axes.
"""

from __future__ import annotations

from matplotlib.axes import Axes

INK = "#1b2a49"  # dark: what was measured
ACCENT = "#c8641b"  # middle: what was read off it
QUIET = "#7d7d7d"  # grey: what it is compared with
# Several things side by side, phases for instance: colour and line style together tell them apart
# without colour.
SERIES = [
    (INK, "-"),
    (ACCENT, "--"),
    ("#2f8f83", "-."),
    ("#a23b72", ":"),
    ("#5b7fd1", (0, (5, 1))),
    ("#9b8a2f", (0, (1, 1))),
]


def quieten(axes: Axes) -> None:
    """No frame above and to the right, small ticks."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)


def legend_beside(axes: Axes) -> None:
    """A legend to the right of the axes, clear of the data."""
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))


def label_at_right(
    axes: Axes, levels: list[tuple[float, str, str]], lowest_gap: float = 0.085
) -> None:
    """Write labels beside the right edge of the axes at data heights, moved apart where they would
    touch.

    Args:
        levels: height in data units, text, colour.
        lowest_gap: between neighbours, as a share of the axes' height.
    """
    to_axes = axes.transData + axes.transAxes.inverted()
    anchor = axes.get_xlim()[1]
    placed = sorted(
        (float(to_axes.transform((anchor, height))[1]), text, colour)
        for height, text, colour in levels
    )
    position = -1.0
    for height, text, colour in placed:
        position = max(min(max(height, 0.0), 1.0), position + lowest_gap)
        axes.text(
            1.015,
            position,
            text,
            transform=axes.transAxes,
            color=colour,
            va="center",
            ha="left",
            fontsize=9,
        )
