"""``llc``: the local learning coefficient of a trained network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from singlearn.local.chains import DEFAULT_BATCH, Chains
from singlearn.local.checks.own_function import Reference, reference_of
from singlearn.local.checks.unfelt import unfelt
from singlearn.local.gamma import times
from singlearn.local.measuring.gamma_reach import weakened
from singlearn.local.measuring.measurements import Setting, measure
from singlearn.local.names import AUTO, Selection, Tie
from singlearn.local.network import Network
from singlearn.local.sampling.expected_time import Watch, watched
from singlearn.local.sampling.sample import sample
from singlearn.local.sampling.sampled import Progress
from singlearn.local.target import Target, Tempering
from singlearn.local.tokens import Tokens
from singlearn.local.verdict.result import LocalLearningCoefficient
from singlearn.local.verdict.verdict import of_a_constant_loss, verdict


def llc(
    model: Any,
    loss: Callable[..., Any],
    data: Any,
    *,
    parameters: Any = None,
    only: Selection = None,
    gamma: Tie = AUTO,
    nbeta: float | int | None = None,
    sampler: Literal["auto", "sgld", "hmc"] = "auto",
    chains: int = 8,
    batch_size: int = DEFAULT_BATCH,
    largest_batch: int = 4096,
    tolerance: float = 0.02,
    max_steps: int = 100_000,
    chains_at_once: int | None = None,
    compile: bool = False,
    reference: Reference = "loss",
    tokens: Tokens = None,
    seed: int = 0,
    progress: Progress | bool | None = None,
) -> LocalLearningCoefficient:
    r"""Local learning coefficient at the model's present parameters w* (Lau et al. 2023
    [lau2023local]_).

    .. math:: \hat λ(w^*) = nβ \left( E[L_n(w)] - L_n(w^*) \right), \qquad
        w ∼ \exp\left(-nβ L_n(w) - \tfrac{γ}{2} |w - w^*|^2\right).

    Every minibatch is evaluated at the chain and at w*, and the difference is averaged. The step,
    the batch and the number of steps are found by the run; ``status`` says whether the number can
    be trusted.

    Args:
        model: a ``torch.nn.Module``, or a pure function ``model(parameters, x)`` of JAX arrays.
        loss: per sample, in nats for a likelihood: ``loss(output, target)``; for PyTorch also
            ``loss(model, batch)``.
        data: tensors with a common first axis, inputs then target, or for PyTorch a ``Dataset``,
            ``DataLoader`` or Hugging Face data set. All of it is held in memory.
        parameters: w* as a pytree, for JAX only.
        only: the parameters to sample: a pattern of names (``"layers.3.attn.*"``), a part of a
            transformer (``"l0h3"``, ``"l0h3 q"``, ``"l0 attn"``, ``"l1 mlp"``, ``"embed"``,
            ``"unembed"``: :mod:`singlearn.local.components`), a union of them (``"l0h3 + l1 mlp"``,
            or a list), or masks by name; the others stay at w*.
        gamma: γ > 0, the tie to w*, in units of 1/parameter². A chain stays within about
            :math:`\sqrt{d/γ}`. λ̂ depends on it, and a smaller γ needs many more steps. ``"auto"``:
            10 for weights of order one, 10 over the mean square for each tensor of smaller or
            larger ones (:func:`singlearn.local.gamma.choose_gamma`), less where the tie would
            outweigh the loss; the result says which γ was used. By name,
            ``{"layers.0.*": 4.0, "*": 1.0}``, with numbers or arrays; distances are then in units
            of the tie, :math:`γ_i^{-1/2}`. Of patterns that overlap the first counts.
        nbeta: nβ; by default n / log n.
        sampler: ``"hmc"``: exact, on all samples (``max_steps`` then counts gradients of each
            chain); ``"sgld"``: Langevin steps on minibatches; ``"auto"``: exact where all samples
            cost no more than the overhead of a step, or where Langevin steps turn out to be too
            long for the loss and using all samples is affordable, else Langevin.
        chains: at least 4, half of which start at w* and half at :math:`w^* + N(0, 1/γ)`.
        batch_size: of the first minibatches; raised when their noise heats the chains.
        largest_batch: largest minibatch; beyond it the step is made smaller instead.
        tolerance: wanted relative standard error.
        max_steps: largest number of steps of each chain; further steps at twice and at half of γ,
            about a third of the counted ones, are not included.
        chains_at_once: PyTorch: upper limit on chains evaluated together. What would take more
            than a quarter of the memory is evaluated in pieces anyway.
        compile: PyTorch: compile what is evaluated more than a thousand times. A minute of
            compilation for steps twice as fast: for long runs. Without a working compiler the run
            goes on as it would have.
        reference: ``"loss"``: the excess of the loss over that at w*, whose λ is defined where w*
            is a minimum. ``"self"``: the divergence of the network from its own function,
            :math:`K(w) = \frac12 E|f_w - f_{w^*}|^2` for :math:`\frac12|output - target|^2` (with
            the same factor as the loss), the Kullback-Leibler divergence
            :math:`E\,KL(p_{w^*} \| p_w)` for cross entropy of class labels or of logits. Every w*
            is then an exact minimum, at a saddle of the loss too, and λ̂ says how degenerate the
            function at w* is. Which divergence belongs to a loss is found from its values at
            random outputs.
        tokens: where the loss gives one number per token, of shape (samples, tokens), what the loss
            of a sample is: their ``"mean"`` or their ``"sum"``. The two have different λ̂, so there
            is no default.
        seed: same seed, same numbers.
        progress: a function that is called with the steps done, ``max_steps`` and the present λ̂;
            or ``True`` for a bar on standard error. By default there is a bar in a notebook or on
            a terminal, and elsewhere one line that says how long a long run takes at most;
            ``False``: nothing is shown.

    Returns:
        λ̂ with its error, status and diagnostics.

    Raises:
        ValueError: an argument out of range, fewer samples than ``batch_size``, a loss already
            averaged over the batch or random, parameters or losses that are not finite; with
            ``reference="self"`` a loss whose divergence is not known.
    """
    asked = Chains(
        gamma=gamma,
        nbeta=nbeta,
        sampler=sampler,
        chains=chains,
        batch_size=batch_size,
        largest_batch=largest_batch,
        tolerance=tolerance,
        max_steps=max_steps,
        seed=seed,
    )
    brought = Network(
        model, loss, data, parameters, only, reference_of(reference), chains_at_once, compile,
        tokens,
    )  # fmt: skip
    with watched(progress, "llc") as watch:
        return coefficient_of(brought, asked, watch)


def coefficient_of(brought: Network, asked: Chains, watch: Watch) -> LocalLearningCoefficient:
    """λ̂ of a network at w*: take it in, temper, sample, measure, and then the verdict.

    Args:
        brought: the network, its loss and its data.
        asked: of the chains.
        watch: what the sampler reports to.

    Returns:
        λ̂ with its error, status and diagnostics.
    """
    target, reference = brought.target(asked.gamma, asked.nbeta), brought.reference
    tempering = tempered(target, asked)
    felt = unfelt(target, asked.seed)
    if felt.everything:
        return of_a_constant_loss(
            Setting.of(target, tempering),
            felt,
            asked.chains,
            asked.batch_size,
            asked.sampler,
            reference,
        )
    sampled = sample(watch.clocked(target, asked.max_steps), tempering, asked, watch.report)
    measured = measure(target, tempering, sampled, felt, asked.seed)
    return verdict(measured, asked.tolerance, reference)


def tempered(target: Target, asked: Chains) -> Tempering:
    """The posterior whose chains are run: the one place where nβ and γ become numbers.

    Raises:
        ValueError: a batch that is larger than the data.
    """
    return asked.of_samples(target.samples).tempering(target.samples, tie(target, asked))


def tie(target: Target, asked: Chains) -> float:
    """γ on the coordinates of the target's chains; one that was chosen is weakened where the loss
    does not feel it.
    """
    if asked.gamma != AUTO:
        return target.gamma
    nbeta = asked.tempering(target.samples, target.gamma).nbeta
    return target.gamma * weakened(target, nbeta, asked.seed)


def one_tie(asked: Chains, target: Callable[[Tie], Target]) -> Chains:
    """Chains with one γ for all points of a sweep, or their λ̂ could not be compared; where it is
    to be chosen, it is chosen once.

    Args:
        asked: as the caller said.
        target: makes the target from which γ is chosen, tied as its argument says.

    Returns:
        The same, or with what was chosen for γ: a number, or numbers by name.
    """
    if asked.gamma != AUTO:
        return asked
    found = target(AUTO)
    return asked.tied(times(found.tie, tie(found, asked) / found.gamma))
