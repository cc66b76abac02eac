"""Symmetries through training: what was found at each checkpoint, and what was born and died
between them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from singlearn.flow.timeline_agreement import IntervalAgreement, agreement, steep
from singlearn.flow.timeline_roles import NodeAtCheckpoint, NodeRole
from singlearn.local import Trajectory
from singlearn.results.caution import Caution, Reason, said
from singlearn.results.document import of_each
from singlearn.results.picture import drawn
from singlearn.results.result import Answer
from singlearn.results.table import Column, aligned, frame

if TYPE_CHECKING:
    import pandas

LISTED = 12


@dataclass(frozen=True)
class TimelinePoint(Answer):
    """The symmetries at one checkpoint.

    Attributes:
        step: of training.
        name: of the checkpoint.
        nodes: every hidden node with its role.
        kinks: of every hidden layer: boundaries whose total kink is not zero, up to the tolerance.
        exact_kinks: of a network with one hidden layer: kinks of the exact kink form on the box of
            the data, floats being the rational numbers they are; ``None`` for others.
        hidden_kinks: ``(layer, node, backward, forward)``: kinks that do not show, and how far each
            can slide, in units of its bias; ``inf`` for ever. ``None`` where they were not looked
            for.
        rank: of the Jacobian of the outputs on the data; ``None`` where it was not computed.
        explained, unexplained: dimensions of its kernel that known symmetries explain, and the
            others.
        conserved: values of every law of the architecture.
        loss: per sample; ``None`` without one.
        weights: fingerprint.
    """

    step: float
    name: str
    nodes: tuple[NodeAtCheckpoint, ...]
    kinks: tuple[int, ...]
    exact_kinks: int | None
    hidden_kinks: tuple[tuple[int, int, float, float], ...] | None
    rank: int | None
    explained: int | None
    unexplained: int | None
    conserved: Mapping[str, tuple[float, ...]]
    loss: float | None
    weights: str

    @property
    def counts(self) -> dict[NodeRole, int]:
        """Nodes by role."""
        found = Counter(node.role for node in self.nodes)
        return {role: found[role] for role in NodeRole if found[role]}

    def to_dict(self) -> dict[str, Any]:
        """For machines; an infinite reach is ``None``."""
        plain = {part.name: getattr(self, part.name) for part in fields(self)}
        hidden = None
        if self.hidden_kinks is not None:
            hidden = [
                [*kink[:2], *(None if math.isinf(reach) else reach for reach in kink[2:])]
                for kink in self.hidden_kinks
            ]
        loss = None if self.loss is None or not math.isfinite(self.loss) else self.loss
        return {
            **plain,
            "nodes": [node.to_dict() for node in self.nodes],
            "kinks": list(self.kinks),
            "hidden_kinks": hidden,
            "conserved": {law: list(values) for law, values in self.conserved.items()},
            "loss": loss,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> TimelinePoint:
        """What ``to_dict`` wrote."""
        hidden = plain["hidden_kinks"]
        return cls(
            **{
                **plain,
                "nodes": tuple(map(NodeAtCheckpoint.from_dict, plain["nodes"])),
                "kinks": tuple(plain["kinks"]),
                "hidden_kinks": None
                if hidden is None
                else tuple(
                    (a, b, *(math.inf if reach is None else reach for reach in ends))
                    for a, b, *ends in hidden
                ),
                "conserved": {law: tuple(values) for law, values in plain["conserved"].items()},
            }
        )


@dataclass(frozen=True)
class Event(Answer):
    """A symmetry that was born, or died, between two checkpoints.

    Attributes:
        before, after: the steps of the checkpoints.
        node: its name, layer and number.
        role: the symmetry.
        born: or died.
        partners: nodes that take part.
    """

    before: float
    after: float
    node: str
    role: NodeRole
    born: bool
    partners: tuple[int, ...]

    def summary(self) -> str:
        """All of it, for people."""
        others = f" with {', '.join(map(str, self.partners))}" if self.partners else ""
        return (
            f"{self.before:g} to {self.after:g}: node {self.node} {self.role}{others} "
            f"{'born' if self.born else 'died'}"
        )

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "before": self.before,
            "after": self.after,
            "node": self.node,
            "role": str(self.role),
            "born": self.born,
            "partners": list(self.partners),
        }


@dataclass(frozen=True)
class Timeline(Answer):
    """Symmetries through training.

    Attributes:
        points: in the order of their steps.
        tolerance: largest change of an output on the data, up to which a role is given; in units of
            the outputs.
        tolerance_is: where it comes from.
        loss_is: what the loss is.
        inputs: of the data.
        notes: what was not looked for, and why.
        trajectory: λ̂, if it was asked for.
    """

    points: tuple[TimelinePoint, ...]
    tolerance: float
    tolerance_is: str
    loss_is: str
    inputs: int
    notes: tuple[str, ...]
    trajectory: Trajectory | None = None

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """Births and deaths of symmetries, in order. A node that goes from one to another dies of
        one and is born to the other.
        """
        found = []
        for one, other in zip(self.points, self.points[1:], strict=False):
            for was, now in zip(one.nodes, other.nodes, strict=True):
                if was.role is now.role:
                    continue
                if was.role is not NodeRole.LIVE:
                    found.append(
                        Event(one.step, other.step, was.name, was.role, False, was.partners)
                    )
                if now.role is not NodeRole.LIVE:
                    found.append(
                        Event(one.step, other.step, now.name, now.role, True, now.partners)
                    )
        return tuple(found)

    def changed(self) -> list[bool]:
        """For every two neighbouring checkpoints, whether a symmetry was born or died between
        them.

        Returns:
            One answer per interval between checkpoints.
        """
        when = {event.after for event in self.events}
        return [point.step in when for point in self.points[1:]]

    def loss_changed(self) -> list[bool | None]:
        """For every two neighbouring checkpoints, whether they are among the fewest that carry 80 %
        of the loss's total variation.

        Returns:
            One answer per interval between checkpoints; ``None`` where the loss is not known.
        """
        return steep([point.loss for point in self.points])

    def learning_coefficient_changed(self) -> list[bool | None]:
        """For every two neighbouring checkpoints, whether λ̂ differs by more than two standard
        errors and 5 %; ``None``: not known.

        Returns:
            One answer per interval between checkpoints.
        """
        if self.trajectory is None:
            return [None] * (len(self.points) - 1)
        own = {point.step: point for point in self.trajectory.points}
        found: list[bool | None] = []
        for one, other in zip(self.points, self.points[1:], strict=False):
            a, b = own.get(one.step), own.get(other.step)
            if a is None or b is None or not (a.trusted and b.trusted):
                found.append(None)
                continue
            change = abs(b.value - a.value)
            error = math.hypot(a.standard_error, b.standard_error)
            found.append(bool(change > 2 * error and change > 0.05 * max(a.value, b.value)))
        return found

    def agreement(self) -> dict[str, IntervalAgreement]:
        """How often births and deaths fall between the same checkpoints as changes of the loss, and
        of λ̂, beside what chance gives.

        Returns:
            By quantity (``loss``, ``log loss`` and ``λ̂``), the intervals counted; what is not
            known is left out.
        """
        return self.agreement_of(self.changed())

    def agreement_of(self, symmetries: list[bool]) -> dict[str, IntervalAgreement]:
        """The same for changes of your own, between every two neighbouring checkpoints; quantities
        that are not known are left out.

        Returns:
            By quantity, as of :meth:`agreement`.
        """
        logs = [
            None if point.loss is None or point.loss <= 0 else math.log(point.loss)
            for point in self.points
        ]
        quantities = {
            "loss": self.loss_changed(),
            "log loss": steep(logs),
            "λ̂": self.learning_coefficient_changed(),
        }
        return {
            name: agreement(symmetries, changes)
            for name, changes in quantities.items()
            if any(c is not None for c in changes)
        }

    def drift(self) -> dict[str, float]:
        """By how much each conserved quantity has moved from the first checkpoint, at most, over
        its largest absolute value.

        Returns:
            By the name of each law, a share of its largest absolute value.
        """
        found = {}
        for law in self.points[0].conserved if self.points else ():
            values = np.array([point.conserved[law] for point in self.points])
            size = float(np.abs(values).max(initial=0.0))
            found[law] = float(np.abs(values - values[0]).max(initial=0.0)) / size if size else 0.0
        return found

    def _lambda_at(self) -> dict[float, Any]:
        """The point of the trajectory at each step, where λ̂ was read along it."""
        if self.trajectory is None:
            return {}
        return {point.step: point for point in self.trajectory.points}

    def _checkpoints(self) -> list[str]:
        """One line for each checkpoint."""
        values = self._lambda_at()

        def coefficient(step: float) -> str:
            seen = values.get(step)
            if seen is None:
                return ""
            if not math.isfinite(seen.value):
                return "withheld"
            return f"{seen.value:.2f} ± {seen.standard_error:.2f}"

        points = self.points
        nulls = [
            "" if point.rank is None else f"{point.explained}+{point.unexplained}"
            for point in points
        ]
        roles = [
            ", ".join(f"{count} {role}" for role, count in point.counts.items()) for point in points
        ]
        losses = ["" if point.loss is None else f"{point.loss:.4g}" for point in points]
        ranks = ["" if point.rank is None else str(point.rank) for point in points]
        return aligned(
            [
                Column("step", [f"{point.step:g}" for point in points], align="right"),
                Column("loss", losses, align="right"),
                Column("λ̂", [coefficient(point.step) for point in points]),
                Column("kinks", ["+".join(map(str, p.kinks)) for p in points], align="right"),
                Column("rank", ranks, align="right"),
                Column("explained+rest", nulls, align="right"),
                Column("roles", roles),
            ]
        )

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What was not looked for, and those of λ̂ along the checkpoints."""
        found = [Caution(Reason.NOT_CHECKED, note) for note in self.notes]
        if self.trajectory is not None:
            found += [caution.of("λ̂") for caution in self.trajectory.cautions]
        return tuple(found)

    def summary(self) -> str:
        """All of it, for people."""
        rows = self._checkpoints()
        rows.append(
            f"\n  roles on {self.inputs} inputs, up to a change of the outputs of "
            f"{self.tolerance:.3g} ({self.tolerance_is})"
        )
        if self.loss_is:
            rows.append(f"  loss: {self.loss_is}")
        rows += [
            f"  conserved: {law} moved by {share:.2g} of its size"
            for law, share in self.drift().items()
        ]
        hidden = [(point, kink) for point in self.points for kink in point.hidden_kinks or ()]
        if hidden:
            at = ", ".join(dict.fromkeys(f"{point.step:g}" for point, _ in hidden))
            point, (layer, node, backward, forward) = hidden[-1]
            last = (
                f"the last, of node {layer}.{node} at {point.step:g}, can slide by "
                f"-{backward:.3g} to +{forward:.3g} of its bias"
            )
            rows.append(f"  hidden kinks at step {at}; {last}")
        rows.append(f"  {len(self.events)} births and deaths" + (":" if self.events else ""))
        rows += [f"    {event}" for event in self.events[:LISTED]]
        if len(self.events) > LISTED:
            rows.append(f"    and {len(self.events) - LISTED} more")
        rows += [f"  with changes of {name}: {found}" for name, found in self.agreement().items()]
        rows += [f"  note: {note}" for note in self.notes]
        rows += said(tuple(c for c in self.cautions if c.reason is not Reason.NOT_CHECKED))
        return "\n".join(rows)

    def plot(self, **options: Any) -> Any:
        """Loss, λ̂ and the roles of all nodes along the steps; see ``singlearn.plot.timeline``."""
        return drawn("timeline", self, **options)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for machines."""
        return {
            "points": [point.to_dict() for point in self.points],
            "tolerance": self.tolerance,
            "tolerance_is": self.tolerance_is,
            "loss_is": self.loss_is,
            "inputs": self.inputs,
            "events": [event.to_dict() for event in self.events],
            "drift": self.drift(),
            "agreement": {name: found.to_dict() for name, found in self.agreement().items()},
            "trajectory": None if self.trajectory is None else self.trajectory.to_dict(),
            "notes": list(self.notes),
            "cautions": of_each(self.cautions),
        }

    def table(self) -> pandas.DataFrame:
        """A row for every checkpoint, as a ``pandas.DataFrame``."""
        values = self._lambda_at()
        rows = []
        for point in self.points:
            seen = values.get(point.step)
            rows.append(
                {
                    "step": point.step,
                    "loss": point.loss,
                    "λ̂": None if seen is None else seen.value,
                    "standard error": None if seen is None else seen.standard_error,
                    "kinks": sum(point.kinks),
                    "rank": point.rank,
                    "explained": point.explained,
                    "unexplained": point.unexplained,
                    **{str(role): point.counts.get(role, 0) for role in NodeRole},
                }
            )
        return frame(rows)
