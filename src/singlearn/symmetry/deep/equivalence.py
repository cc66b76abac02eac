"""Do two deep ReLU networks compute the same function?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from jaxtyping import Float

from singlearn.results.caution import Caution, Reason
from singlearn.results.document import plain
from singlearn.results.result import Answer
from singlearn.symmetry.deep.canonical import silence
from singlearn.symmetry.deep.compress import DOUBLE, Compression, compress_deep
from singlearn.symmetry.deep.drop_nodes import collapse_empty
from singlearn.symmetry.deep.general_position import general_position_failures
from singlearn.symmetry.deep.linear_relaxation import preactivation_bounds
from singlearn.symmetry.deep.matching import (
    elementwise_residual,
    exact_function_bound,
    exactly_equal,
    function_bound,
    match,
    node_residuals,
)
from singlearn.symmetry.deep.network import DeepReLU
from singlearn.symmetry.deep.rounding import UNIT, evaluation_error, require_range
from singlearn.symmetry.deep.scale_permutation import ScalePermutation
from singlearn.symmetry.deep.witness import DeepWitness, search_witness
from singlearn.symmetry.domain import Box, DomainLike, as_box

RANGES = (1.0, 30.0, 1000.0)
"""Without a box, inputs of these sizes are looked at."""

ROUNDING = 1e-13
"""Relative difference of a single parameter that counts as rounding."""

NEGLIGIBLE = 1e-9
"""Share of an output's largest value on the domain; a proven difference up to this counts as
rounding where no tolerance is given.
"""

CLOSENESS = (ROUNDING, 1e-9, 1e-6, 1e-3, 0.1, 2.0)
"""How close the rows of two networks, brought to norm 1, should be to be paired; the verdict comes
from the outputs.
"""

DISTINCT = 1e-11
"""Weights smaller than this share of another one of their node may be mistaken for its rounding."""

FEW_PARAMETERS = 5000
"""Up to this number a bound is worked out in fractions too."""

LOOSE = 1e-3
"""Relative difference up to which two networks count as nearly equal, when the rounding of their
parameters is measured.
"""


class Sameness(StrEnum):
    """The three answers."""

    EQUIVALENT = "equivalent"
    DIFFERENT = "different"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True, eq=False)
class _Pairing:
    """Two networks of the same widths that may be one function, and how to see it.

    Attributes:
        first, second: ``a`` and ``b``, or what compression made of them.
        transformation: turns the first into the second, up to a difference.
        change: bound on how much the outputs were changed on the way, one per output.
        compressed: the compressions.
    """

    first: DeepReLU
    second: DeepReLU
    transformation: ScalePermutation
    change: np.ndarray
    compressed: tuple[Compression, Compression] | None = None

    @property
    def is_exact(self) -> bool:
        return not np.any(self.change) and exactly_equal(
            self.first, self.second, self.transformation.orders
        )

    def moved(self) -> DeepReLU:
        return self.transformation.apply(self.first)

    def bound(self, box: tuple[np.ndarray, np.ndarray]) -> Float[np.ndarray, " outputs"]:
        """A proven bound on the difference of each output of ``a`` and ``b`` on a box."""
        moved = self.moved()
        found: Float[np.ndarray, " outputs"] = (
            function_bound(moved, self.second, preactivation_bounds(moved, box)) + self.change
        )
        return found

    def exact_bound(self, box: tuple[np.ndarray, np.ndarray]) -> Float[np.ndarray, " outputs"]:
        """The same in fractions, if that takes no time; infinite for larger networks."""
        if len(self.first.vector()) > FEW_PARAMETERS:
            return np.full(self.first.widths[-1], np.inf)
        bounds = preactivation_bounds(self.first, box)
        found = exact_function_bound(self.first, self.second, self.transformation, bounds)
        return np.where(self.change > 0, np.nextafter(found + self.change, np.inf), found)


@dataclass(frozen=True, eq=False)
class DeepEquivalence(Answer):
    """The answer of :func:`equivalent_deep`; true exactly if it is "equivalent".

    Attributes:
        status: the answer.
        reason: in words.
        a, b: the networks.
        tolerance: largest difference of an output that was allowed, absolute; ``None`` for
            rounding.
        pairing: what the answer "equivalent" rests on; ``None`` where it rests on the ranges of the
            outputs alone.
        function_bound: a proven bound on the largest difference of any output on the box; ``None``
            without a box, 0 where both are exactly one function.
        witness: an input on which they differ.
        general_position: what keeps the networks from general position, in words.
        domain: where they were compared; ``None`` for all inputs.
    """

    status: Sameness
    reason: str
    a: DeepReLU
    b: DeepReLU
    tolerance: float | None
    pairing: _Pairing | None = None
    function_bound: float | None = None
    witness: DeepWitness | None = None
    general_position: tuple[str, ...] = ()
    domain: Box | None = None

    @property
    def transformation(self) -> ScalePermutation | None:
        """Turns ``a`` into ``b``, or the compressed ``a`` into the compressed ``b``, where they are
        equivalent.
        """
        return self.pairing.transformation if self.pairing is not None and self else None

    @property
    def compressed(self) -> tuple[Compression, Compression] | None:
        """What was done to ``a`` and to ``b`` first, where the answer needs it."""
        return self.pairing.compressed if self.pairing is not None else None

    @property
    def parameter_residual(self) -> float | None:
        """Largest relative difference of a single parameter after the transformation."""
        return (
            None
            if self.pairing is None
            else elementwise_residual(self.pairing.moved(), self.pairing.second)
        )

    def __bool__(self) -> bool:
        return self.status is Sameness.EQUIVALENT

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """That nothing was shown, where nothing was."""
        return (Caution(Reason.UNDECIDED, str(self)),) if self.status is Sameness.NOT_SHOWN else ()

    def to_dict(self) -> dict[str, Any]:
        """The answer, and what it rests on; not the networks."""
        return {
            "equivalent": bool(self),
            "status": str(self.status),
            "reason": self.reason,
            "tolerance": self.tolerance,
            "function_bound": plain(self.function_bound),
            "parameter_residual": plain(self.parameter_residual),
            "transformation": plain(self.transformation),
            "witness": plain(self.witness),
            "general_position": list(self.general_position),
            "domain": plain(self.domain),
        }

    def verify(self) -> bool:
        """Check the answer again from what it states: bound the difference again, or evaluate the
        witness in exact arithmetic.

        "not shown" states nothing, and so verifies.

        Returns:
            Whether the check succeeds.
        """
        if self.status is Sameness.NOT_SHOWN:
            return True
        if self.status is Sameness.DIFFERENT:
            return self.witness is not None and self.witness.verify(self.a, self.b)
        if self.pairing is None:
            return self.domain is not None and float(
                np.max(_apart(self.a, self.b, self.domain.corners))
            ) <= float(self.tolerance or 0.0)
        parts = self.pairing.compressed
        if parts is not None and not (
            parts[0].original is self.a
            and parts[1].original is self.b
            and all(p.verify() for p in parts)
        ):
            return False
        if parts is None and not (
            _is_same(self.pairing.first, _plain(self.a)[0])
            and _is_same(self.pairing.second, _plain(self.b)[0])
        ):
            return False
        return (
            self.pairing.is_exact
            or _small_enough(self.pairing, self.tolerance, _regions(self.domain, self.a.widths[0]))[
                0
            ]
        )

    def __str__(self) -> str:
        return f"{self.status}: {self.reason}"


def equivalent_deep(
    a: DeepReLU,
    b: DeepReLU,
    *,
    tolerance: float | None = None,
    domain: DomainLike | None = None,
    seed: int = 0,
) -> DeepEquivalence:
    r"""Decide whether two networks are the same function, as far as that can be shown.

    The verdict is about outputs. With ``tolerance`` it is about the largest difference of any
    output on the box: "equivalent" if a proven bound is at most that, "different" if an input was
    found where the outputs, in exact arithmetic, differ by more. Without it, "equivalent" means:
    exactly one function, or one apart from rounding, which is a relative 1e-13 of every single
    parameter whose proven effect on each output is at most 1e-9 of its largest value (on the box,
    or for inputs up to 1, 30 and 1,000).

    1. The nodes of each hidden layer, brought to norm 1, are assigned to each other; that finds a
       scaling and permutation.
    2. With a box: both networks are compressed on it (dead, duplicate and bypassed nodes) and
       compared again.
    3. A search for an input whose outputs, in exact arithmetic, differ by more than the tolerance;
       without one, by more than twice what rounding of the parameters explains, nodes that rounding
       may switch included.
    4. Otherwise "not shown", with the bound. In general position, where scaling and permutation are
       the only symmetries [phuong2020functional]_, that points to a difference too small, or in a
       region too small, to be found; outside it, other symmetries may be at work.

    Args:
        tolerance: ε > 0, absolute, in units of the outputs; needs a box.
        domain: a ``Box``, or (lower, upper), to compare there only; without it, on all inputs.

    Returns:
        The verdict, with a proven bound, a witness, or the reason why nothing was shown.

    Raises:
        ValueError: different numbers of inputs or outputs, a tolerance that is not positive or has
            no box, a box that is not one, or weights so large that the outputs leave float64.

    >>> net = DeepReLU([[[1.0, 2.0], [3.0, -1.0]], [[1.0, -1.0]]], [[0.5, 0.0], [0.0]])
    >>> moved = ScalePermutation([np.array([1, 0])], [np.array([2.0, 4.0])]).apply(net)
    >>> print(equivalent_deep(net, moved))
    equivalent: scaling and permutation, exactly
    """
    for name, first, second in (
        ("inputs", a.widths[0], b.widths[0]),
        ("outputs", a.widths[-1], b.widths[-1]),
    ):
        if first != second:
            raise ValueError(
                f"b: it has {second} {name} and a has {first}; networks to compare have the same"
            )
    if tolerance is not None and not 0 < tolerance < np.inf:
        raise ValueError(
            f"tolerance: got {tolerance}; it should be a positive difference of outputs, such as "
            f"1e-6"
        )
    box = None if domain is None else as_box(domain, a.widths[0])
    corners = None if box is None else box.corners
    if tolerance is not None and corners is None:
        raise ValueError(
            "tolerance: networks that differ at all can differ by any amount on all inputs; give a "
            "box"
        )
    if _is_same(a, b):
        plain, other = _plain(a)[0], _plain(b)[0]
        same = _Pairing(plain, other, _identity(plain), np.zeros(a.widths[-1]))
        return DeepEquivalence(
            Sameness.EQUIVALENT, "the parameters are equal", a, b, tolerance, same, 0.0, domain=box
        )
    regions = _regions(box, a.widths[0])
    for name, net in (("a", a), ("b", b)):
        require_range(net, np.maximum(np.abs(regions[-1][0]), np.abs(regions[-1][1])), name)

    best = np.inf
    if corners is not None and tolerance is not None:
        best = float(np.max(_apart(a, b, corners)))
        if best <= tolerance:
            words = (
                f"ranges of the outputs; on the box they differ by at most {best:.2g} "
                f"(absolute, proved), "
            )
            words += f"the tolerance is {tolerance:g}"
            return DeepEquivalence(
                Sameness.EQUIVALENT, words, a, b, tolerance, None, best, domain=box
            )
    reasons: list[str] = []
    for compressed in (False, True) if corners is not None else (False,):
        pairing, reason = _pair(a, b, box, tolerance, compressed, seed)
        if pairing is None:
            reasons += [reason] if reason else []
            continue
        if pairing.is_exact:
            return DeepEquivalence(
                Sameness.EQUIVALENT, f"{reason}, exactly", a, b, tolerance, pairing, 0.0, domain=box
            )
        enough, words, bound = _small_enough(pairing, tolerance, regions)
        best = min(best, bound)
        if enough:
            if corners is None:
                return DeepEquivalence(
                    Sameness.EQUIVALENT, f"{reason}; {words}", a, b, tolerance, pairing
                )
            return DeepEquivalence(
                Sameness.EQUIVALENT,
                f"{reason}; {words}",
                a,
                b,
                tolerance,
                pairing,
                bound,
                domain=box,
            )
        reasons.append(f"{reason}; {words}")

    failures = tuple(
        f"{name}: {failure}"
        for name, net in (("a", a), ("b", b))
        for failure in general_position_failures(net, box)
    )
    noise, gap = _noise(a, b), 0.0
    for region in regions:
        witness = search_witness(a, b, region, noise, seed, tolerance)
        gap = max(gap, witness.gap)
        if witness.gap > (tolerance if tolerance is not None else 2 * witness.uncertainty):
            where = f"the tolerance is {tolerance:g} (absolute)" if tolerance is not None else ""
            words = f"output {witness.output} differs by {witness.gap:.3g}; "
            words += where or f"rounding of the parameters explains {witness.uncertainty:.1g}"
            return DeepEquivalence(
                Sameness.DIFFERENT,
                words,
                a,
                b,
                tolerance,
                witness=witness,
                general_position=failures,
                domain=box,
            )
    bounded = best if np.isfinite(best) and corners is not None else None
    position = (
        f"not in general position ({failures[0]})"
        if failures
        else "nothing checked speaks against general position"
    )
    proved = (
        ""
        if bounded is None
        else f"; proved on the box: they differ by at most {bounded:.3g} (absolute)"
    )
    more = "the tolerance" if tolerance is not None else "rounding explains"
    words = (
        f"{'; '.join(reasons[-1:])}{proved}; no input found where they differ by more than "
        f"{more} (largest {gap:.2g}); {position}"
    )
    return DeepEquivalence(
        Sameness.NOT_SHOWN,
        words,
        a,
        b,
        tolerance,
        function_bound=bounded,
        general_position=failures,
        domain=box,
    )


def _pair(
    a: DeepReLU,
    b: DeepReLU,
    box: Box | None,
    tolerance: float | None,
    compressed: bool,
    seed: int,
) -> tuple[_Pairing | None, str]:
    """A scaling and permutation between the networks, or between what compression makes of them;
    and words.
    """
    if compressed:
        assert box is not None
        parts = tuple(
            compress_deep(net, box, relative_tolerance=DOUBLE, seed=seed) for net in (a, b)
        )
        if not any(part.steps for part in parts):
            return None, ""
        (first, _), (second, _) = (_plain(part.network) for part in parts)
        change = parts[0].proved_change + parts[1].proved_change
    else:
        (first, more), (second, other) = _plain(a), _plain(b)
        change = more + other
    closest = DOUBLE if compressed else ROUNDING
    found = match(first, second, closest)
    if tolerance is not None:
        for closeness in CLOSENESS:
            if found.transformation is not None:
                break
            found = match(first, second, closeness)
    if found.transformation is None:
        return None, f"after compression on the box, {found.reason}" if compressed else found.reason
    words = "scaling and permutation"
    if not compressed:
        return _Pairing(first, second, found.transformation, change), words
    words = f"after compression to widths {first.widths}, {words}"
    programs = sum(part.by_program for part in parts)
    words += (
        f" ({programs} nodes were classified by HiGHS, up to its tolerances)" if programs else ""
    )
    return _Pairing(first, second, found.transformation, change, (parts[0], parts[1])), words


def _small_enough(
    pairing: _Pairing, tolerance: float | None, regions: list[tuple[np.ndarray, np.ndarray]]
) -> tuple[bool, str, float]:
    """Whether the proven difference of the outputs decides for "equivalent"; words; and the bound
    on the last region.
    """
    bounds = [pairing.bound(region) for region in regions]
    bound = float(np.max(bounds[-1]))
    if tolerance is not None:
        if bound > tolerance:
            bound = min(bound, float(np.max(pairing.exact_bound(regions[-1]))))
        words = (
            f"outputs on the box within {bound:.2g} (absolute, proved), the tolerance is "
            f"{tolerance:g}"
        )
        return bound <= tolerance, words, bound
    largest = 0.0
    for region, own in zip(regions, bounds, strict=True):
        with np.errstate(
            divide="ignore", over="ignore", invalid="ignore"
        ):  # outputs that are 0, or nearly
            largest = max(
                largest, float(np.nanmax(own / _sizes(pairing.second, region), initial=0.0))
            )
    where = "on the box" if len(regions) == 1 else f"for inputs up to {regions[-1][1][0]:g}"
    words = f"outputs {where} within {bound:.2g} ({largest:.1g} of their largest value, proved)"
    apart = elementwise_residual(pairing.moved(), pairing.second)
    if pairing.compressed is None:
        words = f"parameters equal to {apart:.2g} (each relative to itself), {words}"
        return bool(largest <= NEGLIGIBLE and apart <= ROUNDING), words, bound
    # Folding nodes leaves rounding beside the weights; it can be told from small weights only where
    # there are none.
    told_apart = apart <= NEGLIGIBLE or all(
        _is_well_scaled(part.original) for part in pairing.compressed
    )
    return bool(largest <= NEGLIGIBLE and told_apart), words, bound


def _is_well_scaled(net: DeepReLU) -> bool:
    """Whether no weight or bias is lost in the rounding of a larger one of its node."""
    for matrix, bias in zip(net.weights, net.biases, strict=True):
        rows = np.abs(np.concatenate([matrix, bias[:, None]], axis=1))
        largest = np.max(rows, axis=1, keepdims=True)
        if np.any((rows > 0) & (rows < DISTINCT * largest)):
            return False
    return True


def _sizes(net: DeepReLU, box: tuple[np.ndarray, np.ndarray]) -> Float[np.ndarray, " outputs"]:
    """A size that each output is seen to reach on the box; where it is 0 at all points, that of the
    sum it is 0 of.
    """
    lower, upper = box
    random = np.random.default_rng(0)
    points = np.concatenate(
        [
            lower + (upper - lower) * random.random((400, len(lower))),
            np.where(random.random((100, len(lower))) < 0.5, lower, upper),
        ]
    )
    values = np.abs(net(points))
    seen = np.max(np.maximum(values - evaluation_error(net, points)[-1], 0.0), axis=0)
    bounds = preactivation_bounds(net, box)
    low, high = bounds.activations(net.hidden_layers)
    summed = np.abs(net.weights[-1]) @ np.maximum(np.abs(low), np.abs(high)) + np.abs(
        net.biases[-1]
    )
    found: Float[np.ndarray, " outputs"] = np.maximum(
        np.where(np.any(values > 0, axis=0), seen, summed), np.finfo(np.float64).tiny
    )
    return found


def _apart(
    a: DeepReLU, b: DeepReLU, box: tuple[np.ndarray, np.ndarray]
) -> Float[np.ndarray, " outputs"]:
    """A bound on the difference of each output from the ranges of both alone."""
    first, second = preactivation_bounds(a, box), preactivation_bounds(b, box)
    found: Float[np.ndarray, " outputs"] = np.maximum(
        first.upper[-1] - second.lower[-1], second.upper[-1] - first.lower[-1]
    ) * (1 + 4 * UNIT)
    return found


def _regions(box: Box | None, inputs: int) -> list[tuple[np.ndarray, np.ndarray]]:
    ones = np.ones(inputs)
    return [(-size * ones, size * ones) for size in RANGES] if box is None else [box.corners]


def _plain(net: DeepReLU) -> tuple[DeepReLU, Float[np.ndarray, " outputs"]]:
    """Without layers of width 0 and outgoing weights of nodes that are 0; and a bound on what
    rounding changed.
    """
    step = collapse_empty(net)
    if step is None:
        return silence(net), np.zeros(net.widths[-1])
    return step.network, step.output_change()


def _is_same(a: DeepReLU, b: DeepReLU) -> bool:
    return a.widths == b.widths and np.array_equal(a.vector(), b.vector())


def _identity(net: DeepReLU) -> ScalePermutation:
    return ScalePermutation(
        [np.arange(width) for width in net.widths[1:-1]],
        [np.ones(width) for width in net.widths[1:-1]],
    )


def _noise(a: DeepReLU, b: DeepReLU) -> float:
    """The relative rounding of the parameters: what half of the nodes agree to when nearly equal
    networks are laid side by side.
    """
    (first, _), (second, _) = _plain(a), _plain(b)
    near = match(first, second, LOOSE)
    if near.transformation is None or not first.hidden_layers:
        return ROUNDING
    typical = float(
        np.median(np.concatenate(node_residuals(near.transformation.apply(first), second)))
    )
    return min(ROUNDING, max(8 * typical, 64 * UNIT))
