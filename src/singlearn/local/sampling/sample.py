"""Which chains are run: exact ones where every sample can be used in every step, Langevin steps on
minibatches elsewhere.
"""

from __future__ import annotations

from dataclasses import replace

from singlearn.local.chains import Chains
from singlearn.local.sampling.agreement import diverged
from singlearn.local.sampling.discretisation import step_errors
from singlearn.local.sampling.hamiltonian import sample_hmc
from singlearn.local.sampling.sampled import Progress, Sampled, Start
from singlearn.local.sampling.sgld import RETRIES, found_lower, sample_sgld
from singlearn.local.target import Target, Tempering
from singlearn.results.caution import Caution, Reason

ALONGSIDE = 20
"""Multiplications that a loss costs beside those that are counted: functions of single numbers, and
the way back.
"""
SMALL = 250_000
"""Samples × multiplications of one loss, up to which a gradient of all samples costs at most about
twice the overhead of a step.
"""
LARGE = 30_000_000
"""The same, beyond which nobody waits for exact chains."""
FEWEST_GRADIENTS = 1000


def sample(
    target: Target,
    tempering: Tempering,
    settings: Chains,
    progress: Progress | None = None,
    start: Start | None = None,
) -> Sampled:
    """Chains of the sampler that was asked for; by default exact where that is cheap, or where
    Langevin steps failed and it can be paid.

    Args:
        target: the model at w*.
        tempering: nβ and γ.
        settings: of the run; ``sampler`` is ``"auto"``, ``"sgld"`` or ``"hmc"``.
        progress: called with steps done, steps allowed, and the mean excess.
        start: where chains begin that were run before, under another tempering.
    """
    size = target.samples * (target.cost + ALONGSIDE)
    if settings.sampler == "hmc" or (settings.sampler == "auto" and size <= SMALL):
        return sample_hmc(target, tempering, settings, progress, start)
    gradients = settings.max_steps * min(settings.largest_batch, target.samples) // target.samples
    payable = settings.sampler == "auto" and size <= LARGE and gradients >= FEWEST_GRADIENTS
    retries = 0 if payable else RETRIES
    langevin = sample_sgld(target, tempering, settings, progress, retries, start)
    why = _failed(langevin, target, tempering) if payable else []
    if not why:
        return langevin
    exact = sample_hmc(target, tempering, replace(settings, max_steps=gradients), progress)
    note = Caution(
        Reason.STEPS_TOO_LONG,
        f"Langevin steps failed ({'; '.join(why)}), so chains were run again with all samples in "
        "every step (hmc)",
    )
    return replace(exact, steps=exact.steps + langevin.steps, notes=(note,))


def _failed(sampled: Sampled, target: Target, tempering: Tempering) -> list[str]:
    left = diverged(sampled.traces, target.dimension, tempering.gamma)
    if left:
        return [] if found_lower(sampled.traces, left) else ["a chain was thrown out"]
    return step_errors(sampled.traces, sampled.virial, float(sampled.traces.excess.mean()))
