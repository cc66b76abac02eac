"""The charts of a proof tree for people: equal ones together, with their divisors."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from singlearn.exact.resolution_proof import Divisor, ProofChart
from singlearn.exact.resolve.alike import form
from singlearn.exact.resolve.chart import Chart
from singlearn.exact.resolve.explain import bound_words, function, move_words, walk
from singlearn.exact.resolve.fan import Vector
from singlearn.exact.resolve.newton import Newton
from singlearn.exact.resolve.proof import Child, ProofNode

MOST_COMPARED = 1000
"""Charts that are compared with each other; more are written down one by one."""


def proof_charts(nodes: list[ProofNode]) -> tuple[ProofChart, ...]:
    """The roots of the proof, one for each place, and what lies above them.

    Equal charts under one parent, with equal charts above them, are one.
    """
    compared = sum(1 for node in nodes for _ in walk(node)) <= MOST_COMPARED
    numbers: dict[Hashable, int] = {}
    made = [_chart(node, "", compared, numbers) for node in nodes]
    return _together(made) if compared else tuple(chart for _, chart in made)


def _chart(
    node: ProofNode, how: str, compared: bool, numbers: dict[Hashable, int]
) -> tuple[int, ProofChart]:
    """The chart, and a number that equal charts share."""
    below = [
        _chart(child.node, move_words(child.move), compared, numbers) for child in _children(node)
    ]
    children = _together(below) if compared else tuple(chart for _, chart in below)
    chart = ProofChart(
        how=how,
        function=function(node.chart),
        simplified=function(node.simplified) if node.moves else "",
        result=bound_words(node.bound),
        divisors=divisors(node),
        children=children,
        left_open=node.reason if node.kind == "open" else "",
    )
    key: Hashable = (
        (form(node.simplified), node.kind, str(node.bound), tuple(sorted(n for n, _ in below)))
        if compared
        else ()
    )
    return numbers.setdefault(key, len(numbers)), chart


def _children(node: ProofNode) -> list[Child]:
    return [child for face in node.faces for child in face.children] + node.children


def _together(charts: list[tuple[int, ProofChart]]) -> tuple[ProofChart, ...]:
    """Equal charts as one, the first of them, with how many there are."""
    found: dict[int, ProofChart] = {}
    for number, chart in charts:
        known = found.get(number)
        found[number] = chart if known is None else replace(known, count=known.count + 1)
    return tuple(found.values())


def divisors(node: ProofNode) -> tuple[Divisor, ...]:
    """Of the coordinates of the chart, and of the weights of its Newton polyhedron, the smallest λ
    first.
    """
    found = (
        _of_coordinates(node.simplified)
        if node.newton is None
        else [_of_weight(node.newton, ray) for ray in node.newton.fan.rays]
    )
    return tuple(sorted((d for d in found if d.k), key=lambda d: (d.value, d.name)))


def _of_coordinates(chart: Chart) -> list[Divisor]:
    return [
        Divisor(name, h, chart.power * k)
        for name, h, k in zip(chart.local, chart.weights, chart.exponents, strict=True)
    ]


def _of_weight(newton: Newton, ray: Vector) -> Divisor:
    name = (
        newton.chart.local[ray.index(1)]
        if sum(ray) == 1
        else str(ray).replace(" ", "").replace(",)", ")")
    )
    return Divisor(name, newton.density(ray) - 1, newton.order(ray))
