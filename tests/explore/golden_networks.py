"""Write golden/networks.json: what the library says about random rational networks, for the
explorer's modules to meet.

    python tests/explore/golden_networks.py

Networks are drawn with many coincidences: shared and opposite boundaries, amounts that cancel,
weights that annihilate, degenerate nodes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from singlearn.symmetry import (
    Box,
    TwoLayerReLU,
    equivalent,
    fibre,
    fisher_kernel,
    generators,
    kink_form,
    minimal_width,
    node_roles,
    sup_distance,
)
from singlearn.symmetry.fibre.components import Component

NETWORKS = 340
SIDE = 3
TARGET = Path(__file__).parent / "golden" / "networks.json"


def number(rng: Random) -> Fraction:
    """A small fraction, zero now and then."""
    return Fraction(rng.randint(-6, 6), rng.choice((1, 1, 2, 3, 4)))


def network(rng: Random) -> TwoLayerReLU:
    """A random network of 1 or 2 inputs and up to 8 nodes; two of three nodes stand in a relation
    to one before them.
    """
    inputs, width = rng.choice((1, 2)), rng.randint(0, 8)
    nodes: list[tuple[list[Fraction], Fraction, Fraction]] = []
    for _ in range(width):
        w, b, q = [number(rng) for _ in range(inputs)], number(rng), number(rng)
        if nodes and rng.random() < 0.65:
            old_w, old_b, old_q = rng.choice(nodes)
            ratio = Fraction(rng.choice((-3, -2, -1, -1, 1, 1, 2)), rng.choice((1, 1, 2)))
            kind = rng.randrange(4)
            w, b = [ratio * v for v in old_w], ratio * old_b
            if kind == 1:
                q = -old_q / abs(ratio)  # amounts cancel
            elif kind == 2:
                q, b = -old_q / ratio, number(rng)  # total gradients annihilate
            elif kind == 3:
                b = number(rng)  # parallel
        if rng.random() < 0.1:
            w = [Fraction(0)] * inputs
        nodes.append((w, b, q))
    return TwoLayerReLU(
        [w for w, _, _ in nodes],
        [b for _, b, _ in nodes],
        [q for _, _, q in nodes],
        number(rng),
        inputs=inputs,
    )


def as_json(net: TwoLayerReLU) -> dict[str, Any]:
    """w, b, q, c as text."""
    return {
        "w": [[str(v) for v in node.w] for node in net.nodes],
        "b": [str(node.b) for node in net.nodes],
        "q": [str(node.q[0]) for node in net.nodes],
        "c": str(net.c[0]),
        "inputs": net.inputs,
    }


def form_json(net: TwoLayerReLU, box: Box | None) -> dict[str, Any]:
    form = kink_form(net, box)
    return {
        "kinks": [
            [[str(n) for n in plane.normal], str(plane.offset), str(total[0])]
            for plane, total in form.kinks.items()
        ],
        "linear": [str(v) for v in form.linear[0]],
        "constant": str(form.constant[0]),
    }


def rank_json(net: TwoLayerReLU, box: Box | None) -> dict[str, int]:
    directions = np.array([found.direction for found in generators(net, box)])
    kernel = fisher_kernel(net, box).shape[1]
    explained = 0
    if directions.size:
        lengths = np.linalg.norm(directions, axis=0)
        explained = int(
            np.linalg.matrix_rank(directions / np.where(lengths > 0, lengths, 1.0), rtol=1e-9)
        )
    size = 4 * net.width + 1 if net.inputs == 2 else 3 * net.width + 1
    return {"parameters": size, "rank": size - kernel, "explained": explained}


def component_json(component: Component) -> dict[str, Any]:
    patterns = sorted(
        "".join("+" if s > 0 else "-" if s < 0 else "0" for s in pattern)
        for pattern in component.patterns
    )
    return {
        "kind": component.kind.value,
        "patterns": patterns[:8],
        "count": len(patterns),
        "takesEveryPattern": component.takes_every_pattern,
        "copies": component.copies,
        "dimension": component.dimension,
        "freeNodes": component.free_nodes,
    }


def fibre_json(net: TwoLayerReLU, width: int) -> dict[str, Any]:
    found = fibre(net, width)
    own = {"component": found.component_of(net)} if width == net.width else {}
    components = [component_json(component) for component in found.components]
    return {
        "width": width,
        "number": found.number,
        "dimension": found.dimension if components else None,
        "types": len(components),
        "components": components[:12],
        **own,
    }


def other_network(net: TwoLayerReLU, rng: Random) -> TwoLayerReLU:
    """An equal network, or one with a single parameter changed a little."""
    if rng.random() < 0.5 and net.width:
        try:
            return fibre(net, net.width).sample(rng.randrange(2**31))
        except ValueError:
            pass
    changed = as_json(net)
    changed["c"] = str(net.c[0] + Fraction(1, rng.randint(2, 1000)))
    return TwoLayerReLU(changed["w"], changed["b"], changed["q"], changed["c"], inputs=net.inputs)


def golden(rng: Random) -> dict[str, Any]:
    net = network(rng)
    box = Box([-SIDE] * net.inputs, [SIDE] * net.inputs)
    other = other_network(net, rng)
    points = [[number(rng) for _ in range(net.inputs)] for _ in range(3)]
    return {
        "net": as_json(net),
        "values": [[[str(v) for v in point], str(net(point))] for point in points],
        "everywhere": {
            "form": form_json(net, None),
            "roles": [str(role) for role in node_roles(net)],
            "width": int(minimal_width(net)),
            "rank": rank_json(net, None),
        },
        "box": {
            "form": form_json(net, box),
            "roles": [str(role) for role in node_roles(net, box)],
            "width": int(minimal_width(net, box)),
            "rank": rank_json(net, box),
        },
        "fibres": [fibre_json(net, width) for width in (net.width, net.width + 1)],
        "other": {
            "net": as_json(other),
            "equivalent": bool(equivalent(net, other)),
            "distance": str(sup_distance(net, other, box).upper),
        },
    }


def main(arguments: Sequence[str] = ()) -> None:
    rng = Random(22)
    rows = [golden(rng) for _ in range(NETWORKS)]
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(
        "[\n"
        + ",\n".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in rows)
        + "\n]\n"
    )


if __name__ == "__main__":
    main()
