"""How hidden nodes are told apart in every picture of a network: by line style, marker and
lightness, not by hue alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from singlearn.plot.style import ACCENT, INK, QUIET
from singlearn.symmetry.two_layer.roles import Role


@dataclass(frozen=True)
class NodeStyle:
    """Colour, line style and marker of a role, and what it means."""

    colour: str
    line: Literal["-", "--", ":", "-."]
    marker: str
    meaning: str


STYLES: dict[Role, NodeStyle] = {
    Role.LIVE: NodeStyle(INK, "-", "o", "live"),
    Role.SHARED: NodeStyle(ACCENT, "-", "s", "shares its boundary"),
    Role.OPPOSITE: NodeStyle(ACCENT, "--", "D", "opposite pair"),
    Role.SILENT: NodeStyle(QUIET, ":", "x", "degenerate, q = 0"),
    Role.CONSTANT: NodeStyle(QUIET, ":", "+", "degenerate, w = 0"),
    Role.DEAD: NodeStyle(QUIET, "-.", "v", "dead on the domain"),
    Role.BYPASSED: NodeStyle("#5b8fb0", "-.", "^", "always active on the domain"),
}
