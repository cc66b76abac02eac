"""One relation that holds in a snapped network."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from singlearn.results.result import Answer


class RelationKind(StrEnum):
    """What a relation says."""

    SILENT = "q = 0"
    CONSTANT = "w = 0"
    DEAD = "dead on the domain"
    BYPASSED = "always active on the domain"
    BOUNDARY = "boundaries coincide"
    KINK = "kinks cancel"
    ANNIHILATE = "weights annihilate"
    SLOPE = "slopes cancel"
    PARALLEL = "boundaries are parallel"


def in_float(gap: Fraction) -> float:
    """A gap in float64; one that is not zero stays so."""
    return max(float(gap), 5e-324) if gap else 0.0


@dataclass(frozen=True)
class Relation(Answer):
    """A relation among hidden nodes that is exactly true of the snapped network.

    Attributes:
        kind: what it says.
        nodes: the hidden nodes it is about.
        gap: how far the original network was from it, relative to the size of the terms that it
            compares; 0 where it held exactly.
        outputs: for kinks that cancel, the outputs in which they do; otherwise empty.
        layer: the hidden layer, counted from 0, in a deep network.
    """

    kind: RelationKind
    nodes: tuple[int, ...]
    gap: float
    outputs: tuple[int, ...] = ()
    layer: int | None = None

    @property
    def was_exact(self) -> bool:
        """Whether it held exactly before anything was moved."""
        return self.gap == 0.0

    def __str__(self) -> str:
        numbers = ", ".join(map(str, self.nodes))
        missed = "exactly" if self.was_exact else f"to {self.gap:.1g} of their size"
        where = "" if self.layer is None else f" of layer {self.layer}"
        return f"{self.kind}: node{'s' * (len(self.nodes) > 1)} {numbers}{where}, {missed}"
