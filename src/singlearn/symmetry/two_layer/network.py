"""A two-layer ReLU network with exact rational parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.numbers.rational import Number, Vector, dot, matrix, rational, unit_roundoff, vector
from singlearn.results.prompt import Shown

ZERO = Fraction(0)


@dataclass(frozen=True)
class Node:
    """One hidden node, ``q ReLU(<w, x> + b)``.

    Attributes:
        w: incoming weights, N numbers.
        b: bias.
        q: outgoing weights, one per output.
    """

    w: Vector
    b: Fraction
    q: Vector

    @property
    def is_degenerate(self) -> bool:
        """Whether w = 0 or q = 0: a node whose total gradient vanishes everywhere."""
        return not any(self.w) or not any(self.q)

    def preactivation(self, x: Sequence[Fraction]) -> Fraction:
        """``<w, x> + b``."""
        return dot(self.w, x) + self.b

    def scaled(self, factor: Fraction) -> Node:
        """The same function of x with ``(w, b)`` multiplied by ``factor > 0`` and ``q`` divided by
        it.

        Returns:
            The rescaled node.
        """
        return Node(
            tuple(factor * v for v in self.w), factor * self.b, tuple(v / factor for v in self.q)
        )


@dataclass(frozen=True, init=False)
class TwoLayerReLU(Shown):
    r""":math:`f(x) = c + \sum_{i=1}^{H} q_i\,\mathrm{ReLU}(\langle w_i, x\rangle + b_i)`, every
    parameter an exact rational.

    Floats are taken as the binary fractions they are, so two networks are compared as what they
    compute in exact arithmetic, not up to rounding.

    Args:
        w: incoming weights, H rows of N numbers.
        b: biases, H numbers.
        q: outgoing weights, H numbers for one output, or M rows of H numbers.
        c: output bias, a number for one output, or M numbers.
        inputs: N; needed only where ``w`` has no rows to count them in.

    Raises:
        ValueError: shapes that do not fit together, or an entry that is not a finite number.

    >>> net = TwoLayerReLU(w=[[1], [-1]], b=[1, 1], q=[1, 1], c=0)
    >>> net([Fraction(1, 2)]), net.width
    (Fraction(2, 1), 2)
    """

    nodes: tuple[Node, ...]
    c: Vector
    inputs: int
    is_scalar: bool
    precision: float = field(compare=False)
    """Relative rounding error of the coarsest float among its parameters: 2^-53 in float64, 2^-24
    in float32, 0 where all are exact.
    """
    snapped: Any = field(compare=False)
    """The :class:`~singlearn.symmetry.Snap` it was made with, where it is an answer about a
    snapped network.
    """

    def __init__(self, w: Any, b: Any, q: Any, c: Any, inputs: int | None = None) -> None:
        rows = matrix(w, "w")
        biases = vector(b, "b")
        width = len(rows)
        if rows:
            columns = len(rows[0])
        elif inputs is not None:
            columns = inputs
        elif isinstance(w, np.ndarray) and w.ndim == 2:
            columns = w.shape[1]
        else:
            raise ValueError("w: it has no rows; say how many inputs the network has with inputs=")
        if columns < 1:
            raise ValueError("w: its rows are empty; a network should have at least one input")
        if inputs is not None and inputs != columns:
            raise ValueError(f"inputs: got {inputs}, but the rows of w have {columns} entries")
        if len(biases) != width:
            raise ValueError(
                f"b: got {len(biases)} entries; it should have one for each of the {width} rows "
                f"of w"
            )
        is_scalar = not isinstance(c, (list, tuple, np.ndarray)) or (
            isinstance(c, np.ndarray) and c.ndim == 0
        )
        if isinstance(c, np.ndarray) and c.ndim == 0:
            c = c.item()
        constant = (rational(c, "c"),) if is_scalar else vector(c, "c")
        if not constant:
            raise ValueError("c: it is empty; a network should have at least one output")
        outgoing = _outgoing(q, width, len(constant), is_scalar)
        nodes = tuple(
            Node(rows[i], biases[i], tuple(row[i] for row in outgoing)) for i in range(width)
        )
        self._set(
            nodes,
            constant,
            columns,
            is_scalar,
            max(unit_roundoff(values) for values in (w, b, q, c)),
        )

    def _set(
        self,
        nodes: tuple[Node, ...],
        c: Vector,
        inputs: int,
        is_scalar: bool,
        precision: float,
        snapped: Any = None,
    ) -> None:
        values = {
            "nodes": nodes,
            "c": c,
            "inputs": inputs,
            "is_scalar": is_scalar,
            "precision": precision,
            "snapped": snapped,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        """Its parameters as text for machines, fractions such as ``"1/3"``; the arguments that make
        it.

        Returns:
            Lists of text by the names of the arguments.
        """
        return {
            "inputs": self.inputs,
            "w": [[str(v) for v in node.w] for node in self.nodes],
            "b": [str(node.b) for node in self.nodes],
            "q": [[str(node.q[j]) for node in self.nodes] for j in range(len(self.c))],
            "c": [str(v) for v in self.c],
        }

    def replaced(self, nodes: Iterable[Node], c: Vector | None = None) -> TwoLayerReLU:
        """A network of the same inputs and outputs with other nodes and, if given, another output
        bias.

        Returns:
            The new network.
        """
        result = object.__new__(TwoLayerReLU)
        result._set(
            tuple(nodes), self.c if c is None else c, self.inputs, self.is_scalar, self.precision
        )
        return result

    def after_snapping(self, snapped: Any) -> TwoLayerReLU:
        """The same network as an answer about a snapped one: its parameters are meant exactly."""
        result = object.__new__(TwoLayerReLU)
        result._set(self.nodes, self.c, self.inputs, self.is_scalar, 0.0, snapped)
        return result

    @property
    def width(self) -> int:
        """H, the number of hidden nodes."""
        return len(self.nodes)

    @property
    def outputs(self) -> int:
        """M, the number of outputs."""
        return len(self.c)

    def __call__(self, x: Sequence[Number]) -> Fraction | Vector:
        """f(x) in exact arithmetic: a Fraction for one output, a tuple of M otherwise.

        Raises:
            ValueError: x does not have N finite entries.
        """
        point = vector(x, "x")
        if len(point) != self.inputs:
            raise ValueError(f"x: got {len(point)} entries; the network has {self.inputs} inputs")
        values = self.values_at(point)
        return values[0] if self.is_scalar else values

    def values_at(self, point: Vector) -> Vector:
        """The M outputs at an exact point."""
        values = list(self.c)
        for node in self.nodes:
            active = node.preactivation(point)
            if active > 0:
                for j, q in enumerate(node.q):
                    values[j] += q * active
        return tuple(values)

    def arrays(
        self,
    ) -> tuple[
        Float[np.ndarray, "nodes inputs"],
        Float[np.ndarray, " nodes"],
        Float[np.ndarray, "outputs nodes"],
        Float[np.ndarray, " outputs"],
    ]:
        """``(w, b, q, c)`` rounded to float64, q with one row per output.

        Returns:
            Arrays in float64.

        Raises:
            ValueError: a parameter is beyond 1.8e308, too large for float64.
        """
        try:
            w = np.array([[float(v) for v in node.w] for node in self.nodes]).reshape(
                self.width, self.inputs
            )
            b = np.array([float(node.b) for node in self.nodes])
            q = (
                np.array([[float(v) for v in node.q] for node in self.nodes])
                .reshape(self.width, self.outputs)
                .T
            )
            return w, b, q, np.array([float(v) for v in self.c])
        except OverflowError:
            raise ValueError("net: a parameter is beyond 1.8e308, too large for float64") from None

    def evaluate(
        self, x: Float[np.ndarray, "points inputs"]
    ) -> Float[np.ndarray, "points outputs"]:
        """f at many points in float64, for pictures and measurements; ``net(x)`` is exact."""
        w, b, q, c = self.arrays()
        found: Float[np.ndarray, "points outputs"] = c + np.maximum(x @ w.T + b, 0.0) @ q.T
        return found

    def __str__(self) -> str:
        text = f"two-layer ReLU network, {self.inputs} → {self.width} → {self.outputs}"
        return text if self.snapped is None else f"{text}\n{self.snapped.sentence}"


def require_two_layer(net: Any, what: str) -> TwoLayerReLU:
    """Refuse a deep network where only two-layer ones are understood.

    Args:
        net: what the caller gave.
        what: the function it was given to.

    Raises:
        ValueError: it is no ``TwoLayerReLU``.
    """
    if not isinstance(net, TwoLayerReLU):
        how = (
            ", so convert one with from_deep(net)" if hasattr(net, "hidden_layers") else " of ReLU"
        )
        raise ValueError(f"net: got {type(net).__name__}; {what} is for two-layer networks{how}")
    return net


def _outgoing(q: Any, width: int, outputs: int, is_scalar: bool) -> tuple[Vector, ...]:
    """q as M rows of H numbers."""
    values = q.tolist() if isinstance(q, np.ndarray) else list(q) if isinstance(q, Iterable) else q
    if not isinstance(values, list):
        raise ValueError(
            f"q: got {q!r}; it should be a list with one number per hidden node, or one row per "
            f"output"
        )
    is_flat = not any(isinstance(v, (list, tuple, np.ndarray)) for v in values)
    if is_flat and not is_scalar and not (width == 0 and not values):
        raise ValueError(
            f"q: got a flat list, but c has {outputs} entries; give one row of {width} numbers per "
            f"output, or a single number c"
        )
    if is_flat:
        rows: tuple[Vector, ...] = (vector(values, "q"),) if is_scalar else ((),) * outputs
    else:
        rows = matrix(values, "q")
    if is_scalar and len(rows) != 1:
        raise ValueError(
            f"q: got {len(rows)} rows, but c is a single number; give c one entry per output"
        )
    if len(rows) != outputs:
        raise ValueError(
            f"q: got {len(rows)} rows; it should have one for each of the {outputs} entries of c"
        )
    if len(rows[0]) != width:
        raise ValueError(
            f"q: got {len(rows[0])} entries in a row; it should have one for each of the {width} "
            f"hidden nodes"
        )
    return rows
