"""What can be wrong with a number, as values with a reason: one list of reasons for all answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a number should not be taken at face value.

    A reason is its own key, in JSON for instance; ``sentence`` says what it means wherever it
    occurs, and ``what_to_do`` what helps. The numbers of one case are in the message of a
    :class:`Caution`.

    >>> Reason.POOR_MIXING, Reason("poor_mixing") is Reason.POOR_MIXING
    (<Reason.POOR_MIXING: 'poor_mixing'>, True)
    >>> Reason.POOR_MIXING.what_to_do
    'run longer, or with more particles or moves'
    """

    sentence: str
    what_to_do: str

    def __new__(cls, key: str, sentence: str = "", what_to_do: str = "") -> Reason:
        """A member of the list; its value is the key alone."""
        member = str.__new__(cls, key)
        member._value_ = key
        member.sentence = sentence
        member.what_to_do = what_to_do
        return member

    # -- what was sampled
    POOR_MIXING = (
        "poor_mixing",
        "the chains or particles have not forgotten where they came from",
        "run longer, or with more particles or moves",
    )
    UNMIXED_COORDINATE = (
        "unmixed_coordinate",
        "a coordinate of the draws is worth far fewer draws than there are",
        "raise particles, or compare functions of the parameter that its symmetries leave alone",
    )
    UNSEEN_MODE = (
        "unseen_mode",
        "an optimiser found a mode of the posterior that no particle has seen",
        "temper with modes='auto', which adds it, or with more particles",
    )
    PHASE_ELSEWHERE = (
        "phase_elsewhere",
        "the posterior sits in another phase than the number is meant for",
        "go colder, take more data, or restrict the run to the phase",
    )
    TOO_FEW_RUNGS = (
        "too_few_rungs",
        "few rungs lie where the number was read",
        "raise target_ess or beta_max",
    )
    INFINITE_ENERGIES = (
        "infinite_energies",
        "the model gives some parameters of the prior no likelihood at all",
        "check that this is intended; such draws have no weight",
    )
    DIVERGED = (
        "diverged",
        "numbers became infinite or undefined on the way",
        "take smaller steps, or a prior that keeps the parameters where the model is finite",
    )
    # -- what was read off it
    READINGS_DISAGREE = (
        "readings_disagree",
        "independent readings of one quantity differ by more than their errors",
        "trust none of them alone: go colder, take more data, or run longer",
    )
    NOT_LEVEL = (
        "not_level",
        "what should be constant over the window still changes there",
        "take more data, or read further along",
    )
    PRIOR_DOMINATED = (
        "prior_dominated",
        "the posterior is still close to the prior",
        "take more data, or go colder",
    )
    ABOVE_HALF_DIMENSION = (
        "above_half_dimension",
        "the learning coefficient is above d/2, its largest value for a positive prior",
        "go colder or take more data; see that the prior is positive at the best parameter",
    )
    TOO_FEW_DECADES = (
        "too_few_decades",
        "a limit was read over a short range",
        "follow it further: a larger beta_max, or a smaller threshold",
    )
    MULTIPLICITY_UNCERTAIN = (
        "multiplicity_uncertain",
        "several multiplicities explain what was read",
        "follow the limit further, or give multiplicity= where it is known",
    )
    TOO_FEW_SIZES = (
        "too_few_sizes",
        "with so few sample sizes nothing checks the law that is fitted",
        "give more sizes",
    )
    NOT_PROPORTIONAL = (
        "not_proportional",
        "the generalisation error does not fall like 1/n over these sizes",
        "take larger n, or fit with an intercept: realisable=False",
    )
    HEAVY_WEIGHTS = (
        "heavy_weights",
        "single observations move the posterior too much for importance weights",
        "fit again without them, as cross-validation does, or examine them",
    )
    METASTABLE = (
        "metastable",
        "the answer depends on the side from which it was approached",
        "run each phase by itself, with restrict=",
    )
    NO_ANSWER = (
        "no_answer",
        "a method gave no number in some cases",
        "see the reason in the message; the remaining cases are not a fair sample",
    )
    DOUBTFUL_FIT = (
        "doubtful_fit",
        "a fit reports that it may be wrong",
        "see the reason in the message",
    )
    # -- the model and what was brought
    PLATEAU = (
        "plateau",
        "many parameters share one value of K",
        "check that K is meant to be constant there, and is not rounded",
    )
    NO_ZERO = (
        "no_zero",
        "K is nowhere 0, so that the learning coefficient has no meaning in the limit",
        "subtract the smallest K, or give a prior whose support contains the true parameters",
    )
    NEGATIVE_ENERGY = (
        "negative_energy",
        "K is negative somewhere, which no Kullback-Leibler divergence is",
        "write K as a sum of squares, or subtract its minimum",
    )
    ROUNDING = (
        "rounding",
        "rounding is as large as what was to be read",
        "compute in float64, or write differences without cancellation",
    )
    SATURATED_CHART = (
        "saturated_chart",
        "a parameter is rounded to the edge of its support",
        "write the model in the logarithm of that parameter",
    )
    PRIOR_MISMATCH = (
        "prior_mismatch",
        "the density of the prior and its draws do not agree",
        "correct the density, or the sampler",
    )
    IMPUTED_OBSERVATIONS = (
        "imputed_observations",
        "unobserved values are counted among the parameters",
        "compare models by F, not by BIC",
    )
    ONE_OBSERVATION = (
        "one_observation",
        "the data are one observation, and criteria for many observations do not apply",
        "leave out to_event where numbers are independent given the parameters",
    )
    MISFIT = (
        "misfit",
        "data made by the model differ from those that were observed",
        "change the model: λ and the free energy are those of a model that does not fit",
    )
    NO_MINIMUM = (
        "no_minimum",
        "the minimum does not exist",
        "see the message for what was done instead",
    )
    NOT_CHECKED = (
        "not_checked",
        "something that is usually checked could not be",
        "give what the message names",
    )
    # -- laws of an optimiser
    NO_SYMMETRY = (
        "no_symmetry",
        "the network does not have the symmetry that the law belongs to",
        "check that the law is meant for these parameters, and gradients are not changed by entry",
    )
    OTHER_STEP = (
        "other_step",
        "parameters changed in another way than by the recorded steps",
        "change parameters only through the optimiser, or start a new ledger",
    )
    UNKNOWN_STEP = (
        "unknown_step",
        "the optimiser's step is not known here",
        "trust only the split by order in the step size",
    )
    NOT_RECORDED = (
        "not_recorded",
        "part of the history was not recorded",
        "see the message for which part",
    )
    # -- whether parameters can be told apart
    TOO_FEW_OBSERVATIONS = (
        "too_few_observations",
        "fewer observations than the question needs",
        "bring more observations",
    )
    NO_NOISE = (
        "no_noise",
        "outcomes without noise show no Fisher information",
        "bring noisy outcomes, or Triple.regression, which integrates the noise out",
    )
    RANK_UNDECIDED = (
        "rank_undecided",
        "for some directions it is not clear whether the density changes along them",
        "look at the spectrum; bring more data, or move away from the degenerate parameter",
    )
    UNSEEN_PARAMETER = (
        "unseen_parameter",
        "no observation depends on a parameter",
        "remove it, or bring data that depend on it",
    )
    NOT_SEARCHED = (
        "not_searched",
        "other parameters of the same density were not looked for",
        "look at fewer parameters at a time",
    )
    # -- limits and laws
    TRUNCATED = (
        "truncated",
        "part of an integral or series is missing",
        "give the range that is missing",
    )
    EXTRAPOLATED = (
        "extrapolated",
        "the number rests on a fit beyond what was measured",
        "measure further",
    )
    POOR_COLLAPSE = (
        "poor_collapse",
        "the curves do not fall on one within their errors",
        "leave out the smallest sizes, or add a correction to scaling",
    )
    UNREALISABLE = (
        "unrealisable",
        "no parameter of the model is the truth",
        "compare models by held-out loss as well",
    )
    # -- algebra
    ONLY_BOUNDS = (
        "only_bounds",
        "bounds were proved and not the value",
        "take the bounds, or give the search more time",
    )
    UNDECIDED = (
        "undecided",
        "neither a proof nor a counterexample was found",
        "take the bounds in the message, or another tolerance or domain",
    )
    SMALLER_ELSEWHERE = (
        "smaller_elsewhere",
        "the learning coefficient is that of one point, and another zero of K has a smaller one",
        "ask for all points, or for the box that the prior covers",
    )
    NOT_PROVED = (
        "not_proved",
        "no proof of the value is known",
        "check it against an independent reading",
    )
    # -- local learning coefficients
    ABOVE_TOLERANCE = (
        "above_tolerance",
        "the standard error is above the tolerance",
        "raise max_steps, or give a larger tolerance",
    )
    NOT_A_MINIMUM = (
        "not_a_minimum",
        "the loss falls away from the parameters at which it was measured",
        "train further; or use reference='self', for which every point is a minimum",
    )
    LOWER_NEARBY = (
        "lower_nearby",
        "a lower minimum lies within reach of the chains",
        "take a larger gamma, or go to that minimum",
    )
    DEPENDS_ON_GAMMA = (
        "depends_on_gamma",
        "the learning coefficient depends on gamma as much as on the network",
        "report gamma with the number, and compare only numbers of the same gamma",
    )
    MINIBATCH_NOISE = (
        "minibatch_noise",
        "the noise of minibatches heats the chains",
        "take a larger batch_size or largest_batch",
    )
    STEPS_TOO_LONG = (
        "steps_too_long",
        "Langevin steps were too long for how the loss changes",
        "take sampler='hmc', which judges every step on all samples",
    )
    RARE_EXCURSIONS = (
        "rare_excursions",
        "the number rests on few visits to places of higher loss",
        "raise max_steps",
    )
    RARE_SAMPLES = (
        "rare_samples",
        "minibatches have not met every sample often enough",
        "raise max_steps or batch_size, or take sampler='hmc'",
    )
    CONSTANT_LOSS = (
        "constant_loss",
        "no sampled parameter changes the loss within reach of the tie",
        "check that the layers are used and that evaluation mode has not merged them",
    )
    UNFELT_PARAMETERS = (
        "unfelt_parameters",
        "the loss does not depend on some of the sampled parameters",
        "check that they are used; they count as flat directions",
    )
    SAMPLED_PARAMETERS = (
        "sampled_parameters",
        "which parameters are sampled may not be what was meant",
        "choose them by only=",
    )
    NUMBER_TYPE = (
        "number_type",
        "the network is evaluated in another number type than its own",
        "nothing, if this is intended",
    )
    SLOW = (
        "slow",
        "the number is right, but took longer than it had to",
        "change what the message names, if time matters",
    )
    UNFINISHED = (
        "unfinished",
        "some of the work is not done yet",
        "make the same call again when the other processes have ended, or give it more steps",
    )
    TOO_FEW_POINTS = (
        "too_few_points",
        "stages were not looked for, because too few points in a row can be trusted",
        "measure more checkpoints, or each with more steps",
    )


