"""Ways to fit and predict, in the one shape ``learning_curve`` asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, PyTree

from singlearn.generalise.descent import Descent
from singlearn.generalise.freeze import freeze, thaw
from singlearn.generalise.laplace import LaplaceRefusedError, laplace
from singlearn.generalise.nuts import nuts
from singlearn.generalise.point_estimate import (
    PointEstimate,
    map_estimate_each,
    mle_each,
    one_model,
)
from singlearn.results.caution import Caution, Reason
from singlearn.results.document import of_each
from singlearn.results.result import Answer
from singlearn.tempering import temper
from singlearn.triple import Triple
from singlearn.triple.predictive import Predictor, predictive


@dataclass(frozen=True)
class Fitted(Answer):
    """What a method made of one data set.

    Attributes:
        predictor: log p̂ of data, of shape (n',); ``None`` where the method has no answer.
        note: why there is none, or what to doubt; empty if nothing.
        readings: other numbers of the same fit, in nats: ``"WAIC"`` and ``"LOO"`` are estimates of
            G from the training data alone, ``"F - nS"`` is the free energy above the entropy of the
            data; they need the truth, whose entropy they subtract.
    """

    predictor: Predictor | Callable[[PyTree], Float[np.ndarray, " n"]] | None
    note: str = ""
    readings: Mapping[str, float] = field(default_factory=dict)

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """The note, where there is one."""
        if not self.note:
            return ()
        reason = Reason.NO_ANSWER if self.predictor is None else Reason.DOUBTFUL_FIT
        return (Caution(reason, self.note),)

    def to_dict(self) -> dict[str, Any]:
        """For machines; readings in nats."""
        return {
            "answered": self.predictor is not None,
            "readings": dict(self.readings),
            "cautions": of_each(self.cautions),
        }


# All data sets of one size in, with a seed; one answer for each out.
Method = Callable[[Sequence[Triple], int], list[Fitted]]


@dataclass(frozen=True)
class ReadyMethod:
    """A method of this library with its settings, by which it is told from another.

    Attributes:
        name: of the function that made it.
        settings: its arguments.
        fit: what it does.
    """

    name: str
    settings: Mapping[str, Any]
    fit: Method = field(repr=False)

    def __call__(self, triples: Sequence[Triple], seed: int) -> list[Fitted]:
        """Fit and predict; one entry per triple."""
        return self.fit(triples, seed)


def _descent(how: Descent | None) -> dict[str, Any] | None:
    return None if how is None else asdict(how)


def by_mle(how: Descent | None = None) -> Method:
    """Predict with the maximum likelihood estimate."""
    return ReadyMethod(
        "by_mle",
        {"how": _descent(how)},
        lambda triples, seed: [
            _of_point(estimate, "likelihood") for estimate in mle_each(triples, how, seed)
        ],
    )


def by_map(how: Descent | None = None) -> Method:
    """Predict with the posterior mode."""
    return ReadyMethod(
        "by_map",
        {"how": _descent(how)},
        lambda triples, seed: [
            _of_point(estimate, "posterior") for estimate in map_estimate_each(triples, how, seed)
        ],
    )


def by_laplace(
    subset: list[str] | None = None,
    draws: int = 1000,
    damping: float = 0.0,
    how: Descent | None = None,
) -> Method:
    """Predict with draws of the Laplace approximation at the MAP estimate; refused data sets have
    no predictor and say why.

    Returns:
        A method that :func:`singlearn.generalise.learning_curve` takes.
    """

    def method(triples: Sequence[Triple], seed: int) -> list[Fitted]:
        found = []
        for index, estimate in enumerate(map_estimate_each(triples, how, seed)):
            try:
                approximation = laplace(estimate.triple, estimate.parameter, subset, damping)
            except LaplaceRefusedError as refusal:
                found.append(Fitted(None, str(refusal)))
                continue
            note = f"damped by {damping:g}" if damping else ""
            sample = approximation.sample(draws, seed + index)
            whole = sample if subset is None else thaw(sample, estimate.parameter)
            found.append(Fitted(predictive(estimate.triple, whole), note))
        return found

    settings = {"subset": subset, "draws": draws, "damping": damping, "how": _descent(how)}
    return ReadyMethod("by_laplace", settings, method)


def by_tempering(
    subset: list[str] | None = None,
    particles: int = 128,
    replicates: int = 2,
    draws: int = 1000,
    how: Descent | None = None,
) -> Method:
    """Predict with the Bayes predictive density by tempering; of a subset of the parameters, the
    rest is frozen at the MAP estimate.

    Its readings are WAIC and PSIS-LOO, which estimate G from the training data, and the free
    energy, whose growth with n is G.

    Returns:
        A method that :func:`singlearn.generalise.learning_curve` takes.
    """

    def method(triples: Sequence[Triple], seed: int) -> list[Fitted]:
        found = []
        for index, posterior in enumerate(_posteriors(triples, subset, how, seed)):
            triple = posterior.triple
            run = temper(
                triple,
                particles=particles,
                replicates=replicates,
                seed=seed + index,
                progress=False,
            )
            readings = {}
            if triple.truth_energy is not None and run.posterior.log_likelihood is not None:
                entropy = triple.truth_energy
                readings = {
                    "WAIC": (run.waic().waic.value - entropy) / triple.n,
                    "LOO": (run.loo().loss.value - entropy) / triple.n,
                    "F - nS": run.free_energy(1.0).value - entropy,
                }
            note = "; ".join(map(str, run.energy_cautions))
            found.append(
                Fitted(posterior.predictor(run.sample(1.0, draws, seed + index)), note, readings)
            )
        return found

    settings = {
        "subset": subset,
        "particles": particles,
        "replicates": replicates,
        "draws": draws,
        "how": _descent(how),
    }
    return ReadyMethod("by_tempering", settings, method)


def by_nuts(
    subset: list[str] | None = None,
    draws: int = 1000,
    warmup: int = 1000,
    chains: int = 1,
    how: Descent | None = None,
) -> Method:
    """Predict with the Bayes predictive density by NUTS; of a subset of the parameters, the rest is
    frozen at the MAP estimate.

    Returns:
        A method that :func:`singlearn.generalise.learning_curve` takes.
    """

    def method(triples: Sequence[Triple], seed: int) -> list[Fitted]:
        found = []
        for index, posterior in enumerate(_posteriors(triples, subset, how, seed)):
            chain = nuts(posterior.triple, draws, warmup, chains, seed + index)
            found.append(
                Fitted(
                    posterior.predictor(chain.draws),
                    "; ".join(caution.message for caution in chain.cautions),
                )
            )
        return found

    settings = {
        "subset": subset,
        "draws": draws,
        "warmup": warmup,
        "chains": chains,
        "how": _descent(how),
    }
    return ReadyMethod("by_nuts", settings, method)


def _of_point(estimate: PointEstimate, what: str) -> Fitted:
    note = (
        ""
        if estimate.is_stationary
        else f"the descent of the {what} ended with a gradient of {estimate.gradient:.2g} nats per "
        f"unit"
    )
    return Fitted(estimate.predictor(), note)


@dataclass(frozen=True, eq=False)
class _Posterior:
    """What is sampled, and how its draws predict: ``at`` is where the other parameters are frozen,
    ``None`` if none are.
    """

    triple: Triple
    whole: Triple
    at: Any

    def predictor(self, draws: Any) -> Predictor:
        return predictive(self.whole, draws if self.at is None else thaw(draws, self.at))


def _posteriors(
    triples: Sequence[Triple], subset: list[str] | None, how: Descent | None, seed: int
) -> list[_Posterior]:
    if subset is None:
        return [_Posterior(triple, triple, None) for triple in one_model(triples)]

    def part(estimate: PointEstimate) -> _Posterior:
        whole = estimate.triple
        free = freeze(whole, estimate.parameter, subset)
        if whole.truth is not None:
            # The frozen values may exclude the truth, whose density is still that of the whole
            # model.
            free = free.with_data(free.data, truth=whole.truth_log_likelihood(), name=free.name)
        return _Posterior(free, whole, estimate.parameter)

    return [part(estimate) for estimate in map_estimate_each(triples, how, seed)]
