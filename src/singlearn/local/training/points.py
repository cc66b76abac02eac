"""λ̂ and the loss over the checkpoints of a training run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from singlearn.local.names import Tie
from singlearn.local.training.critical_points import CriticalPoint, critical_points
from singlearn.local.training.straight_pieces import Breakpoint, Pieces, straight_pieces
from singlearn.local.verdict.result import LocalLearningCoefficient
from singlearn.local.verdict.shown import with_cautions
from singlearn.local.verdict.status import Status
from singlearn.results.caution import Caution, Reason
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer

if TYPE_CHECKING:
    import pandas

TRUSTED = (Status.CONVERGED, Status.NOISE_LIMITED)
"""What stages of λ̂ are read from: verdicts whose error means what it says."""
FEWEST = 6
"""Points from which stages are read."""
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?%?")
LISTED = 12
"""Steps that are named."""
ROWS, STAGES = 12, 8
"""Points and lines on stages that a person is shown."""
UNTRUSTED = {
    Status.DRIFTING: Reason.POOR_MIXING,
    Status.DIVERGED: Reason.DIVERGED,
    Status.NOT_LOCAL_MINIMUM: Reason.NOT_A_MINIMUM,
}


@dataclass(frozen=True)
class TrajectoryPoint(Answer):
    """λ̂ and the loss at one checkpoint.

    Attributes:
        step: of training.
        name: of the checkpoint.
        value: λ̂, NaN where withheld.
        standard_error: of λ̂.
        status: the verdict on λ̂.
        loss: L_n(w*), exact over all samples.
        above_minimum: by how much w* lies above its basin, in units of λ.
        r_hat: split R-hat of λ̂.
        effective_sample_size: of all chains together.
        steps: of every chain.
        half_dimension: d/2.
        samples: n.
        nbeta: nβ.
        weights: fingerprint of the weights.
        cautions: what may be wrong with λ̂.
    """

    step: float
    name: str
    value: float
    standard_error: float
    status: Status
    loss: float
    above_minimum: float
    r_hat: float
    effective_sample_size: float
    steps: int
    half_dimension: float
    samples: int
    nbeta: float
    weights: str
    cautions: tuple[Caution, ...]

    @classmethod
    def of(
        cls, step: float, name: str, weights: str, found: LocalLearningCoefficient
    ) -> TrajectoryPoint:
        """What is kept of one measurement."""
        return cls(
            step,
            name,
            found.value,
            found.standard_error,
            found.status,
            found.loss,
            found.above_minimum,
            found.r_hat,
            found.effective_sample_size,
            found.steps,
            found.half_dimension,
            found.samples,
            found.nbeta,
            weights,
            found.cautions,
        )

    @property
    def trusted(self) -> bool:
        """Whether its error may be taken at face value."""
        return self.status in TRUSTED and math.isfinite(self.value)

    def to_dict(self) -> dict[str, Any]:
        """For machines; what is withheld is ``None``."""
        plain = {**vars(self), "status": str(self.status), "cautions": of_each(self.cautions)}
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in plain.items()
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> TrajectoryPoint:
        """What ``to_dict`` wrote."""
        known: dict[str, Any] = {
            key: math.nan if value is None else value for key, value in plain.items()
        }
        cautions = tuple(Caution.from_dict(one) for one in plain["cautions"])
        return cls(**(known | {"status": Status(plain["status"]), "cautions": cautions}))

    def __str__(self) -> str:
        head = f"step {self.step:g}: λ̂ = {_shown(self)}   {self.status}   L_n(w*) = {self.loss:.6g}"
        return with_cautions([head], self.cautions)


@dataclass(frozen=True)
class Trajectory(Answer):
    """λ̂ and loss over checkpoints, with the stages they fall into.

    Attributes:
        points: in the order of their steps.
        missing: steps that are not measured yet, by other processes of the same job.
        gamma: γ of all points; by name numbers or lists of them.
        gamma_chosen_at: the step whose weights γ was chosen from; ``None`` where it was given.
    """

    points: tuple[TrajectoryPoint, ...]
    missing: tuple[float, ...]
    gamma: Tie
    gamma_chosen_at: float | None = None

    @cached_property
    def loss_stages(self) -> Pieces | None:
        """Straight pieces of the loss in log step; ``None`` for fewer than six points after step 0.
        The loss itself is exact.
        """
        own = [point for point in self.points if point.step > 0 and math.isfinite(point.loss)]
        return _pieces(own, [point.loss for point in own], [0.0] * len(own))

    @cached_property
    def learning_coefficient_stages(self) -> tuple[Pieces, ...]:
        """Straight pieces of λ̂ in log step, of every stretch of at least six points after step 0
        whose error means what it says.

        Where λ̂ is withheld the fit is interrupted.
        """
        stretches = [
            list(own)
            for trusted, own in groupby(
                (p for p in self.points if p.step > 0), lambda point: point.trusted
            )
            if trusted
        ]
        found = [
            _pieces(own, [point.value for point in own], [point.standard_error for point in own])
            for own in stretches
        ]
        return tuple(pieces for pieces in found if pieces is not None)

    @cached_property
    def critical_points(self) -> tuple[CriticalPoint, ...]:
        """Maxima and minima of λ̂ in log step, over the points after step 0 that can be trusted:
        where Hoogland et al. 2024 [hoogland2024stagewise]_ cut training into stages. The pieces of
        ``learning_coefficient_stages`` are cut where the slope changes, which a maximum between two
        slopes need not be, and a shoulder is.
        """
        own = [point for point in self.points if point.step > 0 and point.trusted]
        if len(own) < FEWEST:
            return ()
        return critical_points(
            np.array([point.step for point in own]),
            np.array([point.value for point in own]),
            np.array([point.standard_error for point in own]),
        )

    @cached_property
    def cautions(self) -> tuple[Caution, ...]:
        """What keeps points from being learning coefficients, and stages from being found."""
        found = []
        for status in Status:
            steps = [f"{point.step:g}" for point in self.points if point.status is status]
            if steps and status not in TRUSTED:
                withheld = status is Status.DIVERGED
                what = "λ̂ is withheld there" if withheld else "stages of λ̂ end there"
                words = f"{status} at step {', '.join(steps)}: {what}"
                found.append(Caution(UNTRUSTED[status], words))
        found += self._of_points()
        if self.missing:
            found.append(
                Caution(
                    Reason.UNFINISHED,
                    f"step {', '.join(f'{step:g}' for step in self.missing)} not measured yet: "
                    "they are with other processes; when these have ended, the same call reads "
                    "them from the folder",
                )
            )
        if not self.learning_coefficient_stages:
            found.append(
                Caution(
                    Reason.TOO_FEW_POINTS,
                    f"stages of λ̂ need {FEWEST} points in a row after step 0 with a status of "
                    "converged or noise_limited",
                )
            )
        return tuple(found)

    def _of_points(self) -> list[Caution]:
        """Every caution of every point; those that differ in their numbers only are said once, with
        the steps of all.
        """
        alike: dict[str, list[tuple[TrajectoryPoint, Caution]]] = {}
        for point in self.points:
            for caution in point.cautions:
                alike.setdefault(NUMBER.sub("#", str(caution)), []).append((point, caution))
        found = []
        for (first, caution), *others in alike.values():
            steps = list(dict.fromkeys(f"{point.step:g}" for point, _ in others))
            more = f", likewise at step {_listed(steps)}" if steps else ""
            words = f"{caution.message} (step {first.step:g}{more})"
            found.append(Caution(caution.reason, words))
        return found

    def __str__(self) -> str:
        rows = [f"  {'step':>9}  {'L_n(w*)':>11}  {'λ̂':<17}  status"]
        kept = self.points
        if len(kept) > ROWS:
            kept = (*self.points[: ROWS // 2], *self.points[len(self.points) - ROWS // 2 :])
        for number, point in enumerate(kept):
            if len(kept) < len(self.points) and number == ROWS // 2:
                rows.append(f"  … and {len(self.points) - ROWS} more points, in .table()")
            rows.append(
                f"  {point.step:>9g}  {point.loss:>11.5g}  {_shown(point):<16}  "
                f"{point.status}{_counted(point.cautions)}"
            )
        if self.points:
            first = self.points[0]
            tie = "γ by name" if isinstance(self.gamma, Mapping) else f"γ = {self.gamma:g}"
            if self.gamma_chosen_at is not None:
                tie += f", chosen once, from the weights at step {self.gamma_chosen_at:g}"
            settings = f"n = {first.samples}, nβ = {first.nbeta:.6g}, {tie}"
            rows.append(f"\n  {settings}; a regular model: d/2 = {first.half_dimension:g}")
        stages = []
        for pieces in self.learning_coefficient_stages:
            stages += _described("λ̂", pieces)
        stages += [f"  λ̂ turns: {turn}" for turn in self.critical_points]
        stages += [] if self.loss_stages is None else _described("loss", self.loss_stages)
        if len(stages) > STAGES:
            more = len(stages) - STAGES
            stages = [*stages[:STAGES], f"  … and {more} more lines on stages, in .to_dict()"]
        return with_cautions(rows + stages, self.cautions)

    def table(self) -> pandas.DataFrame:
        """A row for every point.

        Returns:
            ``loss``, ``learning_coefficient`` (NaN where withheld), ``standard_error``, ``status``,
            ``r_hat``, ``effective_sample_size``, ``above_minimum``, ``steps``, ``name`` and
            ``cautions`` (their reasons) by step.
        """
        import pandas

        rows = [
            {
                "step": point.step,
                "loss": point.loss,
                "learning_coefficient": point.value,
                "standard_error": point.standard_error,
                "status": str(point.status),
                "r_hat": point.r_hat,
                "effective_sample_size": point.effective_sample_size,
                "above_minimum": point.above_minimum,
                "steps": point.steps,
                "name": point.name,
                "cautions": ", ".join(dict.fromkeys(str(one.reason) for one in point.cautions)),
            }
            for point in self.points
        ]
        return pandas.DataFrame(rows).set_index("step") if rows else pandas.DataFrame()

    def to_dict(self) -> dict[str, Any]:
        """Everything, for machines; what is withheld or undefined is ``None``."""
        return {
            "gamma": dict(self.gamma) if isinstance(self.gamma, Mapping) else self.gamma,
            "gamma_chosen_at": self.gamma_chosen_at,
            "points": [point.to_dict() for point in self.points],
            "missing": list(self.missing),
            "stages": {
                "learning_coefficient": [
                    pieces.to_dict() for pieces in self.learning_coefficient_stages
                ],
                "critical_points": [turn.to_dict() for turn in self.critical_points],
                "loss": None if self.loss_stages is None else self.loss_stages.to_dict(),
            },
            "cautions": of_each(self.cautions),
        }


def _shown(point: TrajectoryPoint) -> str:
    if math.isnan(point.value):
        return "withheld"
    return str(Estimate(point.value, point.standard_error))


def _listed(steps: list[str]) -> str:
    return ", ".join(steps[:LISTED]) + (
        f" and {len(steps) - LISTED} more" if len(steps) > LISTED else ""
    )


def _counted(cautions: tuple[Caution, ...]) -> str:
    return f", {len(cautions)} caution{'s' if len(cautions) > 1 else ''}" if cautions else ""


def _pieces(
    points: list[TrajectoryPoint], values: list[float], errors: list[float]
) -> Pieces | None:
    if len(points) < FEWEST:
        return None
    return straight_pieces(
        np.array([point.step for point in points]), np.array(values), np.array(errors)
    )


def _described(name: str, pieces: Pieces) -> list[str]:
    name = f"{name}, step {pieces.steps[0]:g} to {pieces.steps[-1]:g}"
    count = len(pieces.breakpoints)
    more = (
        f"; a further one has probability {pieces.undecided:.2f}, not significant"
        if pieces.undecided > 0.05
        else ""
    )
    if not count:
        return [f"  {name}: no significant change of slope in log step{more}"]
    head = (
        f"  {name}: {count} change{'s' if count > 1 else ''} of slope in log step (probability "
        f"{pieces.probability:.3f}){more}"
    )
    return [head, *(f"    {_line(point)}" for point in pieces.breakpoints)]


def _line(point: Breakpoint) -> str:
    return f"{point}, per factor e in steps"
