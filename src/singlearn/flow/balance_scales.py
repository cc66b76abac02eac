"""The convex program of node scales: which point of an orbit of scalings has the least norm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

SWEEPS, EACH, STEPS, INNER = 20, 3, 100, 400
"""Rounds of sweeps at the start and sweeps in each, Newton steps at most, and steps of conjugate
gradients within one.
"""
NARROW = 256
"""Nodes in a group up to which a chain is solved by elimination, whose work grows with their cube.
"""
TINY = 1e-300
MOVE, LARGEST, ROUNDING = 60.0, 300.0, 1e-11
"""How far a log scale moves in one step, exponents whose factors stay within floats, and a residual
below which nothing better is expected of one more step that does not halve it.
"""
Each = Float[np.ndarray, "*batch"] | float
Groups = list[Float[np.ndarray, "*batch _"]]
Values = list[Float[np.ndarray, "*batch _ _"]]


@dataclass(frozen=True)
class Edges:
    """All edges from the nodes of one group to those of another.

    Attributes:
        tail: number of the group that the weights read, None for inputs and biases.
        head: number of the group that they feed, None for outputs.
        costs: c ≥ 0 of each edge, from a column's node to a row's.
    """

    tail: int | None
    head: int | None
    costs: Float[np.ndarray, "*batch heads tails"]


@dataclass(frozen=True)
class ScaleProgram:
    r"""Minimise :math:`Φ(x) = \frac12 \sum_e c_e \exp(2σ(k_{t} x_{t} - x_{h})) - \sum_j q_j x_j`
    over log scales x.

    An edge e goes from node t to node h. σ = 1 with squared gradients for c is half the squared
    norm of all gradients after node j was scaled by :math:`e^{x_j}`: weights into it times
    :math:`e^{x_j}`, weights out of it times :math:`e^{-k_j x_j}`, k the degree of its activation. σ
    = -1 with squared weights is half the squared norm of the weights, and then q is the value of in
    - k out that is reached.

    Attributes:
        sizes: nodes in each group, in the order in which the network computes them.
        degrees: k of each group.
        edges: between groups; the order is that of a forward pass.
        sign: σ.
        target: q for each group; zero if None.
    """

    sizes: tuple[int, ...]
    degrees: tuple[float, ...]
    edges: tuple[Edges, ...]
    sign: int = 1
    target: Groups | None = None

    @cached_property
    def batch(self) -> tuple[int, ...]:
        """Axes before those of an edge: as many programs of one shape."""
        return np.broadcast_shapes(*(e.costs.shape[:-2] for e in self.edges))


@dataclass(frozen=True)
class Solution:
    """Where a program is least.

    Attributes:
        log_scales: x by group.
        value: F = Σ c exp(…) there, without q.
        gap: F minus a lower bound of every F(x), from a circulation; None with a target.
        residual: largest |in - k out - q| of a node as a share of in + k out.
        moving: nodes that take part in no directed path of positive edges from inputs to outputs,
            though they have one: their scale runs to infinity, and they were left as they are.
        infimum: F without the edges that vanish on that way.
        steps: Newton steps.
    """

    log_scales: Groups
    value: Each
    gap: Each | None
    residual: Each
    moving: list[Bool[np.ndarray, "*batch _"]]
    infimum: Each
    steps: int

    @property
    def attained(self) -> bool:
        """Whether there is a minimum, in every program of the batch."""
        return not any(m.any() for m in self.moving)


def minimise(program: ScaleProgram, tolerance: float = 1e-13) -> Solution:
    r"""Solve a program by sweeps of exact minimisation over single groups and Newton steps.

    Args:
        program: of one or a batch of networks.
        tolerance: of the residual.

    Returns:
        The log scales with a certificate. For zero target any p ≥ 0 with in = k out at every node
        bounds :math:`F(x) \ge \sum_e p_e - p_e \log(p_e / c_e)` for all x; p is F's own summands,
        rescaled node by node in the order of a forward pass.

    >>> both = [Edges(None, 0, np.array([[4.0]])), Edges(0, None, np.array([[1.0]]))]
    >>> found = minimise(ScaleProgram((1,), (1.0,), tuple(both)))
    >>> float(found.value), np.exp(4 * found.log_scales[0]).round(12)   # 2·√(4·1), and s⁴ = 4
    (4.0, array([4.]))
    """
    kept, moving = _circulating(program)
    x, values, best = _swept(kept, tolerance)
    kept_x, steps = x, 0
    while steps < STEPS and not np.all(best <= tolerance):
        x = _added(x, _newton_step(kept, values, best))
        x = _added(x, _sweep(kept, flows(kept, x)))
        values, steps = flows(kept, x), steps + 1
        residual = _residual(kept, values)
        better = np.asarray(residual < best)
        kept_x = [np.where(better[..., None], new, old) for new, old in zip(x, kept_x, strict=True)]
        stalled = np.all((best <= ROUNDING) & (residual >= best / 2))
        best = np.minimum(best, residual)
        if stalled:
            break
    values = flows(kept, kept_x)
    gap = _gap(kept, values) if program.target is None else None
    return Solution(
        kept_x,
        _total(program, flows(program, kept_x)),
        gap,
        best,
        moving,
        _total(program, values),
        steps,
    )


def _swept(program: ScaleProgram, tolerance: float) -> tuple[Groups, Values, Each]:
    """Sweeps for as long as they halve the residual each time, which they mostly do; with their
    flows and residual.
    """
    x = _zeros(program)
    values = flows(program, x)
    best: Each = np.full(program.batch, np.inf)
    for _ in range(SWEEPS):
        for _again in range(EACH):
            x = _added(x, _sweep(program, values))
            values = flows(program, x)
        residual = _residual(program, values)
        slow = np.all((residual > best / 2**EACH) | (residual <= tolerance))
        best = residual
        if slow:
            break
    return x, values, best


def _zeros(program: ScaleProgram) -> Groups:
    return [np.zeros((*program.batch, n)) for n in program.sizes]


def _added(x: Groups, moved: Groups) -> Groups:
    return [a + b for a, b in zip(x, moved, strict=True)]


def flows(program: ScaleProgram, x: Groups) -> Values:
    """The summands of F at x, edge by edge."""
    return [_flow(program, edge, x) for edge in program.edges]


def _flow(program: ScaleProgram, edge: Edges, x: Groups) -> Float[np.ndarray, "*batch heads tails"]:
    tail = head = np.zeros(1)
    if edge.tail is not None:
        tail = 2 * program.sign * program.degrees[edge.tail] * x[edge.tail]
    if edge.head is not None:
        head = -2 * program.sign * x[edge.head]
    if max(np.abs(tail).max(initial=0), np.abs(head).max(initial=0)) < LARGEST:
        return edge.costs * np.exp(tail)[..., None, :] * np.exp(head)[..., None]
    # Both factors may leave the floats where their product does not; and exp overflows where a cost
    # of 0 makes it not matter.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(
            edge.costs > 0, edge.costs * np.exp(tail[..., None, :] + head[..., None]), 0.0
        )


def _total(program: ScaleProgram, values: Values) -> Each:
    found: Each = np.sum([np.broadcast_to(v.sum((-1, -2)), program.batch) for v in values], axis=0)
    return found


def _in_and_out(program: ScaleProgram, values: Values) -> tuple[Groups, Groups]:
    """Sums of the summands over edges into every node, and out of it times its degree."""
    into = [np.zeros((*program.batch, n)) for n in program.sizes]
    out = [np.zeros((*program.batch, n)) for n in program.sizes]
    for edge, v in zip(program.edges, values, strict=True):
        if edge.head is not None:
            into[edge.head] += v.sum(-1)
        if edge.tail is not None:
            out[edge.tail] += program.degrees[edge.tail] * v.sum(-2)
    return into, out


def _targets(program: ScaleProgram) -> Groups:
    if program.target is not None:
        return program.target
    return [np.zeros((*program.batch, n)) for n in program.sizes]


def _residual(program: ScaleProgram, values: Values) -> Each:
    into, out = _in_and_out(program, values)
    worst = np.zeros(program.batch)
    for a, b, q in zip(into, out, _targets(program), strict=True):
        # With a target the slope is in - k out - q (σ = -1); without one the sign does not matter.
        scale = a + b + np.abs(q)
        share = np.where(scale > 0, np.abs(a - b - q) / np.where(scale > 0, scale, 1.0), 0.0)
        worst = np.maximum(worst, share.max(-1, initial=0.0))
    return worst


def _circulating(program: ScaleProgram) -> tuple[ScaleProgram, list[Bool[np.ndarray, "*batch _"]]]:
    """The program without edges that lie on no directed path of positive edges from input to
    output, and the nodes at which such an edge ends.
    """
    forward = [np.zeros((*program.batch, n), dtype=bool) for n in program.sizes]
    backward = [np.zeros((*program.batch, n), dtype=bool) for n in program.sizes]
    for edge in program.edges:
        if edge.head is not None:
            reached = (
                edge.costs > 0
                if edge.tail is None
                else (edge.costs > 0) & forward[edge.tail][..., None, :]
            )
            forward[edge.head] |= reached.any(-1)
    for edge in reversed(program.edges):
        if edge.tail is not None:
            reaches = (
                edge.costs > 0
                if edge.head is None
                else (edge.costs > 0) & backward[edge.head][..., None]
            )
            backward[edge.tail] |= reaches.any(-2)
    moving = [np.zeros((*program.batch, n), dtype=bool) for n in program.sizes]
    kept = []
    for edge in program.edges:
        on_path = edge.costs > 0
        if edge.tail is not None:
            on_path = on_path & forward[edge.tail][..., None, :]
        if edge.head is not None:
            on_path = on_path & backward[edge.head][..., None]
        lost = (edge.costs > 0) & ~on_path
        # Of the two ends of a lost edge the one that is not on a path is free to move.
        if edge.tail is not None:
            moving[edge.tail] |= (lost & ~forward[edge.tail][..., None, :]).any(-2)
        if edge.head is not None:
            moving[edge.head] |= (lost & ~backward[edge.head][..., None]).any(-1)
        kept.append(Edges(edge.tail, edge.head, np.where(on_path, edge.costs, 0.0)))
    return ScaleProgram(
        program.sizes, program.degrees, tuple(kept), program.sign, program.target
    ), moving


def _sweep(program: ScaleProgram, values: Values) -> Groups:
    """How far one group after the other moves, forwards and then backwards, each to where it is
    least given the others.
    """
    count, moved = len(program.sizes), _zeros(program)
    tails: list[list[int]] = [
        [e for e, edge in enumerate(program.edges) if edge.tail == g] for g in range(count)
    ]
    heads: list[list[int]] = [
        [e for e, edge in enumerate(program.edges) if edge.head == g] for g in range(count)
    ]
    targets = _targets(program)
    # Factors by which the summands of a node's edges have changed, in and out.
    entering = [np.ones_like(part) for part in moved]
    leaving = [np.ones_like(part) for part in moved]
    for group in [*range(count), *reversed(range(count - 1))]:
        into, out = np.zeros_like(moved[group]), np.zeros_like(moved[group])
        for e in heads[group]:
            tail = program.edges[e].tail
            into += (
                values[e].sum(-1)
                if tail is None
                else (values[e] @ leaving[tail][..., None])[..., 0]
            )
        for e in tails[group]:
            head = program.edges[e].head
            out += (
                values[e].sum(-2)
                if head is None
                else (entering[head][..., None, :] @ values[e])[..., 0, :]
            )
        # One move stays within the floats; the next sweep goes on from there.
        degree = program.degrees[group]
        shift = np.clip(
            _shift(into, degree * out, targets[group], degree, program.sign), -MOVE, MOVE
        )
        moved[group] = shift
        entering[group] = np.exp(-2 * program.sign * shift)
        leaving[group] = np.exp(2 * program.sign * degree * shift)
    return moved


def _shift(
    into: Float[np.ndarray, "*batch n"],
    out: Float[np.ndarray, "*batch n"],
    target: Float[np.ndarray, "*batch n"],
    degree: float,
    sign: int,
) -> Float[np.ndarray, "*batch n"]:
    """y with into e^{-2σy} - out e^{2σky} = q; 0 where a node has no edge, or no such y."""
    both = (into > 0) & (out > 0)
    a, b = np.where(both, into, 1.0), np.where(both, out, 1.0)
    if not np.any(target):
        return np.where(both, sign * (np.log(a) - np.log(b)) / (2 * (1 + degree)), 0.0)
    # For σ = -1, z = e^{2y} > 0: a z - b z^{-k} = q. Newton on log z from the larger side converges
    # monotonically.
    balanced, up, down = (
        (np.log(b) - np.log(a)) / (1 + degree),
        np.maximum(target, TINY),
        np.maximum(-target, TINY),
    )
    z = np.maximum(balanced, np.log(up) - np.log(a))
    z = np.where(target < 0, np.minimum(balanced, (np.log(b) - np.log(down)) / degree), z)
    for _ in range(60):
        up, down = a * np.exp(z), b * np.exp(-degree * z)
        z = z - (up - down - target) / (up + degree * down)
    return np.where(both, z / 2, 0.0)


def _newton_step(program: ScaleProgram, values: Values, residual: Each) -> Groups:
    """A Newton step; each program of the batch is damped for itself."""
    into, out = _in_and_out(program, values)
    targets = _targets(program)
    slope = [program.sign * (b - a) - q for a, b, q in zip(into, out, targets, strict=True)]
    direction = _solve(program, values, [-g for g in slope], residual)
    decrease, start = _dot(slope, direction), _total(program, values) / 2
    size = np.ones(program.batch)
    for _ in range(40):
        moved = [np.clip(size[..., None] * d, -MOVE, MOVE) for d in direction]
        value = _moved_total(program, values, moved) / 2 - _dot(targets, moved)
        fine = value <= start + 1e-4 * size * decrease + 1e-15 * start
        if np.all(fine):
            return moved
        size = np.where(fine, size, size / 2)
    return [np.where(fine[..., None], part, 0.0) for part in moved]


def _moved_total(program: ScaleProgram, values: Values, moved: Groups) -> Each:
    """The sum of all summands after the log scales have moved."""
    total = np.zeros(program.batch)
    for edge, v in zip(program.edges, values, strict=True):
        tail = (
            np.ones(1)
            if edge.tail is None
            else np.exp(2 * program.sign * program.degrees[edge.tail] * moved[edge.tail])
        )
        head = np.ones(1) if edge.head is None else np.exp(-2 * program.sign * moved[edge.head])
        per_head = v.sum(-1) if edge.tail is None else (v @ tail[..., None])[..., 0]
        with np.errstate(over="ignore"):
            total = total + (per_head * head).sum(-1)
    return total


def _dot(left: Groups, right: Groups) -> Each:
    found: Each = np.sum([(a * b).sum(-1) for a, b in zip(left, right, strict=True)], axis=0)
    return found


def _solve(program: ScaleProgram, values: Values, wanted: Groups, residual: Each) -> Groups:
    """The direction d of a Newton step, H d = wanted."""
    diagonal = _zeros(program)
    for edge, v in zip(program.edges, values, strict=True):
        if edge.head is not None:
            diagonal[edge.head] += 2 * v.sum(-1)
        if edge.tail is not None:
            diagonal[edge.tail] += 2 * program.degrees[edge.tail] ** 2 * v.sum(-2)
    diagonal = [np.where(d > 0, d, 1.0) for d in diagonal]
    chain = all(e.tail is None or e.head is None or e.head == e.tail + 1 for e in program.edges)
    if chain and max(program.sizes) <= NARROW:
        return _eliminate(program, values, diagonal, wanted)
    return _conjugate_gradients(program, values, diagonal, wanted, residual)


def _eliminate(program: ScaleProgram, values: Values, diagonal: Groups, wanted: Groups) -> Groups:
    """H d = wanted for a chain of groups, whose H has blocks beside the diagonal only, group by
    group.
    """
    below: list[Float[np.ndarray, "*batch h t"]] = [np.zeros(())] * len(diagonal)
    for edge, v in zip(program.edges, values, strict=True):
        if edge.tail is not None and edge.head is not None:
            below[edge.head] = below[edge.head] - 2 * program.degrees[edge.tail] * v
    solved: list[Float[np.ndarray, "*batch n columns"]] = []
    count = len(diagonal)
    for g in range(count):
        whole = diagonal[g][..., None] * np.eye(diagonal[g].shape[-1])
        right = wanted[g][..., None]
        if g > 0:
            whole = whole - below[g] @ solved[g - 1][..., :-1]
            right = right - below[g] @ solved[g - 1][..., -1:]
        above = (
            np.swapaxes(below[g + 1], -1, -2) if g + 1 < count else np.zeros((*right.shape[:-1], 0))
        )
        above = np.broadcast_to(above, (*right.shape[:-1], above.shape[-1]))
        solved.append(np.linalg.solve(whole, np.concatenate([above, right], axis=-1)))
    found: Groups = [np.zeros(())] * count
    for g in reversed(range(count)):
        found[g] = solved[g][..., -1]
        if g + 1 < count:
            found[g] = found[g] - (solved[g][..., :-1] @ found[g + 1][..., None])[..., 0]
    return found


def _conjugate_gradients(
    program: ScaleProgram, values: Values, diagonal: Groups, wanted: Groups, residual: Each
) -> Groups:
    """H d = wanted; the preconditioner is the diagonal plus what H is on vectors that are constant
    on groups, which carries the slow modes along the depth.
    """
    count = len(program.sizes)
    coarse = np.zeros((*program.batch, count, count))
    for edge, v in zip(program.edges, values, strict=True):
        whole = 2 * v.sum((-1, -2))
        if edge.head is not None:
            coarse[..., edge.head, edge.head] += whole
        if edge.tail is not None:
            k = program.degrees[edge.tail]
            coarse[..., edge.tail, edge.tail] += k * k * whole
            if edge.head is not None:
                coarse[..., edge.head, edge.tail] -= k * whole
                coarse[..., edge.tail, edge.head] -= k * whole
    # A group without edges leaves a zero row.
    coarse[..., np.arange(count), np.arange(count)] += np.where(
        np.einsum("...ii->...i", coarse) > 0, 0.0, 1.0
    )
    coarse_inverse = np.linalg.pinv(coarse, hermitian=True)

    def times(d: Groups) -> Groups:
        found = [a * b for a, b in zip(diagonal, d, strict=True)]
        for edge, v in zip(program.edges, values, strict=True):
            if edge.head is not None and edge.tail is not None:
                k = 2 * program.degrees[edge.tail]
                found[edge.head] -= k * (v @ d[edge.tail][..., None])[..., 0]
                found[edge.tail] -= k * (d[edge.head][..., None, :] @ v)[..., 0, :]
        return found

    def preconditioned(r: Groups) -> Groups:
        sums = np.stack([part.sum(-1) for part in r], axis=-1)
        along = (coarse_inverse @ sums[..., None])[..., 0]
        return [
            part / d + along[..., g, None]
            for g, (part, d) in enumerate(zip(r, diagonal, strict=True))
        ]

    d = _zeros(program)
    r = [np.copy(part) for part in wanted]
    z = preconditioned(r)
    p = [np.copy(part) for part in z]
    size = _dot(r, z)
    # As exact as makes Newton's steps converge quadratically, not more.
    enough = size * np.clip(residual, 1e-7, 1e-2) ** 2
    for _ in range(INNER):
        if np.all(size <= enough):
            break
        image = times(p)
        curvature = _dot(p, image)
        step = np.where(curvature > 0, size / np.where(curvature > 0, curvature, 1.0), 0.0)[
            ..., None
        ]
        for a, b in zip(d, p, strict=True):
            a += step * b
        for a, b in zip(r, image, strict=True):
            a -= step * b
        z = preconditioned(r)
        new = _dot(r, z)
        ratio = np.where(size > 0, new / np.where(size > 0, size, 1.0), 0.0)[..., None]
        p = [a + ratio * b for a, b in zip(z, p, strict=True)]
        size = new
    return d


def _gap(program: ScaleProgram, values: Values) -> Each:
    """F minus the value of the dual at the circulation that a forward sweep makes of F's summands.

    Term by term v (1 - φ + φ log φ) with φ the factor of the edge's tail, so that nothing cancels.
    """
    factors: list[Float[np.ndarray, "*batch n"] | None] = [None] * len(program.sizes)
    into = [np.zeros((*program.batch, n)) for n in program.sizes]
    _, out = _in_and_out(program, values)
    gap = np.zeros(program.batch)
    tails = [-1 if edge.tail is None else edge.tail for edge in program.edges]
    order = sorted(range(len(values)), key=lambda e: tails[e])
    for e in order:
        edge, v = program.edges[e], values[e]
        if edge.tail is None:
            into_head = v
        else:
            phi = factors[edge.tail]
            if phi is None:
                a, b = into[edge.tail], out[edge.tail]
                phi = np.where(b > 0, a / np.where(b > 0, b, 1.0), 1.0)
                factors[edge.tail] = phi
            off = phi - 1
            lost = np.where(phi > 0, phi * np.log1p(np.where(phi > 0, off, 0.0)), 0.0) - off
            # Near 1 the difference cancels: off²/2 - off³/6 is exact to rounding.
            lost = np.where(np.abs(off) < 1e-4, off**2 / 2 - off**3 / 6, lost)
            gap = gap + (v.sum(-2) * lost).sum(-1)
            into_head = v * phi[..., None, :]
        if edge.head is not None:
            into[edge.head] = into[edge.head] + into_head.sum(-1)
    return gap
