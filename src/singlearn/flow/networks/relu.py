"""ReLU networks: with the gates of rich data, or with those of the data at hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float, Shaped

from singlearn.flow.architecture import Architecture, Output
from singlearn.flow.law import Gram, GramLaw, Holds, Law, LinearLaw, gram_law
from singlearn.flow.law_region import GateRegion, Gates
from singlearn.flow.networks.chain import checked_widths
from singlearn.flow.program import Program

SCALING = "scaling of a node, (a, 1/a)"
INPUTS_PER_PARAMETER = 3
INPUTS_PER_NODE = 3
LARGEST_SHOWN = 99
Masks = list[Float[np.ndarray, "_ n"]]


def relu_network(
    widths: Sequence[int], bias: bool = True, slope: int = 0, seed: int = 0
) -> Architecture:
    r"""A ReLU network on data so rich that its gates say nothing: the laws of the architecture.

    Gradient flow keeps :math:`|w_j|^2 + b_j^2 - |q_j|^2` for every hidden node j with incoming
    weights w and outgoing weights q. The same holds for leaky ReLU, whatever the slope.

    Args:
        widths: from input to output.
        bias: whether layers have biases.
        slope: what a closed gate lets through (leaky ReLU); any whole number stands for all slopes.
        seed: of the gates, which are drawn without regard to the weights.

    Returns:
        The architecture, with parameters ``W1``, … and ``b1``, ….

    Raises:
        ValueError: fewer than two widths.

    >>> print(relu_network((2, 3, 1)))
    ReLU network 2-3-1 with biases, 13 parameters; gradient flow keeps
      |W1 rows|² + |b1 rows|² - |W2 columns|²   (from scaling of a node, (a, 1/a))
    """
    widths = checked_widths(widths)
    shapes = _shapes(widths, bias)
    rng = np.random.default_rng([seed, 1])
    dimension = sum(int(np.prod(shape)) for shape in shapes.values())
    count = min(INPUTS_PER_NODE * sum(widths[1:-1]) + 10, INPUTS_PER_PARAMETER * dimension)
    inputs = rng.integers(1, 1000, (widths[0], count)).astype(float)
    masks = [
        np.where(rng.random((width, count)) < 0.5, 1.0, float(slope)) for width in widths[1:-1]
    ]
    name = (
        f"{'leaky ' if slope else ''}ReLU network "
        f"{'-'.join(map(str, widths))}{' with biases' if bias else ''}"
    )
    return Architecture(
        name, shapes, _writer(widths, bias, inputs, masks), _node_laws(widths, bias)
    )


def relu_network_on_data(
    weights: Sequence[Shaped[np.ndarray, "_ _"]],
    inputs: Shaped[np.ndarray, "n d"],
    biases: Sequence[Shaped[np.ndarray, "_"]] | None = None,
) -> Architecture:
    """A ReLU network at given weights, on given inputs: the laws that hold while no gate changes.

    A data set has more laws than the architecture: weights of a node that is dead on all data stay
    as they are, and nodes whose gates agree on all data keep a whole matrix.

    Args:
        weights: of each layer, (outputs, inputs). Floats are taken as the rational numbers they
            are.
        inputs: one row for each.
        biases: of each layer; none if None.

    Returns:
        The architecture at these weights.

    Raises:
        ValueError: shapes that do not fit, or numbers that are not finite.
    """
    exact, shift, points, widths = _checked(weights, biases, inputs)
    bias = biases is not None
    shapes = _shapes(widths, bias)
    masks: Masks = []
    hidden = points
    for layer, matrix in enumerate(exact[:-1]):
        before = matrix @ hidden + shift[layer][:, None]
        masks.append((before > 0).astype(float))
        hidden = before * (before > 0)
    where = _Where(points, len(masks))
    laws = [
        law
        for i in range(len(widths) - 2)
        for law in _laws_on_data(i, masks[i], shapes, bias, where)
    ]
    laws += _unseen_directions(masks[0], points, bias, where) if masks else []
    laws += [
        law
        for i in range(1, len(masks))
        for law in _dead_edges(i + 1, masks[i - 1], masks[i], where)
    ]
    point = {f"W{i + 1}": matrix for i, matrix in enumerate(exact)}
    point |= {f"b{i + 1}": part for i, part in enumerate(shift) if bias}
    name = (
        f"ReLU network {'-'.join(map(str, widths))}{' with biases' if bias else ''} on "
        f"{points.shape[1]} inputs"
    )
    writer = _writer(widths, bias, points, masks)
    return Architecture(name, shapes, writer, tuple(laws), point=point, holds="on these data")


def _shapes(widths: Sequence[int], bias: bool) -> dict[str, tuple[int, ...]]:
    layers = range(1, len(widths))
    shapes: dict[str, tuple[int, ...]] = {f"W{i}": (widths[i], widths[i - 1]) for i in layers}
    return shapes | {f"b{i}": (widths[i],) for i in layers if bias}


def _writer(widths: Sequence[int], bias: bool, inputs: Shaped[np.ndarray, "d n"], masks: Masks):  # type: ignore[no-untyped-def]
    count = inputs.shape[1]

    def write(program: Program, parameters: Mapping[str, int]) -> list[Output]:
        hidden, one = program.constant(inputs), program.constant(np.ones((1, count)))
        for i in range(1, len(widths)):
            hidden = program.product(parameters[f"W{i}"], hidden)
            if bias:
                hidden = program.sum(hidden, program.product(parameters[f"b{i}"], one))
            if i < len(widths) - 1:
                hidden = program.mask(hidden, masks[i - 1])
        return [Output(hidden, (widths[-1], count))]

    return write


def _terms(layer: int, bias: bool) -> list[Gram]:
    return [
        Gram(f"W{layer}", 0),
        *([Gram(f"b{layer}", 0)] if bias else []),
        Gram(f"W{layer + 1}", 1, -1),
    ]


def _node_laws(widths: Sequence[int], bias: bool) -> tuple[Law, ...]:
    return tuple(gram_law(_terms(i, bias), "diagonal", SCALING) for i in range(1, len(widths) - 1))


class _Where:
    """Regions of laws on some data.

    Args:
        points: the inputs, one column for each.
        layers: hidden layers.
    """

    def __init__(self, points: np.ndarray, layers: int) -> None:
        self._points, self._layers = points, layers

    def _region(self, text: str, holds: Callable[[Gates], bool]) -> GateRegion:
        return GateRegion(
            f"{text}, {self._points.shape[1]} inputs", self._points, self._layers, holds
        )

    def dead(self, i: int, node: int) -> GateRegion:
        """A node is active on no input."""
        return self._region(
            f"u[{i + 1},{node + 1}](x) ≤ 0 for all x", lambda gates: not gates[i][node].any()
        )

    def alike(self, i: int, members: list[int]) -> GateRegion:
        """Gates of some nodes agree."""
        text = " = ".join(f"sign u[{i + 1},{node + 1}](x)" for node in members)
        return self._region(
            f"{text} for all x",
            lambda gates: bool((gates[i][members] == gates[i][members[0]]).all()),
        )

    def unseen(self, node: int, sees: Bool[np.ndarray, " n"]) -> GateRegion:
        """A node of the first layer is active on none of some inputs."""
        text = f"u[1,{node + 1}](x) ≤ 0 for all x with ⟨ν, x⟩ ≠ 0"
        return self._region(text, lambda gates: not gates[0][node][sees].any())

    def apart(self, layer: int, writer: int, reader: int) -> GateRegion:
        """Two nodes are never active together."""
        text = f"u[{layer - 1},{writer + 1}](x) ≤ 0 or u[{layer},{reader + 1}](x) ≤ 0 for all x"
        return self._region(
            text, lambda gates: not (gates[layer - 2][writer] & gates[layer - 1][reader]).any()
        )


def _laws_on_data(
    i: int,
    masks: Float[np.ndarray, "h n"],
    shapes: Mapping[str, tuple[int, ...]],
    bias: bool,
    where: _Where,
) -> list[Law]:
    """Laws of one hidden layer with these gates: dead nodes, and groups of nodes whose gates
    agree.
    """
    layer = i + 1
    found: list[Law] = []
    groups: dict[bytes, list[int]] = {}
    for node, gates in enumerate(masks):
        groups.setdefault(gates.tobytes(), []).append(node)
    for members in groups.values():
        if not masks[members[0]].any():
            for node in members:
                found += [
                    replace(law, region=where.dead(i, node))
                    for law in _still(layer, node, shapes, bias)
                ]
            continue
        group = _group_law(layer, members, bias, bool(masks[members[0]].all()))
        found.append(replace(group, region=where.alike(i, members)) if len(members) > 1 else group)
    return found


def _still(layer: int, node: int, shapes: Mapping[str, tuple[int, ...]], bias: bool) -> list[Law]:
    """All weights of a node that is dead on the data."""
    found: list[Law] = []
    for name, axis in (
        (f"W{layer}", 0),
        *([(f"b{layer}", 0)] if bias else []),
        (f"W{layer + 1}", 1),
    ):
        shape = shapes[name]
        places = [place for place in np.ndindex(*shape) if place[axis] == node]
        weights = np.zeros((len(places), *shape))
        for k, place in enumerate(places):
            weights[(k, *place)] = 1
        index = (
            f"{node + 1},"
            if axis == 0 and len(shape) > 1
            else f"{node + 1}"
            if axis == 0
            else f",{node + 1}"
        )
        text = f"{name}[{index}]"
        symmetry = f"node {node + 1} of layer {layer}, dead on all data"
        found.append(
            LinearLaw(text, f"{name}_{{{node + 1}}}", symmetry, "on these data", {name: weights})
        )
    return found


def _group_law(layer: int, members: list[int], bias: bool, bypassed: bool) -> GramLaw:
    nodes = ", ".join(str(node + 1) for node in members)
    if len(members) == 1:
        symmetry = SCALING
    elif bypassed:
        symmetry = f"GL({len(members)}) of bypassed nodes, active on all data, its symmetric part"
    else:
        symmetry = f"GL({len(members)}) of nodes whose gates agree on all data, its symmetric part"
    terms = [Gram(t.parameter, t.axis, t.coefficient, tuple(members)) for t in _terms(layer, bias)]
    law = gram_law(_terms(layer, bias), "symmetric", symmetry, "on these data")
    holds: Holds = "always" if len(members) == 1 else "on these data"
    return GramLaw(
        f"{law.formula}, nodes {nodes}", law.latex, symmetry, holds, tuple(terms), law.entries
    )


def _unseen_directions(
    masks: Float[np.ndarray, "h n"], points: np.ndarray, bias: bool, where: _Where
) -> list[Law]:
    """Combinations of a first-layer node's weights and bias that no input at which it is active
    changes.
    """
    import flint

    seen = np.concatenate([points, np.full((1, points.shape[1]), Fraction(1))]) if bias else points
    found: list[Law] = []
    for node, gates in enumerate(masks):
        active = seen[:, gates > 0].T
        if not len(active):
            continue
        whole = flint.fmpz_mat([_whole(row) for row in active])
        basis, count = whole.nullspace()
        if not count:
            continue
        vectors = np.array([int(x) for x in basis.entries()], dtype=object).reshape(
            basis.nrows(), basis.ncols()
        )
        for vector in vectors[:, :count].T:
            vector = vector // math.gcd(*vector)
            sees = np.array([value != 0 for value in vector @ seen])
            law = _unseen(node, vector, masks.shape[0], bias)
            found.append(replace(law, region=where.unseen(node, sees)))
    return found


def _whole(row: np.ndarray) -> list[int]:
    scale = math.lcm(*(x.denominator for x in row))
    return [int(x * scale) for x in row]


def _unseen(node: int, vector: np.ndarray, width: int, bias: bool) -> Law:
    weights = np.zeros((1, width, len(vector) - bias), dtype=object)
    weights[0, node] = vector[:-1] if bias else vector
    parts: dict[str, np.ndarray] = {"W1": weights}
    if bias:
        shift = np.zeros((1, width), dtype=object)
        shift[0, node] = vector[-1]
        parts["b1"] = shift
    text = (
        f"{' + '.join(f'{c}·W1[{node + 1},{k + 1}]' for k, c in enumerate(weights[0, node]) if c)}"
    )
    if bias and vector[-1]:
        text = f"{text} + {vector[-1]}·b1[{node + 1}]" if text else f"b1[{node + 1}]"
    if max(abs(c) for c in vector) > LARGEST_SHOWN:
        shown = ", ".join(f"{float(c / max(vector, key=abs)):.3g}" for c in vector)
        text = (
            f"⟨({shown}), {f'(W1[{node + 1},], b1[{node + 1}])' if bias else f'W1[{node + 1},]'}⟩"
        )
    symmetry = f"a direction that no input on which node {node + 1} is active sees"
    return LinearLaw(
        text.replace("+ -", "- "),
        rf"\langle ν, \hat w_{{{node + 1}}} \rangle",
        symmetry,
        "on these data",
        parts,
    )


def _dead_edges(
    layer: int, before: Float[np.ndarray, "h n"], after: Float[np.ndarray, "k n"], where: _Where
) -> list[Law]:
    """Weights between two nodes that are never active together, both alive."""
    together = after @ before.T
    found: list[Law] = []
    for reader, writer in zip(*np.nonzero(together == 0), strict=True):
        if after[reader].any() and before[writer].any():
            weights = np.zeros((1, *together.shape))
            weights[0, reader, writer] = 1
            name = f"W{layer}"
            symmetry = (
                f"nodes {writer + 1} and {reader + 1} of layers {layer - 1} and {layer} are never "
                f"active together"
            )
            text = f"{name}[{reader + 1},{writer + 1}]"
            region = where.apart(layer, int(writer), int(reader))
            latex = f"{name}_{{{reader + 1},{writer + 1}}}"
            found.append(
                LinearLaw(text, latex, symmetry, "on these data", {name: weights}, region=region)
            )
    return found


def _checked(
    weights: Sequence[Shaped[np.ndarray, "_ _"]],
    biases: Sequence[Shaped[np.ndarray, "_"]] | None,
    inputs: Shaped[np.ndarray, "n d"],
) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray, tuple[int, ...]]:
    """All numbers as fractions, inputs as columns."""
    points = _fractions("inputs", inputs, 2).T
    exact = [_fractions(f"weights[{i}]", matrix, 2) for i, matrix in enumerate(weights)]
    if not exact:
        raise ValueError("weights: got none; it should be one matrix for each layer")
    widths = (len(points), *(len(matrix) for matrix in exact))
    for i, matrix in enumerate(exact):
        if matrix.shape[1] != widths[i]:
            raise ValueError(
                f"weights[{i}]: got shape {matrix.shape}; it should have {widths[i]} columns"
            )
    if biases is None:
        return exact, [np.full(width, Fraction(0)) for width in widths[1:]], points, widths
    if len(biases) != len(exact):
        raise ValueError(
            f"biases: got {len(biases)}; it should be one for each of {len(exact)} layers"
        )
    shift = [
        _fractions(f"biases[{i}]", np.asarray(part).reshape(-1), 1) for i, part in enumerate(biases)
    ]
    for i, part in enumerate(shift):
        if len(part) != widths[i + 1]:
            raise ValueError(
                f"biases[{i}]: got {len(part)} entries; it should have {widths[i + 1]}"
            )
    return exact, shift, points, widths


def _fractions(name: str, values: object, axes: int) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != axes:
        raise ValueError(f"{name}: got shape {array.shape}; it should have {axes} axes")
    try:
        return np.array([Fraction(x) for x in array.reshape(-1).tolist()], dtype=object).reshape(
            array.shape
        )
    except (OverflowError, TypeError, ValueError):
        raise ValueError(f"{name}: it should hold finite real numbers") from None
