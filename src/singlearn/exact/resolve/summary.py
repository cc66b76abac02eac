"""A proof tree in a few lines: the root, and its charts counted up to symmetry."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from singlearn.exact.marked_text import formula
from singlearn.exact.resolve.alike import form
from singlearn.exact.resolve.bound import Bound
from singlearn.exact.resolve.explain import EXCLUSIONS, bound_words, function, polyhedron, walk
from singlearn.exact.resolve.proof import ProofNode

MOST_LINES = 12
"""Kinds of charts that are listed; the full explanation has all."""


MOST_COMPARED = 1000
"""Charts that are compared; more are only counted by what they give."""


@dataclass
class ChartKind:
    """Charts that are alike.

    Attributes:
        node: the first of them.
        words: its function after the moves.
        count: how many there are.
    """

    node: ProofNode
    words: str
    count: int = 1


def summary(nodes: list[ProofNode], bound: Bound, reason: str, place: str) -> str:
    """The argument in a few lines.

    Args:
        nodes: the roots of the proof, one for each place.
        bound: the result.
        reason: why it is only bounds; empty if proved.
        place: a line that says what the coordinates are; may be empty.

    Returns:
        Text of several lines.
    """
    lines = [place] if place else []
    if len(nodes) == 1:
        _root(nodes[0], lines)
    else:
        lines.append(f"{len(nodes)} places (sets of coordinates that are 0, or points):")
        _kinds([(node, node.bound) for node in nodes], lines)
    below = [inner for node in nodes for inner in walk(node) if inner not in nodes]
    if below:
        lines.append(f"{len(below)} charts below" + (" it:" if len(nodes) == 1 else " them:"))
        _kinds([(node, node.bound) for node in below], lines)
    if reason:
        lines.append(f"Only bounds, because {reason}: {bound_words(bound)}.")
    elif bound.low[0] == inf:
        lines.append(f"Result: {formula('K')} has no real zero there, so {formula('λ = ∞')}.")
    else:
        lines.append(f"Result: {bound_words(bound)}.")
    return "\n".join(lines)


def _root(node: ProofNode, lines: list[str]) -> None:
    chart = node.simplified
    lines.append(f"{formula('K ~ ')}{function(node.chart)}.")
    if node.moves:
        count = len(node.moves)
        changes = f"{count} change{'' if count == 1 else 's'}"
        lines.append(
            f"  After {changes} of coordinates and generators: {formula('K ~ ')}{function(chart)}."
        )
    if node.kind == "sum":
        lines.append("  A sum in separate variables: λ adds, and m - 1.")
    elif node.kind == "open":
        lines.append(f"  Left open: {node.reason}.")
    elif node.newton is not None:
        lines.append(f"  {polyhedron(node.newton)}")
    excluded = [face for face in node.faces if face.method in EXCLUSIONS]
    if node.faces:
        lines.append(
            f"  {len(node.faces)} compact faces: {len(excluded)} without real zeros off the "
            f"coordinate "
            f"planes, {len(node.faces) - len(excluded)} with real zeros, which are examined."
        )


def _kinds(charts: list[tuple[ProofNode, Bound]], lines: list[str]) -> None:
    kinds: dict[object, ChartKind] = {}
    for node, bound in charts:
        chart = node.simplified
        key = (form(chart) if len(charts) <= MOST_COMPARED else "", node.kind, str(bound))
        if key in kinds:
            kinds[key].count += 1
        else:
            kinds[key] = ChartKind(node, function(chart))
    ordered = sorted(kinds.values(), key=lambda kind: (kind.node.bound.low, -kind.count))
    if len(charts) > len(ordered):
        alike = (
            "up to the names and signs of coordinates"
            if len(charts) <= MOST_COMPARED
            else "by their λ, with an example"
        )
        lines[-1] = f"{lines[-1][:-1]}, {len(ordered)} {alike}:"
    width = max((len(str(kind.count)) for kind in ordered), default=1)
    for kind in ordered[:MOST_LINES]:
        left = f"  left open: {kind.node.reason}" if kind.node.kind == "open" else ""
        lines.append(
            f"  {kind.count:>{width}} × {kind.words}   {bound_words(kind.node.bound)}{left}"
        )
    if len(ordered) > MOST_LINES:
        rest = sum(kind.count for kind in ordered[MOST_LINES:])
        least = bound_words(ordered[MOST_LINES].node.bound)
        lines.append(f"  … and {rest} more, each with at least {least}")
