"""Points of an orbit: which weights of one function have a conserved quantity at a given value."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import spsolve

from singlearn.flow.law import GramLaw, Law, Parameters
from singlearn.results.result import Answer

STEPS = 200
CLOSE = 1e-10
"""Relative to the sizes of the weights."""
STAYS = 1e-8
"""Relative difference of outputs that rounding may leave."""
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Moved(Answer):
    """Other weights of the same function.

    Attributes:
        weights: all parameters by name, in float64.
        values: the conserved quantities there, law by law.
        proof: why the function is the same.
        difference: the largest difference of outputs on the probes, if there were probes.
        module: a copy of the module with these weights, if there was one.
    """

    weights: Mapping[str, np.ndarray]
    values: tuple[np.ndarray, ...]
    proof: str
    difference: float | None
    module: Any = None

    def summary(self) -> str:
        """All of it, for people."""
        values = ", ".join(str((np.round(v, 6) + 0.0).tolist()) for v in self.values)
        return f"weights with {values}; {self.proof}"

    def to_dict(self) -> dict[str, Any]:
        """For machines; a copy of a module is not in it."""
        return {
            "weights": {name: value.tolist() for name, value in self.weights.items()},
            "values": [value.tolist() for value in self.values],
            "proof": self.proof,
            "difference": self.difference,
        }


class Orbit(Answer):
    """All weights that the symmetry of a law reaches; made by :func:`orbit`.

    On it a point is named by the value of the law (for a matrix Q, up to the rotations that leave Q
    alone).
    """

    def __init__(
        self,
        laws: tuple[GramLaw, ...],
        parameters: Arrays,
        check: Callable[[Arrays, Arrays], tuple[str, float | None, Any]],
    ) -> None:
        self.laws, self.parameters, self._check = laws, parameters, check

    def to_dict(self) -> dict[str, Any]:
        """For machines: the laws, their values here, and which values are attainable."""
        return {
            "laws": [law.formula for law in self.laws],
            "values": [value.tolist() for value in self.values],
            "attainable": self.attainable,
        }

    @property
    def values(self) -> tuple[np.ndarray, ...]:
        """Where the weights are now."""
        return tuple(law.values(self.parameters) for law in self.laws)

    @property
    def attainable(self) -> str:
        """Which values there are on the orbit."""
        if self.laws[0].entries == "symmetric":
            p, n = _two_sides(self.laws[0], self.parameters)
            a, b, k = np.linalg.matrix_rank(p), np.linalg.matrix_rank(n), len(p)
            if a == b == k:
                return f"every symmetric {k} × {k} matrix"
            return (
                f"symmetric {k} × {k} matrices with at most {a} positive and {b} negative "
                f"eigenvalues, not all of them"
            )
        up, down = _sides_of_nodes(self.laws, self.parameters)
        if (up & down).all():
            return "every real number for every node"
        counts = [int(w.sum()) for w in (up & down, up & ~down, ~up & down, ~up & ~down)]
        return (
            f"every real number for {counts[0]} nodes; only positive ones for {counts[1]} whose "
            f"outgoing weights are zero, only negative ones for {counts[2]} whose incoming ones "
            f"are, "
            f"0 for {counts[3]} with none"
        )

    def summary(self) -> str:
        """All of it, for people."""
        return f"orbit of {', '.join(law.formula for law in self.laws)}: {self.attainable}"

    def move_to(self, value: Any) -> Moved:
        r"""The weights of the orbit at which the law has this value.

        For scales of nodes, :math:`p_e → p_e \exp(n_e \cdot x)` with the whole numbers n of the
        law, the value is the gradient of the convex function :math:`\frac12 \sum_e p_e^2 \exp(2 n_e
        \cdot x)`; for one node with :math:`A = |w|^2 + b^2` and :math:`B = |q|^2` the factor of the
        incoming weights is :math:`a^2 = (Q + \sqrt{Q^2 + 4AB}) / 2A`. For GL(k), :math:`P = \sum M
        M^T` of the writers and N of the readers, :math:`Q = λI` is reached by :math:`A^T A =
        H^{-1}`, :math:`H N H + λ H = P`; other Q by the triangular A, in the basis of Q, at which
        :math:`\frac12 tr(A P A^T + A^{-T} N A^{-1}) - \sum q_i \log A_{ii}` is stationary: it is
        least there and grows in all directions where P and N are positive definite, so that every
        symmetric Q is reached.

        Args:
            value: Q, of the shape of the law, or one number for all nodes, or for several laws a
                sequence.

        Returns:
            The weights and a proof that the function stayed.

        Raises:
            ValueError: a value of another shape, one that is not on the orbit, or a law whose
                symmetry the network does not have.
        """
        targets = self._targets(value)
        law = self.laws[0]
        if law.entries == "symmetric" and len(law.values(self.parameters)) > 1:
            found = _mixed(law, self.parameters, targets[0])
        else:
            found = _scaled(
                self.laws,
                self.parameters,
                np.concatenate([np.atleast_1d(t).reshape(-1) for t in targets]),
            )
        proof, difference, module = self._check(self.parameters, found)
        return Moved(
            found, tuple(law.values(found) for law in self.laws), proof, difference, module
        )

    def _targets(self, value: Any) -> list[np.ndarray]:
        given = (
            [value]
            if len(self.laws) == 1
            else list(value)
            if np.ndim(value)
            else [value] * len(self.laws)
        )
        if len(given) != len(self.laws):
            raise ValueError(
                f"value: got {len(given)}; it should be one for each of {len(self.laws)} laws"
            )
        found = []
        for law, part, now in zip(self.laws, given, self.values, strict=True):
            array = np.asarray(part, dtype=float)
            if array.ndim == 0 and now.ndim:
                array = array * (np.eye(len(now)) if now.ndim == 2 else np.ones(now.shape))
            if array.shape != now.shape:
                raise ValueError(
                    f"value: got shape {array.shape}; {law.formula} has shape {now.shape}"
                )
            if not np.isfinite(array).all():
                raise ValueError("value: it should hold finite real numbers")
            if array.ndim == 2 and not np.allclose(array, array.T, rtol=1e-12, atol=0):
                raise ValueError("value: it should be a symmetric matrix")
            found.append(array)
        return found


def orbit(
    network: Any,
    law: Law | Sequence[Law],
    inputs: Any = None,
    *,
    function: Callable[[Mapping[str, np.ndarray]], Any] | None = None,
) -> Orbit:
    """The weights of one function that the symmetry of a law reaches.

    Args:
        network: a PyTorch module, or its parameters by the names of the law.
        law: a quadratic law of the network, or several scale laws that are moved together.
        inputs: of a module, the arguments of a call on which outputs are compared; by default as in
            :func:`singlearn.flow.laws`.
        function: of parameters by name, what the network gives on some inputs; it is compared.
            Parameters called W1, b1, W2, … with scale laws are a ReLU network, and need none.

    Returns:
        The orbit.

    Raises:
        ValueError: a law of another form or of other parameters, or complex weights.

    >>> from singlearn.flow import laws
    >>> weights = {"W1": np.array([[2.0]]), "W2": np.array([[1.0]])}
    >>> orbit(weights, laws([weights["W1"], weights["W2"]])[0]).move_to(0.0).weights["W1"].round(4)
    array([[1.4142]])
    """
    chosen = (law,) if isinstance(law, Law) else tuple(law)
    if not chosen:
        raise ValueError("law: got none; it should be a law of the network")
    for one in chosen:
        if not isinstance(one, GramLaw):
            raise ValueError(
                f"law: {one.formula} is a {type(one).__name__}; an orbit is for quadratic laws, "
                f"which say a symmetry"
            )
    quadratic = tuple(one for one in chosen if isinstance(one, GramLaw))
    if len(quadratic) > 1 and any(one.entries == "symmetric" for one in quadratic):
        raise ValueError(
            "law: several laws are moved together where they are scales of nodes; a whole matrix "
            "is moved alone"
        )
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(network, torch.nn.Module):
        parameters, check = _of_module(network, inputs)
    else:
        parameters, check = _by_name(network, function, quadratic)
    for one in quadratic:
        for term in one.terms:
            if term.parameter not in parameters:
                raise ValueError(
                    f"law: {one.formula} names {term.parameter}, which the network does not have"
                )
    return Orbit(quadratic, parameters, check)


# --- scales of nodes ---------------------------------------------------------------------------


def _exponents(laws: Sequence[GramLaw], parameters: Parameters) -> dict[str, csr_array]:
    """For each parameter, the powers with which its entries scale, by node."""
    entries: dict[str, list[np.ndarray]] = {}
    start = 0
    for law in laws:
        size = 0
        for term in law.terms:
            array = np.asarray(parameters[term.parameter])
            places = term.rows({term.parameter: np.arange(array.size).reshape(array.shape)})
            size = 1 if law.entries == "trace" else len(places)
            nodes = (
                np.repeat(
                    np.arange(len(places)) if size > 1 else 0 * np.arange(len(places)),
                    places.shape[1],
                )
                + start
            )
            rates = np.full(places.size, float(term.coefficient))
            entries.setdefault(term.parameter, []).append(
                np.stack([places.reshape(-1), nodes, rates])
            )
        start += size
    found = {}
    for name, parts in entries.items():
        places, nodes, rates = np.concatenate(parts, axis=1)
        shape = (np.asarray(parameters[name]).size, start)
        found[name] = csr_array((rates, (places.astype(int), nodes.astype(int))), shape=shape)
    return found


def _sides_of_nodes(
    laws: Sequence[GramLaw], parameters: Parameters
) -> tuple[np.ndarray, np.ndarray]:
    """For each node, whether it has weights that grow and weights that shrink."""
    up: Any = 0
    down: Any = 0
    for name, powers in _exponents(laws, parameters).items():
        squares = np.square(np.asarray(parameters[name], dtype=float)).reshape(-1)
        up = up + powers.maximum(0).T @ squares
        down = down + (-powers).maximum(0).T @ squares
    return up > 0, down > 0


def _scaled(
    laws: Sequence[GramLaw], parameters: Arrays, target: Float[np.ndarray, " nodes"]
) -> Arrays:
    """Newton's method on the convex function whose gradient is the value of the laws."""
    powers = _exponents(laws, parameters)
    up, down = _sides_of_nodes(laws, parameters)
    bad = ((target > 0) & ~up) | ((target < 0) & ~down) | ((target == 0) & (up != down))
    if bad.any():
        j = int(np.flatnonzero(bad)[0])
        side = "zero on one side" if up[j] or down[j] else "all zero"
        which = "only positive" if up[j] else "only negative" if down[j] else "no other"
        raise ValueError(
            f"value: {target[j]:g} for node {j + 1} is not on its orbit; its weights are {side}, "
            f"so "
            f"that there are {which} values"
        )
    free = up | down
    squares = {
        name: np.square(np.asarray(parameters[name], dtype=float)).reshape(-1) for name in powers
    }
    x = np.zeros(len(target))

    def at(y: np.ndarray) -> tuple[float, np.ndarray, Any]:
        total, slope, curve = (
            -float(target @ y),
            -target.copy(),
            diags_array(np.where(free, 0.0, 1.0)).tocsr(),
        )
        for name, m in powers.items():
            with np.errstate(over="ignore"):
                size = squares[name] * np.exp(2 * (m @ y))
            total += 0.5 * size.sum()
            slope = slope + m.T @ size
            curve = curve + 2 * (m.T @ diags_array(size) @ m)
        return total, slope, curve

    here, slope, curve = at(x)
    scale = np.abs(target) + sum(abs(m).T @ squares[name] for name, m in powers.items()) + 1e-300
    for _ in range(STEPS):
        if np.all(np.abs(slope) <= 1e-15 * scale):
            break
        step = -np.atleast_1d(
            spsolve((curve + diags_array(1e-14 * (curve.diagonal() + 1e-300))).tocsc(), slope)
        )
        largest = np.abs(step).max()
        length = min(1.0, 2.0 / largest) if largest > 0 else 1.0
        while length > 1e-12:
            there, next_slope, next_curve = at(x + length * step)
            if np.isfinite(there) and there <= here + 1e-4 * length * float(
                slope @ step
            ) + 1e-14 * abs(here):
                break
            length /= 2
        else:
            break
        x, here, slope, curve = x + length * step, there, next_slope, next_curve
    if np.any(np.abs(slope) > CLOSE * scale):
        raise ValueError("value: it is not on the orbit of these weights, or only at infinity")
    found = {name: np.array(array, dtype=float) for name, array in parameters.items()}
    for name, m in powers.items():
        found[name] = found[name] * np.exp(m @ x).reshape(found[name].shape)
    return found


