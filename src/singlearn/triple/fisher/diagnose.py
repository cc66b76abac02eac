"""Is my model singular? Ranks of the Fisher information, and a search for other parameters of
the same density.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree

from singlearn.results.caution import Caution, Reason
from singlearn.running.arguments import random_seed, whole_number
from singlearn.triple.fisher.degenerate import least_eigenvalue_minima, special_parameters
from singlearn.triple.fisher.diagnosis import Diagnosis, EqualParameters, Status
from singlearn.triple.fisher.information import (
    FisherInformation,
    coordinates_at,
    draws_of,
    information_at,
    typical_lengths,
)
from singlearn.triple.fisher.others import Other, others_of
from singlearn.triple.fisher.scores import Scores, scores_of
from singlearn.triple.fisher.true_parameters import zeros_of_divergence
from singlearn.triple.triple import Triple

STARTS = 8
MOST_PARAMETERS_TO_SEARCH = 200
NOISE_FREE = 1e-7


def diagnose(triple: Triple, at: PyTree = None, draws: int = 6, seed: int = 0) -> Diagnosis:
    r"""Whether a model is regular or singular, numerically, with what decides.

    A model is *regular* if it is identifiable and its Fisher information :math:`I(w)` is positive
    definite, otherwise
    *strictly singular* (Watanabe 2009 [watanabe2009algebraic]_). The rank of :math:`I(w)` is found
    from the
    singular values of the scores at the truth or ``at``, at draws of the prior, at other true
    parameters that
    descents find, and, where all these are regular, at parameters with entries set to zero or units
    made equal. A
    second parameter of the same density is looked for among exchanges and changes of signs, along
    the
    kernel, and by least squares from draws of the prior. *Singular* is said with a witness;
    *regular* when
    nothing was found.

    Args:
        triple: a model with data, of a NumPyro model, or a population triple, whose K is looked at
            where it is 0.
        at: a parameter to look at first; by default the truth, where it is a known parameter.
        draws: of the prior, at least 1.
        seed: of draws.

    Returns:
        The verdict, ranks, spectra and kernels at every parameter, witnesses, cautions.

    Raises:
        TypeError: not a triple.
        ValueError: an argument is out of range, or ``at`` does not match the prior.

    >>> import numpyro.distributions as dist
    >>> x = np.linspace(-1.0, 1.0, 20)
    >>> normal = dist.Normal(0.0, 1.0)
    >>> pair = {"a": normal, "b": normal}
    >>> line = Triple.regression(lambda w, x: w["a"] * x + w["b"], pair, x, x)
    >>> product = Triple.regression(lambda w, x: w["a"] * w["b"] * x, pair, x, x)
    >>> diagnose(line).status, diagnose(product).status
    ('regular', 'singular')
    """
    if not isinstance(triple, Triple):
        raise TypeError(f"triple: got {type(triple).__name__}; it should be a Triple")
    draws, seed = whole_number("draws", draws), random_seed(seed)
    with jax.enable_x64(True):
        return _Diagnosing(triple, at, draws, seed).diagnosis()


class _Diagnosing:
    """One diagnosis under way: measurements first, the verdict last."""

    def __init__(self, triple: Triple, at: PyTree, draws: int, seed: int) -> None:
        self.triple, self.seed = triple, seed
        self.cautions: list[Caution] = []
        many = draws_of(triple, max(64, draws), seed)
        self.draws = many[: max(draws, STARTS)]
        spread = np.std(many, axis=0)
        self.spread = np.where(spread > 0, spread, 1.0)
        self.first, self.where, self.true = self._first(at)
        self.scores: Scores = scores_of(triple, self.first, seed)
        self.typical = typical_lengths(self.scores, self.draws[:4])
        self.points: list[FisherInformation] = []
        self.true_points: list[FisherInformation] = []
        self.others: list[Other] = []
        self.searched = False
        self.draw_count = draws

    def _first(self, at: PyTree) -> tuple[Float[np.ndarray, " d"], str, bool]:
        if at is not None:
            return coordinates_at(self.triple, at), "the given parameter", False
        if self.triple.truth_is_parameter:
            try:
                return coordinates_at(self.triple, self.triple.truth, "truth"), "the truth", True
            except ValueError as error:
                self._caution(Reason.SATURATED_CHART, f"{error}; the truth was not looked at")
        return self.draws[0], "a draw of the prior", False

    def _caution(self, reason: Reason, message: str) -> None:
        self.cautions.append(Caution(reason, message))

    def diagnosis(self) -> Diagnosis:
        if self.triple.is_population:
            return self._of_divergence()
        self._look(self.first, self.where, self.true)
        rest = self.draws[: self.draw_count]
        for u in rest[1 if self.where == "a draw of the prior" else 0 :]:
            self._look(u, "a draw of the prior", False)
        self._search()
        if self._mostly_full() and not self._few_rows():
            self._look_at_special()
        self._check_data()
        return self._verdict()

    def _look(self, u: Float[np.ndarray, " d"], where: str, true: bool) -> FisherInformation:
        point = information_at(self.triple, self.scores, u, where, self.typical)
        self.points.append(point)
        if true:
            self.true_points.append(point)
        return point

    def _few_rows(self) -> bool:
        return self.scores.count < self.triple.dimension

    def _search(self) -> None:
        d = self.triple.dimension
        if d > MOST_PARAMETERS_TO_SEARCH:
            self._caution(
                Reason.NOT_SEARCHED,
                f"d = {d} is above {MOST_PARAMETERS_TO_SEARCH}: other parameters of the same "
                "density were not looked for",
            )
            return
        if self.scores.count < 2 * d:
            return
        starts = self.draws[:STARTS]
        if self.where == "a draw of the prior":
            starts = starts[1:]
        self.others = others_of(
            self.triple, self.scores, self.first, self.spread, starts, self.points[0].kernel
        )
        self.searched = True
        if self.true:
            for other in self.others[:3]:
                self._look(other.coordinates, f"another true parameter ({other.how})", True)

    def _look_at_special(self) -> None:
        # Only those that lose rank are kept: the others say what the draws say.
        candidates = [*special_parameters(self.triple, self.draws[0])]
        for u, how in candidates:
            point = information_at(self.triple, self.scores, u, f"a draw with {how}", self.typical)
            if point.is_degenerate:
                self.points.append(point)
                return
        for u in least_eigenvalue_minima(self.scores, self.draws, self.typical):
            where = "a minimum of the least eigenvalue"
            point = information_at(self.triple, self.scores, u, where, self.typical)
            small = information_at(self.triple, self.scores, u, where, self.typical * 1e6)
            self.points.append(small if small.is_degenerate else point)
            return

    def _check_data(self) -> None:
        n, count, d = int(self.triple.n), self.scores.count, self.triple.dimension
        if count < 2 * d:
            self._caution(
                Reason.TOO_FEW_OBSERVATIONS,
                f"{count} numbers from n = {n} observations for d = {d} parameters: "
                + ("the rank cannot exceed them, and " if count < d else "")
                + "other parameters of the same density were not looked for; "
                f"bring at least {2 * d}",
            )
        if self.scores.in_single:
            self._caution(
                Reason.ROUNDING,
                "the model computes in single precision: singular values below 1e-3 of the "
                "largest are not told from zero",
            )
        if self.scores.kind == "data" and self._noise_free():
            self._caution(
                Reason.NO_NOISE,
                f"the scores at {self.where} are zero for all {n} observations: outcomes without "
                "noise show no Fisher "
                "information. Bring noisy outcomes, or use Triple.regression, which integrates "
                "the noise out",
            )
        undecided = [p for p in self.points if p.undecided and p.is_finite]
        if undecided:
            p = undecided[0]
            self._caution(
                Reason.RANK_UNDECIDED,
                f"for {p.undecided} directions at {p.where} it is not clear whether the density "
                "changes along them (singular value "
                f"{p.largest_dropped:.1e} of the largest): collinearity, saturation, or a "
                "degenerate parameter nearby",
            )
        if any(not p.is_finite for p in self.points):
            self._caution(
                Reason.INFINITE_ENERGIES,
                f"scores are not finite at {sum(not p.is_finite for p in self.points)} of "
                f"{len(self.points)} parameters",
            )
        alone = [name for name in self._unseen_parameters()]
        if alone:
            self._caution(
                Reason.UNSEEN_PARAMETER,
                f"no observation depends on {', '.join(alone[:4])} once the other parameters are "
                "given: its posterior is its prior",
            )

    def _noise_free(self) -> bool:
        if not (self.true or self.where == "the given parameter"):
            return False
        length = np.linalg.norm(self.scores.rows(self.first), axis=0)
        return bool((length <= NOISE_FREE * np.max(self.typical)).all())

    def _unseen_parameters(self) -> list[str]:
        sizes = self.triple.coordinates.sizes
        names = self.triple.coordinates.names()
        finite = [p for p in self.points if p.is_finite]
        if not finite or self._few_rows():
            return []
        moving: set[str] = set()
        for p in finite:
            if p.rank == p.dimension:
                return []
        # A leaf is unseen where every unit vector of its coordinates is in the kernel at every
        # parameter.
        ends = None
        if sizes is not None:
            ends = np.cumsum(sizes)
        else:
            leaves = jax.tree.leaves(
                jax.eval_shape(self.triple.coordinates.constrain, jnp.zeros(self.triple.dimension))
            )
            counted = [int(np.prod(leaf.shape)) for leaf in leaves]
            if sum(counted) != self.triple.dimension:
                return []
            ends = np.cumsum(counted)
        dead = np.all(
            [np.diag(p.matrix) <= 1e-20 * np.max(np.diag(p.matrix)) for p in finite], axis=0
        )
        begin = 0
        found = []
        for name, end in zip(names, ends, strict=True):
            if dead[begin:end].all() and name not in moving:
                found.append(name)
            begin = end
        return found

    def _verdict(self) -> Diagnosis:
        d = self.triple.dimension
        degenerate = [p for p in self.points if p.is_degenerate]
        noise_free = any(c.reason == Reason.NO_NOISE for c in self.cautions)
        if noise_free:
            # Zero scores at the truth say nothing about the model.
            degenerate = [p for p in degenerate if p.where == "a draw of the prior"]
        everywhere = (
            bool(degenerate)
            and all(
                p.is_degenerate
                for p in self.points
                if p.is_finite and p.where == "a draw of the prior"
            )
            and any(p.where == "a draw of the prior" for p in self.points)
        )
        identifiable, why = self._identifiable(everywhere)
        status: Status
        if degenerate:
            p = degenerate[0]
            status = "singular"
            share = sum(q.is_degenerate for q in self.points)
            reason = (
                f"the Fisher information has rank {p.rank} of {d} at {p.where} "
                f"({share} of {len(self.points)} parameters looked at are degenerate)"
            )
        elif identifiable is False:
            status, reason = (
                "singular",
                (
                    "not identifiable, although the Fisher information is positive definite at "
                    "the "
                    f"{len(self.points)} parameters looked at: {why}"
                ),
            )
        elif self._few_rows():
            status, reason = (
                "cannot tell",
                (
                    f"{self.scores.count} numbers cannot show more than rank {self.scores.count} "
                    f"of {d}"
                ),
            )
        elif noise_free or not self._mostly_full() or identifiable is None:
            status = "cannot tell"
            reason = (
                "the observations have no noise where the Fisher information was asked for"
                if noise_free
                else "the rank is not decided at too many parameters"
                if not self._mostly_full()
                else f"full rank at {len(self.points)} parameters; {why}"
            )
        else:
            full = [p for p in self.points if p.is_full]
            smallest = min(p.smallest_kept for p in full)
            status = "regular"
            reason = (
                f"full rank at {len(full)} parameters (smallest singular value {smallest:.1e} of "
                "the largest) and no "
                "second parameter of the same density; evidence, not a proof"
            )
        return self._result(status, reason, identifiable, why)

    def _mostly_full(self) -> bool:
        """Full rank at half of the parameters at least, the truth among them, and undecided at
        worst elsewhere.
        """
        full = [p.is_full for p in self.points]
        at_true = all(p.is_full for p in self.true_points)
        open_ = [p for p in self.points if not p.is_finite or p.rank + p.undecided < p.dimension]
        return at_true and not open_ and 2 * sum(full) >= len(full)

    def _identifiable(self, everywhere: bool) -> tuple[bool | None, str]:
        if self.others:
            first = self.others[0]
            return False, (
                "other parameters have the same density: "
                f"{'; '.join(o.how for o in self.others[:3])}. The first differs by "
                f"{first.distance:.2g} prior standard deviations, its densities by "
                f"{first.difference:.0e}"
            )
        if everywhere:
            return (
                False,
                "the rank is below d at every draw, so that each density has a continuum of "
                "parameters",
            )
        if not self.searched:
            return None, "other parameters of the same density were not looked for"
        return True, f"{STARTS} descents and exchanges of units and signs found none"

    def _result(
        self, status: Status, reason: str, identifiable: bool | None, why: str
    ) -> Diagnosis:
        true = [p for p in self.true_points if p.is_finite and not p.is_cut_short]
        noise_free = any(c.reason == Reason.NO_NOISE for c in self.cautions)
        at_truth: bool | None = None
        if (
            true
            and not noise_free
            and (all(p.is_full for p in true) or any(p.is_degenerate for p in true))
        ):
            at_truth = all(p.is_full for p in true)
        constrain = self.triple.coordinates.constrain
        first = self.points[0].parameter if self.points else None
        witnesses = tuple(
            EqualParameters(
                first, constrain(jnp.asarray(o.coordinates)), o.how, o.distance, o.difference
            )
            for o in self.others
        )
        return Diagnosis(
            self.triple.name, self.triple.dimension, status, reason, identifiable, why, at_truth,
            tuple(self.points), witnesses, tuple(self.cautions),
        )  # fmt: skip

    def _of_divergence(self) -> Diagnosis:
        """Of a population triple: the Hessian where K = 0; elsewhere K says nothing of the
        Fisher information.
        """
        d = self.triple.dimension
        starts = self.draws
        zeros = zeros_of_divergence(self.triple, starts)
        if self.where == "the given parameter":
            energy = self.triple.parameter_energy(
                self.triple.coordinates.constrain(jnp.asarray(self.first))
            )
            if energy / self.triple.n <= 1e-12 * zeros.typical:
                zeros.found.insert(0, self.first)
            else:
                self._caution(
                    Reason.NO_ZERO,
                    f"K = {energy / self.triple.n:.3g} at the given parameter: its Hessian is "
                    "the Fisher "
                    "information only where K = 0, and it was not looked at",
                )
        if zeros.on_the_edge:
            self._caution(
                Reason.SATURATED_CHART,
                f"{len(zeros.on_the_edge)} descents ended where the prior's support ends; the "
                "Fisher information there was not looked at",
            )
        kept: list[np.ndarray] = []
        for u in zeros.found:
            if not any(np.max(np.abs(u - v) / self.spread) < APART_ZEROS for v in kept):
                kept.append(u)
        for u in kept[: max(self.draw_count, 2)]:
            self._look(u, "a true parameter", True)
        seen = [p for p in self.points if p.is_finite]
        if self.scores.in_single:
            self._caution(
                Reason.ROUNDING,
                "K is computed in single precision: small curvatures are not told from zero",
            )
        if not seen:
            reason = (
                f"no true parameter was found: K is at least {zeros.smallest:.3g} after "
                f"{len(starts)} "
                f"descents (typically {zeros.typical:.3g})"
                if not zeros.on_the_edge
                else "K vanishes only where the prior's support ends, as far as was seen"
            )
            if not zeros.on_the_edge:
                self._caution(Reason.NO_ZERO, reason)
            return self._result("cannot tell", reason, None, "")
        degenerate = [p for p in seen if p.is_degenerate]
        undecided = [p for p in seen if not p.is_degenerate and not p.is_full]
        if undecided:
            self._caution(
                Reason.RANK_UNDECIDED,
                f"{undecided[0].undecided} curvatures of K are neither zero nor clearly not at a "
                "true parameter",
            )
        several = len(kept) > 1
        why = f"{len(kept)} different true parameters were found" if several else ""
        if degenerate:
            ranks = sorted({p.rank for p in degenerate})
            words = " or ".join(map(str, ranks))
            reason = (
                f"the Hessian of K has rank {words} of {d} at {len(degenerate)} of {len(seen)} "
                "true parameters found"
            )
            return self._result("singular", reason, False if several else None, why)
        if undecided:
            return self._result(
                "cannot tell",
                "the rank is not decided at every true parameter",
                False if several else None,
                why,
            )
        if several:
            reason = (
                f"not identifiable: {why}, with a positive definite Hessian of K at each that "
                "was looked at"
            )
            return self._result("singular", reason, False, why)
        reason = (
            f"{len(zeros.found)} descents of K end at one true parameter, with a positive "
            "definite Hessian; K says nothing of "
            "the model at other parameters"
        )
        return self._result(
            "regular", reason, True, f"{len(zeros.found)} descents of K end at one parameter"
        )


APART_ZEROS = 1e-3
"""Two zeros of K are two when a coordinate differs by this share of the prior's spread: flat
directions and
slow descents blur them less."""