@dataclass(frozen=True)
class Caution:
    """A reason and the sentence that says what was seen, with its numbers.

    >>> caution = Caution(Reason.POOR_MIXING, "2 of 30 rungs kept 0.9 of their rank correlation")
    >>> print(caution)
    poor_mixing: 2 of 30 rungs kept 0.9 of their rank correlation
    >>> caution.to_dict()["reason"], caution.what_to_do
    ('poor_mixing', 'run longer, or with more particles or moves')
    """

    reason: Reason
    message: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"

    @property
    def what_to_do(self) -> str:
        """What helps against this reason in general; the message may say it more closely."""
        return self.reason.what_to_do

    def to_dict(self) -> dict[str, str]:
        """``{"reason": …, "message": …}`` for machines."""
        return {"reason": str(self.reason), "message": self.message}

    @classmethod
    def from_dict(cls, document: dict[str, str]) -> Caution:
        """The inverse of ``to_dict``.

        Returns:
            The caution that was written.

        Raises:
            ValueError: a reason that is not listed.
        """
        return cls(Reason(document["reason"]), document["message"])

    def of(self, what: str) -> Caution:
        """The same, with what it belongs to before the message: ``of("K = 3")``."""
        return Caution(self.reason, f"{what}: {self.message}")


def said(cautions: tuple[Caution, ...], indent: str = "  ") -> list[str]:
    """One line for each caution, as answers print them beneath their numbers.

    Returns:
        One line per caution.

    >>> said((Caution(Reason.PLATEAU, "V jumps at 0.1"),))
    ['  warning: plateau: V jumps at 0.1']
    """
    return [f"{indent}warning: {caution}" for caution in cautions]