# --- blocks that mix ---------------------------------------------------------------------------


def _two_sides(law: GramLaw, parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """P of the writers and N of the readers."""
    names = [term.parameter for term in law.terms]
    if any(abs(term.coefficient) != 1 for term in law.terms):
        raise ValueError(
            f"law: {law.formula} has other coefficients than 1; its matrix is not moved here"
        )
    for name in names:
        used = [
            term.rows(
                {name: np.arange(np.size(parameters[name])).reshape(np.shape(parameters[name]))}
            )
            for term in law.terms
            if term.parameter == name
        ]
        flat = np.concatenate([rows.reshape(-1) for rows in used])
        if len(np.unique(flat)) < len(flat):
            raise ValueError(f"law: {name} is on both sides of it; its matrix is not moved here")
    sides = []
    for sign in (1, -1):
        parts = [
            rows @ rows.T
            for term in law.terms
            if term.coefficient == sign
            for rows in [np.asarray(term.rows(parameters), dtype=float)]
        ]
        sides.append(
            np.sum(parts, axis=0) if parts else np.zeros_like(law.values(parameters), dtype=float)
        )
    return sides[0], sides[1]


def _mixed(law: GramLaw, parameters: Arrays, target: Float[np.ndarray, "k k"]) -> Arrays:
    """Writers times A, readers times A⁻ᵀ."""
    p, n = _two_sides(law, parameters)
    k = len(p)
    eigenvalues, basis = np.linalg.eigh(target)
    size = np.abs(target).max() + np.trace(p) + np.trace(n)
    ranks = np.linalg.matrix_rank(p), np.linalg.matrix_rank(n)
    plus, minus = int((eigenvalues > 1e-13 * size).sum()), int((eigenvalues < -1e-13 * size).sum())
    if plus > ranks[0] or minus > ranks[1]:
        raise ValueError(
            f"value: it has {plus} positive and {minus} negative eigenvalues; on this orbit there "
            f"are at most {ranks[0]} and {ranks[1]}"
        )
    if min(ranks) < k:
        raise ValueError(
            f"law: what is written has rank {ranks[0]} and what is read rank {ranks[1]} of {k}; a "
            f"matrix is moved where both are full"
        )
    alike = np.ptp(eigenvalues) <= 1e-14 * size
    mean = float(eigenvalues.mean())
    mix = _riccati(p, n, mean) if alike else basis @ _triangular(p, n, eigenvalues, size)
    inverse = np.linalg.inv(mix).T
    found = {name: np.array(array, dtype=float) for name, array in parameters.items()}
    for term in law.terms:
        rows = np.asarray(term.rows(found), dtype=float)
        places = term.rows(
            {
                term.parameter: np.arange(found[term.parameter].size).reshape(
                    found[term.parameter].shape
                )
            }
        )
        moved = (mix if term.coefficient > 0 else inverse) @ rows
        flat = found[term.parameter].reshape(-1).copy()
        flat[places.reshape(-1)] = moved.reshape(-1)
        found[term.parameter] = flat.reshape(found[term.parameter].shape)
    left = np.abs(law.values(found) - target).max()
    if left > CLOSE * size:
        raise ValueError(
            f"value: reached up to {left:.2g} only; the weights are too badly scaled for it"
        )
    return found


def _root(matrix: Float[np.ndarray, "k k"], power: float) -> Float[np.ndarray, "k k"]:
    values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
    found: Float[np.ndarray, "k k"] = (vectors * np.maximum(values, 0) ** power) @ vectors.T
    return found


def _riccati(
    p: Float[np.ndarray, "k k"], n: Float[np.ndarray, "k k"], value: float
) -> Float[np.ndarray, "k k"]:
    """A = H^{-1/2} with H N H + λ H = P."""
    half, back = _root(n, 0.5), _root(n, -0.5)
    inner = _root(half @ p @ half + 0.25 * value**2 * np.eye(len(p)), 0.5) - 0.5 * value * np.eye(
        len(p)
    )
    return _root(back @ inner @ back, -0.5)


def _triangular(
    p: Float[np.ndarray, "k k"],
    n: Float[np.ndarray, "k k"],
    target: Float[np.ndarray, " k"],
    size: float,
) -> Float[np.ndarray, "k k"]:
    """The lower triangular A with A P Aᵀ - A⁻ᵀ N A⁻¹ = diag(q), from q that are all the same
    onwards.
    """
    mean = np.full(len(p), target.mean())
    # Q L: the orthogonal factor leaves a multiple of the identity as it is.
    mix = np.linalg.qr(_riccati(p, n, float(mean[0]))[:, ::-1])[1][::-1, ::-1]
    done, step = 0.0, 1.0
    while done < 1:
        reached = _newton(p, n, mean + min(done + step, 1.0) * (target - mean), mix, size)
        if reached is None:
            step /= 2
            if step < 1e-6:
                break
            continue
        mix, done, step = reached, min(done + step, 1.0), 2 * step
    return mix


def _newton(
    p: Float[np.ndarray, "k k"],
    n: Float[np.ndarray, "k k"],
    target: Float[np.ndarray, " k"],
    start: Float[np.ndarray, "k k"],
    size: float,
) -> Float[np.ndarray, "k k"] | None:
    """Newton's method along A → exp(L) A, L triangular; None where it does not converge at once."""
    k = len(p)
    rows, columns = np.tril_indices(k)
    mix, before = start, np.inf
    for _ in range(STEPS):
        back = np.linalg.inv(mix)
        x, y = mix @ p @ mix.T, back.T @ n @ back
        left = np.diag(target) - (x - y)
        now = np.abs(left).max()
        if now <= 1e-15 * size:
            return mix
        if not np.isfinite(now) or now > 0.9 * before:
            return mix if before <= 1e-12 * size else None
        # (L X + X Lᵀ + Lᵀ Y + Y L)_ij for each unit L, at the places of the lower triangle.
        change = np.zeros((len(rows), len(rows)))
        for c, (i, j) in enumerate(zip(rows, columns, strict=True)):
            effect = np.zeros((k, k))
            effect[i] += x[j]
            effect[:, i] += x[:, j]
            effect[j] += y[i]
            effect[:, j] += y[:, i]
            change[:, c] = effect[rows, columns]
        step = np.zeros((k, k))
        step[rows, columns] = np.linalg.lstsq(change, left[rows, columns], rcond=None)[0]
        if np.abs(step).max() > 1:
            return None
        mix, before = np.linalg.solve(np.eye(k) - 0.5 * step, (np.eye(k) + 0.5 * step) @ mix), now
    return None


# --- proofs ------------------------------------------------------------------------------------


def _by_name(
    network: Any,
    function: Callable[[Mapping[str, np.ndarray]], Any] | None,
    laws: Sequence[GramLaw],
) -> tuple[Arrays, Callable[[Arrays, Arrays], tuple[str, float | None, Any]]]:
    if not isinstance(network, Mapping):
        raise ValueError(
            f"network: got {type(network).__name__}; it should be a PyTorch module or arrays by "
            f"the names of the law"
        )
    parameters = {}
    for name, array in network.items():
        if np.iscomplexobj(array):
            raise ValueError(f"network: {name} is complex; it should be real")
        parameters[name] = np.asarray(array, dtype=float)

    def check(before: Arrays, after: Arrays) -> tuple[str, float | None, Any]:
        if function is not None:
            a, b = (np.asarray(function(weights), dtype=float) for weights in (before, after))
            return *_compared(a, b), None
        depth = len([name for name in before if name.startswith("W")])
        matrices = [f"W{i}" for i in range(1, depth + 1)]
        if set(before) <= {*matrices, *(f"b{i}" for i in range(1, depth + 1))} and all(
            law.entries != "symmetric" for law in laws
        ):
            return (
                _equivalent(*(_layers(weights, matrices) for weights in (before, after))),
                None,
                None,
            )
        if set(before) == set(matrices):
            # A linear chain: its product.
            a, b = (
                np.linalg.multi_dot([weights[m] for m in reversed(matrices)])
                for weights in (before, after)
            )
            text, difference = _compared(a, b)
            return f"the product of the matrices; {text}", difference, None
        return "by the algebra of the law alone: no function was given to compare", None, None

    return parameters, check


def _layers(weights: Arrays, matrices: Sequence[str]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return [weights[m] for m in matrices], [
        weights.get(f"b{m[1:]}", np.zeros(len(weights[m]))) for m in matrices
    ]


def _equivalent(
    before: tuple[list[np.ndarray], list[np.ndarray]],
    after: tuple[list[np.ndarray], list[np.ndarray]],
) -> str:
    from singlearn.symmetry import DeepReLU, equivalent

    answer = equivalent(DeepReLU(*before), DeepReLU(*after))
    if not bool(answer):
        return f"symmetry.equivalent does not show it ({answer}); by the algebra of the law alone"
    return (
        "symmetry.equivalent: the same function as a ReLU network, up to the rounding of the "
        "weights"
    )


def _compared(before: np.ndarray, after: np.ndarray) -> tuple[str, float]:
    difference = float(np.abs(before - after).max(initial=0.0))
    allowed = STAYS * (float(np.abs(before).max(initial=0.0)) + 1e-300)
    if difference > allowed:
        raise ValueError(
            f"law: moving along it changes outputs by {difference:.2g}, rounding allows "
            f"{allowed:.1g}; the network does not have this symmetry"
        )
    text = (
        f"{before.size} outputs on probes differ by {difference:.1g}, "
        f"where rounding may leave {allowed:.1g}"
    )
    return text, difference


def _of_module(
    module: Any, inputs: Any
) -> tuple[Arrays, Callable[[Arrays, Arrays], tuple[str, float | None, Any]]]:
    import torch

    from singlearn.flow.torch_module import _arguments, _refuse, _seen
    from singlearn.flow.torch_module_inputs import quietly

    _refuse(module)
    given = _arguments(module, inputs)
    parameters = {
        name: p.detach().double().cpu().numpy().copy() for name, p in module.named_parameters()
    }

    def run(weights: Arrays) -> tuple[np.ndarray, Any, Any]:
        other = copy.deepcopy(module)
        with torch.no_grad():
            for name, p in other.named_parameters():
                p.copy_(torch.from_numpy(weights[name]))
        wide = copy.deepcopy(other).double()
        with torch.no_grad():
            for name, p in wide.named_parameters():
                p.copy_(torch.from_numpy(weights[name]))
        points = tuple(
            x.double() if isinstance(x, torch.Tensor) and x.is_floating_point() else x
            for x in given
        )
        with torch.no_grad(), quietly(wide):
            torch.manual_seed(0)
            seen = _seen(wide(*points), None)
        return torch.cat([t.reshape(-1) for t in seen]).numpy(), other, wide

    def check(before: Arrays, after: Arrays) -> tuple[str, float | None, Any]:
        (a, _, first), (b, other, second) = run(before), run(after)
        text, difference = _compared(a, b)
        try:
            from singlearn.symmetry import equivalent, from_torch

            if bool(equivalent(from_torch(first), from_torch(second))):
                text = (
                    f"symmetry.equivalent: the same ReLU network, up to the rounding of the "
                    f"weights; {text}"
                )
        except ValueError:
            pass
        return text, difference, other

    return parameters, check
