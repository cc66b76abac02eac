"""Smaller networks that compute the same function on a box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from singlearn.results.caution import Caution, Reason
from singlearn.results.prompt import LONG_LIST, shortened
from singlearn.results.result import Answer
from singlearn.symmetry.deep.drop_nodes import collapse_empty, drop_nodes
from singlearn.symmetry.deep.fold_bypassed import fold_bypassed
from singlearn.symmetry.deep.linear_relaxation import preactivation_bounds
from singlearn.symmetry.deep.merge_duplicates import merge_duplicates
from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.deep.reduction import Reduction
from singlearn.symmetry.deep.rounding import evaluation_error, require_range
from singlearn.symmetry.deep.states import NodeState, Proof, node_states
from singlearn.symmetry.domain import Box, DomainLike, as_box

LARGEST_CHANGE = 1e-6
"""Relative to the largest output; a step after which an output is not proved to stay within this is
not taken.
"""

DOUBLE, SINGLE = 1e-12, 1e-6
"""When incoming weights count as proportional: some thousand, some ten roundings."""


@dataclass(frozen=True, eq=False)
class Compression(Answer):
    """A smaller network and what was done.

    Attributes:
        network: the smaller network.
        before, after: widths, inputs and outputs included.
        steps: what was done, in order.
        refused: steps that might have changed the outputs by more than 1e-6 of their size, in
            words.
        measured_change: largest change of an output over 1,000 points of the box, relative to the
            largest output there.
        proved_change: bound on the change of each output anywhere on the box, absolute; steps that
            rest on a mixed-integer program are taken to be right in it.
        by_program: how many dead or bypassed nodes are known by mixed-integer programming only, up
            to the solver's tolerances.
        original: the network that was given.
        domain: on which the outputs stay.
    """

    network: DeepReLU
    before: tuple[int, ...]
    after: tuple[int, ...]
    steps: tuple[Reduction, ...]
    refused: tuple[str, ...]
    measured_change: float
    proved_change: Float[np.ndarray, " outputs"]
    by_program: int
    original: DeepReLU
    domain: Box

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """That some nodes are known by mixed-integer programming only, where they are."""
        if not self.by_program:
            return ()
        message = f"{self.by_program} nodes are dead or always active by HiGHS only, up to its "
        return (Caution(Reason.NOT_PROVED, f"{message}tolerances"),)

    def verify(self, seed: int = 1) -> bool:
        """Whether the outputs at fresh random points of the box stay within ``proved_change``, and
        rounding of the evaluation.

        Returns:
            Whether they do at all those points.
        """
        lower, upper = self.domain.corners
        points = lower + (upper - lower) * np.random.default_rng(seed).random((1000, len(lower)))
        rounding = (
            evaluation_error(self.original, points)[-1] + evaluation_error(self.network, points)[-1]
        )
        return bool(
            np.all(
                np.abs(self.original(points) - self.network(points))
                <= self.proved_change + rounding
            )
        )

    def __str__(self) -> str:
        lines = ["-".join(map(str, self.before)) + " → " + "-".join(map(str, self.after))]
        done = [f"  layer {step.layer}: {step.what}" for step in self.steps]
        done += [f"  not done: {reason}" for reason in self.refused]
        lines += (
            [shortened("\n".join(done), LONG_LIST, "steps and refused have all")] if done else []
        )
        lines.append(
            f"  outputs change by at most {np.max(self.proved_change):.1e} on the box (proved); "
            f"{self.measured_change:.1e} of their size at 1,000 points (measured)"
        )
        if self.by_program:
            lines.append(
                f"  {self.by_program} nodes are known to be dead or always active by HiGHS only, "
                f"up to its tolerances"
            )
        return "\n".join(lines)


def compress_deep(
    net: DeepReLU,
    domain: DomainLike,
    *,
    relative_tolerance: float | None = None,
    milp_seconds: float = 10.0,
    seed: int = 0,
) -> Compression:
    r"""Remove what a network does not need on a box, without changing its outputs there.

    Dead, constant and unread nodes are dropped, nodes with proportional incoming weights merged,
    always-active nodes and opposite pairs folded to the rank of their linear part, layers that are
    all always-active multiplied into the next; again, until nothing more is found. The result is
    not always the smallest network: deciding that is hard already with one hidden layer
    [farrugiaroberts2023computational]_.

    Args:
        domain: a ``Box``, or (lower, upper), numbers or one number per input.
        relative_tolerance: difference, per size, up to which incoming weights count as
            proportional and singular values as zero; by default 1e-12, or 1e-6 if every parameter
            is a single-precision number.
        milp_seconds: for proving further nodes dead or bypassed by mixed-integer programming.

    Returns:
        The smaller network, what was removed and how it was proved, and a bound on the change of
        the outputs.

    Raises:
        ValueError: a box that is not bounded or has no interior, or weights so large that float64
            may overflow on it.

    >>> net = DeepReLU([[[1.0], [2.0], [-1.0]], [[1.0, 1.0, 1.0]]], [[-0.5, -1.0, 0.0], [0.0]])
    >>> print(compress_deep(net, (0, 1)))
    1-3-1 → 1-1-1
      layer 0: 1 dead removed
      layer 0: 1 merged with a duplicate
      outputs change by at most ...e-15 on the box (proved); 0.0e+00 of their size at 1,000
      points (measured)
    """
    box = as_box(domain, net.widths[0])
    corners = box.corners
    require_range(net, np.maximum(np.abs(corners[0]), np.abs(corners[1])), "net")
    if relative_tolerance is None:
        relative_tolerance = SINGLE if _is_single(net) else DOUBLE
    search = _Search(net, corners, relative_tolerance, seed)
    states = node_states(net, box, milp_seconds=milp_seconds, seed=seed)
    dead = [
        np.array([state is NodeState.DEAD for state in layer], dtype=bool)
        for layer in states.states
    ]
    always = [
        np.array([state is NodeState.BYPASSED for state in layer], dtype=bool)
        for layer in states.states
    ]
    while search.round(dead, always):
        bounds = preactivation_bounds(search.net, corners)
        dead = [upper <= 0 for upper in bounds.upper[:-1]]
        always = [
            (lower >= 0) & (upper > 0)
            for lower, upper in zip(bounds.lower[:-1], bounds.upper[:-1], strict=True)
        ]
    proved = sum((step.output_change() for step in search.steps), np.zeros(net.widths[-1]))
    by_program = sum(layer.count(Proof.MILP) for layer in states.proofs)
    return Compression(
        search.net,
        net.widths,
        search.net.widths,
        tuple(search.steps),
        tuple(search.refused),
        search.change(search.net),
        proved,
        by_program,
        net,
        box,
    )


class _Search:
    """The network as it gets smaller, compared with the first one after every step."""

    def __init__(
        self,
        net: DeepReLU,
        box: tuple[np.ndarray, np.ndarray],
        relative_tolerance: float,
        seed: int,
    ) -> None:
        random = np.random.default_rng(seed)
        lower, upper = box
        inner = lower + (upper - lower) * random.random((800, len(lower)))
        corners = np.where(random.random((200, len(lower))) < 0.5, lower, upper)
        self.net, self.box, self.relative_tolerance = net, box, relative_tolerance
        self.points = np.concatenate([inner, corners])
        self.target = net(self.points)
        largest = float(np.max(np.abs(self.target)))
        self.size = largest if largest > 0 else 1.0
        self.steps: list[Reduction] = []
        self.refused: list[str] = []

    def change(self, net: DeepReLU) -> float:
        difference = np.max(np.abs(net(self.points) - self.target))
        return float(difference / self.size)

    def round(self, dead: list[np.ndarray], always: list[np.ndarray]) -> bool:
        """One pass over the layers; whether anything was done."""
        before = len(self.steps)
        for layer in range(self.net.hidden_layers - 1, -1, -1):
            self._drop(layer, dead, always)
        for layer in range(self.net.hidden_layers):
            self._drop(layer, dead, always)
        if self._take(collapse_empty(self.net)):
            return True
        layer = 0
        while layer < self.net.hidden_layers:
            bounds = preactivation_bounds(self.net, self.box)
            folded = fold_bypassed(self.net, bounds, layer, always[layer], self.relative_tolerance)
            if folded and self._take(folded[0]):
                if len(folded[1]) == 0:
                    always.pop(layer)
                    continue
                always[layer] = folded[1]
            layer += 1
        for layer in range(self.net.hidden_layers):
            merged = merge_duplicates(
                self.net, preactivation_bounds(self.net, self.box), layer, self.relative_tolerance
            )
            if merged:
                self._take(merged[0])
        return len(self.steps) > before

    def _drop(self, layer: int, dead: list[np.ndarray], always: list[np.ndarray]) -> None:
        dropped = drop_nodes(self.net, layer, dead[layer])
        if dropped and self._take(dropped[0]):
            dead[layer], always[layer] = dead[layer][dropped[1]], always[layer][dropped[1]]

    def _take(self, step: Reduction | None) -> bool:
        if step is None:
            return False
        proved = sum(
            (taken.output_change() for taken in (*self.steps, step)),
            np.zeros(step.network.widths[-1]),
        )
        # The measured points see only what happens at them; the bound decides.
        change = max(float(np.max(proved)) / self.size, self.change(step.network))
        if change > LARGEST_CHANGE:
            reason = (
                f"layer {step.layer}: {step.what} (the outputs would change by up to "
                f"{change:.1e}, relative)"
            )
            if reason not in self.refused:
                self.refused.append(reason)
            return False
        self.net = step.network
        self.steps.append(step)
        return True


def _is_single(net: DeepReLU) -> bool:
    """Whether the parameters are single-precision numbers, and not all of them whole."""
    vector = net.vector()
    with np.errstate(over="ignore"):
        return bool(
            np.all(vector.astype(np.float32) == vector) and np.any(vector != np.round(vector))
        )
