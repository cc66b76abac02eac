"""Do two deep ReLU networks compute the same function?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from singlearn.results.prompt import Shown
from singlearn.symmetry.deep.box import box_corners
from singlearn.symmetry.deep.canonical import silence
from singlearn.symmetry.deep.compress import DOUBLE, Compression, compress_deep
from singlearn.symmetry.deep.general_position import general_position_failures
from singlearn.symmetry.deep.linear_relaxation import preactivation_bounds
from singlearn.symmetry.deep.matching import Match, function_bound, match, node_residuals, parameter_residual
from singlearn.symmetry.deep.moves import ScalePermutation
from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.deep.rounding import UNIT
from singlearn.symmetry.deep.witness import Witness, search_witness

RANGES = (1.0, 30.0, 1000.0)
"""Without a box, inputs of these sizes are searched."""


LOOSE = 1e-3
"""Relative difference up to which two networks count as nearly equal, when the rounding of their parameters is measured."""


class Verdict(StrEnum):
    """The three answers."""

    EQUIVALENT = "equivalent"
    DIFFERENT = "different"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True, eq=False)
class DeepEquivalence(Shown):
    """The answer of :func:`equivalent_deep`; true exactly if it is "equivalent".

    Attributes:
        status: the answer.
        reason: in words.
        a, b: the networks.
        tolerance: relative difference of parameters that counts as rounding.
        transformation: turns ``a`` into ``b``, or the compressed ``a`` into the compressed ``b``.
        parameter_residual: what then remains, relative to each node's :math:`(w, b)`.
        function_bound: a proven bound on the largest difference of any output on the box; ``None`` without a box.
        compressed: what was done to ``a`` and to ``b`` first, if the networks as given do not match.
        witness: an input on which they differ.
        general_position: what keeps the networks from general position, in words.
    """

    status: Verdict
    reason: str
    a: DeepReLU
    b: DeepReLU
    tolerance: float
    transformation: ScalePermutation | None = None
    parameter_residual: float | None = None
    function_bound: float | None = None
    compressed: tuple[Compression, Compression] | None = None
    witness: Witness | None = None
    general_position: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.status is Verdict.EQUIVALENT

    def verify(self) -> bool:
        """Check the answer again from what it states: apply the transformation, or evaluate the witness in exact arithmetic.

        "not shown" states nothing, and so verifies.
        """
        if self.status is Verdict.NOT_SHOWN:
            return True
        if self.witness is not None:
            return self.witness.verify(self.a, self.b)
        if self.transformation is None:
            return False
        if self.compressed is not None and not all(part.verify() for part in self.compressed):
            return False
        a, b = (self.a, self.b) if self.compressed is None else (part.network for part in self.compressed)
        return parameter_residual(self.transformation.apply(silence(a)), silence(b)) <= 4 * self.tolerance

    def __str__(self) -> str:
        return f"{self.status}: {self.reason}"


def equivalent_deep(
    a: DeepReLU, b: DeepReLU, *, tolerance: float = 1e-13, box: tuple[Any, Any] | None = None, seed: int = 0
) -> DeepEquivalence:
    r"""Decide whether two networks are the same function, as far as that can be shown.

    1. Scaling and permutation: the nodes of each hidden layer, brought to norm 1, are assigned to each other. If all pairs agree to
       ``tolerance``, so do the outputs' weights, and the transformation applied to ``a`` gives ``b``, the answer is "equivalent".
    2. With a box: both networks are compressed on it (dead, duplicate and bypassed nodes) and compared again.
    3. A search for an input whose outputs, in exact arithmetic, differ by more than twice what rounding of the parameters could
       explain: a relative change of each by ``tolerance``, or by less if the nodes that do match match better than that. If there
       is one, the answer is "different".
    4. Otherwise "not shown". In general position, where scaling and permutation are the only symmetries
       [phuong2020functional]_, that points to a difference too small, or in a region too small, to be found; outside it, other
       symmetries may be at work.

    Args:
        tolerance: relative; for weights that went through single precision, 1e-5.
        box: (lower, upper), to compare on a box only; without it, on all inputs.

    Raises:
        ValueError: different numbers of inputs or outputs, a tolerance that is not positive, or a box that is not one.

    >>> net = DeepReLU([[[1.0, 2.0], [3.0, -1.0]], [[1.0, -1.0]]], [[0.5, 0.0], [0.0]])
    >>> moved = ScalePermutation([np.array([1, 0])], [np.array([2.0, 3.0])]).apply(net)
    >>> print(equivalent_deep(net, moved))
    equivalent: scaling and permutation, parameters equal to 0 (relative)
    """
    for name, first, second in (("inputs", a.widths[0], b.widths[0]), ("outputs", a.widths[-1], b.widths[-1])):
        if first != second:
            raise ValueError(f"b: it has {second} {name} and a has {first}; networks to compare have the same")
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance: got {tolerance}; it should be a relative difference between 0 and 1, such as 1e-13")
    corners = None if box is None else box_corners(box, a.widths[0])
    direct = match(a, b, tolerance)
    if direct.transformation is not None:
        return _equivalent(a, b, tolerance, direct, corners, None)
    reason = direct.reason
    if box is not None:
        small_a, small_b = [compress_deep(net, box, tolerance=max(tolerance, DOUBLE), seed=seed) for net in (a, b)]
        if small_a.steps or small_b.steps:
            reduced = match(small_a.network, small_b.network, max(tolerance, DOUBLE))
            if reduced.transformation is not None:
                return _equivalent(a, b, tolerance, reduced, corners, (small_a, small_b))
            reason = f"after compression on the box, {reduced.reason}"
    failures = tuple(
        f"{name}: {failure}" for name, net in (("a", a), ("b", b)) for failure in general_position_failures(net, box)
    )
    noise = _noise(a, b, tolerance)
    ones = np.ones(a.widths[0])
    for region in [corners] if corners is not None else [(-size * ones, size * ones) for size in RANGES]:
        witness = search_witness(a, b, region, noise, seed)
        if witness.gap > 2 * witness.uncertainty:
            words = f"output {witness.output} differs by {witness.gap:.3g}; rounding of the parameters explains {witness.uncertainty:.1g}"
            return DeepEquivalence(
                Verdict.DIFFERENT, words, a, b, tolerance, witness=witness, general_position=failures
            )
    position = f"not in general position ({failures[0]})" if failures else "nothing checked speaks against general position"
    words = f"{reason}; no input found where they differ by more than the tolerance; {position}"
    return DeepEquivalence(Verdict.NOT_SHOWN, words, a, b, tolerance, general_position=failures)


def _noise(a: DeepReLU, b: DeepReLU, tolerance: float) -> float:
    """The relative rounding of the parameters: what half of the nodes agree to when nearly equal networks are laid side by side."""
    near = match(a, b, LOOSE)
    if near.transformation is None:
        return tolerance
    typical = float(np.median(np.concatenate(node_residuals(near.transformation.apply(silence(a)), silence(b)))))
    return min(tolerance, max(4 * typical, 16 * UNIT))


def _equivalent(
    a: DeepReLU,
    b: DeepReLU,
    tolerance: float,
    found: Match,
    box: tuple[np.ndarray, np.ndarray] | None,
    compressed: tuple[Compression, Compression] | None,
) -> DeepEquivalence:
    assert found.transformation is not None
    first, second = (a, b) if compressed is None else (part.network for part in compressed)
    first, second = silence(first), silence(second)
    bound, reason = None, found.reason
    if box is not None:
        moved = found.transformation.apply(first)
        difference = function_bound(moved, second, preactivation_bounds(moved, box))
        if compressed is not None:
            difference = difference + compressed[0].proved_change + compressed[1].proved_change
        bound = float(np.max(difference))
        reason += f"; outputs on the box within {bound:.2g}"
    if compressed is not None:
        reason = f"after compression to widths {first.widths}, {reason}"
        programs = sum(part.by_program for part in compressed)
        if programs:
            reason += f"; {programs} nodes were classified by HiGHS, up to its tolerances"
    return DeepEquivalence(
        Verdict.EQUIVALENT, reason, a, b, tolerance, found.transformation, found.residual, bound, compressed
    )
