"""Weights that annihilate, slopes that cancel, boundaries that are parallel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from singlearn.numbers.rational import Matrix, Vector
from singlearn.symmetry.trained.boundaries import PAIRS_OF_ROUNDING, Boundary, largest_meant
from singlearn.symmetry.trained.box_units import BoxUnits
from singlearn.symmetry.trained.exact_kernel import satisfying
from singlearn.symmetry.trained.relation import Relation, RelationKind, in_float
from singlearn.symmetry.trained.vanishing_sums import Rows, VanishingSums, vanishing_sums
from singlearn.symmetry.two_layer.kink_form import rounded
from singlearn.symmetry.two_layer.network import Node

ZERO = Fraction(0)
SLACK = 8
"""A weight may move by more than a sum misses zero by, because several relations share it."""


class Slopes:
    r"""The slope of a network as a sum over its boundaries and its always active nodes.

    A kink with amounts :math:`a^+` along its normal z and :math:`a^-` against it can be made of one
    node along z, which leaves the slope :math:`-a^- z` to others, or of one against it, which
    leaves :math:`a^+ z`. So the kinks of a set S turn round without a cost where :math:`\sum_S A_k
    z_k = 0`, :math:`A = a^+ + a^-` (*weights annihilate*), and one node per kink is enough where
    :math:`\sum_{k \in S} A_k z_k - \sum_k a_k^- z_k + \sum_{\text{always active}} q w^T = 0` for
    some S (*slopes cancel*).

    Args:
        nodes: the hidden nodes.
        boundaries: where they have kinks.
        bypassed: always active nodes.
        units: of the domain.
    """

    def __init__(
        self,
        nodes: list[Node],
        boundaries: list[Boundary],
        bypassed: Sequence[int],
        units: BoxUnits,
    ) -> None:
        self.nodes, self.boundaries, self.bypassed, self.units = (
            list(nodes),
            boundaries,
            list(bypassed),
            units,
        )
        self.outputs = len(nodes[0].q) if nodes else 0
        self._known: list[tuple[Vector, Vector, Vector]] | None = None
        self.kinked = [
            g for g, (_, total, _) in enumerate(self._carriers()[: len(boundaries)]) if any(total)
        ]

    def _total(self, boundary: Boundary) -> Vector:
        return tuple(
            a + b
            for a, b in zip(
                boundary.amounts(self.nodes, 1), boundary.amounts(self.nodes, -1), strict=True
            )
        )

    def _carriers(self) -> list[tuple[Vector, Vector, Vector]]:
        """``(z, A, -a^-)`` of every boundary, then ``(w, 0, q)`` of every always active node."""
        if self._known is None:
            self._known = self._found_carriers()
        return self._known

    def _found_carriers(self) -> list[tuple[Vector, Vector, Vector]]:
        none = (ZERO,) * self.outputs
        own = [
            (b.normal, self._total(b), tuple(-v for v in b.amounts(self.nodes, -1)))
            for b in self.boundaries
        ]
        return own + [(self.nodes[i].w, none, self.nodes[i].q) for i in self.bypassed]

    def rest(self) -> Matrix:
        """The slope that one node per kink along its normal leaves to others, exactly."""
        carriers, reach = self._carriers(), self.units.reach
        return tuple(
            tuple(
                sum((r[j] * z[i] for z, _, r in carriers if r[j]), ZERO) for i in range(len(reach))
            )
            for j in range(self.outputs)
        )

    def in_floats(self) -> tuple[Rows, Float[np.ndarray, " outputs"], Fraction]:
        """For the search: in units of the box and of each output's size, which comes second, in
        units of the third.
        """
        carriers, reach = self._carriers(), self.units.reach
        unit = max(
            (abs(v) for _, a, r in carriers for v in (*a, *r)), default=Fraction(1)
        ) or Fraction(1)

        def outer(amounts: Vector, normal: Vector) -> list[list[float]]:
            return [
                [float(a / unit * z * h) for z, h in zip(normal, reach, strict=True)]
                for a in amounts
            ]

        values = np.array([outer(carriers[g][1], carriers[g][0]) for g in self.kinked]).reshape(
            len(self.kinked), self.outputs, len(reach)
        )
        rest = [outer(r, z) for z, _, r in carriers if any(r)]
        sizes = np.abs(np.array(rest).reshape(len(rest), self.outputs, len(reach))).sum(axis=(0, 2))
        exact = [[v * h / unit for v, h in zip(row, reach, strict=True)] for row in self.rest()]
        own, sizes_of_outputs = Rows.of(
            values,
            np.array([[float(v) for v in row] for row in exact]).reshape(self.outputs, len(reach)),
            sizes,
        )
        return own, sizes_of_outputs, unit

    def coefficients(self, subset: Sequence[int], *, with_rest: bool) -> Matrix:
        """Of every carrier's vector in the relation, one row per output."""
        turned = {self.kinked[k] for k in subset}
        carriers = self._carriers()
        return tuple(
            tuple(
                (a[j] if g in turned else ZERO) + (r[j] if with_rest else ZERO)
                for g, (_, a, r) in enumerate(carriers)
            )
            for j in range(self.outputs)
        )

    def gap(self, rows: Matrix) -> Fraction:
        """By how much a relation misses, relative to its terms; the largest of the outputs."""
        carriers, reach, worst = self._carriers(), self.units.reach, ZERO
        for row in rows:
            terms = [
                [c * v * h for v, h in zip(z, reach, strict=True)]
                for c, (z, _, _) in zip(row, carriers, strict=True)
                if c
            ]
            missed = sum((abs(sum(column, ZERO)) for column in zip(*terms, strict=True)), ZERO)
            size = sum((abs(v) for term in terms for v in term), ZERO)
            worst = max(worst, missed / size if size else ZERO)
        return worst

    def members(self, rows: Matrix) -> tuple[int, ...]:
        """The nodes that a relation is about."""
        found = {g for row in rows for g, c in enumerate(row) if c}
        own = [i for g in found if g < len(self.boundaries) for i, _ in self.boundaries[g].members]
        return tuple(
            sorted(
                own
                + [
                    self.bypassed[g - len(self.boundaries)]
                    for g in found
                    if g >= len(self.boundaries)
                ]
            )
        )

    def search(
        self, relative_tolerance: Fraction, accidents_allowed: float
    ) -> tuple[list[tuple[RelationKind, Matrix]], VanishingSums]:
        """Relations that nearly hold, small ones first."""
        rows, _, _ = self.in_floats()
        bare = Rows(
            rows.values, rows.sizes, np.zeros_like(rows.target), np.zeros_like(rows.target_sizes)
        )
        found = vanishing_sums(bare, float(relative_tolerance), accidents_allowed)
        relations = [
            (RelationKind.ANNIHILATE, self.coefficients(subset, with_rest=False))
            for subset in found.subsets
        ]
        if np.any(rows.target_sizes):
            subsets = vanishing_sums(
                rows, float(relative_tolerance), accidents_allowed
            ).subsets or ((),)
            relations += [
                (RelationKind.SLOPE, self.coefficients(subset, with_rest=True))
                for subset in subsets
            ]
        return [
            (kind, own) for kind, own in relations if self.gap(own) <= relative_tolerance
        ], found

    def parallels(
        self, relative_tolerance: Fraction, accidents_allowed: float
    ) -> list[tuple[RelationKind, Matrix]]:
        """Boundaries whose normals are nearly multiples of each other, each with the first of its
        kind.
        """
        result: list[tuple[RelationKind, Matrix]] = []
        leads: list[int] = []
        reach = self.units.reach
        if len(reach) > 1 and len(self.boundaries) > 1:
            relative_tolerance = min(
                relative_tolerance, Fraction(min(self._largest_angle_meant(accidents_allowed), 1.0))
            )
        for g, boundary in enumerate(self.boundaries if len(reach) > 1 else ()):
            scaled = [z * h for z, h in zip(boundary.normal, reach, strict=True)]
            for lead in leads:
                other = [z * h for z, h in zip(self.boundaries[lead].normal, reach, strict=True)]
                largest = max(range(len(other)), key=lambda i: abs(other[i]))
                ratio = rounded(scaled[largest] / other[largest])
                if not ratio:
                    continue
                row = tuple(
                    Fraction(1) if k == g else -ratio if k == lead else ZERO
                    for k in range(len(self._carriers()))
                )
                if self.gap((row,)) <= relative_tolerance:
                    result.append((RelationKind.PARALLEL, (row,)))
                    break
            else:
                leads.append(g)
        return result

    def _largest_angle_meant(self, accidents_allowed: float) -> float:
        normals = np.array(
            [
                [float(z * h) for z, h in zip(b.normal, self.units.reach, strict=True)]
                for b in self.boundaries
            ]
        )
        normals /= np.abs(normals).sum(axis=1, keepdims=True)
        apart = (
            np.minimum(
                *(np.abs(normals[:, None] - sign * normals[None]).sum(axis=2) for sign in (1, -1))
            )
            / 2
        )
        return largest_meant(
            apart[np.triu_indices(len(normals), 1)], normals.shape[1] - 1, accidents_allowed
        )

    def impose(
        self, accepted: Sequence[tuple[RelationKind, Matrix]], relative_tolerance: Fraction
    ) -> bool:
        """Let relations hold exactly, if nothing moves by more than they miss; returns whether it
        was done.
        """
        ways = (
            (self._move_amounts, self._move_normals)
            if len(self.units.reach) == 1
            else (self._move_normals, self._move_amounts)
        )
        done = any(way(accepted, relative_tolerance) for way in ways)
        self._known = None
        return done

    def _move_normals(
        self, accepted: Sequence[tuple[RelationKind, Matrix]], relative_tolerance: Fraction
    ) -> bool:
        carriers, reach = self._carriers(), self.units.reach
        lengths = [
            sum((abs(v) * h for v, h in zip(z, reach, strict=True)), ZERO) for z, _, _ in carriers
        ]
        plain = all(kind is RelationKind.ANNIHILATE for kind, _ in accepted) and self.outputs == 1
        if plain:  # the products A z are moved: small whole coefficients
            factors = [a[0] if a[0] else Fraction(1) for _, a, _ in carriers]
            rows = [tuple(Fraction(bool(c)) for c in row) for _, own in accepted for row in own]
        else:
            factors = [Fraction(1)] * len(carriers)
            rows = [_in_units(row) for _, own in accepted for row in own if any(row)]
        vectors = tuple(
            tuple(f * v for v in z) for f, (z, _, _) in zip(factors, carriers, strict=True)
        )
        unit = max(
            (abs(f) * v for f, v in zip(factors, lengths, strict=True)), default=Fraction(1)
        ) or Fraction(1)
        moved = satisfying(
            rows, vectors, [float(f * v / unit) ** 2 for f, v in zip(factors, lengths, strict=True)]
        )
        if moved is None:
            return False
        normals = [tuple(v / f for v in row) for f, row in zip(factors, moved, strict=True)]
        for new, (old, _, _), length in zip(normals, carriers, lengths, strict=True):
            change = sum((abs(a - b) * h for a, b, h in zip(new, old, reach, strict=True)), ZERO)
            if (
                change
                > SLACK * relative_tolerance * max(1, round(math.sqrt(len(carriers)))) * length
            ):
                return False
        for g, new in enumerate(normals):
            if new == carriers[g][0]:
                continue
            if g < len(self.boundaries):
                boundary = self.boundaries[g] = replace(self.boundaries[g], normal=new)
                for i, factor in boundary.members:
                    self.nodes[i] = boundary.placed(self.units, factor, self.nodes[i].q)
            else:
                i = self.bypassed[g - len(self.boundaries)]
                shift = sum(
                    (abs(a - b) * h for a, b, h in zip(new, self.nodes[i].w, reach, strict=True)),
                    ZERO,
                )
                height = (
                    self.nodes[i].preactivation(self.units.centre) + shift
                )  # still always active
                offset = height - sum(
                    (a * c for a, c in zip(new, self.units.centre, strict=True)), ZERO
                )
                self.nodes[i] = replace(self.nodes[i], w=new, b=offset)
        return True

    def _move_amounts(
        self, accepted: Sequence[tuple[RelationKind, Matrix]], relative_tolerance: Fraction
    ) -> bool:
        """Every output by itself: a^+ and a^- of every boundary and q of every always active node
        are moved.
        """
        if any(kind is RelationKind.PARALLEL for kind, _ in accepted):
            return False
        columns = [(g, sign) for g in range(len(self.boundaries)) for sign in (1, -1)]
        normals = [self.boundaries[g].normal for g, _ in columns] + [
            self.nodes[i].w for i in self.bypassed
        ]
        carriers = self._carriers()
        changed = list(self.nodes)
        for j in range(self.outputs):
            values = [self.boundaries[g].amounts(self.nodes, sign)[j] for g, sign in columns] + [
                self.nodes[i].q[j] for i in self.bypassed
            ]
            rows = []
            for _, own in accepted:
                shares = [_shares(c, *carriers[g][1:], j) for g, c in enumerate(own[j])]
                flat = [shares[g][0 if sign > 0 else 1] for g, sign in columns] + [
                    s[0] for s in shares[len(self.boundaries) :]
                ]
                rows += [
                    tuple(s * z[i] for s, z in zip(flat, normals, strict=True))
                    for i in range(len(self.units.reach))
                ]
            for g, boundary in enumerate(self.boundaries):
                if not self._total(boundary)[j]:  # a kink that cancels stays cancelled
                    rows.append(
                        tuple(
                            Fraction(k // 2 == g) if k < len(columns) else ZERO
                            for k in range(len(values))
                        )
                    )
            rows = [_in_units(row) for row in rows if any(row)]
            unit = max((abs(v) for v in values), default=Fraction(1)) or Fraction(1)
            moved = (
                satisfying(
                    rows, tuple((v,) for v in values), [float(v / unit) ** 2 for v in values]
                )
                if rows
                else None
            )
            if rows and moved is None:
                return False
            for k, (old, new) in enumerate(zip(values, moved or (), strict=False)):
                if abs(new[0] - old) > SLACK * relative_tolerance * max(
                    1, round(math.sqrt(len(values)))
                ) * abs(old):
                    return False
                if new[0] == old:
                    continue
                if k < len(columns):
                    g, sign = columns[k]
                    own_members = [
                        (i, f) for i, f in self.boundaries[g].members if (f > 0) == (sign > 0)
                    ]
                    i, f = max(
                        own_members, key=lambda item: abs(self.nodes[item[0]].q[j] * item[1])
                    )
                else:
                    i, f = self.bypassed[k - len(columns)], Fraction(1)
                q = list(changed[i].q)
                q[j] += (new[0] - old) / abs(f)
                changed[i] = replace(changed[i], q=tuple(q))
        self.nodes = changed
        return True


def _shares(coefficient: Fraction, total: Vector, rest: Vector, output: int) -> tuple[int, int]:
    """What multiplies a^+ and a^- in a coefficient that is A, -a^- or their sum a^+."""
    a, r = total[output], rest[output]
    if not coefficient:
        return 0, 0
    if a and coefficient == a:
        return 1, 1
    if a and coefficient == a + r:
        return 1, 0
    return (0, -1) if a else (1, 0)


def _in_units(row: Vector) -> Vector:
    """A relation divided by a power of two near its largest coefficient."""
    largest = max(abs(v) for v in row)
    power = Fraction(2) ** (largest.numerator.bit_length() - largest.denominator.bit_length())
    return tuple(v / power for v in row)


def snap_slopes(
    slopes: Slopes, relative_tolerance: Fraction, accidents_allowed: float
) -> tuple[list[Relation], VanishingSums]:
    """Impose all relations of slopes that nearly hold, as far as they can hold together."""
    wanted, found = slopes.search(relative_tolerance, accidents_allowed)
    accepted, relations = _impose_most(slopes, [], wanted, relative_tolerance)
    pairs = PAIRS_OF_ROUNDING if accidents_allowed < PAIRS_OF_ROUNDING else math.inf
    _, more = _impose_most(
        slopes, accepted, slopes.parallels(relative_tolerance, pairs), relative_tolerance
    )
    return list({(one.kind, one.nodes): one for one in relations + more}.values()), found


def _impose_most(
    slopes: Slopes,
    before: list[tuple[RelationKind, Matrix]],
    wanted: list[tuple[RelationKind, Matrix]],
    relative_tolerance: Fraction,
) -> tuple[list[tuple[RelationKind, Matrix]], list[Relation]]:
    """Together if possible, else one after another; what cannot hold with the others is left
    out.
    """

    def relation(kind: RelationKind, own: Matrix) -> Relation:
        return Relation(kind, slopes.members(own), in_float(slopes.gap(own)))

    described = [relation(*item) for item in wanted]
    missing = [item for item, known in zip(wanted, described, strict=True) if not known.was_exact]
    if not missing:
        return before + wanted, described
    if slopes.impose([*before, *wanted], relative_tolerance):
        return before + wanted, described
    accepted, kept = list(before), []
    for item, known in zip(wanted, described, strict=True):
        if slopes.impose([*accepted, item], relative_tolerance):
            accepted.append(item)
            kept.append(known)
    return accepted, kept
