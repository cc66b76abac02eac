"""Models of one family side by side."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from singlearn.measure.criteria import Loo, Waic
from singlearn.results.caution import Caution
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.picture import drawn
from singlearn.results.result import Answer
from singlearn.results.table import (
    MISSING,
    Column,
    aligned,
    estimates,
    frame,
    probabilities,
    wrapped,
)
from singlearn.selection.candidate import CRITERIA, Candidate, Difference, difference
from singlearn.selection.latex import to_latex
from singlearn.selection.replicated_data import PredictiveCheck, predictive_check
from singlearn.selection.stored import load, save
from singlearn.tempering.draw_of_data import Draw
from singlearn.triple import Triple

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Selection(Answer):
    """A family of models compared on one data set; ``print`` it for the table.

    Attributes:
        name: of the data.
        description: what was compared, one line.
        candidates: in the order of K.
    """

    name: str
    description: str
    candidates: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate:
        """The candidate with the lowest free energy."""
        return min(self.candidates, key=lambda candidate: candidate.free_energy.value)

    def gap(self, candidate: Candidate) -> Estimate:
        """F of ``candidate`` above the best one's, in nats; its error is that of both, which are
        independent runs.

        Returns:
            A difference of free energies in nats, with its error.
        """
        best = self.best
        if candidate is best:
            return Estimate(0.0, candidate.free_energy.standard_error)
        difference = candidate.free_energy.value - best.free_energy.value
        return Estimate(
            difference,
            math.hypot(candidate.free_energy.standard_error, best.free_energy.standard_error),
        )

    @property
    def tied(self) -> tuple[Candidate, ...]:
        """Candidates these runs cannot tell from the best: the gap in free energy is within two
        standard errors.
        """
        gaps = [
            (candidate, self.gap(candidate))
            for candidate in self.candidates
            if candidate is not self.best
        ]
        return tuple(candidate for candidate, gap in gaps if gap.value < 2 * gap.standard_error)

    def best_by(self, criterion: Literal["waic", "loo"]) -> Candidate | None:
        """The candidate with the lowest WAIC or LOO; ``None`` where no candidate has one."""
        known = [
            candidate for candidate in self.candidates if getattr(candidate, criterion) is not None
        ]
        return min(known, key=lambda candidate: getattr(candidate, criterion).value, default=None)

    def difference(
        self, candidate: Candidate, criterion: Literal["waic", "loo"]
    ) -> Difference | None:
        """WAIC or LOO of ``candidate`` above the lowest, with the paired error over data; ``None``
        where it has none.

        Both errors matter: that of the computation shrinks with more particles, that over data with
        more observations only.

        Returns:
            The difference in nats, with both errors.
        """
        best, own = self.best_by(criterion), getattr(candidate, criterion)
        if best is None or own is None:
            return None
        lowest: Waic | Loo = getattr(best, criterion)
        if candidate is best:
            return Difference(0.0, 0.0, 0.0)
        return difference(own, lowest)

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """Those of all candidates, each with its K."""
        return tuple(
            caution.of(f"K = {candidate.size}")
            for candidate in self.candidates
            for caution in candidate.cautions
        )

    def table(self) -> pandas.DataFrame:
        """One candidate per row; free energies and criteria in nats, with the errors of the
        computation, and paired over data where it says so.

        Returns:
            One row per candidate.
        """
        return frame(self._row(candidate) for candidate in self.candidates)

    def _row(self, candidate: Candidate) -> dict[str, Any]:
        row = {
            "K": candidate.size,
            "F": candidate.free_energy,
            "P(K)": candidate.probability,
            "WBIC": candidate.wbic,
            "BIC": candidate.bic,
            "λ": candidate.learning_coefficient,
            "d/2": candidate.half_dimension,
        }
        for name in CRITERIA:
            row[name.upper()] = getattr(candidate, name)
            above = self.difference(candidate, name)
            row[f"{name.upper()} above lowest"] = above
            row[f"{name.upper()} above lowest, error over data"] = (
                None if above is None else above.standard_error_over_data
            )
        return row

    def summary(self) -> str:
        """Numbers line up, errors beside values, a unit wherever there is one, cautions in words
        beneath.

        Returns:
            The table as text.
        """
        candidates = self.candidates
        columns = [
            Column("K", [str(c.size) for c in candidates]),
            Column("F = −log evidence", estimates([c.free_energy for c in candidates]), "nats"),
            Column("P(K)", probabilities([c.probability for c in candidates])),
            Column("WBIC", estimates([c.wbic for c in candidates]), "nats"),
            Column("BIC", [f"{c.bic:.2f}" for c in candidates], "nats", "number"),
            Column("λ̂", estimates([c.learning_coefficient for c in candidates])),
            Column("d/2", [f"{c.half_dimension:.1f}" for c in candidates], align="number"),
            Column(
                "note",
                [", ".join(dict.fromkeys(str(w.reason) for w in c.cautions)) for c in candidates],
            ),
        ]
        head = self.name + (f"  {self.description}" if self.description else "")
        lines = [head, "", *aligned(columns), "", *wrapped(self._verdict()), *self._out_of_sample()]
        sentences = list(self._sentences())
        if sentences:
            lines += ["", *(line for sentence in sentences for line in wrapped(sentence))]
        return "\n".join(lines)

    def _sentences(self) -> Iterable[str]:
        """What is to be said beneath the numbers."""
        for candidate in self.candidates:
            yield from (f"K = {candidate.size}: {caution}" for caution in candidate.cautions)
        for candidate in self.candidates:
            if candidate.not_read:
                yield f"K = {candidate.size}: λ̂ is not read: {candidate.not_read}"
        at_mode = [f"K = {c.size}" for c in self.candidates if not c.is_likelihood_maximum]
        if at_mode:
            yield (
                f"{', '.join(at_mode)}: BIC stands at the lowest energy met, for no maximum of the "
                "likelihood was reached"
            )
        spikes = [
            f"{c.spike_height:.1f} nats (K = {c.size})"
            for c in self.candidates
            if c.spike_height > 0
        ]
        if spikes:
            yield (
                "BIC leaves out maxima of the likelihood that the prior all but forbids, a "
                "component on a few observations, say; higher ones were met: by "
                f"{', '.join(spikes)}"
            )

    def _verdict(self) -> str:
        """Which K is best, and which others these runs cannot exclude."""
        best, said = self.best, f"best: K = {self.best.size}"
        if len(self.candidates) > 1:
            [share] = probabilities([best.probability])
            said += f", P {share}" if share[0] in "<>" else f", P = {share}"
        if self.tied:
            gaps = ", ".join(f"K = {c.size} ({self.gap(c)} nats above)" for c in self.tied)
            said += (
                f"; within the error of these runs also {gaps}: raise particles to tell them apart"
            )
        return said

    def _out_of_sample(self) -> list[str]:
        """WAIC and LOO with both of their errors: a table, and what it decides; no lines where no
        candidate has them.
        """
        candidates = self.candidates
        columns = [Column("K", [str(c.size) for c in candidates])]
        for name in CRITERIA:
            readings: list[Waic | Loo | None] = [getattr(c, name) for c in candidates]
            if all(reading is None for reading in readings):
                continue
            computed = [
                None if r is None else Estimate(r.value, r.standard_error) for r in readings
            ]
            over_data = [
                MISSING if r is None else f"{r.standard_error_over_data:.2g}" for r in readings
            ]
            columns += [
                Column(name.upper(), estimates(computed), "± computation"),
                Column("SE over data", over_data, align="number"),
            ]
            if len(candidates) > 1:
                above = [_above(self.difference(c, name)) for c in candidates]
                columns.append(Column("above lowest", above, "± over data", "number"))
        if len(columns) == 1:
            return []
        if any(c.loo is not None for c in candidates):
            bad = [MISSING if c.loo is None else str(c.loo.unreliable) for c in candidates]
            columns.append(Column("bad k̂", bad, align="number"))
        lines = ["", "  out of sample, in nats: what n new observations would cost", ""]
        lines += aligned(columns)
        if len(candidates) > 1:
            lines += ["", *(line for name in CRITERIA for line in wrapped(self._decision(name)))]
        for candidate in candidates:
            for caution in () if candidate.loo is None else candidate.loo.cautions:
                lines += wrapped(f"K = {candidate.size}: LOO: {caution.message}")
        return lines

    def _decision(self, name: Literal["waic", "loo"]) -> str:
        """Which model predicts best by a criterion, and which ones the data or the runs cannot tell
        from it.
        """
        best = self.best_by(name)
        if best is None:
            return ""
        others = [(c, self.difference(c, name)) for c in self.candidates if c is not best]
        near = [f"K = {c.size}" for c, d in others if d is not None and not d.is_decisive]
        said = f"lowest {name.upper()}: K = {best.size}"
        if near:
            said += (
                f"; {', '.join(near)} within two standard errors of the difference: these data do "
                "not tell which predicts best"
            )
        return said

    def plot(self, **options: Any) -> Any:
        """Free energies and criteria against K; see ``singlearn.plot.selection``."""
        return drawn("selection", self, **options)

    def to_latex(self) -> str:
        """The table with errors in brackets, for the packages booktabs and amsmath.

        Returns:
            A ``tabular``; the best model is bold.
        """
        return to_latex(self.candidates, self.best)

    def check(
        self,
        size: int | None = None,
        statistics: Mapping[str, Callable[[np.ndarray], float]] | None = None,
        draw: Draw | bool = True,
        seed: int = 0,
    ) -> PredictiveCheck:
        """Whether one model of the selection makes data like those that were observed; see
        ``selection.predictive_check``.

        Args:
            size: K; default: that of the best model.
            statistics: functions of an array of observations, by name.
            draw: ``draw(key, w, data)``; ``True`` asks the model.
            seed: of the replicated data.

        Returns:
            A row for each statistic.

        Raises:
            ValueError: no candidate of this size, or a model that cannot draw data.
        """
        chosen = [c for c in self.candidates if c.size == size] if size is not None else [self.best]
        if not chosen:
            known = ", ".join(str(c.size) for c in self.candidates)
            raise ValueError(f"size: got {size}; the selection has K = {known}")
        return predictive_check(chosen[0].run, statistics, draw, seed)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write all runs, each as ``Run.save`` does, and what was compared, into a folder.

        Raises:
            FileExistsError: there is a selection in it.
            OSError: it cannot be written.
        """
        save(self.candidates, self.name, self.description, folder)

    @classmethod
    def load(
        cls, folder: str | os.PathLike[str], family: Callable[[int], Triple] | None = None
    ) -> Selection:
        """Read what ``save`` wrote; every number is read off the runs again.

        Args:
            folder: of the selection.
            family: K to a triple, as it was given to ``select``; needed for predictive densities
                and checks.

        Returns:
            The selection, with the same numbers.

        Raises:
            FileNotFoundError: there is no selection.
            ValueError: a damaged one, or a family of other triples.
        """
        return cls(*load(folder, family))

    def to_dict(self) -> dict[str, Any]:
        """The same for machines; free energies and criteria in nats."""
        return {
            "name": self.name,
            "description": self.description,
            "best": self.best.size,
            "tied": [candidate.size for candidate in self.tied],
            "candidates": [{**c.to_dict(), **self._differences(c)} for c in self.candidates],
            "cautions": of_each(self.cautions),
        }

    def _differences(self, candidate: Candidate) -> dict[str, Any]:
        found = {name: self.difference(candidate, name) for name in CRITERIA}
        return {
            f"{name}_above_lowest": None if d is None else d.to_dict() for name, d in found.items()
        }


def _above(difference: Difference | None) -> str:
    if difference is None:
        return MISSING
    if difference.standard_error_over_data is None:
        return f"{difference.value:.1f} (not paired)"
    if not difference.value:
        return "0"
    return f"{difference.value:.1f} ± {difference.standard_error_over_data:.1f}"
