"""Chains of layers, whose hidden coordinates can be rescaled or mixed without changing the
function.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from singlearn.flow.balance_matrix import change_to_law, geometric_mean_change
from singlearn.flow.balance_scales import Edges, ScaleProgram, minimise

Arrays = Mapping[str, Float[np.ndarray, "..."]]
What = Literal["gradients", "weights"]
ROUNDS, SETTLED = 400, 1e-12
"""Rounds over node scales and matrices where a chain has both, and the residual at which they stop.
"""


@dataclass(frozen=True)
class ChainLayer:
    """Where one linear map of a chain is stored.

    Attributes:
        name: of the layer, for people.
        weight: name of the parameter.
        rows, columns: which part of its first two axes; all if None.
        transposed: whether the stored array maps from its first axis to its second.
        taps: how many entries of the flattened array each pair of a row and a column has.
        bias: name of the bias, None without one.
        joins: "rows" where the bias is added to what the layer writes, "columns" where it is read
            by the same coordinates as the weights are (the bias of a query).
    """

    name: str
    weight: str
    rows: slice | None = None
    columns: slice | None = None
    transposed: bool = False
    taps: int = 1
    bias: str | None = None
    joins: Literal["rows", "columns"] = "rows"

    def _part(self, arrays: Arrays) -> tuple[np.ndarray, tuple[slice, slice]]:
        whole = np.asarray(arrays[self.weight])
        flat = whole.reshape(whole.shape[0], -1, self.taps)
        return flat, (self.rows or slice(None), self.columns or slice(None))

    def matrix(self, arrays: Arrays) -> Float[np.ndarray, "h t taps"]:
        """What the layer multiplies with: rows written, columns read; a bias that joins columns is
        one more row.
        """
        flat, part = self._part(arrays)
        found = np.asarray(flat[part], dtype=float)
        if self.transposed:
            found = np.swapaxes(found, 0, 1)
        if self.bias is not None and self.joins == "columns":
            found = np.concatenate(
                [
                    found,
                    np.asarray(arrays[self.bias], dtype=float)[self._bias_part()][None, :, None],
                ]
            )
        return found

    def offset(self, arrays: Arrays) -> Float[np.ndarray, " h"] | None:
        """The bias of its rows, None without one."""
        if self.bias is None or self.joins == "columns":
            return None
        return np.asarray(arrays[self.bias], dtype=float)[self._bias_part()]

    def _bias_part(self) -> slice:
        written_first = self.transposed == (self.joins == "columns")
        return (self.rows if written_first else self.columns) or slice(None)

    def store(
        self,
        arrays: dict[str, np.ndarray],
        matrix: Float[np.ndarray, "h t taps"],
        offset: Float[np.ndarray, " h"] | None,
    ) -> None:
        """Put the matrix and the bias where they belong; arrays are changed in place."""
        if self.bias is not None:
            arrays[self.bias][self._bias_part()] = (
                matrix[-1, :, 0] if self.joins == "columns" else offset
            )
        if self.bias is not None and self.joins == "columns":
            matrix = matrix[:-1]
        if self.transposed:
            matrix = np.swapaxes(matrix, 0, 1)
        flat, part = self._part(arrays)
        flat[part] = matrix
        arrays[self.weight][...] = flat.reshape(arrays[self.weight].shape)


@dataclass(frozen=True)
class Coupling:
    """What stands between two neighbouring layers.

    Attributes:
        degree: k of a positively k-homogeneous activation: node scales (a, a⁻ᵏ).
        linear: nothing stands between them: invertible matrices.
        why: neither; a sentence.
        bounded: whether |φ(z)| ≤ |z| and φ has slopes of at most 1, which the proved bound needs.
    """

    degree: float | None = None
    linear: bool = False
    why: str = ""
    bounded: bool = True

    @property
    def free(self) -> bool:
        """Whether there is a symmetry."""
        return self.linear or self.degree is not None


@dataclass(frozen=True)
class Chain:
    """Layers one after the other, and what stands between them."""

    layers: tuple[ChainLayer, ...]
    between: tuple[Coupling, ...]
    name: str = ""

    def position(self, index: int) -> str:
        """The name of the hidden coordinates after a layer."""
        return self.layers[index].name


@dataclass
class ChainMove:
    """How the hidden coordinates of one chain were changed.

    Attributes:
        changes: for each place between layers a vector of node scales s, a matrix A, or None.
        inverses: 1/s or A⁻¹.
        value: of the norm, of the layers of this chain.
        infimum: a lower bound of it that is a minimum's own value where there is a certificate;
            None if there is none.
        gap: value minus a proven lower bound, None if there is none.
        residual: by place: largest |in - out| / (in + out).
        lost: by place: nodes whose scale would have to run to infinity.
        attained: whether there is a minimum.
    """

    changes: list[np.ndarray | None]
    inverses: list[np.ndarray | None]
    value: float = 0.0
    infimum: float | None = None
    gap: float | None = None
    residual: list[float] = field(default_factory=list)
    lost: list[Bool[np.ndarray, " nodes"] | None] = field(default_factory=list)
    attained: bool = True


class _State:
    """Matrices of a chain, transformed as its hidden coordinates change."""

    def __init__(self, chain: Chain, arrays: Arrays, contragredient: bool) -> None:
        self.chain, self.contragredient = chain, contragredient
        self.matrices = [layer.matrix(arrays) for layer in chain.layers]
        self.offsets = [layer.offset(arrays) for layer in chain.layers]
        self.moved = ChainMove([None] * len(chain.between), [None] * len(chain.between))

    def into(self, place: int) -> Float[np.ndarray, "k n"]:
        flat = self.matrices[place].reshape(len(self.matrices[place]), -1)
        offset = self.offsets[place]
        return flat if offset is None else np.concatenate([flat, offset[:, None]], axis=1)

    def out(self, place: int) -> Float[np.ndarray, "m k"]:
        w = self.matrices[place + 1]
        return np.moveaxis(w, 1, 2).reshape(-1, w.shape[1])

    def scale(self, place: int, s: Float[np.ndarray, " k"]) -> None:
        """Node scales, on top of what there was."""
        degree = self.chain.between[place].degree
        assert degree is not None
        inverse = s**-degree
        first, second = (1 / s, 1 / inverse) if self.contragredient else (s, inverse)
        offset = self.offsets[place]
        self.matrices[place] = first[:, None, None] * self.matrices[place]
        self.offsets[place] = None if offset is None else first * offset
        self.matrices[place + 1] = self.matrices[place + 1] * second[None, :, None]
        before, back = self.moved.changes[place], self.moved.inverses[place]
        self.moved.changes[place] = s if before is None else s * before
        self.moved.inverses[place] = inverse if back is None else inverse * back

    def mix(
        self, place: int, a: Float[np.ndarray, "k k"], inverse: Float[np.ndarray, "k k"]
    ) -> None:
        """A matrix, on top of what there was."""
        first, second = (inverse.T, a.T) if self.contragredient else (a, inverse)
        offset = self.offsets[place]
        self.matrices[place] = np.einsum("hg,gtx->htx", first, self.matrices[place])
        self.offsets[place] = None if offset is None else first @ offset
        self.matrices[place + 1] = np.einsum("mgx,gh->mhx", self.matrices[place + 1], second)
        before, back = self.moved.changes[place], self.moved.inverses[place]
        self.moved.changes[place] = a if before is None else a @ before
        self.moved.inverses[place] = inverse if back is None else back @ inverse

    def value(self) -> float:
        norms = [np.square(m).sum() for m in self.matrices]
        return float(sum(norms) + sum(np.square(b).sum() for b in self.offsets if b is not None))

    def residual(self, place: int, target: np.ndarray | float = 0.0) -> float:
        """|in - k out - target| as a share of in + k out + |target|, the largest over nodes or of
        matrices.
        """
        coupling = self.chain.between[place]
        into, out = self.into(place), self.out(place)
        if coupling.linear:
            left, right = into @ into.T, out.T @ out
            size = np.linalg.norm(left) + np.linalg.norm(right) + np.linalg.norm(target)
            return float(np.linalg.norm(left - right - target) / size) if size > 0 else 0.0
        a, b = np.square(into).sum(1), coupling.degree * np.square(out).sum(0)
        size = a + b + np.abs(target)
        lost = self.moved.lost[place] if self.moved.lost else None
        share = np.where(size > 0, np.abs(a - b - target) / np.where(size > 0, size, 1.0), 0.0)
        return float(np.where(False if lost is None else lost, 0.0, share).max(initial=0.0))


def least(chain: Chain, arrays: Arrays, what: What) -> ChainMove:
    """The point of the orbit of a chain at which its gradients or weights have least total squared
    norm.

    Args:
        chain: of layers.
        arrays: gradients or weights, by parameter.
        what: which of them; gradients change inversely to weights.

    Returns:
        The changes, with a certificate: where all places have node scales, a dual bound; for one
        pair of linear layers the closed form. Otherwise the function is convex along geodesics of
        scales and positive definite matrices, so that the stationary point is least, and the
        residual says how stationary it is.
    """
    state = _State(chain, arrays, what == "gradients")
    count = len(chain.between)
    state.moved.lost = [None] * count
    linear = [p for p in range(count) if chain.between[p].linear]
    scaled = [p for p in range(count) if chain.between[p].degree is not None]
    before = state.value()
    for round_ in range(ROUNDS if len(linear) + bool(scaled) > 1 else 1):
        for place in linear:
            change = geometric_mean_change(
                state.into(place), state.out(place), state.contragredient
            )
            state.moved.attained &= change.attained or round_ > 0
            state.mix(place, change.matrix, change.inverse)
        if scaled:
            _scale_nodes(state, scaled, None)
        value = state.value()
        if round_ and (
            max(state.residual(p) for p in (*linear, *scaled)) <= SETTLED
            or before - value <= 1e-15 * value
        ):
            break
        before = value
    state.moved.value = state.value()
    state.moved.residual = [
        state.residual(p) if chain.between[p].free else 0.0 for p in range(count)
    ]
    if len(linear) == 1 and not scaled:
        fixed = (
            state.value()
            - np.square(state.into(linear[0])).sum()
            - np.square(state.out(linear[0])).sum()
        )
        state.moved.infimum = change.infimum + float(fixed)
        state.moved.gap = max(state.moved.value - state.moved.infimum, 0.0)
    elif linear:
        state.moved.infimum = state.moved.gap = None
    return state.moved


def reach(chain: Chain, arrays: Arrays, targets: Mapping[int, np.ndarray]) -> ChainMove:
    """The point of the orbit at which laws have the values that are wanted; laws not named keep
    theirs.

    Args:
        chain: of layers.
        arrays: weights by parameter.
        targets: by place: a value for each node, or a symmetric matrix.

    Raises:
        ValueError: values that no point of the orbit has.
    """
    state = _State(chain, arrays, False)
    count = len(chain.between)
    state.moved.lost = [None] * count
    free = [p for p in range(count) if chain.between[p].free]
    wanted = {p: targets[p] if p in targets else _law_value(state, p) for p in free}
    linear = [p for p in free if chain.between[p].linear]
    scaled = [p for p in free if not chain.between[p].linear]
    for _round in range(ROUNDS if len(linear) + bool(scaled) > 1 else 1):
        for place in linear:
            found = _to_law(state, place, wanted[place])
            if found is None:
                raise ValueError(
                    f"what: no invertible matrix after {chain.position(place)} gives its law this "
                    f"value; the positive eigenvalues "
                    "of a value are at most as many as the rank of the layer before, the negative "
                    "ones as that of the layer after"
                )
            state.mix(place, *found)
        if scaled:
            _scale_nodes(state, scaled, wanted)
        if max((state.residual(p, wanted[p]) for p in free), default=0.0) <= SETTLED:
            break
    worst = max(free, key=lambda p: state.residual(p, wanted[p]))
    if state.residual(worst, wanted[worst]) > 1e-8:
        raise ValueError(
            f"what: the law after {chain.position(worst)} was not brought to its value; "
            f"|difference| is "
            f"{state.residual(worst, wanted[worst]):.1g} of in + out, so that there is probably no "
            f"such point of the orbit"
        )
    state.moved.value = state.value()
    state.moved.residual = [
        state.residual(p, wanted[p]) if p in wanted else 0.0 for p in range(count)
    ]
    return state.moved


def _to_law(state: _State, place: int, target: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    into, out = state.into(place), state.out(place)
    if not np.any(target):
        change = geometric_mean_change(into, out, False)
        return (change.matrix, change.inverse) if change.attained else None
    return change_to_law(into, out, target)


def law_value(chain: Chain, arrays: Arrays, place: int) -> np.ndarray:
    """|in|² - k |out|² of each node after a layer, or the matrix of it."""
    return _law_value(_State(chain, arrays, False), place)


def _law_value(state: _State, place: int) -> np.ndarray:
    into, out, coupling = state.into(place), state.out(place), state.chain.between[place]
    if coupling.linear:
        found: np.ndarray = into @ into.T - out.T @ out
        return found
    found = np.square(into).sum(1) - (coupling.degree or 1.0) * np.square(out).sum(0)
    return found


def _scale_nodes(state: _State, places: list[int], wanted: Mapping[int, np.ndarray] | None) -> None:
    group = {place: g for g, place in enumerate(places)}
    edges = []
    for number, w in enumerate(state.matrices):
        tail, head = group.get(number - 1), group.get(number)
        costs, offset = np.square(w).sum(-1), state.offsets[number]
        edges.append(Edges(tail, head, costs))
        if offset is not None:
            edges.append(Edges(None, head, np.square(offset)[:, None]))
    sizes = tuple(len(state.matrices[p]) for p in places)
    degrees = tuple(float(state.chain.between[p].degree or 0) for p in places)
    target = None if wanted is None else [np.asarray(wanted[p], dtype=float) for p in places]
    if target is not None and not any(np.any(q) for q in target):
        target = None
    sign = 1 if state.contragredient else -1
    found = minimise(ScaleProgram(sizes, degrees, tuple(edges), sign, target))
    for g, place in enumerate(places):
        state.moved.lost[place] = found.moving[g]
        state.scale(place, np.exp(found.log_scales[g]))
    state.moved.attained &= found.attained
    state.moved.infimum = float(found.infimum)
    state.moved.gap = None if found.gap is None else float(found.gap)


def asymmetries(chain: Chain, weights: Arrays, gradients: Arrays) -> dict[int, float]:
    r"""How far gradients are from being orthogonal to the symmetry after each layer that has one.

    :math:`\langle w_{in}, g_{in} \rangle = k \langle w_{out}, g_{out} \rangle` for every node of a
    network that has it; of matrices :math:`G_1 W_1^T = W_2^T G_2`.

    Returns:
        By place, the largest difference as a share of |w_in| |g_in| + k |w_out| |g_out|.
    """
    w, g = _State(chain, weights, False), _State(chain, gradients, False)
    found = {}
    for place, coupling in enumerate(chain.between):
        if not coupling.free:
            continue
        w_in, w_out, g_in, g_out = w.into(place), w.out(place), g.into(place), g.out(place)
        if coupling.linear:
            left, right = g_in @ w_in.T, w_out.T @ g_out
            size = np.linalg.norm(w_in) * np.linalg.norm(g_in) + np.linalg.norm(
                w_out
            ) * np.linalg.norm(g_out)
            found[place] = float(np.linalg.norm(left - right) / size) if size > 0 else 0.0
            continue
        k = coupling.degree or 1.0
        off = np.abs(np.einsum("kn,kn->k", w_in, g_in) - k * np.einsum("mk,mk->k", w_out, g_out))
        sizes = np.linalg.norm(w_in, axis=1) * np.linalg.norm(g_in, axis=1) + k * np.linalg.norm(
            w_out, axis=0
        ) * np.linalg.norm(g_out, axis=0)
        found[place] = float(
            np.where(sizes > 0, off / np.where(sizes > 0, sizes, 1.0), 0.0).max(initial=0.0)
        )
    return found


def apply(
    chain: Chain,
    moved: ChainMove,
    arrays: dict[str, np.ndarray],
    kind: Literal["weights", "gradients", "squares"],
) -> None:
    """Carry arrays along, in place.

    Args:
        chain: whose layers they belong to.
        moved: the changes.
        arrays: by parameter.
        kind: "weights"; "gradients" change inversely, momentum with them; "squares" are entries of
            squared gradients, which only node scales carry along.
    """
    state = [(layer.matrix(arrays), layer.offset(arrays)) for layer in chain.layers]
    for place, (change, inverse) in enumerate(zip(moved.changes, moved.inverses, strict=True)):
        if change is None or inverse is None:
            continue
        (w, b), (v, c) = state[place], state[place + 1]
        if change.ndim == 1:
            first, second = (change, inverse) if kind == "weights" else (1 / change, 1 / inverse)
            if kind == "squares":
                first, second = first**2, second**2
            w, b = first[:, None, None] * w, None if b is None else first * b
            v = v * second[None, :, None]
        else:
            first, second = (change, inverse) if kind == "weights" else (inverse.T, change.T)
            w, b = np.einsum("hg,gtx->htx", first, w), None if b is None else first @ b
            v = np.einsum("mgx,gh->mhx", v, second)
        state[place], state[place + 1] = (w, b), (v, c)
    for layer, (w, b) in zip(chain.layers, state, strict=True):
        layer.store(arrays, w, b)
