"""Which networks the explorer opens, and how they are handed to it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import hypot
from pathlib import Path
from typing import Any, TypeAlias

from singlearn.symmetry import (
    DeepReLU,
    TwoLayerReLU,
    TwoLayerSmooth,
    from_deep,
    from_parameters,
    read,
)

Openable: TypeAlias = TwoLayerReLU | DeepReLU | TwoLayerSmooth | Mapping[str, Any] | str | Path

MOST_NODES = 8
SMALLEST, LARGEST = Fraction(1, 10**100), Fraction(10**100)
"""Sizes of parameters that the page can draw; the same as in ``js/network/net.mjs``."""
MOST_INPUTS = 2
SIDES = (1, 2, 3, 5, 10, 30, 100, 1000)
"""Half sides of the box of inputs that the page offers; the same as in
``js/scenes/network/state.mjs``.
"""


def two_layer(net: Openable) -> TwoLayerReLU:
    """The network as the explorer can draw it.

    Args:
        net: a network, a parameter of ``singlearn.models.two_layer``, or the path of a file that
            ``symmetry.read`` takes.

    Raises:
        ValueError: it is no two-layer network with one output, at most two inputs and at most eight
            hidden nodes.
        FileNotFoundError: no such file.
    """
    if isinstance(net, (str, Path)):
        net = read(net)
    if isinstance(net, Mapping):
        stated = str(net.get("activation") or "relu")
        if stated.lower() != "relu":
            raise ValueError(
                f"net: its activation is {stated}; the explorer draws networks of ReLU"
            )
        net = from_parameters(net)
    if isinstance(net, TwoLayerSmooth):
        raise ValueError(f"net: it is a {net}; the explorer draws networks of ReLU")
    if isinstance(net, DeepReLU):
        net = from_deep(net)
    if not isinstance(net, TwoLayerReLU):
        raise ValueError(
            f"net: got {type(net).__name__}; it should be a TwoLayerReLU, a parameter with w, b, q "
            f"and c, "
            "or the path of a file"
        )
    if net.outputs != 1:
        raise ValueError(
            f"net: it has {net.outputs} outputs; the explorer shows one, so take one row of q at a "
            f"time"
        )
    if net.inputs > MOST_INPUTS:
        raise ValueError(f"net: it has {net.inputs} inputs; the explorer draws one or two")
    if net.width > MOST_NODES:
        raise ValueError(
            f"net: it has {net.width} hidden nodes; the explorer shows up to {MOST_NODES}, "
            "and symmetry.compress may find fewer"
        )
    for value in (v for node in net.nodes for v in (*node.w, node.b, *node.q, *net.c)):
        if value and not SMALLEST <= abs(value) <= LARGEST:
            raise ValueError(
                "net: a parameter's size is beyond what can be drawn; it should be 0 or between "
                "1e-100 and 1e100"
            )
    return net


def network_state(net: TwoLayerReLU) -> dict[str, Any]:
    """The state of the scenes Network and Fibre that shows a network: every parameter as exact
    text, and a box that holds its boundaries.
    """
    lengths = [
        (node, hypot(*(float(v) for v in node.w))) for node in net.nodes if not node.is_degenerate
    ]
    distances = [abs(float(node.b)) / length for node, length in lengths if length]
    furthest = max(distances, default=0.0) * 1.2
    side = next((s for s in SIDES if s >= max(3.0, furthest)), SIDES[-1])
    return {"net": as_json(net), "side": str(side), "selected": 0, "start": None}


def as_json(net: TwoLayerReLU) -> dict[str, Any]:
    """w, b, q, c as text, since JavaScript would round large whole numbers."""
    return {
        "w": [[str(v) for v in node.w] for node in net.nodes],
        "b": [str(node.b) for node in net.nodes],
        "q": [str(node.q[0]) for node in net.nodes],
        "c": str(net.c[0]),
        "inputs": net.inputs,
    }
