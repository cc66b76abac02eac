"""Losses of single samples along chains, for the whole network and for parts of it: what
susceptibilities and influence are read from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from singlearn.local.chains import DEFAULT_BATCH, Chains
from singlearn.local.checks.unfelt import unfelt
from singlearn.local.influence.results import CAUTIONS, LossChains
from singlearn.local.llc import one_tie, tempered
from singlearn.local.measuring.measurements import measure
from singlearn.local.names import AUTO, Selection, Tie
from singlearn.local.network import Network
from singlearn.local.sampling.agreement import diverged
from singlearn.local.sampling.expected_time import watched
from singlearn.local.sampling.sample import sample
from singlearn.local.sampling.sampled import Progress, Sampled
from singlearn.local.target import Target, Tempering
from singlearn.local.verdict.result import LocalLearningCoefficient
from singlearn.local.verdict.status import Status
from singlearn.local.verdict.verdict import verdict
from singlearn.running.arguments import whole_number

USELESS = (Status.DIVERGED, Status.NOT_LOCAL_MINIMUM)
WHOLE: Mapping[str, Selection] = {"all": None}


def loss_chains(
    model: Any,
    loss: Callable[..., Any],
    data: Any,
    components: Mapping[str, Selection] = WHOLE,
    shifts: Mapping[str, Any] | None = None,
    *,
    parameters: Any = None,
    gamma: Tie = AUTO,
    nbeta: float | int | None = None,
    chains: int = 8,
    batch_size: int = DEFAULT_BATCH,
    largest_batch: int = 4096,
    tolerance: float = 0.05,
    max_steps: int = 20_000,
    draws: int = 400,
    seed: int = 0,
    progress: Progress | bool | None = None,
) -> LossChains:
    r"""Sample around w* as ``llc`` does and write down :math:`ℓ_i(w) - ℓ_i(w^*)` of every sample i,
    at ``draws`` points of every chain.

    One run serves :func:`susceptibilities` and :func:`influence`. Each component is sampled by
    itself, all other parameters staying at w*. Recording begins where the run of ``llc`` ends, with
    the step frozen, and takes as many steps again.

    Args:
        model, loss, data, parameters, nbeta, chains, batch_size, largest_batch: as for ``llc``.
        tolerance, max_steps, seed: as for ``llc``.
        gamma: as for ``llc``. One γ serves all components: where it is to be chosen, it is chosen
            once, for the whole network.
        components: by name, which parameters are sampled (a pattern, several, masks by name, or
            ``None`` for all).
        shifts: by name, samples of other distributions, in the form of ``data``.
        draws: recorded of each chain.
        progress: as for ``llc``.

    Returns:
        ``loss`` (component, chain, draw, sample) and ``loss_NAME`` for every shift, in nats above
        w*; ``learning_coefficient``, its ``standard_error`` and ``status`` by component. A
        component whose chains diverged, or for which w* is no minimum, holds NaN. It takes
        components × chains × draws × samples × 8 bytes.

    Raises:
        ValueError: no component, fewer than 8 draws, and as ``llc`` does.
    """
    asked = Chains(
        gamma=gamma,
        nbeta=nbeta,
        chains=chains,
        batch_size=batch_size,
        largest_batch=largest_batch,
        tolerance=tolerance,
        max_steps=max_steps,
        seed=seed,
    )
    draws = whole_number("draws", draws, at_least=8, why="covariances need them")
    for name, value in (("components", components), ("shifts", shifts or {})):
        if not isinstance(value, Mapping):
            raise ValueError(
                f"{name}: got {type(value).__name__}; it should be a dictionary by name"
            )
    if not components:
        raise ValueError("components: got none; at least one is needed, such as {'all': None}")
    given = {} if shifts is None else dict(shifts)
    brought = Network(model, loss, data, parameters)
    asked = one_tie(asked, lambda tie: brought.target(tie, asked.nbeta))
    found, recorded = [], []
    with watched(progress, "loss_chains", len(components)) as watch:
        for only in components.values():
            target = replace(brought, only=only).target(asked.gamma, asked.nbeta)
            tempering = tempered(target, asked)
            run = sample(watch.clocked(target, asked.max_steps), tempering, asked, watch.report)
            felt = unfelt(target, asked.seed)
            measured = measure(target, tempering, run, felt, asked.seed)
            found.append(verdict(measured, asked.tolerance))
            recorded.append(_record(target, tempering, run, found[-1], draws, given))
    names = ["", *given]
    variables: dict[str, Any] = {
        f"loss_{name}" if name else "loss": (
            ("component", "chain", "draw", f"sample_{name}" if name else "sample"),
            np.stack([own[i] for own in recorded]),
            {"units": "nats above w*"},
        )
        for i, name in enumerate(names)
    }
    variables["learning_coefficient"] = ("component", [own.value for own in found])
    variables["standard_error"] = ("component", [own.standard_error for own in found])
    variables["status"] = ("component", [str(own.status) for own in found])
    cautions = tuple(
        caution.of(name)
        for name, own in zip(components, found, strict=True)
        for caution in own.cautions
    )
    first = found[0]
    attributes = {
        "nbeta": first.nbeta,
        "gamma": first.gamma,
        "samples": first.samples,
        "shifts": list(given),
        CAUTIONS: [str(caution) for caution in cautions],
    }
    chains_of = {"component": list(components)}
    return LossChains(xr.Dataset(variables, coords=chains_of, attrs=attributes), cautions)


def _record(
    target: Target,
    tempering: Tempering,
    sampled: Sampled,
    found: LocalLearningCoefficient,
    draws: int,
    shifts: Mapping[str, Any],
) -> list[np.ndarray]:
    """Own samples first, then every shift: chains × draws × samples each; NaN throughout if the
    chains are of no use.
    """
    thinning = max(1, sampled.traces.excess.shape[1] // draws)
    state, rows = target.begin(sampled.started_away, 0), []
    for _ in range(draws):
        if found.status not in USELESS:
            state, traces = sampled.record(thinning)
            if diverged(traces, target.dimension, tempering.gamma):
                raise ValueError(
                    "gamma: a chain diverged while losses were recorded; a larger gamma keeps "
                    "chains near w*"
                )
        rows.append([target.losses(state, data) for data in (None, *shifts.values())])
        if found.status in USELESS:
            return [np.full((len(sampled.step), draws, part.shape[1]), np.nan) for part in rows[0]]
    return [np.stack(column, axis=1) for column in zip(*rows, strict=True)]
